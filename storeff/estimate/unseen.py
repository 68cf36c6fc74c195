"""Distinct bytes of data of which only some extents were read: unseen species, by least squares.

How many chunks would show up how often, if all were read, is a histogram x; reading at rate p thins
it binomially, E[y] = A x. Of all histograms that explain the sample y, those with the fewest and
the most distinct bytes bound the answer (Valiant, Valiant, "Estimating the Unseen", NeurIPS 2013;
Harnik, Khaitzin, Sotnikov, "Estimating Unseen Deduplication", FAST 2016). Here y is whitened, and
the interval is that of the profile likelihood: the figures whose best histogram is not much further
from y than the closest of all.

Extents of one sampling rank (storeff.scan.units) are read together or not at all. So pairs of chunk
and rank are counted: duplicates within a rank are known, those between ranks are estimated. A
delete-group jackknife over ranks estimates how far y is off. How far to trust that is found by
thinning the sample once more, where the truth is known. What the listing says of all extents, read
or not, corrects y by regression (Montanari, "Post-sampling efficient QR-prediction in large-sample
surveys", International Statistical Review 55, 1987).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from storeff.quantity import UNKNOWN, Z95, Quantity

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Lower ends of the classes of multiplicity of a sample: so few that GROUPS replicates can estimate
# their covariance.
CLASSES = np.array([1, 2, 3, 4, 6, 9, 15, 30])
GROUPS = 120
# Multiplicities in the whole: each up to the first figure, then in steps of the second.
GRID_DENSE, GRID_STEP = 32, 1.12
# Directions in which y hardly varies are not trusted further than this share of the widest one.
EIGENVALUE_MIN = 1e-3
# How much an equation outweighs an observation, how well a bound is found per byte, and in how many
# steps a problem is solved: 10 to 30 are usual.
EQUATION, BOUND_ERROR, STEPS_MAX = 1e3, 1e-5, 10_000
# The point is the middle of what lies within this many standard errors of the closest histogram.
# That alone is a corner that jumps: its RMSE was up to twice as large; more pulls the point down
# where little was read (bench/accuracy/partial.py, 2026-11-21).
POINT_Z = 0.5
# How many standard errors an interval extends where the sample is too small to be thinned again,
# and at most; and at least, because what was thinned twice may show no duplicates at all.
Z_MAX = 2.2
Z_MIN = 1.0
# How much more than in thinned samples is needed in the sample, where clusters are larger: with it
# 94 % of the intervals or more held the truth on every corpus, without it 88 % on one
# (bench/accuracy/partial.py, 2026-11-21).
WIDENING = 1.3
# What the listing says corrects nothing if one group has more than this share of its variance: one
# pair of copies at different ranks among 2,000 took 7 % off what was distinct.
LEVERAGE_MAX = 0.25
# Fewer ranks than this say nothing about how much ranks differ.
RANKS_MIN = 30
# So many are left in a thinned sample, if need be by thinning it less than everything was.
THINNED_RANKS = 60
# No figure is this many distinct bytes per byte.
SHARE_MAX = 2.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Chunks of the extents that were read, each once per sampling rank.

    A row per distinct chunk: ``value`` (u,), its bytes or compressed bytes. A row per pair:
    ``chunk`` (n,) and ``rank`` (n,), rows of the other tables. A row per rank: ``ranks`` (m,) in
    (0, 1], ``read`` (m,) bytes, and what the listing says of the same extents: ``listed`` (m,)
    bytes, and ``nominal`` (m,), the nominal unique ones, those left if files of one size that share
    the rank were copies. ``nominal_share`` is the latter per byte listed in all, read or not. Only
    a random share ``kept`` of the distinct chunks is in it.
    """

    value: Floats
    chunk: Ints
    rank: Ints
    ranks: Floats
    read: Floats
    listed: Floats
    nominal: Floats
    nominal_share: float
    kept: float = 1.0

    @property
    def distinct_share(self) -> float:
        """Distinct bytes in the sample per byte read; of all data it is an overestimate."""
        return self._counted(1.0)[0]

    def counted(self, scope: float) -> Quantity:
        """Distinct bytes per byte in a random share ``scope`` of the ranks read (rarefaction: H.
        L. Sanders, American Naturalist 102, 1968); uncertain if only some chunks were kept."""
        value, half = self._counted(scope)
        return Quantity(value, max(value - half, 0.0), value + half, "measured")

    def _counted(self, scope: float) -> tuple[float, float]:
        times = np.bincount(self.chunk, minlength=len(self.value))
        observed = self.value * (-np.expm1(times * math.log1p(-scope)) if scope < 1.0 else 1.0)
        per_byte = 1 / (scope * self.kept * float(self.read.sum()))
        half = Z95 * math.sqrt((1 - self.kept) * float((observed**2).sum())) * per_byte
        return float(observed.sum()) * per_byte, half

    @cached_property
    def group(self) -> Ints:
        """(m,) jackknife group of each rank."""
        return jackknife_groups(self.ranks)

    def thinned(self, keep: npt.NDArray[np.bool_]) -> "Pairs":
        """What would have been read at those ranks alone that ``keep`` (m,) names."""
        pairs = keep[self.rank]
        rows, chunk = np.unique(self.chunk[pairs], return_inverse=True)
        rank = (np.cumsum(keep) - 1)[self.rank[pairs]]
        return Pairs(
            self.value[rows],
            chunk,
            rank,
            self.ranks[keep],
            self.read[keep],
            self.listed[keep],
            self.nominal[keep],
            float(self.nominal.sum() / max(1.0, self.listed.sum())),
            self.kept,
        )


def jackknife_groups(ranks: Floats) -> Ints:
    """(m,) the group that is left out with each rank, by lower bits of it."""
    return (ranks * 2.0**32 % 1.0 * GROUPS).astype(np.int64)


def estimate(pairs: Pairs, p: float, z: float, scope: float = 1.0) -> Quantity:
    """Distinct bytes of everything, of which ``pairs`` were read at rate ``p``, per byte; or of a
    random share ``scope`` of all ranks. Unknown if too few ranks were read.

    ``z`` is how many standard errors an explanation may be off.
    """
    if p >= 1.0 and pairs.read.any():
        return pairs.counted(scope)
    program = Program.of(pairs, p)
    if program is None:
        return UNKNOWN
    low, high = program.bounds(max(z, POINT_Z), scope)
    value = sum(program.bounds(POINT_Z, scope)) / 2
    share = Quantity(value, low, high, "measured")
    if pairs.kept == 1.0 and scope == 1.0:
        # All that was not read may repeat what was, or nothing of itself.
        seen = pairs.distinct_share * p
        share = share.no_less_than(seen).no_more_than(seen + 1 - p)
    return share


def calibrate(pairs: Pairs, p: float, seed: int, thinnings: int = 100) -> float:
    """How many standard errors z must be for ``estimate`` to hold the truth 95 times in 100.

    The sample is taken for a population, whose distinct bytes are known, and its ranks are sampled
    at rate ``p`` again and again: z goes by the mean square of how far the truth was off. Z_MAX if
    too few ranks are left to do so.
    """
    rng = np.random.default_rng(seed)
    rate = max(p, min(0.5, THINNED_RANKS / max(1, len(pairs.ranks))))
    needed = []
    for _ in range(thinnings):
        program = Program.of(pairs.thinned(rng.random(len(pairs.ranks)) < rate), rate)
        if program is None:
            return Z_MAX
        needed.append(program.distance(pairs.distinct_share))
    spread = float(np.sqrt(np.mean(np.square(needed))))
    return min(max(Z_MIN, WIDENING * Z95 * spread), Z_MAX)


class Program:
    """The least-squares problems of one sample: which histograms explain it, and how well.

    Their variables w (g,) >= 0 are the bytes, per byte of data, of the pairs of chunks that have a
    multiplicity of ``grid`` (g,) in the whole; so the distinct bytes are w . (1 / grid).
    ``rows`` @ w is what the whitened observation ``seen`` should be. The ``closest`` (g,) are off
    by ``least``, squared.
    """

    def __init__(self, pairs: Pairs, p: float) -> None:
        y, covariance = _observed(pairs, p)
        most = int(np.bincount(pairs.chunk).max())
        self.grid = _grid(1.5 * (most + 3 * math.sqrt(most) + 3) / p)
        # Here, because scipy takes 45 MB that a scan of everything has no use for.
        from scipy.stats import binom

        below: Floats = np.asarray(binom.cdf(CLASSES[:, np.newaxis] - 1, self.grid, p))
        chance = np.vstack((below[1:], np.ones(len(self.grid)))) - below
        expected = np.vstack((chance / (self.grid * p), np.ones(len(self.grid))))
        # The sample may have nothing of a class although there is some: duplicates come in
        # clusters, as many as the extents of one rank hold.
        least = float((pairs.read**2).sum()) / float(pairs.read.sum()) ** 2
        scale = np.sqrt(np.diag(covariance) + (1 - p) * least**2)
        correlation = covariance / np.outer(scale, scale)
        np.fill_diagonal(correlation, 1.0)
        wide, axes = np.linalg.eigh(correlation)
        whiten = (axes / np.sqrt(np.maximum(wide, EIGENVALUE_MIN * wide[-1]))).T / scale
        self.rows, self.seen = whiten @ expected, whiten @ y
        self.closest = _solved(self.rows, self.seen)
        self.least = self.squared(self.closest)

    @staticmethod
    def of(pairs: Pairs, p: float) -> "Program | None":
        """The problems of ``pairs``, read at rate ``p``; None if these are too few."""
        if len(np.unique(pairs.rank)) < RANKS_MIN:
            return None
        return Program(pairs, p)

    def squared(self, w: Floats) -> float:
        """How far ``w`` is off, in standard errors, squared."""
        return float(((self.rows @ w - self.seen) ** 2).sum())

    def distinct(self, scope: float) -> Floats:
        """(g,) distinct bytes per byte of pairs, in a random share ``scope`` of all ranks."""
        observed = -np.expm1(self.grid * math.log1p(-scope)) / scope if scope < 1.0 else 1.0
        return observed / self.grid

    def distance(self, distinct_share: float, scope: float = 1.0) -> float:
        """How much further off than the closest, in standard errors, are histograms with so many
        distinct bytes per byte, in a share ``scope`` of the ranks: by the squares' difference."""
        # An equation is a row that outweighs the others.
        weight = EQUATION * float(np.abs(self.rows).max())
        rows = np.vstack((self.rows, weight * self.distinct(scope)))
        w = _solved(rows, np.append(self.seen, weight * distinct_share))
        return math.sqrt(max(0.0, self.squared(w) - self.least))

    def bounds(self, z: float, scope: float = 1.0) -> tuple[float, float]:
        """Fewest and most distinct bytes per byte, of all histograms at most ``z`` further off, in
        a random share ``scope`` of all ranks."""
        from scipy.optimize import brentq

        inside = float(self.closest @ self.distinct(scope))
        found = [0.0, max(SHARE_MAX, inside)]
        for side, end in enumerate(found):
            if self.distance(end, scope) > z:
                found[side] = brentq(
                    lambda share: self.distance(share, scope) - z, end, inside, xtol=BOUND_ERROR
                )
        return found[0], found[1]


def _solved(rows: Floats, seen: Floats) -> Floats:
    """The w >= 0 with the least squares of rows @ w - seen."""
    from scipy.optimize import nnls

    w: Floats = nnls(rows, seen, maxiter=STEPS_MAX)[0]
    return w


def _grid(top: float) -> Floats:
    steps = math.ceil(math.log(max(top / GRID_DENSE, GRID_STEP)) / math.log(GRID_STEP))
    sparse = np.round(GRID_DENSE * GRID_STEP ** np.arange(1, steps + 1))
    return np.concatenate((np.arange(1.0, GRID_DENSE + 1), sparse))


def _observed(pairs: Pairs, p: float) -> tuple[Floats, Floats]:
    """Bytes of distinct chunks by class of multiplicity, and last of all pairs, per byte read; and
    their covariance, by leaving out each group of ranks in turn. The regression on what is known of
    the listing is taken off both."""
    last = len(CLASSES)
    value = pairs.value / pairs.kept
    times = np.bincount(pairs.chunk, minlength=len(value))
    in_class = np.searchsorted(CLASSES, times, side="right") - 1
    y = np.append(np.bincount(in_class, value, last), value @ times)
    # Each chunk and group that have pairs in common, and how many.
    common, lost = np.unique(pairs.chunk * GROUPS + pairs.group[pairs.rank], return_counts=True)
    chunk, group = np.divmod(common, GROUPS)
    left_class = np.searchsorted(CLASSES, times[chunk] - lost, side="right") - 1
    change = np.zeros((GROUPS, last + 1))
    np.add.at(change, (group, in_class[chunk]), -value[chunk])
    some = left_class >= 0
    np.add.at(change, (group[some], left_class[some]), value[chunk[some]])
    np.add.at(change, (group, last), -value[chunk] * lost)
    read = pairs.read.sum()
    without = read - np.bincount(pairs.group, pairs.read, GROUPS)
    used = np.unique(pairs.group)
    replicas = ((y + change) / without[:, np.newaxis])[used]
    replicas -= replicas.mean(axis=0)
    nominal, listed = (
        column.sum() - np.bincount(pairs.group, column, GROUPS)[used]
        for column in (pairs.nominal, pairs.listed)
    )
    known = nominal / listed - (nominal / listed).mean()
    # One group of ranks that makes up nearly all the spread says nothing of the others.
    spread = float(known @ known)
    is_known = spread > 0 and float((known**2).max()) < LEVERAGE_MAX * spread
    slope = known @ replicas / spread if is_known else np.zeros(last + 1)
    replicas -= np.outer(known, slope)
    # One degree of freedom went into the slope, which is the share that 1 - 1 / groups takes.
    covariance = (1 - p) * replicas.T @ replicas
    # Of the chunks only a random share was kept, whatever their rank.
    lost_value = np.append(np.bincount(in_class, value**2, last), (value * times) @ (value * times))
    more = pairs.nominal_share - float(pairs.nominal.sum() / pairs.listed.sum())
    return y / read + more * slope, covariance + np.diag((1 - pairs.kept) * lost_value) / read**2
