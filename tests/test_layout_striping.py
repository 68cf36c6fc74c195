"""Objects striped without padding to whole stripes, and systems that compress below their code."""

from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.objects import sizes

from storeff.data import Assumption, exact, map_numbers
from storeff.layout import Code, Data, Layout, ObjectSizes, SizeBin, SystemReduction, waterfall
from storeff.layout.allocation import object_padding, parity_ratio, redundancy
from storeff.layout.waterfall import report_steps

KIB = 1024
CODES = st.sampled_from(
    [Code("rs", 4, 2), Code("rs", 8, 3), Code("rs", 1, 2), Code("lrc", 4, 2, 2), Code("rs", 16, 3)]
)
STRIPE_UNITS = st.sampled_from([4 * KIB, 16 * KIB, 64 * KIB])
RATIOS = st.fractions(1, 50, max_denominator=1000)


def layout(code: Code, stripe_unit: int = 16 * KIB, **fields: Any) -> Layout[Any]:
    """Without padding unless ``fields`` say otherwise, in units of 4 KiB."""
    below_code = fields.pop("below_code", False)
    numbers = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}
    units = {"object_unit_bytes": 4 * KIB, "stripe_unit_bytes": stripe_unit}
    given: dict[str, Any] = {k: Fraction(v) for k, v in (numbers | units).items()}
    system = SystemReduction(dedup="none", codec="lz4", below_code=below_code, source="the test")
    made: Layout[Any] = map_numbers(
        Layout(name="x", code=code, reduction=system, **({"packing": "unpadded"} | given | fields)),
        exact,
    )
    return made


def taken(
    lay: Layout[Any],
    *objects: int,
    ratio: Any = Fraction(1),
    parity: Any = float("nan"),
    counted: int = 1,
) -> Any:
    """Raw bytes for ``objects``."""
    of_parity = parity_ratio(lay, ratio, parity)
    coded = redundancy(lay.code, ratio, counted, of_parity)
    padding = object_padding(lay, sizes(*objects), ratio, counted, of_parity)
    return sum(objects) / ratio * coded * padding


def fragments(size: Fraction | int, k: int, unit: int) -> list[Fraction]:
    """Bytes that land on each of k data fragments, a stripe unit at a time."""
    found = [Fraction(0)] * k
    rows, rest = divmod(Fraction(size), k * unit)
    for i in range(k):
        found[i] = rows * unit + min(max(rest - i * unit, Fraction(0)), Fraction(unit))
    return found


def whole(size: Fraction, unit: int = 4 * KIB) -> int:
    return -(-size // unit) * unit


def truth(lay: Layout[Any], size: int, ratio: Fraction, parity: Fraction | None = None) -> int:
    """What one object takes, fragment by fragment; below the code if ``parity`` is given."""
    code, unit = lay.code, int(lay.stripe_unit_bytes)
    if parity is None:
        data = fragments(size / ratio, code.k, unit)
        longest = max(data)
    else:
        uncompressed = fragments(size, code.k, unit)
        data = [each / ratio for each in uncompressed]
        longest = max(uncompressed) / parity
    return sum(map(whole, data)) + (code.m + code.l) * whole(longest)


@given(CODES, STRIPE_UNITS, st.integers(1, 10**7), RATIOS)
def test_one_object_takes_whole_units_of_each_fragment(
    code: Code, unit: int, size: int, ratio: Fraction
) -> None:
    lay = layout(code, unit)
    assert taken(lay, size, ratio=ratio) == truth(lay, size, ratio)


@given(CODES, STRIPE_UNITS, st.integers(0, 30), st.integers(1, 9))
def test_objects_of_one_power_of_two_are_exact(
    code: Code, unit: int, exponent: int, number: int
) -> None:
    lay = layout(code, unit)
    assert taken(lay, *[1 << exponent] * number) == number * truth(lay, 1 << exponent, Fraction(1))


@given(CODES, STRIPE_UNITS, st.integers(1, 10**7), RATIOS, st.fractions(1, 3, max_denominator=99))
def test_one_object_below_the_code_shrinks_fragment_by_fragment(
    code: Code, unit: int, size: int, ratio: Fraction, parity: Fraction
) -> None:
    lay = layout(code, unit, below_code=True)
    shrunk = parity if ratio > 1 else Fraction(1)
    assert taken(lay, size, ratio=ratio, parity=parity) == truth(lay, size, ratio, shrunk)


@pytest.mark.parametrize("log_mean", [9, 11, 13])
@pytest.mark.parametrize(
    ("code", "unit"),
    [(Code("rs", 4, 2), 16 * KIB), (Code("rs", 8, 3), 64 * KIB), (Code("rs", 16, 3), 128 * KIB)],
)
@pytest.mark.parametrize(
    ("ratio", "parity"), [(1, None), (2, None), (2, 1), (Fraction(7, 4), Fraction(5, 4))]
)
def test_spread_sizes_are_estimated_close_and_not_below(
    log_mean: int, code: Code, unit: int, ratio: Any, parity: Any
) -> None:
    random = np.random.default_rng(1)
    objects = [int(each) for each in random.lognormal(log_mean, 1.5, 2000) + 1]
    lay = layout(code, unit, below_code=parity is not None)
    true = sum(truth(lay, size, Fraction(ratio), parity) for size in objects)
    said = taken(lay, *objects, ratio=Fraction(ratio), parity=parity)
    assert 0.995 * true <= said <= 1.06 * true


@pytest.mark.parametrize("code", [Code("rs", 4, 2), Code("rs", 8, 3), Code("rs", 16, 9)])
@pytest.mark.parametrize(
    ("ratio", "parity"), [("1", None), ("7/4", None), ("7/4", "1"), ("7/4", "5/4")]
)
@pytest.mark.parametrize("below_bytes", [64 * KIB, 512 * KIB])
def test_sizes_spread_evenly_are_what_is_estimated(
    code: Code, ratio: str, parity: str | None, below_bytes: int
) -> None:
    objects = range(below_bytes // 2 + 7, below_bytes, below_bytes // 4001)
    lay = layout(code, below_code=parity is not None)
    shrunk = None if parity is None else Fraction(parity)
    true = sum(truth(lay, size, Fraction(ratio), shrunk) for size in objects)
    said = taken(lay, *objects, ratio=Fraction(ratio), parity=shrunk)
    at_mean = len(objects) * truth(lay, sum(objects) // len(objects), Fraction(ratio), shrunk)
    assert 0.995 * max(true, at_mean) <= said <= 1.015 * max(true, at_mean)


@given(CODES, STRIPE_UNITS, st.integers(1, 10**7))
def test_without_padding_no_object_takes_more_than_padded(code: Code, unit: int, size: int) -> None:
    stripe = Fraction(code.k * unit)
    padded = layout(code, unit, packing="padded", object_unit_bytes=stripe)
    assert taken(layout(code, unit), size) <= taken(padded, size)


@given(CODES, STRIPE_UNITS, st.lists(st.integers(1, 10**6), min_size=1, max_size=9), RATIOS, RATIOS)
def test_objects_that_compress_better_never_take_more(
    code: Code, unit: int, objects: list[int], one: Fraction, other: Fraction
) -> None:
    lay = layout(code, unit)
    less, more = sorted((one, other))
    assert taken(lay, *objects, ratio=less) >= taken(lay, *objects, ratio=more)


@given(
    CODES,
    st.lists(st.integers(1, 10**6), min_size=1, max_size=9),
    st.sampled_from([Fraction(1), Fraction(7, 4), Fraction(9)]),
    st.booleans(),
    st.sampled_from([1, 4096]),
)
def test_replicates_are_the_same_arithmetic(
    code: Code, objects: list[int], ratio: Fraction, below_code: bool, counted: int
) -> None:
    lay = layout(code, below_code=below_code)
    floats = msgspec.structs.replace(lay, object_unit_bytes=4096.0, stripe_unit_bytes=16384.0)
    once = taken(lay, *objects, ratio=ratio, counted=counted)
    drawn = taken(floats, *objects, ratio=np.array([float(ratio)] * 2), counted=counted)
    assert drawn.dtype == np.float64
    assert drawn == pytest.approx([float(once)] * 2, rel=1e-6)


def test_replicates_of_huge_objects_of_nearly_one_size_lose_no_digits() -> None:
    # A million objects of 1 TiB, one of which is a byte longer.
    lay = layout(Code("rs", 4, 2))
    nearly = ObjectSizes((10**6 << 40) + 1, (SizeBin(2 << 40, 10**6, (10**6 << 40) + 1),))
    floats = msgspec.structs.replace(lay, object_unit_bytes=4096.0, stripe_unit_bytes=16384.0)
    padding = object_padding(floats, nearly, np.array([1.0, 2.0]))
    assert padding == pytest.approx([1, 1], abs=1e-7)


def test_units_that_the_ratio_counts_already_are_not_added_again() -> None:
    # Two blocks of 4 KiB for each 5,000 bytes: the ratio says so, and parity takes two more each.
    ratio = Fraction(5000, 8192)
    lay = layout(Code("rs", 4, 2))
    assert taken(lay, *[5000] * 100, ratio=ratio, counted=4096) == 100 * 3 * 8192
    below = layout(Code("rs", 4, 2), below_code=True)
    assert taken(below, *[5000] * 100, ratio=ratio, counted=4096) == 100 * 3 * 8192


def test_padded_objects_below_the_code_fill_a_stripe_of_parity_that_does_not_shrink() -> None:
    # 100,000 bytes fill seven stripes of 16 KiB; a quarter of them takes two.
    lay = layout(
        Code("rs", 4, 2), packing="padded", object_unit_bytes=Fraction(16 * KIB), below_code=True
    )
    assert taken(lay, 100_000, ratio=Fraction(4)) == 16 * KIB * (2 + Fraction(2, 4) * 7)


@given(CODES, RATIOS, RATIOS)
def test_below_the_code_raw_is_data_and_parity_each_by_its_ratio(
    code: Code, ratio: Fraction, of_parity: Fraction
) -> None:
    lay = layout(code, below_code=True)
    used = of_parity if ratio > 1 else 1
    raw = redundancy(code, ratio, 1, parity_ratio(lay, ratio, of_parity)) / ratio
    assert raw == 1 / ratio + Fraction(code.m + code.l, code.k) / used


def test_parity_that_was_not_measured_is_taken_not_to_shrink() -> None:
    lay = layout(Code("rs", 8, 3), below_code=True)
    assert parity_ratio(lay, Fraction(2), float("nan")) == 1
    assert redundancy(lay.code, Fraction(2), 1, Fraction(1)) == 1 + Fraction(3, 8) * 2


@pytest.mark.parametrize("code", [Code("replica", 1, 2), Code("opaque", 1, 0)])
def test_copies_compress_alike_below_the_code(code: Code) -> None:
    lay = layout(code, below_code=True, packing="padded")
    assert parity_ratio(lay, Fraction(2), Fraction(1)) is None


def test_data_that_is_not_credited_with_compression_has_plain_redundancy() -> None:
    lay = layout(Code("rs", 8, 3), below_code=True)
    parity = parity_ratio(lay, Fraction(1), Fraction(3))
    assert redundancy(lay.code, Fraction(1), 1, parity) == Fraction(11, 8)


@pytest.mark.parametrize(
    ("ratio", "parity", "origin", "told"),
    [
        (2, Assumption(), "assumed", "was not measured"),
        (2, Assumption(value=Fraction(1), kind="measured", source="the scan"), "measured", "scan"),
        (1, Assumption(), "assumed", None),
    ],
)
def test_the_report_says_whether_parity_was_measured(
    ratio: int, parity: Assumption, origin: str, told: str | None
) -> None:
    numbers = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}
    stated: dict[str, Any] = {k: Assumption(value=Fraction(v)) for k, v in numbers.items()}
    system = SystemReduction(dedup="none", codec="lz4", below_code=True, source="the test")
    lay = Layout(name="x", code=Code("rs", 8, 3), reduction=system, **stated)
    data = Data(
        logical_bytes=Assumption(value=Fraction(10**18)),
        reduction_ratio=Assumption(value=Fraction(ratio), kind="measured"),
        parity_ratio=parity,
    )
    steps = {step.step: step for step in report_steps(data, lay, np.array([1.9, 2.1]))}
    coded = steps["erasure_coding"]
    assert coded.factor.origin == origin
    assert coded.source is None if told is None else told in (coded.source or "")


def test_a_waterfall_below_the_code_closes_to_zero_bytes() -> None:
    lay = layout(Code("rs", 8, 3), below_code=True)
    data: Data[Any] = Data(
        logical_bytes=Fraction(10**18 + 1),
        reduction_ratio=Fraction(16, 11),
        parity_ratio=Fraction(100, 99),
        objects=sizes(*range(1000, 90_000, 77)),
    )
    steps = waterfall(map_numbers(data, exact), lay)
    assert sum(s.share_bytes for s in steps) == steps[-1].after_bytes - data.logical_bytes
