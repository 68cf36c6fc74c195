"""One self-contained page: the sections, with charts of the report's fields beside them.

It loads nothing, and runs nothing but the one script of its what-if, which its content security
policy holds to: the stylesheet and the script are allowed by their hashes, so not even a name in
the report could bring in another.
"""

import base64
import hashlib
from collections import defaultdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from storeff.report.formats.html.charts import charts
from storeff.report.formats.html.what_if import what_if
from storeff.report.model import SCHEMA_VERSION, Report
from storeff.report.page import Facts, Paragraph, Table, glued
from storeff.report.sections import sections

IS_TEXT = True

# The facts of the answer that are read first.
_KEY = ("Data reduction", "Raw storage")
# Characters of a cell that are kept in one line.
_LONG = 24
_FOLDER = Path(__file__).parent


def render(report: Report) -> bytes:
    """The page, in UTF-8. The same report gives the same bytes."""
    style = (_FOLDER / "page.css").read_text("utf-8")
    found = what_if(report)
    script = f"script-src {_allowed(found.script)}; " if found else ""
    shown = sections(report, full=True)
    page = (
        _environment()
        .get_template("page.html")
        .render(
            answer=next(each for each in shown if each.name in ("answer", "bench")),
            charts=defaultdict(list, charts(report)),
            made=_made(report),
            policy=f"default-src 'none'; style-src {_allowed(style)}; {script}base-uri 'none'; "
            "form-action 'none'",
            sections=shown,
            style=style,
            what_if=found,
        )
    )
    return page.encode()


def _allowed(text: str) -> str:
    """What a policy says of the element that holds ``text``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"glued": glued, "labelled": _labelled, "looks": _looks}
    made.tests |= {
        "key": lambda label: label in _KEY or label.endswith("-year cost"),
        "paragraph": lambda part: isinstance(part, Paragraph),
        "facts": lambda part: isinstance(part, Facts),
        "drawing": lambda part: isinstance(part, Paragraph) and part.style == "drawing",
    }
    return made


def _labelled(facts: Facts) -> list[tuple[str, list[str]]]:
    """The texts of each label, once where it stands several times in a row."""
    found: list[tuple[str, list[str]]] = []
    for label, text in facts.rows:
        if not found or found[-1][0] != label:
            found.append((label, []))
        found[-1][1].append(text)
    return found


def _looks(table: Table) -> list[str]:
    """The classes of each column: of what it is, and whether it may be folded."""
    longest = [max(map(len, cells), default=0) for cells in zip(*table.rows, strict=True)]
    return [
        column.kind + (" long" if column.kind != "figure" and most > _LONG else "")
        for column, most in zip(table.columns, longest, strict=True)
    ]


def _made(report: Report) -> Facts:
    """Where the figures come from, to make them again."""
    run = report.run
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    rows = {
        "Command": " ".join(run.command),
        "Started": run.started,
        "Seed": str(run.seed),
        "Versions": versions,
        "Schema": f"{report.schema_version} (shown by {SCHEMA_VERSION})",
    }
    return Facts(tuple((label, text) for label, text in rows.items() if text))
