"""The arithmetic from logical bytes to money as a table of formulas, recorded as it runs.

``traced`` runs the code of the waterfall and the bill on symbols (``layout.symbol``), so that there
is no second copy of a formula. It fixes what the scenario is made of: its code, packing and kinds
of reduction, which optional numbers are known, the sizes of objects, and how many years there are.
Every number that has a path stays an input. Where the code branches on one, the condition is kept
in ``Formulas.conditions``: the formulas give what ``bill_for`` gives where all of them hold.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import bill_for, spares_needed
from storeff.economics.lines import LINES, is_in_bill
from storeff.economics.model import Scenario
from storeff.layout.cells import spared
from storeff.layout.number import Number, ceil, expm1, floor, named
from storeff.layout.symbol import Symbol, Trace
from storeff.layout.waterfall import raw_for, waterfall

# A line of more operations is hard to follow.
OPERATIONS_MOST = 6

_SHOWN = (ceil, floor, expm1, spares_needed)
_NEGATED: dict[Any, Callable[[Any, Any], Any]] = {
    operator.lt: operator.ge,
    operator.le: operator.gt,
    operator.gt: operator.le,
    operator.ge: operator.lt,
    operator.eq: operator.ne,
    operator.ne: operator.eq,
}


@dataclass(frozen=True)
class Line:
    """One step written out: ``node`` under ``name``, known by now of all that it rests on."""

    name: str
    node: Symbol


@dataclass(frozen=True)
class Formulas:
    """``figures`` by the path that they have in the report's layout (``bill.capex.total``,
    ``waterfall.padding.after_bytes``): symbols, and plain numbers where nothing moves them.

    ``lines`` are the steps in an order in which each can be computed: what has a name in the code,
    every figure, and what more than one step needs. ``inputs`` are the numbers that they rest on.
    """

    figures: Mapping[str, Number]
    conditions: tuple[Symbol, ...]
    lines: tuple[Line, ...]
    inputs: Mapping[str, Symbol]

    def evaluate(self, values: Mapping[str, Number]) -> dict[str, Number]:
        """``figures`` where the inputs are ``values``, and those of the scenario where not given.

        The arithmetic is that of the values: exact for Fractions. Raises ValueError where a
        condition does not hold.
        """
        known: dict[Symbol, Number] = {
            node: values.get(path, node.value) for path, node in self.inputs.items()
        }

        def value(x: Any) -> Number:
            if not isinstance(x, Symbol):
                return x
            if x not in known:
                assert x.function is not None
                known[x] = x.function(*map(value, x.operands))
            return known[x]

        for line in self.lines:
            value(line.node)
        if not all(map(value, self.conditions)):
            raise ValueError("these inputs need other formulas: trace their own scenario")
        return {path: value(figure) for path, figure in self.figures.items()}


def traced(
    scenario: Scenario[Assumption],
    more: Callable[[Scenario[Number]], Mapping[str, Number]] = lambda run: {},
) -> Formulas:
    """The formulas of ``scenario``, with the reserve that its spare enclosures make, and those of
    ``more`` figures than the report's.

    Raises StoreffError if it cannot be built.
    """
    trace, fixed = Trace(), _of_missing_lines(scenario)

    def symbol(number: Assumption) -> Number:
        value = exact(number)
        is_input = number.path and not (number.value is None and number.path in fixed)
        return trace.input(number.path, value) if is_input else value

    run: Scenario[Number] = map_numbers(scenario, symbol)
    enclosure_bytes = run.enclosure.drive_slots * run.drive.capacity_bytes
    found = spared(run.layout, run.data, enclosure_bytes)
    if found is not None:
        reserve = named("rebuild_reserve", run.layout.spare_domains / found[0])
        layout = msgspec.structs.replace(run.layout, rebuild_reserve=reserve)
        run = msgspec.structs.replace(run, layout=layout)
    figures: dict[str, Number] = {}
    for step in waterfall(run.data, run.layout):
        figures |= _figures(f"waterfall.{step.step}", step)
    # Shares need all of the steps, and are read after them.
    figures = dict(sorted(figures.items(), key=lambda each: each[0].endswith("share_bytes")))
    raw_bytes = raw_for(run.data, run.layout)
    figures["raw_bytes"] = ceil(raw_bytes)
    figures |= _figures("bill", bill_for(run))
    figures |= more(run)
    conditions = tuple(_holding(node, held) for node, held in trace.conditions.items())
    lines = tuple(_lines(figures, trace.names, conditions))
    inputs = {path: node for path, node in trace.inputs.items() if node in _reached(lines)}
    return Formulas(figures, conditions, lines, inputs)


def _of_missing_lines(scenario: Scenario[Assumption]) -> set[str]:
    """Numbers of which one would bring a line into the bill: known, they ask for other formulas."""
    run = map_numbers(scenario, exact)
    missing = [line for name, line in LINES.items() if not is_in_bill(run, name)]
    decided_by = [path.split(".") for line in missing for path in line.inputs]
    parts = [(getattr(scenario, part), field) for part, field in decided_by]
    return {getattr(part, field).path for part, field in parts if part is not None}


def _figures(path: str, value: Any) -> Iterator[tuple[str, Number]]:
    """Numbers of a struct by their path below ``path``; those of a year by the year."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _figures(f"{path}.{name}", getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _figures(f"{path}.{each.year}", each)
    elif not isinstance(value, str | None):
        yield path, value


def _holding(node: Symbol, held: bool) -> Symbol:
    """The condition that was branched on, as it must come out."""
    if node.function not in _NEGATED:
        return node.trace.node(operator.ne if held else operator.eq, (node, 0))
    return node if held else node.trace.node(_NEGATED[node.function], node.operands)


def _reached(lines: tuple[Line, ...]) -> set[Symbol]:
    """Every symbol below ``lines``."""
    found: set[Symbol] = set()
    waiting = [line.node for line in lines]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += _below(node)
    return found


def _lines(
    figures: Mapping[str, Number], names: Mapping[str, Symbol], conditions: tuple[Symbol, ...]
) -> Iterator[Line]:
    """The steps that figures and conditions rest on, each after what it needs itself.

    A step without a name is called after the first figure that needs it.
    """
    ends = {path: node for path, node in figures.items() if isinstance(node, Symbol)}
    ends |= {f"condition.{number}": node for number, node in enumerate(conditions, 1)}
    called: dict[Symbol, str] = {}
    for name, node in (*names.items(), *ends.items()):
        called.setdefault(node, name)
    uses = Counter[Symbol]()
    for node in _in_order(ends.values()):
        # What is rounded is seen before and after.
        uses.update(dict.fromkeys(_below(node), 1 + (node.function in _SHOWN)))
    done: set[Symbol] = set()
    operations: dict[Symbol, int] = {}
    for end, last in ends.items():
        part = 0
        for node in _in_order([last], done):
            operations[node] = 1 + sum(operations.get(x, 0) for x in _below(node))
            own = called.get(node)
            long = uses[node] > 1 or operations[node] > OPERATIONS_MOST
            if own is None and (long or node.function is spares_needed):
                part += 1
                own = f"{end}.part_{part}"
            if own is not None:
                operations[node] = 0
                yield Line(own, node)


def _below(node: Symbol) -> Iterator[Symbol]:
    """The symbols among the operands."""
    return (x for x in node.operands if isinstance(x, Symbol))


def _in_order(ends: Iterable[Symbol], done: set[Symbol] | None = None) -> Iterator[Symbol]:
    """What ``ends`` rest on and that is not ``done``, and they themselves: operands come first."""
    done = set() if done is None else done
    waiting: list[tuple[Symbol, bool]] = [(node, False) for node in reversed(list(ends))]
    while waiting:
        node, ready = waiting.pop()
        if node.function is None or (node in done and not ready):
            continue
        if ready:
            yield node
            continue
        done.add(node)
        waiting.append((node, True))
        waiting += [(x, False) for x in reversed(list(_below(node)))]
