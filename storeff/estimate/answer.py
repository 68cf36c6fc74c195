"""What is known of the answer while it is still being measured."""

from typing import Final, Literal, NamedTuple

from storeff.estimate.sketched import Cut
from storeff.quantity import Quantity
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

COMPRESSION_ONLY: Final = "compression only"
SAMPLED: Final = "dedup + compression"
SO_FAR: Final = "dedup so far"


class Answer(NamedTuple):
    """A ``ratio`` and what it is of.

    "compression only" and "dedup + compression" are estimates for all data, "dedup so far" is of
    what a full scan has read by now, and says nothing of the rest.
    """

    label: Literal["compression only", "dedup + compression", "dedup so far"]
    ratio: Quantity

    @property
    def is_known(self) -> bool:
        """Whether there is any figure."""
        return self.ratio.value is not None or self.ratio.low is not None


def dedup_so_far(sketch: Sketch, chunker: Chunker, seed: int) -> Answer:
    """What ``sketch``, of a scan under ``seed`` that goes on, has found by now."""
    unique = Cut(chunker, sketch, seed).distinct(sketch.bytes)
    return Answer(SO_FAR, sketch.bytes / unique)
