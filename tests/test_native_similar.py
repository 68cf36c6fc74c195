"""Features of chunks, and the sketch that keeps whole groups of similar ones."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle

from storeff import _native

BLOCK_BYTES = 256
RANDOM = random.Random(4).randbytes(20_000)


def contents() -> st.SearchStrategy[bytes]:
    """Stretches of one random text, and runs: chunks that share some windows."""
    stretch = st.builds(
        lambda at, n: RANDOM[at : at + n], st.integers(0, 2000), st.integers(0, 700)
    )
    run = st.builds(lambda n: b"\0" * n, st.integers(0, 200))
    return st.lists(stretch | run | st.binary(max_size=40), max_size=4).map(b"".join)


def native_features(data: bytes, kernel: str) -> tuple[int, list[int]] | None:
    found = _native.features(data, kernel)
    return None if found is None else (found[0], found[1].tolist())


@pytest.mark.parametrize("kernel", _native.kernels())
@given(data=contents())
def test_features_are_the_oracles(kernel: str, data: bytes) -> None:
    assert native_features(data, kernel) == oracle.features(data)


@pytest.mark.parametrize("kernel", _native.kernels())
@pytest.mark.parametrize("length", [0, 31, 32, 94, 95, 96, 159, 4126, 4127, 4128, 12_000])
def test_features_around_the_lanes_and_blocks_of_a_kernel(kernel: str, length: int) -> None:
    for start in range(4):
        data = RANDOM[start : start + length]
        assert native_features(data, kernel) == oracle.features(data)


@pytest.mark.parametrize("kernel", _native.kernels())
def test_zeros_have_no_features(kernel: str) -> None:
    assert _native.features(bytes(100_000), kernel) is None


def test_the_share_of_common_features_is_that_of_common_windows() -> None:
    shared = random.Random(5).randbytes(60_000)
    other = [random.Random(n).randbytes(20_000) for n in (6, 7)]
    a, b = (_native.features(shared + tail) for tail in other)
    assert a is not None
    assert b is not None
    # 60 of 100 windows are common; 16 features tell that to within a few of them.
    assert 5 <= np.count_nonzero(a[1] == b[1]) <= 14


# ---- the sketch ----


def blocks_of(draw: random.Random, kinds: int) -> list[bytes]:
    """Files of a few blocks, each near one of ``kinds`` blocks."""
    files = []
    for _ in range(draw.randrange(1, 30)):
        file = b""
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(kinds) * 300
            block = bytearray(RANDOM[at : at + BLOCK_BYTES])
            if draw.random() < 0.5:
                block[draw.randrange(BLOCK_BYTES)] ^= draw.randrange(1, 4)
            file += block
        files.append(file)
    return files


def similar_of(files: list[tuple[int, bytes]], capacity: int, seed: int) -> _native.Similar:
    scanner = _native.Scanner([(BLOCK_BYTES, BLOCK_BYTES, 4, False)], 0)
    similar = _native.Similar(capacity, seed)
    scanner.set_similar(0, similar)
    for number, content in files:
        scanner.scan_contents(content, [(0, len(content), 1, number, 0, 0, len(content), 0.0)])
    return similar


def rows(similar: _native.Similar) -> tuple[list[tuple[object, ...]], int]:
    members, tau = similar.export()
    return [
        (m["rank"], m["group"], *m["key"], m["size"], m["count"], m["beyond"], m["file"],
         m["offset"], *m["features"])
        for m in members
    ], tau  # fmt: skip


def expected(files: list[tuple[int, bytes]], capacity: int, seed: int) -> object:
    twin = oracle.Similar(capacity, seed)
    for number, content in files:
        for offset in range(0, len(content), BLOCK_BYTES):
            twin.add(content[offset : offset + BLOCK_BYTES], number, offset)
    members, tau = twin.export()
    return [
        (m.rank, m.group, *m.key, m.size, len(m.places), m.beyond, *min(m.places), *m.features)
        for m in members
    ], tau


@given(
    draw=st.randoms(use_true_random=False),
    kinds=st.integers(1, 30),
    capacity=st.integers(1, 60),
    seed=st.integers(0, 2**64 - 1),
)
def test_the_sketch_is_the_oracles_whatever_the_order_and_the_split(
    draw: random.Random, kinds: int, capacity: int, seed: int
) -> None:
    files = list(enumerate(blocks_of(draw, kinds)))
    once = rows(similar_of(files, capacity, seed))
    assert once == expected(files, capacity, seed)
    shuffled = draw.sample(files, len(files))
    parts = [similar_of(shuffled[i::3], capacity, seed) for i in range(3)]
    left = _native.Similar(capacity, seed)
    for i in (0, 1, 2):
        left.merge(*parts[i].export())
    right = _native.Similar(capacity, seed)
    for i in (2, 1, 0):
        right.merge(*parts[i].export())
    assert rows(left) == rows(right) == once


def near_copies(count: int) -> list[tuple[int, bytes]]:
    """Files of one block each that agree in all samples and differ in two bytes."""
    block = bytearray(next(
        RANDOM[i : i + BLOCK_BYTES] for i in range(0, 9000, 50)
        if oracle.features(RANDOM[i + 2 : i + BLOCK_BYTES])
        and oracle.features(RANDOM[i : i + BLOCK_BYTES])
        == oracle.features(RANDOM[i + 2 : i + BLOCK_BYTES])
    ))  # fmt: skip
    files = []
    for n in range(count):
        block[:2] = n.to_bytes(2, "little")
        files.append((n, bytes(block)))
    return files


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_of_a_large_group_the_smallest_keys_are_kept_and_the_rest_counted(parts: int) -> None:
    files = near_copies(200) * 2
    similar = _native.Similar(500, 9)
    for i in range(parts):
        similar.merge(*similar_of(files[i::parts], 70, 9).export())
    assert rows(similar) == expected(files, 500, 9)
    members, _ = similar.export()
    largest = members[members["beyond"] > 0]
    assert len(largest) == 1
    group = members[members["group"] == largest["group"][0]]
    assert len(group) == _native.GROUP_MEMBERS_MAX
    assert int(largest["beyond"][0]) > 250


def test_new_files_are_told_once() -> None:
    similar = similar_of([(5, RANDOM[:1024]), (6, RANDOM[1024:2048])], 10, 0)
    assert similar.new_files() == [5, 6]
    assert similar.new_files() == []


def test_a_scanner_without_it_finds_the_same() -> None:
    plain, watched = (_native.Scanner([(40, 88, 4, False)], 0) for _ in range(2))
    watched.set_similar(0, _native.Similar(4, 0))
    for scanner in (plain, watched):
        scanner.scan_contents(RANDOM, [(0, len(RANDOM), 1, 1, 0, 0, len(RANDOM), 0.0)])
    assert str(plain.export(0)) == str(watched.export(0))


@pytest.mark.parametrize("capacity", [0, 2**24 + 1])
def test_a_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="holds 1 to 2\\^24"):
        _native.Similar(capacity, 0)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_chunkers_without_a_fingerprint_of_the_content_are_refused(index: int) -> None:
    chunkers = [(0, 0, 4, False), *((n, n, 4, False) for n in (512, 256, 128))]
    scanner = _native.Scanner(chunkers, 0)
    with pytest.raises(ValueError, match="chunker"):
        scanner.set_similar(index, _native.Similar(4, 0))


def test_only_what_was_exported_is_absorbed() -> None:
    similar = _native.Similar(4, 0)
    with pytest.raises(ValueError, match="export"):
        similar.merge(np.zeros(3, np.uint64), 5)
    members, _ = similar.export()
    with pytest.raises(ValueError, match="tau"):
        similar.merge(members, 2**63 + 1)


def test_a_scanner_takes_one_sketch() -> None:
    scanner = _native.Scanner([(256, 256, 4, False)], 0)
    scanner.set_similar(0, _native.Similar(4, 0))
    with pytest.raises(ValueError, match="already"):
        scanner.set_similar(0, _native.Similar(4, 0))
