"""What reading costs, in seconds: one model for everything and for a part, so that the cheaper one
is read, and a time that is given is kept.

Threads divide what reading, cutting and counting take; ranking and estimating are done by one.
Storage is asked how fast it is (PartialScan.storage): where it is slower than the processor, it
decides.
"""

from dataclasses import dataclass
from functools import cached_property

from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.storage import Storage
from storeff.sources.listed_once import ListedOnce

# CPU seconds on one core of an Intel Xeon with AVX-512, 2026-11-26, by bench/speed/costs.py:
# of a full scan for a file beside its bytes, for listing it, and for a byte; of a part for ranking
# a listed file, for each extent beside its bytes, and for a byte.
FILE_SECONDS = 1.2e-5
LIST_SECONDS = 3e-6
BYTE_SECONDS = 3.2e-10
RANK_SECONDS = 8e-7
EXTENT_SECONDS = 3e-5
# Estimating from a part: loading scipy, and for each row of its sketches, times the rate,
# by which the sample is thinned to calibrate the intervals. Estimating from everything.
ESTIMATE_SECONDS = 1.0
ROW_SECONDS = 4e-5
ESTIMATE_ALL_SECONDS = 0.5
# Reading chunks of the samples again and compressing them, whatever there is: CPU seconds, and how
# much is read (4,000 to 17,000 stretches of 100 to 700 MB of two corpora and of /usr, half of it
# a moment after it was first read). Starting, sizing and reporting.
PROBE_CPU_SECONDS = 3.0
PROBE_OPENS, PROBE_BYTES, SMALL_CHUNK_BYTES = 5000, 250e6, 4096
REST_SECONDS = 1.5
# A prediction may be so far off: where a time is given, everything is read only if that would be
# done in it even so.
MARGIN = 1.3
# How exactly a rate is found that a time allows, relative to it.
_RATE_ERROR = 1e-3


@dataclass(frozen=True)
class Work:
    """What a listed tree makes of work: ``files`` and ``extents``; the bytes of files that are one
    extent, ``small_bytes``, and of larger ones, of which a part reads ``more_share`` beside each
    extent's own. ``sketches`` are, by chunker, the most rows, and how many bytes each is of.

    ``threads`` do it, on ``storage``. Files are listed again each time unless the listing
    ``is_held``.
    """

    files: int
    extents: int
    small_bytes: int
    large_bytes: int
    more_share: float
    sketches: tuple[tuple[int, int], ...]
    threads: int
    is_held: bool
    storage: Storage

    @classmethod
    def of(cls, scan: PartialScan, storage: Storage) -> "Work":
        """What there is to do of the tree that ``scan`` has listed."""
        listing, job = scan.listing, scan.job
        one_extent = listing.design.extent_bytes.bit_length() - 1
        small = sum(
            c.size_bytes for bits, c in listing.census.histogram.items() if bits <= one_extent
        )
        small = min(small, listing.sampled_bytes)
        return cls(
            files=listing.census.files,
            extents=listing.ranks.extents,
            small_bytes=small,
            large_bytes=listing.sampled_bytes - small,
            more_share=(listing.design.lead_bytes + job.tail_bytes) / listing.design.extent_bytes,
            sketches=_sketches(job.plan),
            threads=scan.threads,
            is_held=isinstance(listing.source, ListedOnce) and listing.source.held is not None,
            storage=storage,
        )

    @cached_property
    def everything_seconds(self) -> float:
        """Reading everything, and estimating from that."""
        return self.reading_everything_seconds + ESTIMATE_ALL_SECONDS + self.after_seconds

    def part_seconds(self, rate: float, since: float = 0.0) -> float:
        """Reading a part on from the rate ``since`` to ``rate``, and estimating from that."""
        reading = self.reading_part_seconds(rate, since)
        return reading + self.estimate_seconds(rate) + self.after_seconds

    @property
    def reading_everything_seconds(self) -> float:
        """Reading everything."""
        data_bytes = self.small_bytes + self.large_bytes
        return self._listing() + self._reading(self.files * FILE_SECONDS, self.files, data_bytes)

    def reading_part_seconds(self, rate: float, since: float = 0.0) -> float:
        """Reading a part on from the rate ``since`` to ``rate``."""
        extents = (rate - since) * self.extents
        part_bytes = (rate - since) * (self.small_bytes + self.large_bytes * (1 + self.more_share))
        ranking = self.files * RANK_SECONDS
        return (
            self._listing() + ranking + self._reading(extents * EXTENT_SECONDS, extents, part_bytes)
        )

    def estimate_seconds(self, rate: float) -> float:
        """Estimating from a part at ``rate``."""
        data_bytes = rate * (self.small_bytes + self.large_bytes)
        rows = sum(min(most, data_bytes / chunk_bytes) for most, chunk_bytes in self.sketches)
        return ESTIMATE_SECONDS + rate * rows * ROW_SECONDS

    @property
    def after_seconds(self) -> float:
        """What comes after reading and beside estimating, whatever was read."""
        return self.probing_seconds + REST_SECONDS

    @property
    def probing_seconds(self) -> float:
        """Reading chunks of the samples again, and compressing them; of little data no more."""
        data_bytes = self.small_bytes + self.large_bytes
        opens = min(PROBE_OPENS, data_bytes / SMALL_CHUNK_BYTES)
        stored = opens * self.storage.open_seconds
        stored += min(PROBE_BYTES, data_bytes) * self.storage.byte_seconds
        return max(PROBE_CPU_SECONDS / self.threads, stored)

    def rate_within(self, seconds: float, since: float = 0.0) -> float:
        """The largest rate up to which reading on from ``since``, and estimating from all of it,
        takes no more than ``seconds``; ``since`` if none does."""

        def is_within(rate: float) -> bool:
            return self.reading_part_seconds(rate, since) + self.estimate_seconds(rate) <= seconds

        low, high = since, 1.0
        if is_within(high):
            return high
        while high - low > _RATE_ERROR * high:
            middle = (low + high) / 2
            if is_within(middle):
                low = middle
            else:
                high = middle
        return low

    def _listing(self) -> float:
        """Listing again, beside the first time."""
        return 0.0 if self.is_held else self.files * LIST_SECONDS

    def _reading(self, cpu_seconds: float, opens: float, data_bytes: float) -> float:
        stored = opens * self.storage.open_seconds + data_bytes * self.storage.byte_seconds
        return max((cpu_seconds + data_bytes * BYTE_SECONDS) / self.threads, stored)


def _sketches(plan: Plan) -> tuple[tuple[int, int], ...]:
    """Rows that each sketch of a part has at most, and about how many bytes each row is of."""
    return tuple(
        (c.entries, (c.min_bytes + c.max_bytes) // 2) for c in plan.chunkers if c.max_bytes
    )
