"""What verifying a report says to people."""

from collections.abc import Iterator
from typing import Any

from storeff.report.page import Column, Facts, Paragraph, Part, Section, Style, tabled
from storeff.report.verify import Part as Counted
from storeff.report.verify import Verified
from storeff.units import counted, percent

_SEALS = {
    "whole": "whole: not one character was changed since the report was written",
    "broken": "BROKEN: the report is not as it was written",
    "absent": "none: the report was written before reports were sealed",
}
_LONGEST = 60


def verified_sections(found: Verified) -> Iterator[Section]:
    """Whether the report agrees with itself, and the first figure that does not; then what was
    looked at."""
    style: Style = "strong" if found.agrees else "warning"
    yield Section("verified", _title(found), tuple(_parts(found)), style)
    rows = tabled(
        found.parts,
        {
            Column("section", "name", least=10): lambda each: each.name,
            "figures": lambda each: f"{each.figures:,}",
            "made again": lambda each: f"{each.derived:,}",
            Column("the rest", "text", least=14): _rest,
        },
    )
    share = percent(found.derived / max(1, found.figures))
    title = f"{share} of {counted(found.figures, 'figure')} were made again"
    yield Section("sections", title, (rows,))


def _title(found: Verified) -> str:
    if found.differences:
        share = f"{found.differences:,} of {found.derived:,}"
        return f"Report REFUTED: {share} figures do not follow from its inputs"
    if not found.agrees:
        return "Report CHANGED: all follows from its inputs, but its seal is broken"
    if not found.derived:
        return "Nothing in the report could be made again from its inputs"
    return f"Report verified: {counted(found.derived, 'figure')} follow from its inputs"


def _parts(found: Verified) -> Iterator[Part]:
    facts = [("seal", _SEALS[found.seal])]
    if found.first is not None:
        facts += [
            ("first", found.first.path),
            ("report says", _shown(found.first.stated)),
            ("comes out", _shown(found.first.derived)),
        ]
    yield Facts(tuple(facts))
    if found.made_by != found.verified_by:
        made, now = (
            ", ".join(f"{name} {number}" for name, number in each.items())
            for each in (found.made_by, found.verified_by)
        )
        yield Paragraph(f"Made with {made}; made again with {now}, which may count otherwise.")


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _rest(each: Counted) -> str:
    if each.because is not None:
        return each.because
    return "inputs" if each.derived < each.figures else ""
