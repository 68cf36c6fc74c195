"""Workbooks of reports, opened, and their rows by what they are called."""

import io
from collections.abc import Iterator
from typing import Any

import openpyxl

from storeff.report.formats import xlsx
from storeff.report.model import Report
from storeff.report.scenario import scenario_of


def opened(report: Report, *, values: bool = False) -> Any:
    return opened_bytes(xlsx.render(report), values=values)


def opened_bytes(book: bytes, *, values: bool = False) -> Any:
    return openpyxl.load_workbook(io.BytesIO(book), data_only=values)


def rows(sheet: Any) -> Iterator[dict[str, Any]]:
    """Rows below the first, by their headers."""
    headers, *others = sheet.iter_rows(values_only=True)
    return (dict(zip(headers, cells, strict=True)) for cells in others)


def bought(book: Any) -> dict[str, dict[str, Any]]:
    """The first rows of the items that are bought, by what they are called."""
    found = [each for each in rows(book["Bill of materials"]) if each["item"]]
    return {each["item"]: each for each in reversed(found)}


def paid(book: Any) -> dict[str, dict[str, Any]]:
    """What is paid, by what it is for."""
    return {each["payment (USD)"]: each for each in rows(book["Cash by year"])}


def scenario_in(report: Report) -> Any:
    found = scenario_of(report, report.layouts[0])
    assert found is not None
    return found
