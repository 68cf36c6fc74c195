"""A report's sections on a terminal: laid out for its width, and nothing else.

Nothing cuts a figure: a table that is too wide shortens names, then goes on in a further block of
columns.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
from rich.cells import cell_len

from storeff.report.page import Column, Facts, Paragraph, Part, Section, Style, fold, shortened

if TYPE_CHECKING:
    from storeff.report.model import Report

# Paragraphs are folded to this, however wide the terminal is: longer lines are hard to follow.
PARAGRAPH_WIDTH = 110
# What is printed into a pipe or a file is as wide as this, if COLUMNS does not say otherwise.
PIPE_WIDTH = 120
LEAST_WIDTH = 20
# Beside a label there is room for this much at least, or what it labels stands below it.
_FACT_WIDTH = 24
_GAP = "  "
_INDENT = "  "
_LOOKS: dict[Style, dict[str, object]] = {"strong": {"bold": True}, "warning": {"fg": "yellow"}}

Line = tuple[str, Style]


def print_report(report: "Report", *, full: bool = False) -> None:
    """Write ``report`` to stdout: its first screen of 80 x 24, or all of it if ``full``."""
    # Lists of layouts and drives are shown without a report, and without what it imports.
    from storeff.report.sections import sections

    show(*sections(report, full=full))


def show(*parts: Part | Section) -> None:
    """Print ``parts`` to stdout, no wider than the terminal; with bold and colour on one only."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    ascii_only = not encoding.lower().startswith("utf")
    for i, part in enumerate(parts):
        if i and isinstance(part, Section):
            click.echo()
        for line, style in laid_out(part, terminal_width(), ascii_only):
            look = _LOOKS.get(style)
            click.echo(click.style(line, **look) if look and not plain else line)  # type: ignore[arg-type]


def terminal_width() -> int:
    """Columns of the terminal on stdout; else COLUMNS; else what suits a pipe."""
    columns = 0
    if sys.stdout is not None and sys.stdout.isatty():
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    said = os.environ.get("COLUMNS", "")
    if not columns and re.fullmatch("[0-9]{1,5}", said):
        columns = int(said)
    return max(columns, LEAST_WIDTH) if columns else PIPE_WIDTH


def laid_out(part: Part | Section, width: int, ascii_only: bool = False) -> Iterator[Line]:
    """The lines of ``part``, none of more than ``width`` cells, and how each should look."""

    def carried(text: str) -> str:
        """``text`` in the characters that stdout can carry."""
        if not ascii_only:
            return text
        plain = text.replace("±", "+-").replace("─", "-")
        return plain.encode("ascii", "backslashreplace").decode()

    if isinstance(part, Section):
        title = fold(carried(part.title), min(width, PARAGRAPH_WIDTH), _INDENT)
        yield from ((line, part.style) for line in title)
        for each in part.body:
            for line, style in laid_out(each, width - len(_INDENT), ascii_only):
                yield _INDENT + line, style
    elif isinstance(part, Paragraph):
        lines = fold(carried(part.text), min(width, PARAGRAPH_WIDTH), _INDENT)
        yield from ((line, part.style) for line in lines)
    elif isinstance(part, Facts):
        rows = [(carried(label), carried(text)) for label, text in part.rows]
        yield from ((line, "") for line in _facts(rows, min(width, PARAGRAPH_WIDTH)))
    else:
        shown = [
            _Shown(column, [carried(row[i]) for row in part.rows])
            for i, column in enumerate(part.columns)
        ]
        for line, style in _table(shown, len(part.rows), width):
            yield carried(line).rstrip(), style


def _facts(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Texts beside their labels, or where there is no room below them."""
    least = max(cell_len(label) for label, _ in rows) + len(_GAP)
    before = None
    for label, text in rows:
        said = "" if label == before else label
        before = label
        if width - least < _FACT_WIDTH:
            if said:
                yield from fold(said, width)
            yield from (_INDENT + line for line in fold(text, width - len(_INDENT)))
            continue
        for line in fold(text, width - least):
            yield f"{said}{' ' * (least - cell_len(said))}{line}"
            said = ""


class _Shown:
    """A column with the text of its cells, as wide as ``most`` and no narrower than ``least``."""

    def __init__(self, column: Column, cells: list[str]) -> None:
        self.kind, self.cells = column.kind, cells
        # A heading of one endless word would be as wide as that.
        words = [shortened(word, column.least) for word in column.header.split(" ")]
        self.header = " ".join(words)
        self.left = column.kind != "figure"
        widest = max((cell_len(cell) for cell in cells), default=0)
        if self.left:
            widest = min(widest, column.most)
        self.most = max(widest, cell_len(self.header))
        needed = min(widest, column.least) if self.left else widest
        self.least = max(needed, *map(cell_len, words))

    def fitted(self, width: int) -> list[list[str]]:
        """The lines of each cell. Names that would look alike when shortened are numbered."""
        if self.kind != "name":
            return [fold(cell, width) if self.left else [cell] for cell in self.cells]
        short = {cell: shortened(cell, width) for cell in self.cells}
        if len(set(short.values())) < len(short):
            short = {cell: shortened(f"{i + 1} {cell}", width) for i, cell in enumerate(short)}
        return [[short[cell]] for cell in self.cells]


def _table(columns: Sequence[_Shown], rows: int, width: int) -> Iterator[Line]:
    blocks = _blocks(columns, width)
    if blocks is None:
        yield from ((line, "") for line in _records(columns, width))
        return
    for block in blocks:
        widths = _widths(block, width)
        heads = [fold(each.header, size) for each, size in zip(block, widths, strict=True)]
        yield from ((line, "strong") for line in _row(heads, block, widths, bottom=True))
        yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1)), ""
        fitted = [each.fitted(size) for each, size in zip(block, widths, strict=True)]
        for i in range(rows):
            cells = [column[i] for column in fitted]
            yield from ((line, "") for line in _row(cells, block, widths))


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
