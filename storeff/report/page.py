"""What a report is made of for people: sections of paragraphs, facts and tables, as plain values.

A format (terminal, HTML, Markdown, ...) lays them out and adds the escapes of its own syntax. All
text is escaped as it enters, so that no name can steer a terminal, forge a line or reorder one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, TypeAlias, TypeVar

from rich.cells import cell_len

from storeff.text import escaped

UNKNOWN = "unknown"
T = TypeVar("T")
# A ``drawing`` is a line of a picture made of text, for where nothing better can be drawn.
Style = Literal["", "strong", "warning", "drawing"]

_MARK = "..."
# What is cut nowhere: an escape, which would name another character, or else a character.
_PIECE = re.compile(r"\\\\|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|.", re.DOTALL)

# A no-break space: what is shown holds none of its own, as all of them are escaped.
_GLUE = "\u00a0"
# A digit may also end a name, such as that of a drive.
_UNIT = re.compile(r"(?<![\w-])([-+]?\d[\d.,]*) (?=[A-Za-z%])")
_MONEY = re.compile(r"(?<=\d[ \u00a0][kMBT]) (?=[A-Z]{3}(?![A-Za-z]))")
_RANGE = re.compile(r"\[[^\[\]]{1,40}\]|(?<=\S) (±|\+-)|(?<=x) (?=\[)|(?<=\bP\d\d) (?=\d)")


@dataclass(frozen=True)
class Paragraph:
    """One paragraph. A line break in ``text`` is escaped as anything else that cannot be seen."""

    text: str
    style: Style = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", escaped(self.text))


@dataclass(frozen=True)
class Facts:
    """Pairs of a label and a text. Equal labels in a row are one label with several lines."""

    rows: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        rows = tuple((escaped(label), escaped(text)) for label, text in self.rows)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True)
class Column:
    """A column of a table: ``kind`` is of what.

    A figure stands to the right and is never cut. What else takes more than ``most`` cells, or more
    than ``least`` where the table is too wide, is folded if it is a text, and loses its middle if
    it is a name.
    """

    header: str
    kind: Literal["figure", "name", "text"] = "figure"
    least: int = 20
    most: int = 60

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", escaped(self.header))


@dataclass(frozen=True)
class Table:
    """Rows of cells under ``columns``, of which the first names the row. Made by ``table``."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


Part: TypeAlias = Paragraph | Facts | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it. ``name`` is the same in every report: an anchor."""

    name: str
    title: str
    body: tuple[Part, ...] = ()
    style: Style = "strong"

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", escaped(self.title))


def table(columns: Sequence[str | Column], rows: Iterable[Sequence[str]]) -> Table:
    """A table without the columns of which no cell is known.

    A bare heading is the first column's of names and the others' of figures. Raises ValueError
    unless each row has a cell for each column.
    """
    first, *others = columns
    made = [Column(first, "name") if isinstance(first, str) else first]
    made += [Column(each) if isinstance(each, str) else each for each in others]
    cells = [tuple(escaped(cell) for _, cell in zip(made, row, strict=True)) for row in rows]
    kept = [i for i in range(len(made)) if not i or any(r[i] not in ("", UNKNOWN) for r in cells)]
    return Table(tuple(made[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in cells))


def tabled(items: Iterable[T], cells: Mapping[str | Column, Callable[[T], str]]) -> Table:
    """A table with a row for each of ``items``, its cells what the function of each column says."""
    rows = [[cell(each) for cell in cells.values()] for each in items]
    return table(list(cells), rows)


def shortened(text: str, width: int) -> str:
    """``text``, escaped, with its middle left out where it takes more than ``width`` cells."""
    text = escaped(text)
    if cell_len(text) <= width:
        return text
    kept = width - len(_MARK)
    if kept < 2:
        return start(text, width)
    end = _fitting(reversed(_PIECE.findall(text)), kept // 2)
    return start(text, kept - kept // 2) + _MARK + "".join(reversed(end))


def brief(text: str, width: int) -> str:
    """``text``, escaped, without its last words where it takes more than ``width`` cells."""
    text = escaped(text)
    if cell_len(text) <= width:
        return text
    cut = start(text, width - len(_MARK) - 1)
    return f"{cut.rpartition(' ')[0] or cut} {_MARK}"


def start(text: str, width: int) -> str:
    """As much of the beginning of ``text`` as takes at most ``width`` cells, no escape cut."""
    return "".join(_fitting(_PIECE.findall(text), width))


def fold(text: str, width: int, indent: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at spaces that are in no figure.

    Lines after the first begin with ``indent``. A word longer than a line is broken anywhere but
    within an escape.
    """
    lines, line = [], ""
    for word in glued(text).split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line.strip():
            lines.append(line)
        line = indent + word
        while cell_len(line) > width:
            part = start(line, width)
            if len(part) <= len(indent):
                part = line[:width]
            lines.append(part)
            line = indent + line[len(part) :]
    return [each.replace(_GLUE, " ").rstrip() for each in (*lines, line)]


def glued(text: str) -> str:
    """``text`` with no-break spaces where a line may not be broken: between a figure and its unit,
    behind the name of a percentile, and in an interval."""
    whole = _MONEY.sub(_GLUE, _UNIT.sub(rf"\1{_GLUE}", text))
    return _RANGE.sub(lambda found: found[0].replace(" ", _GLUE), whole)


def _fitting(pieces: Iterable[str], width: int) -> list[str]:
    left = width

    def fits(piece: str) -> bool:
        nonlocal left
        left -= cell_len(piece)
        return left >= 0

    return list(takewhile(fits, pieces))
