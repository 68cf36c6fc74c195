"""Ports of a leaf and spine network, and what joins them."""

from collections.abc import Callable
from dataclasses import dataclass

from storeff.economics.terms import Network
from storeff.layout.number import Number, is_unknown


@dataclass(frozen=True)
class Ports:
    """Ports at the leaves that enclosures take, and those of the leaves at the spine."""

    leaf: Number
    spine: Number

    @property
    def of_switches(self) -> Number:
        """All ports: a leaf has one for each enclosure's and for each of the spine's."""
        return self.leaf + 2 * self.spine

    @property
    def links(self) -> Number:
        """What joins two ports, or a port and an enclosure."""
        return self.leaf + self.spine


def ports(
    network: Network[Number], enclosures: Number, racks: Number, count: Callable[[Number], Number]
) -> Ports:
    """For each rack as many ports at the spine as its enclosures take at the leaves, over the
    oversubscription; ``count`` makes that whole, or leaves it."""
    leaf = enclosures * network.ports_per_enclosure
    return Ports(leaf, racks * count(leaf / racks / network.oversubscription))


def ports_price(network: Network[Number], found: Ports) -> Number:
    """Ports at the leaves, towards enclosures and the spine, and at the spine."""
    leaves = (found.leaf + found.spine) * network.leaf_port_price
    return leaves + found.spine * network.spine_port_price


def links_price(network: Network[Number], found: Ports) -> Number:
    """A cable for each port of an enclosure, two optics for each of the spine."""
    return found.leaf * network.cable_price + 2 * found.spine * network.optic_price


def spine_watts(network: Network[Number], found: Ports) -> Number:
    """What the spine takes beside the switches of the racks; 0 where nothing is said of it, or the
    network is not in the bill."""
    watts = found.spine * network.spine_watts_per_port
    return 0 if is_unknown(watts) else watts
