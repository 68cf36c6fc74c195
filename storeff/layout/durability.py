"""How long a stripe lasts: which losses it survives, and two models of when they happen.

Two, because they disagree and neither is the truth: the window model that Backblaze publishes
(independent fragments, one repair window), and a continuous-time Markov chain over the number of
lost fragments (Patterson et al., SIGMOD 1988; Huang et al., USENIX ATC 2012). Both are for
independent drive failures: correlated failures and software are not in them.

In both, a rebuild may meet an unreadable sector. It is one more loss for the stripe that it is in,
not for the drive: fatal where the stripe has no further redundancy.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from storeff.layout.model import Code

HOURS_PER_YEAR = 8760


def any_of(probability: float, count: float) -> float:
    """The probability that any of ``count`` independent events happens; exact near zero."""
    if probability >= 1:
        return 1.0 if count else 0.0
    return -math.expm1(count * math.log1p(-probability))


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


def survives_another(code: Code, lost: int) -> Fraction:
    """The part of one further loss that a stripe survives which survived ``lost`` of them."""
    if lost == code.fragments:
        return Fraction(0)
    return decodable_fraction(code, lost + 1) / decodable_fraction(code, lost)


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


def unreadable_probability(code: Code, bit_error_rate: float, fragment_bytes: float) -> float:
    """The probability that a rebuild at the last redundancy meets an unreadable sector.

    It reads k fragments of ``fragment_bytes`` each, all that decoding takes:
    1 - (1 - errors per bit)^(8 k fragment_bytes).
    """
    return any_of(bit_error_rate, 8 * code.k * fragment_bytes)


def window_loss(
    code: Code, annual_failure_rate: float, rebuild_hours: float, unreadable: float = 0.0
) -> float:
    """Annual loss probability of a stripe, Backblaze's form.

    p = 1 - exp(-AFR T) per fragment and window; a window loses the stripe when the lost pattern
    cannot be decoded, or one more loss could not and a sector is unreadable in its rebuild, with
    the probability ``unreadable``. Windows of a year are independent.
    """
    p = -math.expm1(-annual_failure_rate * rebuild_hours / HOURS_PER_YEAR)
    n = code.fragments
    fatal = [1 - decodable_fraction(code, lost) for lost in range(n + 1)]
    loss = math.fsum(
        math.comb(n, j)
        * p**j
        * (1 - p) ** (n - j)
        * (float(fatal[j]) + (unreadable * float(fatal[j + 1] - fatal[j]) if 0 < j < n else 0))
        for j in range(max(1, tolerance(code)), n + 1)
    )
    return any_of(loss, HOURS_PER_YEAR / rebuild_hours)


def mean_hours_to_loss(
    code: Code,
    failures_per_hour: Fraction,
    repairs_per_hour: Sequence[Fraction],
    unreadable: Fraction = Fraction(0),
) -> Fraction:
    """Mean time until the stripe is lost, exactly: doubles are singular at these ratios.

    State i: i fragments lost; the next loss comes at (n - i) times the failure rate and is fatal
    for the patterns that do not decode. Patterns of one number are taken as equally likely, which
    is short by 2 % for LRC(6,2,2) where a repair takes a fiftieth of a drive's life, and by less
    the faster it is (bench/accuracy/durability_events.py).

    One repair at a time: ``repairs_per_hour`` with one fragment lost, with two, ..., the last also
    with more. A repair meets an unreadable sector with the probability ``unreadable``: one more
    loss, which is fatal likewise, and else is repaired too.
    """
    # T_i, the mean time from state i, is a + b T_(i-1): eliminated from the last state down.
    a = b = Fraction(0)
    for lost in reversed(range(code.fragments + 1)):
        if not decodable_fraction(code, lost):
            continue
        survived = survives_another(code, lost)
        loss_rate = (code.fragments - lost) * failures_per_hour
        repair_rate = repairs_per_hour[min(lost, len(repairs_per_hour)) - 1] if lost else 0
        onward = loss_rate * survived
        rate = loss_rate + repair_rate - onward * b
        repaired = repair_rate * (1 - unreadable * (1 - survived))
        a, b = (1 + onward * a) / rate, repaired / rate
    return a


def markov_loss(
    code: Code,
    annual_failure_rate: float,
    rebuild_hours: float,
    critical_hours: float = math.nan,
    unreadable: float = 0.0,
) -> float:
    """Annual loss probability of a stripe by the Markov chain.

    A stripe that lost one fragment is whole again after ``rebuild_hours``. One that lost more is
    rebuilt first, and regains a fragment in ``critical_hours``; in ``rebuild_hours`` where that is
    unknown, or longer.
    """
    hours = (rebuild_hours, min(rebuild_hours, critical_hours))
    mean = mean_hours_to_loss(
        code,
        Fraction(annual_failure_rate) / HOURS_PER_YEAR,
        [1 / Fraction(each) for each in hours],
        Fraction(unreadable),
    )
    return -math.expm1(-float(HOURS_PER_YEAR / mean))
