"""What compression alone leaves: every chunk compressed, and none stored once for two."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.estimate.totals import Sample, estimate_total, sample_of
from storeff.quantity import Quantity
from storeff.scan.codecs import codec
from storeff.scan.measurement import Measurement
from storeff.scan.plan import ALLOCATION_BYTES, REQUIRED_RATIO, Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]


class Compression(msgspec.Struct, frozen=True):
    """Bytes left when independent blocks are compressed and nothing is deduplicated.

    ``allocation_bytes`` and ``required_ratio`` are as in Allocation. Where they are not 1, what is
    left may be more than the data: every block takes whole units.
    """

    codec: str
    block_bytes: int
    compressed_bytes: Quantity
    ratio: Quantity
    allocation_bytes: int = 1
    required_ratio: float = 1.0


class Allocation(NamedTuple):
    """How much space a system gives a block: whole units of ``allocation_bytes``, and to its
    compressed form only if that takes at most ``required_ratio`` of the block's bytes."""

    allocation_bytes: int
    required_ratio: float

    def taken(self, sizes: U64, compressed: U64) -> U64:
        """(n,) bytes that blocks of ``sizes`` take which compress to ``compressed``."""
        small = self.rounded(compressed)
        taken: U64 = np.where(small <= self.required_ratio * sizes, small, self.rounded(sizes))
        return taken

    def saved(self, sizes: U64, compressed: U64) -> U64:
        """(n,) bytes that compressing saves of what the blocks would take without."""
        return self.rounded(sizes) - self.taken(sizes, compressed)

    def rounded(self, sizes: U64) -> U64:
        """(n,) ``sizes`` in whole units."""
        unit = np.uint64(self.allocation_bytes)
        return (sizes + unit - np.uint64(1)) // unit * unit


# Counted in bytes, and as block storage allocates.
IN_BYTES = Allocation(1, 1.0)
IN_UNITS = Allocation(ALLOCATION_BYTES, REQUIRED_RATIO)


@dataclass(frozen=True, eq=False)
class Cut:
    """One chunker's sketch as the two samples that it is, and the compressed sizes of its runs.

    ``kept`` is all that is kept, ``compressed`` the part of it whose compressed sizes are known.
    ``run_sizes`` are by codec the bytes of one largest chunk of each byte value that occurred as a
    run.
    """

    chunker: Chunker
    sketch: Sketch
    kept: Sample
    compressed: Sample
    run_sizes: dict[str, dict[int, int]]

    def sizes(self, codec_name: str) -> U64:
        """Compressed bytes of each chunk of ``compressed``."""
        index = self.chunker.codecs.index(codec_name)
        return self.compressed.sketch.compressed[:, index].astype(np.uint64)

    def left(self, codec_name: str, allocation: Allocation, whole_bytes: int) -> Quantity:
        """What compressing every chunk, as often as it occurs, leaves of the ``whole_bytes`` that
        all take without.

        Estimated is what is saved, which is part of each chunk's size; what a small chunk takes may
        be many times that.
        """
        sample = self.compressed.sketch
        sizes = self.sizes(codec_name)
        # Each occurrence counts: of distinct chunks that is only known of all, so of all or none.
        saved = sample.counts * allocation.saved(sample.sizes, sizes)
        taken = sample.counts * allocation.taken(sample.sizes, sizes)
        runs = self._saved_of_runs(codec_name, allocation)
        total = estimate_total(self.compressed, saved, part_of=sample.sizes).plus(runs)
        others = max(0, self.sketch.chunks - int(sample.counts.sum()))
        least_left = int(taken.sum()) + others * allocation.allocation_bytes
        known = total.quantity(int(saved.sum()) + runs, max(whole_bytes - least_left, runs))
        return less(whole_bytes, known)

    def _saved_of_runs(self, codec_name: str, allocation: Allocation) -> int:
        """Bytes that runs save, cut in largest chunks."""
        largest = self.chunker.max_bytes
        saved = 0
        for byte, size in self.run_sizes[codec_name].items():
            each = allocation.saved(*np.array([[largest], [size]], np.uint64))
            saved += int(self.sketch.run_bytes[byte]) * int(each[0]) // largest
        return saved


def cut_of(measurement: Measurement, chunker: Chunker) -> Cut:
    """What ``measurement`` has of ``chunker``."""
    sketch = measurement.sketches[chunker.name]
    kept = sample_of(sketch, measurement.plan.seed)
    compressed = kept
    if chunker.codecs:
        compressed = sample_of(sketch.compressed_sample(), measurement.plan.seed)
    of_runs = {name: run_sizes(sketch.run_count, chunker, name) for name in chunker.codecs}
    return Cut(chunker, sketch, kept, compressed, of_runs)


def run_sizes(runs: U64, chunker: Chunker, codec_name: str) -> dict[int, int]:
    """Compressed bytes of one largest chunk of each byte value of which ``runs`` (256,) has any."""
    values = [int(byte) for byte in np.flatnonzero(runs)]
    if not values:
        return {}
    sizes = codec(codec_name)([bytes([value]) * chunker.max_bytes for value in values])
    return dict(zip(values, sizes, strict=True))


def occurrences(cuts: Iterable[Cut], like: Chunker) -> Cut | None:
    """Of ``cuts`` the one that tells most of all chunks, as often as they occur, that are cut as
    ``like`` cuts: one that has all compressed, else a sample by place. None if there is neither."""
    alike = [cut for cut in cuts if cut.chunker.cut == like.cut and cut.chunker.codecs]
    for cut in alike:
        if cut.compressed.sketch.exact:
            return cut
    return next((cut for cut in alike if cut.chunker.per_occurrence), None)


def allocated_bytes(cuts: Iterable[Cut]) -> int | None:
    """What all blocks take in units of IN_UNITS without compression. Blocks of any multiple of the
    unit divide into blocks of the unit, which one of ``cuts`` counts. None if none does."""
    unit = IN_UNITS.allocation_bytes
    for cut in cuts:
        if cut.chunker.block_bytes == unit:
            return cut.sketch.chunks * unit
    return None


def less(whole: int, saved: Quantity) -> Quantity:
    """``whole`` without ``saved``."""
    if saved.value is None or saved.low is None or saved.high is None:
        return Quantity(None, None, None, "measured")
    return Quantity(whole - saved.value, whole - saved.high, whole - saved.low, "measured")


def ratio(data_bytes: int, left: Quantity) -> Quantity:
    """``data_bytes`` / ``left``: with bounds where both are known, a value where there is one;
    unknown where nothing may be left to divide by."""
    value = data_bytes / left.value if left.value else None
    if left.low is None or left.high is None:
        return Quantity(value, None, None, "measured")
    if not left.low:
        return Quantity(None, None, None, "measured")
    return Quantity(value, data_bytes / left.high, data_bytes / left.low, "measured")
