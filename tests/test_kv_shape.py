"""What a model's geometry adds to a dump: heads, layouts without a header, and nothing unsure."""

import os
from pathlib import Path

import pytest
from support.dump_files import kv_bits, safetensors, write
from support.kvpages import encoded, keys_and_values, laid
from test_dumps_lmcache import fs_header

from storeff.kv.model import Attention, Latent, Model, State
from storeff.kv.shape import Width, width_of, with_model
from storeff.sources.dumps import recognise
from storeff.sources.dumps.dump import Candidate, Dump
from storeff.sources.local_file import FileReader

LLAMA = Width(layers=4, heads=8, dim=64)


def completed(path: Path, width: Width) -> Dump:
    fd = os.open(path, os.O_RDONLY)
    try:
        candidate = Candidate(
            os.fsencode(path), os.fstat(fd).st_size, FileReader(fd, os.fstat(fd).st_size, 0)
        )
        dump = recognise(candidate)
        assert dump is not None
        return with_model(dump, candidate, width)
    finally:
        os.close(fd)


def lmcache_name(world: int, layer: str = "") -> str:
    return f"org-model@{world}@0@2d2504741ed317b1@bfloat16{layer}.pt"


def test_equal_layers_have_a_width_and_others_have_none() -> None:
    sliding = Attention(count=2, kv_heads=8, head_dim=64, window=128)
    full = Attention(count=2, kv_heads=8, head_dim=64)
    other = Attention(count=1, kv_heads=4, head_dim=64)
    state = State(count=9, heads=4, head_dim=8, state_dim=8)
    latent = Latent(count=3, latent_dim=512, rope_dim=64)
    assert width_of(Model(name="m", layers=(sliding, full, state))) == LLAMA
    assert width_of(Model(name="m", layers=(latent,))) == Width(3, None, 576)
    assert width_of(Model(name="m", layers=(full, other))) is None
    assert width_of(Model(name="m", layers=(state,))) is None


def test_channels_become_heads_and_dims(tmp_path: Path) -> None:
    content = safetensors({"kv_cache": kv_bits(2, 16, 512)})
    name = "0123456789abcdef0123456789abcdef/model.layers.3.self_attn.attn.safetensors"
    (tensor,) = completed(write(tmp_path / name, content), LLAMA).tensors
    assert tensor.axes == ("kv", "token", "head", "dim")
    assert tensor.shape == (2, 16, 8, 64)


def test_channels_that_are_no_heads_of_the_model_stay(tmp_path: Path) -> None:
    content = safetensors({"kv_cache": kv_bits(2, 16, 500)})
    name = "0123456789abcdef0123456789abcdef/model.layers.3.self_attn.attn.safetensors"
    (tensor,) = completed(write(tmp_path / name, content), LLAMA).tensors
    assert tensor.axes == ("kv", "token", "channel")


@pytest.mark.parametrize(("world", "heads"), [(1, 8), (2, 4), (8, 1), (16, 1)])
def test_a_raw_chunk_has_the_heads_of_its_rank(tmp_path: Path, world: int, heads: int) -> None:
    path = write(tmp_path / lmcache_name(world), bytes(2 * 4 * 256 * heads * 64 * 2))
    dump = completed(path, LLAMA)
    assert (dump.confidence, dump.tokens) == ("config-assisted", 256)
    assert dump.tensors[0].axes == ("kv", "layer", "token", "head", "dim")
    assert dump.tensors[0].shape == (2, 4, 256, heads, 64)


def test_a_raw_layer_has_its_tokens_first(tmp_path: Path) -> None:
    path = write(tmp_path / lmcache_name(1, "@3"), bytes(256 * 2 * 8 * 64 * 2))
    (tensor,) = completed(path, LLAMA).tensors
    assert (tensor.axes, tensor.shape) == (("token", "kv", "head", "dim"), (256, 2, 8, 64))
    assert tensor.layer == 3


def test_a_raw_chunk_of_latents(tmp_path: Path) -> None:
    path = write(tmp_path / lmcache_name(1), bytes(3 * 256 * 576 * 2))
    (tensor,) = completed(path, Width(3, None, 576)).tensors
    assert (tensor.axes, tensor.shape) == (("layer", "token", "latent"), (3, 256, 576))
    assert tensor.holds == "latent"


def test_a_raw_chunk_that_does_not_fit_the_model_stays_unknown(tmp_path: Path) -> None:
    dump = completed(write(tmp_path / lmcache_name(1), bytes(1000)), LLAMA)
    assert (dump.confidence, dump.tensors[0].axes) == ("unknown", ())


def test_heads_that_no_rank_can_have_complete_nothing(tmp_path: Path) -> None:
    dump = completed(write(tmp_path / lmcache_name(3), bytes(2 * 4 * 256 * 8 * 64 * 2)), LLAMA)
    assert dump.confidence == "unknown"


def test_a_header_is_not_overruled(tmp_path: Path) -> None:
    header = fs_header(2 * 6 * 16 * 384 * 2, 1, (3, 2, 6, 16, 384))
    content = header + bytes(2 * 6 * 16 * 384 * 2)
    dump = completed(write(tmp_path / "org@1@0@aa@bfloat16.data", content), LLAMA)
    assert dump.confidence == "exact"
    assert dump.tensors[0].shape == (2, 6, 16, 384)


@pytest.mark.parametrize("order", ["layer_first", "page_first"])
@pytest.mark.parametrize("ranks", ["0_1", "3_4"])
def test_a_page_of_one_rank_is_inferred(tmp_path: Path, order: str, ranks: str) -> None:
    heads = 8 // int(ranks[-1])
    page = laid(encoded(keys_and_values(5, 4, heads, 64, 128), "bf16"), order)
    dump = completed(write(tmp_path / f"{'ab' * 32}_org-model_{ranks}.bin", page), LLAMA)
    assert (dump.kind, dump.confidence, dump.tokens) == ("kv", "inferred", 128)
    shape = dict(zip(dump.tensors[0].axes, dump.tensors[0].shape, strict=True))
    assert shape == {"kv": 2, "layer": 4, "token": 128, "head": heads, "dim": 64}


def test_a_page_of_some_of_the_layers_stays_unknown(tmp_path: Path) -> None:
    page = laid(encoded(keys_and_values(3, 4, 8, 64, 64), "bf16"), "layer_first")
    name = f"{'ab' * 32}_org-model_0_1_2_0.bin"
    assert completed(write(tmp_path / name, page), LLAMA).confidence == "unknown"
