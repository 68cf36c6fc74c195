"""What a plan comes to if less or more is needed than it was made for.

What long-term agreements and take-or-pay deliver, or are paid for, is fixed once it is signed. When
the need is known, only other offers are free: the second stage of a stochastic program with
recourse (G. B. Dantzig, "Linear programming under uncertainty", Management Science 1, 1955). What
cannot be there in time is met as early as caps and the site let it be, in every quarter: no other
way is later at no time. Of all such ways, the one of least cost is found.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from storeff.economics.delivery import Problem, Slot, Solution, reach, solve
from storeff.economics.demand import DemandCase
from storeff.economics.plan_model import PlanCost, PlannedRange, PlanOutcome
from storeff.economics.quarters import quarter_name
from storeff.economics.timeline import Timeline
from storeff.economics.whole_bytes import lasting, summed

CASES: tuple[DemandCase, ...] = ("low", "middle", "high")
# Of these kinds a delivery that is planned is a promise.
_PROMISED = ("lta", "take-or-pay")


@dataclass(frozen=True)
class Late:
    """The need of each quarter as it can be met. ``short`` is the most of it that is not there in
    time, ``first`` the first quarter in which any is not, ``quarters`` the longest that anything is
    waited for, and ``missing`` what never comes."""

    need: tuple[int, ...]
    short: int
    first: int | None
    quarters: int
    missing: int


def ranged(
    at: Callable[[DemandCase], Timeline],
    line: Timeline,
    solution: Solution,
    priced: Callable[[Timeline, Solution], PlanCost],
) -> PlannedRange:
    """What the plan ``solution`` of ``line`` comes to in each case of demand, of which ``at`` gives
    the problem, and a plan for the high one beside it. ``priced`` is what a solution costs."""
    lines = {case: at(case) for case in CASES}
    horizon = len(line.problem.demand)
    plans: dict[DemandCase, tuple[Timeline, Solution]] = {"middle": (line, solution)}
    late = postponed(lines["high"].problem)
    high = _until(replace(lines["high"].problem, demand=late.need), horizon)
    found = solve(high)
    if found is not None:
        plans["high"] = (replace(lines["high"], problem=high), found)
    outcomes = [
        outcome
        for made_for, plan in plans.items()
        for outcome in _outcomes(made_for, plan, lines, horizon, priced)
    ]
    total = {(each.made_for, each.demand): each.cost.total for each in outcomes if each.cost}
    holding = None
    if ("high", "middle") in total and ("middle", "middle") in total:
        holding = round(total["high", "middle"] - total["middle", "middle"], 2)
    return PlannedRange(high_plan_costs_more=holding, outcomes=tuple(outcomes))


def _outcomes(
    made_for: DemandCase,
    plan: tuple[Timeline, Solution],
    lines: dict[DemandCase, Timeline],
    horizon: int,
    priced: Callable[[Timeline, Solution], PlanCost],
) -> Iterator[PlanOutcome]:
    line, solution = plan
    for case in CASES:
        late, problem = second_stage(line, solution, lines[case].problem, horizon)
        found = solve(problem)
        if made_for == case == "middle":
            problem, found = line.problem, solution
        free = surplus = None
        if found is not None:
            pairs = list(zip(problem.slots, found.taken, strict=True))
            free = sum(size for slot, size in pairs if not _is_promised(line, slot))
            surplus = sum(found.taken) - sum(problem.demand)
        yield PlanOutcome(
            made_for=made_for,
            demand=case,
            need_bytes=sum(lines[case].problem.demand),
            cost=None if found is None else priced(replace(lines[case], problem=problem), found),
            free_bytes=free,
            surplus_bytes=surplus,
            short_bytes=late.short,
            short_from=None if late.first is None else quarter_name(line.start + late.first),
            late_quarters=late.quarters,
            missing_bytes=late.missing,
        )


def second_stage(
    line: Timeline, solution: Solution, wanted: Problem, horizon: int
) -> tuple[Late, Problem]:
    """How late the need of ``wanted`` is met, and the problem of meeting it then, where what was
    planned of agreements is fixed. It is over ``horizon`` quarters at least: what is left over ties
    up capital to its end. The largest share of a supplier is of the plan: to keep it here would be
    to buy what is not needed."""
    slots = [*_promised(line, solution), *_free(line, wanted)]
    promised = [0] * len(wanted.demand)
    for slot in slots:
        promised[slot.at] += slot.cap if slot.is_fixed else 0
    come = summed(promised)
    # What is promised for later keeps its room.
    ceilings = tuple(
        tuple(most + have for most, have in zip(lasting(spare), come, strict=True))
        for spare in (
            [most - have for most, have in zip(each, come, strict=True)] for each in wanted.ceilings
        )
    )
    problem = replace(wanted, slots=tuple(slots), ceilings=ceilings, largest_share=None)
    late = postponed(problem)
    return late, _until(replace(problem, demand=late.need), horizon)


def _promised(line: Timeline, solution: Solution) -> Iterator[Slot]:
    """What agreements deliver as planned, and what else of them is paid for, taken or not."""
    for slot, taken in zip(line.problem.slots, solution.taken, strict=True):
        if not _is_promised(line, slot):
            continue
        fixed = replace(slot, least=0, committed=0, is_optional=False)
        if taken:
            yield replace(fixed, cap=taken, is_fixed=True)
        owed = slot.committed - taken if slot.offer in solution.signed else 0
        if owed > 0:
            yield replace(fixed, cap=owed, committed=owed, order_cost=Fraction(0))


def _free(line: Timeline, wanted: Problem) -> Iterator[Slot]:
    """What can still be bought. A quarter whose cap is below the smallest delivery has none."""
    for slot in wanted.slots:
        if not _is_promised(line, slot) and slot.cap >= slot.least:
            yield slot


def _is_promised(line: Timeline, slot: Slot) -> bool:
    return line.offers[slot.offer][1].kind in _PROMISED


def postponed(problem: Problem) -> Late:
    """The need of ``problem`` met as early as it can be."""
    need, have = summed(problem.demand), reach(problem)
    met = [min(pair) for pair in zip(need, have, strict=True)]
    behind = [n - m for n, m in zip(need, met, strict=True)]
    there = 0
    waits = [0]
    for at, each in enumerate(need):
        while there < len(met) and met[there] < min(each, met[-1]):
            there += 1
        waits.append(there - at)
    return Late(
        need=tuple(b - a for a, b in itertools.pairwise([0, *met])),
        short=max(behind),
        first=next((at for at, each in enumerate(behind) if each), None),
        quarters=max(waits),
        missing=behind[-1],
    )


def _until(problem: Problem, horizon: int) -> Problem:
    """``problem`` without the quarters after the horizon in which nothing is needed or promised."""
    needed = max((at for at, need in enumerate(problem.demand) if need), default=0)
    promised = max((s.at for s in problem.slots if s.is_fixed or s.committed), default=0)
    end = max(horizon, needed + 1, promised + 1)
    return replace(
        problem,
        demand=problem.demand[:end],
        slots=tuple(slot for slot in problem.slots if slot.at < end),
        ceilings=tuple(each[:end] for each in problem.ceilings),
    )
