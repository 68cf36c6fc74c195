"""A purchase, justified on one page of GitHub-flavoured Markdown; below it the report in full."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from storeff.report.model import Report
from storeff.report.page import Facts, Paragraph, Part, Section
from storeff.report.sections import sections
from storeff.report.sections_purchase import purchase_sections

IS_TEXT = True

# What is syntax anywhere, what makes a link of an address, and what begins a block.
_SYNTAX = re.compile(
    r"[\\`*_{}\[\]<#|~&$]|(?<=\w):(?=//)|(?<=www)\.|^[-+=>]|^\d{1,9}[.)](?=\s|$)", re.IGNORECASE
)


def render(report: Report) -> bytes:
    """The page, and then all sections of the report."""
    is_purchase = report.layouts or report.bench is not None
    blocks = [f"# {'Purchase justification' if is_purchase else 'Measurement'}"]
    for section in purchase_sections(report):
        blocks += _section(section, "##")
    blocks += ["---", "## The report in full"]
    for section in sections(report, full=True):
        blocks += _section(section, "###")
    return ("\n\n".join(blocks) + "\n").encode()


def _section(section: Section, marks: str) -> Iterator[str]:
    yield f"{marks} {_plain(section.title.strip())}"
    for is_spaced, parts in groupby(section.body, _is_spaced):
        if is_spaced:
            yield _fenced([part.text for part in parts if isinstance(part, Paragraph)])
        else:
            yield from ("\n".join(_lines(part)) for part in parts)


def _is_spaced(part: Part) -> bool:
    """Whether it is a line of which the spaces mean something, as in a plot."""
    if not isinstance(part, Paragraph):
        return False
    return part.style == "drawing" or (not part.style and "  " in part.text)


def _fenced(lines: list[str]) -> str:
    """``lines`` as they are, in a fence that none of them ends."""
    runs = re.findall("`+", "\n".join(lines))
    fence = "`" * max(3, *(len(run) + 1 for run in runs)) if runs else "```"
    return "\n".join((f"{fence}text", *(line.rstrip() for line in lines), fence))


def _lines(part: Part) -> Iterator[str]:
    if isinstance(part, Paragraph):
        # After spaces at its beginning a mark would not be seen for one, and four make code.
        yield _strong(part.text) if part.style else _plain(part.text.strip())
    elif isinstance(part, Facts):
        yield from (f"- {_strong(label)}: {_plain(text)}" for label, text in part.rows)
    else:
        yield _row(_plain(column.header) for column in part.columns)
        yield _row("--:" if column.kind == "figure" else ":--" for column in part.columns)
        yield from (_row(map(_plain, cells)) for cells in part.rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _strong(text: str) -> str:
    """``text`` set off; asterisks beside a space would be read as such."""
    return f"**{_plain(text.strip())}**" if text.strip() else ""


def _plain(text: str) -> str:
    """``text`` with all that Markdown would read in it escaped."""
    return _SYNTAX.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
