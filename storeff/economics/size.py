"""One layout sized: from the data to the bill, as the report carries it."""

from fractions import Fraction

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, annual_failure_rate, bill_for
from storeff.economics.model import Scenario
from storeff.economics.uncertainty import with_reduction
from storeff.layout.codec import Codec
from storeff.layout.durability import Durability, durability
from storeff.layout.number import Number, ceil, inexact, join, to_quantity
from storeff.layout.waterfall import Step, raw, report_steps, step_factors, usable_fraction
from storeff.quantity import Draws, Quantity


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """The same layout if its deduplication finds nothing, and only its compression is left."""

    reduction_ratio: float
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
    codec: Codec | None
    bill: Bill[Quantity]
    floor: Floor | None


def size(
    scenario: Scenario[Assumption],
    reduction_draws: Draws | None = None,
    codec: Codec | None = None,
    floor_ratio: Fraction | None = None,
    floor_draws: Draws | None = None,
) -> SizedLayout:
    """Sizes ``scenario``; ``reduction_draws`` are replicates of its reduction ratio.

    ``floor_ratio`` is the reduction without deduplication, None where the layout has none, and
    ``floor_draws`` are replicates of it.
    ``codec`` is what ``layout.measure_codec`` found for the layout's code, if it was measured.
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
        codec=codec,
        bill=join(point, drawn),
        floor=None if floor_ratio is None else _floor(scenario, floor_ratio, floor_draws),
    )


def _floor(scenario: Scenario[Assumption], ratio: Fraction, draws: Draws | None) -> Floor:
    exactly: Scenario[Number] = map_numbers(scenario, exact)
    data = msgspec.structs.replace(exactly.data, reduction_ratio=ratio)
    point: Scenario[Number] = msgspec.structs.replace(exactly, data=data)
    drawn = point if draws is None else with_reduction(scenario, draws)
    bill, drawn_bill = bill_for(point), bill_for(drawn)
    raw_bytes, drawn_raw = (
        ceil(raw(each.data.logical_bytes, step_factors(each.data, each.layout)))
        for each in (point, drawn)
    )
    return Floor(
        reduction_ratio=float(ratio),
        raw_bytes=to_quantity(raw_bytes, drawn_raw, "derived", 0),
        drives=to_quantity(bill.drives, drawn_bill.drives, "derived", 0),
        npv=to_quantity(bill.npv, drawn_bill.npv, "derived", 2),
    )
