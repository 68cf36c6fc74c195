"""What a screen is made of: paragraphs, tables and sections, no wider than the terminal.

Whatever text goes into them comes out escaped, so that no name can steer the terminal. Nothing
cuts a figure: a table that is too wide shortens names, then goes on in a further block of columns.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from storeff.text import escaped

# Paragraphs are folded to this, however wide the terminal is: longer lines are hard to follow.
PARAGRAPH_WIDTH = 110
# What is printed into a pipe or a file is as wide as this, if COLUMNS does not say otherwise.
PIPE_WIDTH = 120
LEAST_WIDTH = 20
_GAP = "  "
_INDENT = "  "
_MARK = "..."
# A no-break space: what is shown holds none of its own, as all of them are escaped.
_GLUE = "\u00a0"
_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z%])")
_MONEY = re.compile(r"(?<=\d[ \u00a0][kMBT]) (?=[A-Z]{3}(?![A-Za-z]))")
_RANGE = re.compile(r"\[[^\[\]]{1,40}\]|(?<=\S) (±|\+-)|(?<=x) (?=\[)")


def terminal_width() -> int:
    """Columns of the terminal on stdout; else COLUMNS; else what suits a pipe."""
    columns = 0
    if sys.stdout is not None and sys.stdout.isatty():
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    said = os.environ.get("COLUMNS", "")
    if not columns and re.fullmatch("[0-9]{1,5}", said):
        columns = int(said)
    return max(columns, LEAST_WIDTH) if columns else PIPE_WIDTH


def show(*parts: RenderableType) -> None:
    """Print ``parts`` to stdout; with bold and colour on a terminal only, never under NO_COLOR."""
    # Without a height, rich would take any dumb terminal to be 80 wide.
    console = Console(highlight=False, markup=False, emoji=False, width=terminal_width(), height=25)
    for part in parts:
        console.print(part, crop=False)


def visible(text: str, options: ConsoleOptions) -> str:
    """``text`` as it can be shown: escaped, and in the characters that stdout can carry."""
    shown = escaped(text)
    if options.ascii_only:
        shown = shown.replace("±", "+-").encode("ascii", "backslashreplace").decode()
    return shown


def shortened(text: str, width: int) -> str:
    """``text``, escaped, with its middle left out where it takes more than ``width`` cells."""
    text = escaped(text)
    if cell_len(text) <= width:
        return text
    kept = width - len(_MARK)
    if kept < 2:
        return _start(text, width)
    return _start(text, kept - kept // 2) + _MARK + _start(text[::-1], kept // 2)[::-1]


def _start(text: str, width: int) -> str:
    """As much of the beginning of ``text`` as takes at most ``width`` cells."""
    end = cells = 0
    for end, character in enumerate(text):
        cells += cell_len(character)
        if cells > width:
            return text[:end]
    return text


def fold(text: str, width: int, indent: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at spaces that are in no figure.

    Lines after the first begin with ``indent``. A word longer than a line is broken anywhere.
    """
    glued = _MONEY.sub(_GLUE, _UNIT.sub(_GLUE, text))
    glued = _RANGE.sub(lambda found: found[0].replace(" ", _GLUE), glued)
    lines, line = [], ""
    for word in glued.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line.strip():
            lines.append(line)
        line = indent + word
        while cell_len(line) > width:
            part = _start(line, width)
            lines.append(part)
            line = indent + line[len(part) :]
    return [each.replace(_GLUE, " ") for each in (*lines, line)]


def _lines(lines: Iterable[str], style: str, console: Console) -> RenderResult:
    look = console.get_style(style) if style else None
    for line in lines:
        yield Segment(line.rstrip(), look)
        yield Segment.line()


@dataclass(frozen=True)
class Paragraph:
    """One paragraph, folded; a line break in ``text`` is not one on the screen."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, PARAGRAPH_WIDTH)
        return _lines(fold(visible(self.text, options), width, _INDENT), self.style, console)


@dataclass(frozen=True)
class Section:
    """A heading, its body indented, and an empty line."""

    title: str
    body: tuple[RenderableType, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Paragraph(self.title, "bold")
        inner = options.update(width=options.max_width - len(_INDENT))
        for part in self.body:
            # Text of rich's own would not be escaped.
            safe = Paragraph(part.plain, str(part.style)) if isinstance(part, Text) else part
            for line in Segment.split_lines(console.render(safe, inner)):
                yield Segment(_INDENT)
                yield from line
                yield Segment.line()
        yield Segment.line()


@dataclass
class Column:
    """A column of a table.

    Figures are to the right and are never cut. What is to the left is folded, or if it is names
    that may be ``shortened`` loses its middle, where it would take more than ``most`` cells, and
    where the table is too wide down to ``least``.
    """

    header: str
    justify: Literal["left", "right"] = "right"
    shortened: bool = False
    least: int = 20
    most: int = 60


@dataclass
class Table:
    """Rows of cells under ``columns``, of which the first names the row.

    Columns that do not fit beside the others follow in a further block, beside the same names.
    Columns without a single cell are left out.
    """

    columns: list[Column]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Raises ValueError unless there is a cell for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells in a table of {len(self.columns)} columns")
        self.rows.append(cells)

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [[visible(cell, options) for cell in row] for row in self.rows]
        shown = [
            _Shown(column, visible(column.header, options), [row[i] for row in rows])
            for i, column in enumerate(self.columns)
            if not i or any(row[i] for row in rows)
        ]
        width = options.max_width
        rule = "-" if options.ascii_only else "─"
        blocks = _blocks(shown, width)
        if blocks is None:
            yield from _lines(_records(shown, width), "", console)
            return
        for block in blocks:
            widths = _widths(block, width)
            heads = [fold(column.header, w) for column, w in zip(block, widths, strict=True)]
            yield from _lines(_row(heads, block, widths, bottom=True), "bold", console)
            yield from _lines([rule * (sum(widths) + len(_GAP) * (len(widths) - 1))], "", console)
            fitted = [column.fitted(w) for column, w in zip(block, widths, strict=True)]
            for cells in zip(*fitted, strict=True):
                yield from _lines(_row(cells, block, widths), "", console)


class _Shown:
    """A column with the text of its cells, as wide as ``most`` and no narrower than ``least``."""

    def __init__(self, column: Column, header: str, cells: Sequence[str]) -> None:
        self.shortened = column.shortened
        self.left = column.justify == "left"
        # A heading of one endless word would be as wide as that.
        self.words = [shortened(word, column.least) for word in header.split(" ")]
        self.header = " ".join(self.words)
        self.cells = cells
        widest = max((cell_len(cell) for cell in cells), default=0)
        if self.left:
            widest = min(widest, column.most)
        self.most = max(widest, cell_len(self.header))
        needed = min(widest, column.least) if self.left else widest
        self.least = max(needed, *(cell_len(word) for word in self.words))

    def fitted(self, width: int) -> list[list[str]]:
        """The lines of each cell. Names that would look alike when shortened are numbered."""
        if not self.shortened:
            return [fold(cell, width) if self.left else [cell] for cell in self.cells]
        short = {cell: shortened(cell, width) for cell in self.cells}
        if len(set(short.values())) < len(short):
            short = {cell: shortened(f"{i + 1} {cell}", width) for i, cell in enumerate(short)}
        return [[short[cell]] for cell in self.cells]


def _blocks(columns: Sequence[_Shown], width: int) -> list[list[_Shown]] | None:
    """``columns`` in groups that fit ``width``, each led by the names; None if one does not."""
    names = _names(columns)
    blocks = [list(names)]
    for column in columns[len(names) :]:
        if len(blocks[-1]) > len(names) and _least([*blocks[-1], column]) > width:
            blocks.append(list(names))
        blocks[-1].append(column)
    return blocks if all(_least(block) <= width for block in blocks) else None


def _names(columns: Sequence[_Shown]) -> Sequence[_Shown]:
    """The first column, with the second if it takes both to tell the rows apart."""
    alike = len(set(columns[0].cells)) < len(columns[0].cells)
    return columns[: 2 if alike and len(columns) > 1 and columns[1].left else 1]


def _least(block: Sequence[_Shown]) -> int:
    return sum(c.least for c in block) + len(_GAP) * (len(block) - 1)


def _widths(block: Sequence[_Shown], width: int) -> list[int]:
    """Cells for each column of ``block``: first names and texts grow, then headings unfold."""
    widths = [column.least for column in block]
    left = width - _least(block)
    growing = [i for i, column in enumerate(block) if column.left]
    while left and (growing := [i for i in growing if widths[i] < block[i].most]):
        for i in growing[:left]:
            widths[i] += 1
        left -= len(growing[:left])
    for i, column in enumerate(block):
        if column.most - widths[i] <= left:
            left -= column.most - widths[i]
            widths[i] = column.most
    return widths


def _row(
    cells: Sequence[list[str]],
    block: Sequence[_Shown],
    widths: Sequence[int],
    bottom: bool = False,
) -> Iterator[str]:
    height = max(len(lines) for lines in cells)
    for i in range(height):
        line = []
        for lines, column, width in zip(cells, block, widths, strict=True):
            at = i - (height - len(lines) if bottom else 0)
            text = lines[at] if 0 <= at < len(lines) else ""
            space = " " * (width - cell_len(text))
            line.append(text + space if column.left else space + text)
        yield _GAP.join(line)


def _records(columns: Sequence[_Shown], width: int) -> Iterator[str]:
    """The rows below each other, a line or more for each cell: for where no table fits."""
    first, *others = columns
    for i, name in enumerate(first.cells):
        yield from fold(name, width, _INDENT)
        for column in others:
            if column.cells[i]:
                yield from (
                    _INDENT + line
                    for line in fold(f"{column.header}: {column.cells[i]}", width - 2, _INDENT)
                )
