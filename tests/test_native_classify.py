"""Content classes, told natively: what storeff.sources.content says, of any bytes."""

import random
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.contents import WRITTEN

from storeff import _native
from storeff.sources.content import CLASSES, ENTROPY_BYTES, PROBE_BYTES, Classifier, classify

CLASSIFIER = Classifier()
NOISE = random.Random(2).randbytes(2 * PROBE_BYTES)
# Of formats that are told by bytes at a place of their own.
PLACED = [(257, b"ustar"), (128, b"DICM"), (512, b"\x89HDF\r\n\x1a\n"), (4, b"ftypheic")]
PIECES = [
    *(content[:300] for content, _ in WRITTEN.values()),
    *(b"PK\x03\x04", b"RIFF", b"WEBP", b"BM", b"BZh91AY&SY", b"MZ", b"PE\0\0", b"ftyp", b"avif"),
    *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"),
    *(b"{", b"}", b"[", b'"', b" \n\t\v", b"-1.5e3", b"true", b"null", b",", b"]"),
    *(b"\x1b", b"\x7f", b"\0", b"\x06", b"\x0e", b"G" + b"x" * 187, "é日本".encode()),
    *(NOISE[:500], bytes(100), b"text " * 20, "text".encode("utf-16-le") * 10),
]
# Around the ends of what UTF-8 writes in one byte, in two, in three and in four.
LETTERS = [
    *map(chr, range(0x20, 0x180)),
    *map(chr, range(0x7F0, 0x810)),
    *map(chr, range(0xD7F0, 0xD800)),
    *map(chr, range(0xE000, 0xE010)),
    *map(chr, range(0xFFF0, 0x10010)),
    *map(chr, range(0x10FFF0, 0x110000)),
]


def told(heads: list[bytes], sizes: list[int]) -> npt.NDArray[np.uint8]:
    lengths = np.array([len(head) for head in heads], np.int64)
    arena = b"".join(heads)
    return CLASSIFIER.native.classify(
        arena, np.cumsum(lengths) - lengths, lengths, np.array(sizes, np.int64)
    )


def assert_is_the_definition(head: bytes, size_bytes: int) -> None:
    [number] = told([head], [size_bytes])
    if number != _native.ASK:
        assert CLASSES[number] == classify(head, b"file", size_bytes)


def test_the_classes_are_numbered_alike() -> None:
    assert len(CLASSES) == _native.CLASSES
    headers = {"zip", "word", "torch", "npz"}
    for kind, (content, expected) in WRITTEN.items():
        [number] = told([content[:PROBE_BYTES]], [len(content)])
        assert (number == _native.ASK) == (kind in headers), kind
        assert number == _native.ASK or CLASSES[number] == expected, kind


@pytest.mark.parametrize("kind", WRITTEN)
def test_heads_of_any_length_are_told_by_the_definition(kind: str) -> None:
    content = WRITTEN[kind][0]
    for length in {*range(min(len(content), 40)), 62, 63, 64, 131, 132, 261, 262, 300, 4096, 32774}:
        assert_is_the_definition(content[:length], len(content))


@given(
    pieces=st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=8),
    placed=st.none() | st.sampled_from(PLACED),
    size_bytes=st.integers(0, (1 << 63) - 1) | st.integers(0, 3000),
)
@example(pieces=[b"MZ", bytes(58), b"\x3e\0"], placed=None, size_bytes=62)
@example(pieces=[b"BM", struct.pack("<I", 7)], placed=None, size_bytes=(1 << 32) + 7)
@example(pieces=[b"RIFFftyp"], placed=None, size_bytes=8)
@example(pieces=[b"RIFFftypWAVE"], placed=None, size_bytes=12)
@example(pieces=[struct.pack("<Q", 2) + b"{}"], placed=None, size_bytes=10)
@example(pieces=[b"\xff\xfe" + b"a\0" * 2 + bytes(4)], placed=None, size_bytes=10)
def test_any_bytes_are_told_by_the_definition(
    pieces: list[bytes], placed: tuple[int, bytes] | None, size_bytes: int
) -> None:
    head = b"".join(pieces)
    if placed is not None:
        at, what = placed
        head = head[:at].ljust(at, b"\1") + what + head[at:]
    assert_is_the_definition(head[:PROBE_BYTES], size_bytes)


@given(
    length=st.integers(200, ENTROPY_BYTES + 300),
    values=st.integers(225, 256),
    zeros=st.floats(0.0, 0.06),
    seed=st.integers(0, 1 << 30),
)
def test_noise_is_told_by_the_same_sum(length: int, values: int, zeros: float, seed: int) -> None:
    source = np.random.default_rng(seed)
    content = (source.integers(0, values, length) + 7) % 256
    content[source.random(length) < zeros] = 0
    # Not text, nor of any magic number.
    assert_is_the_definition(b"\x01\x02" + content.astype(np.uint8).tobytes(), length + 2)


@given(
    text=st.text("".join(LETTERS), max_size=400), cut=st.integers(0, 8), repeat=st.integers(1, 60)
)
def test_text_is_told_by_the_same_rules(text: str, cut: int, repeat: int) -> None:
    for encoding in ("utf-8", "utf-16", "latin-1"):
        content = (text * repeat).encode(encoding, "replace")
        assert_is_the_definition(content[: len(content) - cut][:PROBE_BYTES], len(content))


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.integers(0, 5000)), max_size=9))
def test_heads_of_a_batch_do_not_depend_on_each_other(heads: list[tuple[bytes, int]]) -> None:
    contents, sizes = [head for head, _ in heads], [size for _, size in heads]
    alone = [int(told([head], [size])[0]) for head, size in heads]
    assert told(contents, sizes).tolist() == alone


def test_threads_tell_alike() -> None:
    contents = [content[:PROBE_BYTES] for content, _ in WRITTEN.values()]
    sizes = [len(content) for content, _ in WRITTEN.values()]
    expected = told(contents, sizes).tolist()
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: told(contents, sizes).tolist(), range(8)):
            assert found == expected


@pytest.mark.parametrize(
    ("offset", "length", "size_bytes"),
    [(-1, 1, 1), (0, 11, 11), (11, 0, 0), (5, -1, 1), (0, 1, -1)],
)
def test_heads_outside_the_arena_are_refused(offset: int, length: int, size_bytes: int) -> None:
    columns = [np.array([value]) for value in (offset, length, size_bytes)]
    with pytest.raises(ValueError, match=r"outside the arena|bytes"):
        CLASSIFIER.native.classify(bytes(10), *columns)


def test_there_must_be_all_columns() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    for columns in ((two, one, one), (one, two, one), (one, one, two)):
        with pytest.raises(ValueError, match="each head"):
            CLASSIFIER.native.classify(bytes(10), *columns)


@pytest.mark.parametrize(
    ("magics", "logs"),
    [
        ([(b"", 1)], 1),
        ([(b"x" * 33, 1)], 1),
        ([(b"x", len(CLASSES))], 1),
        ([(b"x", -1)], 1),
        ([], 0),
        ([], (1 << 16) + 1),
    ],
)
def test_what_a_classifier_cannot_hold_is_refused(
    magics: list[tuple[bytes, int]], logs: int
) -> None:
    with pytest.raises(ValueError, match=r"magic number|content class|logarithms"):
        _native.Classifier(magics, np.zeros(logs, np.int64), 1)
