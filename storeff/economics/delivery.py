"""The deliveries of least cost that are there when they are needed.

Each quarter of an offer is a slot. A byte that is delivered early ties up what was paid for it
until it is needed, and of what is in store the dearest is used first, as that ties up the least. So
a plan is a flow of bytes from slots to quarters of need. With smallest deliveries, costs per order
and agreements that need not be signed it is a mixed-integer program, else a linear one; HiGHS
solves both (Q. Huangfu, J. A. J. Hall, Parallelizing the dual revised simplex method, 2018). Its
answer is in doubles: ``whole_bytes`` makes integers of it that meet every limit exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from storeff.economics.delivery_program import Infeasible, least_missing, optimum, prices
from storeff.economics.delivery_program import Problem as Problem
from storeff.economics.delivery_program import Slot as Slot
from storeff.economics.whole_bytes import lasting, summed, whole_bytes

# What exact arithmetic on the rounded plan may differ by from the program's own optimum.
RELATIVE = 1e-9


@dataclass(frozen=True)
class Costs:
    """Money, exactly. ``holding`` is the cost of capital of what came early, ``deposits`` that of
    what was paid with the order; neither is paid to a supplier."""

    purchase: Fraction
    not_taken: Fraction
    orders: Fraction
    holding: Fraction
    deposits: Fraction

    @property
    def total(self) -> Fraction:
        return self.purchase + self.not_taken + self.orders + self.holding + self.deposits


@dataclass(frozen=True)
class Solution:
    """``taken`` are the bytes of each slot, ``signed`` the offers whose commitment is in force.

    The rest are shadow prices, money for one byte more: what it saves at the cap of a slot, by
    ceiling and quarter, and at the limit of each supplier; and what it costs if it is needed in a
    quarter (None where nothing is).
    """

    taken: tuple[int, ...]
    signed: frozenset[int]
    costs: Costs
    cap_prices: tuple[float, ...]
    ceiling_prices: tuple[tuple[float, ...], ...]
    supplier_prices: tuple[float, ...]
    need_prices: tuple[float | None, ...]


@dataclass(frozen=True)
class Gap:
    """``missing_bytes`` of the cumulative need are not there at ``at``, where that is the most;
    ``first`` is when any first are not. ``ceiling`` limits what can be there by then, from the
    quarter ``limited_from`` on the caps of the offers; None if these do alone. ``by_share`` is
    whether only the limit of each supplier, or smallest deliveries, stand in the way."""

    missing_bytes: int
    at: int
    first: int
    ceiling: int | None = None
    limited_from: int = 0
    by_share: bool = False


def solve(problem: Problem) -> Solution | None:
    """The plan of least cost; None if there is none."""
    need = summed(problem.demand)
    if any(have < wanted for have, wanted in zip(reach(problem), need, strict=True)):
        return None
    try:
        taken, choice, total = optimum(problem)
    except Infeasible:
        return None
    whole = whole_bytes(problem, taken, choice)
    costs = costs_of(problem, whole, choice.signed)
    if abs(total - float(costs.total)) > RELATIVE * max(total, problem.money):
        raise AssertionError(f"a plan of {float(costs.total)} was to cost {total}")
    found = prices(problem, choice)
    return Solution(
        taken=whole,
        signed=choice.signed,
        costs=costs,
        cap_prices=found.caps,
        ceiling_prices=found.ceilings,
        supplier_prices=found.suppliers,
        need_prices=found.needs,
    )


def costs_of(problem: Problem, taken: Sequence[int], signed: frozenset[int]) -> Costs:
    """What ``taken`` of each slot costs."""
    zero = Fraction(0)
    pairs = list(zip(problem.slots, taken, strict=True))
    owed = [max(0, s.committed - n) if s.offer in signed else 0 for s, n in pairs]
    return Costs(
        purchase=sum((s.price * n for s, n in pairs), zero),
        not_taken=sum((s.price * n for s, n in zip(problem.slots, owed, strict=True)), zero),
        orders=sum((s.order_cost for s, n in pairs if n), zero),
        holding=problem.holding * sum(_held(problem, taken), zero),
        deposits=sum(
            (s.deposit_capital * (n + o) for (s, n), o in zip(pairs, owed, strict=True)), zero
        ),
    )


def _held(problem: Problem, taken: Sequence[int]) -> list[Fraction]:
    """What was paid for all that is in store at the end of each quarter."""
    stock: list[list[Fraction | int]] = []
    values = []
    for at, need in enumerate(problem.demand):
        stock += [
            [s.price, n] for s, n in zip(problem.slots, taken, strict=True) if s.at == at and n
        ]
        stock.sort(key=lambda lot: lot[0])
        left = need
        while left:
            used = min(left, int(stock[-1][1]))
            stock[-1][1] -= used
            left -= used
            if not stock[-1][1]:
                stock.pop()
        values.append(sum((Fraction(price) * size for price, size in stock), Fraction(0)))
    return values


def gap(problem: Problem) -> Gap:
    """What is missing of a problem that has no plan."""
    most, need = reach(problem), summed(problem.demand)
    short = [max(0, n - r) for n, r in zip(need, most, strict=True)]
    worst = max(short)
    if not worst:
        # All caps together would do, so it is what may come from one supplier, or in small lots.
        missing, at = least_missing(problem)
        return Gap(missing, at, at, by_share=True)
    at, first = short.index(worst), next(i for i, each in enumerate(short) if each)
    ceilings, caps = [lasting(each) for each in problem.ceilings], _caps(problem)
    for i in range(at, -1, -1):
        before = most[i - 1] if i else 0
        for number, ceiling in enumerate(ceilings):
            if ceiling[i] == most[i] < before + caps[i]:
                return Gap(worst, at, first, number, i + 1)
    return Gap(worst, at, first)


def _caps(problem: Problem) -> list[int]:
    caps = [0] * len(problem.demand)
    for slot in problem.slots:
        caps[slot.at] += slot.cap
    return caps


def reach(problem: Problem) -> list[int]:
    """The most that can have been delivered by the end of each quarter, by caps and ceilings."""
    most, have = [], 0
    ceilings = [lasting(each) for each in problem.ceilings]
    for at, cap in enumerate(_caps(problem)):
        have = min([have + cap, *(ceiling[at] for ceiling in ceilings)])
        most.append(have)
    return most
