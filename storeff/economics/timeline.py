"""Offers, a need and a site as the quarters of a delivery problem."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from storeff.economics.delivery import Problem, Slot
from storeff.economics.demand import Demand, DemandCase, Room, room_in
from storeff.economics.offers import Offer, Offers, in_quarter, known
from storeff.economics.plan_model import LimitKind
from storeff.economics.quarters import quarter_of
from storeff.errors import StoreffError
from storeff.layout.model import Media

# Supply may begin as long before the need as the need is long, and waiting adds as much again.
QUARTERS_MOST = 120


@dataclass(frozen=True)
class Build:
    """What is bought for: a layout on a drive. The last three are what all of ``raw_bytes`` takes
    of the site. None is unknown."""

    layout: str
    drive: str
    raw_bytes: int | None = None
    drive_bytes: Fraction | None = None
    media: Media | None = None
    facility_mw: Fraction | None = None
    racks: Fraction | None = None
    floor_m2: Fraction | None = None


@dataclass(frozen=True)
class SiteUse:
    """A limit of the site by quarter of the plan, and what a raw byte takes of it, in ``unit``."""

    kind: LimitKind
    unit: str
    limits: tuple[Fraction, ...]
    per_byte: Fraction

    @property
    def ceiling(self) -> tuple[int, ...]:
        """The most bytes that it has room for, by quarter."""
        return tuple(int(limit // self.per_byte) for limit in self.limits)


@dataclass(frozen=True)
class Timeline:
    """A problem whose quarters count from ``start``."""

    start: int
    problem: Problem
    offers: tuple[tuple[str, Offer], ...]
    suppliers: tuple[tuple[str, frozenset[int]], ...]
    site: tuple[SiteUse, ...]


def timeline(
    build: Build,
    demand: Demand,
    offers: Offers,
    delay: int,
    *,
    case: DemandCase = "middle",
    beyond: int = 0,
) -> Timeline:
    """The problem of meeting ``demand`` in a ``case``, ``delay`` quarters later than it says, with
    as many quarters ``beyond`` it as a plan can have.

    Raises StoreffError where the files ask for what ``build`` does not say, and for a plan over
    too many quarters.
    """
    if demand.is_shared_out and build.raw_bytes is None:
        raise StoreffError(
            f"the raw bytes of {build.layout} are unknown, so there is nothing to share out",
            "give the demand by_quarter",
        )
    first, need = demand.quarters(build.raw_bytes or 0, case)
    named = tuple(offers.offers.items())
    order_from = quarter_of(offers.order_from) if offers.order_from else None
    begun = min([first, *_begun(each for _, each in named)])
    start = begun if order_from is None else min(first, max(begun, order_from))
    end = max([first + delay + len(need) - 1, *_committed_until(each for _, each in named)])
    if end - start >= QUARTERS_MOST:
        raise StoreffError(
            f"the plan is over {end - start + 1} quarters, more than {QUARTERS_MOST}",
            "let offers begin later, or end earlier",
        )
    quarters = range(start, min(end + beyond, start + QUARTERS_MOST - 1) + 1)
    wanted = dict(enumerate(need, first + delay))
    suppliers = _suppliers(named)
    share = offers.largest_share.value
    if share is not None and share * len(suppliers) < 1:
        raise StoreffError(
            f"largest_share of {float(share):g} needs {-int(-1 // share)} suppliers, and the "
            f"offers name {len(suppliers)}",
            "add an offer of another supplier, or raise largest_share",
        )
    site = tuple(_site(build, demand.site, quarters))
    problem = Problem(
        demand=tuple(wanted.get(quarter, 0) for quarter in quarters),
        slots=tuple(_slots(build, offers, named, quarters, order_from)),
        holding=known(offers.holding_rate) / 4,
        suppliers=tuple(members for _, members in suppliers),
        largest_share=share,
        ceilings=tuple(each.ceiling for each in site),
    )
    return Timeline(start, problem, named, suppliers, site)


def _begun(offers: Iterator[Offer]) -> list[int]:
    return [quarter_of(each.available_from) for each in offers if each.available_from]


def _committed_until(offers: Iterator[Offer]) -> list[int]:
    return [quarter_of(each.available_to) for each in offers if each.committed_bytes]


def _suppliers(
    named: Sequence[tuple[str, Offer]],
) -> tuple[tuple[str, frozenset[int]], ...]:
    """The offers of each supplier; one that names none is of a supplier of its own."""
    found: dict[str, set[int]] = {}
    for number, (name, offer) in enumerate(named):
        found.setdefault(offer.supplier or name, set()).add(number)
    return tuple((name, frozenset(members)) for name, members in found.items())


def _slots(
    build: Build,
    offers: Offers,
    named: Sequence[tuple[str, Offer]],
    quarters: Sequence[int],
    order_from: int | None,
) -> Iterator[Slot]:
    for number, (_, offer) in enumerate(named):
        in_force = bool(offer.committed_bytes) and offer.signed
        lead = offer.lead_quarters
        for at, quarter in enumerate(quarters):
            ordered_in_time = in_force or order_from is None or quarter - lead >= order_from
            if not (ordered_in_time and offer.is_open(quarter)):
                continue
            price = offer.price(quarter, build.drive_bytes)
            ahead = known(offer.deposit) * known(offers.holding_rate) / 4 * lead
            yield Slot(
                offer=number,
                at=at,
                cap=int(in_quarter(offer.cap_bytes, quarter) or 0),
                price=price,
                deposit_capital=price * ahead,
                least=int(known(offer.least_bytes)),
                order_cost=known(offer.order_cost),
                committed=int(in_quarter(offer.committed_bytes, quarter) or 0),
                is_optional=bool(offer.committed_bytes) and not offer.signed,
            )


def _site(build: Build, room: Room, quarters: Sequence[int]) -> Iterator[SiteUse]:
    limited: tuple[tuple[LimitKind, str, dict[str, Any], Fraction | None], ...] = (
        ("power", "MW", room.facility_mw, build.facility_mw),
        ("racks", "racks", room.racks, build.racks),
        ("floor", "m2", room.floor_m2, build.floor_m2),
    )
    for kind, unit, table, of_all in limited:
        if not table:
            continue
        if not of_all or not build.raw_bytes:
            raise StoreffError(
                f"the site limits {unit}, and how many {build.layout} takes is unknown",
                "leave that limit out, or plan with a report that has a bill",
            )
        limits = tuple(room_in(table, quarter) for quarter in quarters)
        yield SiteUse(kind, unit, limits, of_all / build.raw_bytes)
