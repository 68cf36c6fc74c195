"""How much to compress: a pilot of every column, and from that what the precision asked for needs.

The headline is asked for to ``Plan.precision``, every other figure to twice that.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from storeff.estimate.allocation import Need, Supply, allocate
from storeff.estimate.compression import IN_BYTES, IN_UNITS, Allocation
from storeff.estimate.every import EveryChunk
from storeff.estimate.sketched import Cut
from storeff.estimate.totals import Estimate
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import WINDOW_BYTES, Occurrences
from storeff.scan.plan import HEADLINE, Chunker, Plan, Probed
from storeff.scan.probe import Prober
from storeff.scan.replay import Replay
from storeff.scan.windows import Windows

Wanted = dict[tuple[str, str], int]
# Chunks are compressed of two populations: each distinct one once, for what is left after
# deduplication, or each as often as it occurs, for what compression alone leaves.
Population = Literal["distinct", "occurrences"]

# Chunks of the pilot: fewer than 256 say little of how much chunks differ, and of small ones so
# many are cheap that data of a few megabytes is all compressed.
PILOT_CHUNKS = 256
PILOT_BYTES = 8 << 20
# Of a part that was read extents differ more than chunks do, and one size serves all.
PART_CHUNKS = {"lz4": 2048, "zstd-1": 512, "zstd-3": 512}
# Where so large a share of all chunks is wanted all are compressed: that is exact, and what a few
# that are left out differ by is known too badly to say how sure a figure is without them.
NEARLY_ALL = 0.85
# Student's quantile for the pilot's degrees of freedom and the widening for two stages, together.
STUDENTS = 2.2
# CPU seconds: per byte of a chunk, and for reading and handling it whatever its size (2 vCPU EPYC,
# zstandard 0.23, lz4 4.4, 2026-11-26; zstd compresses small blocks at half the speed).
SECONDS_PER_BYTE = {"lz4": 1.1e-9, "zstd-1": 1.7e-9, "zstd-3": 2.4e-9}
SMALL_BLOCK_BYTES, SMALL_BLOCK_FACTOR = 16 << 10, 1.8
SECONDS_PER_CHUNK, SECONDS_PER_FURTHER = 20e-6, 2e-6


class Asked(NamedTuple):
    """A figure that is asked for: what ``codec`` leaves of the chunks of ``chunker``, of the
    distinct ones or of all occurrences; to a relative half width of ``target``."""

    chunker: str
    codec: str
    population: Population
    target: float


def cells(plan: Plan) -> Iterator[Asked]:
    """Every figure that ``plan`` asks for."""
    for probed in plan.probed:
        for codec in probed.columns:
            is_headline = not probed.per_occurrence and (probed.chunker, codec) == HEADLINE
            yield Asked(
                probed.chunker,
                codec,
                "occurrences" if probed.per_occurrence else "distinct",
                plan.precision if is_headline else 2 * plan.precision,
            )


def pilot(plan: Plan, population: Population) -> Wanted:
    """Chunks of the pilot, by chunker and column."""
    chunkers = {c.name: c for c in plan.chunkers}
    return {
        (probed.chunker, column): _pilot_chunks(chunkers[probed.chunker], population)
        for probed in _of(plan, population)
        for column in probed.columns
    }


def _pilot_chunks(chunker: Chunker, population: Population) -> int:
    if population == "occurrences":
        return PILOT_CHUNKS
    return max(PILOT_CHUNKS, PILOT_BYTES // chunker.max_bytes)


def _of(plan: Plan, population: Population) -> Iterable[Probed]:
    return [each for each in plan.probed if each.per_occurrence == (population == "occurrences")]


def glance(prober: Prober | Replay) -> tuple[Windows, Occurrences]:
    """Windows of all the data, and the pilot of what compression alone leaves of it: before any of
    it is scanned. Of what the references to distinct chunks may say later, only what is cheap."""
    windows = prober.draw()
    plan = prober.plan
    dear = {
        c.name
        for c in plan.chunkers
        if c.max_bytes > SMALL_BLOCK_BYTES and c.block_bytes is None and plan.columns(c.name, False)
    }
    first = {
        each: count
        for each, count in pilot(plan, "occurrences").items()
        if each == HEADLINE or each[0] not in dear
    }
    return windows, prober.occurrences(windows, first)


def compress(
    prober: Prober | Replay, scanned: Measurement, windows: Windows, *, is_cut: bool = False
) -> Measurement:
    """``scanned``, which holds the pilot of ``windows``, with as much compressed as its plan's
    precision needs. Of distinct chunks of a scan that ``is_cut`` short that is the pilot, as
    nothing is known of the others."""
    plan = scanned.plan
    found = scanned
    if scanned.sampling is not None:
        found = prober.distinct(found, wanted_of_part(plan))
    else:
        first = pilot(plan, "distinct")
        found = prober.distinct(found, first)
        if not is_cut:
            found = prober.distinct(found, _halfway(first, wanted_distinct(found)))
            found = prober.distinct(found, wanted_distinct(found))

    def looked_at(wanted: Wanted) -> Measurement:
        return replace(found, occurrences=prober.occurrences(windows, wanted, found.occurrences))

    asked = [cell for cell in cells(plan) if cell.population == "occurrences"]
    if scanned.sampling is None and not is_cut:
        # What the references to distinct chunks say needs no windows.
        asked = _unknown_cells(found, asked)
    first = pilot(plan, "occurrences")
    found = looked_at({(c.chunker, c.codec): first[c.chunker, c.codec] for c in asked})
    most = len(windows.ranks)
    found = looked_at(_halfway(first, wanted_occurrences(found, asked, most)))
    return looked_at(wanted_occurrences(found, asked, most))


def _halfway(first: Wanted, wanted: Wanted) -> Wanted:
    """The geometric means of both. A pilot with one chunk like no other asks for far too many, and
    one with none for too few: so what it asks for is asked again when half of the way is gone."""
    return {each: math.ceil(math.sqrt(first[each] * count)) for each, count in wanted.items()}


def wanted_of_part(plan: Plan) -> Wanted:
    """Distinct chunks to compress of a part of the data."""
    chunkers = {c.name: c for c in plan.chunkers}
    return {
        (probed.chunker, column): max(
            PART_CHUNKS[column], _pilot_chunks(chunkers[probed.chunker], "distinct")
        )
        for probed in _of(plan, "distinct")
        for column in probed.columns
        if column in PART_CHUNKS
    }


def wanted_distinct(measurement: Measurement) -> Wanted:
    """Distinct chunks that the precision needs, by the pilot in ``measurement``, a full scan."""
    plan, wanted = measurement.plan, Wanted()
    chunkers = {c.name: c for c in plan.chunkers}
    for probed in _of(plan, "distinct"):
        cut = Cut(chunkers[probed.chunker], measurement.sketches[probed.chunker], plan.seed)
        found = cut.estimates(use_all=True)
        targets = {c.codec: c.target for c in _cells_of(plan, probed)}
        chosen = _allocated(cut, probed.columns, found, targets)
        wanted.update({(probed.chunker, name): count for name, count in chosen.items()})
    return wanted


def wanted_occurrences(measurement: Measurement, asked: Sequence[Asked], most: int) -> Wanted:
    """Windows, ``most`` at most, that the precision of the cells ``asked`` needs, by the pilot in
    ``measurement``."""
    every = EveryChunk.of(measurement)
    if every is None or math.isinf(every.found.tau):
        return {}
    chunkers = {c.name: c for c in measurement.plan.chunkers}
    saved = {space: every.saved(space, use_all=True) for space in (IN_BYTES, IN_UNITS)}
    needs: list[Need] = []
    for cell in asked:
        for space in _spaces(chunkers[cell.chunker]):
            estimate = saved[space].get(f"{cell.chunker} {cell.codec}")
            if estimate is not None and estimate.shares:
                left = max(1.0, every.data_bytes - estimate.total.value)
                needs.append(Need(left, cell.target, _mirrored(estimate), STUDENTS))
    columns = {f"{name} {codec}": (name, codec) for name, codec in every.found.columns}
    supplies = []
    for name, (chunker, codec) in columns.items():
        if name in saved[IN_BYTES]:
            chunk_bytes = chunkers[chunker].max_bytes
            # A block of each window is all of what there is only where a window is a block.
            blocks = every.data_bytes / min(chunk_bytes, WINDOW_BYTES)
            supplies.append(
                Supply(
                    name,
                    every.windows(chunker, codec),
                    most,
                    max(blocks, every.population),
                    _cost_seconds(codec, chunk_bytes, is_first=True),
                )
            )
    chosen = allocate(supplies, needs)
    return {columns[name]: count for name, count in chosen.items()}


def compression_only(found: Occurrences) -> Quantity:
    """The ratio that compression alone has at the headline's chunks, of all the data that windows
    were drawn from, scanned or not."""
    data_bytes = found.data_bytes
    left = EveryChunk(found, data_bytes).left(*HEADLINE, IN_BYTES, data_bytes)
    return UNKNOWN if left is None else data_bytes / left


def _unknown_cells(measurement: Measurement, asked: Iterable[Asked]) -> list[Asked]:
    """Those of ``asked``, figures of all occurrences, that the references to distinct chunks of a
    full scan do not give to their targets. What blocks take in units is not known by them."""
    chunkers = {c.name: c for c in measurement.plan.chunkers}
    cuts = {
        name: Cut(chunkers[name], measurement.sketches[name], measurement.plan.seed)
        for name in {cell.chunker for cell in asked}
    }

    def is_known(cell: Asked) -> bool:
        cut = cuts[cell.chunker]
        if IN_UNITS in _spaces(cut.chunker) or not cut.holds(cell.codec):
            return False
        width = cut.every_reference(cell.codec, measurement.data_bytes).relative_half_width
        return width is not None and width <= cell.target

    return [cell for cell in asked if not is_known(cell)]


def _spaces(chunker: Chunker) -> Iterator[Allocation]:
    """How what is left of blocks is counted."""
    yield IN_BYTES
    if (chunker.block_bytes or 0) > IN_UNITS.allocation_bytes:
        yield IN_UNITS


def _mirrored(saved: Estimate) -> dict[str, tuple[float, float, float]]:
    """The shares of the error of what is left: more saved is less left."""
    return {name: (variance, more, less) for name, (variance, less, more) in saved.shares.items()}


def _cells_of(plan: Plan, probed: Probed) -> Iterator[Asked]:
    for cell in cells(plan):
        is_of = (cell.population == "occurrences") == probed.per_occurrence
        if is_of and cell.chunker == probed.chunker:
            yield cell


def _allocated(
    cut: Cut,
    columns: Sequence[str],
    found: Mapping[str, Estimate],
    targets: Mapping[str, float],
) -> dict[str, int]:
    most = len(cut.sketch.keys)
    population = max(float(most), float((1 / cut.kept.chance).sum()))
    known = [name for name in columns if name in cut.probed]
    supplies = [
        Supply(
            name,
            len(cut.probed[name][1]),
            most,
            population,
            _cost_seconds(name, cut.chunker.max_bytes, is_first=name == known[0]),
        )
        for name in known
    ]
    needs = [
        Need(found[codec].total.value, target, found[codec].shares, STUDENTS)
        for codec, target in targets.items()
        if codec in found and found[codec].shares and found[codec].total.value > 0
    ]
    chosen = allocate(supplies, needs)
    if not cut.sketch.exact:
        return chosen
    return {name: most if count > NEARLY_ALL * most else count for name, count in chosen.items()}


def _cost_seconds(column: str, chunk_bytes: int, *, is_first: bool) -> float:
    """CPU seconds of one chunk more of ``column``."""
    factor = SMALL_BLOCK_FACTOR if chunk_bytes <= SMALL_BLOCK_BYTES else 1.0
    handling = SECONDS_PER_CHUNK if is_first else SECONDS_PER_FURTHER
    return SECONDS_PER_BYTE[column] * chunk_bytes * factor + handling
