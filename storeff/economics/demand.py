"""What is needed by when, and what the site can take by when: the TOML file and its quarters."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from storeff.data import Assumption, Field, decode, read_toml, refuse
from storeff.economics.offers import MOST_BYTES, NONE, in_quarter, known, quarter_mistakes
from storeff.economics.quarters import quarter_of

DemandCase = Literal["low", "middle", "high"]

# Ten years: beyond it nobody offers, and nobody plans.
QUARTERS_MOST = 40

_ONE: Any = Assumption(value=Fraction(1))
_WEIGHT = Field("fraction", ("ratio",), most=10**12)


class Growth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Demand in ``quarters`` from ``first`` on, each ``1 + rate_per_quarter`` times the last."""

    first: str
    quarters: Annotated[Assumption, Field("", least=1, most=QUARTERS_MOST, whole=True)]
    rate_per_quarter: Annotated[Assumption, Field("fraction", least=Fraction(-9, 10), most=10)] = (
        NONE
    )


class Factors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A low and a high need, as parts of that of every quarter."""

    low: Annotated[Assumption, Field("fraction", ("ratio",), above=True)] = _ONE
    high: Annotated[Assumption, Field("fraction", ("ratio",), least=1, most=100)] = _ONE


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site can take by quarter, each until the next one given; nothing before the first.
    ``facility_mw`` is with cooling, as the bill counts it."""

    facility_mw: dict[str, Annotated[Assumption, Field("MW", most=10**5)]] = {}
    racks: dict[str, Annotated[Assumption, Field("racks", ("",), most=10**7, whole=True)]] = {}
    floor_m2: dict[str, Annotated[Assumption, Field("m2", most=10**8)]] = {}


class Demand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raw bytes that must be there in each quarter, by one of three: ``by_quarter`` as they are;
    ``weights`` or ``growth``, which share out the raw bytes of a layout. ``site`` is what power and
    space there are.

    The need stays below a low one with a probability of 10 %, and below a high one with one of
    90 %: the ends of each number of ``by_quarter``, or those of ``range``."""

    schema: Literal["storeff.demand/1"] = "storeff.demand/1"
    by_quarter: dict[str, Annotated[Assumption, Field("B", most=MOST_BYTES, whole=True)]] = {}
    weights: dict[str, Annotated[Assumption, _WEIGHT]] = {}
    growth: Growth | None = None
    range: Factors | None = None
    site: Room = Room()

    @property
    def is_shared_out(self) -> bool:
        """Whether the need of a layout is what all quarters come to."""
        return not self.by_quarter

    @property
    def has_range(self) -> bool:
        """Whether a low or a high need is given."""
        ranged = any(each.range for each in self.by_quarter.values())
        return self.range is not None or ranged

    def quarters(self, need_bytes: int, case: DemandCase = "middle") -> tuple[int, tuple[int, ...]]:
        """The first quarter, and the bytes of it and of those after it. What is shared out sums to
        ``need_bytes`` exactly, or to the factor of it in a low or high ``case``."""
        first, middle = self._middle(need_bytes)
        if case == "middle":
            return first, middle
        factor = Fraction(1) if self.range is None else known(getattr(self.range, case))
        ends = [round(factor * part) for part in itertools.accumulate(middle)]
        sizes = [b - a for a, b in itertools.pairwise([0, *ends])]
        for name, number in self.by_quarter.items():
            if number.range is not None:
                low, high = number.range
                sizes[quarter_of(name) - first] = int(low if case == "low" else high)
        return first, tuple(sizes)

    def _middle(self, need_bytes: int) -> tuple[int, tuple[int, ...]]:
        if self.growth is not None:
            first, rate = quarter_of(self.growth.first), 1 + known(self.growth.rate_per_quarter)
            weights = [rate**i for i in range(int(known(self.growth.quarters)))]
        else:
            given = {
                quarter_of(name): known(number)
                for name, number in (self.by_quarter or self.weights).items()
            }
            first = min(given)
            weights = [given.get(q, Fraction(0)) for q in range(first, max(given) + 1)]
        if self.by_quarter:
            return first, tuple(int(each) for each in weights)
        whole = sum(weights)
        ends = [round(need_bytes * part / whole) for part in itertools.accumulate(weights)]
        return first, tuple(b - a for a, b in itertools.pairwise([0, *ends]))


def load_demand(path: Path) -> Demand:
    """The demand of the TOML file ``path``. Raises StoreffError with every mistake, each naming its
    key."""
    demand = decode(Demand, read_toml(path), "", path)
    refuse(path, list(_mistakes(demand)))
    return demand


def room_in(table: dict[str, Annotated[Assumption, Any]], quarter: int) -> Fraction:
    """What there is in ``quarter``: nothing before the first given."""
    return in_quarter(table, quarter) or Fraction(0)


def _mistakes(demand: Demand) -> Iterator[str]:
    ways = ("by_quarter", "weights", "growth")
    given = [name for name in ways if getattr(demand, name)]
    if len(given) != 1:
        has = " and ".join(given) or "no demand"
        yield f"it has {has}: give one of by_quarter, weights and growth"
    wrong = []
    for name in ("by_quarter", "weights"):
        table = getattr(demand, name)
        if "" in table:
            wrong.append(f'{name} is one number: give one for each quarter, such as 2027Q1 = "4EB"')
        wrong += quarter_mistakes(name, *table)
        if table and not any(known(each) for each in table.values()):
            wrong.append(f"{name} is zero in every quarter")
    if demand.growth is not None:
        wrong += quarter_mistakes("growth.first", demand.growth.first)
    for name in ("facility_mw", "racks", "floor_m2"):
        wrong += quarter_mistakes(f"site.{name}", *getattr(demand.site, name))
    yield from wrong
    ranged = [name for name, number in demand.by_quarter.items() if number.range is not None]
    if ranged and demand.range is not None:
        yield f"by_quarter.{ranged[0]} has a low or high end, and there is [range]: keep one"
    lows = [known(n) if n.range is None else n.range[0] for n in demand.by_quarter.values()]
    if any(known(each) for each in demand.by_quarter.values()) and not any(lows):
        yield "by_quarter is low at zero in every quarter: some of it must be needed"
    dated = demand.by_quarter or demand.weights
    if dated and not wrong:
        named = [quarter_of(name) for name in dated]
        if max(named) - min(named) >= QUARTERS_MOST:
            yield f"{given[0]} is over more than {QUARTERS_MOST} quarters"
