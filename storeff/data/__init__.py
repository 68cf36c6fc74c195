"""Numbers of the world: each with its range, unit, source and date; none of them in code.

A catalogue is a TOML file of tables. Where a type says ``Annotated[N, Field(...)]``, the file gives
a number as a table ``{value, low, high, unit, source, true_on, read_on, kind}``, or bare. Types are
generic in the number: ``Drive[Assumption]`` is what the file says, ``Drive[Number]`` what
arithmetic runs on (``map_numbers``).
"""

from storeff.data.assumption import NO_VALUE as NO_VALUE
from storeff.data.assumption import ONE as ONE
from storeff.data.assumption import Assumption as Assumption
from storeff.data.assumption import AssumptionRow as AssumptionRow
from storeff.data.assumption import Entry as Entry
from storeff.data.assumption import N as N
from storeff.data.assumption import ShelfLife as ShelfLife
from storeff.data.assumption import exact as exact
from storeff.data.assumption import map_numbers as map_numbers
from storeff.data.assumption import numbers_in as numbers_in
from storeff.data.assumption import row_of as row_of
from storeff.data.assumption import rows as rows
from storeff.data.catalogue import decode as decode
from storeff.data.catalogue import load as load
from storeff.data.catalogue import load_default as load_default
from storeff.data.catalogue import load_shelf_life as load_shelf_life
from storeff.data.catalogue import refuse as refuse
from storeff.data.catalogue import to_toml as to_toml
from storeff.data.changed import changed_by as changed_by
from storeff.data.field import Field as Field
from storeff.data.toml import read_toml as read_toml
