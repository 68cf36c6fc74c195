"""What object stores charge for being read."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic

from storeff.data import Assumption, Field, N, load
from storeff.data.assumption import Entry
from storeff.quantity import Span

_REQUEST = Field("USD/thousand requests", most=1000)


class RequestPrices(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Prices of requests that list, and of those that get, and of bytes that leave the region."""

    list_price: Annotated[N, _REQUEST]
    get_price: Annotated[N, _REQUEST]
    egress_price: Annotated[N, Field("USD/GB", most=1000)]


def load_requests(extra: Path | None = None) -> dict[str, RequestPrices[Assumption]]:
    """The prices by the scheme of URLs, with the user's own file of the same form on top."""
    return load("requests", RequestPrices[Assumption], extra)


def cost_of(amount: Span, price: Assumption) -> Span | None:
    """What ``amount`` costs at ``price``: the least at its low end, the most at its high one. None
    where nobody knows the price."""
    if price.value is None:
        return None
    low, high = price.range or (price.value, price.value)
    return Span(float(Fraction(amount.low) * low), float(Fraction(amount.high) * high))
