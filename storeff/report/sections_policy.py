"""What checking a report against a policy says to people."""

from collections.abc import Iterator

from storeff.report.page import Column, Paragraph, Section, Style, tabled
from storeff.report.policy_model import Checked, Rule
from storeff.units import counted

_RESULTS = {"pass": "pass", "fail": "FAIL", "inconclusive": "inconclusive"}


def checked_sections(checked: Checked) -> Iterator[Section]:
    """A line for each rule, and why what is inconclusive is."""
    rows = tabled(
        checked.rules,
        {
            "rule": lambda rule: rule.name,
            Column("result", "text", least=12): _result,
            Column("figure", "text", least=12): lambda rule: rule.figure,
            Column("limit", "text", least=12): lambda rule: rule.wanted,
        },
    )
    why = (
        Paragraph(f"{rule.name}: {rule.because}")
        for rule in checked.rules
        if rule.because is not None
    )
    style: Style = "strong" if checked.status == "pass" else "warning"
    yield Section("policy", _title(checked), (rows, *why), style)


def _title(checked: Checked) -> str:
    counts = {
        status: sum(r.status == status for r in checked.rules if r.severity == "fail")
        for status in ("fail", "inconclusive")
    }
    warned = sum(r.status != "pass" for r in checked.rules if r.severity == "warn")
    parts = [f"{n} {'failed' if s == 'fail' else s}" for s, n in counts.items() if n]
    parts += [counted(warned, "warning")] * bool(warned)
    title = f"Policy {_RESULTS[checked.status].upper()}: {counted(len(checked.rules), 'rule')}"
    return ", ".join((title, *parts))


def _result(rule: Rule) -> str:
    if rule.severity == "warn" and rule.status != "pass":
        return "warning" if rule.status == "fail" else "warning?"
    return _RESULTS[rule.status]
