"""What a plan comes to if demand is low or high: agreements are fixed, other offers are free."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import jsonschema
import msgspec
import pytest
from rich.cells import cell_len
from support.golden import GOLDEN, assert_golden

from storeff import analysis
from storeff.economics import planned as planning
from storeff.economics.delivery import Problem, Slot, Solution, costs_of, solve
from storeff.economics.demand import Demand, load_demand
from storeff.economics.offers import Offer, load_offers
from storeff.economics.plan_model import Plan, PlannedRange, PlanOutcome
from storeff.economics.ranged_plan import Late, postponed, second_stage
from storeff.economics.timeline import Build, Timeline
from storeff.economics.whole_bytes import summed
from storeff.errors import StoreffError
from storeff.report import formats
from storeff.report.check import contradictions
from storeff.report.model import Report, read_report, schema, to_json
from storeff.report.plan import planned_again, with_plan
from storeff.report.sections_plan import plan_sections
from storeff.report.terminal import laid_out

FILES = GOLDEN / "plan"
EB, PB = 10**18, 10**15
BUILD = Build("ours", "qlc", raw_bytes=10 * EB)


def demand_of(folder: Path, text: str) -> Demand:
    (folder / "d.toml").write_text(text)
    return load_demand(folder / "d.toml")


def plan_of(folder: Path, demand: str, offers: str) -> Plan:
    (folder / "o.toml").write_text(offers)
    return planning.planned(BUILD, demand_of(folder, demand), load_offers(folder / "o.toml"), {})


def range_of(plan: Plan) -> PlannedRange:
    assert isinstance(plan.demand_range, PlannedRange)
    return plan.demand_range


def outcomes(plan: Plan) -> dict[tuple[str, str], PlanOutcome]:
    return {(each.made_for, each.demand): each for each in range_of(plan).outcomes}


# ---- demand ----


def test_a_factor_is_of_every_quarter_and_sums_to_the_byte(tmp_path: Path) -> None:
    text = '[growth]\nfirst = "2027Q1"\nquarters = 3\nrate_per_quarter = 0.1\n'
    demand = demand_of(tmp_path, text + "[range]\nlow = 0.7\nhigh = 1.3\n")
    assert demand.has_range
    for case, factor in (("low", Fraction(7, 10)), ("high", Fraction(13, 10))):
        first, sizes = demand.quarters(10**19 + 7, case)  # type: ignore[arg-type]
        assert first == demand.quarters(10**19 + 7)[0]
        assert sum(sizes) == round(factor * (10**19 + 7))
        middle = demand.quarters(10**19 + 7)[1]
        assert [abs(a - factor * b) <= 1 for a, b in zip(sizes, middle, strict=True)] == [True] * 3


def test_a_quarter_may_have_a_low_and_a_high_end_of_its_own(tmp_path: Path) -> None:
    text = '[by_quarter]\n2027Q1 = "3EB"\n2027Q3 = { value = "4EB", low = "2EB", high = "9EB" }\n'
    demand = demand_of(tmp_path, text)
    assert demand.quarters(0, "low")[1] == (3 * EB, 0, 2 * EB)
    assert demand.quarters(0)[1] == (3 * EB, 0, 4 * EB)
    assert demand.quarters(0, "high")[1] == (3 * EB, 0, 9 * EB)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[by_quarter]\n2027Q1 = "3EB"\n[range]\nlow = 1.2\n', "range.low"),
        ('[by_quarter]\n2027Q1 = "3EB"\n[range]\nhigh = 0.9\n', "range.high"),
        ('[by_quarter]\n2027Q1 = "3EB"\n[range]\nhihg = 2\n', "did you mean 'high'"),
        (
            '[by_quarter]\n2027Q1 = { value = "3EB", low = "2EB" }\n[range]\nlow = 0.5\n',
            "keep one",
        ),
        ('[by_quarter]\n2027Q1 = { value = "3EB", low = "0EB" }\n', "some of it must be needed"),
    ],
)
def test_a_wrong_range_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(StoreffError, match=wrong):
        demand_of(tmp_path, text)


# ---- by hand ----

NEED = '[by_quarter]\n2027Q3 = { value = "1EB", low = "500PB", high = "2EB" }\n'
OFFERS = """
[offers.lta]
kind = "lta"
available_from = "2027Q3"
cap_bytes = "1EB"
price_per_tb = 100

[offers.spot]
kind = "spot"
available_from = "2027Q3"
cap_bytes = "500PB"
price_per_tb = 200
"""


def test_two_plans_for_three_demands_come_to_what_they_do_by_hand(tmp_path: Path) -> None:
    found = outcomes(plan_of(tmp_path, NEED, OFFERS))
    costs = {key: each.cost.total for key, each in found.items() if each.cost is not None}
    assert costs == {
        # 1 EB of the agreement whatever comes, then 1 EB of the spot market in two quarters.
        ("middle", "low"): 100e6,
        ("middle", "middle"): 100e6,
        ("middle", "high"): 300e6,
        # 1.5 EB of the agreement in two quarters, then 500 PB of the spot market.
        ("high", "low"): 150e6,
        ("high", "middle"): 150e6,
        ("high", "high"): 250e6,
    }
    surplus = [found[key].surplus_bytes for key in costs]
    assert surplus == [500 * PB, 0, 0, EB, 500 * PB, 0]
    assert [found[key].free_bytes for key in costs] == [0, 0, EB, 0, 0, 500 * PB]


def test_what_is_short_is_said_with_how_much_from_when_and_how_late(tmp_path: Path) -> None:
    found = outcomes(plan_of(tmp_path, NEED, OFFERS))
    high = found["middle", "high"]
    assert (high.short_bytes, high.short_from, high.late_quarters) == (500 * PB, "2027Q3", 1)
    assert high.missing_bytes == 0
    low = found["middle", "low"]
    assert (low.short_bytes, low.short_from, low.late_quarters) == (0, None, 0)


def test_holding_the_plan_for_the_high_demand_has_a_price(tmp_path: Path) -> None:
    assert range_of(plan_of(tmp_path, NEED, OFFERS)).high_plan_costs_more == 50e6


def test_what_never_comes_is_missing(tmp_path: Path) -> None:
    ended = OFFERS.replace('cap_bytes = "500PB"', 'available_to = "2027Q3"\ncap_bytes = "500PB"')
    high = outcomes(plan_of(tmp_path, NEED, ended))["middle", "high"]
    assert (high.short_bytes, high.missing_bytes) == (500 * PB, 500 * PB)
    assert high.cost is not None
    assert high.cost.total == 200e6


def test_what_is_paid_and_not_taken_can_be_taken_when_more_is_needed(tmp_path: Path) -> None:
    text = OFFERS.replace('kind = "lta"', 'kind = "take-or-pay"\navailable_to = "2027Q3"')
    text = text.replace('cap_bytes = "1EB"', 'cap_bytes = "2EB"\ncommitted_bytes = "1500PB"')
    found = outcomes(plan_of(tmp_path, NEED, text))
    middle, high = found["middle", "middle"].cost, found["middle", "high"].cost
    assert middle is not None
    assert high is not None
    assert (middle.purchase, middle.not_taken) == (100e6, 50e6)
    assert (high.purchase, high.not_taken) == (150e6 + 100e6, 0)


def test_what_comes_and_is_not_needed_ties_up_capital_to_the_end_of_the_plan(
    tmp_path: Path,
) -> None:
    need = NEED + '2027Q4 = { value = "1EB", low = "1EB", high = "1EB" }\n'
    found = outcomes(plan_of(tmp_path, need, "holding_rate = 0.08\n" + OFFERS))
    low = found["middle", "low"].cost
    assert low is not None
    # 500 PB at 100 USD/TB for two quarters.
    assert low.holding == 2 * 50e6 * 0.02


def test_where_smallest_deliveries_leave_no_way_nothing_is_said_to_be_bought(
    tmp_path: Path,
) -> None:
    text = OFFERS.replace('cap_bytes = "500PB"', 'cap_bytes = "3EB"\nleast_bytes = "1500PB"')
    need = NEED + "[site.racks]\n2027Q3 = 2\n"
    (tmp_path / "o.toml").write_text(text)
    build = replace(BUILD, racks=Fraction(10))
    offers = load_offers(tmp_path / "o.toml")
    high = outcomes(planning.planned(build, demand_of(tmp_path, need), offers, {}))[
        "middle", "high"
    ]
    assert (high.cost, high.free_bytes, high.surplus_bytes) == (None, None, None)


def test_without_a_range_the_plan_has_none(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[by_quarter]\n2027Q3 = "1EB"\n', OFFERS)
    assert "demand_range" not in msgspec.json.decode(msgspec.json.encode(plan))


# ---- by brute force ----

LUMP = 10**12
KINDS = ("lta", "take-or-pay", "spot", "spot")


def instance(seed: int) -> tuple[Timeline, Problem, int]:
    """A small need of three quarters and offers at random, another need, and a horizon."""
    chance = random.Random(seed)
    quarters = 3
    kinds = [chance.choice(KINDS) for _ in range(chance.randint(1, 3))]
    slots = []
    for number, kind in enumerate(kinds):
        for at in range(chance.randint(0, 1), quarters + 1):
            cap = chance.randint(0, 2)
            slots.append(
                Slot(
                    number,
                    at,
                    cap * LUMP,
                    Fraction(chance.randint(1, 20), LUMP),
                    deposit_capital=Fraction(chance.randint(0, 2), 10 * LUMP),
                    committed=min(cap, 1) * LUMP if kind == "take-or-pay" else 0,
                    least=min(cap, 2) * LUMP if kind == "spot" and chance.random() < 0.2 else 0,
                )
            )
    offers = tuple((f"o{i}", Offer(kind=kind, cap_bytes={})) for i, kind in enumerate(kinds))  # type: ignore[arg-type]
    need, other = ((*(chance.randint(0, 2) * LUMP for _ in range(quarters)), 0) for _ in range(2))
    ceilings: tuple[tuple[int, ...], ...] = ()
    if chance.random() < 0.4:
        ceilings = (tuple(itertools.accumulate(chance.randint(0, 4) * LUMP for _ in range(4))),)
    problem = Problem(need, tuple(slots), Fraction(chance.randint(0, 2), 10), ceilings=ceilings)
    return Timeline(0, problem, offers, (), ()), replace(problem, demand=other), len(need)


def planned() -> Iterator[tuple[int, Timeline, Solution, Late, Problem, Problem]]:
    for seed in range(250):
        line, wanted, horizon = instance(seed)
        solution = solve(line.problem)
        if solution is not None and any(line.problem.demand) and any(wanted.demand):
            late, problem = second_stage(line, solution, wanted, horizon)
            yield seed, line, solution, late, problem, wanted


def ways(problem: Problem) -> Iterator[tuple[int, ...]]:
    """All that the free slots may deliver in lumps, within ceilings."""
    choices = [
        [slot.cap]
        if slot.is_fixed
        else [n for n in range(0, slot.cap + 1, LUMP) if not n or n >= slot.least]
        for slot in problem.slots
    ]
    for taken in itertools.product(*choices):
        come = come_by(problem, taken)
        if all(h <= most for each in problem.ceilings for h, most in zip(come, each, strict=True)):
            yield taken


def come_by(problem: Problem, taken: tuple[int, ...]) -> list[int]:
    quarterly = [0] * len(problem.demand)
    for slot, size in zip(problem.slots, taken, strict=True):
        quarterly[slot.at] += size
    return summed(quarterly)


def test_no_other_purchase_beside_what_is_promised_costs_less() -> None:
    solved = 0
    for seed, _, _, late, problem, _ in planned():
        if not any(late.need):
            continue
        need, signed = summed(late.need), frozenset(slot.offer for slot in problem.slots)
        costs = [
            costs_of(problem, taken, signed).total
            for taken in ways(problem)
            if all(h >= n for h, n in zip(come_by(problem, taken), need, strict=True))
        ]
        found = solve(problem)
        assert (found is None) == (not costs), seed
        if found is not None:
            assert found.costs.total == min(costs), seed
            solved += 1
    assert solved > 60


def test_nothing_else_that_is_bought_is_less_late() -> None:
    short = 0
    for seed, _, _, late, problem, wanted in planned():
        if any(slot.least for slot in problem.slots):
            continue
        need = summed(wanted.demand)
        behind = [
            [max(0, n - h) for n, h in zip(need, come_by(problem, taken), strict=True)]
            for taken in ways(problem)
        ]
        least = [min(each) for each in zip(*behind, strict=True)]
        mine = [n - m for n, m in zip(need, summed(late.need), strict=True)]
        assert mine == least, seed
        assert (late.short, late.missing) == (max(least), least[-1])
        short += bool(late.short)
    assert short > 20


def test_a_plan_for_what_comes_costs_what_was_planned() -> None:
    for seed, line, solution, *_ in planned():
        late, problem = second_stage(line, solution, line.problem, len(line.problem.demand))
        again = solve(problem)
        assert late.short == 0, seed
        assert again is not None, seed
        assert again.costs.total == solution.costs.total, seed


def test_promises_are_kept_whatever_comes() -> None:
    for _, line, solution, _, problem, _ in planned():
        promised = sum(
            size
            for slot, size in zip(line.problem.slots, solution.taken, strict=True)
            if line.offers[slot.offer][1].kind != "spot"
        )
        assert sum(slot.cap for slot in problem.slots if slot.is_fixed) == promised


def test_the_longest_wait_is_counted_from_when_it_was_needed() -> None:
    slots = tuple(Slot(0, at, LUMP, Fraction(1, LUMP)) for at in range(5))
    late = postponed(Problem((3 * LUMP, 0, 1 * LUMP, 0, 0), slots))
    assert late.need == (LUMP, LUMP, LUMP, LUMP, 0)
    assert (late.short, late.first, late.quarters, late.missing) == (2 * LUMP, 0, 2, 0)


# ---- of a report ----


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The worked example with a fifth less or more."""
    path = tmp_path_factory.mktemp("plan") / "demand.toml"
    text = (FILES / "worked-demand.toml").read_text()
    path.write_text(f"{text}\n[range]\nlow = 0.8\nhigh = 1.2\n")
    sized = analysis.build_report(
        None, analysis.size_scenario(GOLDEN / "ex50.toml"), command=["storeff"]
    )
    return with_plan(sized, path, FILES / "worked-offers.toml", today=date(2026, 11, 26))


def test_the_plan_is_that_of_the_middle_demand(report: Report) -> None:
    alone = with_plan(
        report, FILES / "worked-demand.toml", FILES / "worked-offers.toml", today=date(2026, 11, 26)
    ).plan
    assert alone is not None
    assert report.plan is not None
    assert msgspec.structs.replace(
        report.plan, demand_range=msgspec.UNSET, asked=alone.asked
    ) == msgspec.structs.replace(alone, assumptions=report.plan.assumptions)
    assert outcomes(report.plan)["middle", "middle"].cost == alone.cost


def test_it_is_kept_by_the_report_and_made_again_from_it(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(to_json(report))
    again = read_report(path)
    assert to_json(again) == to_json(report)
    jsonschema.validate(json.loads(path.read_bytes()), schema())
    assert planned_again(again) == report.plan
    assert list(contradictions(again)) == []


def test_a_cost_that_is_not_that_of_the_plan_cannot_be_true(report: Report) -> None:
    assert report.plan is not None
    found = range_of(report.plan)
    wrong = [msgspec.structs.replace(each, cost=found.outcomes[0].cost) for each in found.outcomes]
    made = msgspec.structs.replace(found, outcomes=tuple(wrong))
    plan = msgspec.structs.replace(report.plan, demand_range=made)
    said = list(contradictions(msgspec.structs.replace(report, plan=plan)))
    assert "plan.demand_range.outcomes[1].cost is not plan.cost" in said


def test_the_workbook_has_a_row_for_each_outcome(report: Report, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    (tmp_path / "r.xlsx").write_bytes(formats.load("xlsx").render(report))
    heads, *rows = openpyxl.load_workbook(tmp_path / "r.xlsx")["Other demand"].values
    assert report.plan is not None
    expected = [each.cost.total for each in range_of(report.plan).outcomes if each.cost]
    [at] = [i for i, head in enumerate(heads) if head.startswith("cost: total")]
    assert [row[at] for row in rows] == expected
    assert "unknown" not in [cell for row in rows for cell in row]


def test_it_is_shown_in_80_columns(report: Report) -> None:
    [shown] = [each for each in plan_sections(report) if each.name == "plan-range"]
    lines = [line for line, _ in laid_out(shown, 80)]
    assert max(map(cell_len, lines)) <= 80
    text = "".join(f"{line}\n" for line in lines)
    assert_golden("plan/range.txt", text)
    assert text in (Path(__file__).parent.parent / "docs" / "plan.md").read_text()
