"""A number that records what is done to it, so that the arithmetic can be written out elsewhere.

A ``Symbol`` is a node of a graph: an input by its path, or a function of other symbols and plain
numbers. It holds the exact value it has in the run that records it. Code that branches on one takes
the branch of that value, and the trace keeps the condition: what was recorded holds where all of
the conditions come out the same.
"""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any


class Trace:
    """What one run has recorded. ``conditions`` are those branched on, with how they came out,
    ``names`` symbols by what the arithmetic calls them."""

    def __init__(self) -> None:
        self.inputs: dict[str, Symbol] = {}
        self.conditions: dict[Symbol, bool] = {}
        self.names: dict[str, Symbol] = {}
        self._made: dict[Any, Symbol] = {}

    def input(self, path: str, value: Any) -> "Symbol":
        """The number at ``path``, one symbol however often it is asked for."""
        return self.inputs.setdefault(path, Symbol(self, None, (path,), value))

    def node(self, function: Callable[..., Any], operands: tuple[Any, ...]) -> "Symbol":
        """``function`` of ``operands``, one symbol for equal ones."""
        key = function, *(x if isinstance(x, Symbol) else (type(x), x) for x in operands)
        if key not in self._made:
            value = function(*(x.value if isinstance(x, Symbol) else x for x in operands))
            self._made[key] = Symbol(self, function, operands, value)
        return self._made[key]

    def used(self) -> set[str]:
        """The paths of the inputs that anything was done with."""
        operands = (x for node in self._made.values() for x in node.operands)
        inputs = (x for x in operands if isinstance(x, Symbol) and x.function is None)
        return {node.operands[0] for node in inputs}


class Symbol:
    """``function`` of ``operands``; an input has none, and its path in their place."""

    __slots__ = ("function", "operands", "trace", "value")
    __hash__ = object.__hash__
    # It is one number, to numpy too.
    ndim = 0

    def __init__(
        self,
        trace: Trace,
        function: Callable[..., Any] | None,
        operands: tuple[Any, ...],
        value: Any,
    ) -> None:
        self.trace, self.function, self.operands, self.value = trace, function, operands, value

    @property
    def is_known(self) -> bool:
        """Whether its value is not the NaN that stands for the unknown."""
        return not (isinstance(self.value, float) and math.isnan(self.value))

    def __bool__(self) -> bool:
        return self.trace.conditions.setdefault(self, bool(self.value))

    def __int__(self) -> int:
        assert self == self.value
        return int(self.value)

    def __float__(self) -> float:
        assert self == self.value
        return float(self.value)

    def __neg__(self) -> Any:
        return record(operator.neg, self)

    def __add__(self, other: Any) -> Any:
        return self if self._stays(other, 0) else record(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return self if self._stays(other, 0) else record(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return self if self._stays(other, 0) else record(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return record(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return self._times(other, (self, other))

    def __rmul__(self, other: Any) -> Any:
        return self._times(other, (other, self))

    def _times(self, other: Any, operands: tuple[Any, Any]) -> Any:
        if _is(other, 0) and self.is_known:
            return 0 * self.value
        return self if self._stays(other, 1) else record(operator.mul, *operands)

    def __truediv__(self, other: Any) -> Any:
        of_int = isinstance(self.value, int)
        return self if _is(other, 1) and not of_int else record(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        if _is(other, 0) and self.is_known:
            return other / self.value
        return record(operator.truediv, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return record(operator.floordiv, self, other)

    def __pow__(self, other: Any) -> Any:
        if _is(other, 0):
            return self.value**0
        return self if _is(other, 1) else record(operator.pow, self, other)

    def _stays(self, other: Any, neutral: int) -> bool:
        """Whether ``other`` changes nothing: an int stays one only with an int."""
        return _is(other, neutral) and isinstance(other, int) >= isinstance(self.value, int)

    def __lt__(self, other: Any) -> Any:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compared(operator.ge, self, other)

    def __eq__(self, other: Any) -> Any:
        return _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return _compared(operator.ne, self, other)


def record(function: Callable[..., Any], *operands: Any) -> Symbol:
    """``function`` of ``operands``, of which one at least is a symbol."""
    trace: Trace = next(x.trace for x in operands if isinstance(x, Symbol))
    return trace.node(function, operands)


def _is(x: Any, number: int) -> bool:
    return isinstance(x, int | Fraction) and x == number


def _compared(function: Callable[..., Any], one: Symbol, other: Any) -> Any:
    """A condition; of the unknown it is plainly what doubles say, and no input can change it."""
    values = [x.value if isinstance(x, Symbol) else x for x in (one, other)]
    if any(isinstance(x, float) and math.isnan(x) for x in values):
        return function(*values)
    return record(function, one, other)
