"""How the inputs of a scenario that are known by a range are drawn: one rule for all of them.

A range says three things: the least and the most that anybody found or holds possible, and the
likeliest value. The triangular distribution uses these three and nothing else. It is used rather
than PERT, which draws from the same three figures but assumes that they were estimated with a
confidence that no source states: its tails are thinner, and a cost would seem surer than it is.
Inputs are drawn independently of each other.

What was measured is not drawn by this rule: its replicates come from the estimator.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import msgspec
import numpy as np

from storeff.data import Assumption, exact, map_numbers
from storeff.data.catalogue import by_name, field_of
from storeff.economics.model import Scenario
from storeff.layout.number import Number, inexact
from storeff.layout.waterfall import drawn_data
from storeff.quantity import Draws

DISTRIBUTION = "triangular over low..high with its mode at the value, each independent"
# The path under which replicates of the measured reduction stand among draws.
REDUCTION = "data.reduction_ratio"
# What stays in the nearest cache, with all that a bill makes of it.
BLOCK = 10_000


@dataclass(frozen=True)
class Ranged:
    """An input of a scenario with a range."""

    path: str
    low: float
    value: float
    high: float
    is_price: bool
    is_whole: bool

    def drawn(self, seed: int, count: int) -> Draws:
        """``count`` draws by the seed and its path, so that no other input shifts them. A whole
        number is drawn from half below its range to half above it and rounded, so that its ends are
        as likely as the rest of the range makes them."""
        random = np.random.default_rng([seed, zlib.crc32(self.path.encode())])
        if not self.is_whole:
            return random.triangular(self.low, self.value, self.high, count)
        wide = random.triangular(self.low - 0.5, self.value, self.high + 0.5, count)
        return np.clip(np.rint(wide), self.low, self.high)


# Layouts beside each other have nearly all inputs in common.
@lru_cache(256)
def _draws(each: Ranged, seed: int, count: int) -> Draws:
    drawn = each.drawn(seed, count)
    drawn.setflags(write=False)
    return drawn


def ranged(scenario: Scenario[Assumption]) -> tuple[Ranged, ...]:
    """The inputs of ``scenario`` that have a range, each once.

    The horizon is none of them: it says of how many years the cost is.
    """
    found = {each.path: each for each in _ranged(scenario)}
    found.pop(scenario.finance.years.path, None)
    return tuple(found.values())


def _ranged(value: msgspec.Struct) -> Iterator[Ranged]:
    for name, is_whole in _fields(type(value)):
        own = getattr(value, name)
        if isinstance(own, msgspec.Struct) and not isinstance(own, Assumption):
            yield from _ranged(own)
            continue
        for each in own.values() if isinstance(own, dict) else (own,):
            if isinstance(each, Assumption) and each.path and each.range:
                low, high = map(float, each.range)
                yield Ranged(each.path, low, float(exact(each)), high, each.is_price, is_whole)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool], ...]:
    """The fields of a struct, and whether their numbers are whole."""
    fields = msgspec.structs.fields(kind)
    limits = [field_of(by_name(field.type) or field.type) for field in fields]
    wholes = (each is not None and each.whole for each in limits)
    return tuple(zip((field.name for field in fields), wholes, strict=True))


def blocks(
    scenario: Scenario[Assumption], reduction_draws: Draws | None, seed: int, count: int
) -> Iterator[Mapping[str, Draws]]:
    """``count`` draws of every input with a range, by path, BLOCK at a time.

    ``reduction_draws`` replicate the reduction ratio (None: it is exact, or has a range). Each
    replicate stands for as many draws as any other.
    """
    draws = {each.path: _draws(each, seed, count) for each in ranged(scenario)}
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        drawn = {path: each[start : start + size] for path, each in draws.items()}
        if reduction_draws is not None:
            chosen = np.arange(start, start + size) % len(reduction_draws)
            drawn[REDUCTION] = reduction_draws[chosen]
        yield drawn


def with_draws(
    scenario: Scenario[Assumption], draws: Mapping[str, Draws] | None = None
) -> Scenario[Number]:
    """``scenario`` for the replicate run: doubles everywhere, and ``draws`` in place of the inputs
    whose paths they stand under. A reduction ratio that is not above zero makes the result unknown.
    """
    drawn = draws or {}

    def number(given: Assumption) -> Number:
        return drawn[given.path] if given.path in drawn else inexact(given)

    run: Scenario[Number] = map_numbers(scenario, number)
    if REDUCTION not in drawn:
        return run
    ratio = drawn_data(scenario.data, drawn[REDUCTION]).reduction_ratio
    return msgspec.structs.replace(
        run, data=msgspec.structs.replace(run.data, reduction_ratio=ratio)
    )
