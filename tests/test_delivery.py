"""Plans of least cost: published examples, brute force, and what must hold of every plan."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from storeff.economics.delivery import Problem, Slot, Solution, costs_of, gap, solve

EB = 10**18
TB = 10**12
NEED = (0, 0, 4 * EB, 4 * EB, 6 * EB, 8 * EB, 8 * EB, 7_298_969 * TB)


def worked_example(waited: int, **changes: int) -> Problem:
    """Two agreements and the spot market for 37.3 EB in eight quarters, ``waited`` quarters later.
    ``changes`` are caps by the names of the offers."""
    need = (0,) * waited + NEED
    caps = {"lta_a": 3 * EB, "lta_b": 2 * EB, "spot": EB} | changes
    terms = [("lta_a", 2, 220), ("lta_b", 3, 235), ("spot", 0, 330)]
    slots = tuple(
        Slot(number, at, caps[name], Fraction(price, TB))
        for number, (name, first, price) in enumerate(terms)
        for at in range(first, len(need))
    )
    return Problem(need, slots, Fraction(8, 400))


def of_offers(problem: Problem, solution: Solution) -> list[int]:
    """Bytes of each offer."""
    pairs = list(zip(problem.slots, solution.taken, strict=True))
    offers = 1 + max(slot.offer for slot in problem.slots)
    return [sum(n for slot, n in pairs if slot.offer == each) for each in range(offers)]


def plan(problem: Problem) -> Solution:
    solution = solve(problem)
    assert solution is not None
    return solution


def test_the_worked_example_lacks_1_298969_eb_at_the_end() -> None:
    assert solve(worked_example(0)) is None
    found = gap(worked_example(0))
    assert found.missing_bytes == 1_298_969 * TB
    assert (found.first, found.at) == (7, 7)


@pytest.mark.parametrize(
    ("waited", "billions", "offers"),
    [
        (1, 8.8587, [21 * EB, 12 * EB, 4_298_969 * TB]),
        (2, 8.4053, [24 * EB, 13_298_969 * TB, 0]),
        (3, 8.3603, [27 * EB, 10_298_969 * TB, 0]),
    ],
)
def test_the_worked_example_costs_less_for_each_quarter_waited(
    waited: int, billions: float, offers: list[int]
) -> None:
    problem = worked_example(waited)
    found = plan(problem)
    assert round(float(found.costs.purchase) / 1e9, 4) == billions
    assert of_offers(problem, found) == offers
    assert sum(found.taken) == sum(NEED)


def test_what_the_worked_example_holds_costs_220_times_8_percent_a_year() -> None:
    problem = worked_example(1)
    found = plan(problem)
    stored = []
    for at in range(len(problem.demand)):
        pairs = zip(problem.slots, found.taken, strict=True)
        came = sum(n for slot, n in pairs if slot.at <= at)
        stored.append(came - sum(problem.demand[: at + 1]))
    # Enough of the first agreement is always in store, and it ties up the least.
    assert found.costs.holding == Fraction(220, TB) * Fraction(8, 400) * sum(stored)


def test_wagner_and_whitin_1958_costs_864() -> None:
    """H. M. Wagner, T. M. Whitin, Dynamic version of the economic lot size model, Management
    Science 5(1), 1958: twelve months, holding a unit for one costs 1."""
    demand = (69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56)
    setup = (85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114)
    slots = tuple(
        Slot(at, at, 1000 * TB, Fraction(1, TB), order_cost=Fraction(cost))
        for at, cost in enumerate(setup)
    )
    found = plan(Problem(tuple(n * TB for n in demand), slots, holding=Fraction(1)))
    assert found.costs.orders + found.costs.holding == 864
    assert [n // TB for n in found.taken] == [98, 0, 97, 0, 121, 0, 0, 112, 0, 67, 135, 0]


# A byte would be rounded: brute force counts in these.
LUMP = 10**12


def instance(seed: int) -> Problem:
    """A small problem at random: up to three quarters and three offers, on any terms."""
    chance = random.Random(seed)
    quarters = chance.randint(1, 3)
    slots = []
    for offer in range(chance.randint(1, 3)):
        kind = chance.choice(["plain", "plain", "least", "order", "committed", "optional"])
        first = chance.randint(0, quarters - 1)
        for at in range(first, quarters):
            cap, price = chance.randint(0, 3), chance.randint(1, 20)
            slots.append(
                Slot(
                    offer,
                    at,
                    cap * LUMP,
                    Fraction(price, LUMP),
                    deposit_capital=Fraction(chance.randint(0, 2), 10 * LUMP),
                    least=min(cap, 2) * LUMP if kind == "least" else 0,
                    order_cost=Fraction(chance.randint(0, 15)) if kind == "order" else Fraction(0),
                    committed=min(cap, 2) * LUMP if kind in ("committed", "optional") else 0,
                    is_optional=kind == "optional",
                )
            )
    demand = tuple(chance.randint(0, 3) * LUMP for _ in range(quarters))
    demand = demand if any(demand) else (*demand[:-1], LUMP)
    ceilings = []
    if chance.random() < 0.3:
        ceilings.append(tuple(chance.randint(2, 7) * LUMP for _ in range(quarters)))
    rate = Fraction(chance.choice([0, 1, 5, 20]), 100)
    return Problem(demand, tuple(slots), rate, ceilings=tuple(ceilings))


def every_plan(problem: Problem) -> Iterator[tuple[tuple[int, ...], frozenset[int]]]:
    """All whole lumps of every slot that meet every limit, with every choice of agreements."""
    slots = problem.slots
    optional = sorted({slot.offer for slot in slots if slot.is_optional})
    obliged = {slot.offer for slot in slots if not slot.is_optional}
    for chosen in itertools.product([False, True], repeat=len(optional)):
        signed = obliged | {o for o, is_chosen in zip(optional, chosen, strict=True) if is_chosen}
        ranges = [
            [n for n in range(0, slot.cap + 1, LUMP) if not n or n >= slot.least]
            if slot.offer in signed
            else [0]
            for slot in slots
        ]
        for taken in itertools.product(*ranges):
            have = need = 0
            for at, each in enumerate(problem.demand):
                need += each
                have += sum(n for n, slot in zip(taken, slots, strict=True) if slot.at == at)
                if have < need or any(have > ceiling[at] for ceiling in problem.ceilings):
                    break
            else:
                yield taken, frozenset(signed)


def test_a_plan_costs_what_the_best_of_all_plans_costs() -> None:
    feasible = 0
    for seed in range(200):
        problem = instance(seed)
        plans = list(every_plan(problem))
        found = solve(problem)
        assert (found is None) == (not plans), seed
        if found is not None:
            feasible += 1
            best = min(costs_of(problem, *each).total for each in plans)
            assert found.costs.total == best, seed
    assert feasible > 75


def test_what_is_paid_and_not_taken_is_paid_for_all_the_same() -> None:
    slots = (
        Slot(0, 0, 5 * LUMP, Fraction(3, LUMP), committed=4 * LUMP),
        Slot(1, 0, 5 * LUMP, Fraction(1, LUMP)),
    )
    found = plan(Problem((2 * LUMP,), slots))
    assert found.costs.purchase + found.costs.not_taken == 12
    assert found.taken == (2 * LUMP, 0)


@pytest.mark.parametrize(("price", "is_signed"), [(3, False), (2, True)])
def test_an_agreement_is_signed_only_if_that_costs_less(price: int, is_signed: bool) -> None:
    slots = (
        Slot(0, 0, 5 * LUMP, Fraction(price, LUMP), committed=4 * LUMP, is_optional=True),
        Slot(1, 0, 5 * LUMP, Fraction(5, LUMP)),
    )
    found = plan(Problem((2 * LUMP,), slots))
    assert (0 in found.signed) == is_signed
    assert found.costs.total == (8 if is_signed else 10)


def test_a_smallest_delivery_may_be_more_than_is_needed() -> None:
    slots = (Slot(0, 0, 5 * LUMP, Fraction(1, LUMP), least=3 * LUMP),)
    found = plan(Problem((2 * LUMP,), slots, holding=Fraction(1, 2)))
    assert found.taken == (3 * LUMP,)
    # The third is held to the end of the quarter in which nothing more is needed.
    assert found.costs.total == 3 + Fraction(1, 2)


def test_of_what_is_in_store_the_dearest_is_used_first() -> None:
    slots = (Slot(0, 0, LUMP, Fraction(10, LUMP)), Slot(1, 0, LUMP, Fraction(20, LUMP)))
    found = plan(Problem((LUMP, LUMP), slots, holding=Fraction(1, 10)))
    assert found.costs.holding == 1


def with_suppliers(share: Fraction | None) -> Problem:
    slots = tuple(
        Slot(offer, at, 9 * EB, Fraction(price, TB))
        for offer, price in enumerate((200, 210, 300))
        for at in range(4)
    )
    suppliers = (frozenset({0, 1}), frozenset({2}))
    need = (EB, 2 * EB, 3 * EB + 1, EB)
    return Problem(need, slots, Fraction(2, 100), suppliers, share)


def test_no_more_than_the_largest_share_comes_from_one_supplier() -> None:
    free, bound = plan(with_suppliers(None)), plan(with_suppliers(Fraction(6, 10)))
    total = 7 * EB + 1
    assert of_offers(with_suppliers(None), free) == [total, 0, 0]
    first, second, other = of_offers(with_suppliers(Fraction(6, 10)), bound)
    assert first + second + other == total
    assert second == 0
    # To the bytes of rounding.
    assert first == pytest.approx(total * 0.6, rel=1e-12)
    assert bound.costs.purchase == pytest.approx(float(first * 200 + other * 300) / TB)
    # A byte more of the cheap supplier saves the difference.
    assert bound.supplier_prices[0] * TB == pytest.approx(100, rel=1e-6)


def test_what_one_supplier_may_deliver_can_be_too_little() -> None:
    problem = with_suppliers(Fraction(6, 10))
    only = replace(problem, slots=tuple(s for s in problem.slots if s.offer < 2))
    assert solve(only) is None
    found = gap(only)
    assert found.by_share
    assert found.missing_bytes == pytest.approx(sum(problem.demand), rel=1e-12)


def test_a_ceiling_that_falls_later_holds_before() -> None:
    slots = tuple(Slot(0, at, 9 * LUMP, Fraction(1, LUMP)) for at in range(3))
    problem = Problem((0, 5 * LUMP, 0), slots, ceilings=((9 * LUMP, 9 * LUMP, 4 * LUMP),))
    assert solve(problem) is None
    found = gap(problem)
    assert (found.missing_bytes, found.at, found.ceiling) == (LUMP, 1, 0)


def large_instance(seed: int) -> Problem:
    """A plan of the size that people make, in odd bytes and without choices."""
    chance = random.Random(seed)
    quarters = chance.randint(4, 8)
    slots = tuple(
        Slot(
            offer,
            at,
            chance.randint(EB, 4 * EB),
            Fraction(chance.randint(10_000, 40_000), 100 * TB),
        )
        for offer in range(3)
        for at in range(chance.randint(0, 2), quarters)
    )
    need = tuple(chance.randint(0, 5 * EB) for _ in range(quarters))
    ceilings = (tuple(chance.randint(5 * EB, 9 * EB) * (at + 1) for at in range(quarters)),)
    return Problem(need, slots, Fraction(3, 100), ceilings=ceilings)


LARGE = [seed for seed in range(24) if solve(large_instance(seed)) is not None]


def test_there_are_plans_of_odd_bytes_and_each_delivers_what_is_needed() -> None:
    assert len(LARGE) > 8
    for seed in LARGE:
        problem = large_instance(seed)
        assert sum(plan(problem).taken) == sum(problem.demand)


@pytest.mark.parametrize("seed", LARGE[:8])
def test_more_demand_never_costs_less(seed: int) -> None:
    problem = large_instance(seed)
    cost = plan(problem).costs.total
    for at in range(len(problem.demand)):
        more = [*problem.demand]
        more[at] += EB // 7
        found = solve(replace(problem, demand=tuple(more)))
        assert found is None or found.costs.total >= cost * (1 - Fraction(1, 10**12))


def with_cap(problem: Problem, number: int, more: int) -> Problem:
    slots = list(problem.slots)
    slots[number] = replace(slots[number], cap=slots[number].cap + more)
    return replace(problem, slots=tuple(slots))


@pytest.mark.parametrize("seed", LARGE[:8])
def test_a_larger_cap_never_costs_more(seed: int) -> None:
    problem = large_instance(seed)
    cost = plan(problem).costs.total
    for number in range(len(problem.slots)):
        found = plan(with_cap(problem, number, EB // 3))
        assert found.costs.total <= cost * (1 + Fraction(1, 10**12))


def test_the_shadow_price_of_a_cap_is_what_a_little_more_of_it_saves() -> None:
    step, compared, above_zero = EB // 10**4, 0, 0
    for seed in LARGE[:7]:
        problem = large_instance(seed)
        here = plan(problem)
        for number, shadow in enumerate(here.cap_prices):
            up, down = (solve(with_cap(problem, number, by)) for by in (step, -step))
            assert up is not None
            saved = float(here.costs.total - up.costs.total) / step * TB
            if down is None:
                continue
            lost = float(down.costs.total - here.costs.total) / step * TB
            if saved == pytest.approx(lost, abs=1e-4):
                compared += 1
                above_zero += shadow > 0
                assert shadow * TB == pytest.approx(saved, abs=1e-3), (seed, number)
    assert compared > 100
    assert above_zero > 20


def test_the_price_of_need_is_what_a_little_more_of_it_costs() -> None:
    step, compared = EB // 10**4, 0
    for seed in LARGE[:7]:
        problem = large_instance(seed)
        here = plan(problem)
        for at, price in enumerate(here.need_prices):
            costs = []
            for by in (step, -step):
                need = [*problem.demand]
                need[at] += by
                found = solve(replace(problem, demand=tuple(need))) if need[at] > 0 else None
                costs.append(found and found.costs.total)
            if price is None or None in costs:
                continue
            more, less = (abs(float(c - here.costs.total)) / step * TB for c in costs if c)
            if more == pytest.approx(less, abs=1e-4):
                compared += 1
                assert price * TB == pytest.approx(more, abs=1e-3)
    assert compared > 20


def test_a_slot_may_deliver_one_byte() -> None:
    third = (10**18 - 1) // 3
    slots = tuple(Slot(i, 0, third, Fraction(200 + i, TB)) for i in range(4))
    assert plan(Problem((10**18,), slots)).taken == (third, third, third, 1)


def test_bytes_that_doubles_do_not_tell_apart_are_all_delivered() -> None:
    """Caps and needs that differ by a few bytes, in every order of quarters."""
    delivered = 0
    for seed in range(150):
        chance = random.Random(seed)
        quarters = chance.randint(1, 5)
        need = [chance.randint(1, 4) * EB + chance.randint(-3, 3) for _ in range(quarters)]
        slots = [
            Slot(
                offer,
                at,
                chance.randint(1, 3) * EB + chance.randint(-3, 3),
                Fraction(chance.choice([200, 220, 300]), TB),
            )
            for offer in range(3)
            for at in range(quarters)
        ]
        found = solve(Problem(tuple(need), tuple(slots), Fraction(2, 100)))
        if found is not None:
            delivered += 1
            assert sum(found.taken) == sum(need), seed
    assert delivered > 75
