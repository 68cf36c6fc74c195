"""What moves the cost: one percentage point of a step, 1 % of an input, the range of an input."""

import math
from collections.abc import Callable

import msgspec

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics.bill import bill, bill_for, in_cells
from storeff.economics.model import Scenario
from storeff.errors import StoreffError
from storeff.layout.model import ONE_POINT
from storeff.layout.number import Number, ceil, inexact, is_unknown
from storeff.layout.waterfall import raw, step_factors

# A one per cent step: large enough to be read as "1 % more", small enough to be a slope.
_STEP = 0.01

# Steps that add to the data, and numbers of a layout that keep raw empty, with where worse is.
_ADDED = (
    *("snapshots", "growth", "erasure_coding", "metadata", "object_metadata", "padding"),
    "checksums",
)
_KEPT_EMPTY = {
    "rebuild_reserve": 1,
    "file_system_reserve": 1,
    "gc_reserve": 1,
    "fill_limit": -1,
    "rebuild_fill_limit": -1,
    "imbalance": 1,
}


class PerPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is added if one input is one point worse, in whole drives. ``input`` names the input and
    the direction."""

    input: str
    npv: float | None
    drives: int
    raw_bytes: int


class Elasticity(msgspec.Struct, frozen=True, kw_only=True):
    """By how many per cent the cost rises if ``input`` rises by 1 %, buying fractions of drives."""

    input: str
    npv: float


class Swing(msgspec.Struct, frozen=True, kw_only=True):
    """The cost with one assumption at either end of its range and all others central; null at an
    end that cannot be built."""

    path: str
    low: float
    high: float
    npv_at_low: float | None
    npv_at_high: float | None


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """Elasticity and tornado are empty while a price is unknown; the largest come first."""

    per_point: tuple[PerPoint, ...]
    elasticity: tuple[Elasticity, ...]
    tornado: tuple[Swing, ...]


def sensitivity(scenario: Scenario[Assumption]) -> Sensitivity:
    """All three views of ``scenario``."""
    scenario = in_cells(scenario)
    priced = not is_unknown(bill_for(map_numbers(scenario, exact)).npv)
    return Sensitivity(
        per_point=per_point(scenario),
        elasticity=elasticity(scenario) if priced else (),
        tornado=tornado(scenario) if priced else (),
    )


def per_point(scenario: Scenario[Assumption]) -> tuple[PerPoint, ...]:
    """What is added if each step is one point worse."""
    exactly: Scenario[Number] = map_numbers(scenario, exact)
    layout = exactly.layout
    factors = step_factors(exactly.data, layout)
    # Blocks and objects that compress less also fill their whole units differently.
    less = msgspec.structs.replace(
        exactly.data, reduction_ratio=exactly.data.reduction_ratio * (1 - ONE_POINT)
    )

    def changed(**numbers: Number) -> dict[str, Number]:
        return step_factors(exactly.data, msgspec.structs.replace(layout, **numbers))

    worse = {
        f"{step} +1 pp": {step: factors[step] + ONE_POINT} for step in _ADDED if step in factors
    }
    # Raw that is bought for its writes is partly empty anyway, which absorbs a reserve.
    for name, direction in _KEPT_EMPTY.items():
        number = getattr(layout, name)
        if not is_unknown(number):
            sign = "+" if direction > 0 else "-"
            worse[f"{name} {sign}1 pp"] = changed(**{name: number + direction * ONE_POINT})
    worse["reduction_ratio -1 %"] = step_factors(less, layout)
    # What is stored, for which software is paid, comes from the data itself.
    data = {"reduction_ratio -1 %": less} | {
        f"{name} +1 pp": msgspec.structs.replace(
            exactly.data, **{name: getattr(exactly.data, name) + ONE_POINT}
        )
        for name in ("growth", "snapshots")
        if name in factors
    }
    base_raw = raw(exactly.data.logical_bytes, factors)
    base = bill(exactly, base_raw)
    points = []
    for name, other_factors in worse.items():
        raw_bytes = raw(exactly.data.logical_bytes, factors | other_factors)
        changed_data = data.get(name, exactly.data)
        other = bill(msgspec.structs.replace(exactly, data=changed_data), raw_bytes)
        points.append(
            PerPoint(
                input=name,
                npv=_money(other.npv - base.npv),
                drives=other.drives_in_service - base.drives_in_service,
                raw_bytes=ceil(raw_bytes) - ceil(base_raw),
            )
        )
    return tuple(points)


def elasticity(scenario: Scenario[Assumption]) -> tuple[Elasticity, ...]:
    """Relative change of the cost over that of each input, raised by 1 %, the largest first.

    Fractions of drives are bought, but enclosures per rack stay whole, as in any real build. Inputs
    without an effect, or that cannot be raised (a service level past 1), are left out.
    """
    base = _npv(map_numbers(scenario, inexact), whole=False)
    found = []
    for number in numbers_in(scenario):
        if not number.path or not number.value:
            continue
        raised = _with(scenario, number.path, inexact(number) * (1 + _STEP), inexact)
        slope = (_npv(raised, whole=False) / base - 1) / _STEP
        if not math.isnan(slope) and abs(slope) > 1e-9:
            found.append(Elasticity(input=number.path, npv=slope))
    return tuple(sorted(found, key=lambda each: -abs(each.npv)))


def tornado(scenario: Scenario[Assumption]) -> tuple[Swing, ...]:
    """The cost at both ends of each assumption that has a range and moves it, the widest first."""
    swings = []
    for number in numbers_in(scenario):
        if not number.path or not number.range:
            continue
        low, high = number.range
        swings.append(
            Swing(
                path=number.path,
                low=float(low),
                high=float(high),
                npv_at_low=_money(_npv(_with(scenario, number.path, low, exact))),
                npv_at_high=_money(_npv(_with(scenario, number.path, high, exact))),
            )
        )
    return tuple(sorted(filter(_width, swings), key=_width, reverse=True))


def _width(swing: Swing) -> float:
    if swing.npv_at_low is None or swing.npv_at_high is None:
        return math.inf
    return abs(swing.npv_at_high - swing.npv_at_low)


def _npv(scenario: Scenario[Number], *, whole: bool = True) -> Number:
    """The cost; NaN if it cannot be built with the changed input: no enclosure fits in a rack."""
    try:
        return bill_for(scenario, whole=whole).npv
    except StoreffError:
        return math.nan


def _with(
    scenario: Scenario[Assumption],
    path: str,
    value: Number,
    others: Callable[[Assumption], Number],
) -> Scenario[Number]:
    changed: Scenario[Number] = map_numbers(
        scenario, lambda number: value if number.path == path else others(number)
    )
    return changed


def _money(x: Number) -> float | None:
    return None if is_unknown(x) else round(float(x), 2)
