"""What a system leaves of data shards and of parity that compresses below its erasure code."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.estimate.allocation import Need, Supply, allocate
from storeff.estimate.compression import IN_BYTES, IN_UNITS, Allocation
from storeff.estimate.every import TWO_STAGES, WINDOWS_MIN
from storeff.estimate.evidence import Evidence
from storeff.estimate.probing import STUDENTS
from storeff.estimate.totals import Estimate, PrioritySample, Total, estimate_total
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.probe import Prober
from storeff.scan.replay import ShardReplay
from storeff.scan.scan_part import Coded
from storeff.scan.shards import ShardCode, ShardProbe, Shards, probe_shards
from storeff.scan.windows import Windows

Floats = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

# Windows of the pilot, and of all: with 8+3 and lz4 each is 0.7 MB to compress.
PILOT_WINDOWS = 128
WINDOWS_MOST = 1024
# CPU seconds of a window. There is one sample for both figures, so it decides nothing.
SECONDS_EACH = 1e-3


class ShardCompression(msgspec.Struct, frozen=True):
    """What is left where each shard of an erasure code is compressed by itself, parity too.

    The code has ``k`` data, ``m`` global and ``l`` local parity shards, and stripes each object in
    units of ``stripe_unit_bytes``. A blob of ``block_bytes`` of a shard takes whole units of
    ``allocation_bytes``, and stays compressed only at up to ``required_ratio`` of its size.

    ``data_left_bytes`` is what data shards take of all data, ``ratio`` data bytes over that.
    ``parity_ratio`` is the bytes of parity, in whole units, over what is left of them. Counted is
    what shards really hold: a short blob, of a small object or at the end of a large one, is
    rounded up to units, as in Compression; but no shard is padded to a stripe unit, and no object
    to a stripe. Parity is as long as the first data shard. So an object of less than a stripe unit
    counts its own units once as data and once for each parity. ``windows`` were looked at.
    """

    k: int
    m: int
    l: int  # noqa: E741 - the letter of the LRC literature
    stripe_unit_bytes: int
    codec: str
    block_bytes: int
    allocation_bytes: int
    required_ratio: float
    windows: int
    data_left_bytes: Quantity
    ratio: Quantity
    parity_ratio: Quantity

    @property
    def code(self) -> ShardCode:
        """What was measured."""
        return ShardCode(
            self.k, self.m, self.l, self.stripe_unit_bytes, self.codec, self.block_bytes
        )

    @property
    def space(self) -> Allocation:
        """How the space of blobs is counted."""
        return Allocation(self.allocation_bytes, self.required_ratio)


def begin_shards(prober: Prober, windows: Windows, codes: Sequence[ShardCode]) -> list[ShardProbe]:
    """The pilot of each of ``codes``."""
    probes = [ShardProbe(code, windows, WINDOWS_MOST) for code in codes]
    probe_shards(probes, [PILOT_WINDOWS] * len(probes), prober.rereader)
    return probes


def finish_shards(prober: Prober, probes: Sequence[ShardProbe]) -> list[Shards]:
    """As many windows of each of ``probes`` as bring what is left of data and of parity to twice
    the precision of the plan, by the pilot: chosen once. After a stop, what is known by then."""
    wanted = [_windows_wanted(probe, 2 * prober.plan.precision) for probe in probes]
    probe_shards(probes, wanted, prober.rereader)
    return [probe.found() for probe in probes]


def replay_shards(coded: Sequence[Coded], windows: Windows, precision: float) -> list[Shards]:
    """What ``begin_shards`` and ``finish_shards`` find, by what parts of a scan hold."""
    probes = [ShardReplay(each, windows, WINDOWS_MOST) for each in coded]
    for probe in probes:
        probe.look(PILOT_WINDOWS)
        probe.look(_windows_wanted(probe, 2 * precision))
    return [probe.found() for probe in probes]


def _windows_wanted(probe: ShardProbe | ShardReplay, target: float) -> int:
    windows, found = probe.windows, probe.found()
    if np.count_nonzero(found.pieces) < WINDOWS_MIN:
        return probe.most
    population = float((1 / np.minimum(1.0, windows.lengths * windows.tau)).sum())
    supply = Supply("windows", probe.known, probe.most, population, SECONDS_EACH)
    needs = []
    for space in (IN_BYTES, IN_UNITS):
        for sample in (_Sample(found, space, is_parity) for is_parity in (False, True)):
            saved = sample.saved(None)
            left = max(1.0, sample.taken_bytes - saved.total.value)
            shares = {
                name: (variance, more, less)
                for name, (variance, less, more) in saved.shares.items()
            }
            needs.append(Need(left, target, shares, STUDENTS))
    return allocate([supply], needs)["windows"]


def shard_compression(evidence: Evidence, found: Sequence[Shards]) -> Iterator[ShardCompression]:
    """The figures of ``found``, for the data of ``evidence``: in bytes and in units."""
    data_bytes = evidence.data_bytes
    for shards in found:
        for space in (IN_BYTES, IN_UNITS):
            whole_bytes = evidence.taken_bytes(space)
            if whole_bytes is None or shards.code.stripe_unit_bytes % space.allocation_bytes:
                continue
            data, parity = (_Sample(shards, space, is_parity) for is_parity in (False, True))
            left = data.left(whole_bytes, data_bytes)
            # Of parity only the share that is left counts.
            parity_bytes = round(parity.taken_bytes)
            parity_left = parity.left(parity_bytes, None)
            yield ShardCompression(
                *shards.code,
                *space,
                windows=int(np.count_nonzero(shards.pieces)),
                data_left_bytes=left,
                ratio=data_bytes / left,
                parity_ratio=parity_bytes / parity_left,
            )


class _Sample:
    """Data or parity of ``found``, in ``space``, as a priority sample of windows.

    A byte of a window stands for the piece it is in: so what is saved of a window is its bytes
    times what is saved of the piece, over the bytes of that. Every byte of the data is a point of a
    window with the same chance, whatever the size of its piece.
    """

    def __init__(self, found: Shards, space: Allocation, is_parity: bool) -> None:
        at = found.data_blobs
        columns = slice(at, None) if is_parity else slice(at)
        sizes, compressed = (
            each[:, columns].astype(np.uint64) for each in (found.sizes, found.compressed)
        )
        self.tau = found.tau
        self.lengths = found.lengths.astype(np.float64)
        self.chance = np.minimum(1.0, self.lengths * found.tau)
        self.is_known = found.pieces > 0
        per_byte = self.lengths / np.maximum(found.pieces, 1)
        self.values = per_byte * space.saved(sizes, compressed).sum(axis=1)
        taken = per_byte * space.rounded(sizes).sum(axis=1)
        # Of what could not be read as much is taken to be saved as of the others.
        if self.is_known.any():
            lost = ~self.is_known
            for each in (self.values, taken):
                share = each[self.is_known].sum() / self.lengths[self.is_known].sum()
                each[lost] = share * self.lengths[lost]
        self.taken_bytes = float((taken / self.chance).sum())
        # Of data as much may be saved as there is; of parity, which takes units for every stripe,
        # as much as it takes.
        self.most = taken if is_parity else self.lengths

    def saved(self, data_bytes: int | None) -> Estimate:
        """What compressing saves of all data, which is ``data_bytes``, or of as much as the sample
        stands for."""
        most_bytes = float((self.most / self.chance).sum()) if data_bytes is None else data_bytes
        sample = PrioritySample(
            tau=self.tau,
            sizes=self.lengths,
            chance=self.chance,
            weight=(1 - self.chance) / self.chance**2,
            light=np.ones(len(self.lengths), bool),
            referenced=self.most,
            referenced_bytes=float(most_bytes),
        )
        return estimate_total(sample, self.values, name="windows", part_of=self.most)

    def left(self, whole_bytes: int, data_bytes: int | None) -> Quantity:
        """What is left of ``whole_bytes``, which all data takes without compression. Unknown where
        too few windows were looked at."""
        is_exact = self.tau == np.inf
        known = int(np.count_nonzero(self.is_known))
        if not known or (known < WINDOWS_MIN and not is_exact):
            return UNKNOWN
        total = self.saved(data_bytes).total
        if is_exact and data_bytes is not None:
            # A scan that was cut short has read less than the windows are of.
            total = Total(total.value * data_bytes / float(self.lengths.sum()), 0.0)
        lost = float(self.lengths[~self.is_known].sum() / self.lengths.sum())
        total = replace(
            total,
            standard_error=TWO_STAGES * total.standard_error,
            missed_less=total.missed_less + lost * total.value,
            missed_more=total.missed_more + lost * max(0.0, whole_bytes - total.value),
        )
        return whole_bytes - total.quantity(0, whole_bytes)
