"""Whether a delivery plan can be true: parts sum to their wholes, and nothing is beyond a cap."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storeff.economics.plan_model import Plan, PlanCost, PlannedRange
from storeff.economics.quarters import quarter_of
from storeff.errors import StoreffError

if TYPE_CHECKING:
    from storeff.report.model import Report

# Sums of money are made of cents; a double of a thousand billion has them.
_CENT = 0.01


def plan_contradictions(report: "Report") -> Iterator[str]:
    """What in the plan of ``report`` cannot be true, each naming its path."""
    plan = report.plan
    assert plan is not None
    if plan.layout not in {each.name for each in report.layouts}:
        yield "plan.layout is none of layouts"
    if plan.currency != report.currency:
        yield "plan.currency is not currency"
    named = [plan.first_quarter, plan.last_quarter, *(each.quarter for each in plan.quarters)]
    for name in [*named, *(each.quarter for each in plan.deliveries)]:
        try:
            quarter_of(name)
        except StoreffError:
            yield f"plan has {name!r} for a quarter"
            return
    if plan.is_in_time != (plan.gap is None) or plan.is_in_time != (plan.delay_quarters == 0):
        yield "plan.is_in_time, plan.gap and plan.delay_quarters say different things"
    if (plan.delay_quarters is None) != (plan.cost is None):
        yield "plan.delay_quarters is known, or plan.cost is, but not both"
    yield from _costs(plan)
    if plan.cost is not None:
        yield from _deliveries(plan, plan.cost)


def _costs(plan: Plan) -> Iterator[str]:
    costs = [("plan.cost", plan.cost)]
    costs += [(f"plan.waits[{i}].cost", each.cost) for i, each in enumerate(plan.waits)]
    outcomes = plan.demand_range.outcomes if isinstance(plan.demand_range, PlannedRange) else ()
    for i, outcome in enumerate(outcomes):
        costs.append((f"plan.demand_range.outcomes[{i}].cost", outcome.cost))
        if outcome.made_for == outcome.demand == "middle" and outcome.cost != plan.cost:
            yield f"plan.demand_range.outcomes[{i}].cost is not plan.cost"
    for path, cost in costs:
        if cost is not None:
            parts = (cost.purchase, cost.not_taken, cost.orders, cost.holding, cost.deposits)
            yield from _money(f"{path}.total", cost.total, sum(parts))
    quarters = [each.quarter for each in plan.quarters]
    if sorted(quarters, key=quarter_of) != quarters or len(set(quarters)) < len(quarters):
        yield "plan.quarters are not each once, in order"
    for i, row in enumerate(plan.quarters):
        paid = row.deposits + row.on_delivery + row.not_taken
        yield from _money(f"plan.quarters[{i}].cash", row.cash, paid)


def _deliveries(plan: Plan, cost: PlanCost) -> Iterator[str]:
    taken = sum(each.bytes for each in plan.deliveries)
    if sum(each.need_bytes for each in plan.quarters) != plan.need_bytes:
        yield "plan.quarters do not need plan.need_bytes"
    early = 0
    for i, row in enumerate(plan.quarters):
        early += row.delivered_bytes - row.need_bytes
        if row.early_bytes != early:
            yield f"plan.quarters[{i}].early_bytes are not what came before it was needed"
            break
    for name, rows in (("offers", plan.offers), ("suppliers", plan.suppliers)):
        if sum(each.bytes for each in rows) != taken:
            yield f"plan.{name} do not take what plan.deliveries deliver"
    if sum(each.delivered_bytes for each in plan.quarters) != taken:
        yield "plan.quarters do not deliver what plan.deliveries do"
    for i, each in enumerate(plan.deliveries):
        if each.bytes + each.slack_bytes != each.cap_bytes or each.slack_bytes < 0:
            yield f"plan.deliveries[{i}] takes more than its cap, or has another slack"
    paid = cost.purchase + cost.not_taken + cost.orders
    yield from _money("plan.quarters", sum(each.cash for each in plan.quarters), paid)
    yield from _money("plan.deliveries", sum(each.cost for each in plan.deliveries), paid)
    yield from _money("plan.offers", sum(each.cost for each in plan.offers), paid)


def _money(path: str, value: float, total: float) -> Iterator[str]:
    if not math.isclose(value, total, rel_tol=1e-12, abs_tol=_CENT):
        yield f"{path} is {value:,.2f}, its parts sum to {total:,.2f}"
