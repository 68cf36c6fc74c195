"""One layout sized: from the data to the bill, as the report carries it."""

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, bill_for, in_cells
from storeff.economics.floor import AtFloor, durability_of
from storeff.economics.lines import NotInBill, not_in_bill, unpriced
from storeff.economics.model import Scenario
from storeff.economics.uncertainty import CostRange, cost_range, quantity_risk, replicates
from storeff.layout.code import MeasuredCode
from storeff.layout.credit import Credit
from storeff.layout.fleet import Durability
from storeff.layout.number import Number, join, to_quantity
from storeff.layout.waterfall import Step, report_steps, usable_fraction
from storeff.quantity import Draws, Quantity


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Compression only: the same layout if its deduplication finds nothing. Null where what
    compression leaves was not measured."""

    reduction_ratio: float | None
    raw_bytes: Quantity
    drives: Quantity
    npv: Quantity
    npv_range: CostRange | None = None


class SizedLayout(msgspec.Struct, frozen=True, kw_only=True):
    """``reduction_ratio`` is what the data is divided by under this layout. ``npv_range`` is null
    where a price is unknown, or nothing varies. ``usable_fraction`` is what may be written per raw
    byte of data that does not reduce.

    ``not_in_bill`` are lines that the bill lacks, and totals are without; ``unpriced`` are lines of
    an unknown price, which make every total unknown.

    ``site`` and ``npv_range`` are null in a report of before schema 2.0. ``floor`` is null where
    the layout does not deduplicate: all of its reduction is compression then. ``credit`` is what
    the system is credited with removing, ``at_floor`` how it stands to the durability asked for:
    null if none was, and both in a report of before schema 2.2.
    """

    name: str
    title: str
    drive: str
    site: str | None
    reduction_ratio: Quantity
    npv_range: CostRange | None
    waterfall: tuple[Step[Quantity], ...]
    raw_bytes: Quantity
    usable_fraction: float
    durability: Durability
    code: MeasuredCode | None = msgspec.field(name="codec")
    bill: Bill[Quantity]
    floor: Floor | None
    credit: Credit | None = None
    at_floor: AtFloor | None = None
    not_in_bill: tuple[NotInBill, ...] = ()
    unpriced: tuple[str, ...] = ()


class Central(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a sized layout that are arithmetic of its scenario, without intervals, under
    the names that they have there."""

    waterfall: tuple[Step[Quantity], ...]
    raw_bytes: Quantity
    durability: Durability
    bill: Bill[Quantity]


def central(scenario: Scenario[Assumption]) -> Central:
    """What ``size`` says of ``scenario``, but for intervals and what was measured."""
    point: Bill[Number] = bill_for(map_numbers(scenario, exact))
    steps = report_steps(scenario.data, scenario.layout, None)
    return Central(
        waterfall=steps,
        raw_bytes=steps[-1].after_bytes,
        durability=durability_of(scenario, point.drives_in_service, point.enclosures),
        bill=join(point, point),
    )


def size(
    scenario: Scenario[Assumption],
    reduction_draws: Draws | None = None,
    code: MeasuredCode | None = None,
    floor_ratio: Assumption | None = None,
    floor_draws: Draws | None = None,
    *,
    seed: int = 1,
) -> SizedLayout:
    """Sizes ``scenario``; ``reduction_draws`` are replicates of its reduction ratio.

    ``floor_ratio`` is the reduction without deduplication, None where the layout has none, and
    ``floor_draws`` replicate it.
    ``code`` is what ``layout.measure_code`` found for the layout's code, if it was measured.
    ``seed`` draws the prices of the range.
    """
    scenario, reduction = in_cells(scenario), scenario.data.reduction_ratio
    run: Scenario[Number] = map_numbers(scenario, exact)
    point = bill_for(run)
    spread = point if reduction_draws is None else bill_for(replicates(scenario, reduction_draws))
    bill = join(point, spread)
    steps = report_steps(scenario.data, scenario.layout, reduction_draws)
    sized = SizedLayout(
        name=scenario.layout.name,
        title=scenario.layout.title,
        drive=scenario.drive.name,
        site=scenario.site.name or None,
        reduction_ratio=to_quantity(
            exact(reduction),
            reduction_draws,
            "measured" if reduction.kind == "measured" else "assumed",
            None,
        ),
        npv_range=cost_range(scenario, bill.npv, reduction_draws, seed),
        waterfall=steps,
        raw_bytes=steps[-1].after_bytes,
        usable_fraction=float(usable_fraction(scenario.layout)),
        durability=durability_of(scenario, point.drives_in_service, point.enclosures),
        code=code,
        bill=bill,
        floor=None,
        not_in_bill=not_in_bill(run),
        unpriced=unpriced(run, point),
    )
    if floor_ratio is None:
        return sized
    data = msgspec.structs.replace(scenario.data, reduction_ratio=floor_ratio)
    alone = in_cells(msgspec.structs.replace(scenario, data=data))
    risk = quantity_risk(alone, floor_draws)
    # Where both are equal, one may be exact and the other come from doubles: a byte less, perhaps.
    floor = Floor(
        reduction_ratio=None if floor_ratio.value is None else float(floor_ratio.value),
        raw_bytes=risk.raw_bytes.no_less_than(sized.raw_bytes),
        drives=risk.drives.no_less_than(sized.bill.drives),
        npv=risk.npv.no_less_than(sized.bill.npv),
        npv_range=cost_range(alone, risk.npv, floor_draws, seed),
    )
    return msgspec.structs.replace(sized, floor=floor)
