"""The plan of what to take from whom in which quarter, and what waiting for it would change."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from msgspec import UNSET

from storeff.data import Assumption, AssumptionRow
from storeff.economics.delivery import Gap, Solution, gap, solve
from storeff.economics.demand import QUARTERS_MOST, Demand
from storeff.economics.offers import TB, Offers, known
from storeff.economics.plan_model import (
    Plan,
    PlanCost,
    PlanGap,
    PlannedDelivery,
    PlannedOffer,
    PlannedQuarter,
    SiteLimit,
    SupplierShare,
    SupplyShare,
    Wait,
)
from storeff.economics.quarters import WEEKS, quarter_name
from storeff.economics.ranged_plan import ranged
from storeff.economics.supply import Supply
from storeff.economics.timeline import Build, Timeline, timeline

# Waits that are always looked at, and how many beyond the first that makes a plan possible.
_WAITS, _BEYOND = 3, 2


def planned(
    build: Build,
    demand: Demand,
    offers: Offers,
    supplies: Mapping[str, Supply[Assumption]],
    assumptions: Sequence[AssumptionRow] = (),
) -> Plan:
    """The plan of least cost that meets ``demand`` from ``offers``, in time or as soon after as
    there is one. Raises StoreffError where the files ask for what ``build`` does not say."""
    solved = _solved(lambda delay: timeline(build, demand, offers, delay))
    delay = next((each for each, (_, found) in solved.items() if found is not None), None)
    _, in_time = solved[0]
    line, solution = solved[delay or 0]
    first, need = demand.quarters(build.raw_bytes or 0)
    made = None if solution is None else _Made(line, solution)
    return Plan(
        layout=build.layout,
        drive=build.drive,
        currency=offers.currency,
        layout_raw_bytes=build.raw_bytes,
        need_bytes=sum(need),
        first_quarter=quarter_name(first + next(i for i, each in enumerate(need) if each)),
        last_quarter=quarter_name(first + len(need) - 1),
        holding_rate=float(known(offers.holding_rate)),
        is_in_time=in_time is not None,
        delay_quarters=delay,
        gap=None if in_time is not None else _gap(solved[0][0]),
        cost=None if made is None else made.cost(),
        waits=tuple(_waits(solved)),
        quarters=() if made is None else tuple(made.quarters()),
        offers=() if made is None else tuple(made.offers()),
        deliveries=() if made is None else tuple(made.deliveries()),
        suppliers=() if made is None else tuple(made.suppliers()),
        site=() if made is None else tuple(made.site()),
        supply=tuple(_supply(build, supplies, line, solution)),
        assumptions=tuple(assumptions),
        demand_range=ranged(
            lambda case: timeline(
                build, demand, offers, delay or 0, case=case, beyond=QUARTERS_MOST
            ),
            line,
            solution,
            lambda line, solution: _Made(line, solution).cost(),
        )
        if demand.has_range and solution is not None
        else UNSET,
    )


def _solved(
    at: Callable[[int], Timeline],
) -> dict[int, tuple[Timeline, Solution | None]]:
    """The plans of least cost after each wait: some quarters in any case, and until two beyond the
    first that makes one possible."""
    solved: dict[int, tuple[Timeline, Solution | None]] = {}
    last = QUARTERS_MOST
    for delay in range(QUARTERS_MOST + 1):
        if delay > max(last, _WAITS):
            break
        line = at(delay)
        solved[delay] = (line, solve(line.problem))
        if solved[delay][1] is not None:
            last = min(last, delay + _BEYOND)
    return solved


def _waits(solved: Mapping[int, tuple[Timeline, Solution | None]]) -> Iterator[Wait]:
    """Of many waits that make no plan possible, the first few."""
    for delay, (line, solution) in solved.items():
        if solution is not None:
            yield Wait(quarters=delay, missing_bytes=0, cost=_Made(line, solution).cost())
        elif delay <= _WAITS:
            missing = gap(line.problem).missing_bytes
            yield Wait(quarters=delay, missing_bytes=missing, cost=None)


def _gap(line: Timeline) -> PlanGap:
    found: Gap = gap(line.problem)
    share = line.problem.largest_share is not None
    limited_in = None
    if found.ceiling is not None:
        limited_in = quarter_name(line.start + found.limited_from - 1)
    return PlanGap(
        missing_bytes=found.missing_bytes,
        quarter=quarter_name(line.start + found.at),
        first_quarter=quarter_name(line.start + found.first),
        limited_by=("supplier" if share else "least")
        if found.by_share
        else "cap"
        if found.ceiling is None
        else line.site[found.ceiling].kind,
        limited_in=limited_in,
    )


def _supply(
    build: Build,
    supplies: Mapping[str, Supply[Assumption]],
    line: Timeline,
    solution: Solution | None,
) -> Iterator[SupplyShare]:
    """What is planned, or else needed, beside each supply of the same media."""
    by_quarter = list(line.problem.demand)
    if solution is not None:
        by_quarter = [0] * len(by_quarter)
        for slot, size in zip(line.problem.slots, solution.taken, strict=True):
            by_quarter[slot.at] += size
    largest = max(range(len(by_quarter)), key=lambda at: by_quarter[at])
    for name, supply in supplies.items():
        if supply.media != build.media:
            continue
        quarterly = known(supply.bytes_per_quarter)
        yield SupplyShare(
            name=name,
            title=supply.title,
            bytes_per_quarter=int(quarterly),
            weeks=float(sum(by_quarter) / quarterly * WEEKS),
            largest_share=float(by_quarter[largest] / quarterly),
            largest_quarter=quarter_name(line.start + largest),
            source=supply.bytes_per_quarter.source,
            true_on=supply.bytes_per_quarter.true_on,
        )


def _cents(money: Fraction) -> int:
    return round(money * 100)


def _rounded(price: float) -> float:
    """A shadow price without what the tolerance of the program leaves open."""
    return round(price, 4)


@dataclass
class _Made:
    """A solution as rows of the report. Each payment is rounded to cents before it is added up."""

    line: Timeline
    solution: Solution

    def __post_init__(self) -> None:
        problem, solution = self.line.problem, self.solution
        self.rows = list(zip(problem.slots, solution.taken, solution.cap_prices, strict=True))
        self.total = sum(solution.taken)
        self.owed = [
            max(0, slot.committed - size) if slot.offer in solution.signed else 0
            for slot, size, _ in self.rows
        ]
        self.taken_cents = [_cents(slot.price * size) for slot, size, _ in self.rows]
        self.owed_cents = [
            _cents(slot.price * owed)
            for (slot, _, _), owed in zip(self.rows, self.owed, strict=True)
        ]
        self.order_cents = [_cents(slot.order_cost) if size else 0 for slot, size, _ in self.rows]

    def cost(self) -> PlanCost:
        costs = self.solution.costs
        parts = {
            "purchase": sum(self.taken_cents),
            "not_taken": sum(self.owed_cents),
            "orders": sum(self.order_cents),
            "holding": _cents(costs.holding),
            "deposits": _cents(costs.deposits),
        }
        money = {name: cents / 100 for name, cents in parts.items()}
        return PlanCost(**money, total=sum(parts.values()) / 100)

    def deliveries(self) -> Iterator[PlannedDelivery]:
        """A row for each slot that delivers, that is paid for, or of which more would save."""
        for i, (slot, size, price) in enumerate(self.rows):
            yield PlannedDelivery(
                offer=self.line.offers[slot.offer][0],
                quarter=quarter_name(self.line.start + slot.at),
                bytes=size,
                cap_bytes=slot.cap,
                slack_bytes=slot.cap - size,
                not_taken_bytes=self.owed[i],
                price_per_tb=float(slot.price * TB),
                cost=(self.taken_cents[i] + self.owed_cents[i] + self.order_cents[i]) / 100,
                shadow_price_per_tb=_rounded(price * TB) if size == slot.cap else 0.0,
            )

    def offers(self) -> Iterator[PlannedOffer]:
        for number, (name, offer) in enumerate(self.line.offers):
            own = [i for i, (slot, _, _) in enumerate(self.rows) if slot.offer == number]
            size = sum(self.rows[i][1] for i in own)
            paid = sum(self.taken_cents[i] + self.owed_cents[i] + self.order_cents[i] for i in own)
            yield PlannedOffer(
                name=name,
                title=offer.title,
                supplier=offer.supplier,
                kind=offer.kind,
                is_signed=number in self.solution.signed or not own,
                bytes=size,
                not_taken_bytes=sum(self.owed[i] for i in own),
                share=size / self.total,
                cost=paid / 100,
                price_per_tb=float(Fraction(paid, 100) / size * TB) if size else None,
            )

    def quarters(self) -> Iterator[PlannedQuarter]:
        """From the first deposit on."""
        deposits, delivery, owed = (defaultdict[int, int](int) for _ in range(3))
        came = defaultdict[int, int](int)
        for i, (slot, size, _) in enumerate(self.rows):
            offer = self.line.offers[slot.offer][1]
            part, ahead = known(offer.deposit), offer.lead_quarters
            came[slot.at] += size
            for cents, rest in ((self.taken_cents[i], delivery), (self.owed_cents[i], owed)):
                deposit = round(cents * part) if ahead else 0
                deposits[slot.at - ahead] += deposit
                rest[slot.at] += cents - deposit
            delivery[slot.at] += self.order_cents[i]
        have = needed = 0
        need = dict(enumerate(self.line.problem.demand))
        prices = dict(enumerate(self.solution.need_prices))
        begin = min([0, *(at for at, cents in deposits.items() if cents)])
        for at in range(begin, len(need)):
            have += came[at]
            needed += need.get(at, 0)
            price = prices.get(at)
            yield PlannedQuarter(
                quarter=quarter_name(self.line.start + at),
                need_bytes=need.get(at, 0),
                delivered_bytes=came[at],
                early_bytes=have - needed,
                need_price_per_tb=None if price is None else _rounded(price * TB),
                deposits=deposits[at] / 100,
                on_delivery=delivery[at] / 100,
                not_taken=owed[at] / 100,
                cash=(deposits[at] + delivery[at] + owed[at]) / 100,
            )

    def suppliers(self) -> Iterator[SupplierShare]:
        limit = self.line.problem.largest_share
        prices = self.solution.supplier_prices or (0.0,) * len(self.line.suppliers)
        for (name, offers), price in zip(self.line.suppliers, prices, strict=True):
            size = sum(taken for slot, taken, _ in self.rows if slot.offer in offers)
            yield SupplierShare(
                supplier=name,
                bytes=size,
                share=size / self.total,
                limit=None if limit is None else float(limit),
                shadow_price_per_point=_rounded(price * self.total / 100),
            )

    def site(self) -> Iterator[SiteLimit]:
        for use, prices in zip(self.line.site, self.solution.ceiling_prices, strict=True):
            have = 0
            for at, limit in enumerate(use.limits):
                have += sum(size for slot, size, _ in self.rows if slot.at == at)
                yield SiteLimit(
                    kind=use.kind,
                    quarter=quarter_name(self.line.start + at),
                    limit=float(limit),
                    used=float(have * use.per_byte),
                    unit=use.unit,
                    shadow_price=_rounded(float(prices[at] / use.per_byte)),
                )
