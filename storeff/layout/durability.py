"""How long data survives, and what rebuilding costs.

Two models, because they disagree and neither is the truth: the window model that Backblaze
publishes (independent shards, one repair window), and a continuous-time Markov chain over the
number of lost fragments (Patterson et al., SIGMOD 1988; Huang et al., USENIX ATC 2012). Both are
for one stripe and independent drive failures: correlated failures and software are not in them.
"""

import math
from fractions import Fraction
from functools import cache

import msgspec

from storeff.layout.model import Code, Layout

HOURS_PER_YEAR = 8760


class Durability(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities are of losing a given stripe within a year; null where an input is unknown.

    ``nines`` follow the worse of the two models. ``fleet_bytes_lost_per_year`` is the expectation:
    that probability times the application's bytes, as if a lost stripe lost all its data.
    """

    annual_loss_probability_window: float | None
    annual_loss_probability_markov: float | None
    nines: float | None
    rebuild_hours: float | None
    rebuild_read_bytes_per_day: float | None
    fleet_bytes_lost_per_year: float | None


@cache
def decodable_fraction(code: Code, lost: int) -> Fraction:
    """The part of all patterns of ``lost`` fragments that can be decoded, counted exactly.

    A local group repairs one loss by itself; every further one, and every lost global parity,
    needs one of the m global equations (maximally recoverable LRC).
    """
    group = code.k // code.l + 1 if code.l else 0
    outside = code.fragments - code.l * group
    # ways[(fragments lost, global equations needed)]
    ways = {(i, i): math.comb(outside, i) for i in range(min(lost, outside) + 1)}
    for _ in range(code.l):
        wider: dict[tuple[int, int], int] = {}
        for (total, needed), count in ways.items():
            for i in range(min(lost - total, group) + 1):
                key = (total + i, needed + max(0, i - 1))
                wider[key] = wider.get(key, 0) + count * math.comb(group, i)
        ways = wider
    good = sum(
        count for (total, needed), count in ways.items() if total == lost and needed <= code.m
    )
    return Fraction(good, math.comb(code.fragments, lost))


def tolerance(code: Code) -> int:
    """Losses that never lose data."""
    lost = 0
    while lost < code.fragments and decodable_fraction(code, lost + 1) == 1:
        lost += 1
    return lost


def rebuild_reads(code: Code) -> Fraction:
    """Fragments read to rebuild one, averaged over the stripe; an LRC reads its local group."""
    if not code.l:
        return Fraction(code.k)
    local = code.k + code.l
    return Fraction(local * (code.k // code.l) + code.m * code.k, code.fragments)


def window_loss(code: Code, annual_failure_rate: float, rebuild_hours: float) -> float:
    """Annual loss probability of a stripe, Backblaze's form.

    p = 1 - exp(-AFR T) per fragment and window; a window loses the stripe when the lost pattern
    cannot be decoded; windows of a year are independent.
    """
    p = -math.expm1(-annual_failure_rate * rebuild_hours / HOURS_PER_YEAR)
    n = code.fragments
    loss = math.fsum(
        math.comb(n, j) * p**j * (1 - p) ** (n - j) * float(1 - decodable_fraction(code, j))
        for j in range(tolerance(code) + 1, n + 1)
    )
    if loss >= 1:
        return 1.0
    return -math.expm1(HOURS_PER_YEAR / rebuild_hours * math.log1p(-loss))


def mean_hours_to_loss(
    code: Code, failures_per_hour: Fraction, repairs_per_hour: Fraction
) -> Fraction:
    """Mean time until the stripe is lost, exactly: doubles are singular at these ratios.

    State i: i fragments lost; the next loss comes at (n - i) times the failure rate and is fatal
    for the patterns that do not decode; one repair at a time.
    """
    # T_i, the mean time from state i, is a + b T_(i-1): eliminated from the last state down.
    a = b = Fraction(0)
    for lost in reversed(range(code.fragments + 1)):
        survivable = decodable_fraction(code, lost)
        if not survivable:
            continue
        loss_rate = (code.fragments - lost) * failures_per_hour
        repair_rate = repairs_per_hour if lost else Fraction(0)
        onward = Fraction(0)
        if lost < code.fragments:
            onward = loss_rate * decodable_fraction(code, lost + 1) / survivable
        rate = loss_rate + repair_rate - onward * b
        a, b = (1 + onward * a) / rate, repair_rate / rate
    return a


def markov_loss(code: Code, annual_failure_rate: float, rebuild_hours: float) -> float:
    """Annual loss probability of a stripe by the Markov chain."""
    mean = mean_hours_to_loss(
        code, Fraction(annual_failure_rate) / HOURS_PER_YEAR, 1 / Fraction(rebuild_hours)
    )
    return -math.expm1(-float(HOURS_PER_YEAR / mean))


def durability(
    layout: Layout[float],
    *,
    logical_bytes: float,
    drives: float,
    capacity_bytes: float,
    annual_failure_rate: float,
    read_bytes_per_second: float,
    write_bytes_per_second: float,
) -> Durability:
    """Durability and rebuild traffic of a fleet of ``drives``; NaN inputs make null results.

    Rebuild takes the detection time, then the slower of writing and reading what a drive held.
    """
    if layout.repair is None:
        return Durability(**dict.fromkeys(Durability.__struct_fields__))
    repair = layout.repair
    reads = repair.read_fragments
    if math.isnan(reads):
        reads = float(rebuild_reads(layout.code))
    held_bytes = capacity_bytes * layout.fill_limit * (1 - layout.rebuild_reserve)
    write_seconds = held_bytes / (write_bytes_per_second * repair.drives)
    # A single replacement still reads from all its peers at once.
    read_seconds = held_bytes * reads / (read_bytes_per_second * max(repair.drives, reads))
    slower = max(write_seconds, read_seconds) + 0 * (write_seconds + read_seconds)
    hours = repair.detection_hours + slower / repair.bandwidth_share / 3600
    read_per_day = annual_failure_rate * drives / 365 * held_bytes * reads
    if math.isnan(hours + annual_failure_rate) or annual_failure_rate == 0:
        window = markov = math.nan
    else:
        window = window_loss(layout.code, annual_failure_rate, hours)
        markov = markov_loss(layout.code, annual_failure_rate, hours)
    worse = max(window, markov)
    return Durability(
        annual_loss_probability_window=_known(window),
        annual_loss_probability_markov=_known(markov),
        nines=-math.log10(worse) if worse > 0 else None,
        rebuild_hours=_known(hours),
        rebuild_read_bytes_per_day=_known(read_per_day),
        fleet_bytes_lost_per_year=_known(worse * logical_bytes),
    )


def _known(x: float) -> float | None:
    return None if math.isnan(x) else x
