"""On what the cost rests: measured, quoted, sourced or assumed figures, and which are out of date.

Every payment is a quantity times a price, so the cost is linear in each price, and what rests on a
price is the part that goes away if that price is nothing. The parts of all prices sum to the cost.
Payments that have no price in them, or two, leave a remainder, which is stated as one.

Quantities have no parts, as every payment rests on all of them. They are stated apart: by how much
the cost moves if each is off by 1 %.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

from storeff.data import Assumption, AssumptionRow, exact, map_numbers, numbers_in
from storeff.economics.bill import bill_for, in_cells
from storeff.economics.model import Scenario
from storeff.economics.sensitivity import Elasticity
from storeff.layout.number import Number, is_unknown

Footing = Literal["measured", "quoted", "sourced", "assumed"]

# Kinds of what a seller is bound by, and of what nobody published. Any other is sourced.
_QUOTED = ("contract", "quote")
_ASSUMED = ("assumption", "estimate", "typed")
# A rate of failures is a double.
_ROUNDED = 1e-9


class PriceBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What of the cost rests on prices of one ``kind``, all out of date (``stale``) or none; null
    where they have no date. ``oldest`` is the date of the oldest, ``age_days`` its age when the
    report was made. ``paths`` come by their part, the largest first."""

    footing: Footing
    kind: str
    stale: bool | None
    npv: float
    npv_share: float
    oldest: date | None
    age_days: int | None
    paths: tuple[str, ...]


class QuantityBasis(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities of one ``kind``, as in ``PriceBasis``: by which part of it the cost moves if each
    of them is off by 1 % the wrong way."""

    footing: Footing
    kind: str
    stale: bool | None
    moved_share: float
    paths: tuple[str, ...]


class CostBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What the cost rests on, the largest first. ``other_share`` of it rests on no single price.
    The bytes to be stored and the horizon are asked for, and are no basis. Ages are counted on
    ``judged_on``, null in a report that was made before it was kept."""

    prices: tuple[PriceBasis, ...]
    other_share: float
    quantities: tuple[QuantityBasis, ...]
    judged_on: date | None = None


def footing(number: Assumption) -> Footing:
    """How far a number can be relied on, by its kind; without a source it is assumed."""
    if number.kind == "measured":
        return "measured"
    if number.kind in _QUOTED:
        return "quoted"
    return "assumed" if number.kind in _ASSUMED or number.source is None else "sourced"


def cost_basis(
    scenario: Scenario[Assumption],
    elasticities: Iterable[Elasticity],
    listed: Mapping[str, AssumptionRow],
    today: date,
) -> CostBasis | None:
    """What the cost of ``scenario`` rests on; None where that is unknown, or nothing.

    ``elasticities`` are its own, ``listed`` its assumptions by path, as they are at ``today``.
    """
    scenario = in_cells(scenario)
    numbers = {each.path: each for each in numbers_in(scenario) if each.path}
    npv = bill_for(_at(scenario)).npv
    if is_unknown(npv) or not npv:
        return None
    parts = {
        path: npv - bill_for(_at(scenario, path)).npv
        for path, each in numbers.items()
        if each.is_price and each.value is not None
    }
    asked_for = (scenario.data.logical_bytes.path, scenario.finance.years.path)
    moved = {
        each.input: Fraction(abs(each.npv)) / 100
        for each in elasticities
        if not numbers[each.input].is_price and each.input not in asked_for
    }
    other = float(1 - sum(parts.values()) / npv)
    return CostBasis(
        prices=tuple(
            _price_basis(
                [numbers[path] for path in group],
                listed.get(group[0]),
                sum(parts[path] for path in group),
                npv,
                today,
            )
            for group in _alike(parts, numbers, listed)
        ),
        other_share=0.0 if abs(other) < _ROUNDED else other,
        quantities=tuple(
            QuantityBasis(
                footing=footing(numbers[group[0]]),
                kind=numbers[group[0]].kind,
                stale=row.stale if (row := listed.get(group[0])) else None,
                moved_share=float(sum(moved[path] for path in group)),
                paths=tuple(group),
            )
            for group in _alike(moved, numbers, listed)
        ),
        judged_on=today,
    )


def _price_basis(
    alike: Sequence[Assumption], row: AssumptionRow | None, part: Number, npv: Number, today: date
) -> PriceBasis:
    """That of prices that are ``alike``, of which the first is listed as ``row``."""
    oldest = min((each.true_on for each in alike if each.true_on), default=None)
    return PriceBasis(
        footing=footing(alike[0]),
        kind=alike[0].kind,
        stale=row.stale if row else None,
        npv=round(float(part), 2),
        npv_share=float(part / npv),
        oldest=oldest,
        age_days=None if oldest is None else (today - oldest).days,
        paths=tuple(each.path for each in alike),
    )


def _at(scenario: Scenario[Assumption], free: str | None = None) -> Scenario[Number]:
    """``scenario`` in exact numbers, with nothing for the price at the path ``free``."""

    def number(each: Assumption) -> Number:
        return Fraction(0) if each.path == free else exact(each)

    run: Scenario[Number] = map_numbers(scenario, number)
    return run


def _alike(
    parts: Mapping[str, Fraction],
    numbers: Mapping[str, Assumption],
    listed: Mapping[str, AssumptionRow],
) -> list[Sequence[str]]:
    """The paths of ``parts`` that are of one footing and kind, and as much out of date: the groups
    of the largest parts first, and so in each."""
    groups: dict[tuple[str, str, bool | None], list[str]] = {}
    for path in sorted(parts, key=lambda path: (-parts[path], path)):
        number, row = numbers[path], listed.get(path)
        key = footing(number), number.kind, row.stale if row else None
        groups.setdefault(key, []).append(path)
    return sorted(groups.values(), key=lambda group: -sum(parts[path] for path in group))
