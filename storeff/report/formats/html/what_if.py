"""What the figures of the layout to buy would be at other inputs: computed in the page, by the
formulas that made the report (``economics.formulas``), written out as JavaScript."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario, SizedLayout, in_cells
from storeff.economics.floor import OPTIONS_MOST
from storeff.economics.formulas import Formulas, traced
from storeff.economics.written import javascript
from storeff.errors import StoreffError
from storeff.layout.fleet import drive_holds
from storeff.layout.floor import with_parity
from storeff.layout.number import Number
from storeff.report.bench_model import Row
from storeff.report.figures import amount, floored, known
from storeff.report.live import Follows, at, follows
from storeff.report.model import Report
from storeff.report.page import shortened
from storeff.report.subject import chosen
from storeff.text import escaped
from storeff.units import count, format_bytes, format_power

_SCRIPT = Path(__file__).parent / "what_if.js"
_HELD = "drive_holds"
# Drives are sold in sizes that double: from a quarter of this one to twice it.
_SMALLEST, _LARGEST = 0.25, 2.0
_NAME_WIDTH = 40
_UNIT_WIDTH = 16


@dataclass(frozen=True)
class Slider:
    """An input of the formulas at ``path``, from ``low`` to ``high`` by way of ``value``; shown in
    ``unit``, of which each is ``scale`` of the input. Parities have no path: they choose among the
    formulas."""

    id: str
    label: str
    path: str
    value: float
    low: float
    high: float
    unit: str = ""
    scale: float = 1
    step: str = "any"


@dataclass(frozen=True)
class Figure:
    """A figure of the formulas at ``path``, as the report shows it; nines have none."""

    id: str
    label: str
    path: str
    text: str


@dataclass(frozen=True)
class WhatIf:
    """The section: what it changes, what it shows, and the script that computes it."""

    layout: str
    sliders: tuple[Slider, ...]
    figures: tuple[Figure, ...]
    script: str


def what_if(report: Report) -> WhatIf | None:
    """Of the reference layout of ``report``, or of the row that its bench recommends; None if it
    does not keep what the bill of that rests on.

    Raises StoreffError if that contradicts what the report says.
    """
    sized = chosen(report)
    found = None if sized is None else follows(report, sized)
    if sized is None or found is None:
        return None
    about = _about(sized)
    choices = _choices(report, about, found.scenario)
    sliders = tuple(_sliders(report, about, found, len(choices)))
    figures = tuple(_figures(report, sized, about, found.scenario))
    paths = [_HELD, *(each.path for each in figures if each.path)]
    names = [f"bill{number}" for number in range(len(choices))]
    page = {
        "sliders": [
            {"id": each.id, "path": each.path, "value": each.value, "scale": each.scale}
            for each in sliders
        ],
        "figures": {each.id: each.path for each in figures},
        "currency": shortened(report.currency, _UNIT_WIDTH),
        "choices": [{"code": each.code, **_nines(each.nines)} for each in choices],
        "held": _HELD,
        "chosen": next(n for n, each in enumerate(choices) if each.is_own),
    }
    parts = [
        *(
            javascript(_only(each.formulas, paths), name)
            for each, name in zip(choices, names, strict=True)
        ),
        f"const bills = [{', '.join(names)}];\n",
        f"const page = {_literal(page)};\n",
        _SCRIPT.read_text("utf-8"),
    ]
    return WhatIf(shortened(about.name, _NAME_WIDTH), sliders, figures, "".join(parts))


@dataclass(frozen=True)
class _About:
    """A layout, or a row of a bench: its name, its nines, and the parities that it was given."""

    name: str
    nines: float | None
    added: int


def _about(sized: SizedLayout | Row) -> _About:
    if isinstance(sized, SizedLayout):
        name, nines, floor = sized.name, sized.durability.nines, sized.at_floor
    else:
        name, nines, floor = sized.layout, sized.nines, sized.floor
    return _About(name, nines, floor.parities_added if floor else 0)


@dataclass(frozen=True)
class _Choice:
    """The formulas with one number of parities."""

    code: str
    nines: float | None
    formulas: Formulas
    is_own: bool


def _choices(report: Report, about: _About, scenario: Scenario[Assumption]) -> list[_Choice]:
    """The parities that the report offers, or those of the layout alone."""
    added = about.added
    own = _Choice(str(scenario.layout.code), about.nines, traced(scenario, _held), True)
    made = []
    for number, option in enumerate(report.parity_options[:OPTIONS_MOST]):
        if option.parities_added != number:
            raise _contradiction(option.code, f"it adds {option.parities_added}, not {number}")
        is_own = option.parities_added == added
        try:
            layout = with_parity(scenario.layout, option.parities_added - added)
        except ValueError as error:
            raise _contradiction(option.code, str(error)) from error
        if str(layout.code) != option.code:
            raise _contradiction(option.code, f"by its scenario, it is {layout.code}")
        wider = in_cells(msgspec.structs.replace(scenario, layout=layout))
        other = _Choice(option.code, option.nines, traced(wider, _held), False)
        made.append(own if is_own else other)
    return made if own in made else [own]


def _held(run: Scenario[Number]) -> dict[str, Number]:
    """What nines rest on, of all that sliders move."""
    return {_HELD: drive_holds(run.layout, run.drive.capacity_bytes)}


def _nines(nines: float | None) -> dict[str, str | None]:
    """As they are shown, and as bounds: the least rounded down, the most up; no bounds of the
    unknown."""
    least = known(nines, floored)
    most = None if nines is None else floored(-nines).removeprefix("-")
    return {"nines": least, "most": most}


def _contradiction(code: str, why: str) -> StoreffError:
    return StoreffError(
        f"the report contradicts itself: {escaped(code)} of parity_options cannot be: {why}",
        "make the report again",
    )


def _only(formulas: Formulas, paths: list[str]) -> Formulas:
    """``formulas`` with the figures at ``paths`` alone."""
    return replace(formulas, figures={path: formulas.figures[path] for path in paths})


def _sliders(report: Report, about: _About, found: Follows, choices: int) -> Iterator[Slider]:
    scenario = found.scenario
    ranges = {row.path: (row.low, row.high) for row in report.assumptions}
    price_unit = f"{shortened(scenario.currency, _UNIT_WIDTH)}/drive"
    for number, id_, label, unit, scale in (
        (scenario.data.reduction_ratio, "reduction", "Data reduction ratio", "", 1.0),
        (scenario.layout.fill_limit, "utilisation", "Maximum utilisation", "%", 0.01),
        (scenario.drive.capacity_bytes, "capacity", "Drive capacity", "TB", 1e12),
        (scenario.drive.price, "price", "Drive price", price_unit, 1.0),
    ):
        if number.path not in found.formulas.inputs or number.value is None:
            continue
        value = float(number.value)
        low, high = ranges.get(number.path, (None, None))
        if id_ == "reduction":
            low, high = min(1.0, value), 2 * value
        elif id_ == "capacity":
            low, high = _SMALLEST * value, _LARGEST * value
        elif low is None or high is None or low == high:
            low, high = value / 2, 2 * value
        if id_ == "utilisation":
            high = min(high, 1.0)
        if low == high:
            # Half and double of a price of nothing are no range.
            continue
        now, least, most = (_short(x / scale) for x in (value, min(low, value), max(high, value)))
        yield Slider(id_, label, number.path, now, least, most, unit, scale)
    if choices > 1:
        yield Slider("parity", "Further parities", "", about.added, 0, choices - 1, step="1")


def _short(value: float) -> float:
    """``value`` without what dividing by a scale left in its last digits."""
    return float(f"{value:.12g}")


def _figures(
    report: Report, sized: SizedLayout | Row, about: _About, scenario: Scenario[Assumption]
) -> Iterator[Figure]:
    years = scenario.finance.years.value
    for id_, label, path, show in (
        ("raw", "Raw storage", "raw_bytes", format_bytes),
        ("drives", "Drives", "bill.drives", count),
        ("racks", "Racks", "bill.racks", count),
        ("power", "Power of the site, peak", "bill.facility_mw_peak", format_power),
        ("cost", f"{years}-year cost", "bill.npv", lambda x: amount(x, report.currency)),
    ):
        stated = at(sized, path)
        yield Figure(id_, label, path, known(stated.value if stated else None, show))
    yield Figure("nines", "Nines", "", known(about.nines, floored))


def _literal(value: Any) -> str:
    """``value`` in a script: nothing in it ends that, or a line."""
    return json.dumps(value).replace("<", "\\u003c")
