"""Formulas (``economics.formulas``) for people, as cells of a spreadsheet, and as JavaScript.

The last two compute in doubles. What is rounded to whole numbers may lie a few of their last digits
beside one: within 1e-14 of a whole number it is that number, as the steps before lose no more.
"""

import json
import math
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from storeff.economics.bill import spares_needed
from storeff.economics.formulas import Formulas, Line
from storeff.layout import number
from storeff.layout.symbol import Symbol

# Of a Poisson quantile, its Cornish-Fisher expansion to the skewness is at most this far off:
# between 2 below and 1 above for means of 1e-6 to 3e6 and levels of 0.001 to 0.999999.
_BELOW = 4
_CANDIDATES = 9

_ATOM = 9
_OPERATORS: dict[Any, tuple[str, int]] = {
    operator.lt: ("<", 1),
    operator.le: ("<=", 1),
    operator.gt: (">", 1),
    operator.ge: (">=", 1),
    operator.add: ("+", 2),
    operator.sub: ("-", 2),
    operator.mul: ("*", 3),
    operator.truediv: ("/", 3),
}


@dataclass(frozen=True)
class Language:
    """How operators are written, with how tightly they bind, and functions, as templates."""

    operators: Mapping[Any, tuple[str, int]]
    functions: Mapping[Any, str]
    unknown: str

    def write(self, node: Any, called: Mapping[Symbol, str], *, whole: bool = False) -> str:
        """``node`` in terms of what is ``called`` something; itself, even so, if ``whole``."""
        return self._write(node, called, whole)[0]

    def _write(self, node: Any, called: Mapping[Symbol, str], whole: bool) -> tuple[str, int]:
        if not isinstance(node, Symbol):
            return self._constant(node)
        if node in called and not whole:
            return called[node], _ATOM
        operands = [self._write(x, called, False) for x in node.operands]
        if node.function in self.operators:
            sign, binding = self.operators[node.function]
            (left, bound), (right, other) = operands
            left = left if bound >= binding else f"({left})"
            right = right if other > binding else f"({right})"
            return f"{left}{sign}{right}", binding
        if node.function is operator.neg:
            text, bound = operands[0]
            return f"(-{text if bound == _ATOM else f'({text})'})", _ATOM
        return self.functions[node.function].format(*(text for text, _ in operands)), _ATOM

    def _constant(self, value: Any) -> tuple[str, int]:
        if isinstance(value, str):
            return json.dumps(value), _ATOM
        if isinstance(value, float) and math.isnan(value):
            return self.unknown, _ATOM
        if isinstance(value, Fraction) and value.denominator > 1:
            if max(abs(value.numerator), value.denominator) < 10**15:
                return f"{value.numerator}/{value.denominator}", 3
            value = float(value)
        text = f"{float(value):.17g}" if abs(value) >= 10**15 else str(value)
        if isinstance(value, float):
            text = repr(value).upper().removesuffix(".0")
        return (text, _ATOM) if value >= 0 else (f"({text})", _ATOM)


EXCEL = Language(
    operators={
        **_OPERATORS,
        operator.eq: ("=", 1),
        operator.ne: ("<>", 1),
        operator.pow: ("^", 4),
    },
    # What is rounded, and the operand of expm1, has a line and so a name of its own.
    functions={
        operator.floordiv: "INT(({0})/({1}))",
        number.ceil: "MAX(ROUND({0},0),ROUNDUP({0}*(1-1E-14),0))",
        number.floor: "MIN(ROUND({0},0),ROUNDDOWN({0}*(1+1E-14),0))",
        number.larger: "MAX({0},{1})",
        number.at_most: "MIN({0},{1})",
        number.where: "IF({0},{1},{2})",
        number.log: "LN({0})",
        # W. Kahan: the rounding of EXP cancels out.
        number.expm1: "((EXP({0})-1)*{0}/LN(EXP({0})))",
    },
    unknown="NA()",
)
JAVASCRIPT = Language(
    operators={**_OPERATORS, operator.eq: ("===", 1), operator.ne: ("!==", 1)},
    functions={
        operator.pow: "Math.pow({0}, {1})",
        operator.floordiv: "Math.floor(({0})/({1}))",
        number.ceil: "ceil({0})",
        number.floor: "floor({0})",
        number.larger: "Math.max({0}, {1})",
        number.at_most: "Math.min({0}, {1})",
        number.where: "({0} ? {1} : {2})",
        number.log: "Math.log({0})",
        number.expm1: "Math.expm1({0})",
        spares_needed: "sparesNeeded({0}, {1})",
    },
    unknown="NaN",
)
PLAIN = Language(
    operators={
        function: (f" {sign} ", binding)
        for function, (sign, binding) in {
            **_OPERATORS,
            operator.eq: ("==", 1),
            operator.ne: ("!=", 1),
            operator.pow: ("**", 4),
        }.items()
    },
    functions={
        operator.floordiv: "floor(({0}) / ({1}))",
        number.ceil: "ceil({0})",
        number.floor: "floor({0})",
        number.larger: "max({0}, {1})",
        number.at_most: "min({0}, {1})",
        number.where: "({1} if {0} else {2})",
        number.log: "ln({0})",
        number.expm1: "(exp({0}) - 1)",
        spares_needed: "poisson_quantile({0}, {1})",
    },
    unknown="unknown",
)


@dataclass(frozen=True)
class Computed:
    """A cell of a spreadsheet under a defined ``name``: ``path`` is what that stands for."""

    path: str
    name: str
    formula: str
    value: Any


@dataclass(frozen=True)
class Sheet:
    """Cells in an order in which each can be computed. ``names`` are the defined names of inputs,
    cells and figures by their path; the cell of ``conditions`` says whether all hold."""

    inputs: Mapping[str, str]
    cells: tuple[Computed, ...]
    names: Mapping[str, str]
    conditions: str


def sheet(formulas: Formulas) -> Sheet:
    """``formulas`` for a spreadsheet, in functions that Excel 2007 and LibreOffice both have."""
    names = _Names()
    inputs = {path: names.new(path) for path in formulas.inputs}
    called = {node: inputs[path] for path, node in formulas.inputs.items()}
    cells: list[Computed] = []
    checked = []
    for line in formulas.lines:
        if line.node.function is spares_needed:
            made = list(_spares(line, called, names))
            checked.append(made[-2].name)
        else:
            formula = EXCEL.write(line.node, called, whole=True)
            made = [Computed(line.name, names.new(line.name), formula, line.node.value)]
        cells += made
        called[line.node] = made[-1].name
    checked += [EXCEL.write(node, called) for node in formulas.conditions]
    holds = Computed(
        "conditions", names.new("conditions"), f"AND({','.join(checked) or 'TRUE()'})", True
    )
    found = {cell.path: cell.name for cell in cells} | inputs
    found |= {
        path: called[node] for path, node in formulas.figures.items() if isinstance(node, Symbol)
    }
    return Sheet(inputs, (*cells, holds), found, holds.name)


def _spares(line: Line, called: Mapping[Symbol, str], names: "_Names") -> Iterator[Computed]:
    """The least s with P(Poisson(mean) <= s) >= level: candidates around the expansion of the
    quantile by Cornish and Fisher, of which those that are too few are counted."""
    mean, level = (EXCEL.write(x, called) for x in line.node.operands)
    mean_value, level_value = (
        float(x.value if isinstance(x, Symbol) else x) for x in line.node.operands
    )
    parts = [f"{line.name}.{part}" for part in ("z", "first")]
    z, first = map(names.new, parts)
    normal = _normal_quantile(level_value)
    start = max(
        0,
        math.floor(mean_value + normal * math.sqrt(mean_value) + (normal**2 - 1) / 6) - _BELOW,
    )
    yield Computed(parts[0], z, f"NORMSINV(MAX({level},1E-300))", normal)
    guess = f"INT({mean}+{z}*SQRT({mean})+({z}^2-1)/6)"
    yield Computed(parts[1], first, f"MAX(0,{guess}-{_BELOW})", start)
    tried = []
    for more in range(_CANDIDATES):
        part = f"{line.name}.reached_by_{more}_more"
        tried.append(names.new(part))
        formula = f"POISSON({first}+{more},MAX({mean},1E-300),TRUE)"
        yield Computed(part, tried[-1], formula, _poisson(start + more, mean_value))
    none = f"EXP(-{mean})>={level}"
    part = f"{line.name}.is_among_them"
    before = f"{first}=0,POISSON(MAX({first}-1,0),MAX({mean},1E-300),TRUE)<{level}"
    formula = f"OR({none},AND(OR({before}),{tried[-1]}>={level}))"
    yield Computed(part, names.new(part), formula, True)
    counted = "+".join(f"({each}<{level})" for each in tried)
    needed = math.ceil(spares_needed(mean_value, level_value))
    yield Computed(line.name, names.new(line.name), f"IF({none},0,{first}+{counted})", needed)


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(max(probability, 1e-300)))


def _poisson(most: int, mean: float) -> float:
    from scipy.special import pdtr

    return float(pdtr(most, mean))


class _Names:
    """Defined names: letters, digits, underscores and dots, unlike a reference to a cell, each once
    whatever the case of its letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, path: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", path)[:200]
        if not re.match(r"[A-Za-z_]", plain) or "." not in plain:
            plain = f"step.{plain}"
        name, again = plain, 1
        while name.lower() in self._taken:
            again += 1
            name = f"{plain}.{again}"
        self._taken.add(name.lower())
        return name


_JAVASCRIPT_FUNCTIONS = """\
  const ceil = (x) => Math.max(Math.round(x), Math.ceil(x * (1 - 1e-14)));
  const floor = (x) => Math.min(Math.round(x), Math.floor(x * (1 + 1e-14)));
  // The least s with P(Poisson(mean) <= s) >= level.
  const sparesNeeded = (mean, level) => {
    if (!(mean >= 0) || !(level >= 0)) return NaN;
    if (Math.exp(-mean) >= level) return 0;
    // log P(Poisson(mean) = s), with Stirling's series for the factorial.
    const log = (s) => {
      if (s < 16) {
        let sum = -mean + s * Math.log(mean);
        for (let i = 2; i <= s; i++) sum -= Math.log(i);
        return sum;
      }
      const ratio = (mean - s) / s;
      return s * (Math.log1p(ratio) - ratio) - 0.5 * Math.log(2 * Math.PI * s)
        - 1 / (12 * s) + 1 / (360 * s ** 3) - 1 / (1260 * s ** 5);
    };
    const mode = Math.floor(mean);
    // P(<= mode - 1), then one by one up; or down from it.
    let below = 0;
    for (let s = mode - 1, p = Math.exp(log(s)); s >= 0 && p > 0; p *= s / mean, s--) {
      below += p;
      if (p < below * 1e-18) break;
    }
    if (mode > 0 && below >= level) {
      let s = mode - 1;
      for (let p = Math.exp(log(s)); s > 0 && below - p >= level; p *= s / mean, s--) below -= p;
      return s;
    }
    // P(> s) is summed from its end, where its terms are least.
    let end = mode, above = 0;
    for (let p = Math.exp(log(end)); p > 1e-18 * (1 - level); p *= mean / end) end++;
    let s = end;
    for (let p = Math.exp(log(s)); above + p <= 1 - level && s > 0; p *= s / mean, s--) above += p;
    return s;
  };
"""


def javascript(formulas: Formulas, name: str = "bill") -> str:
    """A function of an object of numbers by path, those of the scenario where it has none, that
    gives an object of figures by path. ``conditions`` of it says whether they hold."""

    def text(value: str) -> str:
        # What could end a script in a page, or a comment, is escaped.
        return json.dumps(value).replace("<", "\\u003c").replace("/", "\\/")

    called: dict[Symbol, str] = {}
    lines = [f"function {name}(inputs) {{", _JAVASCRIPT_FUNCTIONS.rstrip()]
    lines.append("  // Null is unknown, which is not 0.")
    lines.append("  const input = (path, value) =>")
    lines.append("    Object.hasOwn(inputs, path) ? (inputs[path] ?? NaN) : value;")
    for number_, (path, node) in enumerate(formulas.inputs.items()):
        called[node] = f"x{number_}"
        value = "NaN" if not node.is_known else repr(float(node.value))
        lines.append(f"  const x{number_} = input({text(path)}, {value});")
    for number_, line in enumerate(formulas.lines):
        written = JAVASCRIPT.write(line.node, called, whole=True)
        called[line.node] = f"s{number_}"
        lines.append(f"  const s{number_} = {written};")
    lines.append("  return {")
    for path, figure in formulas.figures.items():
        lines.append(f"    {text(path)}: {JAVASCRIPT.write(figure, called)},")
    conditions = [JAVASCRIPT.write(node, called) for node in formulas.conditions]
    lines += [f"    conditions: {' && '.join(conditions) or 'true'},", "  };", "}"]
    return "\n".join(lines) + "\n"
