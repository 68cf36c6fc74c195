"""What others would make of the same memory: estimates of a total over the distinct chunks.

Every function takes the stream, ``values`` (u, quantities): what each distinct chunk adds to each
quantity, the number of ``entries`` that may be kept, and where chance comes from; it returns one
estimate per quantity. All know the bytes of the stream, and its number of references.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.stats import binom
from streams import Rng, Stream

from storeff import _native

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Baseline = Callable[[Stream, Floats, int, Rng], Floats]


def _references(stream: Stream, entries: int, rng: Rng) -> npt.NDArray[np.uint32]:
    """The chunks of ``entries`` references drawn without replacement."""
    drawn = rng.choice(len(stream.chunk), min(entries, len(stream.chunk)), replace=False)
    return stream.chunk[drawn]


def in_sample_ratio(stream: Stream, values: Floats, entries: int, rng: Rng) -> Floats:
    """The ratio inside a random sample of the references, taken for that of the whole: what
    ceph-dedup-tool does with a time limit. Biased: a sample holds few of the duplicates.
    """
    drawn = _references(stream, entries, rng)
    left = values[np.unique(drawn)].sum(axis=0)
    scaled: Floats = left * (stream.bytes / float(stream.sizes[drawn].sum()))
    return scaled


def content_sample(stream: Stream, values: Floats, entries: int, rng: Rng) -> Floats:
    """Every chunk whose hash is 0 modulo M, M such that ``entries`` are expected, and the ratio
    inside: Xie, Condict, Shete, "Estimating Duplication by Content-based Sampling", ATC 2013.
    """
    seed = int(rng.integers(2**63))
    hashed = _native.rank(stream.keys, np.ones(len(stream.keys), np.uint64), seed)
    kept = hashed * len(hashed) <= entries
    referenced = float((stream.sizes[kept] * stream.counts[kept]).sum())
    if not referenced:
        return np.full(values.shape[1], np.nan)
    scaled: Floats = values[kept].sum(axis=0) * (stream.bytes / referenced)
    return scaled


def base_sample(stream: Stream, values: Floats, entries: int, rng: Rng) -> Floats:
    """Random bytes, and in a second pass the number of references to the chunk that holds each:
    Harnik, Margalit, Naor, Sotnikov, Vernik, "Estimation of Deduplication Ratios in Large Data
    Sets", MSST 2012. Unbiased; ``entries`` is the size of its base sample.
    """
    referenced = (stream.sizes * stream.counts).astype(np.float64)
    ends = np.cumsum(referenced)
    drawn = np.searchsorted(ends, rng.random(entries) * ends[-1], side="right")
    shares: Floats = values[drawn] / referenced[drawn, np.newaxis]
    scaled: Floats = shares.mean(axis=0) * stream.bytes
    return scaled


# ---- from how often chunks occur in a sample: the number of distinct ones ----


def _by_frequency(
    distinct: Callable[[Ints, int, int], float],
) -> Baseline:
    """The baseline of an estimator of the number of distinct chunks, from ``seen`` (j,): how many
    of them a sample holds j + 1 times, its size and that of the whole. What has not been seen is
    as large as what has been seen once.
    """

    def estimate(stream: Stream, values: Floats, entries: int, rng: Rng) -> Floats:
        drawn = _references(stream, entries, rng)
        rows, times = np.unique(drawn, return_counts=True)
        seen = np.bincount(times)[1:]
        unseen = distinct(seen, len(drawn), len(stream.chunk)) - len(rows)
        once = rows[times == 1]
        typical = values[once if len(once) else rows].mean(axis=0)
        total: Floats = values[rows].sum(axis=0) + max(unseen, 0.0) * typical
        return total

    return estimate


def gee(seen: Ints, sample: int, whole: int) -> float:
    """Charikar, Chaudhuri, Motwani, Narasayya, "Towards Estimation Error Guarantees for Distinct
    Values", PODS 2000: those seen once count sqrt(whole / sample) times.
    """
    return float(np.sqrt(whole / sample) * seen[0] + seen[1:].sum())


def chao1(seen: Ints, _: int, __: int) -> float:
    """Chao, "Nonparametric Estimation of the Number of Classes in a Population", Scandinavian
    Journal of Statistics 11, 1984, in the bias-corrected form; a lower bound.
    """
    twice = int(seen[1]) if len(seen) > 1 else 0
    once = int(seen[0])
    return float(seen.sum()) + once * (once - 1) / (2 * (twice + 1))


def unseen(seen: Ints, sample: int, whole: int) -> float:
    """The histogram of multiplicities that explains the sample best, by linear programming:
    Valiant and Valiant, "Estimating the Unseen", NeurIPS 2013, in the form for a finite whole of
    Harnik, Khaitzin, Sotnikov, "Estimating Unseen Deduplication", FAST 2016.

    Frequencies that too few chunks have are taken as they are, the rest is fitted:
    minimise sum |seen - A x| / sqrt(seen + 1), x >= 0, references of x = those not yet explained.
    """
    rate = sample / whole
    times = np.arange(1, len(seen) + 1)
    reach = np.ceil(np.sqrt(times)).astype(np.int64)
    sums = np.concatenate(([0], np.cumsum(seen)))
    near = sums[np.minimum(times + reach, len(seen))] - sums[np.maximum(times - reach - 1, 0)]
    sparse = near < np.sqrt(times)
    fitted = np.where(sparse, 0, seen)
    last = int(np.flatnonzero(fitted).max(initial=-1)) + 1
    counted = float(seen[sparse].sum())
    left = whole - float((times * seen)[sparse].sum()) / rate
    if last == 0 or left <= 0:
        return float(seen.sum())
    rows = last + int(np.ceil(np.sqrt(last)))
    fitted = np.pad(fitted[:rows], (0, max(0, rows - len(fitted))))
    top = 2 * rows / rate
    steps = np.arange(np.log(64) / np.log(1.05), np.log(max(top, 65)) / np.log(1.05))
    grid = np.unique(np.concatenate((np.arange(1, 65), np.round(1.05**steps)))).astype(np.int64)
    chance = binom.pmf(np.arange(1, rows + 1)[:, np.newaxis], grid, rate)
    weight = 1 / np.sqrt(fitted + 1)
    solved = linprog(
        np.concatenate((np.zeros(len(grid)), weight, weight)),
        A_eq=np.vstack(
            (
                np.hstack((chance, np.eye(rows), -np.eye(rows))),
                np.concatenate((grid, np.zeros(2 * rows))) / whole,
            )
        ),
        b_eq=np.concatenate((fitted, [left / whole])),
        method="highs",
    )
    if solved.x is None:
        raise ArithmeticError(f"the linear program was not solved: {solved.message}")
    return counted + float(solved.x[: len(grid)].sum())


BASELINES: dict[str, Baseline] = {
    "in-sample ratio": in_sample_ratio,
    "content sample": content_sample,
    "base sample": base_sample,
    "GEE": _by_frequency(gee),
    "Chao1": _by_frequency(chao1),
    "unseen": _by_frequency(unseen),
}
