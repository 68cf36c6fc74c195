"""A workbook of tables, as bytes: what every sheet of it has in common.

Text is never a formula, numbers keep every digit of their double, and the same cells give the same
bytes. Only a ``Formula``, which storeff writes itself, is computed.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import xlsxwriter
from rich.cells import cell_len
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from storeff.report.page import UNKNOWN, shortened
from storeff.text import escaped

# What Excel shows of numbers, by what they are of.
FORMATS = {
    "": "General",
    "count": "#,##0",
    "money": "#,##0",
    "price": "#,##0.00",
    "ratio": "0.0000",
    "small": "#,##0.00",
    "date": "yyyy-mm-dd",
    "share": "0.00%",
}
# Each comma divides by a thousand what is shown, not what the cell holds.
_SHOWN_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB")
# A cell holds 32,767 characters; more is no name, and no sentence.
_CHARACTERS_MOST = 8_000
# The same report must give the same bytes.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
_A4 = 9
_LINE_POINTS = 15
# Of a width in characters, what words fill before they are broken.
_FILLED = 0.85
# A row is at most 409 points high.
_LINES_MOST = 27
# More columns than these take several pages side by side.
_COLUMNS_MOST = 16
_WORDS = ("text", "wrapped", "date")
_ERROR = "#N/A"


@dataclass(frozen=True)
class Formula:
    """``text`` without its equals sign, in which ``{row}`` is the row that it stands in, and what
    it comes to: NaN is the unknown."""

    text: str
    value: float | str | bool
    name: str | None = None


@dataclass(frozen=True)
class Input:
    """A number that a person may change, under a defined ``name``; None is unknown."""

    value: float | None
    name: str


Cell: TypeAlias = str | int | float | bool | date | Formula | Input | None


@dataclass(frozen=True)
class Column:
    """A column with the unit in its ``header``; ``kind`` is one of FORMATS, ``bytes`` or text."""

    header: str
    kind: str = "text"
    width: int = 14


class _Exact(float):
    """A double that is written with all of its digits: XlsxWriter writes sixteen."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


@dataclass
class Book:
    """The workbook. ``sheet`` adds one, ``finished`` gives the bytes."""

    _bytes: io.BytesIO = field(default_factory=io.BytesIO)
    _formats: dict[tuple[Any, ...], Format] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(self._bytes, options)
        self._book.set_properties({"created": _CREATED, "title": "storeff"})
        self._book.set_calc_mode("auto")

    def sheet(self, name: str, widths: Sequence[int] = ()) -> "Sheet":
        """A sheet that prints in landscape, as wide as a page."""
        made = self._book.add_worksheet(name)
        made.set_landscape()
        # Excel prints A4 on Letter, unless that is turned off.
        made.set_paper(_A4)
        made.fit_to_pages(1, 0)
        made.set_footer("&L&A&RPage &P of &N")
        for index, width in enumerate(widths):
            made.set_column(index, index, width)
        return Sheet(self, made, tuple(widths))

    def define(self, name: str, sheet: str, row: int, column: int) -> None:
        """Call a cell ``name``; rows and columns from zero."""
        where = xlsxwriter.utility.xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
        if self._book.define_name(name, f"='{sheet}'!{where}") == -1:
            raise ValueError(f"{name!r} cannot be a defined name")

    def format(self, **properties: Any) -> Format:
        """One format for the same properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"valign": "top", **properties})
        return self._formats[key]

    def finished(self) -> bytes:
        self._book.close()
        return self._bytes.getvalue()


@dataclass
class Sheet:
    """A sheet that is written from top to bottom; ``row`` is the next one, from zero. Words run
    across the columns of ``widths``, if there are any, in as many lines as they need."""

    book: Book
    _sheet: Worksheet
    widths: tuple[int, ...] = ()
    row: int = 0

    @property
    def name(self) -> str:
        return str(self._sheet.get_name())

    def heading(self, text: str, *, large: bool = False) -> None:
        """One line that stands out."""
        self._across(text, bold=True, font_size=14 if large else 11)

    def note(self, text: str, *, warning: bool = False) -> None:
        """A paragraph."""
        self._across(text, **({"font_color": "#C00000"} if warning else {}))

    def _across(self, text: str, **style: Any) -> None:
        if len(self.widths) > 1:
            style["text_wrap"] = True
            last = len(self.widths) - 1
            self._sheet.merge_range(self.row, 0, self.row, last, "", self.book.format(**style))
            height = _LINE_POINTS * style.get("font_size", 11) / 11
            self._sheet.set_row(self.row, height * _lines(text, sum(self.widths)))
        self._text(self.row, 0, text, **style)
        self.row += 1

    def space(self) -> None:
        self.row += 1

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Cell]],
        *,
        freeze: bool = False,
        total: bool = False,
        filtered: bool = False,
    ) -> None:
        """Headers and rows of cells.

        ``freeze`` keeps the headers in sight, and on every page, ``total`` makes the last row bold,
        ``filtered`` lets a person choose rows.
        """
        style = {"bold": True, "text_wrap": True, "bottom": 1, "bg_color": "#E8EEF4"}
        for index, column in enumerate(columns):
            side = {} if column.kind in _WORDS else {"align": "right"}
            self._text(self.row, index, column.header, **style, **side)
        widths = [column.width for column in columns] if freeze else [*self.widths]
        if freeze:
            self._sheet.freeze_panes(self.row + 1, 1)
            self._sheet.repeat_rows(self.row)
            self._sheet.repeat_columns(0)
            self._sheet.fit_to_pages(-(-len(columns) // _COLUMNS_MOST), 0)
            for index, width in enumerate(widths):
                self._sheet.set_column(index, index, width)
        headers = zip(columns, widths, strict=False)
        lines = [_lines(column.header, width) for column, width in headers]
        self._sheet.set_row(self.row, _LINE_POINTS * max(lines, default=1))
        if filtered:
            self._sheet.autofilter(self.row, 0, self.row + len(rows), len(columns) - 1)
        self.row += 1
        for number, cells in enumerate(rows, 1):
            bold = {"bold": True, "top": 1} if total and number == len(rows) else {}
            self.append(columns, cells, **bold)

    def append(self, columns: Sequence[Column], cells: Sequence[Cell], **style: Any) -> None:
        """One more row of cells, as high as its words need."""
        lines = [
            _lines(cell, column.width)
            for column, cell in zip(columns, cells, strict=True)
            if column.kind == "wrapped" and isinstance(cell, str)
        ]
        if max(lines, default=1) > 1:
            self._sheet.set_row(self.row, _LINE_POINTS * max(lines))
        for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            self._cell(index, column.kind, cell, style)
        self.row += 1

    def flag_false(self, row: int, column: int) -> None:
        """Make the cell red while it is FALSE."""
        red = self.book.format(bg_color="#FFC7CE", font_color="#9C0006")
        rule = {"type": "cell", "criteria": "==", "value": "FALSE", "format": red}
        self._sheet.conditional_format(row, column, row, column, rule)

    def _cell(self, column: int, kind: str, cell: Cell, style: Mapping[str, Any]) -> None:
        row = self.row
        match cell:
            case None:
                self._text(row, column, UNKNOWN, align="right", font_color="#808080", **style)
            case bool():
                self._text(row, column, "yes" if cell else "no", **style)
            case str():
                wrapped = {"text_wrap": True} if kind == "wrapped" else {}
                indented = {"indent": 1} if column else {}
                self._text(row, column, cell, **wrapped, **indented, **style)
            case date():
                day = datetime(cell.year, cell.month, cell.day)
                self._sheet.write_datetime(
                    row, column, day, self.book.format(num_format=FORMATS["date"], **style)
                )
            case Input():
                shown = self.book.format(
                    font_color="#0000FF",
                    bg_color="#FFF9DB",
                    locked=False,
                    num_format=_shown(kind, cell.value or 0),
                )
                if cell.value is None:
                    self._sheet.write_formula(row, column, "=NA()", shown, _ERROR)
                else:
                    self._sheet.write_number(row, column, _Exact(cell.value), shown)
                self.book.define(cell.name, self.name, row, column)
            case Formula():
                self._formula(column, kind, cell, style)
            case _:
                shown = self.book.format(num_format=_shown(kind, cell), **style)
                self._sheet.write_number(row, column, _Exact(cell), shown)

    def _formula(self, column: int, kind: str, cell: Formula, style: Mapping[str, Any]) -> None:
        value: Any = cell.value
        if not isinstance(value, str | bool):
            value = _ERROR if math.isnan(value) else float(value)
        number = 0.0 if isinstance(value, str) else float(value)
        shown = self.book.format(num_format=_shown(kind, number), **style)
        text = "=" + cell.text.replace("{row}", str(self.row + 1))
        self._sheet.write_formula(self.row, column, text, shown, value)
        if cell.name is not None:
            self.book.define(cell.name, self.name, self.row, column)

    def _text(self, row: int, column: int, text: str, **style: Any) -> None:
        shown, look = shortened(text, _CHARACTERS_MOST), self.book.format(**style)
        # An empty text would hide what runs over from the cell to its left.
        if shown:
            self._sheet.write_string(row, column, shown, look)
        else:
            self._sheet.write_blank(row, column, None, look)


def letters(column: int) -> str:
    """What formulas call a column; that of zero is A."""
    return str(xlsxwriter.utility.xl_col_to_name(column))


def _lines(text: str, width: int) -> int:
    """How many lines ``text`` takes in a column of ``width``, no more than Excel shows in a row."""
    taken = -(-cell_len(escaped(text)) // max(1, int(width * _FILLED)))
    return min(max(1, taken), _LINES_MOST)


def _shown(kind: str, value: float) -> str:
    if kind != "bytes":
        return FORMATS.get(kind, "General")
    thousands = 0
    while abs(value) >= 1000 ** (thousands + 1) and thousands + 1 < len(_SHOWN_BYTES):
        thousands += 1
    if not thousands:
        return '#,##0" B"'
    return f'#,##0.000{"," * thousands}" {_SHOWN_BYTES[thousands]}"'
