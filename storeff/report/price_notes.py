"""What a reader must know of the prices before using the figures: their age and their basis."""

from collections.abc import Iterable, Iterator, Sequence

from storeff.data import AssumptionRow
from storeff.data.assumption import is_price
from storeff.report.model import Report
from storeff.units import counted

# Of a list of figures in one sentence.
_NAMED_MOST = 4

Said = Iterator[tuple[str, str, str]]


def price_warnings(report: Report, remedy: str) -> Said:
    """Code, message and remedy of what is stale, of prices that cannot be compared, and of prices
    for more units than are bought. ``remedy`` has a place for what is to be put where."""
    yield from _stale(report.assumptions, remedy)
    drives = [row for row in report.assumptions if _drive_of(row) is not None]
    yield from _bases(drives, remedy)
    yield from _too_few(report, drives, remedy)


def _stale(rows: Sequence[AssumptionRow], remedy: str) -> Said:
    undated = [row for row in rows if row.true_on is None and row.valid_until is None]
    prices = [row for row in undated if is_price(row.unit)]
    old = [row for row in rows if row.stale and row not in undated]
    said = []
    if old:
        said.append(f"{counted(len(old), 'assumed figure')} out of date: {_named(old)}")
    if prices:
        said.append(
            f"{counted(len(prices), 'price')} undated, which counts as out of date: "
            f"{_named(prices)}"
        )
    if not said:
        return
    others = len(undated) - len(prices)
    if others:
        said.append(f"{counted(others, 'other assumption')} undated")
    yield "stale-assumptions", "; ".join(said), remedy.format("today's figures and their dates")


def _bases(drives: list[AssumptionRow], remedy: str) -> Said:
    """Prices of drives that are compared and stand on different bases."""
    by_basis: dict[str, list[str]] = {}
    for row in drives:
        by_basis.setdefault(row.named_basis, []).append(_drive_of(row) or "")
    if len(by_basis) < 2:
        return
    named = [f"{_joined(names)} ({basis})" for basis, names in by_basis.items()]
    yield (
        "price-bases",
        f"prices of {_joined(named)} are on different bases",
        remedy.format("prices of one basis and date"),
    )


def _too_few(report: Report, drives: list[AssumptionRow], remedy: str) -> Said:
    """Prices that hold from more units than a layout buys."""
    bought = [(each.name, each.drive, each.bill.drives.value) for each in report.layouts]
    if report.bench is not None:
        bought += [(row.layout, row.drive, row.drives.value) for row in report.bench.rows]
    for row in drives:
        least = row.from_units
        fewer = [
            f"{layout} {count:,}"
            for layout, drive, count in bought
            if least is not None and count is not None and count < least
            if row.path == f"drives.{drive}.price" or row.path == "drive.price"
        ]
        if fewer:
            more = f", and {len(fewer) - _NAMED_MOST:,} more" if len(fewer) > _NAMED_MOST else ""
            yield (
                "price-break",
                f"{row.path} holds from {least:,} drives; fewer are bought for "
                f"{', '.join(fewer[:_NAMED_MOST])}{more}",
                remedy.format("the price of fewer"),
            )


def _drive_of(row: AssumptionRow) -> str | None:
    """The drive that ``row`` is the price of; None of anything else."""
    room, _, rest = row.path.partition(".")
    name, _, field = rest.rpartition(".")
    if field != "price" or room not in ("drive", "drives"):
        return None
    return name or "the drive"


def _named(rows: Iterable[AssumptionRow]) -> str:
    names = [row.path for row in rows]
    return ", ".join(names[:_NAMED_MOST]) + (", ..." if len(names) > _NAMED_MOST else "")


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
