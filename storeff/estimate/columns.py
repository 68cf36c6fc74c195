"""Columns of nested samples: what is dear to know is known of fewer chunks than what is cheap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff.estimate.totals import Control, Estimate, PrioritySample, estimate_total

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Column:
    """A quantity, ``values`` (n,), of the chunks of ``sample``: the first by rank of all rows.

    No chunk has more of it than ``most`` (n,). ``per_byte`` (n,) is what its codec leaves of each
    byte of a chunk.
    """

    name: str
    sample: PrioritySample
    values: Floats
    most: Floats
    per_byte: Floats


def estimate_columns(
    columns: Iterable[Column], controls: Sequence[Control] = (), *, use_all: bool = False
) -> dict[str, Estimate]:
    """The total of each of ``columns``, which are corrected by ``controls``, and by those columns
    before them that are known of more rows. ``use_all``: by all before them, for what that would
    explain if they were."""
    made: dict[str, Estimate] = {}
    before = list(controls)
    for column in columns:
        rows = len(column.values)
        known = [c for c in before if len(c.values) > rows or (use_all and len(c.values) == rows)]
        made[column.name] = estimate_total(
            column.sample,
            column.values,
            known,
            name=column.name,
            part_of=column.most,
            per_byte=column.per_byte,
            use_all=use_all,
        )
        before.append(made[column.name].residual)
    return made
