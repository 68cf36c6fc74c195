"""Compressing below an erasure code: the shards of sampled pieces of the data, as a system keeps
them.

Ceph's BlueStore sits below the erasure code (src/osd/ECTransaction.cc: each shard is an object of
its own, with parity like data). An object is striped over k data shards in stripe units, so that
what lies side by side on a shard lay k units apart in the object, and each shard is cut into blobs
that are compressed by themselves. Parity mixes the data of k shards, and hardly shrinks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from storeff.errors import StoreffError
from storeff.scan.columns import Compressors
from storeff.scan.occurrences import WINDOW_BYTES
from storeff.scan.reread import HOLE, Batch, Job, Rereader, Stretches
from storeff.scan.windows import Windows
from storeff.sources.source import HOLE_BYTES

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


class ShardCode(NamedTuple):
    """A code of ``k`` data, ``m`` global and ``l`` local parity shards (0: no local ones), striped
    in units of ``stripe_unit_bytes``, whose shards are compressed with ``codec`` in blobs of
    ``block_bytes``. Of these two sizes one is a multiple of the other."""

    k: int
    m: int
    l: int  # noqa: E741 - the letter of the LRC literature
    stripe_unit_bytes: int
    codec: str
    block_bytes: int

    @property
    def piece_bytes(self) -> int:
        """Objects are looked at in pieces of this size: whole blobs on every shard, and whole
        windows, so that each window lies in one piece."""
        return math.lcm(self.k * max(self.stripe_unit_bytes, self.block_bytes), WINDOW_BYTES)

    @property
    def blobs(self) -> int:
        """Blobs of each shard of a whole piece."""
        return self.piece_bytes // (self.k * self.block_bytes)

    def __str__(self) -> str:
        return f"LRC({self.k},{self.l},{self.m})" if self.l else f"{self.k}+{self.m}"


@dataclass(frozen=True, eq=False)
class Shards:
    """What ``code`` leaves of the pieces around a random byte of windows, the first by rank.

    A row is a window: ``lengths`` (n,) are its bytes, ``pieces`` (n,) those of the piece that it
    lies in, 0 if that could not be read. ``sizes`` and ``compressed`` (n, blobs) are bytes of each
    blob of the piece before and after compression: those of the first shard, then those of the
    next, data before parity. Windows in holes are no rows. ``tau`` is the rank below which windows
    were looked at, each drawn with probability min(1, length x tau): infinite if these are all.
    """

    code: ShardCode
    tau: float
    lengths: U64
    pieces: Ints
    sizes: U32
    compressed: U32

    @property
    def data_blobs(self) -> int:
        """How many columns are data; the rest is parity."""
        return self.code.k * self.code.blobs


class Coder:
    """Encodes pieces of objects with ``code``.

    The library is ISA-L through pyeclib, with the matrices that the codes of layouts are measured
    with. Ceph's default (reed_sol_van) has a row of ones for its first parity, which keeps a little
    more of what the data has in common: with lz4 it left the same of text and 0.6 to 2 % less of
    the parity of tensors, with zstd-1 up to 7 % less of that of text (13 MB, 2026-11-26). So parity
    is rather too large here than too small.

    Raises StoreffError if the library does not keep the data shards as they are.
    """

    def __init__(self, code: ShardCode) -> None:
        from pyeclib.ec_iface import ECDriver

        self.code = code
        local: dict[str, Any] = {"local_parity": code.l} if code.l else {}
        self.driver = ECDriver(
            ec_type="isa_l_rs_lrc" if code.l else "isa_l_rs_vand_inv",
            k=code.k,
            m=code.m + code.l,
            chksum_type="none",
            **local,
        )
        self.header_bytes = len(self.driver.encode(b"")[0])
        # Odd, so that whatever the library might pad to shows.
        tried = np.random.default_rng(1).integers(0, 256, (code.k, 4099), np.uint8)
        if [*map(bytes, self._encode(tried)[: code.k])] != [row.tobytes() for row in tried]:
            raise StoreffError(
                f"the erasure-code library does not cut the data of {code} as it should",
                "reinstall pyeclib",
            )

    def shards(self, piece: memoryview) -> list[memoryview]:
        """The shards of ``piece``, which begins a stripe: what data shards hold of it, no padding,
        and parity as long as the first data shard, which is never shorter than another."""
        k, unit = self.code.k, self.code.stripe_unit_bytes
        stripes, rest = divmod(len(piece), k * unit)
        lengths = [stripes * unit + min(max(rest - i * unit, 0), unit) for i in range(k)]
        padded = np.zeros((stripes + bool(rest)) * k * unit, np.uint8)
        padded[: len(piece)] = np.frombuffer(piece, np.uint8)
        rows = padded.reshape(-1, k, unit).transpose(1, 0, 2).reshape(k, -1)
        fragments = self._encode(rows[:, : lengths[0]])
        lengths += [lengths[0]] * (len(fragments) - k)
        return [fragment[:length] for fragment, length in zip(fragments, lengths, strict=True)]

    def _encode(self, rows: Bytes) -> list[memoryview]:
        """All fragments of the data fragments ``rows`` (k, bytes)."""
        end = self.header_bytes + rows.shape[1]
        fragments = self.driver.encode(rows.tobytes())
        return [memoryview(each)[self.header_bytes : end] for each in fragments]


class ShardProbe:
    """Looks at the shards of ``code`` in the pieces around the random bytes of ``windows``, of the
    first ``most`` by rank at most; of all, where these are few enough to give an exact figure.

    A piece in which several windows lie is encoded once. Of one with holes, each stretch of data
    between them counts as a piece that begins a stripe.
    """

    def __init__(self, code: ShardCode, windows: Windows, most: int) -> None:
        self.code = code
        self.coder = Coder(code)
        self.windows = windows
        self.most = len(windows.ranks) if windows.tau == math.inf else min(most, len(windows.ranks))
        self.asked = 0
        self.objects = windows.objects[: self.most]
        self.points = windows.points[: self.most].astype(np.int64)
        self.starts = self.points // code.piece_bytes * code.piece_bytes
        where = np.column_stack((self.objects, self.starts.astype(np.uint64)))
        _, piece = np.unique(where, axis=0, return_inverse=True)
        self.piece = piece.reshape(-1)
        order = np.argsort(self.piece, kind="stable")
        self.members = np.split(order, np.flatnonzero(np.diff(self.piece[order])) + 1)
        blobs = (self.most, (code.k + code.m + code.l) * code.blobs)
        self.sizes, self.compressed = np.zeros(blobs, np.uint32), np.zeros(blobs, np.uint32)
        self.lengths = np.zeros(self.most, np.int64)
        self.is_hole, self.done = np.zeros(self.most, bool), np.zeros(self.most, bool)
        self.rows = np.empty(0, np.intp)

    @property
    def known(self) -> int:
        """How many windows, the first by rank, are known, of those that were asked for."""
        undone = np.flatnonzero(~self.done[: self.asked])
        return int(undone[0]) if len(undone) else self.asked

    def job(self, wanted: int) -> Job | None:
        """What is to be read for the first ``wanted`` windows; None if nothing is."""
        is_exact = self.windows.tau == math.inf
        self.asked = max(self.asked, self.most if is_exact else min(wanted, self.most))
        rows = np.flatnonzero(~self.done[: self.asked])
        if not len(rows):
            return None
        _, first = np.unique(self.piece[rows], return_index=True)
        self.rows = rows[np.sort(first)]
        objects, starts = self.objects[self.rows], self.starts[self.rows]
        sizes = [self.windows.entries[number].size_bytes for number in objects.tolist()]
        ends = np.minimum(starts + self.code.piece_bytes, np.array(sizes, np.int64))
        stretches = Stretches(objects, starts, ends - starts, self.points[self.rows])
        return Job((f"shards of {self.code}", True), stretches, self.use)

    def use(self, batch: Batch, compressors: Compressors) -> None:
        """Encode and compress what was read, for all windows that lie in it."""
        columns = self.rows[batch.rows], batch.begins, batch.offsets, batch.lengths
        for row, begin, offset, length in zip(*(c.tolist() for c in columns), strict=True):
            members = self.members[self.piece[row]]
            points = self.points[members]
            if length == HOLE:
                members = members[points // HOLE_BYTES == self.points[row] // HOLE_BYTES]
                self.is_hole[members] = True
            elif length > 0:
                members = members[(points >= begin) & (points < begin + length)]
                self.lengths[members] = length
                sizes, compressed = self.blobs(batch.buffer[offset : offset + length], compressors)
                self.sizes[members], self.compressed[members] = sizes, compressed
            else:
                members = members[~self.done[members]]
            self.done[members] = True

    def blobs(self, piece: memoryview, compressors: Compressors) -> tuple[U32, U32]:
        """Bytes of each blob of ``piece``, before and after compression."""
        found = np.zeros((2, self.sizes.shape[1]), np.uint32)
        at: list[int] = []
        blobs: list[memoryview] = []
        for number, shard in enumerate(self.coder.shards(piece)):
            starts = range(0, len(shard), self.code.block_bytes)
            at += [number * self.code.blobs + i for i in range(len(starts))]
            blobs += [shard[start : start + self.code.block_bytes] for start in starts]
        found[0, at] = [*map(len, blobs)]
        found[1, at] = compressors.sizes(self.code.codec, blobs)
        return found[0], found[1]

    def found(self) -> Shards:
        """What is known by now."""
        known, windows = self.known, self.windows
        is_all = known == len(windows.ranks)
        data = np.flatnonzero(~self.is_hole[:known])
        return Shards(
            code=self.code,
            tau=windows.tau if is_all else float(windows.ranks[known]),
            lengths=windows.lengths[data],
            pieces=self.lengths[data],
            sizes=self.sizes[data],
            compressed=self.compressed[data],
        )


def probe_shards(probes: Sequence[ShardProbe], wanted: Sequence[int], rereader: Rereader) -> None:
    """Look at the first ``wanted`` windows of each of ``probes``, or at fewer if a stop comes."""
    while not rereader.stop.is_set():
        jobs = [probe.job(count) for probe, count in zip(probes, wanted, strict=True)]
        needed = [job for job in jobs if job is not None]
        if not needed:
            break
        # Holes in a piece leave windows of it for another time.
        rereader.run(needed, probes[0].windows.entries)
