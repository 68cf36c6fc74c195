"""A workbook for Excel and LibreOffice, in which the bill follows the assumptions.

Figures of the reference layout are formulas of the numbers on the sheet of assumptions. They are
recorded from the arithmetic that made the report (``economics.formulas``), a step a cell.
"""

from storeff.report import sheets, sheets_asked, sheets_bill, sheets_rows
from storeff.report.live import live
from storeff.report.model import Report
from storeff.report.workbook import Book

IS_TEXT = False


def render(report: Report) -> bytes:
    """The workbook. Raises StoreffError if the report does not follow from its own scenario."""
    book, reference = Book(), live(report)
    sheets.summary(book, report, reference)
    if reference is not None:
        sheets_bill.bill_of_materials(book, report, reference)
        sheets_bill.cash(book, report, reference)
        sheets.waterfall(book, report, reference)
        sheets_rows.layouts(book, report)
    if report.assumptions:
        sheets.assumptions(book, report, reference)
    if reference is not None and reference.cells is not None:
        sheets.calculation(book, reference)
    if report.bench is not None:
        sheets_rows.bench(book, report)
    if report.plan is not None:
        sheets_rows.plan(book, report)
    if report.kv is not None and report.kv.retention is not None:
        sheets_rows.retention(book, report)
    sheets_asked.asked(book, report)
    return book.finished()
