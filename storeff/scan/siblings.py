"""Files of tensors next to each other, as checkpoints n and n + 1: what XOR leaves of a sample."""

import errno
import heapq
import os
import random
import re
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.codecs import codec
from storeff.scan.machine import affordable_threads
from storeff.scan.pace import Pace
from storeff.sources.dumps import safetensors
from storeff.sources.dumps.dump import Candidate, ContradictionError
from storeff.sources.entry import Entry
from storeff.sources.skipped import ChangedError, Skipped, skipped_for
from storeff.sources.source import Reader, Source, read_range

# Content classes that may hold arrays of numbers without compression.
TENSOR_CLASSES = {"safetensors", "gguf", "pickle", "numpy", "hdf5", "kv", "binary"}
# Files that are remembered, first by path; pairs that are measured; blocks sampled of a pair.
TENSORS_MAX = 1 << 16
PAIRS_MAX = 64
BLOCKS_MAX = 256
BLOCK_BYTES = 64 << 10
CODEC = "zstd-1"
ITEM_BYTES = (1, 2, 4, 8)
# What a thread takes for one pair: blocks of both files, their XOR, the planes, and two headers.
PAIR_BYTES = 192 << 20
# From so many blocks the size of the items is told: the one whose planes compress best.
TRIED_BLOCKS = 16
# Some 20,000 tensors, or a long __metadata__ (training tools put their settings there). Parsed, so
# many values take 26 MB at worst, one string of so many bytes 75 MB (2026-11-21).
HEADER_BYTES_MAX = 8 << 20
HEADER_VALUES_MAX = 1 << 18
# Files of one layout differ in size by what their headers say besides it.
WITH_HEADER = ("safetensors", "kv")
HEADER_SLACK_BYTES = 64 << 10


class TensorFile(msgspec.Struct, frozen=True):
    """A file that may hold tensors."""

    entry: Entry
    content_class: str


@dataclass(frozen=True, eq=False)
class PairSample:
    """Sampled blocks of ``file``, XORed with those of ``base`` at the same places: full names. The
    former has ``file_bytes``.

    For each: whether it is ``changed`` from the base's, its ``sizes`` in bytes, and what is left of
    its byte planes, ``planes``, and of the planes of the XOR, ``xor``; of equal blocks 0. The
    tensors of the file are ``all_blocks`` with ``data_bytes`` in all, but for those that are holes
    in both files.
    """

    file: bytes
    base: bytes
    file_bytes: int
    item_bytes: int
    all_blocks: int
    data_bytes: int
    sizes: npt.NDArray[np.int64]
    changed: npt.NDArray[np.bool_]
    planes: npt.NDArray[np.int64]
    xor: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Siblings:
    """The pairs that were measured, the files that kept others from it, each once, and why; and
    how many pairs were too many.
    """

    pairs: list[PairSample]
    skipped: list[Skipped]
    too_many: int


def first_tensors(found: Iterable[TensorFile]) -> list[TensorFile]:
    """The distinct ones of ``found``, in the order of their paths, TENSORS_MAX at most."""
    return sorted(set(found), key=lambda t: (t.entry.key, t.entry.version))[:TENSORS_MAX]


def measure_siblings(
    source: Source,
    tensors: Sequence[TensorFile],
    seed: int,
    *,
    threads: int = 1,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
) -> Siblings:
    """XOR each of ``tensors`` with its sibling, on blocks and, of too many, pairs drawn by seed.

    Reading is paced as in ``scan``.
    """
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    pairs = sibling_pairs(source, tensors)
    drawn = pairs
    if len(pairs) > PAIRS_MAX:
        drawn = [pairs[i] for i in sorted(random.Random(seed).sample(range(len(pairs)), PAIRS_MAX))]

    def measured(pair: tuple[TensorFile, TensorFile]) -> PairSample | Skipped | None:
        if stop.is_set():
            file = pair[1].entry
            return Skipped("interrupted", source.name(file), file.size_bytes)
        found = _measured(source, *pair, seed)
        if isinstance(found, PairSample):
            pace.wait(2 * int(found.sizes.sum()))
        return found

    threads = affordable_threads(max(1, min(threads, len(drawn))), PAIR_BYTES)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(measured, drawn))
    return Siblings(
        pairs=[each for each in found if isinstance(each, PairSample)],
        skipped=list(dict.fromkeys(each for each in found if isinstance(each, Skipped))),
        too_many=len(pairs) - len(drawn),
    )


def sibling_pairs(
    source: Source, tensors: Sequence[TensorFile]
) -> list[tuple[TensorFile, TensorFile]]:
    """(base, file) of one content class and about one size, next to each other by name.

    They have the same name in different directories (a shard of two checkpoints) or, if there is
    only one file of either name, lie in one directory.
    """
    pairs = []
    for alike in _of_one_size(tensors):
        split = {t: os.path.split(source.name(t.entry)) for t in alike}
        alike.sort(key=lambda t: (_natural(split[t][1]), _natural(source.name(t.entry))))
        times = Counter(name for _, name in split.values())
        for base, file in pairwise(alike):
            (a_folder, a), (b_folder, b) = split[base], split[file]
            if a == b or (a_folder == b_folder and times[a] == times[b] == 1):
                pairs.append((base, file))
    return sorted(pairs, key=lambda pair: source.name(pair[1].entry))


def _of_one_size(tensors: Sequence[TensorFile]) -> list[list[TensorFile]]:
    """The files by class, and where nothing of a class lies between their sizes."""
    alike: list[list[TensorFile]] = []
    last: TensorFile | None = None
    for each in sorted(tensors, key=lambda t: (t.content_class, t.entry.size_bytes)):
        slack = HEADER_SLACK_BYTES if each.content_class in WITH_HEADER else 0
        if (
            last is None
            or last.content_class != each.content_class
            or each.entry.size_bytes - last.entry.size_bytes > slack
        ):
            alike.append([])
        alike[-1].append(each)
        last = each
    return alike


def _natural(name: bytes) -> list[tuple[int, int, bytes]]:
    """A key that puts step-9 before step-10."""
    parts = re.split(rb"(\d+)", name)
    return [(1, int(p), p) if p.isdigit() and len(p) < 1000 else (0, 0, p) for p in parts]


def _measured(
    source: Source, base_file: TensorFile, next_file: TensorFile, seed: int
) -> PairSample | Skipped | None:
    """None if the two have different layouts after all."""
    base, file = base_file.entry, next_file.entry
    entry = base
    try:
        with source.open(base) as base_reader:
            base_start, base_layout = _layout(source, base_reader, base_file)
            entry = file
            with source.open(file) as reader:
                file_start, file_layout = _layout(source, reader, next_file)
                if base_layout != file_layout:
                    return None
                tensor_bytes = file.size_bytes - file_start
                if tensor_bytes != base.size_bytes - base_start:
                    return None
                held = _united(
                    _blocks_with_data(reader, file, file_start),
                    _blocks_with_data(base_reader, base, base_start),
                )
                if not held:
                    return None
                blocks = _drawn_blocks(held, tensor_bytes, seed)
                contents = [_block(reader, file, file_start + i * BLOCK_BYTES) for i in blocks]
                entry = base
                bases = [_block(base_reader, base, base_start + i * BLOCK_BYTES) for i in blocks]
                entry = file
                _check_unchanged(reader)
            entry = base
            _check_unchanged(base_reader)
    except OSError as error:
        return skipped_for(error, source.name(entry), entry.size_bytes)
    except ContradictionError:
        return Skipped("malformed", source.name(entry), entry.size_bytes)
    except safetensors.LongHeaderError:
        return Skipped("too-long-header", source.name(entry), entry.size_bytes)
    all_blocks = sum(end - first for first, end in held)
    data_bytes = sum(min(end * BLOCK_BYTES, tensor_bytes) - n * BLOCK_BYTES for n, end in held)
    names = source.name(file), source.name(base)
    return _compared(names, file.size_bytes, all_blocks, data_bytes, contents, bases)


def _layout(source: Source, reader: Reader, file: TensorFile) -> tuple[int, object]:
    """Where the tensors begin, and what must be equal in two files for their items to correspond.

    Of safetensors the header without its metadata; what the scan did not take for such, or has no
    such header, begins at once, and its size must do. Raises OSError; ContradictionError and
    LongHeaderError as safetensors.layout does.
    """
    entry = file.entry
    _check_unchanged(reader)
    found = None
    if file.content_class in WITH_HEADER:
        candidate = Candidate(source.name(entry), entry.size_bytes, reader)
        found = safetensors.layout(candidate, HEADER_BYTES_MAX, HEADER_VALUES_MAX)
    return found or (0, entry.size_bytes)


def _blocks_with_data(reader: Reader, entry: Entry, start: int) -> list[tuple[int, int]]:
    """Ranges of the numbers of the blocks, counted from ``start``, that are not all hole."""
    return [
        (max(offset - start, 0) // BLOCK_BYTES, -(-(offset + length - start) // BLOCK_BYTES))
        for offset, length, is_hole in reader.segments(0, entry.size_bytes)
        if not is_hole and offset + length > start
    ]


def _united(*ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The numbers that are in any of ``ranges``, as ranges in order and apart."""
    united: list[tuple[int, int]] = []
    for first, end in heapq.merge(*ranges):
        if united and first <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((first, end))
    return united


def _drawn_blocks(held: list[tuple[int, int]], tensor_bytes: int, seed: int) -> list[int]:
    """The numbers of some of the blocks in the ranges ``held``, or of all if they are few."""
    starts = list(accumulate((end - first for first, end in held), initial=0))
    blocks = range(starts.pop())
    if len(blocks) > BLOCKS_MAX:
        drawn = sorted(random.Random(f"{seed}/{tensor_bytes}").sample(blocks, BLOCKS_MAX))
    else:
        drawn = list(blocks)
    within = [bisect_right(starts, number) - 1 for number in drawn]
    return [held[i][0] + number - starts[i] for i, number in zip(within, drawn, strict=True)]


def _block(reader: Reader, entry: Entry, offset: int) -> bytes:
    return read_range(reader, offset, min(BLOCK_BYTES, entry.size_bytes - offset))


def _check_unchanged(reader: Reader) -> None:
    if not reader.is_unchanged():
        raise ChangedError(errno.ESTALE, "changed since it was scanned")


def _compared(
    names: tuple[bytes, bytes],
    file_bytes: int,
    all_blocks: int,
    data_bytes: int,
    contents: list[bytes],
    bases: list[bytes],
) -> PairSample:
    sizes_of = codec(CODEC)
    changed = np.array([a != b for a, b in zip(contents, bases, strict=True)])
    rows = np.flatnonzero(changed)
    different = [contents[i] for i in rows]
    tried = {
        item: sum(sizes_of([byte_planes(block, item) for block in different[:TRIED_BLOCKS]]))
        for item in (ITEM_BYTES if different else ())
    }
    item_bytes = min(tried, key=lambda item: tried[item], default=1)
    planes, xor = (np.zeros(len(contents), np.int64) for _ in range(2))
    if different:
        xored = [_xor(contents[i], bases[i]) for i in rows]
        planes[rows] = sizes_of([byte_planes(block, item_bytes) for block in different])
        xor[rows] = sizes_of([byte_planes(block, item_bytes) for block in xored])
    return PairSample(
        file=names[0],
        base=names[1],
        file_bytes=file_bytes,
        item_bytes=item_bytes,
        all_blocks=all_blocks,
        data_bytes=data_bytes,
        sizes=np.array([len(block) for block in contents], np.int64),
        changed=changed,
        planes=planes,
        xor=xor,
    )


def _xor(a: bytes, b: bytes) -> bytes:
    return (np.frombuffer(a, np.uint8) ^ np.frombuffer(b, np.uint8)).tobytes()


def byte_planes(block: bytes, item_bytes: int) -> bytes:
    """The first byte of each item, then the second of each, and so on; then what is no whole item.

    Exponents of floats, which vary little, come to lie together.
    """
    whole = len(block) // item_bytes * item_bytes
    return _native.split_planes(block[:whole], item_bytes).tobytes() + block[whole:]
