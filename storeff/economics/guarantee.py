"""A promised data reduction against the measured one: what is missing, and who pays for it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, bill, in_cells
from storeff.economics.model import Scenario
from storeff.economics.uncertainty import replicates
from storeff.errors import StoreffError
from storeff.layout.number import Number, at_least, ceil, is_unknown, to_quantity
from storeff.layout.waterfall import raw_for
from storeff.quantity import Draws, Quantity

Remedy = Literal["free-drives", "credit", "nothing"]

# How likely the ratio is reached that a cautious buyer sizes for.
CAUTIOUS = 0.95


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """How much more is needed than was promised: by the measured reduction, at both ends of its
    interval, and on the mean of all that it may be. Nothing where the promise is kept."""

    missing: Quantity
    expected: float | None


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays for what is missing under a ``remedy``.

    ``free-drives``: the vendor delivers drives up to its promise, and the buyer pays for what they
    stand in and run on. ``credit``: the vendor gives back the part of the price of drives and
    enclosures for which the buyer got no capacity. ``nothing``: the buyer pays all.
    """

    remedy: Remedy
    vendor: Missed
    buyer: Missed


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """A promise of ``promised_ratio`` for ``layout`` against the ``measured_ratio``. It is missed
    with a probability of ``missed_probability``; ``cautious_ratio`` is reached with one of 0.95.
    What is missing is raw bytes, drives with spares, and present value of cost."""

    layout: str
    drive: str
    promised_ratio: float
    measured_ratio: Quantity
    missed_probability: float
    cautious_ratio: float
    raw_bytes: Missed
    drives: Missed
    npv: Missed
    remedies: tuple[Settled, ...]


class Run(NamedTuple):
    """A bill at a data reduction ratio, with its raw bytes: one, or replicates of it."""

    ratio: Number
    raw_bytes: Number
    bill: Bill[Number]


@dataclass(frozen=True)
class Promise:
    """The bill at a promised ratio, exactly, and that of what was ``measured``: exactly, and for
    ``draws`` (n,) of the ratio."""

    promised: Run
    measured: Run
    drawn: Run
    draws: Draws

    @property
    def reached_probability(self) -> float:
        """How likely the data reduces as far, by the interval of the measurement."""
        return float(np.mean(self.draws >= float(self.promised.ratio)))


def promise(scenario: Scenario[Assumption], draws: Draws | None, ratio: Fraction) -> Promise:
    """A vendor's ``ratio`` for ``scenario``, of whose own one ``draws`` are replicates (None: it is
    exact). Raises StoreffError if that is not known well enough."""
    own = exact(scenario.data.reduction_ratio)
    finite = np.array([float(own)]) if draws is None else draws[np.isfinite(draws)]
    if not len(finite) or is_unknown(own):
        raise StoreffError("how far the data reduces is not known well enough to judge a promise")
    data = msgspec.structs.replace(
        scenario.data, reduction_ratio=Assumption(value=ratio, source="promised")
    )
    scenario = in_cells(scenario)
    promised = in_cells(msgspec.structs.replace(scenario, data=data))
    return Promise(
        promised=_run(map_numbers(promised, exact)),
        measured=_run(map_numbers(scenario, exact)),
        drawn=_run(replicates(scenario, None if draws is None else finite)),
        draws=finite,
    )


def _run(scenario: Scenario[Number]) -> Run:
    raw_bytes = raw_for(scenario.data, scenario.layout)
    return Run(scenario.data.reduction_ratio, ceil(raw_bytes), bill(scenario, raw_bytes))


def guarantee(
    scenario: Scenario[Assumption],
    draws: Draws | None,
    ratio: Fraction,
    measured_ratio: Quantity,
) -> Guarantee:
    """What a guarantee of ``ratio`` is worth. Arguments and errors are those of ``promise``;
    ``measured_ratio`` is as the report has it."""
    found = promise(scenario, draws, ratio)
    of_bill = found.promised.bill
    bought = of_bill.capex.drives + of_bill.capex.enclosures

    def more(name: str) -> Callable[[Run], Number]:
        """How much more of a figure a run takes than was promised."""
        of = attrgetter(name)
        return lambda run: at_least(of(run) - _like(of(run), of(found.promised)), 0)

    def refund(run: Run) -> Number:
        """What was paid for capacity that was not had."""
        missing = at_least(1 - run.ratio / _like(run.ratio, ratio), 0)
        return missing * _like(missing, bought)

    def missed(figure: Callable[[Run], Number], digits: int = 2) -> Missed:
        point, drawn = figure(found.measured), figure(found.drawn)
        mean = float(np.mean(drawn))
        return Missed(
            missing=to_quantity(point, drawn, "derived", digits),
            expected=None if math.isnan(mean) else round(mean, 2),
        )

    cost = more("bill.npv")

    def settled(remedy: Remedy, by_vendor: Callable[[Run], Number]) -> Settled:
        by_buyer = missed(lambda run: at_least(cost(run) - by_vendor(run), 0))
        return Settled(remedy=remedy, vendor=missed(by_vendor), buyer=by_buyer)

    paid: dict[Remedy, Callable[[Run], Number]] = {
        "free-drives": more("bill.capex.drives"),
        "credit": refund,
        "nothing": lambda run: 0 * cost(run),
    }
    return Guarantee(
        layout=scenario.layout.name,
        drive=scenario.drive.name,
        promised_ratio=float(ratio),
        measured_ratio=measured_ratio,
        missed_probability=1 - found.reached_probability,
        cautious_ratio=float(np.quantile(found.draws, 1 - CAUTIOUS)),
        raw_bytes=missed(more("raw_bytes"), 0),
        drives=missed(more("bill.drives"), 0),
        npv=missed(cost),
        remedies=tuple(settled(name, by_vendor) for name, by_vendor in paid.items()),
    )


def _like(x: Number, other: Number) -> Number:
    """``other`` as a number that doubles are computed with, where ``x`` is an array of them."""
    return float(other) if np.ndim(x) else other
