"""The reference layout in a workbook: its figures as formulas of its inputs, or as plain numbers.

Figures are formulas where the report keeps the scenario that they rest on, which reports of before
schema 2.3 do not.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics import Scenario, SizedLayout
from storeff.economics.formulas import Formulas, traced
from storeff.economics.lines import BY_YEAR, LINES, ON_DELIVERY, is_in_bill
from storeff.economics.written import Sheet, sheet
from storeff.errors import StoreffError
from storeff.layout.number import Number, is_unknown
from storeff.layout.symbol import Symbol
from storeff.quantity import Quantity
from storeff.report.bench_model import Row
from storeff.report.model import Report
from storeff.report.scenario import scenario_of
from storeff.report.subject import stated
from storeff.report.workbook import Cell, Formula

# Of money, which the report rounds to cents, and of doubles that were added in another order.
_CENTS = 0.006
_RELATIVE = 1e-9
_MONEY = ("bill.capex", "bill.opex", "bill.tco", "bill.npv", "bill.residual_value")


def at(sized: SizedLayout | Row, path: str) -> Quantity | None:
    """The figure of ``sized`` at a path of ``Formulas.figures``; None if it has none there."""
    found = stated(sized, path)
    return found if isinstance(found, Quantity) else None


def amount_path(line: str, year: int = 1) -> str:
    """Where the amount of a line of the bill is: of a yearly one, that of ``year``."""
    if line in ON_DELIVERY:
        return f"bill.capex.{line}"
    return f"bill.opex_by_year.{year}.{line}" if line in BY_YEAR else f"bill.{line}"


@dataclass(frozen=True)
class Follows:
    """What the figures of a layout or row follow from."""

    scenario: Scenario[Assumption]
    formulas: Formulas


def follows(report: Report, sized: SizedLayout | Row) -> Follows | None:
    """What the figures of ``sized`` follow from; None where the report does not keep that.

    Raises StoreffError if its scenario does not give the figures that the report states.
    """
    scenario = scenario_of(report, sized)
    if scenario is None:
        return None
    formulas = traced(scenario)
    name = sized.name if isinstance(sized, SizedLayout) else sized.layout
    for path, figure in formulas.figures.items():
        _check(sized, name, path, figure.value if isinstance(figure, Symbol) else figure)
    return Follows(scenario, formulas)


@dataclass(frozen=True)
class Live:
    """``layout`` is the reference; ``formulas`` and ``cells`` are None where it is of values."""

    layout: SizedLayout
    scenario: Scenario[Assumption] | None
    formulas: Formulas | None
    cells: Sheet | None

    def figure(self, path: str) -> Cell:
        """What the figure at ``path`` is by the formulas, showing what the report says of it."""
        found = at(self.layout, path)
        value = None if found is None else found.value
        if self.cells is None or path not in self.cells.names:
            return value
        return Formula(self.cells.names[path], math.nan if value is None else value)

    def step(self, path: str) -> Cell:
        """A step of the formulas that is no figure of the report; None without formulas."""
        if self.cells is None or path not in self.cells.names:
            return None
        value = self._values[path]
        return Formula(self.cells.names[path], value if isinstance(value, str) else float(value))

    def number(self, of: Assumption) -> Cell:
        """An input by the number of the scenario."""
        if self.cells is not None and of.path in self.cells.inputs:
            value = math.nan if of.value is None else float(of.value)
            return Formula(self.cells.inputs[of.path], value)
        return None if of.value is None else float(of.value)

    def has_line(self, name: str) -> bool:
        """Whether the line ``name`` is in the bill, be its amount known or not."""
        if self._run is not None:
            return is_in_bill(self._run, name)
        # A line without inputs is in every bill; any other in one that has an amount of it.
        found = at(self.layout, amount_path(name))
        return not LINES[name].inputs or (found is not None and found.value is not None)

    def lines(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that are in the bill."""
        return [name for name in names if self.has_line(name)]

    @cached_property
    def _run(self) -> Scenario[Number] | None:
        return None if self.scenario is None else map_numbers(self.scenario, exact)

    @cached_property
    def _values(self) -> dict[str, float | str]:
        assert self.cells is not None
        return {cell.path: cell.value for cell in self.cells.cells}

    @cached_property
    def inputs(self) -> dict[str, Assumption]:
        """The numbers that a person may change, by path."""
        if self.scenario is None or self.cells is None:
            return {}
        numbers = {number.path: number for number in numbers_in(self.scenario)}
        return {path: numbers[path] for path in self.cells.inputs}


def live(report: Report) -> Live | None:
    """The reference layout of ``report``; None where nothing was sized.

    Raises StoreffError if its scenario does not give the figures that the report states.
    """
    layout = report.reference
    if layout is None:
        return None
    found = follows(report, layout)
    if found is None:
        return Live(layout, None, None, None)
    return Live(layout, found.scenario, found.formulas, sheet(found.formulas))


def _check(sized: SizedLayout | Row, name: str, path: str, figure: float | str) -> None:
    found = at(sized, path)
    # Shares of the waterfall are rounded so that their sum is whole.
    if found is None or path.endswith("share_bytes"):
        return
    rounded = _CENTS if path.startswith(_MONEY) else 0.0
    if not _agree(figure, found.value, rounded):
        raise _contradiction(f"{path} of {name}", found.value, figure)


def _agree(figure: float | str, stated: float | None, rounded: float = 0.0) -> bool:
    if stated is None or isinstance(figure, str) or is_unknown(figure):
        return stated is None and is_unknown(figure)
    return abs(float(figure) - stated) <= max(rounded, _RELATIVE * abs(stated))


def _contradiction(what: str, stated: float | None, figure: float | str) -> StoreffError:
    found = figure if isinstance(figure, str) else float(figure)
    return StoreffError(
        f"the report contradicts itself: {what} is {stated}, and by its scenario {found}",
        "make the report again",
    )
