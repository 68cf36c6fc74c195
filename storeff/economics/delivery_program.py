"""A delivery plan as a linear or mixed-integer program, in doubles, for HiGHS to solve."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from storeff.errors import StoreffError

# The need in units of the program: far above the 1e-7 of a unit that HiGHS tolerates, far below
# what a double resolves beside that.
_UNITS = 10**7
# By so much are limits widened before their shadow prices are asked for: where several would fit,
# those are found that hold for more of it, not for less.
_WIDER = 1e-6
# Solving what cannot be solved in time must not look like a plan.
_SECONDS_MOST = 120.0
_INFEASIBLE, _OUT_OF_TIME = 2, 1
_NO_LIMIT: float | None = None

Row = dict[int, float]


@dataclass(frozen=True)
class Slot:
    """One quarter of an offer: at most ``cap`` bytes, and at least ``least`` if any, at ``price`` a
    byte. ``committed`` bytes are paid taken or not, if the offer is signed; ``is_optional`` is
    whether the plan decides that. ``deposit_capital`` is what paying the deposit of a byte with the
    order costs in capital. If it ``is_fixed``, the whole cap comes, needed or not."""

    offer: int
    at: int
    cap: int
    price: Fraction
    deposit_capital: Fraction = Fraction(0)
    least: int = 0
    order_cost: Fraction = Fraction(0)
    committed: int = 0
    is_optional: bool = False
    is_fixed: bool = False


@dataclass(frozen=True)
class Problem:
    """``demand`` by quarter, counted from 0. ``holding`` is the cost of capital of a quarter. No
    more than ``largest_share`` of all that is delivered is from the offers of one of ``suppliers``.
    Each of ``ceilings`` is the most that may have been delivered, by quarter."""

    demand: tuple[int, ...]
    slots: tuple[Slot, ...]
    holding: Fraction = Fraction(0)
    suppliers: tuple[frozenset[int], ...] = ()
    largest_share: Fraction | None = None
    ceilings: tuple[tuple[int, ...], ...] = ()

    @property
    def unit(self) -> int:
        """Bytes of a unit of the program."""
        return max(1, sum(self.demand) // _UNITS)

    @property
    def money(self) -> float:
        """Money of a unit of its objective: the dearest unit of bytes costs a thousand of them."""
        dearest = max((each.price for each in self.slots), default=Fraction(0))
        return float(dearest * self.unit) / 1000 or 1.0


@dataclass(frozen=True)
class Choice:
    """``ordered`` are the slots of those that need an order in which one is placed, ``signed`` the
    offers whose commitment is in force."""

    ordered: frozenset[int]
    signed: frozenset[int]


@dataclass(frozen=True)
class Prices:
    """Shadow prices a byte: of caps, ceilings, the limit of suppliers, and the need."""

    caps: tuple[float, ...]
    ceilings: tuple[tuple[float, ...], ...]
    suppliers: tuple[float, ...]
    needs: tuple[float | None, ...]


class Infeasible(Exception):  # noqa: N818 - no mistake, but an answer
    """No plan meets every limit."""


def needs_order(slot: Slot) -> bool:
    """Whether a delivery in the slot is a decision of its own."""
    return not slot.is_fixed and bool(slot.least or slot.order_cost)


def optimum(problem: Problem) -> tuple[list[float], Choice, float]:
    """Bytes of each slot in the plan of least cost, its choices, and its cost. Raises Infeasible,
    and StoreffError if it takes too long."""
    program = _Program(problem, None)
    if program.orders or program.signatures:
        found = program.solve().x
        choice = Choice(
            frozenset(j for j, column in program.orders.items() if found[column] > 0.5),
            program.obliged
            | {o for o, column in program.signatures.items() if found[column] > 0.5},
        )
        program = _Program(problem, choice)
    else:
        choice = Choice(frozenset(), program.obliged)
    solved = program.solve()
    taken = [float(solved.x[column]) * problem.unit for column in program.taken]
    ordered = choice.ordered | {n for n, slot in enumerate(problem.slots) if slot.is_fixed}
    orders = sum(float(problem.slots[number].order_cost) for number in ordered)
    return taken, choice, float(solved.fun) * problem.money + orders


def prices(problem: Problem, choice: Choice) -> Prices:
    """The shadow prices of the plan with ``choice``, for a little more of each limit."""
    program = _Program(problem, choice, wider=_WIDER)
    solved, each = program.solve(), problem.money / problem.unit

    def saved(marginal: float) -> float:
        return max(0.0, float(-marginal * each))

    uppers, at_most = solved.upper.marginals, solved.ineqlin.marginals
    return Prices(
        caps=tuple(
            saved(uppers[column]) if slot.cap and program.highs[column] else 0.0
            for column, slot in zip(program.taken, problem.slots, strict=True)
        ),
        ceilings=tuple(tuple(saved(at_most[r]) for r in rows) for rows in program.ceilings),
        suppliers=tuple(saved(at_most[row]) for row in program.suppliers),
        needs=tuple(
            None if row is None else float(solved.eqlin.marginals[row]) * each
            for row in program.needs
        ),
    )


def least_missing(problem: Problem) -> tuple[int, int]:
    """The least cumulative need that must go unmet, and the quarter in which it is the most."""
    program = _Program(problem, None, is_short=True)
    solved = program.solve()
    have, need, missing = 0.0, 0, float(solved.fun) * problem.money * problem.unit
    for at, each in enumerate(problem.demand):
        need += each
        have += sum(
            float(solved.x[column]) * problem.unit
            for column, slot in zip(program.taken, problem.slots, strict=True)
            if slot.at == at
        )
        if need - have >= missing * (1 - _WIDER):
            break
    return round(missing), at


@dataclass
class _Program:
    """Columns are bytes of a slot, of a slot for a quarter of need, and choices.

    With a ``choice`` made there is none left. Limits are ``wider`` by a part of themselves.
    ``is_short``: what is sought is the least need that goes unmet, not the least cost.
    """

    problem: Problem
    choice: Choice | None
    wider: float = 0.0
    is_short: bool = False
    costs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float | None] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    at_most: list[tuple[Row, float]] = field(default_factory=list)
    equal: list[tuple[Row, float]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)
    signatures: dict[int, int] = field(default_factory=dict)
    ceilings: list[list[int]] = field(default_factory=list)
    suppliers: list[int] = field(default_factory=list)
    needs: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        slots = self.problem.slots
        self.obliged = frozenset(s.offer for s in slots if not s.is_optional)
        if self.choice is None:
            for offer in dict.fromkeys(s.offer for s in slots if s.is_optional):
                self.signatures[offer] = self._column(0, 0, 1, whole=1)
        for number, slot in enumerate(slots):
            self._slot(number, slot)
        if self.is_short:
            self._unmet()
        else:
            self._uses()
        self._limits()

    def solve(self) -> Any:
        """What HiGHS finds. Raises Infeasible, and StoreffError if it takes too long."""
        from scipy.optimize import linprog

        program: dict[str, Any] = {"bounds": list(zip(self.lows, self.highs, strict=True))}
        for name, rows in (("ub", self.at_most), ("eq", self.equal)):
            if rows:
                program[f"A_{name}"] = _sparse([row for row, _ in rows], len(self.costs))
                program[f"b_{name}"] = np.array([limit for _, limit in rows])
        if any(self.whole):
            program["integrality"] = np.array(self.whole)
            program["options"] = {"mip_rel_gap": 0.0, "time_limit": _SECONDS_MOST}
        solved = linprog(np.array(self.costs), method="highs", **program)
        if solved.status == _INFEASIBLE:
            raise Infeasible
        if solved.status == _OUT_OF_TIME:
            raise StoreffError(
                "the plan with so many smallest deliveries, costs per order and agreements to sign "
                f"was not found in {_SECONDS_MOST:g} s",
                "leave some of them out, or join quarters",
            )
        if solved.status:
            raise AssertionError(f"HiGHS: {solved.message}")
        return solved

    def _column(self, cost: float, low: float, high: float | None, whole: int = 0) -> int:
        self.costs.append(cost)
        self.lows.append(low)
        self.highs.append(high)
        self.whole.append(whole)
        return len(self.costs) - 1

    def _most(self, row: Row, limit: float) -> int:
        self.at_most.append((row, limit))
        return len(self.at_most) - 1

    def _units(self, size: int | Fraction, wider: float = 0.0) -> float:
        return float(Fraction(size) / self.problem.unit) * (1 + wider)

    def _cost(self, price: Fraction) -> float:
        """Of a unit of bytes, in units of money."""
        return 0.0 if self.is_short else float(price * self.problem.unit) / self.problem.money

    def _slot(self, number: int, slot: Slot) -> None:
        """What is taken in it, and what must be paid besides."""
        cap = self._units(slot.cap, self.wider)
        low = self._units(slot.cap) if slot.is_fixed else 0.0
        is_signed = slot.offer in (self.obliged if self.choice is None else self.choice.signed)
        if slot.is_optional and self.choice is not None and not is_signed:
            cap = 0.0
        if needs_order(slot):
            if self.choice is not None:
                is_placed = number in self.choice.ordered
                low, cap = (self._units(slot.least), cap) if is_placed else (0.0, 0.0)
            elif slot.cap < slot.least:
                cap = 0.0
        taken = self._column(self._cost(slot.deposit_capital), low, cap)
        self.taken.append(taken)
        if needs_order(slot) and self.choice is None and cap:
            most = self._units(max(slot.least, min(slot.cap, sum(self.problem.demand[slot.at :]))))
            order_cost = 0.0 if self.is_short else float(slot.order_cost) / self.problem.money
            ordered = self.orders[number] = self._column(order_cost, 0, 1, whole=1)
            self._most({taken: 1.0, ordered: -most}, 0.0)
            self._most({taken: -1.0, ordered: self._units(slot.least)}, 0.0)
        signature = self.signatures.get(slot.offer)
        if signature is not None:
            self._most({taken: 1.0, signature: -cap}, 0.0)
        if slot.committed and (is_signed or signature is not None):
            committed = self._units(slot.committed)
            paid = self._cost(slot.price + slot.deposit_capital)
            owed = self._column(paid, 0, _NO_LIMIT)
            if signature is None:
                self._most({taken: -1.0, owed: -1.0}, -committed)
            else:
                self._most({taken: -1.0, owed: -1.0, signature: committed}, 0.0)

    def _uses(self) -> None:
        """Every byte is taken for a quarter in which it is needed or, where it must be taken, for
        none; capital is tied up until then."""
        problem = self.problem
        quarters = len(problem.demand)
        needs: dict[int, Row] = {at: {} for at, need in enumerate(problem.demand) if need}
        for taken, slot in zip(self.taken, problem.slots, strict=True):
            split = {taken: -1.0}
            ends = [at for at in needs if at >= slot.at]
            for at in [*ends, *([quarters] if slot.least or slot.is_fixed else [])]:
                price = slot.price * (1 + problem.holding * (at - slot.at))
                used = self._column(self._cost(price), 0, _NO_LIMIT)
                split[used] = 1.0
                if at < quarters:
                    needs[at][used] = 1.0
            self.equal.append((split, 0.0))
        for at, need in enumerate(problem.demand):
            self.needs.append(len(self.equal) if need else None)
            if need:
                self.equal.append((needs[at], self._units(need)))

    def _unmet(self) -> None:
        """The most that is missing at the end of any quarter."""
        missing = self._column(1 / self.problem.money, 0, _NO_LIMIT)
        need = 0
        for at, each in enumerate(self.problem.demand):
            need += each
            row = dict.fromkeys(self._until(at), -1.0)
            self._most({**row, missing: -1.0}, -self._units(need))

    def _limits(self) -> None:
        problem = self.problem
        for ceiling in problem.ceilings:
            rows = []
            for at, most in enumerate(ceiling):
                row = dict.fromkeys(self._until(at), 1.0)
                rows.append(self._most(row, self._units(most, self.wider)))
            self.ceilings.append(rows)
        if problem.largest_share is None:
            return
        share = float(problem.largest_share)
        # An absolute limit is widened by a part of the whole need.
        wider = self._units(sum(problem.demand)) * self.wider
        for offers in problem.suppliers:
            row = {
                taken: (1 - share if slot.offer in offers else -share)
                for taken, slot in zip(self.taken, problem.slots, strict=True)
            }
            self.suppliers.append(self._most(row, wider))

    def _until(self, at: int) -> Iterable[int]:
        """The columns of what is taken by the end of a quarter."""
        slots = zip(self.taken, self.problem.slots, strict=True)
        return [taken for taken, slot in slots if slot.at <= at]


def _sparse(rows: list[Row], columns: int) -> Any:
    from scipy.sparse import csr_array

    values = [value for row in rows for value in row.values()]
    inside = [column for row in rows for column in row]
    ends = np.cumsum([0, *(len(row) for row in rows)])
    return csr_array((values, inside, ends), shape=(len(rows), columns))
