"""SGLang's HiCache pages: recognised by name, never explained by it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.sources.dumps.dump import Candidate, Dump, MalformedError
from storeff.sources.dumps.sglang import looks_like, recognise
from storeff.sources.local_file import FileReader

HASH = "0123456789abcdef" * 4
UNIFIED = f"{HASH}_ukv1-0123456789abcdef"


def dump_of(name: str | bytes, size_bytes: int = 4096) -> Dump | None:
    path = b"dir/" + (name.encode() if isinstance(name, str) else name)
    fd = os.memfd_create("page")
    try:
        return recognise(Candidate(path, size_bytes, FileReader(fd, size_bytes, 0)))
    finally:
        os.close(fd)


def found(name: str) -> Dump:
    dump = dump_of(name)
    assert dump is not None
    return dump


def test_the_key_is_the_hash_and_nothing_else_is_claimed() -> None:
    dump = found(f"{HASH}_meta-llama-Llama-3.1-8B_0_2.bin")
    assert (dump.system, dump.kind, dump.confidence) == ("sglang", "opaque", "unknown")
    assert (dump.key, dump.model, dump.tensors) == (HASH, "meta-llama-Llama-3.1-8B", ())
    assert "tensor-parallel rank 0 of 2" in dump.why
    assert "inference" in dump.why


@pytest.mark.parametrize(
    ("suffix", "model", "said"),
    [
        ("_m_1_4", "m", "tensor-parallel rank 1 of 4"),
        ("_m_1_4_2_0", "m", "pipeline rank 0 of 2"),
        ("_m_0_1_cp3_8", "m", "context-parallel rank 3 of 8"),
        ("_DeepSeek-V3", "DeepSeek-V3", "MLA"),
        ("_Qwen2_5-7B_0_1", "Qwen2_5-7B", "rank 0 of 1"),
        ("", "", "MLA"),
    ],
)
def test_parallel_ranks_are_read_from_the_end_of_the_name(
    suffix: str, model: str, said: str
) -> None:
    dump = found(f"{HASH}{suffix or '_'}.bin")
    assert (dump.model or "", said in dump.why) == (model, True)


@pytest.mark.parametrize(
    ("suffix", "said"),
    [("_L0-32", "layers 0 to 31"), ("_L16-32_H3", "layers 16 to 31, head group 3")],
)
def test_unified_keys_say_their_layers(suffix: str, said: str) -> None:
    dump = found(UNIFIED + suffix + ".bin")
    assert (dump.key, dump.model) == (HASH, None)
    assert said in dump.why


def test_other_pools_are_told_apart() -> None:
    assert "pool swa" in found(f"{HASH}.swa_m_0_1.bin").why
    assert "not KV" in found(f"{HASH}.mamba_m_0_1.bin").why


def test_a_page_being_written_is_temporary() -> None:
    name = f"{HASH}_m_0_1.bin.tmp.12.139872.{'0a' * 16}"
    assert found(name).kind == "temporary"
    empty = dump_of(name, 0)
    assert empty is not None
    assert empty.kind == "temporary"


@pytest.mark.parametrize(
    "name",
    [
        "model.bin",
        f"{HASH}.bin",
        f"{HASH[:-1]}_m_0_1.bin",
        f"{HASH.upper()}_m_0_1.bin",
        f"x{HASH}_m_0_1.bin",
        f"{HASH}_m_0_1.safetensors",
        f"{HASH}_m_0_1.bin.tmp",
    ],
)
def test_other_names_are_not_pages(name: str) -> None:
    assert dump_of(name) is None
    assert not looks_like(b"", name.encode(), 1)


def test_an_impossible_page_is_refused() -> None:
    with pytest.raises(MalformedError, match="empty"):
        dump_of(f"{HASH}_m_0_1.bin", 0)
    with pytest.raises(MalformedError, match="layers 8 to 8"):
        dump_of(f"{UNIFIED}_L8-8.bin")


@given(st.binary(max_size=200), st.booleans(), st.integers(0, 1))
def test_any_name_is_recognised_or_not(rest: bytes, page: bool, size_bytes: int) -> None:
    name = HASH.encode() + b"_" + rest + b".bin" if page else rest.replace(b"/", b"")
    try:
        dump = dump_of(name, size_bytes)
    except MalformedError:
        return
    assert (dump is not None) == looks_like(b"", b"dir/" + name, size_bytes)
