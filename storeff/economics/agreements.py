"""Terms of a commitment, and what a commitment under them comes to: what the report carries."""

from pathlib import Path
from typing import Annotated, Any, Generic, Literal

import msgspec

from storeff.data import NO_VALUE, Assumption, AssumptionRow, Entry, Field, N, load, read_toml
from storeff.economics.terms import ANNUAL_RATE, MOST_MONEY, YEARS
from storeff.errors import StoreffError, pick
from storeff.quantity import Quantity

FormName = Literal["outright", "deposit", "take-or-pay", "lease"]

PER_TB = Field("USD/TB", most=10**9)
SHARE = Field("fraction")
MONTHS = 12
# Ten years of months: no agreement on flash is longer.
PERIODS_MOST = 120
# The entry whose numbers stand in for what other terms leave open.
DEFAULT = "default"


class Terms(Entry[N], Generic[N], frozen=True, kw_only=True):
    """What is agreed, and what happens beside it. Prices are of a raw terabyte of drives.

    A shortfall is bought at ``shortfall_per_tb``, or at the price and ``shortfall_premium`` of it;
    a surplus is worth ``surplus_per_tb``, or ``surplus_share`` of the price. ``demand`` is the part
    of what is planned for that comes, triangular over its range. ``deposit_fraction`` of the price
    is paid ``lead_weeks`` ahead and lost for what is not taken; ``upside_share`` more can be had at
    the same price. ``minimum_share`` is paid for under take-or-pay, taken or not. A lease of
    ``lease_years`` at ``lease_rate`` lets ``lease_return_share`` go back at any time.
    A quote holds for ``quote_valid_days``; where a price can be changed until shipment,
    ``price_variance`` says by how much. The rest is what is public of an agreement: how many there
    are, what they guarantee in all, what of that is deposits, and which part of the seller's volume
    they take.

    Over ``term_years`` a take-or-pay has its minimum in every period of ``period_months``, and the
    same upside. What was
    paid and not taken can be made up for ``make_up_years``; the part ``make_up_share`` of the price
    is due only when it is. What was taken above the minimum lowers those of the
    ``carry_forward_years`` that follow, each by ``carry_forward_share`` of it at most. Demands a
    year apart have the correlation ``demand_correlation``.
    """

    price_per_tb: Annotated[N, PER_TB] = NO_VALUE
    shortfall_per_tb: Annotated[N, PER_TB] = NO_VALUE
    shortfall_premium: Annotated[N, Field("fraction", most=100)] = NO_VALUE
    surplus_per_tb: Annotated[N, PER_TB] = NO_VALUE
    surplus_share: Annotated[N, SHARE] = NO_VALUE
    demand: Annotated[N, Field("fraction", most=100)] = NO_VALUE
    deposit_fraction: Annotated[N, SHARE] = NO_VALUE
    lead_weeks: Annotated[N, Field("weeks", most=520)] = NO_VALUE
    upside_share: Annotated[N, Field("fraction", most=10)] = NO_VALUE
    minimum_share: Annotated[N, SHARE] = NO_VALUE
    lease_years: Annotated[N, Field("years", least=1, most=30, whole=True)] = NO_VALUE
    lease_rate: Annotated[N, ANNUAL_RATE] = NO_VALUE
    lease_return_share: Annotated[N, SHARE] = NO_VALUE
    quote_valid_days: Annotated[N, Field("d", most=3650)] = NO_VALUE
    price_variance: Annotated[N, Field("fraction", most=10)] = NO_VALUE
    term_years: Annotated[N, YEARS] = NO_VALUE
    period_months: Annotated[N, Field("months", least=1, most=12, whole=True)] = NO_VALUE
    make_up_years: Annotated[N, YEARS] = NO_VALUE
    make_up_share: Annotated[N, SHARE] = NO_VALUE
    carry_forward_years: Annotated[N, YEARS] = NO_VALUE
    carry_forward_share: Annotated[N, SHARE] = NO_VALUE
    demand_correlation: Annotated[N, SHARE] = NO_VALUE
    agreements: Annotated[N, Field("", most=10**6, whole=True)] = NO_VALUE
    guaranteed_revenue: Annotated[N, Field("USD", most=MOST_MONEY)] = NO_VALUE
    deposits: Annotated[N, Field("USD", most=MOST_MONEY)] = NO_VALUE
    volume_share: Annotated[N, SHARE] = NO_VALUE


class Burden(msgspec.Struct, frozen=True, kw_only=True):
    """What ``buyer`` and ``seller`` lose in a ``case``, against having agreed on just what is
    needed at the committed price. ``demand_share`` of what is planned for comes, at
    ``price_share`` of the price."""

    case: str
    demand_share: float
    price_share: float
    buyer: float
    seller: float


class FormCost(msgspec.Struct, frozen=True, kw_only=True):
    """One form of contract. ``expected_cost`` is that of the commitment, ``best_expected_cost``
    that of ``best_bytes``, with which this form is cheapest. ``paid_ahead`` is the deposit and
    ``certain_revenue`` what the seller is paid whatever comes."""

    form: FormName
    price_per_tb: float
    best_bytes: int
    best_expected_cost: float
    expected_cost: float
    paid_ahead: float
    certain_revenue: float
    burdens: tuple[Burden, ...]


class RegretPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Committing to ``bytes``, ``of_capacity`` of what was measured to be needed: the expected
    cost, how far it is above the least, and the most that is lost against knowing the need, within
    its 95 % interval.
    """

    of_capacity: float
    bytes: int
    expected_cost: float
    expected_regret: float
    worst_regret: float


class TermPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a settlement. ``taken_bytes`` come at the price, ``made_up_bytes`` of them
    were paid for before; ``elsewhere_bytes`` are bought beside the agreement. Of the minimum
    ``carried_bytes`` are met by what was taken above an earlier one, and ``short_bytes`` are paid
    and not taken. ``lapsed_bytes`` can be made up no longer, ``open_bytes`` still can. ``paid`` is
    for all of it, less what lapsed drives are sold for."""

    number: int
    need_bytes: int
    taken_bytes: int
    made_up_bytes: int
    elsewhere_bytes: int
    carried_bytes: int
    short_bytes: int
    lapsed_bytes: int
    open_bytes: int
    paid: float


class TermCase(msgspec.Struct, frozen=True, kw_only=True):
    """A demand over the term, and what ``buyer`` and ``seller`` lose by it, as in a Burden."""

    case: str
    buyer: float
    seller: float
    paid: float
    periods: tuple[TermPeriod, ...]


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """The take-or-pay over its term: ``committed_bytes`` in ``periods`` of ``period_months``, of
    which ``minimum_bytes`` are paid, taken or not.

    The cost is over equally likely paths of demand: its mean, and what it stays below with a
    probability of 10, 50 and 90 %. ``without_rights`` is the mean without make-up and
    carry-forward. ``best_bytes`` have the least expected cost. Means of what is short, made up,
    carried forward and lapsed over the term are in bytes.
    """

    periods: int
    period_months: int
    committed_bytes: int
    minimum_bytes: int
    make_up_years: float
    make_up_share: float
    carry_forward_years: float
    carry_forward_share: float
    demand_correlation: float
    expected_cost: float
    cost_p10: float
    cost_p50: float
    cost_p90: float
    without_rights: float
    best_bytes: int
    best_expected_cost: float
    short_bytes: int
    made_up_bytes: int
    carried_bytes: int
    lapsed_bytes: int
    cases: tuple[TermCase, ...]


class Commitment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of ``layout`` to commit to, under ``terms`` that rest on ``assumptions``.

    Four numbers that are never mixed: ``usage_bytes`` are what applications store;
    ``capacity_bytes`` raw bytes that this takes, as measured; ``committed_bytes`` what the buyer
    binds itself to, for ``committed_value``; and what the seller is certain to be paid is the
    ``certain_revenue`` of each form. ``need_bytes`` is the capacity with the uncertain demand.
    ``best_bytes`` has the least expected cost, ``steadiest_bytes`` the least worst regret. A price
    that was quoted holds for ``quote_valid_days``; null where the terms do not say. ``term`` is the
    take-or-pay over its years, left out where the terms have none.
    """

    layout: str
    drive: str
    terms: str
    usage_bytes: int
    capacity_bytes: Quantity
    need_bytes: Quantity
    price_per_tb: float
    shortfall_per_tb: float
    surplus_per_tb: float
    critical_ratio: float
    best_bytes: int
    best_expected_cost: float
    steadiest_bytes: int
    committed_bytes: int
    committed_value: float
    expected_cost: float
    quote_valid_days: float | None
    curve: tuple[RegretPoint, ...]
    forms: tuple[FormCost, ...]
    assumptions: tuple[AssumptionRow, ...]
    term: Term | None = None


def load_terms(extra: Path | None = None) -> dict[str, Terms[Assumption]]:
    """Terms by name: public agreements, each completed by the default ones, with the reader's own
    file of the same form on top. Raises StoreffError with every mistake."""
    known = load("agreements", Terms[Assumption], extra, _mistakes)
    return {name: _completed(terms, known[DEFAULT]) for name, terms in known.items()}


def choose_terms(given: str | None) -> Terms[Assumption]:
    """The terms that ``given`` names: of an agreement, or a file that holds one table of the
    reader's own, which may be that of an agreement with other numbers. Raises StoreffError."""
    if given is None:
        return load_terms()[DEFAULT]
    path = Path(given)
    if not path.suffix and not path.exists():
        return pick(load_terms(), given, "terms")
    names = list(read_toml(path))
    if len(names) > 1:
        raise StoreffError(
            f"{path} holds {len(names)} tables of terms: {', '.join(names[:10])}",
            "keep one of them in the file",
        )
    return load_terms(path)[names[0]] if names else load_terms(path)[DEFAULT]


def _mistakes(terms: Terms[Assumption]) -> Any:
    for price, share in (
        ("shortfall_per_tb", "shortfall_premium"),
        ("surplus_per_tb", "surplus_share"),
    ):
        if getattr(terms, price).value is not None and getattr(terms, share).value is not None:
            yield f"gives both {price} and {share}: keep one"
    months = terms.period_months.value or MONTHS
    if MONTHS % months:
        yield f"period_months must divide a year: 12, 6, 4, 3, 2 or 1, not {float(months):g}"
    years = terms.term_years.value
    if years is not None:
        periods = years * MONTHS / months
        if periods.denominator > 1 or not 1 <= periods <= PERIODS_MOST:
            yield (
                f"term_years must be whole periods of {float(months):g} months, and "
                f"{PERIODS_MOST} at most, not {float(years):g}"
            )
        for name in ("make_up_years", "carry_forward_years"):
            window = getattr(terms, name).value or 0
            if window * MONTHS % months:
                yield (
                    f"{name} must be whole periods of {float(months):g} months, "
                    f"not {float(window):g}"
                )
    elif terms.name != DEFAULT:
        for name in OF_A_TERM:
            if getattr(terms, name).value is not None:
                yield f"gives {name}, which is of a term: give term_years too"


# Of these one of each pair is stated; the other is not filled in.
_PAIRS = {"shortfall_premium": "shortfall_per_tb", "surplus_share": "surplus_per_tb"}


# What [default] says of these is of terms that have a term.
OF_A_TERM = (
    "period_months",
    "make_up_years",
    "make_up_share",
    "carry_forward_years",
    "carry_forward_share",
    "demand_correlation",
)


def _completed(terms: Terms[Assumption], default: Terms[Assumption]) -> Terms[Assumption]:
    open_numbers = {}
    for name in terms.__struct_fields__:
        mine, theirs = getattr(terms, name), getattr(default, name)
        stated = name in _PAIRS and getattr(terms, _PAIRS[name]).value is not None
        if isinstance(mine, Assumption) and mine.value is None and not stated:
            open_numbers[name] = theirs
    if terms.term_years.value is None and default.term_years.value is None:
        open_numbers |= dict.fromkeys(OF_A_TERM, NO_VALUE)
    return msgspec.structs.replace(terms, **open_numbers)
