"""The sheets of a workbook on the layouts: the answer, the waterfall, what was assumed."""

from storeff.report.live import Live, at
from storeff.report.model import Report
from storeff.report.page import Facts, Paragraph, Section
from storeff.report.sections import sections
from storeff.report.sheets_bill import HIGH, LOW
from storeff.report.workbook import Book, Cell, Column, Formula, Input, Sheet

CALCULATION = "Calculation"
ASSUMPTIONS = "Assumptions"
# Sections of the report that the first sheet says in words.
_TOLD = ("incomplete", "answer", "recommendation", "plan")
# Where the report says what a measured input comes from: the step that it makes.
_MADE_BY = {
    "data.reduction_ratio": "data_reduction",
    "data.parity_ratio": "erasure_coding",
    "data.endurance": "endurance",
    "data.snapshots": "snapshots",
    "data.growth": "growth",
}


def summary(book: Book, report: Report, reference: Live | None) -> None:
    """The answer in words, the reference layout in figures, and the layouts beside each other."""
    sheet = book.sheet("Summary", (34, 16, 20, 20, 16, 16, 12, 12, 18, 18, 12))
    told = [section for section in sections(report, full=True) if section.name in _TOLD]
    for section in told:
        _words(sheet, section)
    if reference is not None:
        sheet.space()
        _reference(sheet, report, reference)
        sheet.space()
        sheet.heading(f"All layouts, as reported: {report.layouts[0].drive} drives")
        columns, rows = _beside(report)
        sheet.table(columns, rows)
    if report.warnings:
        sheet.space()
        sheet.heading("Before you rely on it")
        for each in report.warnings:
            sheet.note(f"{each.message} -> {each.remedy}", warning=True)


def _words(sheet: Sheet, section: Section) -> None:
    sheet.heading(section.title, large=True)
    for part in section.body:
        if isinstance(part, Paragraph):
            sheet.note(part.text, warning=part.style == "warning")
        elif isinstance(part, Facts):
            rows = [(label, text) for label, text in part.rows if label != "Next"]
            for label, text in rows:
                sheet.note(f"{label}: {text}" if label else text)


def _figures(currency: str, years: int) -> tuple[tuple[str, str, str, str], ...]:
    """What the first sheet says of a layout: a label, its unit, where it is, and how it shows."""
    return (
        ("Raw capacity", "B", "raw_bytes", "bytes"),
        ("Clusters", "clusters", "bill.cells", "count"),
        ("Drives in service", "drives", "bill.drives_in_service", "count"),
        ("Spare drives", "drives", "bill.spares", "count"),
        ("Enclosures", "enclosures", "bill.enclosures", "count"),
        ("Racks", "racks", "bill.racks", "count"),
        ("Floor", "m2", "bill.floor_m2", "count"),
        ("Power of the site, peak", "MW", "bill.facility_mw_peak", "ratio"),
        ("Energy", "MWh/year", "bill.mwh_per_year", "count"),
        ("Drive failures", "drives/year", "bill.failures_per_year", "small"),
        ("Capital cost", currency, "bill.capex.total", "money"),
        (f"Running cost, {years} years", currency, "bill.opex_total", "money"),
        ("Residual value, taken off", currency, "bill.residual_value", "money"),
        (f"Total cost, {years} years", currency, "bill.tco", "money"),
        ("Present value of all payments", currency, "bill.npv", "money"),
        (
            *("Present value by capacity", f"{currency}/TB/month"),
            *("bill.levelised_per_logical_tb_month", "ratio"),
        ),
        ("Greenhouse gas of making the drives", "t CO2e", "bill.embodied_tonnes", "count"),
        ("Greenhouse gas of running", "t CO2e/year", "bill.operational_tonnes_per_year", "count"),
    )


def _reference(sheet: Sheet, report: Report, reference: Live) -> None:
    layout = reference.layout
    sheet.heading(f"{layout.name} on {layout.drive}")
    if reference.cells is None:
        sheet.note(
            "Values only: this report does not keep the scenario of its reference layout, which "
            "formulas rest on (reports of schema 2.3 and later do). Make the report again to have "
            "them.",
            warning=True,
        )
    else:
        sheet.note(
            f"Change a blue number on {ASSUMPTIONS}: the second column, and the sheets up to "
            f"Waterfall, follow. How each step is computed stands on {CALCULATION}."
        )
    columns = [
        Column("figure"),
        Column("unit"),
        *([Column("by the assumptions")] if reference.cells else []),
        *map(Column, ("as reported", LOW, HIGH)),
    ]
    sheet.table(columns, [])
    for label, unit, path, kind in _figures(report.currency, len(layout.bill.opex_by_year)):
        if path == "bill.residual_value" and not reference.has_line("residual_value"):
            continue
        found = at(layout, path)
        assert found is not None
        now = [reference.figure(path)] if reference.cells else []
        cells = [label, unit, *now, found.value, found.low, found.high]
        sheet.append([Column("", kind)] * len(cells), cells)
    if reference.cells is not None:
        holds = Formula(reference.cells.conditions, True)
        label = "The formulas hold (if FALSE, size again: these numbers need another build)"
        sheet.append([Column("")] * 3, [label, "", holds])
        sheet.flag_false(sheet.row - 1, 2)


def _beside(report: Report) -> tuple[list[Column], list[list[Cell]]]:
    columns = [
        Column("layout"),
        Column("data reduction (ratio)", "ratio"),
        Column("raw (B)", "bytes"),
        Column("drives", "count"),
        Column("racks", "count"),
        Column("power of the site, peak (MW)", "ratio"),
        Column("durability (nines)", "small"),
        Column("parities added", "count"),
        Column(f"capital cost ({report.currency})", "money"),
        Column(f"present value ({report.currency})", "money"),
        Column("reduces by"),
    ]
    rows: list[list[Cell]] = [
        [
            each.name,
            each.reduction_ratio.value,
            each.raw_bytes.value,
            each.bill.drives.value,
            each.bill.racks.value,
            each.bill.facility_mw_peak.value,
            each.durability.nines,
            None if each.at_floor is None else each.at_floor.parities_added,
            each.bill.capex.total.value,
            each.bill.npv.value,
            "" if each.credit is None else each.credit.reduction,
        ]
        for each in report.layouts
    ]
    return columns, rows


def waterfall(book: Book, report: Report, reference: Live) -> None:
    """From logical to raw bytes, step by step."""
    sheet = book.sheet("Waterfall")
    columns = [
        Column("step", width=34),
        Column("factor", "ratio"),
        Column("before (B)", "bytes", 18),
        Column("after (B)", "bytes", 18),
        Column("share of raw minus logical (B)", "bytes", 18),
        Column("source", "wrapped", 70),
    ]
    rows: list[list[Cell]] = []
    for step in reference.layout.waterfall:
        path = f"waterfall.{step.step}"
        names = ("factor", "before_bytes", "after_bytes", "share_bytes")
        rows.append(
            [step.label, *(reference.figure(f"{path}.{each}") for each in names), step.source or ""]
        )
    sheet.table(columns, rows, freeze=True)
    factor = reference.layout.reduction_ratio
    if factor.low is not None and factor.high is not None:
        sheet.space()
        measured = [Column("data reduction, as measured"), Column("ratio", "ratio")]
        measured += [Column(LOW, "ratio"), Column(HIGH, "ratio")]
        name = reference.layout.name
        sheet.table(measured, [[name, factor.value, factor.low, factor.high]])


def assumptions(book: Book, report: Report, reference: Live | None) -> None:
    """Every number that nobody measured, and what the reference layout was measured by."""
    inputs = {} if reference is None else reference.inputs
    sheet = book.sheet(ASSUMPTIONS)
    columns = [
        Column("number", width=46),
        Column("value", "", 18),
        Column("low", "", 14),
        Column("high", "", 14),
        Column("unit", width=18),
        Column("kind", width=12),
        Column("source", "wrapped", 70),
        Column("true on", "date", 12),
        Column("read on", "date", 12),
        Column("out of date", width=10),
        Column("moves the reference layout", width=14),
    ]
    rows: list[list[Cell]] = []
    listed = {row.path for row in report.assumptions}
    if reference is not None:
        rows += [_measured(reference, path) for path in inputs if path not in listed]
    for row in report.assumptions:
        value: Cell = row.value
        moves = row.path in inputs
        if reference is not None and reference.cells is not None and moves:
            value = Input(row.value, reference.cells.inputs[row.path])
        elif reference is not None and _is_derived(reference, row.path):
            value = reference.step("rebuild_reserve")
        stale: Cell = "" if row.stale is None else row.stale
        source = row.source or ""
        ends: list[Cell] = ["" if end is None else end for end in (row.low, row.high)]
        cells: list[Cell] = [row.path, value, *ends, row.unit, row.kind, source]
        rows.append([*cells, row.true_on or "", row.read_on or "", stale, moves])
    sheet.table(columns, rows, freeze=True, filtered=True)


def _measured(reference: Live, path: str) -> list[Cell]:
    """The row of an input that is no assumption, or that nobody knows."""
    assert reference.cells is not None
    number = reference.inputs[path]
    steps = {step.step: step.source for step in reference.layout.waterfall}
    source = steps.get(_MADE_BY.get(path, "")) or ""
    ratio = reference.layout.reduction_ratio
    ends: list[Cell] = ["", ""]
    if path == "data.reduction_ratio" and ratio.low is not None and ratio.high is not None:
        ends = [ratio.low, ratio.high]
    value = None if number.value is None else float(number.value)
    kind = "unknown" if value is None else "measured" if path.startswith("data.") else ""
    cell = Input(value, reference.cells.inputs[path])
    return [path, cell, *ends, number.unit, kind, source, "", "", "", True]


def _is_derived(reference: Live, path: str) -> bool:
    """Whether this is the reserve that spare enclosures make: a figure, and no input."""
    scenario, cells = reference.scenario, reference.cells
    if scenario is None or cells is None or "rebuild_reserve" not in cells.names:
        return False
    return path == scenario.layout.rebuild_reserve.path and path not in cells.inputs


def calculation(book: Book, reference: Live) -> None:
    """Every step of the formulas, each under a name of its own."""
    assert reference.cells is not None
    sheet = book.sheet(CALCULATION)
    sheet.table(
        [Column("step", width=52), Column("value", "", 24), Column("how", "wrapped", 110)],
        [
            [
                cell.name,
                Formula(
                    cell.formula,
                    cell.value if isinstance(cell.value, str | bool) else float(cell.value),
                    cell.name,
                ),
                cell.formula,
            ]
            for cell in reference.cells.cells
        ],
        freeze=True,
    )
