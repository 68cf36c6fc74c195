"""Services for people: what each earns at one stated cost, and on each layout that was sized."""

from collections.abc import Callable, Iterator

from storeff.economics.services import Blend, Margin, ServiceMargins, Services, Threshold
from storeff.quantity import Quantity
from storeff.report.figures import amount, interval, known, times
from storeff.report.page import UNKNOWN, Column, Paragraph, Part, Section, shortened, tabled
from storeff.report.sections_terms import sourced
from storeff.units import format_bytes, percent, significant

_NAME_WIDTH = 24
_CURRENCY_WIDTH = 8


def service_sections(found: Services, reference: str | None, *, full: bool) -> Iterator[Section]:
    """What services earn at the stated cost and on the ``reference`` layout; ``full`` adds all
    others, and what it rests on."""
    currency = shortened(found.currency, _CURRENCY_WIDTH)
    cells: dict[str | Column, Callable[[ServiceMargins], str]] = {
        Column("service", "name", least=18): lambda each: each.title or each.name,
        "price": lambda each: _price(each.price_per_gb_month),
        "published margin": lambda each: known(each.published_margin, percent),
        "its cost": lambda each: known(each.implied_cost, _price),
        f"margin at {_price(found.stated_cost_per_gb_month)}": lambda each: _margin(each, None),
    }
    if reference is not None:
        cells[f"on {_short(reference)}"] = lambda each: _margin(each, reference)
    body: list[Part] = [tabled(found.services, cells)]
    body += _said(found, reference)
    title = f"What services earn, in {currency} a GB and month"
    yield Section("services", title, tuple(body))
    if not full:
        return
    layouts = _layouts(found)
    if layouts:
        yield _by_layout(found, layouts)
    yield _solved(found, reference)
    yield sourced("service-prices", "What services rest on", found.assumptions)


def _said(found: Services, reference: str | None) -> Iterator[Paragraph]:
    if any(each.implied_cost is not None for each in found.services):
        yield Paragraph(
            "its cost: what infrastructure costs if the published margin is true. A margin here is "
            "of infrastructure and software alone."
        )
    for blend in found.blends:
        if blend.layout == reference:
            yield Paragraph(_blend(blend, found.currency))
    if found.threshold is not None:
        yield Paragraph(_threshold(found.threshold, found.currency))


def _blend(blend: Blend, currency: str) -> str:
    on = "at the stated cost" if blend.layout is None else f"on {_short(blend.layout)}"
    spent = interval(blend.cost_per_month, lambda value: amount(value, currency))
    return (
        f"All services together {on}, {format_bytes(blend.sold_bytes)} sold: a month brings "
        f"{amount(blend.revenue_per_month, currency)} and costs {spent}; margin "
        f"{_between(blend.margin)}."
    )


def _threshold(found: Threshold, currency: str) -> str:
    """From where on a few points are as much as is said of them."""
    unit = shortened(currency, _CURRENCY_WIDTH)
    text = (
        f"{found.points * 100:g} points of the cost of {_short(found.layout)} are "
        f"{amount(found.worth, currency)}, at {significant(found.price_per_tb)} {unit} a raw TB "
        "of drives"
    )
    needed = found.price_per_tb_needed
    if needed is None:
        return f"{text}; no price of a drive makes them {amount(found.money, currency)}."
    if needed <= found.price_per_tb:
        return f"{text}; they are {amount(found.money, currency)} from {significant(needed)} on."
    return f"{text}; they would be {amount(found.money, currency)} at {significant(needed)} {unit}."


def _layouts(found: Services) -> list[str]:
    """Every layout that a service stands on."""
    margins = (each for service in found.services for each in service.margins)
    return list(dict.fromkeys(each.layout for each in margins if each.layout is not None))


def _on(service: ServiceMargins, layout: str | None) -> Margin | None:
    return next((each for each in service.margins if each.layout == layout), None)


def _by_layout(found: Services, layouts: list[str]) -> Section:
    def first(layout: str) -> Margin:
        rows = (_on(service, layout) for service in found.services)
        return next(each for each in rows if each is not None)

    def margin_of(service: ServiceMargins) -> Callable[[str], str]:
        return lambda layout: _margin(service, layout)

    cells: dict[str | Column, Callable[[str], str]] = {
        Column("layout", "name", least=18): lambda layout: layout,
        "data reduction": lambda layout: _ratio(first(layout).reduction_ratio),
        "infrastructure": lambda layout: known(
            first(layout).infrastructure_per_gb_month.value, _price
        ),
    }
    for service in found.services:
        cells[_short(service.name).replace("-", " ")] = margin_of(service)
    return Section("services-by-layout", "Margins on every layout", (tabled(layouts, cells),))


def _solved(found: Services, reference: str | None) -> Section:
    """What price, cost and reduction it would take."""
    rows = [(each, _on(each, reference)) for each in found.services]
    target = percent(found.target_margin)
    table = tabled(
        [(service, row) for service, row in rows if row is not None],
        {
            Column("service", "name", least=18): lambda pair: pair[0].title or pair[0].name,
            "cost": lambda pair: known(pair[1].cost_per_gb_month.value, _price),
            "margin": lambda pair: _between(pair[1].margin),
            "price needed": lambda pair: known(pair[1].required_price.value, _price),
            "infrastructure may cost": lambda pair: known(pair[1].maximum_cost, _price),
            "break-even reduction": lambda pair: known(pair[1].breakeven_reduction, _small_times),
        },
    )
    where = "at the stated cost" if reference is None else f"on {_short(reference)}"
    title = f"What a margin of {target} takes, {where}; break-even is a margin of 0 %"
    return Section("services-solved", title, (table,))


def _margin(service: ServiceMargins, layout: str | None) -> str:
    row = _on(service, layout)
    return UNKNOWN if row is None else known(row.margin.value, percent)


def _between(q: Quantity) -> str:
    """A margin with its interval."""
    if q.value is None or q.low is None or q.high is None or q.low == q.high:
        return known(q.value, percent)
    return f"{percent(q.value)} [{percent(q.low)}, {percent(q.high)}]"


def _ratio(q: Quantity | None) -> str:
    return UNKNOWN if q is None else known(q.value, _times)


def _times(value: float) -> str:
    return f"{times(value)}x"


def _small_times(value: float) -> str:
    return f"{significant(value)}x"


def _price(value: float) -> str:
    return significant(value)


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)
