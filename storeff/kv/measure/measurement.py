"""The data reduction of keys and of values in KV-cache dumps, by layer and overall.

A measurement is of a sample and adds up over files; a report is made of the sum. What is lossless
and what is lossy are two answers: nothing here multiplies them.
"""

import hashlib
import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.errors import StoreffError
from storeff.kv.dumps.dump import Dtype, Dump
from storeff.kv.measure import lossless, lossy
from storeff.kv.measure.extract import Block, Kind, sections
from storeff.kv.measure.totals import UNKNOWN, Totals, mapped
from storeff.quantity import Quantity
from storeff.sources.source import Reader

# Enough for intervals that hold the truth, in samples of keys that are alike or drift, in 92-97 %
# for sizes and in 89 to 97 % for errors (bench/speed/kv_measure.py, 2026-11-21). No number of
# clusters vouches for stretches of another kind that are too rare to be met: where one token in ten
# lies in one, a layer's interval from four clusters of 64 holds in 47 %, that of six such layers
# together in 94 %.
CLUSTERS_MIN = 4
SWEPT = (
    *lossless.RAW,
    lossless.Scheme("zstd-1", planes=True),
    lossless.Scheme("huffman", planes=True),
)
CAVEAT = (
    "intervals are for what was not read of these files, and know of rare stretches only if some "
    "were read; another model, dtype or kind of prompt can differ by far more"
)


class Plan(msgspec.Struct, frozen=True):
    """What makes two measurements comparable. A cluster is the unit of sampling: contiguous
    tokens in one layer's keys or values; about ``sample_bytes`` of each file are read. Every scheme
    is measured in chunks of ``chunk_bytes``, some in the other sizes too."""

    seed: int = 1
    sample_bytes: int = 64 << 20
    cluster_bytes: int = 1 << 20
    chunk_bytes: int = 64 << 10
    other_chunk_bytes: tuple[int, ...] = (4 << 10, 1 << 20)

    def __post_init__(self) -> None:
        if min((self.chunk_bytes, self.sample_bytes, *self.other_chunk_bytes)) < 1:
            raise StoreffError("a plan needs chunks, and a sample, of at least a byte")
        largest = max((self.chunk_bytes, *self.other_chunk_bytes))
        if largest > self.cluster_bytes:
            raise StoreffError(
                f"chunks of {largest} bytes do not fit clusters of {self.cluster_bytes}",
                "make the clusters as large as the largest chunk",
            )

    def schemes(self, block: Block) -> dict[int, list[lossless.Scheme]]:
        """What to code ``block`` with at each chunk size: everything at ``chunk_bytes``."""
        every = lossless.schemes(block)
        some = [scheme for scheme in every if scheme in SWEPT]
        return dict.fromkeys(self.other_chunk_bytes, some) | {self.chunk_bytes: every}


class Tally(msgspec.Struct, frozen=True):
    """The sums over the sample of the elements of one kind, layer and dtype, added over files;
    ``kind`` or ``layer`` is "all" in a sum over several.

    ``stored``: by chunk bytes and scheme, totals of (bytes, bytes stored); of sizes other than the
    plan's only those that some chunk of each stratum has. ``bits``: by field,
    totals of (elements, order-0 bits, bits of an adaptive code for each channel). ``coded``: totals
    of (bytes, order-0 bytes, bytes with the better of the two codes of each field). ``loss``: by
    scheme, totals of (bytes, *lossy.Loss); empty if there are infinities, NaNs or no floating-point
    numbers.
    """

    kind: Kind | Literal["all"] | None
    layer: int | Literal["all"] | None
    dtype: Dtype | None
    data_bytes: int
    read_bytes: int
    clusters: int
    stored: dict[int, dict[str, Totals]]
    bits: dict[str, Totals]
    coded: Totals
    loss: dict[str, Totals]


class Measurement(msgspec.Struct, frozen=True):
    """Tallies, one for each kind, layer and dtype."""

    plan: Plan
    tallies: list[Tally]

    def __add__(self, other: "Measurement") -> "Measurement":
        """The measurement of the files of both, no file in both. Sums of floating-point numbers: an
        order of files changes the last digits only. Raises StoreffError if the plans differ."""
        if self.plan != other.plan:
            raise StoreffError(
                "these measurements were made with different plans",
                "measure again with the same seed, sample, cluster and chunk sizes",
            )
        by_key = {_key(tally): tally for tally in self.tallies}
        for tally in other.tallies:
            key = _key(tally)
            by_key[key] = _merged(by_key[key], tally) if key in by_key else tally
        return Measurement(self.plan, sorted(by_key.values(), key=_key))


def _key(tally: Tally) -> tuple[str, str, int]:
    layer = tally.layer if isinstance(tally.layer, int) else -1
    return tally.dtype or "", tally.kind or "", layer


def _merged(a: Tally, b: Tally) -> Tally:
    return Tally(
        kind=a.kind if a.kind == b.kind else "all",
        layer=a.layer if a.layer == b.layer else "all",
        dtype=a.dtype,
        data_bytes=a.data_bytes + b.data_bytes,
        read_bytes=a.read_bytes + b.read_bytes,
        clusters=a.clusters + b.clusters,
        stored={
            size: _sums(a.stored[size], b.stored[size]) for size in a.stored if size in b.stored
        },
        bits=_sums(a.bits, b.bits),
        coded=a.coded + b.coded,
        loss=_sums(a.loss, b.loss),
    )


def _sums(a: Mapping[str, Totals], b: Mapping[str, Totals]) -> dict[str, Totals]:
    return {name: totals + b[name] for name, totals in a.items() if name in b}


# ---- measuring ----


def measure(
    dump: Dump,
    reader: Reader,
    name: bytes,
    size_bytes: int,
    plan: Plan,
    stop: threading.Event | None = None,
) -> Measurement:
    """A sample of the file of ``size_bytes`` that ``reader`` reads, seeded by ``name``, which tells
    it from others; an empty one if ``stop`` is set before all of it is measured.

    Raises ContradictionError where the file contradicts ``dump``, OSError where it cannot be read.
    """
    found = [s for tensor in dump.tensors for s in sections(tensor, size_bytes)]
    data_bytes = sum(section.tokens * section.row_bytes for section in found)
    total = Measurement(plan, [])
    for number, section in enumerate(found):
        if stop is not None and stop.is_set():
            return Measurement(plan, [])
        clusters = section.clusters(plan.cluster_bytes)
        count = math.ceil(clusters * min(1.0, plan.sample_bytes / data_bytes))
        digest = hashlib.blake2b(name + b"\0%d" % number, digest_size=8).digest()
        rng = np.random.default_rng([plan.seed, int.from_bytes(digest, "little")])
        chosen = draw(rng, clusters, max(count, CLUSTERS_MIN))
        blocks = (section.read(reader, plan.cluster_bytes, index) for index in chosen)
        tally = tally_of(blocks, clusters, section.tokens * section.row_bytes, plan)
        total += Measurement(plan, [tally])
    return total


def draw(rng: np.random.Generator, clusters: int, count: int) -> list[int]:
    """``count`` of ``clusters`` without replacement, with equal probability, ascending; all if
    there are no more."""
    if count >= clusters:
        return list(range(clusters))
    return sorted(rng.choice(clusters, count, replace=False).tolist())


def tally_of(sample: Iterable[Block], clusters: int, data_bytes: int, plan: Plan) -> Tally:
    """The tally of one stratum of ``data_bytes`` from ``sample``, clusters sampled out of
    ``clusters``."""
    stored: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    counts: dict[str, list[npt.NDArray[np.uint64]]] = defaultdict(list)
    by_channel: dict[str, list[float]] = defaultdict(list)
    loss: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    bytes_of: list[int] = []
    items_of: list[int] = []
    finite = True
    reached = {plan.chunk_bytes}
    for block in sample:
        reached.update(size for size in plan.other_chunk_bytes if lossless.fills(block, size))
        kind, layer, dtype = block.kind, block.layer, block.dtype
        bytes_of.append(block.items.nbytes)
        items_of.append(block.items.size)
        for chunk_bytes, schemes in plan.schemes(block).items():
            for scheme, size in lossless.stored_bytes(block, chunk_bytes, schemes).items():
                stored[chunk_bytes][scheme.name].append((block.items.nbytes, size))
        for field in lossless.fields(block):
            counts[field.name].append(lossless.counts(block, field))
            by_channel[field.name].append(lossless.channel_bits(block, field))
        found = lossy.losses(block, plan.seed)
        finite = finite and found is not None
        for name, one in (found or {}).items():
            loss[name].append((block.items.nbytes, *msgspec.structs.astuple(one)))
    bits: dict[str, npt.NDArray[np.float64]] = {}
    for name, each in counts.items():
        table = np.stack(each)
        # What each cluster takes with the code of all of them.
        pooled = table @ lossless.surprise_bits(table.sum(0))
        bits[name] = np.array([items_of, pooled, by_channel[name]], float).T
    order0 = sum(table[:, 1] for table in bits.values())
    better = sum(table[:, 1:].min(1) for table in bits.values())
    return Tally(
        kind=kind,
        layer=layer,
        dtype=dtype,
        data_bytes=data_bytes,
        read_bytes=sum(bytes_of),
        clusters=len(bytes_of),
        stored={
            size: {name: Totals.of(rows, clusters) for name, rows in found.items()}
            for size, found in stored.items()
            if size in reached
        },
        bits={name: Totals.of(table, clusters) for name, table in bits.items()},
        coded=Totals.of(np.array([bytes_of, order0 / 8, better / 8], float).T, clusters),
        loss={name: Totals.of(rows, clusters) for name, rows in loss.items()} if finite else {},
    )


# ---- the report ----


class Lossless(msgspec.Struct, frozen=True):
    """Bytes left by one scheme in independent chunks of whole tokens, up to ``chunk_bytes`` where
    as much lies together. ``ratio`` is data bytes / bytes stored."""

    scheme: str
    chunk_bytes: int
    stored_bytes: Quantity
    ratio: Quantity


class FieldBits(msgspec.Struct, frozen=True):
    """Bits a number spends on one field: the order-0 entropy with one code for each layer, and with
    an adaptive code for each channel of each cluster."""

    field: str
    order0_bits: Quantity
    by_channel_bits: Quantity


class Lossy(msgspec.Struct, frozen=True):
    """Bytes left by one lossy scheme, scales and zeros included, and the error of its values.

    ``logit_error`` is that of the attention logits under synthetic queries, relative to theirs
    (root of the mean squares); null without keys, or where heads are not distinguished.
    """

    scheme: str
    stored_bytes: Quantity
    ratio: Quantity
    relative_l2: Quantity
    cosine: Quantity
    logit_error: Quantity
    label: str = lossy.LABEL


Row = TypeVar("Row", Lossless, Lossy)


class Part(msgspec.Struct, frozen=True):
    """Keys or values ("all": both, and all layers) of one dtype; null is what the dump does not
    say.

    ``winner`` is the smallest scheme in chunks of the plan's size. ``order0_ratio`` is the order-0
    entropy: what no code of one field at a time beats that is the same for all channels; it is no
    bound for schemes that see other numbers too. ``by_channel_ratio`` is what one for each channel
    reaches where that is better. ``lossy`` is empty where there are infinities or
    NaNs, integers or mere bytes.
    """

    kind: Kind | Literal["all"] | None
    layer: int | Literal["all"] | None
    dtype: Dtype | None
    data_bytes: int
    read_bytes: int
    clusters: int
    winner: Lossless
    lossless: list[Lossless]
    order0_ratio: Quantity
    by_channel_ratio: Quantity
    fields: list[FieldBits]
    lossy: list[Lossy]


class KvReport(msgspec.Struct, frozen=True):
    """``overall``: by dtype, all kinds together, then each. ``by_layer``: each kind's layers."""

    plan: Plan
    overall: list[Part]
    by_layer: list[Part]
    caveat: str = CAVEAT


def report(measurement: Measurement) -> KvReport:
    """Everything that ``measurement`` supports, with 95 % intervals for what was not read."""
    tallies = measurement.tallies
    overall = []
    for dtype in dict.fromkeys(t.dtype for t in tallies):
        of_dtype = [t for t in tallies if t.dtype == dtype]
        kinds = dict.fromkeys(t.kind for t in of_dtype)
        if len(kinds) > 1:
            overall.append(reduce(_merged, of_dtype))
        overall += [reduce(_merged, [t for t in of_dtype if t.kind == kind]) for kind in kinds]
    plan = measurement.plan
    return KvReport(plan, [_part(t, plan) for t in overall], [_part(t, plan) for t in tallies])


def _part(tally: Tally, plan: Plan) -> Part:
    rows = [
        _lossless(tally, scheme, chunk_bytes, totals)
        for chunk_bytes, found in sorted(tally.stored.items())
        for scheme, totals in found.items()
    ]
    part = Part(
        kind=tally.kind,
        layer=tally.layer,
        dtype=tally.dtype,
        data_bytes=tally.data_bytes,
        read_bytes=tally.read_bytes,
        clusters=tally.clusters,
        winner=rows[0],
        lossless=rows,
        order0_ratio=_inverse(tally.coded.ratio(1, 0)),
        by_channel_ratio=_inverse(tally.coded.ratio(2, 0)),
        fields=[
            FieldBits(name, totals.ratio(1, 0), totals.ratio(2, 0))
            for name, totals in tally.bits.items()
        ],
        lossy=[_lossy(tally, scheme, totals) for scheme, totals in tally.loss.items()],
    )
    return with_ratios(part, plan)


def with_ratios(part: Part, plan: Plan) -> Part:
    """``part`` with what follows from the bytes that its schemes leave: ratios, and the winner.
    Raises StoreffError if no scheme has chunks of the plan's size."""

    def over(row: Row) -> Row:
        return msgspec.structs.replace(row, ratio=part.data_bytes / row.stored_bytes)

    rows = [over(row) for row in part.lossless]
    full = [row for row in rows if row.chunk_bytes == plan.chunk_bytes]
    if not full:
        raise StoreffError(f"no lossless scheme was measured in chunks of {plan.chunk_bytes} bytes")
    winner = min(full, key=lambda row: row.stored_bytes.value or 0)
    lossy = [over(row) for row in part.lossy]
    return msgspec.structs.replace(part, winner=winner, lossless=rows, lossy=lossy)


def _lossless(tally: Tally, scheme: str, chunk_bytes: int, totals: Totals) -> Lossless:
    return Lossless(scheme, chunk_bytes, _bytes(tally, totals.ratio(1, 0)), UNKNOWN)


def _lossy(tally: Tally, scheme: str, totals: Totals) -> Lossy:
    at = {name: i for i, name in enumerate(("data", *lossy.Loss.__struct_fields__))}
    share = totals.ratio(at["stored_bytes"], at["data"])
    return Lossy(
        scheme=scheme,
        stored_bytes=_bytes(tally, share),
        ratio=UNKNOWN,
        relative_l2=mapped(totals.ratio(at["error"], at["power"]), math.sqrt),
        cosine=totals.cosine(at["product"], at["power"], at["rounded_power"]),
        logit_error=mapped(totals.ratio(at["logit_error"], at["logit_power"]), math.sqrt),
    )


def _bytes(tally: Tally, share: Quantity) -> Quantity:
    return mapped(share, lambda r: round(r * tally.data_bytes))


def _inverse(share: Quantity) -> Quantity:
    return mapped(share, lambda r: 1 / r) if share.value else UNKNOWN
