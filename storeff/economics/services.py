"""What storage services earn: the price of a gigabyte-month against what the layout below it costs.

cost = infrastructure / utilisation + software; margin = 1 - cost / (price + requests). Each can be
solved for: the price that a margin takes, the most that infrastructure may cost, and the data
reduction at which nothing is earned.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic

import msgspec

from storeff.data import (
    NO_VALUE,
    ONE,
    Assumption,
    AssumptionRow,
    Entry,
    Field,
    N,
    exact,
    load,
    load_default,
    map_numbers,
    read_toml,
    refuse,
)
from storeff.economics.bill import TB, bill_for, in_cells
from storeff.economics.model import Scenario
from storeff.layout.number import Number, at_least, is_unknown
from storeff.quantity import Quantity

PER_GB_MONTH = Field("USD/GB/month", most=10**6)
GB_PER_TB = 1000
NOTHING: Any = Assumption(value=Fraction(0))
# "A few percentage points" and "a billion" of the claim that Threshold is about (vastdata.com, AI
# infrastructure now comes with a billion-dollar penalty).
FEW_POINTS, BILLION = Fraction(3, 100), 10**9


class Service(Entry[N], Generic[N], frozen=True, kw_only=True):
    """A service that stores data for others. ``price_per_gb_month`` is of logical bytes sold,
    beside which ``requests_per_gb_month`` are paid at ``price_per_request``.

    It stands on ``layout``, or on any where none is named, with its own ``reduction_ratio`` if its
    data reduces otherwise. ``utilisation`` is what is sold of what is provisioned,
    ``software_per_gb_month`` what is paid for software beside the infrastructure,
    ``share_of_logical`` its part of all data, ``published_margin`` what somebody says it earns.
    """

    price_per_gb_month: Annotated[N, PER_GB_MONTH]
    requests_per_gb_month: Annotated[N, Field("1/GB/month", most=10**12)] = NOTHING
    price_per_request: Annotated[N, Field("USD", most=10**6)] = NOTHING
    layout: str = ""
    reduction_ratio: Annotated[N, Field("", least=Fraction(1, 1000), most=10**9)] = NO_VALUE
    utilisation: Annotated[N, Field("fraction", above=True)] = ONE
    software_per_gb_month: Annotated[N, PER_GB_MONTH] = NOTHING
    share_of_logical: Annotated[N, Field("fraction")] = NO_VALUE
    published_margin: Annotated[N, Field("fraction")] = NO_VALUE


class Infrastructure(Entry[N], Generic[N], frozen=True, kw_only=True):
    """What storing a logical gigabyte for a month costs, whatever the service."""

    cost_per_gb_month: Annotated[N, PER_GB_MONTH]


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """A service on ``layout`` (null: at the one cost that is stated). ``required_price`` is that of
    a gigabyte-month for the margin that is aimed at, ``maximum_cost`` what infrastructure may cost
    for it, null where software alone takes more. At ``breakeven_reduction`` nothing is earned."""

    layout: str | None
    reduction_ratio: Quantity | None
    infrastructure_per_gb_month: Quantity
    cost_per_gb_month: Quantity
    margin: Quantity
    required_price: Quantity
    maximum_cost: float | None
    breakeven_reduction: float | None


class ServiceMargins(msgspec.Struct, frozen=True, kw_only=True):
    """One service: the ``revenue_per_gb_month`` is the price with what requests bring.
    ``implied_cost`` is what infrastructure would cost at the published margin."""

    name: str
    title: str
    price_per_gb_month: float
    revenue_per_gb_month: float
    share_of_logical: float | None
    published_margin: float | None
    implied_cost: float | None
    margins: tuple[Margin, ...]


class Blend(msgspec.Struct, frozen=True, kw_only=True):
    """All services whose share of the data is stated, on one layout: what a month brings and
    costs."""

    layout: str | None
    sold_bytes: float
    revenue_per_month: float
    cost_per_month: Quantity
    margin: Quantity


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """What ``points`` of the cost are worth to this buyer, and from which price of a raw terabyte
    on they are ``money``: null where no price makes them so."""

    layout: str
    points: float
    money: float
    npv: float
    worth: float
    price_per_tb: float
    price_per_tb_needed: float | None


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Services at one stated infrastructure cost, and on each layout of the report."""

    currency: str
    stated_cost_per_gb_month: float
    target_margin: float
    services: tuple[ServiceMargins, ...]
    blends: tuple[Blend, ...]
    threshold: Threshold | None
    assumptions: tuple[AssumptionRow, ...]


def load_services(extra: Path | None = None) -> dict[str, Service[Assumption]]:
    """The service catalogue by name; with the reader's own file, the services that it names alone,
    its figures on top of those of the catalogue. Raises StoreffError with every mistake."""
    known = load("services", Service[Assumption], extra)
    if extra is None:
        return known
    own = {name: known[name] for name in read_toml(extra)}
    shares = [each.share_of_logical.value for each in own.values()]
    total = sum(share for share in shares if share is not None)
    if total > 1:
        refuse(extra, [f"share_of_logical of all services is {float(total):g}, more than all data"])
    return own


def load_infrastructure() -> Infrastructure[Assumption]:
    """The one infrastructure cost that the catalogue states."""
    return load_default("infrastructure", Infrastructure[Assumption])


# ---- the arithmetic ----


def revenue(service: Service[Number]) -> Number:
    """What a gigabyte-month brings, requests included."""
    return service.price_per_gb_month + service.requests_per_gb_month * service.price_per_request


def cost(service: Service[Number], infrastructure: Number) -> Number:
    """What a gigabyte-month that is sold costs, of ``infrastructure`` for one that is stored."""
    return infrastructure / service.utilisation + service.software_per_gb_month


def margin(service: Service[Number], infrastructure: Number) -> Number:
    """The part of the revenue that is left."""
    return 1 - cost(service, infrastructure) / revenue(service)


def required_price(service: Service[Number], infrastructure: Number, target: Number) -> Number:
    """The price of a gigabyte-month at which the margin is ``target``, which is below 1."""
    by_requests = revenue(service) - service.price_per_gb_month
    return at_least(cost(service, infrastructure) / (1 - target) - by_requests, 0)


def maximum_cost(service: Service[Number], target: Number) -> Number:
    """What infrastructure may cost for a margin of ``target``; negative where nothing may."""
    left = (1 - target) * revenue(service) - service.software_per_gb_month
    return left * service.utilisation


def breakeven_reduction(
    service: Service[Number], infrastructure: Number, reduction_ratio: Number
) -> Number:
    """The data reduction ratio at which the margin is 0: infrastructure costs as much as raw bytes
    are needed. NaN where software alone costs more than the service brings."""
    most = maximum_cost(service, 0)
    return infrastructure * reduction_ratio / most if most > 0 else float("nan")


def threshold(scenario: Scenario[Assumption], points: Fraction, money: int) -> Threshold | None:
    """From which price of a raw terabyte on ``points`` of the present value of cost are ``money``.
    That value grows linearly with the price of a drive. None where a price is not known."""
    run: Scenario[Number] = map_numbers(in_cells(scenario), exact)
    price, tb = run.drive.price, run.drive.capacity_bytes / TB

    def npv(drive_price: Number) -> Number:
        drive = msgspec.structs.replace(run.drive, price=drive_price)
        return bill_for(msgspec.structs.replace(run, drive=drive)).npv

    found, free = npv(price), npv(Fraction(0))
    if is_unknown(found):
        return None
    a_drive = npv(Fraction(1)) - free
    needed = (money / points - free) / a_drive / tb if a_drive else None
    return Threshold(
        layout=scenario.layout.name,
        points=float(points),
        money=float(money),
        npv=round(float(found), 2),
        worth=round(float(found * points), 2),
        price_per_tb=float(price / tb),
        price_per_tb_needed=None if needed is None else max(float(needed), 0.0),
    )


# ---- what the report carries ----


def margins_on(
    service: Service[Number],
    infrastructure: Quantity,
    target: Fraction,
    layout: str | None = None,
    reduction_ratio: Quantity | None = None,
) -> Margin:
    """``service`` where a logical gigabyte-month costs ``infrastructure``, as measured for
    ``layout`` with its ``reduction_ratio``."""
    if reduction_ratio is not None and not is_unknown(service.reduction_ratio):
        own = float(service.reduction_ratio)
        infrastructure = _at_ratio(infrastructure, reduction_ratio, own)
        reduction_ratio = Quantity.exact(own, "assumed")

    def solved(figure: Callable[[Fraction], Number]) -> Quantity:
        """``figure`` at the value and at both ends of what infrastructure costs."""
        ends = (infrastructure.low, infrastructure.value, infrastructure.high)
        low, value, high = (None if end is None else float(figure(_exact(end))) for end in ends)
        if low is not None and high is not None:
            low, high = sorted((low, high))
        return Quantity(value, low, high, "derived")

    most = maximum_cost(service, target)
    ratio = None if reduction_ratio is None else reduction_ratio.value
    breakeven = None
    if ratio is not None and infrastructure.value is not None:
        found = breakeven_reduction(service, _exact(infrastructure.value), _exact(ratio))
        breakeven = None if is_unknown(found) else float(found)
    return Margin(
        layout=layout,
        reduction_ratio=reduction_ratio,
        infrastructure_per_gb_month=infrastructure,
        cost_per_gb_month=solved(lambda each: cost(service, each)),
        margin=solved(lambda each: margin(service, each)),
        required_price=solved(lambda each: required_price(service, each, target)),
        maximum_cost=float(most) if most > 0 else None,
        breakeven_reduction=breakeven,
    )


def _at_ratio(infrastructure: Quantity, measured: Quantity, ratio: float) -> Quantity:
    """What infrastructure costs at another data reduction ratio: as much as raw bytes are needed.
    What spread of it was the measured ratio's, so none is left."""
    cost_now, ratio_now = infrastructure.value, measured.value
    if cost_now is None or ratio_now is None:
        return Quantity(None, None, None, "derived")
    return Quantity.exact(cost_now * ratio_now / ratio, "derived")


def _exact(x: float) -> Fraction:
    """``x`` as it is printed, so that what is stated as 0.0207 is that."""
    return Fraction(str(x))


def blended(
    services: dict[str, Service[Number]],
    rows: dict[str, Margin],
    layout: str | None,
    logical_bytes: int,
) -> Blend | None:
    """All of ``services`` that state their share of ``logical_bytes``; their ``rows`` are on
    ``layout``. None if none does."""
    sold = {name: each for name, each in services.items() if not is_unknown(each.share_of_logical)}
    if not sold or not all(name in rows for name in sold):
        return None
    gigabytes = {
        name: each.share_of_logical * Fraction(logical_bytes) * GB_PER_TB / TB
        for name, each in sold.items()
    }
    brought = sum(float(gigabytes[name] * revenue(each)) for name, each in sold.items())
    costs = [rows[name].cost_per_gb_month * float(gigabytes[name]) for name in sold]
    spent = sum(costs[1:], start=costs[0])
    return Blend(
        layout=layout,
        sold_bytes=float(sum(gigabytes.values()) * TB / GB_PER_TB),
        revenue_per_month=round(brought, 2),
        cost_per_month=spent,
        margin=1 - spent / brought if brought else Quantity(None, None, None, "derived"),
    )
