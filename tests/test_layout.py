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
from storeff.layout import Code, Data, Layout, load_layouts, usable_fraction, waterfall
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


# WEKA, ssd-capacity-management: net = raw * (FD - HS) / FD * N / (N + P) * 0.9.
@pytest.mark.parametrize(
    ("code", "spare", "raw_tb", "net_tb"),
    [(Code("rs", 6, 2), Fraction(1, 10), 10, "6.075"), (Code("rs", 16, 2), "0.1", 20, "14.4")],
)
def test_published_weka_net_capacity(code: Code, spare: Any, raw_tb: int, net_tb: str) -> None:
    fraction = usable_fraction(stated(code, rebuild_reserve=spare, fill_limit="0.9"))
    assert raw_tb * fraction == Fraction(net_tb)


@pytest.mark.parametrize(
    ("code", "overhead"),
    [
        (Code("rs", 4, 2), 1.50),  # Ceph erasure-code documentation
        (Code("rs", 8, 3), 1.38),
        (Code("rs", 9, 3), 1.33),
        (Code("rs", 8, 8), 2.00),  # MinIO storage-class documentation, 16 drives
        (Code("rs", 10, 6), 1.60),
        (Code("rs", 14, 2), 1.14),
        (Code("lrc", 12, 2, 2), 1.33),  # Huang et al., USENIX ATC 2012
        (Code("rs", 6, 3), 1.50),  # HDFS: 6 blocks become 9
        (Code("replica", 1, 2), 3.00),
    ],
)
def test_published_overhead(code: Code, overhead: float) -> None:
    assert 1 / usable_fraction(stated(code)) == pytest.approx(overhead, abs=0.005)


def test_published_storagegrid_10_mb_object() -> None:
    assert 10 / usable_fraction(stated(Code("rs", 4, 2))) == 15
    assert 10 / usable_fraction(stated(Code("rs", 6, 2))) == pytest.approx(13.3, abs=0.05)


def test_published_vast_overhead_is_not_the_whole_story() -> None:
    wide = Code("rs", 146, 4)
    assert 1 / usable_fraction(stated(wide)) == pytest.approx(1.0274, abs=5e-5)
    assert 1 / usable_fraction(stated(wide, rebuild_reserve="0.08")) == pytest.approx(
        1.117, abs=5e-4
    )


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
