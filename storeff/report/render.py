"""What the terminal's tables and paragraphs have in common."""

import textwrap
from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from storeff.quantity import Quantity
from storeff.units import significant

UNKNOWN = "unknown"
# Paragraphs are folded to this. Tables are never: a figure cut off is another figure.
WIDTH = 110
NEVER_CUT = 1000


def plain_console() -> Console:
    """Stdout without any reading of markup: names from the file system are printed as they are."""
    return Console(highlight=False, markup=False, emoji=False, width=NEVER_CUT)


def heading(text: str) -> Text:
    return Text(text, style="bold")


def paragraph(text: str, style: str = "") -> Text:
    """``text`` folded to the width of the tables, its own line breaks kept."""
    lines = text.split("\n")
    return Text("\n".join(_folded(line) for line in lines), style)


def _folded(line: str) -> str:
    return textwrap.fill(
        line, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )


def simple_table(*columns: str) -> Table:
    """A table whose first column names the row and whose others are figures."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def section(title: str, *body: RenderableType) -> Group:
    indented = (Padding(item, (0, 0, 0, 2), expand=False) for item in body)
    return Group(heading(title), *indented, Text())


def ratio(q: Quantity) -> str:
    if q.low is None or q.high is None:
        return UNKNOWN if q.value is None else f"{times(q.value)}x"
    if q.value is None:
        return f"[{times(q.low)}, {times(q.high)}]"
    if q.low == q.high:
        return f"{times(q.value)}x"
    return f"{times(q.value)}x [{times(q.low)}, {times(q.high)}]"


def times(value: float) -> str:
    return f"{value:.2f}" if value < 100 else significant(value)


def interval(q: Quantity, show: Callable[[float], str]) -> str:
    if q.value is None:
        if q.low is None or q.high is None:
            return UNKNOWN
        return f"[{show(q.low)}, {show(q.high)}]"
    text = show(q.value)
    if q.low is None or q.high is None or q.low == q.high:
        return text
    if not q.value:
        return f"{text}, at most {show(q.high)}"
    return f"{text} ±{(q.high - q.low) / 2 / q.value:.1%}"


def shortened(text: str, width: int) -> str:
    """``text`` cut at a word to fit ``width``; the JSON report holds it whole."""
    return textwrap.shorten(text, width, placeholder="...")


def format_number(value: float) -> str:
    """A typed-in number as typed: 0.0043, 27,000."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
