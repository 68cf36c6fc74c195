"""What comparing reports says to people."""

from collections.abc import Callable, Iterator, Sequence

from storeff.quantity import Quantity
from storeff.report.changes_model import (
    Attribution,
    Compared,
    Comparison,
    Figure,
    Input,
    LayoutChange,
)
from storeff.report.figure_kinds import kind_of
from storeff.report.figures import amount, interval, known, signed, with_unit
from storeff.report.page import (
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    shortened,
    table,
    tabled,
)
from storeff.units import count, counted, percent, significant

SHOWN = 12
NO_CHANGE = "no change that the measurements show"
# The same in a narrow column.
_NONE_SHOWN = "no change shown"
_NAME_WIDTH = 30
_FACT_WIDTH = 60
_ABSENT = "not there"


def compared_sections(compared: Compared, *, full: bool = False) -> Iterator[Section]:
    """Each report beside the first; all rows if ``full``, else the first of each table."""
    for each in compared.comparisons:
        yield from _compared(each, full)


def _compared(each: Comparison, full: bool) -> Iterator[Section]:
    names = [shortened(name, _NAME_WIDTH) for name in (each.baseline, each.report)]
    parts: list[Part] = []
    if not each.differs:
        parts.append(Paragraph(f"{NO_CHANGE[0].upper()}{NO_CHANGE[1:]}."))
    if each.facts:
        parts.append(Facts(tuple((x.name, _fact(x.before, x.after)) for x in each.facts)))
    if each.is_same_measurement and each.differs:
        parts.append(
            Paragraph("Both rest on one measurement of the data, so its error is in both alike.")
        )
    figures = [x for x in each.figures if x.verdict != "same"]
    if figures:
        parts.append(_figures(figures, each.currency))
    yield Section("changes", f"What changed from {names[0]} to {names[1]}", tuple(parts))
    if each.attribution is not None:
        yield why(each.attribution, each.currency)
    if each.inputs:
        yield changed_inputs(each.inputs, full)
    moved = [x for x in each.layouts if any(f.verdict != "same" for f in _of(x))]
    if moved or each.layouts_gone or each.layouts_new:
        yield _layouts(each, moved, full)


def _fact(before: str | None, after: str | None) -> str:
    shown = (shortened(text or _ABSENT, _FACT_WIDTH) for text in (before, after))
    return " -> ".join(shown)


def _figures(figures: Sequence[Figure], currency: str) -> Part:
    def shown(q: Quantity | None, figure: Figure) -> str:
        return _ABSENT if q is None else interval(q, kind_of(figure.path, currency).show)

    return tabled(
        figures,
        {
            Column("figure", "text", least=16): lambda x: x.name,
            "before": lambda x: shown(x.before, x),
            "after": lambda x: shown(x.after, x),
            Column("change", "text", least=12): _change,
        },
    )


def _change(figure: Figure, none: str = NO_CHANGE) -> str:
    """By how much, as far as the measurements show that it is a change."""
    if figure.verdict == "same":
        return "same"
    if figure.verdict == "within":
        return none
    before = None if figure.before is None else figure.before.value
    after = None if figure.after is None else figure.after.value
    if figure.verdict == "unknown" or before is None or after is None:
        return "unknown" if figure.verdict == "unknown" else "changed"
    if not before:
        return "changed"
    return relative(after / before)


def relative(ratio: float) -> str:
    """By how much a figure changed, from its ``ratio`` to what it was: ``+3.2 %``, ``-50.0 %``, or
    ``x 12.0``."""
    if ratio >= 10 or ratio <= 0:
        return f"x {significant(ratio)}"
    return f"{'-' if ratio < 1 else '+'}{percent(abs(ratio - 1))}"


def _signed(value: float, show: Callable[[float], str]) -> str:
    return f"{'-' if value < 0 else '+'}{show(abs(value))}" if value else "0"


def why(found: Attribution, currency: str) -> Section:
    """What each cause is answerable for."""

    def cost(value: float) -> str:
        return _signed(value, lambda x: amount(x, currency))

    def raw(value: int) -> str:
        return signed(value) if value else "0"

    def drives(value: int) -> str:
        return _signed(value, count)

    rows = [
        (
            cause.name if cause.verdict == "changed" else f"{cause.name} ({NO_CHANGE})",
            cause.changed,
            raw(cause.raw_bytes),
            drives(cause.drives),
            "" if cause.npv is None else cost(cause.npv),
        )
        for cause in found.causes
    ]
    total = (known(found.raw_bytes, raw), known(found.drives, drives), known(found.npv, cost))
    rows.append(("in all", "", *total))
    columns = (
        Column("cause", "text", least=14, most=44),
        Column("what changed", "text", least=10, most=40),
        "raw",
        "drives",
        "cost",
    )
    notes = [] if found.because is None else [Paragraph(f"Not shared out: {found.because}.")]
    name = shortened(found.after, _NAME_WIDTH)
    if found.before != found.after:
        name = f"{shortened(found.before, _NAME_WIDTH)} -> {name}"
    return Section(
        "why", f"Why the reference layout changed ({name})", (table(columns, rows), *notes)
    )


def changed_inputs(inputs: Sequence[Input], full: bool) -> Section:
    """Assumptions before and after: all if ``full``, else the first SHOWN."""
    shown = inputs if full else inputs[:SHOWN]

    def value(number: float | None, unit: str) -> str:
        return _ABSENT if number is None else with_unit(number, unit)

    made = tabled(
        shown,
        {
            Column("assumed", "name", least=30, most=60): lambda x: x.path,
            "before": lambda x: value(x.before, x.unit),
            "after": lambda x: value(x.after, x.unit),
        },
    )
    title = f"{counted(len(inputs), 'assumption')} changed"
    return Section("inputs", title, (made, *_more(len(inputs) - len(shown))))


def _of(layout: LayoutChange) -> tuple[Figure, Figure, Figure]:
    return layout.raw_bytes, layout.drives, layout.npv


def _layouts(each: Comparison, moved: Sequence[LayoutChange], full: bool) -> Section:
    def cost(q: Quantity | None) -> str:
        return _ABSENT if q is None else interval(q, lambda x: amount(x, each.currency))

    parts: list[Part] = []
    shown = moved if full else moved[:SHOWN]
    if shown:
        parts.append(
            tabled(
                shown,
                {
                    Column("layout", "name", least=14): lambda x: x.layout,
                    Column("drive", "name", least=8): lambda x: x.drive,
                    "cost before": lambda x: cost(x.npv.before),
                    "after": lambda x: cost(x.npv.after),
                    Column("cost", "text", least=8): lambda x: _change(x.npv, _NONE_SHOWN),
                    Column("raw", "text", least=8): lambda x: _change(x.raw_bytes, _NONE_SHOWN),
                },
            )
        )
        parts += _more(len(moved) - len(shown))
    for what, names in (("Gone", each.layouts_gone), ("New", each.layouts_new)):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN and not full else ""
            parts.append(Paragraph(f"{what}: {', '.join(names if full else names[:SHOWN])}{more}"))
    changed = sum(any(f.verdict == "changed" for f in _of(x)) for x in moved)
    title = f"Layouts: {len(each.layouts)} in both, {changed} changed"
    return Section("layouts", title, tuple(parts))


def _more(rows: int) -> list[Paragraph]:
    return [Paragraph(f"and {rows:,} more, in the JSON")] if rows > 0 else []
