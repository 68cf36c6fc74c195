"""What XOR against the sibling file leaves of a file of tensors, from sampled blocks."""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from storeff.estimate.delta import SiblingPair
from storeff.quantity import Quantity
from storeff.scan.siblings import BLOCK_BYTES, PairSample, Siblings
from storeff.sources.names import printable


def estimated_pairs(siblings: Siblings) -> list[SiblingPair]:
    """Each measured pair, with 95 % intervals where not every block was looked at."""
    return [
        SiblingPair(
            file=printable(pair.file),
            base=printable(pair.base),
            file_bytes=pair.file_bytes,
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
    """Sum over all blocks, of which some were drawn at random without replacement.

    A ratio estimate, as the last block is shorter, with Student's interval (W. G. Cochran,
    "Sampling Techniques", 1977, 6.3). Where all that were drawn are alike, others may be anything:
    more than log(40) / drawn of all would be missed in less than 2.5 %.
    """
    drawn, blocks = len(values), pair.all_blocks
    seen = int(values.sum())
    if drawn == blocks:
        return Quantity(seen, seen, seen, "measured")
    share = seen / int(pair.sizes.sum())
    value = share * pair.data_bytes
    if np.ptp(values / pair.sizes) == 0:
        missed_bytes = math.ceil(blocks * math.log(40) / drawn) * BLOCK_BYTES
        low, high = value - share * missed_bytes, value + (1 - share) * missed_bytes
    else:
        residuals = values - share * pair.sizes
        error = blocks * (float((residuals**2).sum()) / (drawn - 1)) ** 0.5
        error *= ((1 - drawn / blocks) / drawn) ** 0.5
        half = float(stats.t.ppf(0.975, drawn - 1)) * error
        low, high = value - half, value + half
    # Compressed, a block may become a little longer than it is.
    most = max(value, pair.data_bytes)
    return Quantity(
        round(value), max(math.floor(low), seen), min(math.ceil(high), math.ceil(most)), "measured"
    )
