"""Chunkers and codecs have one catalogue, and every room reads it."""

import re
from pathlib import Path

import msgspec
import pytest
from support.scans import probed

import storeff
from storeff.estimate.reduction import reduce
from storeff.layout import SystemReduction
from storeff.layout.model import load_layouts
from storeff.scan import plan
from storeff.scan.codecs import CODECS
from storeff.scan.plan import (
    CUTTINGS,
    HEADLINE,
    NONE,
    Cell,
    Chunker,
    Plan,
    Probed,
    Similarity,
    cells_of,
    table,
)
from storeff.sources.tree import LocalTree

ROOT = Path(storeff.__file__).parent
SIXTEEN = Chunker("fixed-16KiB", "fixed", 16 << 10, 16 << 10)
FULL = table("full")


def modules_that_write(pattern: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(rf'"{pattern}"', path.read_text())
    }


def test_chunkers_are_named_in_one_module() -> None:
    assert modules_that_write(r"(?:fixed|cdc)-\d+KiB[^\"]*|whole-file") == {"scan/plan.py"}


def cells(probed: tuple[Probed, ...]) -> set[Cell]:
    return {
        Cell(each.chunker, each.per_occurrence, column)
        for each in probed
        for column in each.columns
        if column in CODECS
    }


def test_the_default_table_has_what_the_headline_and_the_catalogue_rest_on() -> None:
    systems = [each.reduction for each in load_layouts().values() if each.reduction is not None]
    needed = {Cell(HEADLINE.chunker, False, HEADLINE.codec)}
    for system in systems:
        needed.update(cells_of(system.dedup, system.codec, system.block_bytes))
    assert len(needed) > 4
    assert needed <= cells(table("default"))


def test_the_full_table_has_every_cell() -> None:
    assert cells(FULL) == {
        Cell(c.name, per_occurrence, codec)
        for c in CUTTINGS
        if c.kind != "whole"
        for per_occurrence in (False, True)
        for codec in CODECS
    }
    Plan(probed=FULL)


def test_a_wanted_cell_is_added_with_what_explains_it() -> None:
    wanted = [Cell("fixed-128KiB", False, "zstd-3"), Cell("fixed-8KiB", True, "zstd-1")]
    made = {(p.chunker, p.per_occurrence): p.columns for p in table("default", wanted)}
    before = {(p.chunker, p.per_occurrence): p.columns for p in table("default")}
    assert {name: made[name] for name in before} == before
    assert made.pop(("fixed-128KiB", False)) == ("lz4", "zstd-3")
    assert made.pop(("fixed-8KiB", True)) == ("lz4", "zstd-1")
    assert made == before
    assert table("default", wanted[::-1]) == table("default", wanted)


def test_what_is_there_already_is_not_added() -> None:
    assert table("default", cells_of(HEADLINE.chunker, HEADLINE.codec, 1 << 16)) == table("default")


@pytest.mark.parametrize(
    ("system", "needed"),
    [
        ((NONE, NONE, 1 << 16), []),
        (("cdc-8KiB", NONE, 1 << 16), []),
        ((NONE, "lz4", 8192), [Cell("fixed-8KiB", True, "lz4")]),
        (
            ("cdc-8KiB", "zstd-1", 1 << 16),
            [Cell("cdc-8KiB", False, "zstd-1"), Cell("cdc-8KiB", True, "zstd-1")],
        ),
    ],
)
def test_what_a_system_removes_needs_its_cells(
    system: tuple[str, str, int], needed: list[Cell]
) -> None:
    assert cells_of(*system) == needed


def test_a_chunker_of_a_new_size_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is measured, and a layout may name it."""
    with pytest.raises(ValueError, match="unknown dedup 'fixed-16KiB'"):
        SystemReduction(dedup="fixed-16KiB", codec="lz4", source="test")
    monkeypatch.setattr(plan, "CUTTINGS", (*CUTTINGS, SIXTEEN))
    (tmp_path / "a").write_bytes(bytes(range(256)) * 64 * 3)
    wanted = Plan(chunkers=plan.CUTTINGS, probed=table("full"))
    sketch = probed(LocalTree([tmp_path]), wanted).sketches[SIXTEEN.name]
    assert (sketch.chunks, sketch.sizes.tolist()) == (3, [16 << 10])
    assert set(sketch.columns) == {*CODECS}
    assert (sketch.probed > 0).all()
    for dedup, blocks in (("fixed-16KiB", 1 << 16), ("none", 16 << 10)):
        SystemReduction(dedup=dedup, codec="lz4", block_bytes=blocks, source="test")


def test_its_row_is_in_the_reduction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CUTTINGS", (*CUTTINGS, SIXTEEN))
    (tmp_path / "a").write_bytes(bytes(range(256)) * 64 * 3)
    wanted = Plan(chunkers=plan.CUTTINGS, probed=table("full"))
    reduction = reduce(probed(LocalTree([tmp_path]), wanted))
    [row] = [d for d in reduction.dedup if d.chunker == SIXTEEN.name]
    assert (row.chunks, row.unique_bytes.value) == (3, 16 << 10)
    assert {c.codec for c in reduction.combined if c.chunker == SIXTEEN.name} == set(CODECS)
    assert 16 << 10 in {c.block_bytes for c in reduction.compression}


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


@pytest.mark.parametrize(
    ("chunker", "columns", "message"),
    [
        ("fixed-16KiB", ("lz4",), "there is no chunker fixed-16KiB"),
        ("whole-file", ("lz4",), "nothing is compressed of a whole file"),
        ("cdc-8KiB", ("lz4", "gzip"), "columns of cdc-8KiB must be some of .*, not lz4, gzip"),
        ("cdc-8KiB", ("lz4", "lz4"), "each once"),
        ("cdc-8KiB", (), "must be some of"),
    ],
)
def test_what_cannot_be_probed_is_refused(
    chunker: str, columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(probed=(Probed(chunker, False, columns),))


def test_chunks_are_not_compressed_twice() -> None:
    lz4 = Probed("cdc-8KiB", True, ("lz4",))
    with pytest.raises(ValueError, match="twice"):
        Plan(probed=(lz4, Probed("cdc-8KiB", True, ("zstd-1",))))
    Plan(probed=(lz4, Probed("cdc-8KiB", False, ("lz4",))))


@pytest.mark.parametrize("precision", [0.0, 1.0, -0.01, float("nan")])
def test_a_precision_is_a_share(precision: float) -> None:
    with pytest.raises(ValueError, match="precision must be above 0"):
        Plan(precision=precision)


def test_all_that_measurements_must_share_is_in_the_digest() -> None:
    plans = [Plan(), Plan(seed=2), Plan(precision=0.02), Plan(probed=FULL)]
    plans += [Plan(similarity=Similarity())]
    assert len({each.digest() for each in plans}) == len(plans)
    assert Plan().digest() == Plan().digest()


def test_deltas_are_taken_off_what_is_compressed() -> None:
    with pytest.raises(ValueError, match="no codec zstd-3 of its chunks"):
        Plan(probed=(), similarity=Similarity())


def test_large_distinct_chunks_that_are_compressed_are_predicted() -> None:
    assert [c.name for c in CUTTINGS if Plan().predicts(c)] == ["cdc-64KiB"]
    alone = Plan(probed=(Probed("cdc-64KiB", True, ("lz4",)),))
    assert not any(alone.predicts(c) for c in CUTTINGS)
    large = ["fixed-64KiB", "fixed-128KiB", "cdc-64KiB"]
    assert [c.name for c in CUTTINGS if Plan(probed=FULL).predicts(c)] == large
