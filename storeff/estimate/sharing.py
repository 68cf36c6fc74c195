"""Needless copies: which of the scanned volumes hold the same chunks, and how much of them."""

import math
from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.estimate.consistency import no_more
from storeff.estimate.totals import Sample, estimate_total
from storeff.quantity import Quantity
from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.sketch import Sketch
from storeff.sources.names import printable


class VolumeShare(msgspec.Struct, frozen=True):
    """One scanned root: its data, its distinct chunks, and those that no other root holds.

    ``only_here_bytes`` is what deleting the volume would free in a store that all share.
    """

    name: str
    data_bytes: int
    unique_bytes: Quantity
    only_here_bytes: Quantity


class SharedPair(msgspec.Struct, frozen=True):
    """Bytes of the distinct chunks that both ``a`` and ``b`` hold."""

    a: str
    b: str
    shared_bytes: Quantity


class Sharing(msgspec.Struct, frozen=True):
    """What the scanned roots have in common, in chunks of ``chunker``.

    ``needless_bytes`` is what one store for all would save over one for each, every store without
    duplicates of its own. Pairs that share nothing are left out; constant runs are not counted.
    """

    chunker: str
    needless_bytes: Quantity
    volumes: list[VolumeShare]
    pairs: list[SharedPair]


def sharing(measurement: Measurement, chunker: str, kept: Sample) -> Sharing | None:
    """What the volumes of ``measurement`` share, by the sample ``kept`` of ``chunker``'s chunks.

    None if it does not tell at least two apart.
    """
    names = list(measurement.volumes)
    if len(names) < 2:
        return None
    holds = [_holds(kept.sketch, bit) for bit in range(len(names))]
    holders = np.sum(holds, axis=0, dtype=np.uint64)
    once_more = np.maximum(holders, np.uint64(1)) - np.uint64(1)
    data_bytes = list(measurement.volumes.values())
    unique = [_bytes(kept, held, most) for held, most in zip(holds, data_bytes, strict=True)]
    only = [_bytes(kept, held * (holders == 1), sum(data_bytes)) for held in holds]
    return Sharing(
        chunker=chunker,
        needless_bytes=_bytes(kept, once_more, sum(data_bytes)),
        volumes=[
            VolumeShare(
                name=printable(name),
                data_bytes=data_bytes[i],
                unique_bytes=unique[i],
                only_here_bytes=no_more(only[i], unique[i]),
            )
            for i, name in enumerate(names)
        ],
        pairs=_pairs(kept, names, holds, unique),
    )


def _pairs(
    kept: Sample,
    names: Sequence[bytes],
    holds: Sequence[npt.NDArray[np.uint64]],
    unique: Sequence[Quantity],
) -> list[SharedPair]:
    """The pairs that share something, the most first."""
    made = []
    for a, b in combinations(range(len(names)), 2):
        shared = _bytes(kept, holds[a] * holds[b], kept.sketch.bytes)
        shared = no_more(no_more(shared, unique[a]), unique[b])
        if shared.value != 0:
            made.append(SharedPair(printable(names[a]), printable(names[b]), shared))
    return sorted(made, key=lambda pair: -(pair.shared_bytes.value or 0))


def _holds(sketch: Sketch, bit: int) -> npt.NDArray[np.uint64]:
    """1 for each kept chunk that volume ``bit`` holds, else 0."""
    return (sketch.labels >> np.uint64(VOLUME_BIT + bit)) & np.uint64(1)


def _bytes(kept: Sample, times: npt.NDArray[np.uint64], most: int) -> Quantity:
    """Bytes of all chunks, each as often as ``times`` says of the kept ones."""
    sketch = kept.sketch
    sizes = sketch.sizes * times
    if not sizes.any():
        # B bytes of chunks, each kept with probability size x tau or more, are all missed with one
        # of exp(-B x tau) or less, which is 2.5 % at this B.
        missed = 0.0 if sketch.exact else math.log(40) / sketch.tau
        return Quantity(0, 0, min(round(missed), most), "measured")
    return estimate_total(kept, sizes).quantity(int(sizes.sum()), most)
