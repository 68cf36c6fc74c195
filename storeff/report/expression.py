"""Expressions of formulas, evaluated from their symbols: arithmetic and a few functions."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Value = int | float
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def _poisson_quantile(mean: float, level: float) -> float:
    from storeff.economics.bill import spares_needed

    return float(spares_needed(mean, level))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "min": min,
    "max": max,
    "exp": math.exp,
    "ln": math.log,
    "log10": math.log10,
    "poisson_quantile": _poisson_quantile,
    # Whether a year comes after another: 1 or 0.
    "after": lambda year, last: int(year > last),
    "annuity": lambda rate, years: (1 - (1.0 + rate) ** -years) / rate if rate else years,
}


def evaluate(expression: str, symbols: Mapping[str, Value]) -> Value:
    """What ``expression`` comes to. Raises ArithmeticError or ValueError as its arithmetic does."""
    result: Value = _value(ast.parse(expression, mode="eval").body, symbols)
    return result


def with_values(expression: str, shown: Mapping[str, str]) -> str:
    """``expression`` with each symbol as it is ``shown``."""
    return re.sub(r"[a-z_][a-z_0-9]*", lambda word: shown.get(word[0], word[0]), expression)


def _value(node: ast.expr, symbols: Mapping[str, Value]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return symbols[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, symbols)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, symbols), _value(right, symbols))
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_value(each, symbols) for each in args))
    raise AssertionError(f"{ast.dump(node)} in a formula")
