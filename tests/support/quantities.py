"""Questions that tests ask of quantities."""

from collections.abc import Iterator

import msgspec

from storeff.quantity import Quantity


def ends(q: Quantity) -> tuple[float, float]:
    """The interval, which must be known."""
    assert q.low is not None
    assert q.high is not None
    return q.low, q.high


def point(q: Quantity) -> float:
    """The value, which must be known."""
    assert q.value is not None
    return q.value


def holds(q: Quantity, truth: float | Quantity) -> bool:
    """Whether the interval holds ``truth``, or its value."""
    low, high = ends(q)
    return low <= (point(truth) if isinstance(truth, Quantity) else truth) <= high


def quantities(x: object) -> Iterator[Quantity]:
    """All quantities in a struct, or in a list."""
    if isinstance(x, Quantity):
        yield x
    elif isinstance(x, list):
        for each in x:
            yield from quantities(each)
    elif isinstance(x, msgspec.Struct):
        for name in x.__struct_fields__:
            yield from quantities(getattr(x, name))


def assert_at_most(less: Quantity, more: Quantity) -> None:
    """No figure of ``less`` is above that of ``more``, where both are known."""
    for mine, others in ((less.value, more.value), (less.low, more.low), (less.high, more.high)):
        if mine is not None and others is not None:
            assert mine <= others + 1e-12 * abs(others)


def assert_upright(q: Quantity) -> None:
    """What is known of low, value and high is in this order."""
    known = [x for x in (q.low, q.value, q.high) if x is not None]
    assert known == sorted(known)
