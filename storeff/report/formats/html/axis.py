"""Where values stand along an axis, as percentages of its length: charts take the page's width."""

import math
from collections.abc import Callable, Iterable

# More labels than this do not fit beside each other on a phone.
_STEPS_MOST = 3
# Beyond this ratio of the ends, figures near the lower one would all look alike.
_LOG_FROM = 8.0
# Where labels of ticks turn to stay inside.
_NEAR_END = 12.0

Show = Callable[[float], str]


class Axis:
    """From the least to the most of ``values``, from 0 on if ``from_zero``; logarithmic if they are
    far apart and it may be. ``show`` makes the labels."""

    def __init__(
        self, values: Iterable[float], show: Show, *, from_zero: bool = True, may_log: bool = False
    ) -> None:
        known = [float(value) for value in values]
        low, high = min(known), max(known)
        self.show = show
        self.is_log = may_log and low > 0 and high / low > _LOG_FROM
        if from_zero and not self.is_log:
            low = min(low, 0.0)
        if low == high:
            low, high = low - abs(low or 1.0) / 2, high + abs(high or 1.0) / 2
        self.low, self.high = low, high

    def at(self, value: float) -> float:
        """Per cent of the axis, to a hundredth."""
        first, last, here = map(self._scaled, (self.low, self.high, float(value)))
        return round(100 * min(max((here - first) / (last - first), 0.0), 1.0), 2)

    def ticks(self) -> list[tuple[float, str, str]]:
        """Where each label stands, its text, and which end of that (start, middle or end)."""
        found = []
        for value in self._powers() if self.is_log else self._steps():
            at = self.at(value)
            anchor = "start" if at < _NEAR_END else "end" if at > 100 - _NEAR_END else "middle"
            found.append((at, self.show(value), anchor))
        return found

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.is_log else value

    def _steps(self) -> list[float]:
        rough = (self.high - self.low) / _STEPS_MOST
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def _powers(self) -> list[float]:
        """Powers of ten; with 2 and 5 of each, or all of their multiples, where these are few."""
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
        found: list[float] = []
        for digits in ((1,), (1, 2, 5), range(1, 10)):
            made = (digit * 10.0**power for power in range(first, last + 1) for digit in digits)
            found = [value for value in made if self.low <= value <= self.high]
            if len(found) >= _STEPS_MOST:
                break
        return found[:: math.ceil(len(found) / (_STEPS_MOST + 2))] if found else []
