"""A plan in doubles as whole bytes that meet every limit exactly, and cost the same."""

import itertools
from collections.abc import Iterator, Sequence

from storeff.economics.delivery_program import Choice, Problem, needs_order

# HiGHS meets a limit to 1e-7 of a unit of the program; sums of some of these are within this.
_OFF = 1e-5


def whole_bytes(problem: Problem, taken: Sequence[float], choice: Choice) -> tuple[int, ...]:
    """``taken`` of each slot, as integers: what is within the error of doubles of a limit is at
    it."""
    rounding = _Rounding(problem, taken, choice)
    rounding.meet_needs()
    rounding.mend()
    rounding.meet_shares()
    rounding.check()
    return tuple(rounding.taken)


def summed(sizes: Sequence[int]) -> list[int]:
    """``sizes`` so far, by quarter."""
    return list(itertools.accumulate(sizes))


def lasting(ceiling: Sequence[int]) -> list[int]:
    """The most that may have been delivered by each quarter so that none later has too much."""
    return list(itertools.accumulate(reversed(ceiling), min))[::-1]


class _Rounding:
    def __init__(self, problem: Problem, taken: Sequence[float], choice: Choice) -> None:
        self.problem = problem
        self.quarters = range(len(problem.demand))
        self.by_quarter: list[list[int]] = [[] for _ in self.quarters]
        self.lows, self.highs, self.taken = [], [], []
        self.off = problem.unit * _OFF
        self.doubles = [0.0 for _ in self.quarters]
        for number, (slot, size) in enumerate(zip(problem.slots, taken, strict=True)):
            placed = number in choice.ordered or not needs_order(slot)
            can_be = placed and (slot.offer in choice.signed or not slot.is_optional)
            least = slot.cap if slot.is_fixed else slot.least
            low, high = (least, slot.cap) if can_be else (0, 0)
            near = [end for end in (low, high) if abs(size - end) <= self.off]
            self.lows.append(low)
            self.highs.append(high)
            self.taken.append(near[0] if near else min(max(round(size), low), high))
            self.by_quarter[slot.at].append(number)
            self.doubles[slot.at] += size

    def meet_needs(self) -> None:
        """Where all slots of a quarter are at their ends, what there is after it follows from what
        there was before, and the other way round. Of such a run of quarters the sums are moved
        together until every need and ceiling holds; the other quarters take up the difference."""
        before = 0
        for run in self._runs():
            fixed = summed([0, *(self._of_quarter(at) for at in run[1:])])
            double = sum(self.doubles[: run[0] + 1])
            start = before + self._of_quarter(run[0])
            if self._is_free(run[0]):
                start = self._start(run, fixed, double)
            self._even_out(run[0], start - before)
            before = start + fixed[-1]

    def mend(self) -> None:
        """What was taken for the end of a slot may be bytes off it. So few are put right in the
        last slots that have room, and as many taken back where they are more than is needed."""
        need = summed(self.problem.demand)
        few = int(len(self.taken) * (1 + self.off))
        for at in self.quarters:
            lacks = need[at] - self._have()[at]
            self._shift(max(0, lacks), at)
            for each in self.problem.ceilings:
                self._shift(min(0, lasting(each)[at] - self._have()[at]), at)
        over = self._have()[-1] - need[-1]
        if over <= few:
            self._shift(-over, self.quarters[-1])

    def _shift(self, by: int, until: int) -> None:
        """Take so much more, or less if ``by`` is below zero, by the end of the quarter ``until``,
        as late as can be."""
        need = summed(self.problem.demand)
        for at in range(until, -1, -1):
            for number in self.by_quarter[at] if by else ():
                low, high = (each[number] - self.taken[number] for each in (self.lows, self.highs))
                spare = min(self._have()[i] - need[i] for i in range(at, len(need)))
                step = min(by, high) if by > 0 else max(by, low, -max(0, spare))
                self.taken[number] += step
                by -= step

    def _have(self) -> list[int]:
        """What there is at the end of each quarter."""
        return summed([self._of_quarter(at) for at in self.quarters])

    def _runs(self) -> Iterator[list[int]]:
        """Quarters in a row, of which all but the first have no slot between its ends."""
        run: list[int] = []
        for at in self.quarters:
            if run and self._is_free(at):
                yield run
                run = []
            run.append(at)
        yield run

    def _start(self, run: list[int], fixed: list[int], double: float) -> int:
        """What there is after the first quarter of ``run``, if ``fixed`` is added after that."""
        need = summed(self.problem.demand)
        ceilings = [lasting(each) for each in self.problem.ceilings]
        least = max(need[at] - more for at, more in zip(run, fixed, strict=True))
        most = min(
            (each[at] - more for each in ceilings for at, more in zip(run, fixed, strict=True)),
            default=None,
        )
        error = len(self.taken) * self.off
        near = [end for end in (least, most) if end is not None and abs(double - end) <= error]
        return near[0] if near else round(double)

    def _of_quarter(self, at: int) -> int:
        return sum(self.taken[number] for number in self.by_quarter[at])

    def _free(self, at: int) -> list[int]:
        """The slots of a quarter that are between their ends."""
        numbers = self.by_quarter[at]
        return [i for i in numbers if self.lows[i] < self.taken[i] < self.highs[i]]

    def _is_free(self, at: int) -> bool:
        return bool(self._free(at))

    def _even_out(self, at: int, size: int) -> None:
        """Have the slots of a quarter take ``size`` in all."""
        left = size - self._of_quarter(at)
        for number in self._free(at):
            low, high = (each[number] - self.taken[number] for each in (self.lows, self.highs))
            step = max(low, min(left, high))
            self.taken[number] += step
            left -= step

    def meet_shares(self) -> None:
        """Move what rounding gave a supplier too much to another, between slots at no end. Where
        there are none, some bytes too much remain."""
        share = self.problem.largest_share
        for offers in self.problem.suppliers if share is not None else ():
            assert share is not None
            over = self._of(offers) - int(share * sum(self.taken))
            free = [number for at in self.quarters for number in self._free(at)]
            for one, other in itertools.permutations(free, 2):
                mine, theirs = (self.problem.slots[i].offer for i in (one, other))
                if over > 0 and mine in offers and theirs not in offers:
                    step = min(over, self._room(one, other))
                    self.taken[one] -= step
                    self.taken[other] += step
                    over -= step

    def _room(self, one: int, other: int) -> int:
        """How much can move from the slot ``one`` to ``other``."""
        room = min(self.taken[one] - self.lows[one], self.highs[other] - self.taken[other])
        before, after = (self.problem.slots[i].at for i in (one, other))
        have = self._have()
        need = summed(self.problem.demand)
        room = min([room, *(have[at] - need[at] for at in range(before, after))])
        ceilings = [lasting(each) for each in self.problem.ceilings]
        above = (each[at] - have[at] for each in ceilings for at in range(after, before))
        return max(0, min([room, *above]))

    def check(self) -> None:
        """Raises AssertionError if a limit is not met; shares to within rounding."""
        bounded = zip(self.lows, self.taken, self.highs, strict=True)
        assert all(low <= size <= high for low, size, high in bounded), "beyond a cap"
        have = self._have()
        need = summed(self.problem.demand)
        assert all(h >= n for h, n in zip(have, need, strict=True)), "a need is not met"
        for each in self.problem.ceilings:
            assert all(h <= most for h, most in zip(have, each, strict=True)), "beyond a ceiling"
        share = self.problem.largest_share
        if share is not None:
            most = share * have[-1] + len(self.taken) * (1 + self.off)
            assert all(self._of(offers) <= most for offers in self.problem.suppliers)

    def _of(self, offers: frozenset[int]) -> int:
        pairs = zip(self.taken, self.problem.slots, strict=True)
        return sum(size for size, slot in pairs if slot.offer in offers)
