"""The sheets of a workbook on the bill of the reference layout: what to buy, and the cash by year.

They have the lines that are in the bill, and no others: a line that is missing is named below.
"""

import math
from collections.abc import Iterator, Sequence

from storeff.economics.lines import BY_YEAR, LINES, ON_DELIVERY
from storeff.quantity import Quantity
from storeff.report.charges import ITEMS, purchase_of
from storeff.report.live import Live, amount_path
from storeff.report.model import Report
from storeff.report.sections_bill import missing_said
from storeff.report.workbook import Book, Cell, Column, Formula, Sheet, letters

LOW, HIGH = "low (95 %)", "high (95 %)"


# Lines of several rows: what each is called, its quantity, and which of the prices is its own.
_EACH = {
    "drives": (("Drives in service", "drives_in_service", 0), ("Spare drives", "spares", 0)),
    "racks": (("Racks", "racks", 0), ("Switches, those of a rack", "racks", 1)),
}


def bill_of_materials(book: Book, report: Report, reference: Live) -> None:
    """What the reference layout has bought: quantities, prices, and their products."""
    layout, currency = reference.layout, report.currency
    sheet = book.sheet("Bill of materials")
    columns = [
        Column("item", width=30),
        Column("model", width=30),
        Column("unit", width=12),
        Column("quantity", "count"),
        Column("as reported", "count"),
        Column(LOW, "count"),
        Column(HIGH, "count"),
        Column(f"price of one ({currency})", "price", 18),
        Column(f"amount ({currency})", "money", 20),
    ]
    lines = reference.lines(ON_DELIVERY)
    rows = [row for line in lines for row in _bought(reference, line)]
    first = sheet.row + 2
    total = reference.figure("bill.capex.total")
    if isinstance(total, Formula):
        total = Formula(f"SUM(I{first}:I{first + len(rows) - 1})", total.value)
    rows.append(["Capital cost", *[""] * 7, total])
    sheet.table(columns, rows, freeze=True, total=True)
    sheet.space()
    capex = layout.bill.capex
    parts = [(_label(line), getattr(capex, line)) for line in lines]
    stated: list[list[Cell]] = [
        [label, found.value, found.low, found.high]
        for label, found in (*parts, ("Capital cost", capex.total))
    ]
    sheet.heading("As reported")
    headers = (f"amount ({currency})", LOW, HIGH)
    sheet.table([Column("item"), *(Column(each, "money") for each in headers)], stated, total=True)
    _missing(sheet, report, reference)
    if layout.bill.growth_by_year:
        _growth(sheet, reference)


def _missing(sheet: Sheet, report: Report, reference: Live) -> None:
    for said in missing_said(purchase_of(report, reference.layout)):
        sheet.space()
        sheet.note(said.text, warning=True)


def _label(line: str) -> str:
    """What a line of the bill is called."""
    title = "drives, spares included" if line == "drives" else LINES[line].title
    return title[0].upper() + title[1:]


def _amount(reference: Live, line: str, year: int = 1) -> Cell:
    """What a line that is in the bill comes to: among formulas the unknown is an error, which a sum
    does not pass over."""
    found = reference.figure(amount_path(line, year))
    if found is None and reference.cells is not None:
        return Formula("NA()", math.nan)
    return found


def _bought(reference: Live, line: str) -> Iterator[list[Cell]]:
    """The rows of a line on delivery: a quantity, a price and their product where that is what it
    comes to, and else its amount."""
    item, model, prices = ITEMS[line], _model(reference, line), _prices(reference, line)
    if line in _EACH and all(isinstance(price, Formula) for price in prices):
        for title, field, index in _EACH[line]:
            counted, price = _counted(reference, field), prices[index]
            yield [title, model, item.unit.lower(), *counted, price, _product(counted, price)]
        return
    price = prices[0] if len(prices) == 1 and item.quantity else ""
    if not item.quantity:
        yield [_label(line), model, "", "", "", "", "", "", _amount(reference, line)]
        return
    counted = _counted(reference, item.quantity)
    is_product = isinstance(price, Formula)
    amount = _product(counted, price) if is_product else _amount(reference, line)
    unit = item.unit if item.unit == "TB" else item.unit.lower()
    yield [_label(line), model, unit, *counted, price, amount]


def _counted(reference: Live, field: str) -> list[Cell]:
    """A quantity of the bill as it follows, and as it is reported with its interval."""
    found: Quantity = getattr(reference.layout.bill, field)
    return [reference.figure(f"bill.{field}"), found.value, found.low, found.high]


def _product(counted: Sequence[Cell], price: Cell) -> Formula:
    """Of the quantity and the price of a row."""
    assert isinstance(price, Formula)
    quantity = counted[1]
    value = math.nan if not isinstance(quantity, int | float) else quantity * float(price.value)
    return Formula("D{row}*H{row}", value)


def _prices(reference: Live, line: str) -> list[Cell]:
    """The numbers that are the price of a line; None for one that nobody knows."""
    return [_price(reference, *price.split(".")) for price in ITEMS[line].prices]


def _price(reference: Live, room: str, field: str) -> Cell:
    # A catalogue is called after the many that it holds.
    part = getattr(reference.scenario, room.removesuffix("s"), None)
    return None if part is None else reference.number(getattr(part, field))


def _model(reference: Live, line: str) -> str:
    """What a thing is called by those who sell it."""
    run = reference.scenario
    if run is None:
        return reference.layout.drive if line == "drives" else ""
    models = {"drives": run.drive, "enclosures": run.enclosure, "racks": run.rack}
    found = models.get(line)
    return "" if found is None else found.title or found.name


def _growth(sheet: Sheet, reference: Live) -> None:
    """What is in use in each year, where the data grows."""
    sheet.space()
    sheet.heading("In use, as the data grows")
    columns = [
        *(Column("year"), Column("drives", "count"), Column("enclosures", "count")),
        *(Column("racks", "count"), Column("power of IT, peak (MW)", "ratio")),
    ]
    names = ("drives", "enclosures", "racks", "it_mw_peak")
    years = [each.year for each in reference.layout.bill.growth_by_year]
    rows = [
        [f"year {year}", *(reference.figure(f"bill.growth_by_year.{year}.{x}") for x in names)]
        for year in years
    ]
    sheet.table(columns, rows)


def cash(book: Book, report: Report, reference: Live) -> None:
    """Payments by year, what comes back at the end, and what all of it is worth today."""
    sheet = book.sheet("Cash by year")
    bill, currency = reference.layout.bill, report.currency
    years = [each.year for each in bill.opex_by_year]
    columns = [Column(f"payment ({currency})", width=34), Column("on delivery", "money", 18)]
    columns += [Column(f"year {year}", "money", 18) for year in years]
    columns.append(Column("sum", "money", 20))
    rows = list(_payments(reference, years))
    paid = [_value(bill.capex.total), *(_value(each.total) for each in bill.opex_by_year)]
    if reference.has_line("residual_value"):
        paid[-1] -= _value(bill.residual_value)
    first = sheet.row + 2
    totals: list[Cell] = [
        _sum(reference, f"{letter}{first}:{letter}{first + len(rows) - 1}", value)
        for letter, value in zip(map(letters, range(1, len(years) + 2)), paid, strict=True)
    ]
    rows.append(["All payments", *totals, _across(reference, years, _value(bill.tco))])
    sheet.table(columns, rows, freeze=True, total=True)
    if reference.cells is None:
        sheet.append(columns, ["Present value", *[""] * (len(years) + 1), bill.npv.value])
    else:
        _worth(sheet, reference, columns, paid, currency)
    _missing(sheet, report, reference)


def _payments(reference: Live, years: Sequence[int]) -> Iterator[list[Cell]]:
    """A row for each line that is in the bill: on delivery, by year, and what comes back."""
    bill = reference.layout.bill
    for line in reference.lines(ON_DELIVERY):
        value = _value(getattr(bill.capex, line))
        total = _across(reference, years, value)
        yield [_label(line), _amount(reference, line), *[""] * len(years), total]
    for line in reference.lines(BY_YEAR):
        by_year = [_amount(reference, line, year) for year in years]
        value = sum(_value(getattr(each, line)) for each in bill.opex_by_year)
        yield [_label(line), "", *by_year, _across(reference, years, value)]
    if reference.has_line("residual_value"):
        amount, value = _amount(reference, "residual_value"), -_value(bill.residual_value)
        back: Cell = None if math.isnan(value) else value
        if isinstance(amount, Formula):
            back = Formula(f"-{amount.text}", value)
        before = [""] * len(years)
        yield ["Residual value, at the end", *before, back, _across(reference, years, value)]


def _value(found: Quantity) -> float:
    return math.nan if found.value is None else float(found.value)


def _sum(reference: Live, cells: str, value: float) -> Cell:
    """The sum of ``cells``, which is ``value``: without formulas that alone, as a sum would pass
    over what is unknown."""
    if reference.cells is None:
        return None if math.isnan(value) else value
    return Formula(f"SUM({cells})", value)


def _across(reference: Live, years: Sequence[int], value: float) -> Cell:
    """The sum of a row, from the delivery to the last year."""
    return _sum(reference, f"B{{row}}:{letters(len(years) + 1)}{{row}}", value)


def _worth(
    sheet: Sheet, reference: Live, columns: Sequence[Column], paid: Sequence[float], currency: str
) -> None:
    """What the payments above are worth today, and the price of energy that they rest on."""
    assert reference.scenario is not None
    bill, last = reference.layout.bill, sheet.row
    years = [each.year for each in bill.opex_by_year]
    ratios = [Column("", "ratio")] * len(columns)
    factors: list[Cell] = [1, *(reference.step(f"discount.{year}") for year in years)]
    sheet.append(ratios, ["Discount factor", *factors, ""])
    worth: list[Cell] = []
    for index, (value, factor) in enumerate(zip(paid, factors, strict=True), 1):
        rate = float(factor.value) if isinstance(factor, Formula) else 1.0
        letter = letters(index)
        worth.append(Formula(f"{letter}{last}*{letter}{last + 1}", value * rate))
    npv = _across(reference, years, _value(bill.npv))
    sheet.append(columns, ["Present value", *worth, npv])
    prices = [reference.step(f"price_per_kwh.{year}") for year in years]
    prices[0] = reference.number(reference.scenario.site.price_per_kwh)
    sheet.append(ratios, [f"Price of energy ({currency}/kWh)", "", *prices, ""])
