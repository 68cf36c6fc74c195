"""What is reported of prices, quarter by quarter: changes, prices and ratios of a product."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Generic

from storeff.data import NO_VALUE, Assumption, Entry, Field, N, load
from storeff.economics.price_path import Indexed
from storeff.economics.quarters import number_of, quarter_on
from storeff.errors import StoreffError

# A price can fall by all of it at most, and nothing has risen tenfold in a quarter.
CHANGE = Field("1/quarter", ("fraction",), least=-1, most=10, above=True, compounds=True)
_SAID = ("change", "price", "price_per_tb", "ratio")


class Observation(Entry[N], Generic[N], frozen=True, kw_only=True):
    """One thing that was reported of ``product`` in ``quarter``: its ``change`` against the quarter
    before, its ``price`` a piece or ``price_per_tb``, or the ``ratio`` of two prices. ``is_least``:
    the source gives the least change only, and the range has no upper end."""

    product: str
    quarter: str
    change: Annotated[N, CHANGE] = NO_VALUE
    price: Annotated[N, Field("USD", ("USD/drive",), most=10**9)] = NO_VALUE
    price_per_tb: Annotated[N, Field("USD/TB", most=10**9)] = NO_VALUE
    ratio: Annotated[N, Field("x", ("fraction",), most=10**6)] = NO_VALUE
    is_least: bool = False


def said(observed: Observation[Assumption]) -> Assumption:
    """The number that ``observed`` is of."""
    found: list[Assumption] = [getattr(observed, name) for name in _SAID]
    return next(number for number in found if number.value is not None)


def load_indices(extra: Path | None = None) -> dict[str, Observation[Assumption]]:
    """All observations by name, with the user's own file of the same form on top."""
    return load("indices", Observation[Assumption], extra, _mistakes)


def _mistakes(observed: Observation[Assumption]) -> Iterator[str]:
    given = [name for name in _SAID if getattr(observed, name).value is not None]
    if len(given) != 1:
        yield f"needs one of {', '.join(_SAID)}, and has {len(given) or 'none'}"
    if observed.is_least and given != ["change"]:
        yield "is_least is of a change"
    try:
        number_of(observed.quarter)
    except StoreffError as error:
        yield f"quarter: {error.message} ({error.remedy})"


def indexed(
    quote: Assumption, product: str, observed: Mapping[str, Observation[Assumption]]
) -> Indexed[Assumption] | None:
    """The path of the dated price ``quote`` by the changes that were ``observed`` of ``product``;
    None for a price without a date, which can be brought to no other."""
    if quote.true_on is None:
        return None
    of_product = [each for each in observed.values() if each.product == product]
    changes = [each for each in of_product if each.change.value is not None]
    return Indexed(
        price=quote,
        quarter=quarter_on(quote.true_on),
        changes={each.quarter: each.change for each in changes},
        at_least=frozenset(each.quarter for each in changes if each.is_least),
    )
