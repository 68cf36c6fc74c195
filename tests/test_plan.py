"""Chunkers and codecs have one catalogue, and every room reads it."""

import re
from pathlib import Path

import msgspec
import pytest

import storeff
from storeff.estimate.reduction import reduce
from storeff.layout import SystemReduction
from storeff.scan import plan
from storeff.scan.codecs import CODECS
from storeff.scan.plan import CHUNKERS, CUTTINGS, HEADLINE, Chunker, Cutting, Plan, chunkers_of
from storeff.scan.run import scan
from storeff.sources.tree import LocalTree

ROOT = Path(storeff.__file__).parent
SIXTEEN = Cutting("fixed-16KiB", "fixed", 16 << 10, 16 << 10, 1 << 13, 1 << 12)


def modules_that_write(pattern: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(rf'"{pattern}"', path.read_text())
    }


def test_chunkers_are_named_in_one_module() -> None:
    assert modules_that_write(r"(?:fixed|cdc)-\d+KiB[^\"]*|whole-file") == {"scan/plan.py"}


def test_the_headline_is_in_the_catalogue() -> None:
    [chunker] = [c for c in CHUNKERS if c.name == HEADLINE.chunker]
    assert HEADLINE.codec in chunker.codecs
    assert HEADLINE.codec in CODECS


def test_a_chunker_of_a_new_size_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is measured, its row is in the reduction, and a layout may name it."""
    with pytest.raises(ValueError, match="unknown dedup 'fixed-16KiB'"):
        SystemReduction(dedup="fixed-16KiB", codec="lz4", source="test")
    monkeypatch.setattr(plan, "CHUNKERS", tuple(chunkers_of((*CUTTINGS, SIXTEEN))))
    (tmp_path / "a").write_bytes(bytes(range(256)) * 64 * 3)
    reduction = reduce(scan(LocalTree([tmp_path]), Plan(chunkers=plan.CHUNKERS)))
    [row] = [d for d in reduction.dedup if d.chunker == SIXTEEN.name]
    assert (row.chunks, row.unique_bytes.value) == (3, 16 << 10)
    assert {c.codec for c in reduction.combined if c.chunker == SIXTEEN.name} == set(CODECS)
    assert 16 << 10 in {c.block_bytes for c in reduction.compression}
    for dedup, blocks in (("fixed-16KiB", 1 << 16), ("none", 16 << 10)):
        SystemReduction(dedup=dedup, codec="lz4", block_bytes=blocks, source="test")


@pytest.mark.parametrize(
    ("key", "name", "nearest"),
    [
        ("dedup", "fixed-4KB", "fixed-4KiB"),
        ("dedup", "cdc-64kib", "cdc-64KiB"),
        ("codec", "zstd-2", "zstd-3"),
        ("codec", "LZ4", "lz4"),
    ],
)
def test_a_layout_that_names_what_is_not_measured_is_told_the_nearest(
    key: str, name: str, nearest: str
) -> None:
    table = {"dedup": "none", "codec": "none", "source": "test", key: name}
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(table, SystemReduction)
    assert f"unknown {key} {name!r} (did you mean {nearest!r}?)" in str(raised.value)


def test_whole_files_are_deduplicated_and_not_compressed() -> None:
    SystemReduction(dedup="whole-file", codec="none", source="test")
    with pytest.raises(ValueError, match="codec of whole-file chunks must be none"):
        SystemReduction(dedup="whole-file", codec="lz4", source="test")


@pytest.mark.parametrize("size", [4095, 1 << 20])
def test_blocks_of_a_size_that_is_not_measured_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"block_bytes must be one of 4096, .*, not {size}"):
        SystemReduction(dedup="none", codec="lz4", block_bytes=size, source="test")


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("whole", 0, 1), ("fixed", 0, 0), ("fixed", 4, 8), ("content-defined", 8, 8)],
)
def test_a_kind_and_its_sizes_must_agree(kind: plan.Kind, least: int, most: int) -> None:
    with pytest.raises(ValueError, match=f"no {kind} chunks"):
        Chunker("c", kind, least, most, 1)
