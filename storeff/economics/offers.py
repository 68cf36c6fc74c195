"""What suppliers offer, quarter by quarter: the TOML file, and what it says of one quarter."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from storeff.data import NO_VALUE, Assumption, Field, decode, numbers_in, read_toml, refuse
from storeff.data.catalogue import shown
from storeff.economics.price_path import Compounding, Table, price_at
from storeff.economics.quarters import WEEKS, given_in, quarter_name, quarter_of
from storeff.errors import StoreffError

OfferKind = Literal["lta", "take-or-pay", "spot", "secondary"]

TB = 10**12
# A thousand times the 50 EB that people plan for, in one quarter.
MOST_BYTES = 10**23
MOST_PRICE = 10**9
OFFERS_MOST = 50
NONE: Any = Assumption(value=Fraction(0))

_SIZE = Field("B", most=MOST_BYTES, whole=True)
_PRICE_PER_TB = Field("USD/TB", most=MOST_PRICE)
_PRICE_PER_DRIVE = Field("USD/drive", ("USD",), most=MOST_PRICE)
_INDEX = Field("ratio", most=1000, above=True)
# By quarter, each until the next one given; one number is for all, under no name.
Sizes = dict[str, Annotated[Assumption, _SIZE]]
PricesPerTb = dict[str, Annotated[Assumption, _PRICE_PER_TB]]
PricesPerDrive = dict[str, Annotated[Assumption, _PRICE_PER_DRIVE]]
Indices = dict[str, Annotated[Assumption, _INDEX]]


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one supplier delivers on what terms.

    ``cap_bytes`` is the most of a quarter, ``least_bytes`` the smallest delivery in one.
    ``committed_bytes`` are paid in each quarter, whether taken or not, once a take-or-pay is
    ``signed``; where it is not, the plan decides whether to. The price has one of two units,
    changes by ``price_change`` each quarter, and is multiplied by ``price_index``. The part
    ``deposit`` of it is paid with the order, ``lead_weeks`` before delivery, the rest on delivery.
    ``order_cost`` is paid for each quarter with a delivery.
    """

    kind: OfferKind
    cap_bytes: Sizes
    title: str = ""
    supplier: str = ""
    available_from: str = ""
    available_to: str = ""
    price_per_tb: PricesPerTb = {}
    price_per_drive: PricesPerDrive = {}
    price_change: Annotated[Assumption, Field("fraction", least=Fraction(-9, 10), most=10)] = NONE
    price_index: Indices = {}
    drive_bytes: Annotated[Assumption, Field("B", least=10**9, most=10**18, whole=True)] = NO_VALUE
    lead_weeks: Annotated[Assumption, Field("weeks", most=520)] = NONE
    deposit: Annotated[Assumption, Field("fraction")] = NONE
    least_bytes: Annotated[Assumption, _SIZE] = NONE
    committed_bytes: Sizes = {}
    signed: bool = True
    order_cost: Annotated[Assumption, Field("USD", most=MOST_PRICE)] = NONE

    @property
    def lead_quarters(self) -> int:
        """From order to delivery, in whole quarters."""
        return -int(-known(self.lead_weeks) // WEEKS)

    def is_open(self, quarter: int) -> bool:
        """Whether it can deliver in ``quarter``: not before a table of it begins."""
        first = quarter_of(self.available_from) if self.available_from else quarter
        last = quarter_of(self.available_to) if self.available_to else quarter
        tables = (self.cap_bytes, self.price_per_tb or self.price_per_drive, self.price_index)
        begun = all(not table or in_quarter(table, quarter) is not None for table in tables)
        return begun and first <= quarter <= last

    def price(self, quarter: int, drive_bytes: Fraction | None) -> Fraction:
        """Money a byte in ``quarter``, in which it is open. ``drive_bytes`` is the size of the
        drives where the offer does not say, None if unknown: StoreffError if it is needed."""
        size: Fraction | None = Fraction(TB)
        if self.price_per_drive:
            size = self.drive_bytes.value or drive_bytes
        if size is None:
            raise StoreffError(
                "a price per drive needs the size of the drive, which the report does not say",
                "give the offer its drive_bytes",
            )
        when = quarter_name(quarter)
        price = price_at(_table(self.price_per_tb or self.price_per_drive), when)
        if self.available_from:
            path = Compounding(price, self.available_from, known(self.price_change))
            price = price_at(path, when)
        if self.price_index:
            price *= price_at(_table(self.price_index), when)
        found: Fraction = price / size
        return found


class Offers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All offers, by name. ``holding_rate`` is the yearly cost of capital, ``largest_share`` the
    most that may come from one supplier; nothing can be ordered before ``order_from``."""

    offers: dict[str, Offer]
    schema: Literal["storeff.offers/1"] = "storeff.offers/1"
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "USD"
    holding_rate: Annotated[Assumption, Field("1/year", ("fraction",), compounds=True)] = NONE
    largest_share: Annotated[Assumption, Field("fraction", above=True)] = NO_VALUE
    order_from: str = ""


def known(number: Assumption) -> Fraction:
    """The value of a number that cannot be unknown."""
    assert number.value is not None
    return number.value


def in_quarter(table: dict[str, Annotated[Assumption, Any]], quarter: int) -> Fraction | None:
    """What ``table`` says of ``quarter``, as in ``given_in``."""
    found = given_in(table, quarter_name(quarter))
    return None if found is None else known(found)


def _table(prices: dict[str, Annotated[Assumption, Any]]) -> Table[Fraction]:
    return Table({quarter: known(each) for quarter, each in prices.items()}, goes_on=True)


def load_offers(path: Path) -> Offers:
    """The offers of the TOML file ``path``. Raises StoreffError with every mistake, each naming its
    key."""
    table = read_toml(path)
    offers = decode(Offers, table, "", path, str(table.get("currency", "USD")))
    mistakes = [*quarter_mistakes("order_from", offers.order_from)]
    if not offers.offers:
        mistakes.append("it has no offer: write [offers.NAME]")
    if len(offers.offers) > OFFERS_MOST:
        mistakes.append(f"it has {len(offers.offers)} offers, more than {OFFERS_MOST}")
    for name, offer in offers.offers.items():
        path_of = f"offers.{shown(name)}"
        found = list(_quarters(offer))
        mistakes += [f"{path_of}.{each}" for each in found]
        if not found:
            mistakes += [f"{path_of}{each}" for each in _mistakes(offer)]
    mistakes += [
        f"{number.path} is in {number.currency}, not in {offers.currency} as the file says"
        for number in numbers_in(offers)
        if number.currency not in (None, offers.currency)
    ]
    refuse(path, mistakes)
    return offers


def quarter_mistakes(key: str, *texts: str) -> Iterator[str]:
    """What is wrong with the quarters that ``texts`` name at ``key``; an empty one names none."""
    for text in filter(None, texts):
        try:
            quarter_of(text)
        except StoreffError as error:
            yield f"{key}: {error.message} ({error.remedy})"


def _quarters(offer: Offer) -> Iterator[str]:
    for key in ("available_from", "available_to"):
        yield from quarter_mistakes(key, getattr(offer, key))
    for key in ("cap_bytes", "price_per_tb", "price_per_drive", "price_index", "committed_bytes"):
        yield from quarter_mistakes(key, *getattr(offer, key))


def _mistakes(offer: Offer) -> Iterator[str]:
    if bool(offer.price_per_tb) == bool(offer.price_per_drive):
        yield " needs one of price_per_tb and price_per_drive"
    first, last = offer.available_from, offer.available_to
    if first and last and quarter_of(first) > quarter_of(last):
        yield ".available_to is before available_from"
    if known(offer.price_change) and not first:
        yield ": a price_change needs available_from, from which it counts"
    if (offer.kind == "take-or-pay") != bool(offer.committed_bytes):
        yield (
            ": committed_bytes is what a take-or-pay is paid for, taken or not; give it to that "
            "kind and to no other"
        )
    elif offer.committed_bytes and not (first and last):
        yield ": a take-or-pay needs available_from and available_to, for which it is paid"
    elif offer.committed_bytes:
        for quarter in range(quarter_of(first), quarter_of(last) + 1):
            committed = in_quarter(offer.committed_bytes, quarter) or 0
            if committed and not offer.is_open(quarter):
                yield f".committed_bytes is for {quarter_name(quarter)}, which has no cap or price"
                return
            if committed > (in_quarter(offer.cap_bytes, quarter) or 0):
                yield f".committed_bytes is above cap_bytes in {quarter_name(quarter)}"
                return
    if not offer.signed and offer.kind != "take-or-pay":
        yield ".signed belongs to a take-or-pay: of any other offer nothing need be taken"
    smallest = known(offer.least_bytes)
    if smallest > max(known(each) for each in offer.cap_bytes.values()):
        yield ".least_bytes is above cap_bytes"
