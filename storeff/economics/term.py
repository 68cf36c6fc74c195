"""A take-or-pay over its term: minimums by period, make-up and carry-forward.

In each period the buyer takes what it needs, up to the most that comes at the price, and buys the
rest elsewhere.
Below the minimum it pays for what it does not take. That can be made up in a later period: above
the minimum of that one, instead of what would be bought there. What is taken above a minimum and
makes nothing up is carried forward: it lowers later minimums.

So each byte above a minimum stands for one below another, of which it is at most a window before or
after. Older shortfalls are made up first, and older bytes carried first. As all windows are of one
length, that leaves the least unmatched that can be, whatever comes later (F. Glover, "Maximum
matching in a convex bipartite graph", Naval Research Logistics Quarterly 14(3), 1967).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from storeff.data import Assumption
from storeff.economics.agreements import MONTHS, Term, TermCase, TermPeriod, Terms
from storeff.economics.bill import TB
from storeff.economics.commitment import DEMAND_CASES, Prices, demand_at, in_bytes
from storeff.layout.number import Number, at_least, at_most, ceil, floor
from storeff.quantity import Draws

# Equally likely paths of demand: the mean of a cost is then within 0.3 % of what more would give.
PATHS = 5000
# The seed of paths beside that of the replicates of what was measured.
_SEED = 7
# The best commitment to a part in a million of the largest need.
_STEPS = 34
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Rights:
    """Over how many later periods a shortfall can be made up, and what was taken above a minimum
    lowers others."""

    make_up_periods: int = 0
    carried_periods: int = 0


class Minimum(NamedTuple):
    """Of a period: the commitment, what is paid for at least, how much of that can be carried
    forward from earlier ones, and how much more than the commitment can be had at its price."""

    commitment: Number
    least: Number
    carried_most: Number = 0
    upside: Number = 0


class Settled(NamedTuple):
    """One period in bytes: see ``TermPeriod``."""

    need: Number
    taken: Number
    made_up: Number
    carried: Number
    short: Number
    lapsed: Number
    open: Number

    @property
    def elsewhere(self) -> Number:
        """What is bought beside the agreement."""
        return self.need - self.taken


def settle(
    minimums: Sequence[Minimum], needs: Sequence[Number], rights: Rights
) -> tuple[Settled, ...]:
    """Each period for a path of ``needs``: whole bytes of whole bytes, or for each of many paths.

    What was paid for and is not taken is taken, made up later or lapses: at the end of its window
    or of the term, whichever is first.
    """
    short: list[Number] = []
    above: list[Number] = []
    settled = []
    for at, (agreed, need) in enumerate(zip(minimums, needs, strict=True)):
        taken = at_most(need, agreed.commitment + agreed.upside)
        over, under = at_least(taken - agreed.least, 0), at_least(agreed.least - taken, 0)
        made_up = _use(short, at - rights.make_up_periods, over)
        carried = _use(above, at - rights.carried_periods, at_most(under, agreed.carried_most))
        short.append(under - carried)
        above.append(over - made_up)
        # In the last period all windows end.
        ended = at + 1 if at + 1 == len(minimums) else max(0, at + 1 - rights.make_up_periods)
        lapsed = sum(short[:ended])
        short[:ended] = [0] * ended
        settled.append(Settled(need, taken, made_up, carried, under - carried, lapsed, sum(short)))
    return tuple(settled)


def _use(lots: list[Number], since: int, most: Number) -> Number:
    """Take up to ``most`` of the lots of periods from ``since`` on, the oldest first."""
    left = most
    for number in range(max(0, since), len(lots)):
        used = at_most(lots[number], left)
        lots[number] = lots[number] - used
        left = left - used
    return most - left


def paid(each: Settled, prices: Prices, make_up_share: Number) -> Number:
    """What a period costs, sizes in terabytes: of what is not taken, the part of the price that is
    not due only when it is made up. What lapses is taken on its last day and sold, if that brings
    more than is due then.
    """
    price, shortfall, surplus = prices
    later = make_up_share * price
    return (
        price * (each.taken - each.made_up)
        + later * each.made_up
        + (price - later) * each.short
        + shortfall * each.elsewhere
        - at_least(surplus - later, 0) * each.lapsed
    )


def minimums(terms: Terms[Fraction], committed_bytes: int, periods: int) -> tuple[Minimum, ...]:
    """``committed_bytes`` in equal parts. Minimums are rounded up, and what the buyer may do beyond
    them down."""
    made = []
    for part in _parts(committed_bytes, periods):
        least = ceil(terms.minimum_share * part)
        carried = floor(terms.carry_forward_share * least)
        made.append(Minimum(part, least, carried, floor(terms.upside_share * part)))
    return tuple(made)


def _parts(total: Number, periods: int) -> list[int]:
    """Equal parts of ``total`` in whole bytes, which sum to it rounded."""
    ends = [round(Fraction(total) * n / periods) for n in range(periods + 1)]
    return [end - begin for begin, end in itertools.pairwise(ends)]


def need_paths(
    raw_tb: Draws, demand: Assumption, periods: int, correlation: float, seed: int
) -> Draws:
    """Equally likely needs (periods, PATHS) in TB, each period with its part of ``raw_tb``.

    In every period demand is distributed over its range as ``demand_at`` says. Normal scores of
    periods next to each other have the ``correlation``, of those further apart its powers: a
    Gaussian copula of an autoregressive process of order one. A path has one replicate of
    ``raw_tb``, as what the data reduces to does not change with time.
    """
    random = np.random.default_rng([seed, _SEED]).standard_normal((periods, PATHS))
    scores = np.empty_like(random)
    before = random[0]
    for at, fresh in enumerate(random):
        before = fresh if not at else correlation * before + (1 - correlation**2) ** 0.5 * fresh
        scores[at] = before
    each = raw_tb[np.arange(PATHS) % len(raw_tb)] / periods
    made: Draws = demand_at(demand, ndtr(scores)) * each
    return made


def term_of(
    terms: Terms[Fraction],
    demand: Assumption,
    prices: Prices,
    *,
    committed_bytes: int,
    planned_bytes: Number,
    raw_tb: Draws,
    seed: int,
) -> Term:
    """The take-or-pay of ``terms`` over their term, for ``planned_bytes`` in all, of which
    ``raw_tb`` (n,) are replicates, in equal parts."""
    months = int(terms.period_months)
    periods = int(terms.term_years * MONTHS / months)
    rights = Rights(
        make_up_periods=int(terms.make_up_years * MONTHS // months),
        carried_periods=int(terms.carry_forward_years * MONTHS // months),
    )
    correlation = float(terms.demand_correlation) ** (months / MONTHS)
    paths = need_paths(raw_tb, demand, periods, correlation, seed)
    doubles, later = prices.inexact(), float(terms.make_up_share)
    least, carried = float(terms.minimum_share), float(terms.carry_forward_share)
    upside = float(terms.upside_share)

    def over_paths(committed_tb: float, given: Rights) -> tuple[Settled, ...]:
        part = committed_tb / periods
        agreed = Minimum(part, least * part, carried * least * part, upside * part)
        return settle([agreed] * periods, list(paths), given)

    def cost(settled: Sequence[Settled]) -> Draws:
        made: Draws = sum((paid(each, doubles, later) for each in settled), np.zeros(PATHS))
        return made

    def expected(committed_tb: float, given: Rights = rights) -> float:
        return float(cost(over_paths(committed_tb, given)).mean())

    committed_tb = committed_bytes / TB
    settled = over_paths(committed_tb, rights)
    drawn = cost(settled)
    low, middle, high = (_cents(float(x)) for x in np.percentile(drawn, (10, 50, 90)))
    best_tb = _least(expected, float(paths.max()) * periods)
    agreed = minimums(terms, committed_bytes, periods)

    def mean_bytes(name: str) -> int:
        return in_bytes(sum(float(np.mean(getattr(each, name))) for each in settled))

    return Term(
        periods=periods,
        period_months=months,
        committed_bytes=committed_bytes,
        minimum_bytes=sum(each.least for each in agreed),
        make_up_years=float(terms.make_up_years),
        make_up_share=later,
        carry_forward_years=float(terms.carry_forward_years),
        carry_forward_share=carried,
        demand_correlation=float(terms.demand_correlation),
        expected_cost=_cents(float(drawn.mean())),
        cost_p10=low,
        cost_p50=middle,
        cost_p90=high,
        without_rights=_cents(expected(committed_tb, Rights())),
        best_bytes=in_bytes(best_tb),
        best_expected_cost=_cents(expected(best_tb)),
        short_bytes=mean_bytes("short"),
        made_up_bytes=mean_bytes("made_up"),
        carried_bytes=mean_bytes("carried"),
        lapsed_bytes=mean_bytes("lapsed"),
        cases=tuple(
            term_case(
                name,
                agreed,
                [round(share * part) for share, part in zip(shares, planned, strict=True)],
                rights,
                prices,
                terms.make_up_share,
            )
            for planned in [_parts(planned_bytes, periods)]
            for name, shares in _cases(periods)
        ),
    )


def _cases(periods: int) -> Iterator[tuple[str, list[Fraction]]]:
    """Demand of each period: less or more throughout, and one after the other."""
    less, more = DEMAND_CASES
    named = {share: f"{float(share - 1) * 100:+g} %" for share in DEMAND_CASES}
    for share in DEMAND_CASES:
        yield named[share], [share] * periods
    half = periods // 2
    for first, then in ((less, more), (more, less)) if half else ():
        middle = [Fraction(1)] * (periods % 2)
        yield f"{named[first]}, then {named[then]}", [first] * half + middle + [then] * half


def term_case(
    name: str,
    agreed: Sequence[Minimum],
    needs: Sequence[int],
    rights: Rights,
    prices: Prices,
    make_up_share: Fraction,
) -> TermCase:
    """The settlement of one path of needs in whole bytes, each period paid to the cent. The buyer
    loses what it pays above the price of what it needs; the seller what the rest of the commitment
    has lost in worth, but for what the buyer bears of that, and the better price of what is taken
    beyond the commitment."""
    settled = settle(agreed, needs, rights)
    each_paid = [paid(each, prices, make_up_share) / TB for each in settled]
    cents = [round(money * 100) for money in each_paid]
    price, shortfall, surplus = prices
    lost = sum(each_paid) - price * sum(needs) / TB
    beside = (shortfall - price) * sum(each.elsewhere for each in settled) / TB
    pairs = list(zip(agreed, settled, strict=True))
    idle = sum(at_least(m.commitment - each.taken, 0) for m, each in pairs)
    beyond = sum(at_least(each.taken - m.commitment, 0) for m, each in pairs)
    return TermCase(
        case=name,
        buyer=_cents(lost),
        seller=_cents(
            at_least((price - surplus) * idle / TB - (lost - beside), 0)
            + at_least(shortfall - price, 0) * beyond / TB
        ),
        paid=sum(cents) / 100,
        periods=tuple(
            TermPeriod(
                number=number,
                need_bytes=each.need,
                taken_bytes=each.taken,
                made_up_bytes=each.made_up,
                elsewhere_bytes=each.elsewhere,
                carried_bytes=each.carried,
                short_bytes=each.short,
                lapsed_bytes=each.lapsed,
                open_bytes=each.open,
                paid=paid_cents / 100,
            )
            for number, (each, paid_cents) in enumerate(zip(settled, cents, strict=True), 1)
        ),
    )


def _least(cost: Callable[[float], float], high: float) -> float:
    """Where the convex ``cost`` from 0 to ``high`` is least, by golden section."""
    low = 0.0
    left, right = high - _GOLDEN * high, _GOLDEN * high
    of_left, of_right = cost(left), cost(right)
    for _ in range(_STEPS):
        if of_left <= of_right:
            high, right, of_right = right, left, of_left
            left = high - _GOLDEN * (high - low)
            of_left = cost(left)
        else:
            low, left, of_left = left, right, of_right
            right = low + _GOLDEN * (high - low)
            of_right = cost(right)
    return (low + high) / 2


def _cents(money: Number) -> float:
    return round(float(money), 2)
