"""A layout that compresses below its erasure code: what is measured for it, and how it is sized."""

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from support import bluestore
from support.scans import scenario_of
from support.shards import KIB, RS42, RS83, SAMPLES, assert_is, corpus, in_units, matrix_of

import storeff
from storeff.data import Assumption
from storeff.estimate.compression import IN_UNITS
from storeff.estimate.reduction import Reduction
from storeff.estimate.shards import ShardCompression
from storeff.layout import Code, Layout, load_layouts
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.sizing import shard_codes, sized_for

# ---- from layouts to the report and back ----


LAYOUTS = load_layouts()


def below(name: str, unit_bytes: int | None = 4 * KIB, **system: Any) -> Layout[Assumption]:
    """The catalogued layout ``name``, as one that compresses below its code."""
    layout = LAYOUTS[name]
    assert layout.reduction is not None
    unit = Assumption(value=None if unit_bytes is None else Fraction(unit_bytes), unit="B")
    return msgspec.structs.replace(
        layout,
        stripe_unit_bytes=unit,
        reduction=msgspec.structs.replace(layout.reduction, below_code=True, **system),
    )


def test_each_code_is_measured_once() -> None:
    twice = [below("ceph-ec-4-2"), below("ceph-ec-8-3"), below("ceph-ec-8-3")]
    assert shard_codes(twice) == (RS42, RS83)


@pytest.mark.parametrize(
    "layout",
    [
        msgspec.structs.replace(
            LAYOUTS["ceph-ec-8-3"],
            stripe_unit_bytes=Assumption(value=Fraction(4096), unit="B"),
            reduction=msgspec.structs.replace(
                cast(Any, LAYOUTS["ceph-ec-8-3"].reduction), below_code=False
            ),
        ),
        below("ceph-replica-3"),
        below("ceph-ec-8-3", unit_bytes=None),
        below("ceph-ec-8-3", unit_bytes=6000),
        below("ceph-ec-8-3", unit_bytes=1 << 30),
        LAYOUTS["onefs-16-2"],
        below("ceph-ec-8-3", codec="none", allocation_bytes=1, required_ratio=1.0),
        msgspec.structs.replace(below("ceph-ec-8-3"), code=Code("rs", 250, 20)),
    ],
)
def test_what_keeps_no_shards_apart_is_not_measured(layout: Layout[Assumption]) -> None:
    assert shard_codes([layout]) == ()


def with_shards(**figures: Quantity) -> ShardCompression:
    ratio = figures.pop("ratio", Quantity(2.0, 1.9, 2.1, "measured"))
    parity_ratio = figures.pop("parity_ratio", Quantity(1.01, 1.0, 1.02, "measured"))
    left = Quantity(None, None, None, "measured")
    if ratio.value is not None:
        left = (10**6 / ratio).rounded()
    return ShardCompression(*RS83, *IN_UNITS, 500, left, ratio, parity_ratio)


@pytest.fixture(scope="module")
def reduction() -> Reduction:
    found = storeff.reduce(storeff.measure(SAMPLES)).reduction
    assert found.shards == []
    return msgspec.structs.replace(found, data_bytes=10**6)


def test_a_layout_below_its_code_is_sized_by_its_shards(reduction: Reduction) -> None:
    found = msgspec.structs.replace(reduction, shards=[with_shards()])
    sized = sized_for(found, 10**15, scenario_of(below("ceph-ec-8-3")), 1)
    data = sized.scenario.data
    assert data.reduction_ratio.value == 2
    assert data.allocation_bytes == 4096
    assert data.parity_ratio.value == Fraction(1.01)
    assert data.parity_ratio.kind == "measured"
    assert "on the data shards of 8+3" in (data.reduction_ratio.source or "")
    assert "on the parity shards of 8+3" in (data.parity_ratio.source or "")
    assert sized.draws is not None
    assert np.percentile(sized.draws, [2.5, 97.5]) == pytest.approx([1.9, 2.1], rel=0.01)


@pytest.mark.parametrize(
    "shards",
    [
        [],
        [msgspec.structs.replace(with_shards(), m=2)],
        [with_shards(ratio=UNKNOWN)],
        [with_shards(parity_ratio=UNKNOWN)],
    ],
)
def test_without_its_shards_a_layout_has_blocks_and_parity_that_is_not_known(
    reduction: Reduction, shards: list[ShardCompression]
) -> None:
    found = msgspec.structs.replace(reduction, shards=shards)
    data = sized_for(found, 10**15, scenario_of(below("ceph-ec-8-3")), 1).scenario.data
    plain = sized_for(reduction, 10**15, scenario_of(LAYOUTS["ceph-ec-8-3"]), 1).scenario.data
    assert data == plain
    assert data.parity_ratio.value is None


CATALOGUE = """
[below]
title = "Compressed below its code"
code = {{ kind = "rs", k = {k}, m = {m} }}
metadata = {{ value = 0, kind = "assumption" }}
padding = {{ value = 0, kind = "assumption" }}
rebuild_reserve = {{ value = 0, kind = "assumption" }}
fill_limit = {{ value = 1, kind = "assumption" }}
stripe_unit_bytes = {{ value = 4096, unit = "B", kind = "assumption" }}
[below.reduction]
dedup = "none"
codec = "lz4"
allocation_bytes = 4096
required_ratio = 0.875
below_code = true
source = "made up"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    directory = tmp_path / "catalogue"
    directory.mkdir()
    (directory / "layouts.toml").write_text(CATALOGUE.format(k=4, m=2))
    return directory


def test_what_is_sized_is_measured_with_it_and_read_again(catalogue: Path, tmp_path: Path) -> None:
    storage = storeff.Storage(["below"], catalogues=catalogue)
    reduced = storeff.reduce(storeff.measure(SAMPLES, storage=storage))
    row = in_units(reduced.reduction.shards, RS42)
    files = corpus("samples")
    assert_is(row, bluestore.kept(files, 4, matrix_of(RS42)))
    path = tmp_path / "r.json"
    path.write_bytes(storeff.to_json(storeff.build_report(reduced, storeff.size(reduced, storage))))
    again = storeff.read_report(path)
    assert again.reduction is not None
    assert again.reduction.shards == reduced.reduction.shards
    assert storeff.size(storeff.Reduced.of_report(again), storage).layouts == tuple(again.layouts)


def test_a_sample_of_the_data_has_its_shards_of_all(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storeff.estimate import cost

    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    storage = storeff.Storage(["below"], catalogues=catalogue)
    measured = storeff.measure(SAMPLES, storage=storage, sampling=storeff.Sampling(share=0.5))
    assert measured.data.sampling is not None
    row = in_units(storeff.reduce(measured).reduction.shards, RS42)
    assert_is(row, bluestore.kept(corpus("samples"), 4, matrix_of(RS42)))


def test_the_default_storage_measures_what_is_catalogued_below_its_code() -> None:
    storage = storeff.Storage()
    measured = storeff.measure(SAMPLES / "logs", storage=storage)
    wanted = shard_codes(each.layout for each in storage.scenarios)
    assert tuple(each.code for each in measured.shards) == wanted


def test_a_report_of_before_has_no_shards(reduction: Reduction) -> None:
    document = msgspec.to_builtins(reduction)
    del document["shards"]
    assert msgspec.convert(document, Reduction) == reduction


def test_a_report_whose_shards_contradict_themselves_is_refused(
    catalogue: Path, tmp_path: Path
) -> None:
    storage = storeff.Storage(["below"], catalogues=catalogue)
    reduced = storeff.reduce(storeff.measure(SAMPLES / "logs", storage=storage))
    report = storeff.build_report(reduced)
    assert report.reduction is not None
    row = report.reduction.shards[0]
    for wrong, message in (
        ([row, row], "2 times"),
        ([msgspec.structs.replace(row, ratio=row.ratio * 2)], "ratio"),
    ):
        made = msgspec.structs.replace(report.reduction, shards=wrong)
        path = tmp_path / "r.json"
        path.write_bytes(storeff.to_json(msgspec.structs.replace(report, reduction=made)))
        with pytest.raises(storeff.StoreffError, match=message):
            storeff.read_report(path)
