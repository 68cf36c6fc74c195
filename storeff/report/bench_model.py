"""What a benchmark of layouts gives: the types that are both its document and its JSON Schema."""

import msgspec

from storeff.economics import AtFloor, Bill
from storeff.economics.lines import NotInBill
from storeff.layout import Credit
from storeff.quantity import Quantity
from storeff.scan.speeds import Speed


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """``layout`` on ``drive``, with ``code`` as it was sized: ``floor`` says how it came to that.

    ``raw_per_logical_byte`` holds everything, ``factors`` are the steps that it is the product of.
    ``cpu_cores`` compress and encode what comes in at the bench's ingest. ``dram_bytes`` and
    ``scm_bytes`` are what the bill has: what the system's published rule asks for, of DRAM no less
    than the servers have. ``write_amplification`` is flash
    written for a byte in pieces below the drive's indirection unit, ``random_write_amplification``
    what its garbage collection adds where all of it is rewritten at random, which the rating holds.
    ``dwpd_required`` are drive writes a day at that ingest, with the first. ``is_pareto``: no other
    row at the floor is better in one of money, durability and rebuild traffic, and worse in none.
    Null is unknown.
    """

    layout: str
    drive: str
    code: str
    credit: Credit
    floor: AtFloor | None
    reduction_ratio: Quantity
    raw_bytes: Quantity
    raw_per_logical_byte: Quantity
    factors: dict[str, float]
    nines: float | None
    nines_low: float | None
    nines_high: float | None
    fleet_loss_probability_per_year: float | None
    rebuild_hours: float | None
    rebuild_read_bytes_per_day: float | None
    encode_gbps: float | None
    decode_gbps: float | None
    rebuild_gbps: float | None
    compress_gbps: float | None
    cpu_cores: float | None
    dram_bytes: float | None
    scm_bytes: float | None
    write_amplification: float
    random_write_amplification: float | None
    dwpd_required: float | None
    dwpd_rated: float | None
    drives: Quantity
    racks: Quantity
    facility_mw_peak: Quantity
    npv: Quantity
    is_pareto: bool = False


# What a row says of its bill, under the same names.
BILLED = ("drives", "racks", "facility_mw_peak", "npv")


class Chunking(msgspec.Struct, frozen=True, kw_only=True):
    """What chunks of ``dedup`` and ``codec`` would leave on the reference layout."""

    dedup: str
    codec: str
    reduction_ratio: Quantity
    raw_bytes: Quantity
    drives: Quantity
    npv: Quantity
    compress_gbps: float | None


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """``input`` of ``layout``, now ``now``, at which it and the recommended one cost the same: null
    where no value of it does that. ``is_measured_so`` is whether the 95 % interval of what was
    measured reaches it; null for what is not measured."""

    input: str
    layout: str
    now: float
    at: float | None
    is_measured_so: bool | None = None


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """The cheapest row at the floor, the cheapest of another layout, and what would flip them.
    ``title``, ``site``, ``bill`` and what that lacks are of the first, null in a report of before
    schema 2.3."""

    layout: str
    drive: str
    runner_up: str | None
    runner_up_drive: str | None
    flips: tuple[Flip, ...]
    title: str | None = None
    site: str | None = None
    bill: Bill[Quantity] | None = None
    not_in_bill: tuple[NotInBill, ...] = ()
    unpriced: tuple[str, ...] = ()


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's promise of ``ratio`` for ``layout`` beside what was measured. ``probability`` is
    how likely the data reduces as far, by the interval of the measurement."""

    ratio: float
    layout: str
    drive: str
    measured: Quantity
    drives: Quantity
    drives_quoted: Quantity
    npv: Quantity
    npv_quoted: Quantity
    probability: float


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` in the order of their cost, those at the floor first. ``ingest_bytes_per_second`` is
    what comes in all the time, before reduction; drive writes are unknown without it, and CPU cores
    are for a terabyte a second. ``not_in_bill`` are lines that the cost of a row is without.
    ``chunking`` is of the ``reference`` on ``reference_drive``, null in earlier reports."""

    currency: str
    logical_bytes: int
    durability_nines: float | None
    ingest_bytes_per_second: int | None
    reference: str
    rows: tuple[Row, ...]
    chunking: tuple[Chunking, ...]
    recommendation: Recommendation | None
    quoted: Quoted | None
    speeds: dict[str, Speed]
    reference_drive: str | None = None
    not_in_bill: tuple[NotInBill, ...] = ()
