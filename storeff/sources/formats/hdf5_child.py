"""The process that looks into HDF5 files for storeff.sources.formats.hdf5, which says why.

It is run as a script, with how much may be read of a file, and at once, and imports nothing of
storeff. It gets the size of a file at a time, asks for bytes of it ("?", offset, length), and ends
with an answer ("=", length, JSON).
"""

import io
import json
import math
import os
import resource
import signal
import struct
import sys
from collections import Counter
from typing import Any

import h5py
from h5py import h5d, h5o, h5t

# What is looked at of a file: its first datasets, and of each its first chunks.
DATASETS_MAX = 128
OBJECTS_MAX = 4096
CHUNKS_MAX = 1024
# Of the process, whatever becomes of the other: a look takes some milliseconds and megabytes.
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 600
# Filters by their numbers: https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/
# RegisteredFilterPlugins.md. Shuffle and checksums compress nothing.
FILTERS = {1: "gzip", 4: "szip", 5: "nbit", 6: "scale-offset", 307: "bzip2", 32000: "lzf"}
FILTERS |= {32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd"}
FILTERS |= {32017: "sz", 32024: "sz3", 32026: "blosc2"}
NO_CODECS = (2, 3)
TYPES = {h5t.STRING: "string", h5t.BITFIELD: "bitfield", h5t.OPAQUE: "opaque"}
TYPES |= {h5t.COMPOUND: "compound", h5t.REFERENCE: "reference", h5t.ENUM: "enum"}
TYPES |= {h5t.VLEN: "variable", h5t.ARRAY: "array", h5t.FLOAT: "float", h5t.INTEGER: "int"}


class File(io.RawIOBase):
    """A file of the other process, of which up to ``bytes_max`` are read, in pages."""

    def __init__(self, size_bytes: int, bytes_max: int, page_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.left_bytes = bytes_max
        self.page_bytes = page_bytes
        self.pages: dict[int, bytes] = {}
        self.at = 0

    @property
    def is_read_out(self) -> bool:
        return self.left_bytes < 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size_bytes}
        self.at = base[whence] + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        done, length = 0, len(buffer)
        while done < length and self.at < self.size_bytes:
            number, skipped = divmod(self.at, self.page_bytes)
            part = self.page(number)[skipped : skipped + length - done]
            buffer[done : done + len(part)] = part
            done += len(part)
            self.at += len(part)
        return done

    def page(self, number: int) -> bytes:
        if number not in self.pages:
            offset = number * self.page_bytes
            length = min(self.page_bytes, self.size_bytes - offset)
            self.left_bytes -= length
            if self.is_read_out:
                raise OSError("more is asked for than may be read")
            os.write(1, struct.pack("<cQQ", b"?", offset, length))
            self.pages[number] = received(length)
        return self.pages[number]


class Seen:
    """What was seen of the datasets: bytes ``stored`` by codec, and ``plain`` by type; ``before``,
    what both were; and whether that ``is_all``."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.stored: Counter[str] = Counter()
        self.plain: Counter[str] = Counter()
        self.before = 0
        self.datasets = 0
        self.objects = 0
        self.is_all = True

    def add(self, dataset: h5d.DatasetID) -> None:
        layout = dataset.get_create_plist()
        # What is in other files is not looked for there.
        if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
            return
        kind = dataset.get_type()
        name = type_name(kind)
        if layout.get_layout() != h5d.CHUNKED:
            size = dataset.get_storage_size()
            if size > self.size_bytes:
                raise ValueError("a dataset is larger than the file")
            self.plain[name] += size
            self.before += size
            return
        filters = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
        codecs = [
            (1 << i, FILTERS.get(number, f"filter {number}"))
            for i, number in enumerate(filters)
            if number not in NO_CODECS
        ]
        stored: Counter[str] = Counter()
        plain = chunks = 0

        def add(chunk: h5d.StoreInfo) -> bool | None:
            nonlocal plain, chunks
            chunks += 1
            # A bit is set for each filter that was left out.
            used = [codec for bit, codec in codecs if not chunk.filter_mask & bit]
            if used:
                stored[used[-1]] += chunk.size
            else:
                plain += chunk.size
            return True if chunks == CHUNKS_MAX else None

        dataset.chunk_iter(add)
        chunk = layout.get_chunk()
        times = over = 1
        if chunks == CHUNKS_MAX:
            # The others are taken to be there, as far as the file is long, and to be as these are.
            shape = dataset.get_space().get_simple_extent_dims()
            grid = math.prod(-(-of // by) for of, by in zip(shape, chunk, strict=True))
            seen_bytes = max(1, plain + sum(stored.values()))
            most = max(1, self.size_bytes // seen_bytes)
            times, over = min((max(grid, chunks), chunks), (most * chunks, chunks))
            self.is_all = False
        for codec, size in stored.items():
            self.stored[codec] += size * times // over
        self.plain[name] += plain * times // over
        self.before += chunks * math.prod(chunk) * kind.get_size() * times // over


def type_name(kind: h5t.TypeID) -> str:
    name = TYPES.get(kind.get_class(), "other")
    if name == "int" and kind.get_sign() == h5t.SGN_NONE:
        name = "uint"
    return f"{name}{8 * kind.get_size()}" if name in ("int", "uint", "float") else name


def look(file: File) -> dict[str, object]:
    seen = Seen(file.size_bytes)
    try:
        with h5py.File(file, "r") as opened:

            def add(name: bytes, info: h5o.ObjInfo) -> bool | None:
                seen.objects += 1
                if info.type == h5o.TYPE_DATASET:
                    seen.add(h5o.open(opened.id, name))
                    seen.datasets += 1
                if seen.datasets == DATASETS_MAX or seen.objects == OBJECTS_MAX:
                    seen.is_all = False
                    return True
                return None

            # Each object once, and only those that hard links lead to.
            h5o.visit(opened.id, add, info=True)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        if not file.is_read_out:
            return {"error": str(error)[:200]}
        seen.is_all = False
    return vars(seen)


def received(length: int) -> bytes:
    """The next bytes of the other process; where it ends, this one does."""
    data = sys.stdin.buffer.read(length)
    if len(data) < length:
        raise SystemExit
    return data


def main() -> None:
    bytes_max, page_bytes = map(int, sys.argv[1:])
    # The other process decides when a scan ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The standard files are open, and no other can be: neither those that a file names nor plugins.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    os.write(1, b"!")
    while True:
        [size_bytes] = struct.unpack("<Q", received(8))
        answer = json.dumps(look(File(size_bytes, bytes_max, page_bytes))).encode()
        os.write(1, struct.pack("<cQ", b"=", len(answer)) + answer)


if __name__ == "__main__":
    main()
