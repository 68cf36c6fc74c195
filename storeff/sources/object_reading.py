"""Reading objects: many ranges at a time, and large objects ahead of who reads them."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from storeff.sources.entry import Entry
from storeff.sources.source import READ, Ranges, RangesRead

# Ranges of one object that are so near each other are one request: reading 64 KiB more takes less
# time than another request does, some 20 ms at 100 MB/s a connection.
GAP_BYTES = 64 << 10
# One request asks for no more, so that an answer comes within the time that a client waits.
FETCH_BYTES = 8 << 20
# Requests at a time for one call: they wait for the store most of their time.
FETCHES = 16
# Of an object that is read from one end to the other so much is asked for at a time, and so many
# such blocks ahead.
BLOCK_BYTES = 4 << 20
BLOCKS_AHEAD = 4

# Bytes [start, end) of an object. Raises OSError; ChangedError if it is another now.
Fetch = Callable[[Entry, int, int], memoryview]


class _Piece(NamedTuple):
    """Bytes [start, end) of an object, which are to lie in the buffer from ``at`` on, for a row."""

    start: int
    end: int
    at: int
    row: int


class _Request(NamedTuple):
    entry: Entry
    start: int
    end: int
    pieces: list[_Piece]


def read_all(
    ranges: Ranges, buffer: memoryview, fetch: Fetch, pool: ThreadPoolExecutor
) -> RangesRead:
    """``Source.read_ranges``, by several requests at a time."""
    rows, pieces = _laid_out(ranges, len(buffer))
    requests = iter(list(_requests(pieces)))
    errors: dict[int, OSError] = {}
    lock = threading.Lock()

    def drain() -> None:
        while True:
            with lock:
                each = next(requests, None)
            if each is None:
                return
            try:
                content = fetch(each.entry, each.start, each.end)
            except OSError as error:
                with lock:
                    errors.update((piece.row, error) for piece in each.pieces)
                continue
            for start, end, at, _ in each.pieces:
                buffer[at : at + end - start] = content[start - each.start : end - each.start]

    running: list[Future[None]] = []
    # The system may have fewer threads to give. This one works too.
    with contextlib.suppress(RuntimeError):
        running += [pool.submit(drain) for _ in range(min(FETCHES, len(pieces)) - 1)]
    drain()
    for future in running:
        future.result()
    for row in errors:
        rows[row]["head_length"] = rows[row]["length"] = 0
    return RangesRead(rows, errors, frozenset())


def _laid_out(ranges: Ranges, room_bytes: int) -> "tuple[np.ndarray, list[tuple[Entry, _Piece]]]":
    """The rows that fit, as if all of them were read, and what is to be fetched for them."""
    made: list[tuple[int, int, int, int, int]] = []
    pieces: list[tuple[Entry, _Piece]] = []
    at = 0
    bounds = ranges.bounds.tolist()
    for row, entry in enumerate(ranges.entries):
        start, end, head_bytes = bounds[row]
        head_bytes = min(head_bytes, entry.size_bytes)
        length = end - start
        if at + head_bytes + length > room_bytes:
            break
        made.append((at, head_bytes, length, 0, 0))
        if head_bytes:
            pieces.append((entry, _Piece(0, head_bytes, at, row)))
        at += head_bytes
        for begin in range(start, end, FETCH_BYTES):
            until = min(begin + FETCH_BYTES, end)
            pieces.append((entry, _Piece(begin, until, at + begin - start, row)))
        at += length
    return np.array(made, READ), pieces


def _requests(pieces: Sequence[tuple[Entry, _Piece]]) -> Iterator[_Request]:
    """The requests that fetch ``pieces``: those of one object that follow each other together,
    where they are near each other."""
    first = 0
    while first < len(pieces):
        entry = pieces[first][0]
        until = first + 1
        while until < len(pieces) and _is_same(pieces[until][0], entry):
            until += 1
        together: list[_Piece] = []
        end = 0
        for _, piece in sorted(pieces[first:until], key=lambda each: each[1]):
            far = together and (
                piece.start - end > GAP_BYTES or piece.end - together[0].start > FETCH_BYTES
            )
            if far:
                yield _Request(entry, together[0].start, end, together)
                together, end = [], 0
            together.append(piece)
            end = max(end, piece.end)
        yield _Request(entry, together[0].start, end, together)
        first = until


def _is_same(one: Entry, other: Entry) -> bool:
    return one is other or (one.path == other.path and one.roots == other.roots)


class ObjectReader:
    """An open object: a Reader. Nothing is asked of the store until something is read. What follows
    what was read is fetched ahead, as far as segments were asked for."""

    descriptor = None

    def __init__(self, entry: Entry, fetch: Fetch, pool: ThreadPoolExecutor) -> None:
        self.entry = entry
        self.fetch = fetch
        self.pool = pool
        self.wanted_to = 0
        self.next_at = -1
        # What is being fetched: bytes [start, end) each, one after the other.
        self.ahead: deque[tuple[int, int, Future[memoryview]]] = deque()

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """One of data: objects have no holes."""
        self.wanted_to = end
        if start < end:
            yield start, end - start, False

    def read_into(self, view: memoryview, offset: int) -> int:
        length = min(len(view), self.entry.size_bytes - offset)
        if length <= 0:
            return 0
        while self.ahead and not self.ahead[0][0] <= offset < self.ahead[0][1]:
            self.ahead.popleft()[2].cancel()
        if not self.ahead and offset == self.next_at:
            self.look_ahead(offset)
        if self.ahead:
            start, end, block = self.ahead[0]
            length = min(length, end - offset)
            view[:length] = block.result()[offset - start : offset - start + length]
            self.look_ahead(self.ahead[-1][1])
        else:
            view[:length] = self.fetch(self.entry, offset, offset + length)
        self.next_at = offset + length
        return length

    def look_ahead(self, begin: int) -> None:
        """Have the blocks from ``begin`` on fetched."""
        # Without a thread to do it, what is read is fetched when it is.
        with contextlib.suppress(RuntimeError):
            while len(self.ahead) < BLOCKS_AHEAD and begin < self.wanted_to:
                end = min(begin + BLOCK_BYTES, self.wanted_to)
                block = self.pool.submit(self.fetch, self.entry, begin, end)
                self.ahead.append((begin, end, block))
                begin = end

    def is_unchanged(self) -> bool:
        """Whatever was read had the tag that was listed."""
        return True

    def close(self) -> None:
        while self.ahead:
            self.ahead.pop()[2].cancel()
