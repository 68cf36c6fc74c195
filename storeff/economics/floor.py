"""The parity that a durability takes: every layout is compared at the same floor."""

from fractions import Fraction
from functools import partial

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import annual_failure_rate, bill_for, in_cells
from storeff.economics.built import built
from storeff.economics.model import Drive, Scenario
from storeff.economics.uncertainty import quantity_risk
from storeff.layout.fleet import (
    Durability,
    durability,
    groups_of,
    read_bytes_per_day,
    rebuild_of,
)
from storeff.layout.floor import most_further, parity_for_floor, with_parity
from storeff.layout.model import Layout
from storeff.layout.number import Number, inexact
from storeff.layout.waterfall import raw_for
from storeff.quantity import Draws, Quantity

# Each further parity is worth some four nines: nobody asks for more than these.
OPTIONS_MOST = 6


class AtFloor(msgspec.Struct, frozen=True, kw_only=True):
    """How a layout came to ``nines`` or more, by drive failures alone: with ``parities_added``
    beyond what it is catalogued with, for which it would need ``raw_bytes_without`` and cost
    ``npv_without``, or not at all, for a ``reason``."""

    nines: float
    is_reached: bool
    parities_added: int
    reason: str | None
    raw_bytes_without: Quantity | None = None
    npv_without: Quantity | None = None


def is_below(found: AtFloor | None) -> bool:
    """Whether a layout stays below the durability asked for; not where none was."""
    return found is not None and not found.is_reached


class ParityOption(msgspec.Struct, frozen=True, kw_only=True):
    """A layout with ``parities_added`` beyond what it is catalogued with, all else being as it is:
    its ``code`` and its ``nines``, null where unknown."""

    parities_added: int
    code: str
    nines: float | None


def parity_options(scenario: Scenario[Assumption], added: int) -> list[ParityOption]:
    """The parities that the layout of ``scenario`` can be configured with, which has ``added``
    already: from those that it is catalogued with on, OPTIONS_MOST of them."""
    catalogued = with_parity(scenario.layout, -added)
    most = min(most_further(catalogued), OPTIONS_MOST - 1)
    made = []
    for more in range(most + 1):
        layout = with_parity(catalogued, more)
        nines = _nines_of(scenario, layout)
        made.append(ParityOption(parities_added=more, code=str(layout.code), nines=nines))
    return made


def raised_to(
    scenario: Scenario[Assumption], nines: float, draws: Draws | None
) -> tuple[Scenario[Assumption], AtFloor]:
    """``scenario`` with the fewest further parities that lose an object in a year with a
    probability of 10 to the minus ``nines`` or less; as it is, where no number of them does.
    ``draws`` replicate its reduction ratio."""

    found = parity_for_floor(scenario.layout, nines, partial(_nines_of, scenario))
    if found.layout is None:
        return scenario, AtFloor(
            nines=nines, is_reached=False, parities_added=0, reason=found.reason
        )
    if not found.added:
        return scenario, AtFloor(nines=nines, is_reached=True, parities_added=0, reason=None)
    without = quantity_risk(scenario, draws)
    return msgspec.structs.replace(scenario, layout=found.layout), AtFloor(
        nines=nines,
        is_reached=True,
        parities_added=found.added,
        reason=None,
        raw_bytes_without=without.raw_bytes,
        npv_without=without.npv,
    )


def _nines_of(scenario: Scenario[Assumption], layout: Layout[Assumption]) -> float | None:
    """The nines of ``layout`` in place of the scenario's own."""
    raised = in_cells(msgspec.structs.replace(scenario, layout=layout))
    run: Scenario[Number] = map_numbers(raised, exact)
    what = built(run, raw_for(run.data, run.layout), run.data.logical_bytes)
    return durability_of(raised, what.in_service, what.enclosures).nines


def durability_of(scenario: Scenario[Assumption], drives: Number, enclosures: Number) -> Durability:
    """Durability of the scenario's layout on so many exact ``drives`` in service and
    ``enclosures``."""
    central: Scenario[Number] = map_numbers(scenario, inexact)
    return durability(
        central.layout,
        logical_bytes=central.data.logical_bytes,
        drives=float(drives),
        enclosures=float(enclosures),
        capacity_bytes=central.drive.capacity_bytes,
        annual_failure_rate=annual_failure_rate(central.drive),
        annual_failure_rate_range=_failure_rates(scenario.drive),
        bit_error_rate=central.drive.bit_error_rate,
        read_bytes_per_second=central.drive.read_bytes_per_second,
        write_bytes_per_second=central.drive.write_bytes_per_second,
    )


def rebuilding(run: Scenario[Number]) -> dict[str, Number]:
    """What of the durability is arithmetic of the scenario, by its name in ``Durability``: all but
    the models of loss."""
    layout, drive = run.layout, run.drive
    if layout.repair is None or layout.code.kind == "opaque":
        return {}
    bill = bill_for(run)
    rebuild = rebuild_of(
        layout, drive.capacity_bytes, drive.read_bytes_per_second, drive.write_bytes_per_second
    )
    return {
        "rebuild_hours": rebuild.hours,
        "rebuild_read_bytes_per_day": read_bytes_per_day(rebuild, bill.failures_per_year),
        "groups": groups_of(layout, bill.drives_in_service),
    }


def _failure_rates(drive: Drive[Assumption]) -> tuple[float, float] | None:
    """The lowest and the highest rate in the range of what gives it; None if that has none."""
    name = "mtbf_hours" if drive.afr.value is None else "afr"
    ends: tuple[Fraction, ...] = getattr(drive, name).range or ()
    if not ends:
        return None
    central = map_numbers(drive, inexact)
    rates = [
        float(annual_failure_rate(msgspec.structs.replace(central, **{name: float(end)})))
        for end in ends
    ]
    return min(rates), max(rates)
