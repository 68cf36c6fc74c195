"""The listing of a source, counted: what there is to read, and to sample in which order."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from storeff.scan.extent import Extents
from storeff.scan.run import PROGRESS_SECONDS, Progress, Shard, interrupted_at, of_shard
from storeff.scan.sampling import SamplingDesign, SamplingRanks, Totals, may_have_holes
from storeff.sources.census import Census
from storeff.sources.entry import Entries
from storeff.sources.skipped import skipped_for
from storeff.sources.source import Source
from storeff.sources.sums import exact_sum

# Extents that are held at a time, about 120 bytes each, and bytes of their paths, which may be
# thousands of directories deep: for more, the source is listed again.
EXTENTS_HELD = 1 << 20
PATH_BYTES_HELD = 256 << 20
# Pieces of a listing in which there are some of them, before they are joined.
PARTS_HELD = 1024


class Listing:
    """What is in ``source``, counted; no data is read. What is known of extents and of their ranks,
    which only a sample needs, is found out when it is first asked for, in another listing.

    Of a ``shard`` the ranks are those of everything, all else is that of its objects.
    """

    def __init__(self, source: Source, design: SamplingDesign, shard: Shard | None = None) -> None:
        self.source = source
        self.design = design
        self.shard = shard
        self.census = Census()
        self.skipped_bytes = 0
        self.unopened_bytes = 0
        self.root_bytes = [0] * len(source.roots)
        self.totals = Totals()
        self.path_bytes = 0
        self._ranks: SamplingRanks | None = None

    @property
    def sampled_bytes(self) -> int:
        """Bytes of all extents that may be sampled: not those that are in holes, or in files that
        may have some and cannot be opened."""
        self._looked_into()
        return self.census.size_bytes - self.skipped_bytes - self.unopened_bytes

    @property
    def stored_bytes(self) -> int:
        """About what there is to read: holes are not. Some systems do not say what they store."""
        stored = self.census.allocated_bytes
        return min(stored, self.census.size_bytes) if stored else self.census.size_bytes

    def count(
        self,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> bool:
        """Whether all was counted: not if ``stop`` was set."""
        shown_at = 0.0
        for found in self.source.list():
            if stop.is_set():
                self.census.add_left_out(interrupted_at(self.source, found))
                break
            if not isinstance(found, Entries):
                # What is no object is in the first shard.
                if self.shard is None or self.shard[0] == 0:
                    self.census.add_left_out(found)
                continue
            entries = of_shard(self.shard, found)
            self.census.add_entries(entries)
            self.path_bytes += int(entries.path_bytes.sum())
            for root, size_bytes in entries.sums_by_root(entries.sizes).items():
                self.root_bytes[root] += size_bytes
            if time.monotonic() - shown_at >= PROGRESS_SECONDS:
                shown_at = time.monotonic()
                on_progress(Progress(True, self.census.files, self.census.size_bytes, 0, 0))
        return "interrupted" not in self.census.skipped

    @property
    def ranks(self) -> SamplingRanks:
        """The sampling ranks. When they are first asked for, files that may have holes are looked
        into, and those that cannot be are left out."""
        return self._looked_into()

    def _looked_into(self) -> SamplingRanks:
        if self._ranks is None:
            self._ranks = SamplingRanks(self.source, self.design)
            for found in self.source.list():
                if isinstance(found, Entries):
                    self._ranks.count(found)
                    self.count_extents(of_shard(self.shard, found), self._ranks)
        return self._ranks

    def count_extents(self, entries: Entries, ranks: SamplingRanks) -> None:
        sizes, extent_bytes = entries.sizes, self.design.extent_bytes
        unsure = may_have_holes(sizes, entries.allocated, extent_bytes)
        ranks.extents += exact_sum(-(-sizes[~unsure] // extent_bytes))
        for row in np.flatnonzero(unsure).tolist():
            entry = entries[row]
            try:
                missing_bytes = entry.size_bytes - ranks.sampled_bytes(entry)
                self.skipped_bytes += missing_bytes
            except OSError as error:
                missing_bytes = entry.size_bytes
                self.unopened_bytes += missing_bytes
                name = self.source.name(entry)
                self.census.add_left_out(skipped_for(error, name, missing_bytes))
            for root in entry.roots:
                self.root_bytes[root] -= missing_bytes

    def slices(self, low: float, high: float) -> Iterator[tuple[float, Extents]]:
        """The extents that rank in [``low``, ``high``), in order, as many as may be held at a time;
        and below which rank they are."""
        width = min(
            EXTENTS_HELD / max(1, self.ranks.extents), PATH_BYTES_HELD / max(1, self.path_bytes)
        )
        while low < high:
            end = high if high - low <= width else low + width
            self.totals = Totals()
            selected = _joined(self.ranks.select(self.entries(), low, end, self.totals))
            yield end, selected.take(np.lexsort((selected.rows["start"], selected.ranks)))
            low = end

    def entries(self) -> Iterator[Entries]:
        """The objects, of the shard if there is one."""
        for found in self.source.list():
            if isinstance(found, Entries):
                yield of_shard(self.shard, found)


def _joined(found: Iterator[Extents]) -> Extents:
    """All of ``found``. Few of the extents of many objects are in a sample: an object of each takes
    more than what it holds."""
    parts: list[Extents] = []
    for extents in found:
        if len(extents):
            parts.append(extents)
        if len(parts) == PARTS_HELD:
            parts = [Extents.joined(parts)]
    return Extents.joined(parts)
