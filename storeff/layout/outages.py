"""Losing enclosures at once, as in a power outage: which stripes have too much on them.

Placement at random, with few or many sets of drives that hold stripes together (copysets; Cidon et
al., USENIX ATC 2013).
"""

import math
from fractions import Fraction

from storeff.layout.durability import any_of, decodable_fraction
from storeff.layout.model import Code


def stripe_outage_loss(code: Code, domains: int, down: int, each: int = 1) -> Fraction:
    """The probability that a stripe cannot be decoded while ``down`` of ``domains`` are down.

    The stripe lies on domains chosen at random, with up to ``each`` of its fragments in one. The
    number of its domains that are down is hypergeometric. Raises ValueError if ``domains`` are too
    few for a stripe, or fewer than are down.
    """
    width = math.ceil(Fraction(code.fragments, each))
    if not width <= domains or not 0 <= down <= domains:
        raise ValueError(f"{code} on {domains} domains, {down} of them down")
    lost = Fraction(0)
    for hit in range(1, min(width, down) + 1):
        ways = math.comb(width, hit) * math.comb(domains - width, down - hit)
        lost += ways * (1 - decodable_fraction(code, min(hit * each, code.fragments)))
    return lost / math.comb(domains, down)


def outage_loss(code: Code, domains: int, down: int, groups: float, each: int = 1) -> float:
    """The probability that any of ``groups`` stripes on different drives cannot be decoded while
    ``down`` of ``domains`` are down."""
    return any_of(float(stripe_outage_loss(code, domains, down, each)), groups)


def copysets(code: Code, domains: int, scatter_width: int) -> float:
    """Sets of domains that hold stripes together, at the least, where the stripes of each domain
    lie on ``scatter_width`` others: that over n - 1 permutations, each of domains / n sets."""
    return domains / code.fragments * scatter_width / (code.fragments - 1)
