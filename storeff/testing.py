"""For tests: a source in memory, what every source must do, and what every codec must.

``check_source`` and ``check_change`` raise AssertionError where a source breaks the contract of
storeff.sources.source. A new source runs both over objects of its own. ``check_codec`` does the
same for a compressor.
"""

import errno
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from storeff.scan.codecs import SizesOf
from storeff.sources.entry import Entries, Entry
from storeff.sources.skipped import MEANINGS, REMEDIES, ChangedError, Ignored, Skipped
from storeff.sources.source import (
    HOLE_BYTES,
    Found,
    Range,
    Ranges,
    RangesRead,
    Reader,
    Source,
    entries,
    fill,
    read_each,
    read_head,
    read_range,
)

# The position of a root, and the path of an object in it.
Key = tuple[int, bytes]
# The content of an object, in order: bytes, or the length of a hole.
Segment = bytes | int

# Sizes around those of headers, pages and the blocks that a scan cuts.
BLOCK_SIZES = (0, 1, 2, 3, 15, 64, 4095, 4096, 4097, 65_536, 131_072)
NOISE_BYTES = 65_536
CODEC_THREADS = 4


@dataclass
class MemoryObject:
    """``error`` is raised by every read that reaches byte ``error_at``; at -1, by opening it."""

    segments: tuple[Segment, ...]
    roots: tuple[int, ...]
    version: str
    error: OSError | None = None
    error_at: int = -1

    @property
    def size_bytes(self) -> int:
        return sum(s if isinstance(s, int) else len(s) for s in self.segments)


class MemorySource:
    """Objects in memory, as a Source without descriptors. No read gives over ``read_bytes``."""

    def __init__(self, roots: Sequence[bytes] = (b"memory:",), read_bytes: int = 1000) -> None:
        self.roots = tuple(roots)
        self.read_bytes = read_bytes
        self.objects: dict[Key, MemoryObject] = {}
        self.left_out: list[Skipped | Ignored] = []
        self.versions = 0

    def put(self, path: bytes, *segments: Segment, roots: tuple[int, ...] = (0,)) -> None:
        """Store an object, or another version of it."""
        self.versions += 1
        self.objects[roots[0], path] = MemoryObject(segments, roots, f"v{self.versions}")

    def list(self) -> Iterator[Found]:
        yield from self.left_out
        listed: list[Entry] = []
        for (_, path), item in sorted(self.objects.items(), key=lambda pair: pair[0]):
            stored_bytes = sum(len(s) for s in item.segments if isinstance(s, bytes))
            listed.append(Entry(path, item.roots, item.size_bytes, stored_bytes, item.version))
        if listed:
            yield Entries.of(listed)

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Reader]:
        item = self.objects.get((entry.roots[0], entry.path))
        if item is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", entry.path)
        if item.version != entry.version:
            raise ChangedError(errno.ESTALE, "written to since it was listed", entry.path)
        if item.error is not None and item.error_at < 0:
            raise item.error
        yield MemoryReader(item, self.read_bytes)

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        return read_each(self, ranges, buffer)

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        path = os.path.normpath(os.path.join(os.path.dirname(entry.path), relative))
        item = self.objects.get((entry.roots[0], path))
        if item is None or item.size_bytes > bytes_max:
            return None
        return read_range(MemoryReader(item, self.read_bytes), 0, item.size_bytes)

    def name(self, entry: Entry) -> bytes:
        return os.path.join(self.roots[entry.roots[0]], entry.path)


class MemoryReader:
    """The object as it was when it was opened, whatever is put in its place meanwhile."""

    descriptor = None

    def __init__(self, item: MemoryObject, read_bytes: int) -> None:
        self.item = item
        self.read_bytes = read_bytes

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        begin = start
        for position, segment in self._placed():
            if isinstance(segment, int):
                hole = max(start, -(-position // HOLE_BYTES) * HOLE_BYTES)
                until = min(end, (position + segment) // HOLE_BYTES * HOLE_BYTES)
                if hole < until:
                    if begin < hole:
                        yield begin, hole - begin, False
                    yield hole, until - hole, True
                    begin = until
        if begin < end:
            yield begin, end - begin, False

    def read_into(self, view: memoryview, offset: int) -> int:
        item = self.item
        end = min(offset + len(view), offset + self.read_bytes, item.size_bytes)
        if item.error is not None and item.error_at < end:
            raise item.error
        for position, segment in self._placed():
            length = segment if isinstance(segment, int) else len(segment)
            begin, until = max(position, offset), min(position + length, end)
            if begin < until:
                data = (
                    bytes(until - begin)
                    if isinstance(segment, int)
                    else segment[begin - position : until - position]
                )
                view[begin - offset : until - offset] = data
        return max(0, end - offset)

    def is_unchanged(self) -> bool:
        return True

    def _placed(self) -> Iterator[tuple[int, Segment]]:
        """Each segment and where it begins."""
        position = 0
        for segment in self.item.segments:
            yield position, segment
            position += segment if isinstance(segment, int) else len(segment)


def check_source(source: Source, contents: Mapping[Key, bytes]) -> None:
    """Raises AssertionError unless ``source`` holds just ``contents`` and does what a source must.

    Nothing may write to it meanwhile.
    """
    entries = _check_listing(source)
    assert entries.keys() == contents.keys(), "lists the objects that there are"
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda key: _check_object(source, entries[key], contents[key]), entries):
            pass
    _check_whole(source, entries, contents)
    for key, entry in entries.items():
        _check_ranges(source, entry, contents[key])
    _check_beside(source, entries, contents)


def check_change(
    source: Source, contents: Mapping[Key, bytes], key: Key, change: Callable[[], object]
) -> None:
    """Raises AssertionError unless ``source`` notices that ``change`` has changed, removed or
    broken the object ``key`` since it was listed, and that this costs no other object."""
    entries = _check_listing(source)
    change()
    assert not _reads(source, entries[key]), "a changed object is read as if it were not"
    buffer = memoryview(bytearray(max(1, sum(map(len, contents.values())))))
    wholes = source.read_ranges(_wholes(entries.values()), buffer)
    assert len(wholes) == len(entries), "read_ranges goes on after an object that it cannot read"
    for (each, entry), whole in zip(entries.items(), wholes, strict=True):
        if each != key:
            _check_object(source, entry, contents[each])
        if not whole.has_holes:
            assert (whole.error is not None) == (each == key), "read_ranges reports what changed"


def _check_listing(source: Source) -> dict[Key, Entry]:
    """The entries of ``source``, which lists the same again."""
    found: dict[Key, Entry] = {}
    for item in source.list():
        if not isinstance(item, Entries):
            reasons = REMEDIES if isinstance(item, Skipped) else MEANINGS
            assert item.reason in reasons, "gives a known reason"
    for entry in entries(source):
        first, *others = entry.roots
        assert others == sorted({*others} - {first}), "names the other roots once, ascending"
        assert all(0 <= root < len(source.roots) for root in entry.roots), "names roots of its own"
        assert entry.path, "gives a path"
        assert not entry.path.startswith(b"/"), "gives a path relative to the root"
        assert (first, entry.path) not in found, "lists an object once"
        found[first, entry.path] = entry
    again = {entry.key: entry for entry in entries(source)}
    assert again == {entry.key: entry for entry in found.values()}, "lists the same again"
    assert len({source.name(entry) for entry in again.values()}) == len(found), "names differ"
    assert len({*source.roots}) == len(source.roots), "shows each root once"
    return found


def _check_object(source: Source, entry: Entry, content: bytes) -> None:
    size_bytes = len(content)
    assert entry.size_bytes == size_bytes, "lists the size"
    with source.open(entry) as reader:
        middle, odd = size_bytes // 2, min(size_bytes, HOLE_BYTES + 1)
        for start, end in ((0, size_bytes), (middle, size_bytes), (odd, size_bytes), (0, middle)):
            _check_range(reader, content, start, end)
        assert reader.read_into(memoryview(bytearray(9)), size_bytes) == 0, "ends where it ends"
        if reader.descriptor is not None:
            assert os.pread(reader.descriptor, size_bytes, 0) == content, "reads the descriptor"
        assert reader.is_unchanged(), "takes an object for what was listed"


def _check_range(reader: Reader, content: bytes, start: int, end: int) -> None:
    at = start
    for offset, length, is_hole in reader.segments(start, end):
        assert (offset, length > 0) == (at, True), "segments follow each other without gaps"
        at = offset + length
        if is_hole:
            for border in {offset, at} - {start, end}:
                assert border % HOLE_BYTES == 0, "holes are whole granules"
            assert not content[offset:at].strip(b"\0"), "holes are zeros"
        assert read_range(reader, offset, length) == content[offset:at], "reads the content"
    assert at == max(start, end), "segments cover what was asked for"


def _check_whole(
    source: Source, entries: Mapping[Key, Entry], contents: Mapping[Key, bytes]
) -> None:
    assert len(source.read_ranges(_wholes([]), memoryview(bytearray(1)))) == 0, "reads none of none"
    largest = max(map(len, contents.values()), default=0)
    for buffer_bytes in (largest, max(1, sum(map(len, contents.values())))):
        buffer = memoryview(bytearray(buffer_bytes))
        left = list(entries)
        while left:
            wholes = source.read_ranges(_wholes(entries[key] for key in left), buffer)
            assert len(wholes), "reads one object that fits"
            for key, whole in zip(left, wholes, strict=False):
                assert whole.error is None, "reads what is there"
                if not whole.has_holes:
                    found = buffer[whole.offset : whole.offset + whole.length]
                    assert found == contents[key], "reads whole objects"
            spans = sorted((whole.offset, whole.length) for whole in wholes if whole.length)
            for (offset, length), (following, _) in pairwise(spans):
                assert offset + length <= following, "reads objects to places of their own"
            left = left[len(wholes) :]


def _all_of(entry: Entry) -> Range:
    return Range(entry, 0, entry.size_bytes)


def _wholes(entries: Iterable[Entry]) -> Ranges:
    return Ranges.of(_all_of(entry) for entry in entries)


def _check_ranges(source: Source, entry: Entry, content: bytes) -> None:
    """Parts of an object, read with its head."""
    size_bytes, middle = len(content), len(content) // 2
    with source.open(entry) as reader:
        head = read_head(reader, size_bytes, 100)
    wanted = [Range(entry, middle, size_bytes, 100), Range(entry, 0, middle), _all_of(entry)]
    buffer = memoryview(bytearray(2 * size_bytes + 100))
    for (_, start, end, head_bytes), read in zip(
        wanted, source.read_ranges(Ranges.of(wanted), buffer), strict=True
    ):
        if read.has_holes:
            continue
        data_at = read.offset + read.head_length
        assert buffer[read.offset : data_at] == head[:head_bytes], "reads the head first"
        assert buffer[data_at : data_at + read.length] == content[start:end], "reads the range"


def _check_beside(
    source: Source, entries: Mapping[Key, Entry], contents: Mapping[Key, bytes]
) -> None:
    for key, entry in entries.items():
        name, size_bytes = os.path.basename(entry.path), len(contents[key])
        assert source.read_beside(entry, name, size_bytes) == contents[key], "reads beside"
        assert source.read_beside(entry, b"./x/../" + name, size_bytes) == contents[key]
        assert source.read_beside(entry, name + b".no-such", 1 << 20) is None, "reads what is there"
        above = b"../" * (entry.path.count(b"/") + 1)
        assert source.read_beside(entry, above + name, 1 << 20) is None, "stays below its root"
        if size_bytes:
            assert source.read_beside(entry, name, size_bytes - 1) is None, "reads what is small"


def _reads(source: Source, entry: Entry) -> bool:
    """Whether all of ``entry`` can be read and is taken for what was listed."""
    try:
        with source.open(entry) as reader:
            fill(reader, memoryview(bytearray(entry.size_bytes)), 0)
            return reader.is_unchanged()
    except OSError:
        return False


def blocks_of(seed: int) -> Iterator[bytes]:
    """Blocks of every size of BLOCK_SIZES: zeros, one byte repeated, words of text and noise."""
    source = random.Random(seed)
    words = [source.randbytes(3).hex().encode() for _ in range(200)]
    for size in BLOCK_SIZES:
        yield bytes(size)
        yield b"\xa5" * size
        yield b" ".join(source.choices(words, k=size // 6 + 1))[:size]
        yield source.randbytes(size)


def check_codec(make: Callable[[], SizesOf], seed: int = 1) -> None:
    """Raises AssertionError naming the first rule that the codecs of ``make()`` break.

    ``make`` gives a codec for one thread, as storeff.scan.codecs.codec does.
    """
    blocks = list(blocks_of(seed))
    sizes = make()(blocks)
    assert len(sizes) == len(blocks), "a size for each block, in their order"
    for block, size in zip(blocks, sizes, strict=True):
        assert type(size) is int, "a size is a plain int"
        assert size <= len(block), "a block that does not shrink is stored raw"
        assert size > 0 or not block, "what holds something takes space"
    _check_compresses(make, seed)
    _check_same(make, blocks, sizes)


def _check_compresses(make: Callable[[], SizesOf], seed: int) -> None:
    """A codec is lossless: noise does not shrink. And it is of some use: a run does."""
    noise, run = random.Random(seed).randbytes(NOISE_BYTES), bytes(NOISE_BYTES)
    of_noise, of_run = make()([noise, run])
    assert of_noise == NOISE_BYTES, "noise has no shorter form"
    assert of_run < NOISE_BYTES // 50, "a run has one"


def _check_same(make: Callable[[], SizesOf], blocks: list[bytes], sizes: list[int]) -> None:
    """A block's size depends on nothing but its bytes."""
    codec = make()
    assert codec(blocks) == sizes == codec(blocks), "another object, and another call, say the same"
    assert [codec([block])[0] for block in blocks] == sizes, "alone as among others"
    assert codec(blocks[::-1]) == sizes[::-1], "in any order"
    assert codec([]) == [], "of no blocks there are no sizes"
    buffer = bytearray(b"".join(blocks))
    views, start = [], 0
    for block in blocks:
        views.append(memoryview(buffer)[start : start + len(block)])
        start += len(block)
    assert codec(views) == sizes, "a view is as good as bytes"
    assert buffer == b"".join(blocks), "blocks are read and not written"
    with ThreadPoolExecutor(CODEC_THREADS) as threads:
        found = list(threads.map(lambda _: make()(blocks), range(2 * CODEC_THREADS)))
    assert all(each == sizes for each in found), "one object a thread: no state is shared"
