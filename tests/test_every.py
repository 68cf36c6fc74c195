"""What compression alone leaves, from windows drawn from all the data."""

import numpy as np
import numpy.typing as npt
import pytest
from support.quantities import ends, holds

from storeff.estimate.compression import IN_BYTES, IN_UNITS
from storeff.estimate.every import WINDOWS_MIN, EveryChunk
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.occurrences import WINDOW_BYTES, Occurrences

U64 = npt.NDArray[np.uint64]

BLOCK_BYTES = 4096
SMALL, LARGE = ("fixed-4KiB", "zstd-1"), ("fixed-64KiB", "lz4")
WINDOWS = 400
PER_WINDOW = WINDOW_BYTES // BLOCK_BYTES


class Data:
    """WINDOWS whole windows, each of blocks that compress to something of their own."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        kinds = rng.beta(1, 1, (WINDOWS, 1))
        noise = rng.beta(2, 2, (WINDOWS, PER_WINDOW))
        self.blocks = np.maximum(1, BLOCK_BYTES * (0.5 * kinds + 0.5 * noise)).astype(np.uint64)
        self.windows = (0.9 * self.blocks.sum(axis=1)).astype(np.uint64)
        self.bytes = WINDOWS * WINDOW_BYTES

    def drawn(self, seed: int, small: int, large: int) -> EveryChunk:
        """What a scan under ``seed`` knows: of so many windows one block, of so many the whole."""
        rng = np.random.default_rng(seed)
        ranks = np.sort(rng.random(WINDOWS)) / WINDOW_BYTES
        order = rng.permutation(WINDOWS)[: max(small, large)]
        probed = np.zeros((len(order), 2), np.uint32)
        points = rng.integers(0, PER_WINDOW, len(order))
        probed[:, 0] = self.blocks[order, points]
        probed[:, 1] = self.windows[order]
        probed[small:, 0] = 0
        probed[large:, 1] = 0
        # Where all windows are drawn the highest rank is that of a certain one.
        limits = np.append(ranks, 1 / WINDOW_BYTES)
        return EveryChunk(
            occurrences(
                ranks[: len(order)],
                np.full(len(order), WINDOW_BYTES, np.uint64),
                np.tile(np.array([BLOCK_BYTES, WINDOW_BYTES], np.uint32), (len(order), 1)),
                probed,
                np.array([limits[small], limits[large]]),
                self.bytes,
            ),
            self.bytes,
        )


def occurrences(
    ranks: npt.NDArray[np.float64],
    lengths: U64,
    sizes: npt.NDArray[np.uint32],
    probed: npt.NDArray[np.uint32],
    taus: npt.NDArray[np.float64],
    data_bytes: int,
) -> Occurrences:
    none = np.zeros(len(ranks), np.uint64)
    return Occurrences(
        columns=(SMALL, LARGE),
        data_bytes=data_bytes,
        tau=float(taus.max()),
        taus=taus,
        objects=np.arange(len(ranks), dtype=np.uint64),
        starts=none,
        lengths=lengths,
        ranks=ranks,
        labels=none,
        sizes=sizes,
        probed=probed,
        hole_ranks=np.empty(0),
        hole_lengths=np.empty(0, np.uint64),
    )


def left(every: EveryChunk, column: tuple[str, str]) -> Quantity:
    found = every.left(*column, IN_BYTES, every.data_bytes)
    assert found is not None
    return found


@pytest.mark.parametrize(("small", "large"), [(100, 100), (300, 100), (WINDOWS, 60)])
def test_intervals_hold_the_truth_at_every_size_of_chunk(small: int, large: int) -> None:
    """Of 300 trials fewer than 272 hold it with a probability of 0.06 % at 95 % coverage."""
    data = Data()
    truths = {SMALL: int(data.blocks.sum()), LARGE: int(data.windows.sum())}
    held = dict.fromkeys(truths, 0)
    for seed in range(300):
        every = data.drawn(seed, small, large)
        for column, truth in truths.items():
            held[column] += holds(left(every, column), truth)
    assert min(held.values()) >= 272


def test_a_block_of_every_window_is_not_everything() -> None:
    low, high = ends(left(Data().drawn(1, WINDOWS, WINDOWS), SMALL))
    assert low < high


def test_blocks_of_many_windows_tell_of_the_windows_that_they_are_in() -> None:
    data = Data()
    widths = []
    for small in (60, 300):
        found = [ends(left(data.drawn(seed, small, 60), LARGE)) for seed in range(40)]
        widths.append(np.mean([high - low for low, high in found]))
    assert widths[1] < 0.95 * widths[0]


def test_too_few_windows_say_nothing() -> None:
    every = Data().drawn(1, WINDOWS_MIN - 1, WINDOWS_MIN - 1)
    assert left(every, LARGE) == UNKNOWN


def test_what_was_not_compressed_has_no_figure() -> None:
    every = Data().drawn(1, 100, 100)
    assert every.left("cdc-64KiB", "zstd-3", IN_BYTES, every.data_bytes) is None


def test_all_chunks_are_a_plain_sum() -> None:
    data = Data()
    every_rank = np.full(WINDOWS, np.inf)
    sizes = np.full((WINDOWS, 2), WINDOW_BYTES, np.uint32)
    probed = np.column_stack((data.windows, data.windows)).astype(np.uint32)
    lengths = np.full(WINDOWS, WINDOW_BYTES, np.uint64)
    taus = np.full(2, np.inf)
    every = EveryChunk(
        occurrences(every_rank, lengths, sizes, probed, taus, data.bytes), data.bytes
    )
    assert left(every, LARGE) == Quantity.exact(int(data.windows.sum()))
    units = every.left(*LARGE, IN_UNITS, data.bytes)
    window = np.full(WINDOWS, WINDOW_BYTES, np.uint64)
    assert units == Quantity.exact(int(IN_UNITS.taken(window, data.windows).sum()))


def test_windows_that_could_not_be_read_may_have_been_anything() -> None:
    data = Data()
    every = data.drawn(1, 200, 200)
    lost = every.found.probed.copy()
    lost[::10] = 0
    some = EveryChunk(
        occurrences(
            every.found.ranks,
            every.found.lengths,
            every.found.sizes,
            lost,
            every.found.taus,
            data.bytes,
        ),
        data.bytes,
    )
    whole, part = left(every, LARGE), left(some, LARGE)
    assert part.value == pytest.approx(whole.value, rel=0.05)
    widths = [high - low for low, high in map(ends, (whole, part))]
    assert widths[1] > widths[0] + 0.08 * data.bytes
