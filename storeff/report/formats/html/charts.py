"""The charts of a report: which there are, and what each draws of its fields."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from storeff.economics import is_below
from storeff.kv.retention.flash import Retention
from storeff.quantity import Quantity
from storeff.report.bench_model import Bench, Row
from storeff.report.figures import (
    amount,
    between,
    bounds,
    floored,
    interval,
    known,
    money,
    ratio,
    times,
)
from storeff.report.formats.html.axis import Axis, Show
from storeff.report.model import Report
from storeff.report.page import shortened
from storeff.report.sections_layouts import assumption_name, reference_layout, years
from storeff.report.sections_reduction import source_labels
from storeff.text import escaped
from storeff.units import format_bytes, format_duration, percent

# A chart of more is longer than a printed page; the table beside it has all rows.
ROWS_MOST = 24
_SWINGS_MOST = 10
# What leaves room for a figure beside it on a phone.
_LABEL_WIDTH = 26

Look = Literal["plain", "more", "less", "faint"]
Place = Literal["front", "other", "below"]


@dataclass(frozen=True)
class Bar:
    """A row of a chart: its label, its figure, a bar from ``start`` to ``end``, and the interval
    ``low``..``high``. A dot instead of a bar where ``start`` is None; nothing where ``end`` is."""

    label: str
    text: str
    end: float | None
    start: float | None = 0.0
    low: float | None = None
    high: float | None = None
    look: Look = "plain"

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", shortened(self.label, _LABEL_WIDTH))
        object.__setattr__(self, "text", escaped(self.text))

    @property
    def values(self) -> list[float]:
        """All that the axis must hold."""
        return [each for each in (self.start, self.end, self.low, self.high) if each is not None]


@dataclass(frozen=True)
class Bars:
    """Rows below each other. ``mark`` is a value that all are compared with."""

    name: str
    title: str
    rows: tuple[Bar, ...]
    show: Show
    from_zero: bool = True
    may_log: bool = False
    mark: float | None = None
    note: str = ""
    kind: str = field(default="bars", init=False)

    @property
    def axis(self) -> Axis:
        """One that holds every row."""
        values = [value for row in self.rows for value in row.values]
        mark = [] if self.mark is None else [self.mark]
        return Axis([*values, *mark], self.show, from_zero=self.from_zero, may_log=self.may_log)

    @property
    def description(self) -> str:
        """The same in words."""
        return "; ".join(f"{row.label}: {row.text}" for row in self.rows)


@dataclass(frozen=True)
class Point:
    """A point of a scatter chart; ``number`` names it in the list below, None if it is in none."""

    text: str
    x: float
    y: float
    place: Place
    number: int | None = None


@dataclass(frozen=True)
class Scatter:
    """Points by two figures."""

    name: str
    title: str
    points: tuple[Point, ...]
    x_title: str
    y_title: str
    show_x: Show
    show_y: Show
    note: str = ""
    kind: str = field(default="scatter", init=False)

    @property
    def x_axis(self) -> Axis:
        """Along the bottom."""
        values = [each.x for each in self.points]
        return Axis(values, self.show_x, from_zero=False, may_log=True)

    @property
    def y_axis(self) -> Axis:
        """Up the side."""
        return Axis([each.y for each in self.points], self.show_y, from_zero=False)

    @property
    def numbered(self) -> list[Point]:
        """Those that the list names."""
        return [each for each in self.points if each.number is not None]

    @property
    def description(self) -> str:
        """The same in words."""
        return "; ".join(each.text for each in self.numbered)


Chart = Bars | Scatter


def charts(report: Report) -> dict[str, list[Chart]]:
    """The charts of ``report`` that have something to compare, by the section that they are of."""
    found: dict[str, list[Chart | None]] = {"reduction": [_content(report)], "uncertainty": []}
    found["sharing"] = [_exclusive(report), _shared(report)]
    if report.layouts:
        found["layouts"] = [_raw(report), _cost(report)]
        found["contributions"] = [*(_waterfall(report), _tornado(report), _more_reading(report))]
        simulated = report.uncertainty and report.uncertainty.simulation
        found["uncertainty" if simulated else "contributions"].append(_risks(report))
    if report.kv is not None and report.kv.trace is not None:
        found["kv-trace"] = [_caches(report)]
    if report.kv is not None and report.kv.retention is not None:
        rows = report.kv.retention.rows
        found["kv-retention"] = [_hits(rows), _bought(rows)]
    if report.bench is not None:
        found["bench"] = [_pareto(report, report.bench)]
    return {name: [each for each in made if each is not None] for name, made in found.items()}


def _bars(name: str, title: str, rows: Iterable[Bar], show: Show, **more: object) -> Bars | None:
    """A chart of the first of ``rows`` of which anything is known; None if that is not two."""
    shown = [row for row in rows if row.end is not None or row.low is not None]
    if len(shown) < 2:
        return None
    made = Bars(name, title, tuple(shown[:ROWS_MOST]), show, **more)  # type: ignore[arg-type]
    left = len(shown) - ROWS_MOST
    return made if left <= 0 else _noted(made, f"{left:,} more in the table.")


def _noted(chart: Bars, note: str) -> Bars:
    return Bars(
        *(chart.name, chart.title, chart.rows, chart.show, chart.from_zero, chart.may_log),
        *(chart.mark, f"{chart.note} {note}".strip()),
    )


def _bar(
    label: str, q: Quantity, text: str, look: Look = "plain", start: float | None = 0.0
) -> Bar:
    """The row of one quantity with its interval: a bar, or a dot if there is no ``start``."""
    low, high = (None, None) if q.low == q.high else (q.low, q.high)
    where = None if q.value is None else start
    return Bar(label, text, q.value, where, low, high, look)


def _short(label: str) -> str:
    return shortened(label, _LABEL_WIDTH)


def _content(report: Report) -> Bars | None:
    if report.reduction is None:
        return None
    head = report.reduction.headline
    rows = [
        _bar(each.name, each.ratio, ratio(each.ratio), start=None)
        for each in report.reduction.by_stratum
    ]
    return _bars(
        *("content", f"Data reduction by content, {_short(f'{head.chunker} + {head.codec}')}"),
        *(rows, lambda value: f"{times(value)}x"),
        from_zero=False,
        may_log=True,
        mark=head.ratio.value,
        note="The line is all data. Lines through a dot are 95 % intervals.",
    )


def _exclusive(report: Report) -> Bars | None:
    """What of each source is in no other."""
    sharing = report.reduction.sharing if report.reduction else None
    if sharing is None:
        return None
    labels = source_labels([each.name for each in sharing.volumes])[1]
    rows = [
        _bar(label, each.only_here_bytes, interval(each.only_here_bytes, format_bytes))
        for label, each in zip(labels, sharing.volumes, strict=True)
    ]
    return _bars("exclusive", "Bytes that are in one source only", rows, format_bytes)


def _shared(report: Report) -> Bars | None:
    """What each pair of sources has in common."""
    sharing = report.reduction.sharing if report.reduction else None
    if sharing is None:
        return None
    names = [each.name for each in sharing.volumes]
    labels = dict(zip(names, source_labels(names)[1], strict=True))
    half = (_LABEL_WIDTH - len(" and ")) // 2
    rows = []
    for pair in sharing.pairs:
        both = (shortened(labels.get(name, name), half) for name in (pair.a, pair.b))
        shown = interval(pair.shared_bytes, format_bytes)
        rows.append(_bar(" and ".join(both), pair.shared_bytes, shown))
    return _bars("shared", "Bytes that two sources both hold", rows, format_bytes)


def _floor_note(report: Report) -> str:
    at_floor = [each.at_floor for each in report.layouts]
    if any(map(is_below, at_floor)):
        nines = next(each.nines for each in at_floor if each is not None)
        return f"Dashed bars stay below {nines:g} nines."
    return ""


def _looks(report: Report) -> list[Look]:
    below = [is_below(each.at_floor) for each in report.layouts]
    return ["faint" if each else "plain" for each in below]


def _raw(report: Report) -> Bars | None:
    rows = [
        _bar(each.name, each.raw_bytes, interval(each.raw_bytes, format_bytes), look)
        for each, look in zip(report.layouts, _looks(report), strict=True)
    ]
    note = _floor_note(report)
    return _bars("raw", "Raw storage by layout", rows, format_bytes, note=note)


def _cost(report: Report) -> Bars | None:
    def shown(value: float) -> str:
        return amount(value, report.currency)

    rows = []
    for each, look in zip(report.layouts, _looks(report), strict=True):
        found, cost = each.npv_range, each.bill.npv
        low, high = (cost.low, cost.high) if found is None else (found.low, found.high)
        ends = Quantity(cost.value, low, high, cost.origin)
        rows.append(_bar(each.name, ends, money(cost, report.currency), look))
    title = f"{years(report.layouts[0])}-year cost by layout (present value)"
    note = f"Lines are 95 % ranges, prices and quantity varied together. {_floor_note(report)}"
    return _bars("cost", title, rows, shown, note=note.strip())


def _waterfall(report: Report) -> Bars | None:
    layout = reference_layout(report)
    first, *steps = layout.waterfall
    rows = [_bar(first.label, first.after_bytes, interval(first.after_bytes, format_bytes))]
    for step in steps:
        before, after, factor = step.before_bytes.value, step.after_bytes, step.factor.value
        if factor == 1 or before is None:
            continue
        look: Look = "plain"
        if factor is not None:
            look = "less" if factor < 1 else "more"
        rows.append(_bar(step.label, after, interval(after, format_bytes), look, before))
    rows.append(_bar("Raw storage", layout.raw_bytes, interval(layout.raw_bytes, format_bytes)))
    title = f"From logical data to raw storage ({_short(layout.name)})"
    note = "Each figure is what is left after the step. Lines are 95 % intervals."
    return _bars("waterfall", title, rows, format_bytes, note=note)


def _tornado(report: Report) -> Bars | None:
    def shown(value: float) -> str:
        return amount(value, report.currency)

    rows = []
    for swing in report.sensitivity.tornado if report.sensitivity else ():
        one, other = swing.npv_at_low, swing.npv_at_high
        if one is None or other is None or one == other:
            continue
        low, high = min(one, other), max(one, other)
        label = assumption_name(swing.path)
        rows.append(Bar(label, between(low, high, shown), high, low))
    layout = reference_layout(report)
    cost = layout.bill.npv.value
    return _bars(
        *("tornado", f"What moves the {years(layout)}-year cost most", rows[:_SWINGS_MOST], shown),
        from_zero=False,
        mark=cost,
        note="Each assumption at both ends of its range, all others kept. The line is the cost.",
    )


def _risks(report: Report) -> Bars | None:
    """Between what the cost lies by quantities, by prices and by both, where that was simulated;
    in a report of before, by what was measured and by prices."""

    def shown(value: float) -> str:
        return amount(value, report.currency)

    found = report.uncertainty
    if found is None:
        return None
    level, varied = (
        "95 %",
        {
            "Quantity, as measured": (found.quantity.npv.low, found.quantity.npv.high),
            "Prices, as assumed": (found.price.npv.low, found.price.npv.high),
        },
    )
    if found.simulation is not None:
        runs = {"Quantities": "quantity", "Prices": "price", "Both": "together"}
        costs = {label: getattr(found.simulation, run).npv for label, run in runs.items()}
        level = "P10 to P90"
        varied = {label: (each.p10, each.p90) for label, each in costs.items()}
    rows = []
    for label, (low, high) in varied.items():
        if low is not None and high is not None:
            text = "exact" if low == high else between(low, high, shown)
            rows.append(Bar(label, text, high, low))
    return _bars(
        *("risks", f"Price against quantity risk ({level})", rows, shown),
        from_zero=False,
        mark=reference_layout(report).bill.npv.value,
        note="The line is the cost.",
    )


def _more_reading(report: Report) -> Bars | None:
    """What of the cost stays open by what was measured, after reading more."""

    def shown(value: float) -> str:
        return amount(value, report.currency)

    rows = [
        Bar(f"{format_bytes(each.read_bytes)} read", shown(each.npv_width), each.npv_width)
        for each in (report.uncertainty.more_reading if report.uncertainty else ())
        if each.npv_width is not None
    ]
    note = "The width of the 95 % interval. The first is now."
    return _bars("reading", "Cost that stays open after reading more", rows, shown, note=note)


def _caches(report: Report) -> Bars | None:
    """Hits by the size of the cache."""
    assert report.kv is not None
    assert report.kv.trace is not None
    rows = [
        Bar(
            f"{point.policy.upper()}, {point.capacity_tokens:,} tokens",
            known(point.traffic.token_hit_rate, percent),
            point.traffic.token_hit_rate,
        )
        for point in report.kv.trace.caches
        if point.admission == 1
    ]
    return _bars("caches", "Token hits by the size of the cache", rows, percent)


def _retained(row: Retention) -> str:
    again = ", 2nd use" if row.admission == 2 else ""
    return f"{format_duration(row.ttl_seconds)}{again}"


def _hits(rows: Sequence[Retention]) -> Bars | None:
    made = [
        _bar(_retained(row), row.token_hit_rate, bounds(row.token_hit_rate, percent))
        for row in rows
    ]
    note = "Lines are bounds."
    return _bars("hits", "Token hits, if evicted when idle for", made, percent, note=note)


def _bought(rows: Sequence[Retention]) -> Bars | None:
    made = [_bar(_retained(r), r.raw_bytes, bounds(r.raw_bytes, format_bytes)) for r in rows]
    title, note = "Raw storage bought, if evicted when idle for", "Lines are bounds."
    return _bars("bought", title, made, format_bytes, note=note)


def _pareto(report: Report, bench: Bench) -> Scatter | None:
    """Cost against nines."""
    points: list[Point] = []
    number = 0
    for row in bench.rows:
        if row.npv.value is None or row.nines is None:
            continue
        place = _place(row)
        number += place == "front"
        cost, nines = amount(row.npv.value, report.currency), floored(row.nines)
        text = f"{_short(row.layout)} on {_short(row.drive)}: {nines} nines, {cost}"
        named = number if place == "front" else None
        points.append(Point(text, float(row.npv.value), row.nines, place, named))
    if len(points) < 2:
        return None
    note = "Numbered: the Pareto front of money, durability and rebuild traffic."
    if any(each.place == "below" for each in points):
        note += f" Crosses stay below {bench.durability_nines:g} nines."
    return Scatter(
        *("pareto", "Cost against durability", tuple(points), "cost (present value)", "nines"),
        *(lambda value: amount(value, report.currency), lambda value: f"{value:g}", note),
    )


def _place(row: Row) -> Place:
    if is_below(row.floor):
        return "below"
    return "front" if row.is_pareto else "other"
