"""The sheets of a workbook that have a row for each of many: layouts, a benchmark, retention."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from storeff.economics.plan_model import PlannedRange
from storeff.quantity import Quantity
from storeff.report.model import Report
from storeff.report.workbook import Book, Cell, Column

# What a bill and a delivery plan call money.
_PAID = (
    *("tco", "opex_total", "residual_value"),
    *("cost", "cash", "deposits", "on_delivery", "not_taken"),
    *("purchase", "orders", "holding", "total"),
)


def rows_of(book: Book, name: str, rows: Sequence[msgspec.Struct], currency: str) -> None:
    """A sheet of ``rows`` with a column for each figure, and for the ends of its interval."""
    flat = [dict(_flat(row, "")) for row in rows]
    paths = list(dict.fromkeys(path for row in flat for path in row))
    # What no row knows says nothing.
    paths = [path for path in paths if any(row.get(path) is not None for row in flat)]
    columns = [_column(path, [row.get(path) for row in flat], currency) for path in paths]
    table = [[row.get(path) for path in paths] for row in flat]
    book.sheet(name).table(columns, table, freeze=True, filtered=True)


def layouts(book: Book, report: Report) -> None:
    """Every layout with all of its figures."""
    rows_of(book, "Layouts", report.layouts, report.currency)


def bench(book: Book, report: Report) -> None:
    """Every layout on every kind of drive."""
    assert report.bench is not None
    rows_of(book, "Benchmark", report.bench.rows, report.currency)
    if report.bench.chunking:
        rows_of(book, "Chunk sizes", report.bench.chunking, report.currency)


def plan(book: Book, report: Report) -> None:
    """The delivery plan, by what its rows are of."""
    found = report.plan
    assert found is not None
    ranged = found.demand_range
    outcomes = [
        # What is never short is so from no quarter, which is not unknown.
        msgspec.structs.replace(each, short_from=each.short_from or "")
        for each in (ranged.outcomes if isinstance(ranged, PlannedRange) else ())
    ]
    for name, rows in (
        ("Plan by quarter", found.quarters),
        ("Plan by offer", found.offers),
        ("Deliveries", found.deliveries),
        ("Waiting", found.waits),
        ("Other demand", outcomes),
        ("Site", found.site),
        ("Suppliers", found.suppliers),
        ("World supply", found.supply),
        ("Plan assumptions", found.assumptions),
    ):
        if rows:
            rows_of(book, name, rows, found.currency)


def retention(book: Book, report: Report) -> None:
    """Retention of KV caches by TTL."""
    assert report.kv is not None
    assert report.kv.retention is not None
    rows_of(book, "KV retention", report.kv.retention.rows, "USD")


def _flat(value: Any, path: str) -> Iterator[tuple[str, Cell]]:
    """Figures and words of a struct by their path; those of its own rows are left out."""
    if isinstance(value, Quantity):
        yield path, value.value
        if (value.low, value.high) != (value.value, value.value):
            yield f"{path}, low (95 %)", value.low
            yield f"{path}, high (95 %)", value.high
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(type(value)):
            yield from _flat(getattr(value, field.name), f"{path}.{field.encode_name}".strip("."))
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}")
    elif not isinstance(value, list | tuple):
        yield path, value


def _column(path: str, cells: Sequence[Cell], currency: str) -> Column:
    name = path.partition(",")[0].rpartition(".")[2]
    is_text = any(isinstance(each, str | bool) for each in cells)
    money = name == "npv" or name.startswith("npv_") or "capex." in path
    money = money or name in _PAID or path.startswith("npv_range")
    header = path.replace("_", " ").replace(".", ": ")
    if is_text:
        return Column(header, "text", 24 if name == "name" else 16)
    if money and name != "level":
        return Column(f"{header} ({currency})", "money", 20)
    if name == "levelised_per_logical_tb_month":
        return Column(f"{header} ({currency}/TB/month)", "ratio", 16)
    if name.endswith("price_per_tb"):
        return Column(f"{header} ({currency}/TB)", "price", 16)
    size = name.endswith(("_bytes", "bytes_without", "_byte")) and "per" not in name
    if size or name == "bytes":
        return Column(f"{header} (B)", "bytes", 18)
    return Column(header, "", 16)
