"""How a figure of a layout came about: its arithmetic as it was recorded, for people to read.

A formula is in terms of figures that the report has, of numbers of the scenario, and of steps
between them, which are written out too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Self

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario
from storeff.economics.floor import rebuilding
from storeff.economics.formulas import Formulas, traced
from storeff.economics.size import Central, central
from storeff.economics.written import PLAIN
from storeff.layout.number import is_unknown
from storeff.layout.symbol import Symbol
from storeff.quantity import Quantity
from storeff.report.explained_model import Step
from storeff.report.figures import in_full

# A longer formula is told in parts.
_OPERATIONS_MOST = 40
# What says nothing without the word before it.
_VAGUE = re.compile(r"\d+|\d+Q\d|part_\d+|total|factor|[a-z]+_bytes")


@dataclass(frozen=True)
class Input:
    """``symbol`` of a formula with its ``value``, None if unknown: the figure at ``figure``, a path
    of ``Formulas.figures``, or else the number of the scenario at ``number``."""

    symbol: str
    value: int | float | None
    figure: str | None = None
    number: str | None = None


@dataclass(frozen=True)
class Derivation:
    """The formula of a figure with all that it is in terms of; ``recomputed`` is what the code that
    made the report says of it today."""

    formula: str
    with_values: str
    recomputed: int | float | None
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]


class Derived:
    """The figures that follow from ``scenario``, which was sized as it is."""

    @classmethod
    @lru_cache(maxsize=8)
    def of_scenario(cls, scenario: Scenario[Assumption]) -> Self:
        """The same for the same: many figures of one layout may be asked for."""
        return cls(scenario)

    def __init__(self, scenario: Scenario[Assumption]) -> None:
        self._central: Central = central(scenario)
        self._formulas: Formulas = traced(
            scenario, lambda run: {f"durability.{k}": v for k, v in rebuilding(run).items()}
        )
        self._roles = dict(_roles(scenario, ""))

    def __contains__(self, path: str) -> bool:
        return path in self._formulas.figures

    def of(self, path: str, stated: Callable[[str], int | float | None]) -> Derivation:
        """How the figure at ``path`` came about. ``stated`` is what the report says of others, None
        of those that it does not have."""
        node = self._formulas.figures[path]
        recomputed = number_of(figure_at(self._central, path))
        if not isinstance(node, Symbol):
            # It is fixed by what the scenario is made of, its code for one.
            shown = PLAIN.write(node, {})
            return Derivation(shown, shown, recomputed, (), ())
        walk = _Walk(self._formulas, path, stated)
        walk.into(node)
        names = {}
        for each, own in walk.found.items():
            names[each] = self._roles[own.number] if own.number else own.figure or own.step
        symbols = _shortest(names)
        values = {each: in_full(own.value) for each, own in walk.found.items()}

        def written(one: Symbol, called: Mapping[Symbol, str]) -> str:
            if one.function is None:
                return called[one]
            return PLAIN.write(one, called, whole=True)

        return Derivation(
            formula=written(node, symbols),
            with_values=written(node, values),
            recomputed=recomputed,
            inputs=tuple(
                Input(symbols[each], own.value, own.figure or None, own.number or None)
                for each, own in walk.found.items()
                if not own.step
            ),
            steps=tuple(
                Step(
                    symbol=symbols[each],
                    formula=written(each, symbols),
                    with_values=written(each, values),
                    value=own.value,
                )
                for each, own in walk.found.items()
                if own.step
            ),
        )


@dataclass(frozen=True)
class _Own:
    """What a symbol is called by, and its value."""

    value: int | float | None
    figure: str = ""
    number: str = ""
    step: str = ""


class _Walk:
    """What a figure rests on, each before what rests on it itself."""

    def __init__(
        self, formulas: Formulas, path: str, stated: Callable[[str], int | float | None]
    ) -> None:
        self.found: dict[Symbol, _Own] = {}
        self._inputs = {node: path for path, node in formulas.inputs.items()}
        self._figures: dict[Symbol, str] = {}
        for name, node in formulas.figures.items():
            if name != path and isinstance(node, Symbol) and stated(name) is not None:
                self._figures.setdefault(node, name)
        self._stated = stated
        steps = {line.node: line.name for line in formulas.lines}
        plain = {node: name for node, name in steps.items() if ".part_" not in name}
        self._steps = plain if _operations(formulas.figures[path], plain) else steps

    def into(self, node: Symbol) -> None:
        """Find what ``node`` is written in terms of; itself, if it is a number of the scenario."""
        below = [x for x in node.operands if isinstance(x, Symbol)] or [node]
        for each in below:
            if each in self.found:
                continue
            if each in self._inputs:
                self.found[each] = _Own(_plain(each.value), number=self._inputs[each])
            elif each in self._figures:
                path = self._figures[each]
                self.found[each] = _Own(self._stated(path), figure=path)
            elif each is not node:
                self.into(each)
                if each in self._steps:
                    self.found[each] = _Own(_plain(each.value), step=self._steps[each])


def _operations(node: Symbol, called: Mapping[Symbol, str]) -> bool:
    """Whether ``node`` is a formula of few operations in terms of what is ``called`` something."""
    waiting, count = [node], 0
    while waiting and count <= _OPERATIONS_MOST:
        each = waiting.pop()
        count += 1
        below = (x for x in each.operands if isinstance(x, Symbol))
        waiting += [x for x in below if x.function is not None and x not in called]
    return count <= _OPERATIONS_MOST


def _plain(value: Any) -> Any:
    if is_unknown(value):
        return None
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return value


def _roles(value: msgspec.Struct, path: str) -> Iterable[tuple[str, str]]:
    """The path of each number, with the keys that lead to it in a scenario."""
    for name in value.__struct_fields__:
        each = getattr(value, name)
        if isinstance(each, Assumption):
            yield each.path, f"{path}{name}"
        elif isinstance(each, dict):
            for quarter, number in each.items():
                yield number.path, f"{path}{name}{f'.{quarter}' * bool(quarter)}"
        elif isinstance(each, msgspec.Struct):
            yield from _roles(each, f"{path}{name}.")


def _shortest(names: Mapping[Symbol, str]) -> dict[Symbol, str]:
    """Names of as few words as tell them apart, and say something."""

    def ending(name: str, words: int) -> str:
        return ".".join(name.split(".")[-words:])

    found = {}
    for node, name in names.items():
        most = name.count(".") + 1
        # What is left after a step is not the step.
        words = most if name.startswith("after.") else 1
        while words < most and (
            _VAGUE.fullmatch(name.split(".")[-words])
            or sum(ending(other, words) == ending(name, words) for other in names.values()) > 1
        ):
            words += 1
        found[node] = ending(name, words)
    return found


def figure_at(figures: Any, path: str) -> Any:
    """The figure at a path of ``Formulas.figures`` below ``figures``, a layout or what has its
    form: a Quantity, a number, or None if it has none there."""
    value: Any = figures
    for name in path.split("."):
        if isinstance(value, tuple):
            keys = ((str(getattr(x, "step", getattr(x, "year", ""))), x) for x in value)
            value = next((x for key, x in keys if key == name), None)
        else:
            value = getattr(value, name, None)
    return value if isinstance(value, Quantity | int | float) else None


def number_of(figure: Any) -> Any:
    """The number that ``figure`` is, None if unknown."""
    return figure.value if isinstance(figure, Quantity) else figure
