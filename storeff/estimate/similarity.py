"""What delta compression against similar chunks would save, from the groups that a scan kept."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

from storeff.estimate.consistency import is_interrupted, without_intervals
from storeff.estimate.delta import NotReread, Similarity
from storeff.estimate.reduction import Reduction
from storeff.estimate.siblings import estimated_pairs
from storeff.estimate.totals import estimate_total, sample_of
from storeff.quantity import UNKNOWN, Z95, Quantity
from storeff.scan.measurement import Measurement
from storeff.scan.siblings import Siblings
from storeff.scan.similar import Deltas
from storeff.sources.census import EXAMPLES
from storeff.sources.names import printable
from storeff.sources.skipped import REMEDIES, Skipped

Floats = npt.NDArray[np.float64]

# With fewer groups than this behind an estimate, its own variance is not to be trusted: such
# intervals held the truth in 89 % of 500 seeds on 4,840 chunks of npm packages, the ranges in 92 to
# 99 % of 300 (2026-11-21, bench/accuracy/similarity.py).
EFFECTIVE_GROUPS_MIN = 10
# exp() of more says nothing: the interval then reaches from nothing to everything there is.
LOG_HALF_MAX = 20.0

ASSUMPTIONS = [
    "one base a delta, and no base that is a delta itself",
    "a chunk finds bases only among those with which it shares the smallest window hash; on six "
    "corpora the best of these saved 43 to 94 % of what the best base of all chunks would have",
    "a base is read and a delta applied on every read; neither that nor the index is priced",
]


def with_similarity(
    reduction: Reduction,
    measurement: Measurement,
    deltas: Deltas,
    siblings: Siblings,
) -> Reduction:
    """``reduction``, of ``measurement``, with what was measured of similar chunks and files."""
    plan = deltas.similarity
    sketch = measurement.sketches[plan.chunker]
    kept = sample_of(sketch, measurement.plan.seed)
    distinct = estimate_total(kept, sketch.sizes).total.value
    found = [c for c in reduction.combined if (c.chunker, c.codec) == (plan.chunker, plan.codec)]
    plain = found[0].physical_bytes
    saved, effective = saved_bytes(deltas, distinct, plain)
    left = _less(plain, saved)
    exact = saved.low is not None and saved.low == saved.high
    trusted = effective is None or effective >= EFFECTIVE_GROUPS_MIN
    made = Similarity(
        chunker=plan.chunker,
        codec=plan.codec,
        saved_bytes=saved,
        physical_bytes=left,
        ratio=reduction.data_bytes / left,
        gain=_gain(plain, saved),
        interval="exact" if exact else "95 %" if trusted and not deltas.skipped else "range",
        effective_groups=effective,
        inclusion=deltas.inclusion,
        chunks=deltas.chunks,
        groups=deltas.group_count,
        similar_groups=len(deltas.groups),
        deltas=sum(each > 0 for group in deltas.groups for each in group.saved_bytes),
        references_beyond=sum(group.beyond for group in deltas.groups),
        not_reread=_not_reread(deltas.skipped),
        assumptions=ASSUMPTIONS,
        siblings=estimated_pairs(siblings),
        siblings_not_reread=_not_reread(siblings.skipped),
        siblings_too_many=siblings.too_many,
    )
    if is_interrupted(measurement.census):
        made = without_intervals(made)
    return msgspec.structs.replace(reduction, similarity=made)


def saved_bytes(
    deltas: Deltas, distinct_bytes: float, plain: Quantity
) -> tuple[Quantity, float | None]:
    """Bytes that deltas would save off ``plain``, and how many groups carry the estimate.

    Horvitz-Thompson: each group counts 1 / inclusion times, which is unbiased, and groups are kept
    independently of each other, so the variance is a plain sum. What groups save is so skewed that
    the interval is symmetric in the logarithm, with Student's quantile for
    V^2 / sum v^2 - 1 degrees of freedom (F. E. Satterthwaite, Biometrics Bulletin 2, 1946), v the
    groups' shares of the variance V. Where those are few, a large group may have been missed. The
    kept groups show it: all groups are known to have ``distinct_bytes``. What they miss of that,
    at their own rate of saving, counts as a standard error too.
    Where nothing is saved, the upper limit supposes that no group saves more than one largest
    chunk: then more than log(40) / inclusion such groups would be missed in less than 2.5 %.
    Unknown if no chunk of a group of several could be read again; what some of them might save is
    in the upper limit, and so is what chunks that were left out may save more than those kept.
    """
    if deltas.skipped and len(deltas.skipped) == sum(group.kept for group in deltas.groups):
        return UNKNOWN, None
    most = math.inf if plain.high is None else plain.high
    saved, within, more = _savings(deltas)
    chance = deltas.inclusion
    value = float(saved.sum()) / chance
    unread = sum(item.size_bytes or 0 for item in deltas.skipped)
    unseen = (unread + float(more.sum())) / chance
    if chance == 1 and not within.any():
        return _quantity(value, value, min(value + unseen, most)), None
    if not value:
        largest = max(deltas.largest_bytes, 1)
        return _quantity(0.0, 0.0, min(math.log(40) / chance * largest + unseen, most)), None
    between = saved**2 * (1 - chance) / chance**2
    variance = float((between + within / chance).sum())
    known = float((between**2).sum())
    effective = variance**2 / known if known else None
    if effective is not None and effective < EFFECTIVE_GROUPS_MIN:
        seen = deltas.distinct_bytes / chance
        variance += (value * (distinct_bytes / seen - 1)) ** 2
    quantile = Z95 if effective is None else stats.t.ppf(0.975, max(1.0, effective - 1))
    factor = math.exp(min(float(quantile) * variance**0.5 / value, LOG_HALF_MAX))
    return _quantity(value, value / factor, min(value * factor + unseen, most)), effective


def _savings(deltas: Deltas) -> tuple[Floats, Floats, Floats]:
    """What each group of several chunks saves, the variance of that, and what it may save more.

    Of a group too large to be kept whole, the chunks of smallest key are a random sample of k, and
    they show how many there are, with a relative variance of 1 / (k - 2) (K. Beyer et al., "On
    synopses for distinct-value estimation under multiset operations", SIGMOD 2007). The others are
    taken to save as much as these on average; at most they are all deltas, as the first of a group
    cannot be. Where none of the k is one, more than log(40) / k of the others would be missed in
    less than 2.5 %; where no more than two could be read again, the others may save all of a chunk.
    """
    saved = np.array([sum(group.saved_bytes) for group in deltas.groups], np.float64)
    within, more = np.zeros(len(saved)), np.zeros(len(saved))
    for i, group in enumerate(deltas.groups):
        if not group.beyond:
            continue
        read, made = len(group.saved_bytes), np.count_nonzero(group.saved_bytes)
        left_out = group.distinct - group.kept
        if read <= 2:
            more[i] = left_out * deltas.largest_bytes
        elif not made:
            more[i] = left_out * min(1.0, math.log(40) / read) * deltas.largest_bytes
        else:
            mean = saved[i] / read
            spread = float(np.var(group.saved_bytes, ddof=1))
            more[i] = left_out * (saved[i] / made - mean)
            saved[i] = mean * group.distinct
            squared = group.distinct * left_out
            within[i] = squared * (mean**2 / (group.kept - 2) + spread / read)
    return saved, within, more


def _quantity(value: float, low: float, high: float) -> Quantity:
    rounded = round(value), math.floor(low), math.ceil(high)
    if low == high:
        return Quantity.exact(rounded[0])
    return Quantity(rounded[0], min(rounded[:2]), max(rounded[0], rounded[2]), "measured")


def _less(plain: Quantity, saved: Quantity) -> Quantity:
    """``plain`` - ``saved``, which err independently of each other."""
    if plain.value is None or saved.value is None:
        return UNKNOWN
    value = max(float(plain.value) - float(saved.value), 0.0)
    if None in (plain.low, plain.high, saved.low, saved.high):
        return Quantity(round(value), None, None, "measured")
    p, p_low, p_high = (float(x or 0) for x in (plain.value, plain.low, plain.high))
    s, s_low, s_high = (float(x or 0) for x in (saved.value, saved.low, saved.high))
    down, up = math.hypot(p - p_low, s_high - s), math.hypot(p_high - p, s - s_low)
    return _quantity(value, max(value - down, 0.0), value + up)


def _gain(plain: Quantity, saved: Quantity) -> Quantity:
    """``plain`` / (``plain`` - ``saved``): how many times the ratio without deltas."""
    if plain.value is None or saved.value is None:
        return UNKNOWN
    p = float(plain.value)

    def times(saving: float | None) -> float | None:
        return None if saving is None or saving >= p else p / (p - saving)

    return Quantity(times(saved.value), times(saved.low), times(saved.high), "measured")


def _not_reread(skipped: Sequence[Skipped]) -> list[NotReread]:
    """``skipped`` by reason."""
    made = []
    for reason in sorted({item.reason for item in skipped}):
        of_reason = [item for item in skipped if item.reason == reason]
        paths = sorted({item.path for item in of_reason})[:EXAMPLES]
        made.append(
            NotReread(
                reason=reason,
                count=len(of_reason),
                bytes=sum(item.size_bytes or 0 for item in of_reason),
                remedy=REMEDIES[reason],
                examples=[printable(path) for path in paths],
            )
        )
    return made
