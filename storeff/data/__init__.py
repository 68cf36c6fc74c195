"""Numbers of the world: each with its range, unit, source and date; none of them in code.

A catalogue is a TOML file of tables. Where a type says ``Annotated[N, Field(...)]``, the file gives
a number as a table ``{value, low, high, unit, source, as_of, kind}``, or bare. Types are generic
in the number: ``Drive[Assumption]`` is what the file says, ``Drive[Number]`` what arithmetic runs
on (``map_numbers``).
"""

from storeff.data.assumption import (
    NO_VALUE,
    ONE,
    Assumption,
    AssumptionRow,
    Entry,
    N,
    ShelfLife,
    exact,
    map_numbers,
    numbers_in,
    rows,
)
from storeff.data.catalogue import (
    decode,
    load,
    load_default,
    load_shelf_life,
    refuse,
    to_toml,
)
from storeff.data.field import Field
from storeff.data.toml import read_toml

__all__ = [
    "NO_VALUE",
    "ONE",
    "Assumption",
    "AssumptionRow",
    "Entry",
    "Field",
    "N",
    "ShelfLife",
    "decode",
    "exact",
    "load",
    "load_default",
    "load_shelf_life",
    "map_numbers",
    "numbers_in",
    "read_toml",
    "refuse",
    "rows",
    "to_toml",
]
