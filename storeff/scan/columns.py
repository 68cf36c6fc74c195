"""What is known of some chunks: the bytes that codecs leave of them, and auxiliaries."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from storeff.scan.codecs import CODECS, SizesOf, codec

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

# What zstd-1 leaves of one piece of a chunk, scaled to the chunk, explains some of what codecs
# leave of all of it, and costs less than a tenth: of wheels 2,434 chunks of zstd-3 were enough for
# +-1 % with it, 3,957 without (2026-11-25).
PIECE_BYTES = 4096
PIECE_CODEC = "zstd-1"
# One byte in so many is counted for the order-0 entropy of a chunk.
ENTROPY_STEP = 16


class Compressors:
    """The compressors of one thread, made when they are first needed."""

    def __init__(self) -> None:
        self.made: dict[str, SizesOf] = {}

    def sizes(self, name: str, blocks: Sequence[memoryview]) -> list[int]:
        """What the column ``name``, but "piece", is for each of ``blocks``: 0 for none of them."""
        if name not in CODECS:
            return entropy_sizes(blocks)
        if name not in self.made:
            self.made[name] = codec(name)
        return self.made[name](blocks)

    def piece_sizes(self, pieces: Sequence[memoryview], chunk_bytes: Sequence[int]) -> list[int]:
        """The column "piece" of chunks of ``chunk_bytes`` which these are the ``pieces`` of."""
        sizes = self.sizes(PIECE_CODEC, pieces)
        return [
            max(1, round(chunk * size / len(piece)))
            for piece, chunk, size in zip(pieces, chunk_bytes, sizes, strict=True)
        ]


def entropy_sizes(chunks: Sequence[memoryview]) -> list[int]:
    """The order-0 entropy of every ENTROPY_STEP-th byte of each chunk, in bytes of the chunk."""
    counts = np.empty((len(chunks), 256))
    for row, chunk in zip(counts, chunks, strict=True):
        row[:] = np.bincount(np.frombuffer(chunk, np.uint8)[::ENTROPY_STEP], minlength=256)
    samples = counts.sum(axis=1)
    bits = samples * np.log2(samples) - (counts * np.log2(np.maximum(counts, 1))).sum(axis=1)
    chunk_bytes = np.array([len(chunk) for chunk in chunks], np.float64)
    found: list[int] = np.maximum(1, np.rint(chunk_bytes * bits / samples / 8)).astype(int).tolist()
    return found


def pieces_of(numbers: U64, sizes: Ints) -> tuple[Ints, Ints]:
    """Where in chunks of ``sizes`` (n,) their pieces begin, by random ``numbers`` (n,), and their
    lengths: both (n,)."""
    lengths = np.minimum(sizes, PIECE_BYTES)
    places = (sizes - lengths + 1).astype(np.uint64)
    return (numbers % places).astype(np.int64), lengths


def piece_around(at: int, size: int) -> tuple[int, int]:
    """The same of the chunk of ``size`` that a random byte ``at`` was drawn of."""
    length = min(size, PIECE_BYTES)
    return at * (size - length + 1) // size, length


class Table:
    """What is probed of some chunks (n,), a row each, by ``columns``.

    ``needed`` (n, columns) says what is to be, ``values`` what came out, and ``done`` where that is
    so: a value of 0 could not be read.
    """

    def __init__(self, columns: Sequence[str], needed: Bools) -> None:
        self.columns = columns
        self.needed = needed
        self.done = np.zeros_like(needed)
        self.values = np.zeros(needed.shape, np.uint32)

    @property
    def is_whole(self) -> Bools:
        """(n,) whether all of a chunk is to be read, and not only a piece of it."""
        others = [name != "piece" for name in self.columns]
        whole: Bools = np.logical_or.reduce(self.needed[:, others], axis=1)
        return whole

    def fill(
        self,
        rows: npt.NDArray[np.intp],
        chunks: Sequence[memoryview | None],
        pieces: Sequence[memoryview | None],
        chunk_bytes: Ints,
        compressors: Compressors,
    ) -> None:
        """Give ``rows`` (k,) their values: ``chunks`` and ``pieces`` of them are None where they
        were not read, or need not be, and the chunks have ``chunk_bytes`` (k,)."""
        for column, name in enumerate(self.columns):
            contents = pieces if name == "piece" else chunks
            needed = np.flatnonzero(self.needed[rows, column])
            at = [i for i in needed.tolist() if contents[i] is not None]
            blocks = [each for i in at if (each := contents[i]) is not None]
            if name == "piece":
                found = compressors.piece_sizes(blocks, chunk_bytes[at].tolist())
            else:
                found = compressors.sizes(name, blocks)
            self.values[rows[at], column] = found
            self.done[rows[needed], column] = True

    def known(self, column: int) -> int:
        """How many of the first rows are done."""
        undone = np.flatnonzero(~self.done[:, column])
        return int(undone[0]) if len(undone) else len(self.done)
