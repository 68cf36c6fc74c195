"""What the world delivers in a quarter, by name."""

from pathlib import Path
from typing import Annotated, Generic

from storeff.data import Assumption, Entry, Field, N, load
from storeff.layout.model import Media


class Supply(Entry[N], Generic[N], frozen=True, kw_only=True):
    """All that some makers deliver in a quarter."""

    media: Media
    bytes_per_quarter: Annotated[N, Field("B", least=10**12, most=10**24)]


def load_supply(extra: Path | None = None) -> dict[str, Supply[Assumption]]:
    """The supplies by name, with the user's own file of the same form on top."""
    return load("supply", Supply[Assumption], extra)
