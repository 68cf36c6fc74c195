"""Which assumptions of a report are out of date, told again by their dates.

A report does not keep the shelf lives that it was judged by. Its flags show them: of two figures of
one kind the older is not the fresher. The life that the most flags agree with stands for it.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from itertools import accumulate

import msgspec

from storeff.data import Assumption, AssumptionRow
from storeff.data.assumption import ShelfLife, is_price, is_stale
from storeff.report.model import Report


def judged_again(report: Report) -> tuple[Report, tuple[str, ...]]:
    """``report`` with the flags ``stale`` of its assumptions made again, and the patterns of their
    paths: but for quotes that say how long they hold, where the day of judging was not kept. None
    in a report of before schema 2.3, which judged otherwise."""
    if report.scenarios is None:
        return report, ()
    basis = report.uncertainty.basis if report.uncertainty else None
    today = basis.judged_on if basis else None
    rows, derived = [], []
    # Of dates alone it does not matter on which day ages are counted.
    day = today or date.min
    life = _life(report.assumptions, day)
    for i, row in enumerate(report.assumptions):
        if row.valid_until is None or today is not None:
            row = msgspec.structs.replace(row, stale=is_stale(row, day, life))
            derived.append(rf"assumptions\[{i}\]\.stale")
        rows.append(row)
    return msgspec.structs.replace(report, assumptions=rows), tuple(derived)


def _life(rows: Iterable[AssumptionRow], day: date) -> ShelfLife[Assumption]:
    """The shelf lives that the most flags of ``rows`` agree with, at ``day``."""
    prices: list[tuple[int, bool]] = []
    others: list[tuple[int, bool]] = []
    for row in rows:
        if row.true_on is not None and row.valid_until is None:
            aged = prices if is_price(row.unit) else others
            aged.append(((day - row.true_on).days, row.stale is True))
    return ShelfLife(price_days=_days(prices), other_days=_days(others))


def _days(aged: Iterable[tuple[int, bool]]) -> Assumption:
    """The age up to which figures of so many days that are stale, or not, were taken as fresh."""
    gained: Counter[int] = Counter()
    for age, stale in aged:
        gained[age] += -1 if stale else 1
    ages = sorted(gained)
    agreeing = dict(zip(ages, accumulate(gained[age] for age in ages), strict=True))
    best = max(agreeing, key=lambda age: (agreeing[age], age), default=0)
    none_is_fresh = agreeing.get(best, 0) <= 0
    return Assumption(value=Fraction(min(agreeing, default=0) - 1 if none_is_fresh else best))
