"""How much of a change each of its causes is answerable for, whatever they act through.

Neither of the two usual ways serves a bill. The logarithmic mean (LMDI), by which the waterfall
shares out raw bytes, is for products, and a bill is none: drives and racks are whole, racks are
filled by space or by power, a warranty ends in some year. Putting one cause after the other in the
place of the old one is for any function, but what each is answerable for depends on the order.
The Shapley value is the mean of that over all orders: it depends on none, and its parts sum to the
whole without a remainder (L. S. Shapley, A Value for n-Person Games, 1953; for decompositions
A. F. Shorrocks, Journal of Economic Inequality 11, 2013).
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import chain, combinations

Figures = tuple[Fraction, ...]
# Every set of causes is reckoned once, an exact bill in a millisecond: a quarter of a second.
CAUSES_MAX = 8


def shared_out(
    names: Sequence[str], figures_with: Callable[[frozenset[str]], Figures]
) -> dict[str, Figures]:
    """What each of at most CAUSES_MAX ``names`` is answerable for, of each figure.

    ``figures_with`` gives the figures where these causes have acted, and the others have not.
    """
    count = len(names)
    assert count <= CAUSES_MAX
    subsets = chain.from_iterable(combinations(names, size) for size in range(count + 1))
    known = {frozenset(each): figures_with(frozenset(each)) for each in subsets}
    orders = math.factorial(count)
    nothing = [Fraction(0)] * len(known[frozenset()])
    shares: dict[str, Figures] = {}
    for name in names:
        totals = nothing
        for others, figures in known.items():
            if name in others:
                continue
            before_it = len(others)
            among = math.factorial(before_it) * math.factorial(count - before_it - 1)
            added = zip(totals, known[others | {name}], figures, strict=True)
            totals = [total + Fraction(among, orders) * (b - a) for total, b, a in added]
        shares[name] = tuple(totals)
    return shares


def rounded_to(shares: Sequence[Fraction], total: int) -> list[int]:
    """``shares`` of nearly ``total`` as integers that sum to it, each off by as little as that
    takes: the largest remainders are rounded up."""
    if not shares:
        return []
    whole = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: whole[i] - shares[i])
    each, more = divmod(total - sum(whole), len(shares))
    for rank, i in enumerate(by_remainder):
        whole[i] += each + (rank < more)
    return whole
