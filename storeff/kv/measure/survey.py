"""The KV-cache dumps under some roots: what they are, their data reduction, what they share."""

import heapq
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

import msgspec

from storeff.errors import ContradictionError, StoreffError
from storeff.kv.dumps import recognise
from storeff.kv.dumps.dump import (
    Axis,
    Candidate,
    Confidence,
    Dtype,
    Dump,
    Kind,
)
from storeff.kv.measure.measurement import KvReport, Measurement, Plan, measure, report
from storeff.kv.measure.shape import Width, width_of, with_model
from storeff.kv.models.model import Model
from storeff.kv.trace.prefix import KeySharing, key_sharing
from storeff.sources.census import Census
from storeff.sources.entry import Entries, Entry
from storeff.sources.names import printable
from storeff.sources.skipped import Skipped, skipped_for
from storeff.sources.source import Source

# At most so many files of each kind of dump are measured, sampled by a hash of their paths.
SAMPLED_MAX = 256
EXAMPLES = 5


class Found(msgspec.Struct, frozen=True):
    """Dumps of one system and layout.

    ``axes`` and ``shape`` are those of a file's first tensor, slowest first, null where files
    differ; ``tensors`` how many a file has. ``tokens`` are those of all files, each layer's file
    counting them again; null if any is unknown. ``why`` is of one of them, as is ``example``.
    """

    system: str
    kind: Kind
    dtype: Dtype | None
    axes: list[Axis]
    shape: list[int | None]
    tensors: int
    confidence: Confidence
    why: str
    model: str | None
    files: int
    bytes: int
    tokens: int | None
    example: str


class Malformed(msgspec.Struct, frozen=True):
    """A dump that contradicts itself."""

    path: str
    message: str


class Survey(msgspec.Struct, frozen=True):
    """All dumps under the roots together. ``measured`` is of ``measured_files`` of ``dump_files``,
    sampled at random; null if none has elements. ``sharing`` is by block key, not by equal bytes.
    ``interrupted``: not all were looked at, or not all that were sampled were measured."""

    dump_files: int
    dump_bytes: int
    other_files: int
    other_bytes: int
    malformed: list[Malformed]
    sharing: KeySharing | None
    measured_files: int
    measured: KvReport | None
    interrupted: bool = False


@dataclass
class _Group:
    dump: Dump
    example: bytes
    shape: list[int | None]
    files: int = 0
    size_bytes: int = 0
    tokens: int | None = 0
    # (negated hash of the key, key, entry, dump): the lowest hashes.
    sampled: list[tuple[int, bytes, Entry, Dump]] = field(default_factory=list)


class _Survey:
    def __init__(
        self, source: Source, width: Width | None, plan: Plan, stop: threading.Event
    ) -> None:
        self.source = source
        self.width = width
        self.plan = plan
        self.stop = stop
        self.census = Census()
        self.groups: dict[tuple[object, ...], _Group] = {}
        self.keys: list[tuple[tuple[str, str | None, bytes], int | None, int]] = []
        self.malformed: list[Malformed] = []
        self.other_files = 0
        self.other_bytes = 0
        self.measured_files = 0

    @contextmanager
    def reporting(self, entry: Entry) -> Iterator[None]:
        """A file that cannot be read, or contradicts itself, costs only itself."""
        try:
            yield
        except ContradictionError as error:
            path = printable(self.source.name(entry))
            if len(self.malformed) < EXAMPLES:
                self.malformed.append(Malformed(path, f"{path}: {error}"))
            skipped = Skipped("malformed", self.source.name(entry), entry.size_bytes)
            self.census.add_left_out(skipped)
        except OSError as error:
            self.census.add_left_out(skipped_for(error, self.source.name(entry), entry.size_bytes))

    def look(self, entry: Entry) -> None:
        """Recognise one file."""
        with self.reporting(entry):
            with self.source.open(entry) as reader:
                beside = partial(self.source.read_beside, entry)
                candidate = Candidate(self.source.name(entry), entry.size_bytes, reader, beside)
                dump = recognise(candidate)
                if dump is not None and self.width is not None:
                    dump = with_model(dump, candidate, self.width)
            if dump is None:
                self.other_files += 1
                self.other_bytes += entry.size_bytes
            else:
                self.add(entry, dump)

    def add(self, entry: Entry, dump: Dump) -> None:
        key = _kind_of(dump)
        group = self.groups.get(key)
        if group is None:
            shape: list[int | None] = list(dump.tensors[0].shape) if dump.tensors else []
            group = self.groups[key] = _Group(dump, self.source.name(entry), shape)
        if dump.tensors:
            pairs = zip(group.shape, dump.tensors[0].shape, strict=True)
            group.shape = [a if a == b else None for a, b in pairs]
        group.files += 1
        group.size_bytes += entry.size_bytes
        if group.tokens is not None:
            group.tokens = None if dump.tokens is None else group.tokens + dump.tokens
        group.example = min(group.example, self.source.name(entry))
        if dump.key is not None:
            name = (dump.system, dump.key, os.path.basename(entry.path))
            self.keys.append((name, dump.tokens, entry.size_bytes))
        if dump.kind == "kv" and dump.tensors:
            digest = blake2b(entry.key, digest_size=8, key=b"%d" % self.plan.seed)
            rank = int.from_bytes(digest.digest(), "big")
            heapq.heappush(group.sampled, (-rank, entry.key, entry, dump))
            if len(group.sampled) > SAMPLED_MAX:
                heapq.heappop(group.sampled)

    def measure(self, budget_bytes: int, on_file: Callable[[bytes], None]) -> Measurement:
        """Measure a file of every group in turn until ``budget_bytes`` are read, one of each at
        least, or ``stop`` is set."""
        total = Measurement(self.plan, [])
        orders = [sorted(group.sampled, reverse=True) for group in self.groups.values()]
        read_bytes = 0
        for turn in range(max(map(len, orders), default=0)):
            for order in orders:
                wanted = turn < len(order) and (turn == 0 or read_bytes < budget_bytes)
                if wanted and not self.stop.is_set():
                    _, _, entry, dump = order[turn]
                    on_file(self.source.name(entry))
                    one = Measurement(self.plan, [])
                    with self.reporting(entry), self.source.open(entry) as reader:
                        size = entry.size_bytes
                        one = measure(dump, reader, entry.key, size, self.plan, self.stop)
                    read_bytes += sum(tally.read_bytes for tally in one.tallies)
                    self.measured_files += bool(one.tallies)
                    total += one
        return total


def survey(
    source: Source,
    *,
    model: Model | None = None,
    plan: Plan | None = None,
    budget_bytes: int = 64 << 20,
    stop: threading.Event | None = None,
    on_file: Callable[[bytes], None] = lambda path: None,
) -> tuple[list[Found], Survey, Census]:
    """The dumps in ``source``, the largest kind first; what was measured until ``budget_bytes``
    of them were read; and what was left out.

    ``model`` supplies what their headers lack. ``on_file`` hears of each file as it is looked at.
    Once ``stop`` is set no further file is looked at, and the one being measured is left out.
    Raises StoreffError if the layers of ``model`` are not all alike.
    """
    width = None if model is None else width_of(model)
    if model is not None and width is None:
        raise StoreffError(
            f"the layers of {model.name} differ in what they keep of a token",
            "measure without a model: the shapes are then those in the dumps' own headers",
        )
    looking = _Survey(source, width, plan or Plan(), stop or threading.Event())
    for item in source.list():
        if looking.stop.is_set():
            break
        if not isinstance(item, Entries):
            looking.census.add_left_out(item)
            continue
        for entry in item:
            if looking.stop.is_set():
                break
            on_file(source.name(entry))
            looking.look(entry)
    total = looking.measure(budget_bytes, on_file)
    found = [_found(group) for group in sorted(looking.groups.values(), key=_largest_first)]
    made = Survey(
        dump_files=sum(group.files for group in looking.groups.values()),
        dump_bytes=sum(group.size_bytes for group in looking.groups.values()),
        other_files=looking.other_files,
        other_bytes=looking.other_bytes,
        malformed=looking.malformed,
        sharing=key_sharing(looking.keys) if looking.keys else None,
        measured_files=looking.measured_files,
        measured=report(total) if total.tallies else None,
        interrupted=looking.stop.is_set(),
    )
    return found, made, looking.census


def _kind_of(dump: Dump) -> tuple[object, ...]:
    """What dumps of one row of the report have in common."""
    first = dump.tensors[0] if dump.tensors else None
    layout = (first.dtype, first.axes, len(dump.tensors)) if first else ()
    return (dump.system, dump.kind, dump.confidence, dump.model, *layout)


def _largest_first(group: _Group) -> tuple[int, bytes]:
    return -group.size_bytes, group.example


def _found(group: _Group) -> Found:
    dump = group.dump
    return Found(
        system=dump.system,
        kind=dump.kind,
        dtype=dump.tensors[0].dtype if dump.tensors else None,
        axes=list(dump.tensors[0].axes) if dump.tensors else [],
        shape=group.shape,
        tensors=len(dump.tensors),
        confidence=dump.confidence,
        why=dump.why,
        model=dump.model,
        files=group.files,
        bytes=group.size_bytes,
        tokens=group.tokens,
        example=printable(group.example),
    )
