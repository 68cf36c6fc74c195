"""Population totals from a priority sketch, with their standard error."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff.quantity import Z95, Quantity
from storeff.scan.sketch import Sketch

Values = npt.NDArray[np.uint64] | npt.NDArray[np.float64]

# One kept chunk that carries more of the regression than this makes its slope, and so its variance
# estimate, unreliable.
LEVERAGE_LIMIT = 0.1
# A known total further than this many standard errors from its own estimate means that a chunk
# too heavy for the sample to speak of was not kept; the total is then no control but a bias.
SURPRISE_LIMIT = 3.0


@dataclass(frozen=True)
class Total:
    """An estimated sum and its standard error (0 where the sum is exact)."""

    value: int | float
    standard_error: float

    def plus(self, exact: int) -> "Total":
        """The total of this and an exactly known part."""
        return Total(self.value + exact, self.standard_error)

    def quantity(self, least: int, most: int) -> Quantity:
        """The total in whole units with its 95 % interval, within what is logically possible."""
        if self.standard_error == 0:
            return Quantity(round(self.value), round(self.value), round(self.value), "measured")
        half = Z95 * self.standard_error
        value, low, high = (
            min(max(round(x), least), most)
            for x in (self.value, self.value - half, self.value + half)
        )
        return Quantity(value, low, high, "measured")


def estimate_total(sketch: Sketch, values: Values) -> Total:
    """Sum over all unique chunks of a quantity whose ``values`` are known for the kept ones.

    A chunk is kept with probability min(1, size x tau); the Horvitz-Thompson estimator over a
    priority sample is unbiased and its terms are uncorrelated (Szegedy, STOC 2006), so the
    variance is a plain sum. The referenced bytes of the chunks, whose true total is known, serve
    as a regression control where that lowers the variance and no chunk dominates it.
    """
    if sketch.exact:
        return Total(int(values.sum()), 0.0)
    y = values.astype(np.float64)
    referenced = (sketch.counts * sketch.sizes).astype(np.float64)
    kept_probability = np.minimum(1.0, sketch.sizes * sketch.tau)
    weight = (1.0 - kept_probability) / kept_probability**2
    plain = float((y / kept_probability).sum())
    plain_variance = float((weight * y**2).sum())

    leverage = weight * referenced**2
    known = sketch.bytes - int(sketch.run_bytes.sum())
    missed = known - float((referenced / kept_probability).sum())
    if (
        0 < leverage.max() < LEVERAGE_LIMIT * leverage.sum()
        and missed**2 < SURPRISE_LIMIT**2 * leverage.sum()
    ):
        slope = float((weight * referenced * y).sum() / leverage.sum())
        variance = float((weight * (y - slope * referenced) ** 2).sum())
        if variance < plain_variance:
            return Total(plain + slope * missed, variance**0.5)
    return Total(plain, plain_variance**0.5)
