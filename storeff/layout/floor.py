"""As many parities as a floor of durability asks for, within what a layout can be configured with.

One floor for all layouts, so that none wins by losing more data.
"""

import math
from collections.abc import Callable

import msgspec

from storeff.data import Assumption
from storeff.layout.model import MAX_FRAGMENTS, ZFS_PARITY_MOST, Layout

Nines = Callable[[Layout[Assumption]], float | None]


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """``layout`` with ``added`` further parities, or None and the ``reason``, a sentence."""

    layout: Layout[Assumption] | None
    added: int = 0
    reason: str | None = None


def parity_for_floor(layout: Layout[Assumption], floor_nines: float, nines: Nines) -> Raised:
    """``layout`` with the fewest further parities that give at least ``floor_nines``.

    Parities are those of all stripes (``code.m``), further copies for a replica. Each takes one
    more of ``min_domains``; nothing else changes. ``parity_most`` bounds parities of all kinds; if
    it is unknown, they cannot be changed. ``nines`` gives those of a layout, None where unknown:
    they are compared as they are, not as they are printed.
    """
    most = most_further(layout)
    found = 0.0
    for added in range(most + 1):
        wider = with_parity(layout, added)
        given = nines(wider)
        if given is None or math.isnan(given):
            return _none(f"the nines of {wider.code} are unknown, as its repair or its drives are")
        found = given
        if found >= floor_nines:
            return Raised(layout=wider, added=added)
    reached = f"{wider.code} reaches {math.floor(found * 10) / 10:.1f} nines, not {floor_nines:g}"
    if most:
        return _none(f"{reached}, and is what it can be configured with at most")
    if layout.parity_most.value is None:
        return _none(f"{reached}, and whether it can have more parity is unknown")
    return _none(f"{reached}, and cannot be configured with more parity")


def with_parity(layout: Layout[Assumption], added: int) -> Layout[Assumption]:
    """``layout`` with ``added`` further parities, on as many more enclosures at least; with fewer
    if that is negative."""
    if not added:
        return layout
    code = msgspec.structs.replace(layout.code, m=layout.code.m + added)
    domains = layout.min_domains
    more = {
        name: value + added
        for name in ("value", "low", "high")
        if (value := getattr(domains, name)) is not None
    }
    wider = msgspec.structs.replace(domains, **more)
    return msgspec.structs.replace(layout, code=code, min_domains=wider)


def most_further(layout: Layout[Assumption]) -> int:
    """How many further parities ``layout`` can be configured with: 0 where that is unknown."""
    code, given = layout.code, layout.parity_most.value
    if given is None:
        return 0
    most = min(int(given), MAX_FRAGMENTS - code.k)
    if code.kind in ("raidz", "draid"):
        most = min(most, ZFS_PARITY_MOST)
    return max(0, most - (code.fragments - code.k))


def _none(reason: str) -> Raised:
    return Raised(layout=None, reason=reason)
