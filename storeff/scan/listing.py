"""The listing of a source, counted: what there is to sample, and in which order."""

import threading
import time
from collections.abc import Callable, Iterator

from storeff.scan.run import PROGRESS_SECONDS, Progress, Shard, interrupted_at, is_in
from storeff.scan.sampling import Extent, SamplingDesign, SamplingRanks, Totals
from storeff.sources.census import Census
from storeff.sources.entry import Entry
from storeff.sources.skipped import skipped_for
from storeff.sources.source import Source

# Extents that are held at a time, about 400 bytes each, and bytes of their paths, which may be
# thousands of directories deep: for more, the source is listed again.
EXTENTS_HELD = 1 << 20
PATH_BYTES_HELD = 256 << 20
ENTRIES_COUNTED = 512


class Listing:
    """What is in ``source``, counted, so that sampling ranks are known; no data is read.

    Of a ``shard`` the ranks are those of everything, all else is that of its objects.
    """

    def __init__(self, source: Source, design: SamplingDesign, shard: Shard | None = None) -> None:
        self.source = source
        self.design = design
        self.shard = shard
        self.ranks = SamplingRanks(source, design)
        self.census = Census()
        self.skipped_bytes = 0
        self.unopened_bytes = 0
        self.root_bytes = [0] * len(source.roots)
        self.totals = Totals()
        self.path_bytes = 0

    @property
    def sampled_bytes(self) -> int:
        """Bytes of all extents that may be sampled: not those that are in holes, or in files that
        may have some and cannot be opened."""
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
        batch: list[Entry] = []
        shown_at = 0.0
        for found in self.source.list():
            if stop.is_set():
                self.census.add_left_out(interrupted_at(self.source, found))
                break
            if not isinstance(found, Entry):
                # What is no object is in the first shard.
                if self.shard is None or self.shard[0] == 0:
                    self.census.add_left_out(found)
                continue
            self.ranks.count(found)
            if not is_in(self.shard, found):
                continue
            batch.append(found)
            self.count_extents(found)
            if len(batch) == ENTRIES_COUNTED:
                self.census.add_entries(batch, [None] * len(batch))
                batch = []
                if time.monotonic() - shown_at >= PROGRESS_SECONDS:
                    shown_at = time.monotonic()
                    census = self.census
                    on_progress(Progress(True, census.files, census.size_bytes, 0, 0))
        self.census.add_entries(batch, [None] * len(batch))
        return "interrupted" not in self.census.skipped

    def count_extents(self, entry: Entry) -> None:
        try:
            sampled_bytes = self.ranks.sampled_bytes(entry)
            self.skipped_bytes += entry.size_bytes - sampled_bytes
        except OSError as error:
            sampled_bytes = 0
            self.unopened_bytes += entry.size_bytes
            name = self.source.name(entry)
            self.census.add_left_out(skipped_for(error, name, entry.size_bytes))
        for root in entry.roots:
            self.root_bytes[root] += sampled_bytes
        self.path_bytes += len(entry.path)

    def slices(self, low: float, high: float) -> Iterator[tuple[float, list[Extent]]]:
        """The extents that rank in [``low``, ``high``), in order, as many as may be held at a time;
        and below which rank they are."""
        width = min(
            EXTENTS_HELD / max(1, self.ranks.extents), PATH_BYTES_HELD / max(1, self.path_bytes)
        )
        while low < high:
            end = high if high - low <= width else low + width
            self.totals = Totals()
            selected = self.ranks.select(self.entries(), low, end, self.totals)
            yield end, sorted(selected, key=lambda extent: extent.order)
            low = end

    def entries(self) -> Iterator[Entry]:
        """The objects, of the shard if there is one."""
        for found in self.source.list():
            if isinstance(found, Entry) and is_in(self.shard, found):
                yield found
