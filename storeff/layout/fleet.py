"""Durability of a fleet: how long rebuilds take, what they read, and what is lost nonetheless."""

import math

import msgspec

from storeff.layout.durability import (
    any_of,
    markov_loss,
    rebuild_reads,
    tolerance,
    unreadable_probability,
    window_loss,
)
from storeff.layout.model import Code, Layout
from storeff.layout.number import Number, is_unknown, larger, named
from storeff.layout.outages import outage_loss

# The least that a drive reads or loses: a sector (Advanced Format; NVMe namespaces of 4 KiB).
SECTOR_BYTES = 4096


class Durability(msgspec.Struct, frozen=True, kw_only=True):
    """Losses by drive failures and unreadable sectors; null where an input is unknown.

    The two probabilities are of losing a given stripe within a year, ``nines`` follow the worse of
    them: at the highest failure rate of its range ``nines_low``, at the lowest ``nines_high``, null
    where the rate has no range. ``fleet_bytes_lost_per_year`` is the expectation: that probability
    times the application's bytes, as if a lost stripe lost all its data. All are of one whole copy,
    as if there were no other.

    ``rebuild_hours`` pass from the failure of a drive to its data being whole again, and
    ``critical_rebuild_hours`` until a stripe that lost more than one fragment regains one.

    Stripes on the same drives are a group. Each drive is in as many ``groups`` as drives share its
    rebuild, as each group rebuilds onto one of them. ``group_losses_per_year`` is the expected
    number of groups that lose data in a year, ``fleet_loss_probability_per_year`` the probability
    that any does, by the worse model.
    ``unreadable_probability`` is that of an unreadable sector in all that rebuilding a group reads
    at its last redundancy. It costs the stripe that the sector is in: a loss of the group, and far
    less likely one of a given stripe. Null where the error rate of the drive is unknown; losses are
    then those by drive failures alone.

    Up to ``enclosures_survived`` enclosures of a cluster can be down at once without any stripe
    that cannot be read. With one more down, ``outage_loss_probability`` is that of such a stripe.
    """

    annual_loss_probability_window: float | None
    annual_loss_probability_markov: float | None
    nines: float | None
    rebuild_hours: float | None
    rebuild_read_bytes_per_day: float | None
    fleet_bytes_lost_per_year: float | None
    nines_low: float | None = None
    nines_high: float | None = None
    critical_rebuild_hours: float | None = None
    groups: float | None = None
    group_losses_per_year: float | None = None
    fleet_loss_probability_per_year: float | None = None
    unreadable_probability: float | None = None
    enclosures_survived: int | None = None
    outage_loss_probability: float | None = None


# The first six have no default, as they stand in every report.
_UNKNOWN = Durability(**dict.fromkeys(Durability.__struct_fields__[:6]))


class Rebuild(msgspec.Struct, frozen=True):
    """``hours`` of rebuilding a drive that ``held_bytes``, each read as often as ``reads`` says."""

    held_bytes: Number
    reads: Number
    hours: Number


def durability(
    layout: Layout[float],
    *,
    logical_bytes: float,
    drives: float,
    enclosures: float,
    capacity_bytes: float,
    annual_failure_rate: float,
    annual_failure_rate_range: tuple[float, float] | None = None,
    bit_error_rate: float = math.nan,
    read_bytes_per_second: float,
    write_bytes_per_second: float,
) -> Durability:
    """Durability and rebuild traffic of a fleet of ``drives`` in ``enclosures``, those of all whole
    copies; NaN inputs make null results.

    An unreadable sector is counted for a given stripe by the bytes of a fragment, its stripe unit,
    or where that is unknown a sector: the least that is coded together. For a group it is counted
    by all that its rebuild reads.
    """
    if layout.code.kind == "opaque":
        return _UNKNOWN
    down, outage = _outage(layout, drives, enclosures)
    survived = msgspec.structs.replace(
        _UNKNOWN, enclosures_survived=down, outage_loss_probability=outage
    )
    if layout.repair is None:
        return survived
    rebuild = rebuild_of(layout, capacity_bytes, read_bytes_per_second, write_bytes_per_second)
    # In this order the smaller is NaN if the hours are, and not if only the critical ones are.
    critical_hours = min(rebuild.hours, layout.repair.critical_hours)
    hours = (rebuild.hours, critical_hours)
    read_per_day = read_bytes_per_day(rebuild, annual_failure_rate * drives)
    fragment_bytes = layout.stripe_unit_bytes
    if math.isnan(fragment_bytes):
        fragment_bytes = float(layout.code.sector_bytes or SECTOR_BYTES)
    of_stripe = unreadable_probability(layout.code, bit_error_rate, fragment_bytes)
    group_bytes = rebuild.held_bytes / layout.repair.drives
    of_group = unreadable_probability(layout.code, bit_error_rate, group_bytes)
    window, markov = _losses(layout.code, annual_failure_rate, hours, of_stripe)
    worse = max(window, markov)
    low, high = (
        max(_losses(layout.code, rate, hours, of_stripe))
        for rate in annual_failure_rate_range or (math.nan, math.nan)
    )
    groups = groups_of(layout, drives)
    of_any = max(_losses(layout.code, annual_failure_rate, hours, of_group))
    return msgspec.structs.replace(
        survived,
        annual_loss_probability_window=_known(window),
        annual_loss_probability_markov=_known(markov),
        nines=_nines(worse),
        rebuild_hours=_known(rebuild.hours),
        rebuild_read_bytes_per_day=_known(read_per_day),
        fleet_bytes_lost_per_year=_known(worse * logical_bytes),
        nines_low=_nines(high),
        nines_high=_nines(low),
        critical_rebuild_hours=_known(critical_hours),
        groups=_known(groups),
        group_losses_per_year=_known(groups * of_any),
        fleet_loss_probability_per_year=_known(any_of(of_any, groups)),
        unreadable_probability=_known(of_group),
    )


def drive_holds(layout: Layout[Number], capacity_bytes: Number) -> Number:
    """The bytes of a full drive, which its rebuild writes again: the more, the longer it takes, and
    the fewer nines there are."""
    return capacity_bytes * layout.fill_limit * (1 - layout.rebuild_reserve)


def rebuild_of(
    layout: Layout[Number],
    capacity_bytes: Number,
    read_bytes_per_second: Number,
    write_bytes_per_second: Number,
) -> Rebuild:
    """The detection time, then the slower of writing and reading what a drive held, of a layout
    whose repair is known."""
    repair = layout.repair
    assert repair is not None
    reads = repair.read_fragments
    if is_unknown(reads):
        reads = rebuild_reads(layout.code)
    held_bytes = named("held_bytes", drive_holds(layout, capacity_bytes))
    write_seconds = named("write_seconds", held_bytes / (write_bytes_per_second * repair.drives))
    # A single replacement still reads from all its peers at once.
    readers = larger(repair.drives, reads)
    read_seconds = named("read_seconds", held_bytes * reads / (read_bytes_per_second * readers))
    # Where one speed is unknown, so is which is the slower.
    slower = larger(write_seconds, read_seconds) + 0 * (write_seconds + read_seconds)
    return Rebuild(
        held_bytes, reads, repair.detection_hours + slower / repair.bandwidth_share / 3600
    )


def read_bytes_per_day(rebuild: Rebuild, failures_per_year: Number) -> Number:
    """What rebuilds of the drives that fail in a day read."""
    return failures_per_year / 365 * rebuild.held_bytes * rebuild.reads


def groups_of(layout: Layout[Number], drives: Number) -> Number:
    """Groups of stripes on the same drives: of one copy's drives, each is in as many as drives
    share its rebuild."""
    assert layout.repair is not None
    return drives / layout.copies * layout.repair.drives / layout.code.fragments


def _losses(
    code: Code, annual_failure_rate: float, rebuild_hours: tuple[float, float], unreadable: float
) -> tuple[float, float]:
    """Annual loss probabilities by both models; NaN where the rate or the rebuild is unknown."""
    hours, critical = rebuild_hours
    if math.isnan(hours + annual_failure_rate) or annual_failure_rate == 0:
        return math.nan, math.nan
    sectors = 0.0 if math.isnan(unreadable) else unreadable
    return (
        window_loss(code, annual_failure_rate, hours, sectors),
        markov_loss(code, annual_failure_rate, hours, critical, sectors),
    )


def _outage(
    layout: Layout[float], drives: float, enclosures: float
) -> tuple[int | None, float | None]:
    """Enclosures that may be down in a cluster, and the probability of a loss if one more is.

    Placement is at random, with the fragments of a stripe spread as evenly as over the least
    number of enclosures that the layout can have; in one of them, its outage is certain to be one.
    Unknown where that number is.
    """
    code = layout.code
    if math.isnan(layout.min_domains):
        return None, None
    each = math.ceil(code.fragments / layout.min_domains)
    survived = tolerance(code) // each
    if each == code.fragments and code.fragments > 1:
        return 0, 1.0
    if layout.repair is None or math.isnan(drives + enclosures):
        return survived, None
    of_copy = enclosures / layout.copies
    domains = int(of_copy if math.isnan(layout.cell_domains) else min(of_copy, layout.cell_domains))
    groups = groups_of(layout, drives) * domains / of_copy
    if survived >= domains or math.ceil(code.fragments / each) > domains:
        return survived, None
    return survived, outage_loss(code, domains, survived + 1, groups, each)


def _known(x: float) -> float | None:
    return None if math.isnan(x) else x


def _nines(loss: float) -> float | None:
    return -math.log10(loss) if loss > 0 else None
