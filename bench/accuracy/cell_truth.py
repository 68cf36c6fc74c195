"""The truth of every cell of a scan: all chunks of every cutting compressed, by plain sums.

Independent of how storeff samples and estimates: only reading and cutting are its own. A file is
cut in parts of 128 MiB, and between holes, as if each stretch of data were a file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import lz4.block
import numpy as np
import numpy.typing as npt
import zstandard

from storeff import _native
from storeff.scan.plan import CUTTINGS, Chunker
from storeff.sources.entry import Entry
from storeff.sources.source import Source, fill
from storeff.sources.source import entries as listed
from storeff.sources.tree import LocalTree

PART_BYTES = 128 << 20
# Block storage gives whole units, and keeps a block compressed at no more than this share of it.
UNIT_BYTES = 4096
REQUIRED_SHARE = 0.875

Ints = npt.NDArray[np.int64]
Sizes = Callable[[bytes | memoryview], int]


def _zstd(level: int) -> Sizes:
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=False)
    return lambda block: len(compressor.compress(block))


CODECS: dict[str, Sizes] = {
    "lz4": lambda block: len(lz4.block.compress(block, store_size=False)),
    "zstd-1": _zstd(1),
    "zstd-3": _zstd(3),
}


def compressed_bytes(block: bytes | memoryview) -> tuple[int, ...]:
    """By codec, no more than the block's own bytes."""
    return tuple(min(len(block), sizes(block)) for sizes in CODECS.values())


@cache
def run_bytes_compressed(byte: int, length: int) -> tuple[int, ...]:
    return compressed_bytes(bytes([byte]) * length)


@dataclass
class Population:
    """The chunks of one cutting: by key and size how many there are, and their compressed bytes.

    Of constant runs the bytes are counted, by byte value. Distinct, a value costs one chunk of
    ``max_bytes``; as often as it occurs, as many of these, in fractions, as it has bytes.
    """

    cutting: Chunker
    counts: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    compressed: dict[tuple[int, int, int], tuple[int, ...]] = field(default_factory=dict)
    runs: Counter[int] = field(default_factory=Counter)

    def add(self, data: memoryview, kernel: str) -> None:
        """Count the chunks of a stretch of data, and compress those that are new."""
        cuts = _native.cut(data, self.cutting.min_bytes, self.cutting.max_bytes, kernel)
        is_run = cuts[:, 2] == 1
        for offset, length, _ in cuts[is_run].tolist():
            self.runs[data[offset]] += length
        chunks = np.ascontiguousarray(cuts[~is_run])
        if not len(chunks):
            return
        keys = _native.fingerprints(data, chunks, kernel).tolist()
        for (offset, length, _), (high, low) in zip(chunks.tolist(), keys, strict=True):
            key = high, low, length
            self.counts[key] += 1
            if key not in self.compressed:
                self.compressed[key] = compressed_bytes(data[offset : offset + length])

    def cells(self) -> Iterator[tuple[str, int]]:
        """Every cell by name, and its bytes."""
        name, largest = self.cutting.name, self.cutting.max_bytes
        sizes = np.array([key[2] for key in self.compressed], np.int64)
        counts = np.array([self.counts[key] for key in self.compressed], np.int64)
        yield f"unique {name}", int(sizes.sum()) + largest * len(self.runs)
        of_codec = np.array([*self.compressed.values()], np.int64).reshape(-1, len(CODECS))
        for column, codec in enumerate(CODECS):
            left = of_codec[:, column]
            of_run = {byte: run_bytes_compressed(byte, largest)[column] for byte in self.runs}
            yield f"combined {name} {codec}", int(left.sum()) + sum(of_run.values())
            saved = sum(self.runs[b] * (largest - size) // largest for b, size in of_run.items())
            only = int(counts @ left) + self.runs.total() - saved
            yield f"only {name} {codec}", only
            if self.cutting.kind == "fixed" and largest > UNIT_BYTES:
                taken = int(counts @ in_units(sizes, left))
                for byte, size in of_run.items():
                    each = in_units(np.array([largest]), np.array([size]))
                    taken += self.runs[byte] // largest * int(each[0])
                yield f"units {name} {codec}", taken


def in_units(sizes: Ints, compressed: Ints) -> Ints:
    """(n,) bytes that blocks of ``sizes`` take which compress to ``compressed``."""
    small, whole = (-(-each // UNIT_BYTES) * UNIT_BYTES for each in (compressed, sizes))
    taken: Ints = np.where(small <= REQUIRED_SHARE * sizes, small, whole)
    return taken


def stretches(source: Source, entries: Sequence[Entry]) -> Iterator[memoryview]:
    """The data of ``entries``, between holes and the ends of parts; each is overwritten by the
    next."""
    largest = min(PART_BYTES, max((entry.size_bytes for entry in entries), default=0))
    buffer = memoryview(bytearray(largest))
    for entry in entries:
        with source.open(entry) as reader:
            for offset, length, is_hole in reader.segments(0, entry.size_bytes):
                end = offset if is_hole else offset + length
                while offset < end:
                    until = min(end, (offset // PART_BYTES + 1) * PART_BYTES)
                    view = buffer[: until - offset]
                    fill(reader, view, offset)
                    yield view
                    offset = until


def cells_of(source: Source, entries: Sequence[Entry]) -> dict[str, int]:
    """What there is to find of every cell, in bytes, by name; ``data`` are all."""
    kernel = _native.kernels()[0]
    populations = [Population(cutting) for cutting in CUTTINGS if cutting.kind != "whole"]
    data_bytes = 0
    for data in stretches(source, entries):
        data_bytes += len(data)
        for population in populations:
            population.add(data, kernel)
    return {"data": data_bytes} | dict(cell for each in populations for cell in each.cells())


def truth(folder: Path, kept_in: Path) -> dict[str, int]:
    """``cells_of`` all files in ``folder``, kept in a file until one of them changes."""
    source = LocalTree([folder])
    entries = sorted(listed(source), key=lambda each: each.path)
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(repr((entry.key, entry.size_bytes, entry.version)).encode())
    cuts = [(c.name, *c.cut) for c in CUTTINGS]
    made_with = [zstandard.ZSTD_VERSION, lz4.library_version_string(), cuts]
    digest.update(repr(made_with).encode())
    file = kept_in / f"{folder.name}-{digest.hexdigest()[:16]}.json"
    if not file.exists():
        kept_in.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(cells_of(source, entries), indent=1) + "\n")
        part.rename(file)
    found: dict[str, int] = json.loads(file.read_text())
    return found
