"""llama.cpp's saved states, written here as its November 2026 source writes them."""

import hashlib
import os
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff.sources.dumps.dump import Candidate, Dump, MalformedError, Tensor
from storeff.sources.dumps.llamacpp import looks_like, recognise
from storeff.sources.local_file import FileReader

F32, F16, Q4_0, Q4_1, Q8_0, BF16 = 0, 1, 2, 3, 8, 30
BLOCKS = {F32: (4, 1), F16: (2, 1), Q4_0: (18, 32), Q4_1: (20, 32), Q8_0: (34, 32), BF16: (2, 1)}
DTYPES = {F32: "f32", F16: "f16", Q4_0: "q4_0", Q4_1: None, Q8_0: "q8_0", BF16: "bf16"}


def bytes_of(seed: int, length: int) -> bytes:
    return np.random.default_rng(seed).bytes(length)


def cells(count: int, extension: int, sequences: Sequence[int] = (0,)) -> bytes:
    """Cells at positions 0, 1, ... that all belong to ``sequences``."""
    return b"".join(
        struct.pack("<iI", position, len(sequences))
        + bytes(extension)
        + struct.pack(f"<{len(sequences)}i", *sequences)
        for position in range(count)
    )


def cache(
    streams: Sequence[int] = (5,),
    layers: int = 3,
    channels: int = 64,
    kind: int = F16,
    transposed: bool = False,
    extension: int = 0,
    values: bool = True,
    sequences: Sequence[int] = (0,),
) -> tuple[bytes, list[bytes]]:
    """A cache with so many cells a stream, and the bytes of its arrays in order."""
    block_bytes, block_items = BLOCKS[kind]
    row = channels // block_items * block_bytes
    out, arrays = struct.pack("<I", len(streams)), []
    for count in streams:
        out += struct.pack("<I", count)
        if not count:
            continue
        out += cells(count, extension, sequences) + struct.pack("<II", transposed, layers)
        for layer in range(layers):
            arrays.append(bytes_of(layer, count * row))
            out += struct.pack("<iQ", kind, row) + arrays[-1]
        for layer in range(layers if values else 0):
            arrays.append(bytes_of(100 + layer, count * row))
            shape = ("<iII", kind, block_bytes, channels) if transposed else ("<iQ", kind, row)
            out += struct.pack(*shape) + arrays[-1]
    return out, arrays


def session(memory: bytes, tokens: Sequence[int] = (), version: int = 10) -> bytes:
    head = b"nsgg" + struct.pack(f"<II{len(tokens)}i", version, len(tokens), *tokens)
    return head + struct.pack("<I", 5) + b"llama" + memory


def sequence(memory: bytes, tokens: Sequence[int] = (), version: int = 3) -> bytes:
    return b"qsgg" + struct.pack(f"<II{len(tokens)}i", version, len(tokens), *tokens) + memory


def recurrent(cell_count: int = 1) -> bytes:
    """The state of llama-memory-recurrent.cpp: cells without sequences, rows R, rows S."""
    out = struct.pack("<I", cell_count) + struct.pack("<iI", 7, 0) * cell_count
    out += struct.pack("<II", 0, 4)
    for seed, row in ((1, 256), (2, 256), (3, 512), (4, 512)):
        out += struct.pack("<iQ", F32, row) + bytes_of(seed, row * cell_count)
    return out


def dump_of(content: bytes) -> Dump | None:
    fd = os.memfd_create("state")
    os.write(fd, content)
    with FileReader(fd, len(content), 0) as reader:
        return recognise(Candidate(b"dir/slot.bin", len(content), reader))


def found(content: bytes) -> Dump:
    dump = dump_of(content)
    assert dump is not None
    return dump


def held(content: bytes, tensor: Tensor) -> bytes:
    return content[tensor.offset : tensor.offset + tensor.length]


# What is recognised


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_array_is_found_bit_exact(kind: int) -> None:
    memory, arrays = cache(kind=kind, channels=128)
    content = session(memory, range(5))
    dump = found(content)
    assert (dump.system, dump.kind, dump.confidence) == ("llama.cpp", "kv", "exact")
    assert (dump.model, dump.tokens) == ("llama", 5)
    assert [held(content, tensor) for tensor in dump.tensors] == arrays
    assert {(t.dtype, t.axes, t.shape) for t in dump.tensors} == {
        (DTYPES[kind], ("token", "channel"), (5, 128))
    }
    assert [(t.holds, t.layer) for t in dump.tensors] == [
        *(("k", layer) for layer in range(3)),
        *(("v", layer) for layer in range(3)),
    ]


def test_a_transposed_v_has_its_channels_first() -> None:
    memory, arrays = cache(transposed=True)
    content = sequence(memory)
    tensors = found(content).tensors
    assert [held(content, tensor) for tensor in tensors] == arrays
    assert {(t.holds, t.axes, t.shape) for t in tensors} == {
        ("k", ("token", "channel"), (5, 64)),
        ("v", ("channel", "token"), (64, 5)),
    }


@pytest.mark.parametrize("extension", [0, 12])
@pytest.mark.parametrize("sequences", [(0,), (3,), (0, 1, 255)])
def test_cells_have_positions_sequences_and_multimodal_extensions(
    extension: int, sequences: tuple[int, ...]
) -> None:
    memory, arrays = cache(extension=extension, sequences=sequences)
    content = session(memory)
    assert [held(content, tensor) for tensor in found(content).tensors] == arrays


def test_many_cells_of_unequal_length_are_passed() -> None:
    memory, arrays = cache(streams=(20000,), layers=1, channels=4)
    mixed = b"".join(
        struct.pack("<iI", n, 1 + n % 3) + struct.pack("<3i", 0, 1, 2)[: 4 + 4 * (n % 3)]
        for n in range(20000)
    )
    content = session(memory.replace(cells(20000, 0), mixed))
    assert [held(content, tensor) for tensor in found(content).tensors] == arrays


def test_each_stream_has_its_own_arrays_and_empty_streams_none() -> None:
    memory, arrays = cache(streams=(4, 0, 9))
    content = session(memory)
    tensors = found(content).tensors
    assert [held(content, tensor) for tensor in tensors] == arrays
    assert [tensor.shape[0] for tensor in tensors] == [4] * 6 + [9] * 6


def test_keys_without_values_are_the_latents_of_mla() -> None:
    memory, arrays = cache(values=False, channels=576)
    content = sequence(memory)
    tensors = found(content).tensors
    assert [held(content, tensor) for tensor in tensors] == arrays
    assert {(t.holds, t.axes) for t in tensors} == {("latent", ("token", "latent"))}


def test_two_caches_of_a_sliding_window_have_no_layer_numbers() -> None:
    base, first = cache(layers=2)
    window, second = cache(layers=4, streams=(3,))
    content = session(base + window)
    tensors = found(content).tensors
    assert [held(content, tensor) for tensor in tensors] == first + second
    assert {tensor.layer for tensor in tensors} == {None}


def test_recurrent_state_after_a_cache_is_left_out() -> None:
    memory, arrays = cache(layers=2)
    content = session(memory + recurrent())
    dump = found(content)
    assert [held(content, tensor) for tensor in dump.tensors] == arrays
    assert "recurrent" in dump.why


def test_recurrent_state_alone_is_not_kv() -> None:
    dump = found(session(recurrent()))
    assert (dump.kind, dump.tensors) == ("opaque", ())
    assert "recurrent" in dump.why


def test_version_9_had_shorter_extensions() -> None:
    memory, arrays = cache(extension=8)
    content = session(memory, version=9)
    assert [held(content, tensor) for tensor in found(content).tensors] == arrays


@pytest.mark.parametrize("content", [session(b"?" * 99, version=9), session(b"", version=11)])
def test_a_layout_that_is_not_known_is_said_not_guessed(content: bytes) -> None:
    dump = found(content)
    assert (dump.kind, dump.confidence, dump.tensors) == ("opaque", "unknown", ())


def test_the_key_is_a_digest_of_the_tokens() -> None:
    tokens = list(range(30000))
    dump = found(sequence(cache()[0], tokens))
    assert dump.key == hashlib.sha256(np.arange(30000, dtype="<i4").tobytes()).hexdigest()
    assert dump.tokens == 30000
    assert found(sequence(cache()[0])).key is None


def test_the_head_is_enough_for_a_first_look() -> None:
    content = session(cache()[0], [1, 2])
    assert looks_like(content[:64], b"any", len(content))
    assert not looks_like(content[:64], b"any", 19)
    assert not looks_like(b"GGUF" + content[4:64], b"any", len(content))
    assert dump_of(b"GGUF" + content[4:]) is None


# What is refused


@pytest.mark.parametrize("lost", [1, 100, 500, 900])
def test_a_truncated_state_is_refused(lost: int) -> None:
    content = session(cache()[0], range(5))
    with pytest.raises(MalformedError, match="not a whole"):
        dump_of(content[:-lost])


def test_bytes_too_many_are_refused() -> None:
    with pytest.raises(MalformedError, match="streams at"):
        dump_of(session(cache()[0]) + b"x" * 7)


HUGE = (1 << 32) - 1


@pytest.mark.parametrize(
    "content",
    [
        b"nsgg" + struct.pack("<II", 10, HUGE),
        b"nsgg" + struct.pack("<III", 10, 0, HUGE),
        sequence(struct.pack("<I", HUGE)),
        sequence(struct.pack("<II", 1, HUGE)),
        sequence(struct.pack("<II", 1, 1) + cells(1, 0) + struct.pack("<II", 0, HUGE)),
        sequence(
            struct.pack("<II", 1, 1)
            + cells(1, 0)
            + struct.pack("<II", 0, 1)
            + struct.pack("<iQ", F16, (1 << 64) - 2)
        ),
        sequence(struct.pack("<IIiI", 1, 1, 0, HUGE)),
    ],
    ids=["tokens", "name", "streams", "cells", "layers", "row", "sequences"],
)
def test_a_huge_count_is_refused_unread(content: bytes) -> None:
    with pytest.raises(MalformedError):
        dump_of(content)


@settings(max_examples=150)
@given(st.data())
def test_any_mutation_is_read_within_the_file_or_refused(data: st.DataObject) -> None:
    content = bytearray(session(cache(layers=2, channels=8)[0], range(3)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    check_bounds(bytes(content)[: data.draw(st.integers(0, len(content)))])


@settings(max_examples=150)
@given(st.sampled_from([session(b""), sequence(b"", [1])]), st.binary(max_size=400))
def test_any_bytes_are_read_within_the_file_or_refused(head: bytes, rest: bytes) -> None:
    check_bounds(head + rest)


def check_bounds(content: bytes) -> None:
    try:
        dump = dump_of(content)
    except MalformedError:
        return
    for tensor in dump.tensors if dump else ():
        assert 0 <= tensor.offset <= tensor.offset + tensor.length <= len(content)
