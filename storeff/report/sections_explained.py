"""What explaining a figure says to people."""

from collections.abc import Iterator

from storeff.report.explained_model import Explained, Given, Step
from storeff.report.figures import in_full
from storeff.report.page import Column, Facts, Paragraph, Part, Section, shortened, tabled

_UNIT_WIDTH = 16
STEPS_SHOWN = 12


def explained_sections(made: Explained) -> Iterator[Section]:
    """The figure with its formula, then where each input comes from."""
    rows = [("value", in_full(made.figure.value)), ("what", made.words)]
    if made.formula is not None:
        rows.append(("formula", made.formula))
        rows.append(("with values", made.with_values or ""))
    rows.append(("interval", made.interval))
    rows += [("note", note) for note in made.notes]
    parts: list[Part] = [Facts(tuple(rows))]
    if made.formula is not None and not made.agrees:
        parts.append(Paragraph(_disagrees(made), "warning"))
    shown = made.steps[:STEPS_SHOWN]
    if shown:
        where = [(each.symbol, _step(each)) for each in shown]
        parts += [Paragraph("where"), Facts(tuple(where))]
    if len(made.steps) > len(shown):
        parts.append(Paragraph(f"and {len(made.steps) - len(shown):,} more steps, in the JSON"))
    yield Section("figure", f"{made.path} = {made.shown}", tuple(parts))
    if made.inputs:
        yield Section("inputs", "Where its inputs come from", tuple(_inputs(made)))


def _disagrees(made: Explained) -> str:
    if made.recomputed is None:
        return "! An input is unknown, so these give no figure."
    return (
        f"! This comes to {made.recomputed:,.10g}, and the report says otherwise: it is of another "
        "version of storeff, or was edited."
    )


def _step(each: Step) -> str:
    worth = [] if each.with_values == each.formula else [each.with_values]
    return " = ".join((each.formula, *worth, in_full(each.value)))


def _inputs(made: Explained) -> Iterator[Part]:
    yield tabled(
        made.inputs,
        {
            Column("input", "text", least=20, most=32): lambda x: x.symbol,
            "value": lambda x: _value(x),
            Column("from", "text", least=26, most=80): _from,
        },
    )


def _value(given: Given) -> str:
    unit = "" if given.unit.startswith("fraction") else shortened(given.unit, _UNIT_WIDTH)
    return f"{in_full(given.value)} {unit}".rstrip()


def _from(given: Given) -> str:
    parts = [given.where, given.path if given.where is None else None, given.source]
    if given.where is None and given.path is not None:
        parts.append(given.origin)
    if given.kind is not None:
        parts.append(
            given.kind if given.true_on is None else f"{given.kind}, true on {given.true_on}"
        )
    return "; ".join(part for part in parts if part)
