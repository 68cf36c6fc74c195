"""Sections as plain Markdown: the whole of what a further format takes."""

import re
from collections.abc import Iterable, Iterator

from storeff.report.page import Facts, Paragraph, Part, Section

_SYNTAX = re.compile(r"([\\`*_{}\[\]<>#|~+!-])")


def markdown(sections: Iterable[Section]) -> str:
    """``sections`` as one document; no text of theirs is read as syntax."""
    blocks: list[str] = []
    for section in sections:
        blocks += [f"## {_plain(section.title)}", *("\n".join(_lines(p)) for p in section.body)]
    return "\n\n".join(blocks) + "\n"


def _lines(part: Part) -> Iterator[str]:
    if isinstance(part, Paragraph):
        yield f"**{_plain(part.text)}**" if part.style else _plain(part.text)
    elif isinstance(part, Facts):
        yield from (f"- **{_plain(label)}**: {_plain(text)}" for label, text in part.rows)
    else:
        yield _row(_plain(column.header) for column in part.columns)
        yield _row("--:" if column.kind == "figure" else ":--" for column in part.columns)
        yield from (_row(map(_plain, cells)) for cells in part.rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return _SYNTAX.sub(r"\\\1", text)
