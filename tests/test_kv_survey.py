"""A survey of dumps: what is there, measured within a budget, one bad file costing only itself."""

from pathlib import Path

import pytest
from support.dump_files import kv_bits, safetensors, write
from test_dumps_lmcache import fs_header

from storeff.errors import StoreffError
from storeff.kv.measure import Plan
from storeff.kv.model import Attention, Model
from storeff.kv.survey import survey
from storeff.sources.tree import LocalTree

MODEL = Model(name="m", layers=(Attention(count=2, kv_heads=2, head_dim=32),))
MIXED = Model(
    name="m",
    layers=(
        Attention(count=1, kv_heads=2, head_dim=32),
        Attention(count=1, kv_heads=4, head_dim=32),
    ),
)
SMALL = Plan(cluster_bytes=4096, chunk_bytes=4096, other_chunk_bytes=())
HASHES = [f"{i:032x}" for i in range(4)]


def fill(root: Path, hashes: list[str], tokens: int = 64) -> Path:
    """Two layers of each prefix, as vLLM's connector writes them."""
    for seed, name in enumerate(hashes):
        for layer in range(2):
            content = safetensors({"kv_cache": kv_bits(2, tokens, 64, seed=2 * seed + layer)})
            write(root / name / f"model.layers.{layer}.self_attn.attn.safetensors", content)
    return root


def test_files_of_one_layout_are_one_row(tmp_path: Path) -> None:
    rows, found, census = survey(LocalTree([fill(tmp_path, HASHES)]), plan=SMALL)
    (row,) = rows
    assert (row.system, row.dtype, row.files) == ("vLLM SharedStorageConnector", "bf16", 8)
    assert (row.axes, row.shape) == (["kv", "token", "channel"], [2, 64, 64])
    assert row.tokens == 8 * 64
    assert (found.dump_files, found.other_files, found.malformed) == (8, 0, [])
    assert not census.skipped


def test_a_size_that_differs_between_files_is_null(tmp_path: Path) -> None:
    fill(tmp_path / "a", HASHES[:1], tokens=64)
    fill(tmp_path / "b", HASHES[1:2], tokens=96)
    (row,) = survey(LocalTree([tmp_path]), plan=SMALL)[0]
    assert row.shape == [2, None, 64]


def test_a_model_tells_heads_from_dims(tmp_path: Path) -> None:
    (row,) = survey(LocalTree([fill(tmp_path, HASHES[:1])]), model=MODEL, plan=SMALL)[0]
    assert row.axes == ["kv", "token", "head", "dim"]


def test_a_model_of_unequal_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="differ"):
        survey(LocalTree([fill(tmp_path, HASHES[:1])]), model=MIXED)


def test_equal_keys_are_shared_whatever_their_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "one", HASHES[:2])
    fill(tmp_path / "two", [HASHES[1], HASHES[0]])
    sharing = survey(LocalTree([tmp_path]), plan=SMALL)[1].sharing
    assert sharing is not None
    assert (sharing.blocks, sharing.unique_blocks) == (8, 4)
    assert sharing.bytes == 2 * sharing.unique_bytes


def test_everything_is_measured_within_the_budget(tmp_path: Path) -> None:
    _, found, _ = survey(LocalTree([fill(tmp_path, HASHES)]), plan=SMALL)
    assert found.measured_files == 8
    assert found.measured is not None
    (both, keys, values) = found.measured.overall
    assert (both.kind, keys.kind, values.kind) == ("all", "k", "v")
    assert both.data_bytes == 8 * 2 * 64 * 64 * 2


def test_the_budget_ends_the_measuring_but_not_the_survey(tmp_path: Path) -> None:
    _, found, _ = survey(LocalTree([fill(tmp_path, HASHES)]), plan=SMALL, budget_bytes=1)
    assert (found.dump_files, found.measured_files) == (8, 1)


def test_what_is_measured_depends_on_the_seed_only(tmp_path: Path) -> None:
    root = fill(tmp_path, HASHES)
    one, again = (
        survey(LocalTree([root]), plan=SMALL, budget_bytes=1)[1].measured for _ in range(2)
    )
    assert one == again


def test_a_lying_dump_costs_only_itself(tmp_path: Path) -> None:
    fill(tmp_path, HASHES[:1])
    lying = fs_header(2 * 2 * 64 * 64 * 2, 1, (3, 2, 2, 64, 64)) + bytes(100)
    write(tmp_path / "org-model@1@0@aa@bfloat16.data", lying)
    _, found, census = survey(LocalTree([tmp_path]), plan=SMALL)
    assert found.dump_files == 2
    assert census.skipped["malformed"].entries == 1
    assert "bytes follow" in found.malformed[0].message


def test_files_that_are_no_dumps_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", b"nothing\n")
    rows, found, _ = survey(LocalTree([tmp_path]))
    assert (rows, found.other_files, found.other_bytes) == ([], 1, 8)
    assert (found.measured, found.sharing) == (None, None)


def test_opaque_dumps_are_listed_and_not_measured(tmp_path: Path) -> None:
    write(tmp_path / f"{'ab' * 32}_org-model_0_1.bin", bytes(4096))
    rows, found, _ = survey(LocalTree([tmp_path]))
    assert [row.kind for row in rows] == ["opaque"]
    assert found.measured is None
