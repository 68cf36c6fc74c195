"""How much to commit to before it is known how much will be needed, and who bears which risk.

Committing to Q at a unit price c, buying what is short at s and getting v for what is left over
costs cQ + s E[(D - Q)+] - v E[(Q - D)+]. It is least where F(Q) = (s - c) / (s - v), F being the
distribution of the need D (the newsvendor; K. J. Arrow, T. Harris, J. Marschak, "Optimal inventory
policy", Econometrica 19(3), 1951). Forms of contract differ in what must be paid whether or not it
is needed, in what can be had beyond the commitment at its price, and in what is paid ahead.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from storeff.data import Assumption, exact
from storeff.economics.agreements import Burden, FormCost, FormName, RegretPoint, Terms
from storeff.economics.bill import TB
from storeff.errors import StoreffError
from storeff.layout.number import Number, at_least, at_most, is_unknown
from storeff.quantity import Draws

# Equally likely demands that every replicate of the raw bytes meets: the variance of a triangle is
# then 0.1 % off.
DEMANDS = 100
MONTHS, WEEKS = 12, 52
# What a buyer and a seller ask of first.
DEMAND_CASES = (Fraction(4, 5), Fraction(6, 5))


class Prices(NamedTuple):
    """Of a raw terabyte: committed, bought where it is short, and worth where it is left over."""

    committed: Number
    shortfall: Number
    surplus: Number

    def inexact(self) -> "Prices":
        """The same as doubles, for replicates."""
        return Prices(*map(float, self))


@dataclass(frozen=True)
class Form:
    """What is paid for a commitment, a terabyte: ``price`` for what is taken, and for ``minimum``
    of the commitment at least, of which what is not needed is worth ``surplus``; up to ``upside``
    of the commitment can be taken; ``fee`` is paid for all of it. ``ahead`` and ``certain`` are the
    deposit and what is owed whatever comes."""

    name: FormName
    price: Number
    surplus: Number
    minimum: Number = 1
    upside: Number = 1
    fee: Number = 0
    ahead: Number = 0
    certain: Number = 0

    def inexact(self) -> "Form":
        """The same as doubles, for replicates."""
        numbers = [float(getattr(self, field.name)) for field in fields(self)[1:]]
        return Form(self.name, *numbers)


def paid(form: Form, shortfall: Number, commitment_tb: Number, need_tb: Number) -> Number:
    """What the buyer pays in all, what is left over sold and what is short bought elsewhere."""
    taken = at_most(need_tb, form.upside * commitment_tb)
    owed = at_least(taken, form.minimum * commitment_tb)
    return (
        form.price * owed
        - form.surplus * (owed - taken)
        + shortfall * (need_tb - taken)
        + form.fee * commitment_tb
    )


def critical_ratio(prices: Prices) -> Number:
    """How likely the best commitment is to be enough. Raises StoreffError unless a surplus is worth
    less than it cost, and what is short costs more than that."""
    price, shortfall, surplus = prices
    if not surplus < price:
        raise StoreffError(
            f"a surplus worth {float(surplus):,.6g} a TB is worth no less than the price of "
            f"{float(price):,.6g}: any commitment would pay",
            "give a surplus_per_tb or surplus_share below the price",
        )
    if not shortfall > surplus:
        raise StoreffError(
            f"what is short costs {float(shortfall):,.6g} a TB, no more than a surplus is worth",
            "give a shortfall_per_tb above surplus_per_tb",
        )
    return at_least((shortfall - price) / (shortfall - surplus), 0)


def best_commitment(form: Form, shortfall: Number, need_tb: Draws) -> float:
    """The least commitment with the least expected payment, in TB. ``need_tb`` (n,) are equally
    likely needs. The payment is convex in the commitment, and its slope is followed to zero."""
    ordered, given = np.sort(need_tb), form.inexact()
    likely = (np.arange(len(ordered)) + 0.5) / len(ordered)

    def slope(commitment: float) -> float:
        at = [given.minimum * commitment, given.upside * commitment]
        idle, enough = np.interp(at, ordered, likely, left=0.0, right=1.0)
        short = given.upside * (float(shortfall) - given.price) * (1 - enough)
        return float(given.minimum * (given.price - given.surplus) * idle - short + given.fee)

    low, high = 0.0, float(ordered[-1])
    if slope(low) >= 0:
        return 0.0
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if slope(middle) >= 0 else (middle, high)
    return high


def needs(raw_tb: Draws, demand: Assumption) -> Draws:
    """Equally likely needs: every replicate of ``raw_tb`` (n,) with each of DEMANDS demands, the
    quantiles of ``demand_at``."""
    if demand.range is None:
        return raw_tb * float(exact(demand))
    return np.outer(raw_tb, demand_at(demand, (np.arange(DEMANDS) + 0.5) / DEMANDS)).ravel()


def demand_at(demand: Assumption, at: Draws) -> Draws:
    """The quantiles ``at`` of the part of what is planned for that comes: of a triangle over the
    range of ``demand`` with its mode at the value, or the value where it has no range."""
    assert demand.value is not None
    if demand.range is None:
        return np.full(at.shape, float(demand.value))
    low, mode, high = map(float, (demand.range[0], demand.value, demand.range[1]))
    return np.where(
        at < (mode - low) / (high - low),
        low + np.sqrt(at * (high - low) * (mode - low)),
        high - np.sqrt((1 - at) * (high - low) * (high - mode)),
    )


def payment(rate: Number, periods: int, amount: Number) -> Number:
    """The level payment of each period that repays ``amount`` with interest: PMT."""
    return amount * rate / (1 - (1 + rate) ** -periods) if rate else amount / periods


def steadiest(prices: Prices, low_tb: float, high_tb: float) -> float:
    """The commitment with the least worst regret for needs between two ends: as much is lost at
    the one as at the other."""
    short, idle = float(prices.shortfall - prices.committed), prices.committed - prices.surplus
    if short <= 0:
        return 0.0
    return (short * high_tb + float(idle) * low_tb) / (short + float(idle))


def in_bytes(tb: Number) -> int:
    """Whole bytes of ``tb`` terabytes."""
    whole: int = round(tb * TB)
    return whole


# ---- forms of contract ----


def outright(prices: Prices) -> Form:
    """All of the commitment is bought, and what is left over sold."""
    price = prices.committed
    return Form("outright", price, prices.surplus, certain=price)


def forms_of(terms: Terms[Number], prices: Prices, discount_rate: Number) -> list[Form]:
    """The four forms of contract; what is paid ahead and what is leased costs interest at
    ``discount_rate`` a year."""
    price, _, surplus = prices
    deposit = terms.deposit_fraction * price
    early = (1 + float(discount_rate)) ** (float(terms.lead_weeks) / WEEKS) - 1
    months = int(terms.lease_years) * MONTHS
    monthly = payment(terms.lease_rate / MONTHS, months, price)
    discounts = (1 + float(discount_rate)) ** (-np.arange(1, months + 1) / MONTHS)
    kept = 1 - terms.lease_return_share
    # Of what is short this is due only if it is made up.
    later = 0 if is_unknown(terms.make_up_share) else terms.make_up_share
    return [
        outright(prices),
        Form(
            "deposit",
            price,
            # What is not taken costs the deposit, unless it is better taken and sold.
            at_least(price - deposit, surplus),
            upside=1 + terms.upside_share,
            fee=float(deposit) * early,
            ahead=deposit,
            certain=deposit,
        ),
        Form(
            "take-or-pay",
            price,
            surplus,
            minimum=terms.minimum_share,
            certain=terms.minimum_share * (1 - later) * price,
        ),
        # What is leased cannot be sold.
        Form(
            "lease",
            float(monthly) * float(discounts.sum()),
            0,
            minimum=kept,
            certain=kept * monthly * months,
        ),
    ]


def burdens(
    form: Form, terms: Terms[Number], prices: Prices, commitment_tb: Number, planned_tb: Number
) -> list[Burden]:
    """Who bears a demand of -20 % and of +20 %, and a price that rises before shipment."""
    price, shortfall, surplus = prices
    found = []
    for share in DEMAND_CASES:
        need = share * planned_tb
        idle, owed = (
            at_least(part * commitment_tb - need, 0) for part in (Fraction(1), form.minimum)
        )
        # What was made and is not needed has lost what nobody gives for it any more.
        lost = (price - surplus) * idle - (form.price - form.surplus) * owed
        beyond = at_least(at_most(need, form.upside * commitment_tb) - commitment_tb, 0)
        found.append(
            Burden(
                case=_case("demand", share - 1),
                demand_share=float(share),
                price_share=1.0,
                buyer=_cents(paid(form, shortfall, commitment_tb, need) - form.price * need),
                seller=_cents(at_least(lost, 0) + at_least(shortfall - price, 0) * beyond),
            )
        )
    if not is_unknown(terms.price_variance):
        more = _cents(terms.price_variance * price * commitment_tb)
        is_open = form.name == "outright"
        found.append(
            Burden(
                case=_case("price", terms.price_variance),
                demand_share=1.0,
                price_share=float(1 + terms.price_variance),
                buyer=more if is_open else 0.0,
                seller=0.0 if is_open else more,
            )
        )
    return found


def _case(what: str, change: Number) -> str:
    return f"{what} {float(change) * 100:+g} %"


def form_costs(
    forms: Iterable[Form],
    terms: Terms[Number],
    prices: Prices,
    need_tb: Draws,
    commitment_tb: Number,
    planned_tb: Number,
) -> tuple[FormCost, ...]:
    """Each form for the equally likely ``need_tb``, at the commitment and at its own best one."""
    made = []
    for form in forms:
        best = best_commitment(form, prices.shortfall, need_tb)
        made.append(
            FormCost(
                form=form.name,
                price_per_tb=_cents(form.price),
                best_bytes=in_bytes(best),
                best_expected_cost=expected(form, prices.shortfall, best, need_tb),
                expected_cost=expected(form, prices.shortfall, commitment_tb, need_tb),
                paid_ahead=_cents(form.ahead * commitment_tb),
                certain_revenue=_cents(form.certain * commitment_tb),
                burdens=tuple(burdens(form, terms, prices, commitment_tb, planned_tb)),
            )
        )
    return tuple(made)


def regrets(
    prices: Prices,
    need_tb: Draws,
    ends_tb: tuple[float, float],
    planned_tb: float,
    shares: Sequence[float],
) -> tuple[RegretPoint, ...]:
    """The cost of committing to ``shares`` of what is planned for, above the least there is, and
    above what it would be if the need, between ``ends_tb``, were known."""
    form = outright(prices).inexact()
    shortfall = float(prices.shortfall)
    least = expected(form, shortfall, best_commitment(form, shortfall, need_tb), need_tb)
    made = []
    for share in shares:
        tb = share * planned_tb
        cost = expected(form, shortfall, tb, need_tb)
        lost = (paid(form, shortfall, tb, need) - form.price * need for need in ends_tb)
        made.append(
            RegretPoint(
                of_capacity=share,
                bytes=in_bytes(tb),
                expected_cost=cost,
                expected_regret=_cents(max(cost - least, 0.0)),
                worst_regret=_cents(max(lost)),
            )
        )
    return tuple(made)


def expected(form: Form, shortfall: Number, commitment_tb: Number, need_tb: Draws) -> float:
    """The mean of what is paid for the equally likely ``need_tb`` (n,), to the cent."""
    each = paid(form.inexact(), float(shortfall), float(commitment_tb), need_tb)
    return _cents(float(np.mean(each)))


def _cents(money: Number) -> float:
    return round(float(money), 2)
