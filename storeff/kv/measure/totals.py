"""Totals over a dump from a sample of its token clusters, and how sure they are.

Each stratum (the keys or values of one layer in one file) is sampled by itself: clusters of
contiguous tokens, sampled without replacement with equal probability. Ratios of totals and their
variances are those of stratified cluster sampling with the finite-population correction (Cochran,
Sampling Techniques, 1977, 5A.4 and 6.11: the combined ratio estimate, by Taylor's series)."""

from collections.abc import Callable
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.quantity import Quantity


class Totals(msgspec.Struct, frozen=True):
    """Estimated totals of several measures, (m,), and the covariance of the estimates, (m, m).

    ``seen`` are the sums over the sample itself. ``degrees`` of freedom are sampled clusters less
    strata (Korn and Graubard, Analysis of Health Surveys, 1999). The covariance is NaN where one
    cluster stands for several: nothing is known of how they differ.
    """

    totals: list[float]
    covariance: list[list[float]]
    seen: list[float]
    degrees: int

    @classmethod
    def of(cls, measures: npt.ArrayLike, clusters: int) -> Self:
        """From the sample of one stratum, (n, m), out of ``clusters``."""
        sample = np.asarray(measures, float)
        count = len(sample)
        seen = sample.sum(0)
        width = sample.shape[1]
        if count == clusters:
            covariance = np.zeros((width, width))
        elif count == 1:
            covariance = np.full((width, width), np.nan)
        else:
            covariance = np.cov(sample, rowvar=False, ddof=1).reshape(width, width)
            covariance *= clusters**2 / count * (1 - count / clusters)
        return cls(
            (seen * (clusters / count)).tolist(),
            covariance.tolist(),
            seen.tolist(),
            count - 1 if count < clusters else 0,
        )

    def __add__(self, other: "Totals") -> "Totals":
        """Totals over the strata of both, which were sampled independently."""
        return Totals(
            (np.array(self.totals) + other.totals).tolist(),
            (np.array(self.covariance) + other.covariance).tolist(),
            (np.array(self.seen) + other.seen).tolist(),
            self.degrees + other.degrees,
        )

    def _half_width(self, gradient: npt.NDArray[np.float64]) -> float:
        """Half the 95 % interval of a function of the totals with this gradient at the estimate;
        NaN if unknown."""
        # Here, because scipy takes 45 MB and every report knows of these types.
        from scipy.special import stdtrit

        # Rounding can leave a little less than nothing.
        variance = float(np.maximum(gradient @ np.array(self.covariance) @ gradient, 0.0))
        return float(stdtrit(self.degrees, 0.975) * np.sqrt(variance)) if variance else 0.0

    def ratio(self, over: int, under: int) -> Quantity:
        """Total ``over`` by total ``under``, both of numbers that are not negative."""
        top, bottom = self.totals[over], self.totals[under]
        if not bottom:
            return UNKNOWN
        gradient = np.zeros(len(self.totals))
        gradient[over] += 1 / bottom
        gradient[under] -= top / bottom**2
        half = self._half_width(gradient)
        # The whole has at least what was seen of it.
        least = self.seen[over] / bottom
        return measured(top / bottom, max(top / bottom - half, least), top / bottom + half)

    def cosine(self, product: int, power: int, other: int) -> Quantity:
        """product / sqrt(power x other) of these totals."""
        inner, a, b = (self.totals[i] for i in (product, power, other))
        if not a * b > 0:
            return UNKNOWN
        cosine = inner / np.sqrt(a * b)
        gradient = np.zeros(len(self.totals))
        gradient[[product, power, other]] = 1 / np.sqrt(a * b), -cosine / a / 2, -cosine / b / 2
        half = self._half_width(gradient)
        return measured(cosine, max(cosine - half, -1.0), min(cosine + half, max(1.0, cosine)))


UNKNOWN = Quantity(None, None, None, "measured")


def measured(value: float, low: float, high: float) -> Quantity:
    """A measured quantity; what is not finite is unknown, and half an interval is none."""
    if not np.isfinite(value):
        return UNKNOWN
    if not np.isfinite([low, high]).all():
        return Quantity(float(value), None, None, "measured")
    return Quantity(float(value), float(min(low, value)), float(max(high, value)), "measured")


def mapped(q: Quantity, function: Callable[[float], float]) -> Quantity:
    """A monotone ``function`` of ``q``."""
    if q.value is None:
        return q
    value = function(q.value)
    if q.low is None or q.high is None:
        return Quantity(value, None, None, q.origin)
    low, high = sorted((function(q.low), function(q.high)))
    return Quantity(value, low, high, q.origin)
