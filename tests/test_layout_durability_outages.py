"""Enclosures lost at once: the published figures of copysets, and how many stripes they take."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.layout import Code
from storeff.layout.outages import copysets, outage_loss, stripe_outage_loss

THREE = Code("replica", 1, 2)


# Cidon et al., USENIX ATC 2013, abstract: three replicas on 5,000 nodes, one per cent of them down.
@pytest.mark.parametrize(
    ("scatter_width", "printed", "probability"),
    [(2, 0.0015, 0.001568), (10, 0.0078, 0.007814)],  # RAMCloud, HDFS as Facebook runs it
)
def test_published_copyset_replication(
    scatter_width: int, printed: float, probability: float
) -> None:
    found = outage_loss(THREE, 5000, 50, copysets(THREE, 5000, scatter_width))
    assert found == pytest.approx(probability, rel=1e-3)
    assert found == pytest.approx(printed, rel=0.05)


def test_published_random_replication() -> None:
    """Cidon et al.: 99.99 % for chunks at random, here 8,000 on each node."""
    assert outage_loss(THREE, 5000, 50, 8000 * 5000 / 3) == pytest.approx(0.999996, abs=5e-7)


def test_published_min_copysets_lose_data_every_625_years() -> None:
    """Cidon et al., poster of MinCopysets: an outage a year of one per cent of the nodes."""
    years = 1 / outage_loss(THREE, 5000, 50, 5000 / 3)
    assert years == pytest.approx(638, abs=1)
    assert years == pytest.approx(625, rel=0.025)


@pytest.mark.parametrize("code", [Code("rs", 3, 2), Code("lrc", 2, 1, 2), Code("replica", 1, 1)])
@pytest.mark.parametrize("down", range(8))
def test_the_hypergeometric_form_counts_every_outage(code: Code, down: int) -> None:
    """All sets of 8 domains of which ``down`` are down, with one stripe on the first ones."""
    from storeff.layout.durability import decodable_fraction

    losses = [
        1 - decodable_fraction(code, sum(domain < code.fragments for domain in outage))
        for outage in itertools.combinations(range(8), down)
    ]
    assert stripe_outage_loss(code, 8, down) == sum(losses, Fraction(0)) / len(losses)


@given(st.integers(0, 40), st.floats(1, 1e9), st.floats(1, 10))
def test_more_groups_and_more_outages_never_help(down: int, groups: float, times: float) -> None:
    code = Code("rs", 8, 3)
    found = outage_loss(code, 50, down, groups)
    assert found <= outage_loss(code, 50, down, groups * times)
    assert found <= outage_loss(code, 50, down + 1, groups)


def test_domains_that_hold_several_fragments_lose_them_all() -> None:
    assert stripe_outage_loss(Code("rs", 12, 4), 4, 1, each=4) == 0
    assert stripe_outage_loss(Code("rs", 12, 4), 4, 2, each=4) == 1


@pytest.mark.parametrize(("domains", "down"), [(10, 1), (20, 21), (20, -1)])
def test_an_outage_that_cannot_be_is_refused(domains: int, down: int) -> None:
    with pytest.raises(ValueError, match=r"8\+3 on"):
        stripe_outage_loss(Code("rs", 8, 3), domains, down)
