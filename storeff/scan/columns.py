"""What is known of some chunks: the bytes that codecs leave of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from storeff.scan.codecs import SizesOf, codec

Bools = npt.NDArray[np.bool_]


class Compressors:
    """The compressors of one thread, made when they are first needed."""

    def __init__(self) -> None:
        self.made: dict[str, SizesOf] = {}

    def sizes(self, name: str, blocks: Sequence[memoryview]) -> list[int]:
        """What the codec ``name`` leaves of each of ``blocks``."""
        if name not in self.made:
            self.made[name] = codec(name)
        return self.made[name](blocks)


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

    def fill(
        self,
        rows: npt.NDArray[np.intp],
        chunks: Sequence[memoryview | None],
        compressors: Compressors,
    ) -> None:
        """Give ``rows`` (k,) their values: ``chunks`` (k,) are None where they were not read."""
        for column, name in enumerate(self.columns):
            needed = np.flatnonzero(self.needed[rows, column])
            at = [i for i in needed.tolist() if chunks[i] is not None]
            blocks = [each for i in at if (each := chunks[i]) is not None]
            self.values[rows[at], column] = compressors.sizes(name, blocks)
            self.done[rows[needed], column] = True

    def known(self, column: int) -> int:
        """How many of the first rows are done."""
        undone = np.flatnonzero(~self.done[:, column])
        return int(undone[0]) if len(undone) else len(self.done)
