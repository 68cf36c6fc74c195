"""The sheets of a workbook on the layouts: the answer, what to buy, the cash, what was assumed."""

import math
from collections.abc import Iterator, Sequence

from storeff.economics import Capex, Opex, SizedLayout
from storeff.quantity import Quantity
from storeff.report.check import parts_of
from storeff.report.live import Live, at
from storeff.report.model import Report
from storeff.report.page import Facts, Paragraph, Section
from storeff.report.sections import sections
from storeff.report.workbook import Book, Cell, Column, Formula, Input, Sheet, letters

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
# Of what is paid on delivery, what is bought piece by piece.
_PRICED = ("drives", "enclosures", "racks")
# Parts of a bill whose name does not say all.
_LABELS = {
    "drives": "Drives, spares included",
    "racks": "Racks and their switches",
    "replacement": "Replacement of failed drives",
}
_LOW, _HIGH = "low (95 %)", "high (95 %)"


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
        *map(Column, ("as reported", _LOW, _HIGH)),
    ]
    sheet.table(columns, [])
    for label, unit, path, kind in _figures(report.currency, len(layout.bill.opex_by_year)):
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


def bill_of_materials(book: Book, report: Report, reference: Live) -> None:
    """What the reference layout has bought: quantities, prices, and their products."""
    layout, currency = reference.layout, report.currency
    sheet = book.sheet("Bill of materials")
    columns = [
        Column("item", width=22),
        Column("model", width=22),
        Column("quantity", "count"),
        Column("as reported", "count"),
        Column(_LOW, "count"),
        Column(_HIGH, "count"),
        Column(f"price of one ({currency})", "price", 18),
        Column(f"amount ({currency})", "money", 20),
    ]
    rows: list[list[Cell]] = []
    for item, model, path, price in _items(reference):
        found = at(layout, path)
        assert found is not None
        amount: Cell = None
        if isinstance(price, Formula) and found.value is not None:
            amount = Formula("C{row}*G{row}", float(found.value) * float(price.value))
        quantity = reference.figure(path)
        rows.append([item, model, quantity, found.value, found.low, found.high, price, amount])
    for part in parts_of(Capex):
        if part not in _PRICED:
            amount = reference.figure(f"bill.capex.{part}")
            rows.append([_label(part), "", "", "", "", "", "", amount])
    first = sheet.row + 2
    total = reference.figure("bill.capex.total")
    if isinstance(total, Formula):
        total = Formula(f"SUM(H{first}:H{first + len(rows) - 1})", total.value)
    rows.append(["Capital cost", "", "", "", "", "", "", total])
    sheet.table(columns, rows, freeze=True, total=True)
    sheet.space()
    capex = layout.bill.capex
    parts = [(_label(name), getattr(capex, name)) for name in parts_of(Capex)]
    stated: list[list[Cell]] = [
        [label, found.value, found.low, found.high]
        for label, found in (*parts, ("Capital cost", capex.total))
    ]
    sheet.heading("As reported")
    headers = (f"amount ({currency})", _LOW, _HIGH)
    sheet.table([Column("item"), *(Column(each, "money") for each in headers)], stated, total=True)


def _label(part: str) -> str:
    """What a part of a bill is called."""
    return _LABELS.get(part, part.replace("_", " ").capitalize())


def _items(reference: Live) -> Iterator[tuple[str, str, str, Cell]]:
    """Items with where their number is, and the price of one; None where the report has none."""
    build, layout = reference.scenario, reference.layout
    enclosure = build.enclosure.title or build.enclosure.name if build else ""
    rack = build.rack.title or build.rack.name if build else ""
    prices: list[Cell] = [None] * 4
    if build is not None:
        wanted = (build.drive, build.enclosure, build.rack)
        prices = [reference.number(each.price) for each in wanted]
        prices.append(reference.number(build.rack.switch_price))
    drive = build.drive.title or build.drive.name if build else layout.drive
    yield "Drives in service", drive, "bill.drives_in_service", prices[0]
    yield "Spare drives", drive, "bill.spares", prices[0]
    yield "Enclosures", enclosure, "bill.enclosures", prices[1]
    yield "Racks", rack, "bill.racks", prices[2]
    yield "Switches, those of a rack", rack, "bill.racks", prices[3]


def cash(book: Book, report: Report, reference: Live) -> None:
    """Payments by year, and what they are worth today."""
    sheet = book.sheet("Cash by year")
    layout, currency = reference.layout, report.currency
    years = [each.year for each in layout.bill.opex_by_year]
    columns = [Column(f"payment ({currency})", width=34), Column("on delivery", "money", 18)]
    columns += [Column(f"year {year}", "money", 18) for year in years]
    columns.append(Column("sum", "money", 20))
    rows: list[list[Cell]] = []
    for part in parts_of(Capex):
        amount = reference.figure(f"bill.capex.{part}")
        rows.append([_label(part), amount, *[""] * len(years), amount])
    for part in parts_of(Opex):
        by_year = [reference.figure(f"bill.opex_by_year.{year}.{part}") for year in years]
        stated = [getattr(each, part).value for each in layout.bill.opex_by_year]
        rows.append([_label(part), "", *by_year, _sum(stated, years)])
    totals = [reference.figure(f"bill.opex_by_year.{year}.total") for year in years]
    tco = reference.figure("bill.tco")
    rows.append(["All payments", reference.figure("bill.capex.total"), *totals, tco])
    sheet.table(columns, rows, freeze=True, total=True)
    if reference.cells is not None:
        last = sheet.row
        factors = [reference.step(f"discount.{year}") for year in years]
        ratios = [Column("", "ratio")] * len(columns)
        sheet.append(ratios, ["Discount factor", 1, *factors, ""])
        worth: list[Cell] = []
        for index, each in enumerate([layout.bill.capex.total, *_totals(layout)]):
            factor = factors[index - 1] if index else 1
            letter = letters(index + 1)
            rate = float(factor.value) if isinstance(factor, Formula) else 1.0
            value = math.nan if each.value is None else float(each.value) * rate
            worth.append(Formula(f"{letter}{last}*{letter}{last + 1}", value))
        npv = reference.figure("bill.npv")
        sheet.append(columns, ["Present value", *worth, npv])
        prices = [reference.step(f"price_per_kwh.{year}") for year in years]
        assert reference.scenario is not None
        prices[0] = reference.number(reference.scenario.site.price_per_kwh)
        tariff = f"Price of energy ({currency}/kWh)"
        sheet.append(ratios, [tariff, "", *prices, ""])
    else:
        sheet.append(columns, ["Present value", *[""] * (len(years) + 1), layout.bill.npv.value])


def _totals(layout: SizedLayout) -> list[Quantity]:
    return [each.total for each in layout.bill.opex_by_year]


def _sum(stated: Sequence[float | None], years: Sequence[int]) -> Cell:
    value = math.nan if None in stated else float(sum(each or 0 for each in stated))
    if not years:
        return None
    return Formula(f"SUM(C{{row}}:{letters(len(years) + 1)}{{row}})", value)


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
        measured += [Column(_LOW, "ratio"), Column(_HIGH, "ratio")]
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
