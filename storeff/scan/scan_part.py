"""A part of a scan: what some shards of a source hold, to be merged elsewhere.

A part that is merged without the source must hold all that can be asked of it: what every chunk of
its sketches leaves that may be compressed, and all of its windows (storeff.scan.replay says why
that gives the very figures of one scan). A part of a checkpoint only counts, as the source is still
there to be read again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.scan.envelope import Array, Column, arrays_in, refusal, unwrap, wrap, written
from storeff.scan.inside import Look, Looks
from storeff.scan.measurement import Measurement
from storeff.scan.run import Shard
from storeff.scan.shards import ShardCode, ShardProbe
from storeff.sources.census import Census
from storeff.sources.content import CLASSES
from storeff.sources.entry import Entries
from storeff.sources.object_client import Requests
from storeff.sources.source import Found, Source
from storeff.sources.sums import exact_sum

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAGIC = b"storeff scanpart"
VERSION = 1
WHAT = "part of a scan"
# A sketch of 65,536 chunks takes 6 MB, and there are seven; similar chunks take some more.
PART_BYTES_MAX = 1 << 30


class Tree(msgspec.Struct, frozen=True):
    """What a scan is of: all that its shards must share beside the plan.

    ``names`` are the sources as they were given, ``roots`` as they are read, ``reading`` what is
    left out, in words. ``asked`` are the goals of a Sampling: how much was to be read.
    """

    names: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    reading: tuple[str, ...]
    asked: dict[str, int | float]

    @classmethod
    def of(
        cls,
        names: Sequence[bytes],
        source: Source,
        asked: Mapping[str, int | float],
        *,
        one_file_system: bool = False,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
    ) -> "Tree":
        """That of ``source``, which was made of ``names`` and so."""
        reading = [f"without {pattern}" for pattern in exclude]
        reading += ["one file system"] if one_file_system else []
        reading += ["links followed"] if follow_links else []
        return cls(tuple(names), tuple(source.roots), tuple(reading), dict(asked))


class Listed(msgspec.Struct):
    """What the whole source was listed to hold, all shards together: counts, and a digest of which
    objects, and how large."""

    census: Census
    digest: str


class Tally:
    """Counts a listing while it is made."""

    def __init__(self) -> None:
        self.census = Census()
        self.total = 0

    def add(self, found: Found) -> None:
        if isinstance(found, Entries):
            self.census.add_entries(found)
            # Whatever the order of the listing.
            mixed = _mixed(found.numbers() ^ _mixed(found.sizes.astype(np.uint64)))
            self.total += exact_sum((mixed >> np.uint64(1)).astype(np.int64))

    def listed(self) -> Listed:
        """What was listed by now."""
        of = f"{self.census.files} {self.total}"
        return Listed(self.census, hashlib.sha256(of.encode()).hexdigest()[:16])


def _mixed(values: U64) -> U64:
    """Numbers whose sum says which they were (the finaliser of MurmurHash3)."""
    values = (values ^ values >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    return (values ^ values >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)


@dataclass(frozen=True, eq=False)
class Coded:
    """What ``code`` leaves of the pieces around windows, the first of a shard by rank.

    A row is a window: ``ranks`` (n,), ascending, ``lengths`` and ``pieces`` as in Shards, and
    whether it ``is_hole``; ``sizes`` and ``compressed`` (n, blobs) as there. All windows that rank
    below ``tau`` are here.
    """

    code: ShardCode
    tau: float
    ranks: Floats
    lengths: U64
    pieces: Ints
    is_hole: Bools
    sizes: U32
    compressed: U32

    @classmethod
    def of(cls, probe: ShardProbe) -> "Coded":
        """What ``probe`` has found by now."""
        known, windows = probe.known, probe.windows
        is_all = known == len(windows.ranks)
        return cls(
            code=probe.code,
            tau=np.inf if is_all else float(windows.ranks[known]),
            ranks=windows.ranks[:known],
            lengths=windows.lengths[:known],
            pieces=probe.lengths[:known],
            is_hole=probe.is_hole[:known],
            sizes=probe.sizes[:known],
            compressed=probe.compressed[:known],
        )

    @classmethod
    def joined(cls, parts: Sequence["Coded"]) -> "Coded":
        """All of ``parts``, which are of one code and of different shards."""
        tau = min(part.tau for part in parts)
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("ranks", "lengths", "pieces", "is_hole", "sizes", "compressed")
        }
        rows = np.argsort(columns["ranks"], kind="stable")
        rows = rows[columns["ranks"][rows] < tau]
        taken = {name: column[rows] for name, column in columns.items()}
        return cls(code=parts[0].code, tau=tau, **taken)


class _CodedHead(msgspec.Struct, frozen=True):
    code: ShardCode
    tau: float | None
    rows: int


class _LooksHead(msgspec.Struct, frozen=True):
    tau: float | None
    rows: int
    looks: list[tuple[int, Look]]


class _Head(msgspec.Struct, frozen=True):
    tree: Tree
    divided: int
    shards: list[Shard]
    listed: Listed
    is_probed: bool
    codes: list[_CodedHead]
    looks: _LooksHead | None
    requests: Requests | None
    probe_seconds: list[tuple[str, bool, float]]
    started: Annotated[datetime, msgspec.Meta(tz=True)] | None
    seconds: float
    measurement_bytes: int


@dataclass(frozen=True, eq=False)
class ScanPart:
    """What ``shards`` of ``tree`` hold: the ``measurement``, ``codes``, and ``looks`` into some
    objects. All of it was ``divided`` into so many shards, some of these perhaps further.

    ``listed`` is what all shards were then listed to hold. ``is_probed`` says that this can be
    merged without the source. ``requests`` were made of object stores. ``probe_seconds`` are CPU
    seconds of compressing, by chunker and whether that was of all occurrences; it was ``started``
    then and took ``seconds``.
    """

    tree: Tree
    divided: int
    shards: tuple[Shard, ...]
    listed: Listed
    measurement: Measurement
    is_probed: bool
    codes: tuple[Coded, ...] = ()
    looks: Looks | None = None
    requests: Requests | None = None
    probe_seconds: Mapping[tuple[str, bool], float] = field(default_factory=dict)
    started: datetime | None = None
    seconds: float = 0.0

    def timeless(self) -> "ScanPart":
        """The same without what differs when it is measured again."""
        measurement = replace(self.measurement, cpu_seconds=0.0)
        none: dict[str, Any] = {"probe_seconds": {}, "started": None, "seconds": 0.0}
        return replace(self, measurement=measurement, requests=None, **none)

    def to_bytes(self) -> bytes:
        """This in its binary form: an envelope of a head (JSON), the measurement and columns."""
        measurement = self.measurement.to_bytes()
        head = _Head(
            tree=self.tree,
            divided=self.divided,
            shards=sorted(self.shards),
            listed=self.listed,
            is_probed=self.is_probed,
            codes=[_CodedHead(c.code, _written_tau(c.tau), len(c.ranks)) for c in self.codes],
            looks=_head_of(self.looks),
            requests=self.requests,
            probe_seconds=[(*name, taken) for name, taken in sorted(self.probe_seconds.items())],
            started=self.started,
            seconds=self.seconds,
            measurement_bytes=len(measurement),
        )
        columns = [*_columns_of(head.codes), *_columns_of_looks(head.looks)]
        arrays = [*_arrays_of(self.codes), *_arrays_of_looks(self.looks)]
        rest: list[bytes | memoryview] = [measurement, *written(arrays, columns)]
        return wrap(MAGIC, VERSION, msgspec.json.encode(head), rest)

    @staticmethod
    def from_bytes(data: bytes) -> "ScanPart":
        """The part whose binary form ``data`` is. Raises StoreffError if it is none."""
        encoded, body, at = unwrap(data, MAGIC, VERSION, WHAT)
        try:
            head = msgspec.json.decode(encoded, type=_Head)
            columns_at = at + head.measurement_bytes
            if not at <= columns_at <= len(body):
                raise ValueError("its measurement is not as long as it says")
            _check(head)
            columns = [*_columns_of(head.codes), *_columns_of_looks(head.looks)]
            arrays = arrays_in(body, columns_at, columns)
            codes = tuple(_coded_in(each, arrays) for each in head.codes)
            looks = None if head.looks is None else _looks_in(head.looks, arrays)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
            raise refusal(f"the {WHAT} is wrong: {error}") from error
        measurement = Measurement.from_bytes(bytes(body[at:columns_at]))
        if head.is_probed and measurement.occurrences is None:
            raise refusal(f"the {WHAT} is wrong: it has no windows")
        return ScanPart(
            tree=head.tree,
            divided=head.divided,
            shards=tuple(head.shards),
            listed=head.listed,
            measurement=measurement,
            is_probed=head.is_probed,
            codes=codes,
            looks=looks,
            requests=head.requests,
            probe_seconds={(name, every): taken for name, every, taken in head.probe_seconds},
            started=head.started,
            seconds=head.seconds,
        )


def _check(head: _Head) -> None:
    """Raises ValueError if ``head`` says what cannot be."""
    if head.divided < 1 or not head.shards or not all(0 <= i < n for i, n in head.shards):
        raise ValueError("it says of no shard that it is of")
    if not head.is_probed:
        return
    if len(head.shards) > 1 or head.shards[0][1] != head.divided:
        raise ValueError("it is of more than one shard")
    if head.started is None or not head.tree.names:
        raise ValueError("it does not say when it was begun, or of what")
    if head.looks is None:
        raise ValueError("it has no looks into objects")
    if not {*head.tree.asked} <= {"share", "size_bytes"}:
        raise ValueError("no part is of a sample like that")


def _columns_of(codes: Iterable[_CodedHead]) -> Iterator[Column]:
    u1, u4, u8, i8, f8 = (np.dtype(name) for name in ("u1", "<u4", "<u8", "<i8", "<f8"))
    for head in codes:
        code, n = head.code, head.rows
        if min(code.k, code.m, code.stripe_unit_bytes, code.block_bytes) < 1 or code.l < 0:
            raise ValueError(f"there is no code {code}")
        blobs = (code.k + code.m + code.l) * code.blobs
        yield from (Column(t, (n,)) for t in (f8, u8, i8, u1))
        yield from (Column(u4, (n, blobs)) for _ in range(2))


def _arrays_of(codes: Iterable[Coded]) -> Iterator[Array]:
    for c in codes:
        yield from (c.ranks, c.lengths, c.pieces, c.is_hole, c.sizes, c.compressed)


def _coded_in(head: _CodedHead, arrays: Iterator[Array]) -> Coded:
    ranks, lengths, pieces, is_hole, sizes, compressed = (next(arrays) for _ in range(6))
    if not ((ranks > 0).all() and (ranks[1:] >= ranks[:-1]).all() and (lengths > 0).all()):
        raise ValueError(f"the windows of {head.code} are out of order")
    if (compressed > sizes).any() or (pieces < 0).any():
        raise ValueError(f"the shards of {head.code} take more than their size")
    tau = _read_tau(head.tau)
    return Coded(head.code, tau, ranks, lengths, pieces, is_hole > 0, sizes, compressed)


def _written_tau(tau: float) -> float | None:
    return None if tau == np.inf else tau


def _read_tau(tau: float | None) -> float:
    return np.inf if tau is None else tau


def _head_of(looks: Looks | None) -> _LooksHead | None:
    if looks is None:
        return None
    return _LooksHead(_written_tau(looks.tau), len(looks.ranks), [*looks.looks.items()])


def _columns_of_looks(head: _LooksHead | None) -> Iterator[Column]:
    if head is not None:
        yield from (Column(np.dtype(name), (head.rows,)) for name in ("<u8", "<f8", "<u8"))


def _arrays_of_looks(looks: Looks | None) -> Iterator[Array]:
    if looks is not None:
        yield from (looks.objects, looks.ranks, looks.lengths)


def _looks_in(head: _LooksHead, arrays: Iterator[Array]) -> Looks:
    objects, ranks, lengths = (next(arrays) for _ in range(3))
    tau = _read_tau(head.tau)
    if not ((ranks > 0).all() and (ranks[1:] >= ranks[:-1]).all() and (ranks < tau).all()):
        raise ValueError("the windows that were looked into are out of order")
    looks = dict(head.looks)
    if not (lengths > 0).all() or not looks.keys() <= {*objects.tolist()}:
        raise ValueError("objects were looked into of which there is no window")
    for look in looks.values():
        expansion = look.inside.expansion
        if look.content_class not in CLASSES or min(look.inside.parts.values(), default=0) < 0:
            raise ValueError("an object is of no class, or holds less than nothing")
        if expansion is not None and not 0 <= expansion < np.inf:
            raise ValueError(f"an object was {expansion} times as large")
    return Looks(objects, ranks, lengths, tau, looks)
