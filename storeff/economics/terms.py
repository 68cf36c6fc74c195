"""What a purchase holds beside drives, chassis, racks and a site: memory, network, software, terms.

Every number is optional. A line of the bill whose inputs are all unknown is left out of the bill
and named (``economics.lines``); with some of them known, the line is in the bill.
"""

from fractions import Fraction
from typing import Annotated, Generic

from storeff.data import NO_VALUE, Entry, Field, N

# Ranges are as wide as anything that can be built or bought, and narrower than a wrong unit.
MOST_MONEY = 10**15
YEARS = Field("years", most=100)
ANNUAL_RATE = Field("1/year", ("fraction",), compounds=True)
_PART_OF_PRICE = Field("fraction of price", ("fraction",), most=10)


def money(unit: str = "USD", *also: str) -> Field:
    """A price in ``unit``, or in units that are named ``also``."""
    return Field(unit, also, most=MOST_MONEY)


class MemoryPrices(Entry[N], Generic[N], frozen=True, kw_only=True):
    """DRAM is bought in modules, whole ones for each enclosure; storage-class memory in drives."""

    module_bytes: Annotated[N, Field("B/module", ("B",), least=10**8, most=10**13)] = NO_VALUE
    module_price: Annotated[N, money("USD/module", "USD")] = NO_VALUE
    scm_drive_bytes: Annotated[N, Field("B/drive", ("B",), least=10**9, most=10**18)] = NO_VALUE
    scm_drive_price: Annotated[N, money("USD/drive", "USD")] = NO_VALUE


class Network(Entry[N], Generic[N], frozen=True, kw_only=True):
    """A leaf and spine network: each enclosure has ``ports_per_enclosure`` at the leaves of its
    rack, which have one port to the spine for every ``oversubscription`` of these. A cable joins an
    enclosure and its leaf, two optics join a leaf and the spine. ``spine_watts_per_port`` come
    beside the switches of the racks.
    """

    ports_per_enclosure: Annotated[N, Field("ports/enclosure", ("ports",), most=1000)] = NO_VALUE
    oversubscription: Annotated[N, Field("", ("ratio",), least=Fraction(1, 10), most=1000)] = (
        NO_VALUE
    )
    leaf_port_price: Annotated[N, money("USD/port", "USD")] = NO_VALUE
    spine_port_price: Annotated[N, money("USD/port", "USD")] = NO_VALUE
    cable_price: Annotated[N, money("USD/cable", "USD")] = NO_VALUE
    optic_price: Annotated[N, money("USD/optic", "USD")] = NO_VALUE
    spine_watts_per_port: Annotated[N, Field("W/port", ("W",), most=1000)] = NO_VALUE


class Software(Entry[N], Generic[N], frozen=True, kw_only=True):
    """The vendor's software, by terabytes that are left of the data after its reduction, copies
    counted and parity not: bought once (``licence``), rented by the month, or both."""

    licence_per_stored_tb: Annotated[N, money("USD/TB")] = NO_VALUE
    subscription_per_stored_tb_month: Annotated[N, money("USD/TB/month")] = NO_VALUE


class Purchase(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Terms of the purchase, and what comes after it.

    ``freight`` and ``tariff`` are parts of the price of the hardware, ``tax`` of all that is paid
    on delivery. ``support`` is what a vendor takes each year, from the first one on, as a part of
    the price of the hardware. Drives are replaced when ``drive_life_years`` old. ``residual`` is
    what the hardware is sold for at the end, as a part of its price. With ``yearly_growth`` storage
    for each year is bought at the end of the year before; prices then move by
    ``yearly_price_change``, and stay where that is unknown.
    """

    support: Annotated[N, Field("1/year", ("fraction",))] = NO_VALUE
    installation_per_rack: Annotated[N, money("USD/rack", "USD")] = NO_VALUE
    freight: Annotated[N, _PART_OF_PRICE] = NO_VALUE
    tariff: Annotated[N, _PART_OF_PRICE] = NO_VALUE
    tax: Annotated[N, _PART_OF_PRICE] = NO_VALUE
    drive_life_years: Annotated[N, Field("years", least=1, most=100)] = NO_VALUE
    decommissioning_per_rack: Annotated[N, money("USD/rack", "USD")] = NO_VALUE
    destruction_per_drive: Annotated[N, money("USD/drive", "USD")] = NO_VALUE
    residual: Annotated[N, Field("fraction of price", ("fraction",))] = NO_VALUE
    yearly_growth: Annotated[N, Field("1/year", ("fraction",), most=100, compounds=True)] = NO_VALUE
    yearly_price_change: Annotated[
        N, Field("1/year", ("fraction",), least=Fraction(-9, 10), most=10, compounds=True)
    ] = NO_VALUE
