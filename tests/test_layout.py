"""The waterfall closes to zero bytes; layouts cost what their makers publish."""

import itertools
import math
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Assumption, exact, map_numbers
from storeff.errors import StoreffError
from storeff.layout import (
    Code,
    Data,
    Layout,
    ObjectSizes,
    SizeBin,
    load_layouts,
    usable_fraction,
    waterfall,
)
from storeff.layout.waterfall import report_steps

FRACTIONS = st.fractions(0, Fraction(9, 10), max_denominator=10**6)
RATIOS = st.fractions(Fraction(1, 2), 50, max_denominator=10**9)
CODES = st.sampled_from(
    [
        Code("rs", 20, 4),
        Code("rs", 146, 4),
        Code("replica", 1, 2),
        Code("replica", 1, 0),
        Code("lrc", 12, 2, 2),
    ]
)


def layout(code: Code, **numbers: Any) -> Layout[Any]:
    plain = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1, "copies": 1}
    stated: dict[str, Any] = {k: Fraction(v) for k, v in (plain | numbers).items()}
    made: Layout[Any] = map_numbers(Layout(name="x", code=code, **stated), exact)
    return made


def data(logical_bytes: Any, ratio: Any = 1, copies: int = 1, **numbers: Any) -> Data[Any]:
    given = {"logical_bytes": logical_bytes, "reduction_ratio": ratio, "copies": copies} | numbers
    fractions: dict[str, Any] = {k: Fraction(v) for k, v in given.items()}
    made: Data[Any] = map_numbers(Data(**fractions), exact)
    return made


def drawn(logical_bytes: float, *ratios: float) -> Data[Any]:
    """The replicate run of such data."""
    return msgspec.structs.replace(
        data(1), logical_bytes=logical_bytes, copies=1.0, reduction_ratio=np.array(ratios)
    )


def assumed(**numbers: Any) -> dict[str, Any]:
    return {k: Assumption(path=k, value=Fraction(v)) for k, v in numbers.items()}


def stated(code: Code, **numbers: Any) -> Layout[Assumption]:
    plain = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}
    return Layout(name="x", code=code, **assumed(**(plain | numbers)))


@given(st.integers(1, 10**20), RATIOS, CODES, FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS)
def test_the_shares_sum_to_raw_minus_logical_exactly(
    logical: int, ratio: Fraction, code: Code, md: Fraction, pad: Fraction, rho: Fraction,
    empty: Fraction,
) -> None:  # fmt: skip
    steps = waterfall(
        data(logical, ratio),
        layout(code, metadata=md, padding=pad, rebuild_reserve=rho, fill_limit=1 - empty),
    )
    assert all(isinstance(step.share_bytes, int) for step in steps)
    assert sum(step.share_bytes for step in steps) == steps[-1].after_bytes - logical


@given(st.integers(1, 10**20), RATIOS, CODES, FRACTIONS, FRACTIONS)
def test_each_step_starts_where_the_last_one_ended(
    logical: int, ratio: Fraction, code: Code, md: Fraction, rho: Fraction
) -> None:
    steps = waterfall(data(logical, ratio, 2), layout(code, metadata=md, rebuild_reserve=rho))
    assert steps[0].before_bytes == logical
    for step, following in itertools.pairwise(steps):
        assert following.before_bytes == step.after_bytes


def test_a_step_that_changes_nothing_has_no_share() -> None:
    steps = waterfall(data(10**18), layout(Code("rs", 3, 1), metadata=Fraction(1, 7)))
    assert [s.step for s in steps if s.share_bytes] == ["metadata", "erasure_coding"]


def test_a_share_does_not_depend_on_the_order_of_the_steps() -> None:
    # Two copies kept by the application, or by the layout's code: the same factor elsewhere.
    early = waterfall(data(10**18, 3, copies=2), layout(Code("replica", 1, 0), padding="0.1"))
    late = waterfall(data(10**18, 3), layout(Code("replica", 1, 1), padding="0.1"))
    by_step = [{s.step: s.share_bytes for s in steps} for steps in (early, late)]
    assert by_step[0]["copies"] == by_step[1]["erasure_coding"]
    assert by_step[0]["padding"] == by_step[1]["padding"]


def test_when_raw_equals_logical_the_shares_cancel() -> None:
    steps = waterfall(data(10**18, 2), layout(Code("replica", 1, 1)))
    shares = {s.step: s.share_bytes for s in steps}
    assert steps[-1].after_bytes == 10**18
    assert shares["erasure_coding"] == pytest.approx(1e18 * math.log(2))
    assert sum(shares.values()) == 0


def test_raw_bytes_are_rounded_up_and_never_by_a_double() -> None:
    even = waterfall(data(3 * 10**19, 3), layout(Code("rs", 5, 1), fill_limit="0.6"))
    assert even[-1].after_bytes == 2 * 10**19
    over = waterfall(data(3 * 10**19 + 1, 3), layout(Code("rs", 5, 1), fill_limit="0.6"))
    assert over[-1].after_bytes == 2 * 10**19 + 1


def test_replicates_go_through_the_same_formulas() -> None:
    lay = layout(Code("rs", 20, 4), metadata="0.02", fill_limit="0.85")
    points = waterfall(data(5 * 10**19, 2), lay)
    floats = layout(Code("rs", 20, 4))
    floats = msgspec.structs.replace(
        floats, metadata=0.02, padding=0.0, rebuild_reserve=0.0, fill_limit=0.85, copies=1.0
    )
    replicates = waterfall(drawn(5e19, 2.0, 4.0), floats)
    for a, b in zip(points[2:], replicates[2:], strict=True):
        assert b.after_bytes[0] == pytest.approx(a.after_bytes, rel=1e-12)
        assert b.share_bytes[0] == pytest.approx(a.share_bytes, rel=1e-9)
        assert b.after_bytes[1] == pytest.approx(a.after_bytes / 2, rel=1e-12)


def test_replicates_where_nothing_changes_take_the_limit_of_the_log_mean() -> None:
    lay = layout(Code("replica", 1, 1))
    floats = dict.fromkeys(("metadata", "padding", "rebuild_reserve"), 0.0)
    lay = msgspec.structs.replace(lay, fill_limit=1.0, copies=1.0, **floats)
    steps = waterfall(drawn(8.0, 2.0), lay)
    assert steps[4].share_bytes[0] == pytest.approx(8 * math.log(2))


PLAIN_STEPS = [
    *("logical", "copies", "data_reduction", "metadata", "erasure_coding", "padding"),
    *("rebuild_reserve", "fill_limit"),
]


def test_what_a_layout_does_not_state_is_no_step() -> None:
    steps = waterfall(data(10**18, 2), layout(Code("rs", 20, 4)))
    assert [step.step for step in steps] == PLAIN_STEPS


@pytest.mark.parametrize(
    ("of_data", "of_layout", "step", "follows", "factor"),
    [
        ({"snapshots": "0.1"}, {}, "snapshots", "copies", "1.1"),
        ({"growth": "1.5"}, {}, "growth", "copies", "1.5"),
        ({}, {"checksum": "0.001"}, "checksums", "padding", "1.001"),
        ({}, {"file_system_reserve": "0.2"}, "file_system_reserve", "rebuild_reserve", "1.25"),
        ({}, {"gc_reserve": "0.2"}, "gc_reserve", "rebuild_reserve", "1.25"),
        ({}, {"imbalance": "1.05"}, "imbalance", "fill_limit", "1.05"),
    ],
)
def test_what_is_stated_is_a_step(
    of_data: Any, of_layout: Any, step: str, follows: str, factor: str
) -> None:
    lay = layout(Code("rs", 20, 4), **of_layout)
    steps = waterfall(data(10**18, **of_data), lay)
    names = [each.step for each in steps]
    i = PLAIN_STEPS.index(follows) + 1
    assert names == [*PLAIN_STEPS[:i], step, *PLAIN_STEPS[i:]]
    found = steps[i]
    assert found.factor == Fraction(factor)
    assert found.after_bytes == math.ceil(Fraction(steps[i - 1].after_bytes) * Fraction(factor))
    assert sum(each.share_bytes for each in steps) == steps[-1].after_bytes - 10**18


@given(st.fractions(0, Fraction(1, 2)), st.fractions(0, Fraction(1, 2)), st.fractions(1, 2))
def test_what_may_be_written_is_what_no_reserve_keeps_empty(
    of_files: Fraction, of_garbage: Fraction, uneven: Fraction
) -> None:
    numbers = {
        "file_system_reserve": of_files,
        "gc_reserve": of_garbage,
        "imbalance": uneven,
        "checksum": Fraction(1, 100),
        "fill_limit": "0.9",
        "rebuild_reserve": "0.05",
    }
    empty = (1 - of_files) * (1 - of_garbage) / uneven * Fraction("0.9") * Fraction("0.95")
    coded = Fraction(24, 20) * Fraction(101, 100)
    assert usable_fraction(stated(Code("rs", 20, 4), **numbers)) == empty / coded


def test_a_lower_limit_while_rebuilding_is_the_limit() -> None:
    lay = stated(Code("replica", 1, 0), fill_limit="0.95", rebuild_fill_limit="0.9")
    assert usable_fraction(lay) == Fraction("0.9")


@given(st.integers(1, 10**6), RATIOS, FRACTIONS)
def test_each_object_adds_its_metadata_before_coding(
    objects: int, ratio: Fraction, metadata: Fraction
) -> None:
    lay = layout(Code("rs", 2, 1), metadata=metadata, object_metadata_bytes=800)
    held = ObjectSizes(10**9, (SizeBin(1024, objects, 10**9),))
    few = msgspec.structs.replace(data(10**15, ratio), objects=held)
    steps = {step.step: step for step in waterfall(few, lay)}
    stored = 10**15 / ratio * (1 + metadata)
    # A million times as much data as was listed has a million times the objects.
    assert steps["object_metadata"].factor == 1 + 800 * objects * 10**6 / stored


def test_the_metadata_of_objects_that_nobody_counted_is_said_to_be_left_out() -> None:
    lay = stated(Code("rs", 2, 1), object_metadata_bytes=800)
    plain = Data(**assumed(logical_bytes=10**15, reduction_ratio=1))
    counted = msgspec.structs.replace(
        plain, objects=ObjectSizes(10**9, (SizeBin(1024, 10**6, 10**9),))
    )
    without, found = (
        next(step for step in report_steps(each, lay, None) if step.step == "object_metadata")
        for each in (plain, counted)
    )
    assert (without.factor.value, without.factor.origin) == (1, "assumed")
    assert "not known" in (without.source or "")
    assert (found.factor.value, found.factor.origin) == (1.8, "derived")
    assert "1,000,000 files" in (found.source or "")


def test_raw_that_is_bought_for_its_writes_absorbs_every_reserve() -> None:
    plain = layout(Code("rs", 20, 4), fill_limit="0.8")
    full = layout(Code("rs", 20, 4), fill_limit="0.8", gc_reserve="0.1", imbalance="1.1")
    worn = data(10**18, endurance=3)
    assert waterfall(worn, plain)[-1].after_bytes == waterfall(worn, full)[-1].after_bytes


def test_the_report_separates_the_measured_from_the_assumed() -> None:
    ratio = Assumption(path="r", value=Fraction(2), kind="measured", source="the scan")
    given = Data(**(assumed(logical_bytes=10**18, copies=1) | {"reduction_ratio": ratio}))
    draws = np.linspace(1.9, 2.1, 2000)
    steps = report_steps(given, stated(Code("rs", 8, 3), metadata="0.1"), draws)
    factors = {s.step: s.factor for s in steps}
    assert factors["data_reduction"].origin == "measured"
    assert factors["metadata"].origin == "assumed"
    assert steps[2].source == "the scan"
    raw = steps[-1].after_bytes
    assert raw.low is not None
    assert raw.high is not None
    assert raw.low < 10**18 * 11 * 11 / 160 < raw.high


def test_the_catalogue_has_the_layouts_that_buyers_compare() -> None:
    names = {
        "ceph-replica-3",
        "ceph-ec-4-2",
        "ceph-ec-8-3",
        "azure-lrc-12-2-2",
        "backblaze-17-3",
        "minio-12-4",
        "weka-16-2",
        "vast-146-4",
        "rs-20-4",
        "zfs-raidz2-8-2",
        "zfs-raidz2-8-2-vol8k",
    }
    layouts = load_layouts()
    assert names <= set(layouts)
    assert all(each.repair and each.reduction and each.title for each in layouts.values())


@pytest.mark.parametrize(
    "code",
    [
        {"kind": "replica", "k": 2, "m": 1},
        {"kind": "rs", "k": 0, "m": 1},
        {"kind": "rs", "k": 4, "m": 2, "l": 2},
        {"kind": "lrc", "k": 4, "m": 2},
        {"kind": "lrc", "k": 5, "m": 2, "l": 2},
        {"kind": "raid", "k": 4, "m": 2},
        {"kind": "opaque", "k": 2, "m": 0},
        {"kind": "opaque", "k": 1, "m": 1},
        {"kind": "rs", "k": 4.5, "m": 2},
    ],
)
def test_a_code_that_cannot_be_is_refused(code: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(code, Code)


@pytest.mark.parametrize("line", ["fill_limit = 0", "fill_limit = 1.1", "rebuild_reserve = 1"])
def test_a_layout_that_can_hold_nothing_is_refused(tmp_path: Any, line: str) -> None:
    key, value = line.split(" = ")
    numbers = {"metadata": "0", "padding": "0", "rebuild_reserve": "0", "fill_limit": "1"}
    body = "".join(
        f"{k} = {{value = {v}, kind = 'assumption'}}\n" for k, v in (numbers | {key: value}).items()
    )
    file = tmp_path / "mine.toml"
    file.write_text(f"[mine]\ncode = {{kind = 'rs', k = 2, m = 1}}\n{body}")
    with pytest.raises(StoreffError, match=f"layouts.mine.{key}"):
        load_layouts(file)


@pytest.mark.parametrize(
    ("code", "lines", "named"),
    [
        ("kind = 'rs', k = 4, m = 2", "packing = 'unpadded'", "needs object_unit_bytes and"),
        (
            "kind = 'rs', k = 4, m = 2",
            "packing = 'file-striped'\nobject_unit_bytes = {value = 8192, kind = 'assumption'}\n"
            "stripe_unit_bytes = {value = 12288, kind = 'assumption'}",
            "stripe_unit_bytes must be a multiple of object_unit_bytes, 8,192 B",
        ),
        (
            "kind = 'rs', k = 4, m = 2",
            "packing = 'packed'\nobject_unit_bytes = {value = 8192, kind = 'assumption'}",
            "object_unit_bytes must be left out where packing is packed",
        ),
        (
            "kind = 'rs', k = 4, m = 2",
            "object_unit_bytes = {value = 8192, kind = 'assumption'}\n"
            "stripe_unit_bytes = {value = 4096, kind = 'assumption'}",
            "object_unit_bytes must be a multiple of 16,384 B",
        ),
        ("kind = 'replica', k = 1, m = 2", "packing = 'unpadded'", "is not how replica takes"),
        (
            "kind = 'draid', k = 8, m = 2, block_bytes = 131072, sector_bytes = 4096",
            "packing = 'packed'",
            "packing packed is not how draid takes space",
        ),
        (
            "kind = 'raidz', k = 8, m = 2, block_bytes = 131072, sector_bytes = 4096",
            "reduction = {dedup = 'none', codec = 'lz4', below_code = true, source = 'x'}",
            "below_code is for replicas, rs and lrc, not raidz",
        ),
        (
            "kind = 'rs', k = 4, m = 2",
            "reduction = {dedup = 'fixed-4KiB', codec = 'none', below_code = true, source = 'x'}",
            "dedup must be none with below_code",
        ),
        (
            "kind = 'rs', k = 4, m = 2",
            "spare_domains = {value = 6, kind = 'assumption'}\n"
            "min_domains = {value = 6, kind = 'assumption'}",
            "of 6 enclosures nothing is left to write beside spare_domains",
        ),
    ],
)
def test_fields_that_contradict_each_other_are_refused(
    tmp_path: Any, code: str, lines: str, named: str
) -> None:
    plain = {"metadata": "0", "padding": "0", "rebuild_reserve": "0", "fill_limit": "1"}
    body = "".join(f"{k} = {{value = {v}, kind = 'assumption'}}\n" for k, v in plain.items())
    file = tmp_path / "mine.toml"
    file.write_text(f"[mine]\ncode = {{{code}}}\n{body}{lines}\n")
    with pytest.raises(StoreffError, match=named):
        load_layouts(file)


def test_a_service_takes_what_it_bills() -> None:
    billed = Code("opaque", 1, 0)
    assert str(billed) == "as billed"
    assert usable_fraction(stated(billed)) == 1
