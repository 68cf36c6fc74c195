"""Partial scans replayed from the records of partial_records.py."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from partial_records import CHEAPER, CODEC, U64, Floats, Ints, Kind, Record

from storeff import _native
from storeff.estimate.extents import ChunkTable, ExtentSample
from storeff.estimate.probing import wanted_of_part
from storeff.estimate.unseen import Pairs
from storeff.scan import sampling
from storeff.scan.extent import Extents
from storeff.scan.plan import ALLOCATION_BYTES, HEADLINE, Plan, deduplicating
from storeff.scan.sampling import SamplingDesign, SamplingRanks, Totals, object_number
from storeff.sources.entry import Entries
from storeff.sources.source import entries as listed
from storeff.sources.tree import LocalTree

CHUNKER = deduplicating()[HEADLINE.chunker]
# How many distinct chunks of a part the product compresses.
WANTED = {codec: wanted_of_part(Plan())[CHUNKER.name, codec] for codec in (CHEAPER, CODEC)}


@dataclass(frozen=True, eq=False)
class Drawn:
    """How the units of a record are drawn: what places are hashes of beside the units' numbers, and
    how many files are alike, as ``storeff.scan.sampling.Shared``."""

    size: U64
    key: U64
    alike: Ints

    def places(self, record: Record, seed: int) -> Floats:
        """(units,) the places of the units."""
        return sampling.sampling_ranks(self.size, record.number, self.key, seed)


def drawn(record: Record, crowd_files: int) -> Drawn:
    """As the product draws, which has no more than ``crowd_files`` files share their places."""
    version_files = min(SamplingDesign().version_limit, crowd_files)
    bits = exponents(record).astype(np.uint64)
    both = _files(record, record.file_bytes * np.uint64(sampling.GOLDEN) ^ record.name)
    named = _files(record, record.name ^ bits)
    of_size = _files(record, record.file_bytes)
    rules = [
        (count >= 2) & (count <= most)
        for count, most in ((both, crowd_files), (named, version_files), (of_size, crowd_files))
    ]
    none = np.zeros(len(both), np.uint64)
    return Drawn(
        size=np.select(rules, [record.file_bytes, bits, record.file_bytes], record.file_bytes),
        key=np.select(rules, [record.name, record.name, none], record.path),
        alike=np.select(rules, [both, both, of_size], 1),
    )


def exponents(record: Record) -> Ints:
    """(units,) bits of the size of each unit's file."""
    return np.frexp(record.file_bytes.astype(np.float64))[1].astype(np.int64)


def _files(record: Record, key: U64) -> Ints:
    """(units,) how many files have the ``key`` of each unit's file."""
    keys, counts = np.unique(key[record.number == 0], return_counts=True)
    return counts[np.searchsorted(keys, key)]


def by_size(record: Record, crowd_files: int) -> Drawn:
    """Files of one size share their places, in a crowd those of one size and name, else none."""
    crowded = _files(record, record.file_bytes ^ record.name) > crowd_files
    named = np.where(crowded, record.path, record.name)
    key = np.where(_files(record, record.file_bytes) > crowd_files, named, np.uint64(0))
    return Drawn(record.file_bytes, key, np.ones(len(key), np.int64))


def alone(record: Record, seed: int) -> Floats:
    """(units,) places that no two units share."""
    keys = np.column_stack((np.arange(len(record.bytes)), np.full(len(record.bytes), 1 << 60)))
    return _native.rank(keys.astype(np.uint64), np.ones(len(keys), np.uint64), seed)


def check_places(folder: Path, kind: Kind) -> None:
    """Raises ClickException unless ``drawn`` is what the product does."""
    tree = LocalTree([folder], one_file_system=True)
    in_order = sorted(listed(tree), key=lambda entry: entry.path)
    found = Entries.of(entry for entry in in_order if entry.size_bytes)
    design = SamplingDesign(seed=3, extent_bytes=kind.unit_bytes, share_limit=8, version_limit=8)
    product = SamplingRanks(tree, design)
    product.count(found)
    rows = [
        (p.size_bytes, n, name_hash, object_number(p))
        for p, name_hash in zip(found, found.name_hashes().tolist(), strict=True)
        for n in range(-(-p.size_bytes // kind.unit_bytes))
    ]
    none = np.empty(0, np.int64)
    sizes, numbers, names, paths = np.array(rows, np.uint64).T
    rest = none, none, none, none, none, none, none > 0
    ours = Record(sizes, numbers, names, paths, *rest)
    units = Extents.joined(list(product.select([found], 0.0, 2.0, Totals())))
    keys = [(unit.entry.path, unit.start) for unit in units]
    units = units.take(np.array(sorted(range(len(keys)), key=keys.__getitem__)))
    how = drawn(ours, 8)
    told = np.column_stack((units.ranks, product.shared_by(units.entries).group_size))
    made = np.column_stack((how.places(ours, 3), how.alike))
    # The product has an order of its own. What collides in its tables is told apart there.
    same = Counter(map(tuple, told.tolist())) & Counter(map(tuple, made.tolist()))
    if same.total() < 0.98 * len(rows):
        raise click.ClickException("the places are not those of the product")


def sampled(
    record: Record, at: Floats, rate: float, value: Ints, alike: Ints | None = None
) -> Pairs:
    """What reading the units at places below ``rate`` would have given, the listing telling that
    files share their units with ``alike`` ones of their size, if given."""
    taken = at < rate
    hashes, place_of_unit = np.unique(at[taken], return_inverse=True)
    once = record.bytes if alike is None else record.bytes // alike
    read, left = (
        np.bincount(place_of_unit, column[taken], len(hashes)).astype(float)
        for column in (record.bytes, once)
    )
    met = taken[record.unit]
    rows, chunk = np.unique(record.chunk[met], return_inverse=True)
    place = np.searchsorted(hashes, at[record.unit[met]])
    pairs = np.unique(chunk * len(hashes) + place)
    once_share = float(once.sum() / record.bytes.sum())
    return Pairs(
        value[rows].astype(float), pairs // len(hashes), pairs % len(hashes), hashes, read, read,
        left, once_share,
    )  # fmt: skip


def scanned(
    record: Record,
    unit_bytes: int,
    seed: int,
    rate: float,
    labels: U64 | None = None,
    roots: Mapping[bytes, int] | None = None,
) -> ExtentSample:
    """What a scan of ``record`` at ``rate`` finds, its chunks taken for those of the headline.

    ``labels`` (units,) are as in a Sketch, ``roots`` the bytes of those that they name. As many
    chunks are compressed as the product does; all, if everything is read.
    """
    how = drawn(record, SamplingDesign().share_limit)
    at = how.places(record, seed)
    bits = exponents(record)
    if labels is None:
        labels = np.zeros(len(at), np.uint64)
    data_bytes = record.bytes.astype(np.uint64)
    nominal_bytes = data_bytes // how.alike.astype(np.uint64)
    last = (record.number + np.uint64(1)) * np.uint64(unit_bytes) >= record.file_bytes
    taken = at < rate
    ranks, first, row = np.unique(at[taken], return_index=True, return_inverse=True)
    listed, nominal = (
        np.bincount(row, column[taken], len(ranks)).astype(np.uint64)
        for column in (data_bytes, nominal_bytes)
    )
    all_bytes = int(record.bytes.sum())
    present = np.unique(bits).tolist()
    return ExtentSample(
        seed=seed,
        extent_bytes=unit_bytes,
        lead_bytes=SamplingDesign().lead_bytes,
        share_limit=SamplingDesign().share_limit,
        rate=rate,
        data_bytes=int(data_bytes[taken].sum()) if rate >= 1.0 else all_bytes,
        read_bytes=int(data_bytes[taken].sum()),
        roots=dict(roots or {}),
        nominal_share=float(nominal_bytes.sum()) / all_bytes,
        bytes_by_exponent={each: int(record.bytes[bits == each].sum()) for each in present},
        ranks_by_exponent={each: float((1 / how.alike[bits == each]).sum()) for each in present},
        padding_bytes=int((-record.bytes[last] % ALLOCATION_BYTES).sum()),
        ranks=ranks,
        exponents=bits[taken][first],
        listed=listed,
        nominal=nominal,
        at=row,
        labels=labels[taken],
        data=data_bytes[taken],
        tables={CHUNKER.name: _chunks(record, at, seed, rate, labels)},
    )


def _chunks(record: Record, at: Floats, seed: int, rate: float, labels: U64) -> ChunkTable:
    """The chunks of the units at places ``at`` below ``rate``."""
    met = (at < rate)[record.unit]
    unit, chunk = record.unit[met], record.chunk[met]
    ranks, row = np.unique(at[unit], return_inverse=True)
    key, pair = np.unique(row * len(record.sizes) + chunk, return_inverse=True)
    place, held = np.divmod(key, len(record.sizes))
    united = np.zeros(len(key), np.uint64)
    np.bitwise_or.at(united, pair, labels[unit])
    keys = np.column_stack((np.arange(len(record.sizes)), np.zeros(len(record.sizes))))
    lot = _native.rank(keys.astype(np.uint64), np.ones(len(keys), np.uint64), seed)
    in_order = np.sort(lot[np.unique(held)])
    columns, shares = {}, {}
    for codec, values in ((CHEAPER, record.cheaper), (CODEC, record.compressed)):
        count = WANTED[codec] if rate < 1.0 else len(in_order)
        shares[codec] = float(in_order[count]) if count < len(in_order) else 1.0
        known = lot[held] < shares[codec]
        columns[codec] = np.where(known, values[held], 0).astype(np.uint32)
    return ChunkTable(
        chunker=CHUNKER,
        keys=held.astype(np.uint64),
        sizes=record.sizes[held].astype(np.uint64),
        ranks=ranks[place],
        labels=united,
        kept=1.0,
        compressed=columns,
        compressed_kept=shares,
        chunks=len(chunk),
        run_bytes=np.zeros(256, np.uint64),
    )
