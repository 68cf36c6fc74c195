"""How fast codecs are on the data itself, on one thread of this machine."""

import threading
import time
from collections.abc import Callable

import msgspec
import numpy as np

from storeff.scan.codecs import CODECS, DECOMPRESSED, codec
from storeff.scan.columns import Compressors
from storeff.scan.occurrences import WINDOW_BYTES
from storeff.scan.reread import Batch, Job, Rereader, Stretches
from storeff.scan.windows import Windows
from storeff.sources.source import Source

# Blocks of 64 KiB: 64 MB, of which zstd-3 compresses a quarter of a gigabyte a second.
BLOCKS = 1024
# Compressed again and kept, to be decompressed.
DECOMPRESSED_BLOCKS = 256


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Gigabytes of data (10^9) a second of CPU time, on one thread, in blocks of 64 KiB, of which
    there were ``data_bytes``. Null where the clock saw no time pass; for decompression also where
    that is not known of the codec."""

    data_bytes: int
    compress_gbps: float | None
    decompress_gbps: float | None


def measure_speeds(
    source: Source,
    windows: Windows,
    *,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
) -> dict[str, Speed]:
    """How fast each of CODECS is on blocks around the random bytes of ``windows`` of ``source``,
    the first BLOCKS by rank. Nothing of no data, nor after a ``stop``.

    Blocks that cannot be read, or are in holes, are left out. All are read before any is
    compressed, so that the speed of the storage is not in it.
    """
    rereader = Rereader(source, 1, bytes_per_second, stop or threading.Event())
    blocks = _blocks(windows, rereader)
    if not blocks or rereader.stop.is_set():
        return {}
    return {name: _speed(name, blocks) for name in CODECS}


def _blocks(windows: Windows, rereader: Rereader) -> list[bytes]:
    """The blocks, in the order of their windows."""
    objects = windows.objects[:BLOCKS]
    points = windows.points[:BLOCKS].astype(np.int64)
    starts = points // WINDOW_BYTES * WINDOW_BYTES
    sizes = [windows.entries[number].size_bytes for number in objects.tolist()]
    ends = np.minimum(starts + WINDOW_BYTES, np.array(sizes, np.int64))
    found: dict[int, bytes] = {}

    def use(batch: Batch, compressors: Compressors) -> None:
        columns = batch.rows, batch.offsets, batch.lengths
        for row, offset, length in zip(*(c.tolist() for c in columns), strict=True):
            if length > 0:
                found[row] = bytes(batch.buffer[offset : offset + length])

    stretches = Stretches(objects, starts, ends - starts, points)
    rereader.run([Job(("speeds", True), stretches, use)], windows.entries)
    return [found[row] for row in sorted(found)]


def _speed(name: str, blocks: list[bytes]) -> Speed:
    sizes_of = codec(name)
    # What a codec allocates is not its speed.
    sizes_of(blocks[:1])
    decompress_gbps = None
    if name in DECOMPRESSED:
        some = blocks[:DECOMPRESSED_BLOCKS]
        compress, decompress = DECOMPRESSED[name]()
        frames = [compress(block) for block in some]
        decompress(frames[0], len(some[0]))
        decompress_gbps = _gbps(
            some, lambda: [decompress(f, len(b)) for f, b in zip(frames, some, strict=True)]
        )
    return Speed(
        data_bytes=sum(map(len, blocks)),
        compress_gbps=_gbps(blocks, lambda: sizes_of(blocks)),
        decompress_gbps=decompress_gbps,
    )


def _gbps(blocks: list[bytes], call: Callable[[], object]) -> float | None:
    started = time.thread_time()
    call()
    seconds = time.thread_time() - started
    return sum(map(len, blocks)) / seconds / 1e9 if seconds > 0 else None
