"""A benchmark of layouts for people: the front, the recommendation, and the arithmetic."""

from collections.abc import Callable, Iterator, Sequence

from storeff.economics import is_below
from storeff.report.bench_model import Bench, Flip, Row
from storeff.report.figures import amount, floored, format_number, interval, known, money, times
from storeff.report.model import Report
from storeff.report.page import (
    UNKNOWN,
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    brief,
    fold,
    shortened,
    tabled,
)
from storeff.report.sections_layouts import input_name
from storeff.units import (
    count,
    counted,
    format_bytes,
    format_duration,
    format_power,
    format_size_both,
    percent,
    significant,
)

# Of 23 lines of the first screen: what the plot, headings, blank lines and the next prompt leave
# for rows and what is said below them.
_LINES, _LINE_CELLS = 10, 78
_SHOWN_MOST = 7
_NAME_WIDTH = 22
_PLOT_CELLS, _PLOT_LINES = 60, 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALTERNATIVES = 3
_CURRENCY_WIDTH = 8
_PRICES_WIDTH = 150
_DIGITS_MOST = 6


def bench_sections(report: Report, *, full: bool) -> Iterator[Section]:
    """The comparison; ``full`` adds every row, and what it rests on."""
    bench = report.bench
    assert bench is not None
    said = tuple(_recommended(report, bench))
    if not full:
        said += tuple(_said_of_prices(report))
    below = sum(len(fold(part.text, _LINE_CELLS)) for part in said)
    title = len(fold(_title(bench), _LINE_CELLS)) - 1
    yield _front(report, bench, max(1, min(_SHOWN_MOST, _LINES - title - below)))
    yield Section("recommendation", "Which to buy", said)
    if full:
        yield _rows(report, bench)
        yield _needs(bench)
        yield _arithmetic(bench)
        yield _chunking(report, bench)


def _said_of_prices(report: Report) -> Iterator[Paragraph]:
    """That the prices cannot be compared, if so: the order of drives rests on them."""
    for each in report.warnings:
        if each.code == "price-bases":
            yield Paragraph(brief(f"! {each.message}", _PRICES_WIDTH), "warning")


def _title(bench: Bench) -> str:
    size = format_size_both(bench.logical_bytes)
    layouts = counted(len({row.layout for row in bench.rows}), "layout")
    if bench.durability_nines is None:
        return f"{size} of data like this on {layouts}, each with its usual parity"
    return f"{size} of data like this on {layouts}, at {bench.durability_nines:g} nines"


def best_by_layout(rows: Sequence[Row]) -> list[Row]:
    """The first row of each layout, which is its cheapest."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.layout, row)
    return list(found.values())


def _cells(report: Report) -> dict[str | Column, Callable[[Row], str]]:
    return {
        Column("drive", "name", least=7): lambda row: row.drive,
        "reduced": lambda row: known(row.reduction_ratio.value, lambda x: f"{times(x)}x"),
        "raw:data": lambda row: known(row.raw_per_logical_byte.value, significant),
        "nines": lambda row: known(row.nines, floored),
        "rebuild/d": lambda row: known(row.rebuild_read_bytes_per_day, format_bytes),
        "cost": lambda row: known(row.npv.value, lambda x: amount(x, report.currency)),
    }


def _front(report: Report, bench: Bench, rows_shown: int) -> Section:
    rows = best_by_layout(bench.rows)
    shown = rows[:rows_shown]
    letters = {id(row): letter for letter, row in zip(_LETTERS, shown, strict=False)}
    named = Column("layout", "name", least=18)
    table = tabled(
        shown, {named: lambda row: f"{letters[id(row)]} {_named(row, bench)}", **_cells(report)}
    )
    more = len(rows) - len(shown)
    notes = list(_notes(bench, shown))
    if more:
        notes.insert(0, f"{more:,} more")
    body: list[Part] = [table]
    body += [Paragraph(each) for each in ("; ".join(notes),) if each]
    body += [Paragraph(each, "drawing") for each in _plot(report, shown)]
    return Section("bench", _title(bench), tuple(body))


def _named(row: Row, bench: Bench) -> str:
    """The layout, its code if that was changed, and marks that ``_notes`` explain."""
    marks = "*" if row.is_pareto else ""
    if is_below(row.floor):
        marks += "!"
    if row.credit.must_be_turned_on:
        marks += "+"
    changed = row.floor is not None and row.floor.parities_added
    code = f" as {row.code}" if changed else ""
    return f"{_short(row.layout)}{code}{' ' if marks else ''}{marks}"


def _notes(bench: Bench, rows: Sequence[Row]) -> Iterator[str]:
    if any(row.is_pareto for row in rows):
        yield "* Pareto"
    if any(is_below(row.floor) for row in rows):
        yield f"! below {bench.durability_nines:g} nines"
    if any(row.credit.must_be_turned_on for row in rows):
        yield "+ reduces if turned on"


def _plot(report: Report, rows: Sequence[Row]) -> Iterator[str]:
    """Nines against cost: the letter of each row, a capital on the Pareto front."""
    drawn = [
        (letter.upper() if row.is_pareto else letter, float(row.npv.value), row.nines)
        for letter, row in zip(_LETTERS, rows, strict=False)
        if row.npv.value is not None and row.nines is not None
    ]
    if len(drawn) < 2:
        return
    costs, nines = [cost for _, cost, _ in drawn], [each for _, _, each in drawn]
    grid = [[" "] * _PLOT_CELLS for _ in range(_PLOT_LINES)]

    def place(value: float, values: Sequence[float], cells: int) -> int:
        low, high = min(values), max(values)
        return round((value - low) / ((high - low) or 1) * (cells - 1))

    for letter, cost, many in reversed(drawn):
        line = _PLOT_LINES - 1 - place(many, nines, _PLOT_LINES)
        grid[line][place(cost, costs, _PLOT_CELLS)] = letter
    for number, cells in enumerate(grid):
        at = max(nines) - (max(nines) - min(nines)) * number / (_PLOT_LINES - 1)
        yield f"{floored(at):>5} nines |{''.join(cells)}"
    left, right = (amount(end, report.currency) for end in (min(costs), max(costs)))
    yield f"{'':12}{left}{right:>{max(1, _PLOT_CELLS - len(left))}}"


def _recommended(report: Report, bench: Bench) -> Iterator[Paragraph]:
    chosen = bench.recommendation
    if chosen is None:
        yield Paragraph(f"{UNKNOWN}: no layout that is durable enough has a price")
    else:
        yield Paragraph(_sentence(report, bench))
    if bench.quoted is not None:
        yield Paragraph(_quote(report, bench))


def _sentence(report: Report, bench: Bench) -> str:
    """What to buy, what each alternative costs, and what would flip the order."""
    chosen = bench.recommendation
    assert chosen is not None
    rows = {(row.layout, row.drive): row for row in bench.rows}
    first = rows[chosen.layout, chosen.drive]
    text = f"{_on_drive(first)}, {money(first.npv, report.currency)}"
    if chosen.runner_up is None or chosen.runner_up_drive is None:
        return f"{text}."
    second = rows[chosen.runner_up, chosen.runner_up_drive]
    others = [row for row in best_by_layout(bench.rows) if _is_other(row, first, second)]
    named = [f"{_on_drive(second)} {_more(second, first)} more"]
    named += [f"{_short(row.layout)} {_more(row, first)}" for row in others[:_ALTERNATIVES]]
    text += f"; {', '.join(named)}"
    flips = [_flip(report, flip) for flip in chosen.flips if flip.at is not None]
    if not flips:
        return f"{text}; nothing that was tried would flip the first two."
    return f"{text}; it flips if {', or if '.join(flips)}."


def _on_drive(row: Row) -> str:
    return f"{_short(row.layout)} on {_short(row.drive)}"


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _more(row: Row, first: Row) -> str:
    return percent(float(row.npv.value or 0) / float(first.npv.value or 1) - 1)


def _is_other(row: Row, first: Row, second: Row) -> bool:
    return (
        not is_below(row.floor)
        and row.npv.value is not None
        and row.layout not in (first.layout, second.layout)
    )


def _flip(report: Report, flip: Flip) -> str:
    assert flip.at is not None
    layout = _short(flip.layout)
    if flip.input == "reduction_ratio":
        at, now = _apart(lambda x, digits: f"{x:,.{digits}f}x", flip.at, flip.now, 2)
        text = f"{layout} reduces {at} (now {now})"
        return text + (", as the measurement allows" if flip.is_measured_so else "")
    if flip.input == "price":
        currency = shortened(report.currency, _CURRENCY_WIDTH)
        at, now = _apart(lambda x, digits: f"{x:,.{digits}f} {currency}", flip.at, flip.now, 0)
        return f"a drive for {layout} costs {at} (now {now})"
    at, now = _apart(lambda x, digits: f"{100 * x:.{digits}f} %", flip.at, flip.now, 1)
    return f"{input_name(flip.input)} of {layout} is {at} (now {now})"


def _apart(
    show: Callable[[float, int], str], one: float, other: float, digits: int
) -> tuple[str, str]:
    """Both, with as many digits as it takes to tell them apart."""
    while show(one, digits) == show(other, digits) and digits < _DIGITS_MOST:
        digits += 1
    return show(one, digits), show(other, digits)


def _quote(report: Report, bench: Bench) -> str:
    quote = bench.quoted
    assert quote is not None
    measured, drives = quote.measured.value, quote.drives.value
    text = f"{times(quote.ratio)}x promised"
    if measured is None or drives is None or quote.drives_quoted.value is None:
        return text
    missing = float(drives) - float(quote.drives_quoted.value)
    word = "short" if missing > 0 else "over"
    text += f", {times(float(measured))}x measured on {_short(quote.layout)}"
    text += f": {count(abs(missing))} drives"
    cost, quoted = quote.npv.value, quote.npv_quoted.value
    if cost is not None and quoted is not None:
        text += f" and {amount(abs(float(cost) - float(quoted)), report.currency)}"
    chance = quote.probability
    likely = "certainly not" if not chance else "certainly" if chance == 1 else percent(chance)
    return f"{text} {word}; the data reaches it: {likely}"


def _rows(report: Report, bench: Bench) -> Section:
    named = Column("layout", "name", least=18)
    table = tabled(bench.rows, {named: lambda row: _named(row, bench), **_cells(report)})
    return Section("rows", "Every layout on every kind of drive", (table,))


def _needs(bench: Bench) -> Section:
    """What each row takes beside drives."""
    at = "TB/s"
    if bench.ingest_bytes_per_second is not None:
        at = f"{format_bytes(bench.ingest_bytes_per_second)}/s"
    table = tabled(
        bench.rows,
        {
            "layout": lambda row: row.layout,
            Column("drive", "name"): lambda row: row.drive,
            Column("reduction", "text"): lambda row: row.credit.reduction,
            "drives": lambda row: interval(row.drives, count),
            "racks": lambda row: interval(row.racks, count),
            "power": lambda row: interval(row.facility_mw_peak, format_power),
            "nines": lambda row: _span(row),
            "P(any loss)/year": lambda row: known(row.fleet_loss_probability_per_year, _chance),
            "rebuild": lambda row: known(
                row.rebuild_hours, lambda hours: format_duration(3600 * hours)
            ),
            "encode GB/s": lambda row: known(row.encode_gbps, significant),
            "decode GB/s": lambda row: known(row.decode_gbps, significant),
            "rebuild GB/s": lambda row: known(row.rebuild_gbps, significant),
            "compress GB/s": lambda row: known(row.compress_gbps, significant),
            f"cores at {at}": lambda row: known(row.cpu_cores, count),
            "DRAM": lambda row: known(row.dram_bytes, format_bytes),
            "SCM": lambda row: known(row.scm_bytes, format_bytes),
            "flash per write": lambda row: significant(row.write_amplification),
            "at random": lambda row: known(row.random_write_amplification, significant),
            "DWPD required": lambda row: known(row.dwpd_required, significant),
            "DWPD rated": lambda row: known(row.dwpd_rated, significant),
        },
    )
    return Section("needs", "What each takes", (table,))


def _chance(probability: float) -> str:
    return percent(probability) if probability >= 0.001 else f"{probability:.0e}"


def _span(row: Row) -> str:
    if row.nines is None:
        return UNKNOWN
    if row.nines_low is None or row.nines_high is None:
        return floored(row.nines)
    return f"{floored(row.nines)} [{floored(row.nines_low)}, {floored(row.nines_high)}]"


def _arithmetic(bench: Bench) -> Section:
    """How raw bytes follow from logical ones."""
    lines = []
    for row in best_by_layout(bench.rows):
        steps = " x ".join(
            f"{significant(factor)} {step.replace('_', ' ')}"
            for step, factor in row.factors.items()
        )
        raw_bytes = known(row.raw_bytes.value, format_bytes)
        lines.append((row.layout, f"{format_bytes(bench.logical_bytes)} x {steps} = {raw_bytes}"))
        floor = row.floor
        if floor is not None and floor.reason is not None:
            lines.append((row.layout, floor.reason))
        if floor is not None and floor.raw_bytes_without is not None:
            without = known(floor.raw_bytes_without.value, format_bytes)
            lines.append((row.layout, f"{without} without the floor of {floor.nines:g} nines"))
        if row.credit.condition:
            lines.append((row.layout, f"reduces if: {row.credit.condition}"))
    return Section("arithmetic", "From logical to raw", (Facts(tuple(lines)),))


def _chunking(report: Report, bench: Bench) -> Section:
    table = tabled(
        bench.chunking,
        {
            "chunks": lambda each: each.dedup,
            Column("codec", "text"): lambda each: each.codec,
            "reduction": lambda each: interval(each.reduction_ratio, lambda x: f"{times(x)}x"),
            "raw": lambda each: interval(each.raw_bytes, format_bytes),
            "drives": lambda each: interval(each.drives, count),
            "cost": lambda each: money(each.npv, report.currency),
            "compress GB/s": lambda each: known(each.compress_gbps, format_number),
        },
    )
    return Section("chunking", f"Chunk size and codec, on {bench.reference}", (table,))
