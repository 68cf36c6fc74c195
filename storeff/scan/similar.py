"""Similar chunks: whole groups of them, kept by content, and what deltas within a group save."""

import errno
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import zstandard

from storeff import _native
from storeff.scan.codecs import codec
from storeff.scan.machine import affordable_threads
from storeff.scan.pace import Pace
from storeff.scan.plan import Plan, Similarity
from storeff.scan.siblings import TENSOR_CLASSES, TENSORS_MAX, TensorFile, first_tensors
from storeff.sources.entry import U64, Entries, Entry, Version
from storeff.sources.skipped import ChangedError, Skipped, skipped_for
from storeff.sources.source import Reader, Source, read_range

Members = npt.NDArray[np.void]

# What a thread takes for one group: its chunks, 64 of 88 KiB at most by default, and compressors.
GROUP_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class SimilarSketch:
    """The groups of similar chunks that a scan kept, and the files to read them from again.

    ``members`` is what ``_native.Similar.export`` gives, ``files`` the entries by their number in
    it. A group was kept with probability ``inclusion``, each independently of the others.
    ``tensors`` are the large files that may hold some, in the order of their paths.
    """

    members: Members
    tau: int
    files: Mapping[int, Entry]
    tensors: list[TensorFile]

    @property
    def inclusion(self) -> float:
        return self.tau / _native.GROUP_RANKS

    def merge(self, other: "SimilarSketch", similarity: Similarity, seed: int) -> "SimilarSketch":
        """The sketch of both inputs' data, bit for bit what one pass over both would give."""
        sketch = _native.Similar(similarity.entries, seed)
        for each in (self, other):
            sketch.merge(each.members, each.tau)
        named = _named(self.files, other.files)
        return _finished(sketch, named, first_tensors([*self.tensors, *other.tensors]))


class SimilarChunks:
    """What one worker's scanner meets of similar chunks, as ``plan.similarity`` says."""

    def __init__(self, plan: Plan, scanner: _native.Scanner) -> None:
        assert plan.similarity
        self.entries = plan.similarity.entries
        self.sketch = _native.Similar(self.entries, plan.seed)
        index = [c.name for c in plan.chunkers].index(plan.similarity.chunker)
        scanner.set_similar(index, self.sketch)
        self.files: dict[int, Entry] = {}
        self.tensors: list[TensorFile] = []

    def note_tensors(self, entry: Entry, content_class: str | None) -> None:
        """Remember a large file if its class is one of tensors."""
        if content_class in TENSOR_CLASSES:
            self.tensors.append(TensorFile(entry, content_class))
            if len(self.tensors) >= 2 * TENSORS_MAX:
                self.tensors = first_tensors(self.tensors)

    def name_files(self, numbers: U64, entries: Entries) -> None:
        """Remember those of the ``entries`` (n,) scanned last, with their ``numbers`` (n,), that
        chunks were kept of."""
        kept = self.sketch.new_files()
        if kept:
            rows = {number: row for row, number in enumerate(numbers.tolist())}
            self.files.update((number, entries[rows[number]]) for number in kept)
        if len(self.files) > 4 * self.entries:
            self.files = dict(self.finish().files)

    def take_over(self, other: "SimilarChunks") -> None:
        """Keep what both would have kept together."""
        self.sketch.merge(*other.sketch.export())
        self.files = _named(self.files, other.files)
        self.tensors = first_tensors([*self.tensors, *other.tensors])

    def finish(self) -> SimilarSketch:
        """What has been kept so far."""
        return _finished(self.sketch, self.files, first_tensors(self.tensors))


def _identity(entry: Entry) -> tuple[bytes, int, Version]:
    return entry.key, entry.size_bytes, entry.version


def _named(ours: Mapping[int, Entry], theirs: Mapping[int, Entry]) -> dict[int, Entry]:
    """Files by their numbers, of two that have the same number one, whatever the order."""
    named = {**ours, **theirs}
    for number in ours.keys() & theirs.keys():
        named[number] = min(ours[number], theirs[number], key=_identity)
    return named


def _finished(
    sketch: _native.Similar, named: Mapping[int, Entry], tensors: list[TensorFile]
) -> SimilarSketch:
    members, tau = sketch.export()
    files = {number: named[number] for number in sorted({*members["file"].tolist()})}
    return SimilarSketch(members, tau, files, tensors)


@dataclass(frozen=True)
class GroupDelta:
    """What deltas save in one group of more than one chunk.

    ``saved_bytes`` are what each chunk that is kept and could be read again saves off its size
    compressed alone, 0 if it is no delta. Further distinct chunks were left out, and ``beyond``
    references to them, none if that is 0; ``distinct`` estimates how many chunks there are in all.
    """

    kept: int
    beyond: int
    distinct: float
    saved_bytes: list[int]


@dataclass(frozen=True)
class Deltas:
    """What deltas save in the groups that a sketch kept, each with probability ``inclusion``.

    ``chunks`` were kept in ``group_count`` groups, of which ``groups`` have more than one chunk.
    All kept groups have about ``distinct_bytes`` of distinct chunks, the largest kept chunk
    ``largest_bytes``. ``skipped`` say why chunks could not be read again, one a chunk.
    """

    similarity: Similarity
    inclusion: float
    chunks: int
    group_count: int
    distinct_bytes: float
    largest_bytes: int
    groups: list[GroupDelta]
    skipped: list[Skipped]


def measure_deltas(
    source: Source,
    sketch: SimilarSketch,
    similarity: Similarity,
    *,
    threads: int = 1,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
) -> Deltas:
    """Read the chunks of each group again from ``source``, which was scanned, paced as in ``scan``,
    and compress them against each other.

    Within a group, in the order of their keys, a chunk becomes a delta against that of the bases
    so far that agrees with it in most features (the first on a tie), and a base itself where the
    delta is not smaller than the chunk compressed alone: no delta has a delta for a base. A delta
    is what zstd leaves of the chunk with the base as a raw-content dictionary.
    """
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    members = sketch.members
    starts = np.flatnonzero(np.diff(members["group"], prepend=members["group"][:1] ^ np.uint64(1)))
    groups = np.split(members, starts[1:]) if len(starts) else []
    several = [group for group in groups if len(group) > 1]

    def measured(group: Members) -> tuple[GroupDelta, list[Skipped]]:
        return _group_delta(source, group, sketch.files, similarity.codec, pace)

    threads = affordable_threads(max(1, min(threads, len(several))), GROUP_BYTES)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(measured, several))
    return Deltas(
        similarity=similarity,
        inclusion=sketch.inclusion,
        chunks=len(members),
        group_count=len(groups),
        distinct_bytes=sum(
            float(group["size"].sum()) * _distinct(group) / len(group) for group in groups
        ),
        largest_bytes=int(members["size"].max(initial=0)),
        groups=[delta for delta, _ in found],
        skipped=[item for _, skipped in found for item in skipped],
    )


def _group_delta(
    source: Source, group: Members, files: Mapping[int, Entry], codec_name: str, pace: Pace
) -> tuple[GroupDelta, list[Skipped]]:
    contents, skipped = _read_again(source, group, files, pace.stop)
    pace.wait(sum(map(len, contents)))
    present = [i for i, content in enumerate(contents) if content]
    chunks = [contents[i] for i in present]
    plain = codec(codec_name)(chunks) if chunks else []
    return GroupDelta(
        kept=len(group),
        beyond=int(group["beyond"][0]),
        distinct=_distinct(group),
        saved_bytes=group_savings(chunks, plain, group["features"][present], codec_name),
    ), skipped


def distinct_chunks(kept: int, beyond: int, last_key: int) -> float:
    """How many chunks a group has of which the ``kept`` ones have the smallest keys.

    All, if no reference is ``beyond`` them. Else an estimate: keys are random, so k of n that are
    the smallest reach up to about k / n of all keys; ``last_key`` is the upper half of the largest.
    """
    if not beyond:
        return kept
    reach = (last_key + 0.5) / 2**64
    return min(max((kept - 1) / reach, kept + 1), kept + beyond)


def _distinct(group: Members) -> float:
    return distinct_chunks(len(group), int(group["beyond"][0]), int(group["key"][-1, 0]))


def group_savings(
    chunks: Sequence[bytes],
    plain: Sequence[int],
    features: npt.NDArray[np.uint32],
    codec_name: str,
) -> list[int]:
    """Bytes that each of ``chunks``, in the order of their keys, saves as a delta; 0 for a base.

    ``plain`` are their compressed sizes, ``features`` (chunks, features) what they look like.
    """
    bases: list[int] = []
    savings = []
    for i, chunk in enumerate(chunks):
        saved = 0
        if bases:
            equal = np.count_nonzero(features[bases] == features[i], axis=1)
            base = bases[int(equal.argmax())]
            saved = max(0, plain[i] - delta_bytes(chunk, chunks[base], codec_name))
        if not saved:
            bases.append(i)
        savings.append(saved)
    return savings


def delta_bytes(chunk: bytes, base: bytes, codec_name: str) -> int:
    """Bytes of a zstd frame of ``chunk`` whose dictionary is the content of ``base``."""
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressor = zstandard.ZstdCompressor(
        level=int(codec_name.removeprefix("zstd-")),
        dict_data=dictionary,
        write_content_size=True,
        write_checksum=False,
    )
    return len(compressor.compress(chunk))


def _read_again(
    source: Source, group: Members, files: Mapping[int, Entry], stop: threading.Event
) -> tuple[list[bytes], list[Skipped]]:
    """The contents of ``group``, empty where one could not be read as it was, and why not."""
    contents = [b""] * len(group)
    skipped = []
    by_file = defaultdict(list)
    for i, number in enumerate(group["file"].tolist()):
        by_file[number].append(i)
    for number, rows in by_file.items():
        entry = files[number]
        name = source.name(entry)
        if stop.is_set():
            skipped += [Skipped("interrupted", name, int(group["size"][i])) for i in rows]
            continue
        try:
            with source.open(entry) as reader:
                for i in rows:
                    contents[i] = _content(reader, group[i])
        except OSError as error:
            skipped += [
                skipped_for(error, name, int(group["size"][i])) for i in rows if not contents[i]
            ]
    return contents, skipped


def _content(reader: Reader, member: np.void) -> bytes:
    """The chunk that ``member`` describes. Raises OSError; ChangedError if it is another now."""
    content = read_range(reader, int(member["offset"]), int(member["size"]))
    if _native.fingerprint(content) != member["key"].astype(">u8").tobytes():
        raise ChangedError(errno.ESTALE, "changed since it was scanned")
    return content
