"""What XOR against the sibling file leaves of a file of tensors, from sampled blocks."""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from storeff.estimate.delta import SiblingPair
from storeff.quantity import Quantity
from storeff.scan.siblings import BLOCK_BYTES, PairSample, Siblings
from storeff.sources.names import printable


def sibling_pairs(siblings: Siblings) -> list[SiblingPair]:
    """Each measured pair, with 95 % intervals where not every block was looked at."""
    return [
        SiblingPair(
            file=printable(pair.file.path),
            base=printable(pair.base.path),
            file_bytes=pair.file.size_bytes,
            item_bytes=pair.item_bytes,
            blocks=len(pair.sizes),
            all_blocks=pair.all_blocks,
            changed_bytes=_total(pair, pair.sizes * pair.changed),
            planes_bytes=_total(pair, pair.planes),
            xor_bytes=_total(pair, pair.xor),
        )
        for pair in siblings.pairs
    ]


def _total(pair: PairSample, values: npt.NDArray[np.int64]) -> Quantity:
    """Sum over all blocks: simple random sampling without replacement, Student's interval."""
    sampled, blocks = len(values), pair.all_blocks
    seen = int(values.sum())
    if sampled == blocks:
        return Quantity(seen, seen, seen, "measured")
    most = pair.file.size_bytes
    if not seen:
        # So many blocks would all be missed in less than 2.5 %.
        missed = blocks * math.log(40) / sampled
        return Quantity(0, 0, min(math.ceil(missed) * BLOCK_BYTES, most), "measured")
    value = blocks * float(values.mean())
    error = blocks * float(values.std(ddof=1)) * ((1 - sampled / blocks) / sampled) ** 0.5
    half = float(stats.t.ppf(0.975, sampled - 1)) * error
    return Quantity(
        round(value),
        max(math.floor(value - half), seen),
        min(math.ceil(value + half), most),
        "measured",
    )
