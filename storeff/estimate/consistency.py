"""Where nothing is known of what was not read, no figure has an interval."""

from typing import TypeVar, cast

import msgspec

from storeff.quantity import Quantity
from storeff.sources.census import Census

T = TypeVar("T")


def is_interrupted(census: Census) -> bool:
    """Whether what was not read is whatever came later, in the order of directories."""
    return "interrupted" in census.skipped


def without_intervals(figures: T) -> T:
    """``figures``, a struct or a list of them, whose quantities have no intervals.

    Their values are of the part that was read. The rest was left out in the order of directories,
    not at random, so the part says nothing of it.
    """
    made: object = figures
    if isinstance(figures, Quantity):
        made = figures.without_interval()
    elif isinstance(figures, list):
        made = [without_intervals(each) for each in figures]
    elif isinstance(figures, msgspec.Struct):
        names = figures.__struct_fields__
        fields = {name: without_intervals(getattr(figures, name)) for name in names}
        made = msgspec.structs.replace(figures, **fields)
    return cast(T, made)
