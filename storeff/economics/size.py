"""One layout sized: from the data to the bill, as the report carries it."""

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, annual_failure_rate, bill_for
from storeff.economics.model import Scenario
from storeff.economics.uncertainty import quantity_risk, with_reduction
from storeff.layout.code import MeasuredCode
from storeff.layout.durability import Durability, durability
from storeff.layout.number import Number, inexact, join
from storeff.layout.waterfall import Step, report_steps, usable_fraction
from storeff.quantity import Draws, Quantity


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """The same layout if its deduplication finds nothing, and only its compression is left.

    Null where what that leaves was not measured.
    """

    reduction_ratio: float | None
    raw_bytes: Quantity
    drives: Quantity
    npv: Quantity


class SizedLayout(msgspec.Struct, frozen=True, kw_only=True):
    """``usable_fraction`` is what may be written per raw byte, were the data not to shrink.

    ``floor`` is null where the layout does not deduplicate: then all of it is local already.
    """

    name: str
    title: str
    waterfall: tuple[Step[Quantity], ...]
    raw_bytes: Quantity
    usable_fraction: float
    durability: Durability
    code: MeasuredCode | None = msgspec.field(name="codec")
    bill: Bill[Quantity]
    floor: Floor | None


def size(
    scenario: Scenario[Assumption],
    reduction_draws: Draws | None = None,
    code: MeasuredCode | None = None,
    floor_ratio: Assumption | None = None,
    floor_draws: Draws | None = None,
) -> SizedLayout:
    """Sizes ``scenario``; ``reduction_draws`` are replicates of its reduction ratio.

    ``floor_ratio`` is the reduction without deduplication, None where the layout has none, and
    ``floor_draws`` replicate it.
    ``code`` is what ``layout.measure_code`` found for the layout's code, if it was measured.
    """
    point: Bill[Number] = bill_for(map_numbers(scenario, exact))
    drawn = None
    if reduction_draws is not None:
        drawn = bill_for(with_reduction(scenario, reduction_draws))
    steps = report_steps(scenario.data, scenario.layout, reduction_draws)
    central: Scenario[Number] = map_numbers(scenario, inexact)
    return SizedLayout(
        name=scenario.layout.name,
        title=scenario.layout.title,
        waterfall=steps,
        raw_bytes=steps[-1].after_bytes,
        usable_fraction=float(usable_fraction(scenario.layout)),
        durability=durability(
            central.layout,
            logical_bytes=central.data.logical_bytes,
            drives=point.drives_in_service,
            capacity_bytes=central.drive.capacity_bytes,
            annual_failure_rate=annual_failure_rate(central.drive),
            read_bytes_per_second=central.drive.read_bytes_per_second,
            write_bytes_per_second=central.drive.write_bytes_per_second,
        ),
        code=code,
        bill=join(point, drawn),
        floor=None if floor_ratio is None else _floor(scenario, floor_ratio, floor_draws),
    )


def _floor(
    scenario: Scenario[Assumption], ratio: Assumption, reduction_draws: Draws | None
) -> Floor:
    data = msgspec.structs.replace(scenario.data, reduction_ratio=ratio)
    local = quantity_risk(msgspec.structs.replace(scenario, data=data), reduction_draws)
    return Floor(
        reduction_ratio=None if ratio.value is None else float(ratio.value),
        raw_bytes=local.raw_bytes,
        drives=local.drives,
        npv=local.npv,
    )
