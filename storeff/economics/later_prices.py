"""What drives cost after the first delivery: the price path of a bill."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic

import msgspec

from storeff.data import NO_VALUE, Assumption, Entry, Field, N, load
from storeff.economics.indices import CHANGE, Observation
from storeff.economics.offers import quarter_mistakes
from storeff.economics.price_path import (
    Compounding,
    Indexed,
    Learning,
    PricePath,
    Table,
    price_at,
    quarters_between,
)
from storeff.economics.quarters import number_of, quarter_name
from storeff.economics.terms import money
from storeff.errors import StoreffError
from storeff.layout.number import Number

# A million times all the flash that was ever made.
_VOLUME = Field("B", most=10**30, above=True)


class LaterPrices(Entry[N], Generic[N], frozen=True, kw_only=True):
    """What a drive costs at the end of each year after its ``delivery``, a quarter, in which it
    costs its own price.

    By one of: its ``price`` by quarter, each until the next one given, and none after the last; the
    ``change`` of each quarter against the one before; ``learning_rate``, by which the price falls
    whenever the cumulative ``volumes`` double, in bytes at the end of each quarter. One price or
    change for all quarters stands under no name. A catalogue may name the product of an ``index``
    whose observed changes are the ``change``.
    """

    delivery: str
    price: dict[str, Annotated[N, money("USD/drive", "USD")]] = msgspec.field(default_factory=dict)
    change: dict[str, Annotated[N, CHANGE]] = msgspec.field(default_factory=dict)
    learning_rate: Annotated[N, Field("fraction", most=Fraction(99, 100))] = NO_VALUE
    volumes: dict[str, Annotated[N, _VOLUME]] = msgspec.field(default_factory=dict)
    index: str = ""

    def __hash__(self) -> int:
        tables = (tuple(each.items()) for each in (self.price, self.change, self.volumes))
        return hash((self.name, self.delivery, self.learning_rate, self.index, *tables))

    def __str__(self) -> str:
        form = "price" if self.price else "change" if self.change else "learning_rate"
        return f"{form} from {self.delivery}"


def quarter_of_year(later: LaterPrices[N], year: int) -> str:
    """The quarter in which what is bought at the end of ``year`` is paid."""
    return quarter_name(number_of(later.delivery) + 4 * year)


def price_after(later: LaterPrices[Number], price: Number, year: int) -> Number:
    """What a drive of ``price`` on delivery costs at the end of ``year``; NaN where ``later`` does
    not tell it, or ``price`` is unknown and it counts from that."""
    return price_at(_path(later, price), quarter_of_year(later, year))


def _path(later: LaterPrices[Number], price: Number) -> PricePath[Number]:
    if "" in later.price:
        return Table(later.price)
    if later.price:
        return Table({later.delivery: price, **later.price})
    if "" in later.change:
        return Compounding(price, later.delivery, later.change[""])
    if later.change:
        return Indexed(price, later.delivery, later.change)
    return Learning(price, later.delivery, later.learning_rate, later.volumes)


def load_price_paths(extra: Path | None = None) -> dict[str, LaterPrices[Assumption]]:
    """Paths by the name of the drive that they are of, with the user's own file on top."""
    return load("price_paths", LaterPrices[Assumption], extra, form_mistakes)


def with_index(
    later: LaterPrices[Assumption], observed: Mapping[str, Observation[Assumption]]
) -> LaterPrices[Assumption]:
    """``later`` with the changes that were ``observed`` of the product that it names, if it names
    one. A quarter whose change is only known from below has none. Raises StoreffError for a product
    of which no change was observed."""
    if not later.index:
        return later
    known = [x for x in observed.values() if x.change.value is not None and not x.is_least]
    changes = {each.quarter: each.change for each in known if each.product == later.index}
    if not changes:
        raise StoreffError(
            f"price_paths.{later.name}.index: no change of {later.index!r} is known",
            f"choose one of {', '.join(sorted({each.product for each in known}))}",
        )
    return msgspec.structs.replace(later, index="", change=changes)


def form_mistakes(later: LaterPrices[Assumption]) -> Iterator[str]:
    """What is wrong with ``later`` beyond its fields."""
    forms = {
        "price": later.price,
        "change": later.change,
        "learning_rate": later.learning_rate.value is not None,
        "index": later.index,
    }
    found = [name for name, given in forms.items() if given]
    if len(found) != 1:
        yield f"needs one of {', '.join(forms)}, and has {' and '.join(found) or 'none'}"
    if bool(later.volumes) != ("learning_rate" in found):
        yield "needs volumes and learning_rate together"
    if not later.delivery:
        yield 'needs the quarter of its delivery: write delivery = "2027Q1"'
    yield from quarter_mistakes("delivery", later.delivery)
    for key in ("price", "change", "volumes"):
        yield from quarter_mistakes(key, *getattr(later, key))
    if "" in later.volumes:
        yield 'volumes are by quarter: write { 2027Q1 = "800EB", 2028Q1 = "1ZB" }'


def check_reach(later: LaterPrices[Assumption], years: int, where: str) -> None:
    """Raises StoreffError if ``later``, which is at ``where``, does not tell what a drive costs at
    the end of each of ``years``, or does so by an index."""
    if later.index:
        raise StoreffError(
            f"{where}.index can only be in a price_paths.toml of your own",
            "write the changes here: change = { 2027Q2 = -0.03, 2027Q3 = -0.02 }",
        )
    for year in range(1, years + 1):
        quarter = quarter_of_year(later, year)
        key, missing = _missing(later, quarter)
        if missing is not None:
            raise StoreffError(
                f"{where}.{key} says nothing of {missing}, and drives may be bought until "
                f"{quarter_of_year(later, years)}, the end of year {years}",
                f"add {missing} to it, or let the horizon (finance.years) end before",
            )


def _missing(later: LaterPrices[Assumption], quarter: str) -> tuple[str, str | None]:
    """The key that the price in ``quarter`` follows from, and the first quarter that it lacks."""
    if later.price:
        is_over = "" not in later.price and number_of(quarter) > max(map(number_of, later.price))
        return "price", quarter if is_over else None
    key = "change" if later.change else "volumes"
    needed = [later.delivery, quarter]
    if later.change:
        needed = [] if "" in later.change else quarters_between(*needed)
    return key, next((each for each in needed if each not in getattr(later, key)), None)
