"""Looking into a sample of objects: what applications have done to their bytes before."""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff.errors import ContradictionError
from storeff.scan.pace import Pace
from storeff.scan.windows import Windows
from storeff.sources.content import PROBE_BYTES, Recogniser, classify
from storeff.sources.entry import Entry
from storeff.sources.formats import UNTOLD, Inside
from storeff.sources.formats.readers import Looker
from storeff.sources.source import Source, read_range

Floats = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

# Windows whose objects are looked into: a share of half of the data is then known to 4 % of it.
# An object takes 0.1 to 0.5 ms (2 vCPU EPYC, 2026-11-26).
WINDOWS_LOOKED_INTO = 512


class Look(NamedTuple):
    """The class of an object, and what is inside; ``problem`` says why that is not told of the one
    that is called ``name``."""

    content_class: str
    inside: Inside
    problem: str = ""
    name: bytes = b""


@dataclass(frozen=True, eq=False)
class Looks:
    """What is inside the objects of the windows of lowest rank: of each of ``ranks`` (n,),
    ascending, the number of its object in ``objects`` and its length in ``lengths``, which are
    bytes. All windows that rank below ``tau`` are here; it is infinite if there are no others.
    ``looks`` are by object; one that could not be read has none."""

    objects: U64
    ranks: Floats
    lengths: U64
    tau: float
    looks: dict[int, Look]

    @property
    def weights(self) -> Floats:
        """(n,) how many bytes of the data a window stands for."""
        lengths = self.lengths.astype(np.float64)
        weights: Floats = lengths / np.minimum(1.0, lengths * self.tau)
        return weights

    @staticmethod
    def joined(parts: Sequence["Looks"]) -> "Looks":
        """What ``look_into`` gives of the windows of all ``parts``, which are of different shards:
        each of the lowest ranks of all is among the lowest of its shard."""
        objects, ranks, lengths = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("objects", "ranks", "lengths")
        )
        order = np.lexsort((objects, ranks))
        tau = min(part.tau for part in parts)
        if len(order) > WINDOWS_LOOKED_INTO:
            tau = min(tau, float(ranks[order[WINDOWS_LOOKED_INTO]]))
        order = order[ranks[order] < tau]
        known = {number: look for part in parts for number, look in part.looks.items()}
        looks = {n: known[n] for n in objects[order].tolist() if n in known}
        return Looks(objects[order], ranks[order], lengths[order], tau, looks)


def look_into(
    source: Source,
    windows: Windows,
    *,
    is_kv: Recogniser | None = None,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
) -> Looks:
    """Look into the objects of the first WINDOWS_LOOKED_INTO of ``windows``: their heads, and the
    headers and footers of their formats. After a ``stop``, of as many as were done by then."""
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    count = min(WINDOWS_LOOKED_INTO, len(windows.ranks))
    looks: dict[int, Look] = {}
    done = 0
    with contextlib.closing(Looker(source)) as looker:
        for number in windows.objects[:count].tolist():
            if stop.is_set():
                break
            done += 1
            if number in looks:
                continue
            try:
                looks[number] = _look(source, windows.entries[number], looker, is_kv, pace)
            except OSError:
                # It is counted, with a reason, where its bytes are read.
                continue
    # Those that rank below the first that is left out are a sample by themselves.
    tau = windows.tau if done == len(windows.ranks) else float(windows.ranks[done])
    return Looks(windows.objects[:done], windows.ranks[:done], windows.lengths[:done], tau, looks)


def most_asked(windows: Windows) -> tuple[int, int]:
    """Requests that an object store is asked at most if ``look_into`` looks into ``windows``, and
    the bytes that these fetch, whatever the objects are: heads, and as much as HDF5 and Zarr take.
    Archives and tables of very many parts may take more."""
    # Imported by few scans, as it takes subprocess.
    from storeff.sources.formats import hdf5, zarr

    numbers = {*windows.objects[:WINDOWS_LOOKED_INTO].tolist()}
    entries = [windows.entries[number] for number in numbers]
    requests, fetched_bytes = zarr.most_beside(entries)
    for entry in entries:
        requests += 1
        fetched_bytes += min(PROBE_BYTES, entry.size_bytes)
        if entry.size_bytes > PROBE_BYTES:
            # Footers and directories of other formats take a few.
            requests += max(hdf5.pages_most(entry.size_bytes), zarr.READS_MAX)
            fetched_bytes += min(entry.size_bytes, hdf5.READ_BYTES_MAX)
    return requests, fetched_bytes


def _look(
    source: Source, entry: Entry, looker: Looker, is_kv: Recogniser | None, pace: Pace
) -> Look:
    """Raises OSError if the object cannot be read."""
    with source.open(entry) as reader:
        head = b""

        def read(offset: int, length: int) -> bytes:
            if offset < 0 or length < 0 or offset + length > entry.size_bytes:
                raise ContradictionError("it points beyond its own end")
            if offset + length <= len(head):
                return head[offset : offset + length]
            found = read_range(reader, offset, length)
            pace.wait(length)
            return found

        head = read(0, min(PROBE_BYTES, entry.size_bytes))
        name = source.name(entry)
        content_class = classify(head, name, entry.size_bytes, is_kv)
        try:
            return Look(content_class, looker.inside(entry, content_class, read))
        except ContradictionError as error:
            return Look(content_class, UNTOLD, str(error), name)
