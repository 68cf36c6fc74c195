"""Prices on a day: of what, for how much, by whom, how old, and what rests on them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from storeff.data import Assumption, AssumptionRow, ShelfLife, numbers_in, row_of
from storeff.data.assumption import Kind, is_price, is_stale
from storeff.economics import Drive
from storeff.errors import StoreffError
from storeff.report.figures import format_number, known, money, with_unit
from storeff.report.page import Column, Paragraph, Part, Table, shortened, tabled
from storeff.units import counted, percent

if TYPE_CHECKING:
    # Lists of catalogues are shown without a report, and without what it imports.
    from storeff.report.model import Report

_TB = 10**12
_NAMES_WIDTH = 24


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A price on a day. ``per_tb`` is what a terabyte of a drive costs, ``age_days`` how old the
    price is, ``share_of_cost`` by how many per cent the cost of a report's reference layout rises
    with 1 % of the price, which is the part of that cost that it makes. Null is unknown."""

    path: str
    value: float
    low: float | None
    high: float | None
    unit: str
    per_tb: float | None
    kind: Kind
    basis: str
    source: str | None
    true_on: date | None
    read_on: date | None
    age_days: int | None
    stale: bool
    from_units: int | None
    valid_until: date | None
    share_of_cost: float | None


def prices_of(
    entries: Iterable[object], today: date, life: ShelfLife[Assumption]
) -> Iterator[Price]:
    """The known prices in entries of catalogues."""
    for entry in entries:
        capacity = entry.capacity_bytes if isinstance(entry, Drive) else None
        for number in numbers_in(entry):
            if number.is_price and number.value is not None:
                of_drive = capacity is not None and number.path.endswith(".price")
                row = row_of(number, today, life)
                yield _price(row, capacity.value if of_drive and capacity else None, today, life)


def prices_in(report: "Report", today: date, life: ShelfLife[Assumption]) -> list[Price]:
    """The prices that ``report`` rests on, those that make the most of the cost first. Raises
    StoreffError if it has none."""
    rows = {row.path: row for row in report.assumptions}
    slopes = report.sensitivity.elasticity if report.sensitivity else ()
    shares = {each.input: each.npv for each in slopes}
    found = []
    for row in rows.values():
        if is_price(row.unit) and row.value is not None:
            entry, _, field = row.path.rpartition(".")
            capacity = rows.get(f"{entry}.capacity_bytes") if field == "price" else None
            found.append(
                _price(row, capacity.value if capacity else None, today, life, shares.get(row.path))
            )
    if not found:
        raise StoreffError("the report rests on no price", "list those of a sized report")
    return sorted(found, key=lambda each: -(each.share_of_cost or 0))


def _price(
    row: AssumptionRow,
    capacity_bytes: Fraction | float | None,
    today: date,
    life: ShelfLife[Assumption],
    share: float | None = None,
) -> Price:
    assert row.value is not None
    return Price(
        path=row.path,
        value=row.value,
        low=row.low,
        high=row.high,
        unit=row.unit,
        per_tb=float(Fraction(row.value) * _TB / Fraction(capacity_bytes))
        if capacity_bytes
        else None,
        kind=row.kind,
        basis=row.named_basis,
        source=row.source,
        true_on=row.true_on,
        read_on=row.read_on,
        age_days=None if row.true_on is None else (today - row.true_on).days,
        stale=bool(is_stale(row, today, life)),
        from_units=row.from_units,
        valid_until=row.valid_until,
        share_of_cost=share,
    )


# ---- for people ----


def price_table(prices: Iterable[Price], *, prefix: str = "", with_sources: bool = False) -> Table:
    """A row for each price, whose path is shown without ``prefix``."""
    cells: dict[str | Column, Callable[[Price], str]] = {
        Column("price of", "name", least=34, most=44): lambda each: each.path.removeprefix(
            prefix
        ).removesuffix(".price"),
        "price": lambda each: with_unit(each.value, each.unit),
        "range": ranged,
        "per TB": lambda each: "" if each.per_tb is None else f"{each.per_tb:,.0f}",
        "of cost": lambda each: "" if each.share_of_cost is None else percent(each.share_of_cost),
        Column("age", "text", least=12): age,
        Column("kind", "text", least=10): lambda each: each.kind,
        # What follows from kind and date stands beside it already.
        Column("basis", "text", least=22, most=30): lambda each: (
            "" if each.basis.startswith(f"{each.kind}, ") else each.basis
        ),
    }
    if with_sources:
        cells[Column("source", "text", least=30)] = lambda each: each.source or ""
    return tabled(prices, cells)


def ranged(number: Price | AssumptionRow) -> str:
    """``27,000..45,466``, to the value where one end is not given; nothing where neither is."""
    if number.low is None and number.high is None:
        return ""
    ends = (number.value if end is None else end for end in (number.low, number.high))
    low, high = (known(end, format_number) for end in ends)
    return f"{low}..{high}"


def age(price: Price) -> str:
    """``12 d``, ``205 d, out of date``, ``undated``; and until when and from how many it holds."""
    said = "undated" if price.age_days is None else f"{price.age_days} d"
    if price.valid_until is not None:
        said += f", valid until {price.valid_until.isoformat()}"
    if price.stale and price.age_days is not None:
        said += ", out of date"
    return said + (f", from {price.from_units:,} on" if price.from_units is not None else "")


def report_parts(report: "Report", prices: list[Price]) -> Iterator[Part]:
    """The prices of ``report``, and of what they make their part."""
    reference = report.reference
    if reference is not None and any(each.share_of_cost is not None for each in prices):
        years = len(reference.bill.opex_by_year)
        name, drive = (shortened(each, _NAMES_WIDTH) for each in (reference.name, reference.drive))
        cost = money(reference.bill.npv, report.currency)
        yield Paragraph(f"{years}-year cost of {name} on {drive}: {cost}", "strong")
    yield price_table(prices)
    yield standing(prices)


def standing(prices: Iterable[Price]) -> Paragraph:
    """How many of the prices still hold."""
    listed = list(prices)
    undated = sum(each.age_days is None and each.valid_until is None for each in listed)
    old = sum(each.stale for each in listed) - undated
    text = f"{counted(len(listed), 'price')}: {old:,} out of date, {undated:,} undated"
    return Paragraph(f"{text}, which counts as out of date.")


def without_price(drives: Mapping[str, Drive[Assumption]]) -> Iterator[Paragraph]:
    """Which drives have none, if any."""
    names = [name for name, drive in drives.items() if drive.price.value is None]
    if names:
        yield Paragraph(f"No published price: {', '.join(names)}.")
