"""The native core: cut files into chunks, fingerprint them, keep a content sketch of each cutting.

Buffers are any C-contiguous buffer of bytes. Every call over a whole buffer releases the GIL. One
``Scanner`` is used by one thread at a time (a second one gets ValueError); any number of scanners
run at once. Misuse raises ValueError.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

_UInt64s = npt.NDArray[np.uint64]
_Int64s = npt.NDArray[np.int64]

LABELS_MAX: int
"""How many labels a chunk may have."""
BUCKETS: int
"""Into how many buckets a sketch divides the keys."""

FILE_ENDED: int
"""What ``Scanner.feed`` gives for an errno if there was less to read."""
PREDICTED_MAX: int
"""Of how many chunks of a sketch, those of lowest rank, is predicted what codecs leave."""

def kernels() -> list[str]:
    """Names of the kernels that run on this machine, fastest first, the reference "scalar" last."""

def fingerprint(data: Buffer, kernel: str = "scalar") -> bytes:
    """XXH3-128 of ``data`` (seed 0, default secret) in canonical form: 16 bytes, big-endian.

    Raises StoreffError for a kernel that was not built or cannot run here; it never falls back.
    """

def fingerprints(data: Buffer, ranges: _Int64s, kernel: str = "scalar") -> npt.NDArray[np.uint64]:
    """(n, 2) ``fingerprint`` of each range, (n, 2 or more): offset, length, as pairs (high, low).

    Raises ValueError if a range is not within ``data``, StoreffError as ``fingerprint`` does.
    """

def cut(
    data: Buffer, min_bytes: int, max_bytes: int, kernel: str = "scalar"
) -> npt.NDArray[np.int64]:
    """The cuts of one whole stream, (n, 3): offset, length, 1 for a run of equal bytes, else 0.

    Fixed blocks if ``min_bytes == max_bytes``: the tail is short; a full block of equal bytes is a
    run. Else MinCDC (github.com/orlp/mincdc), ``min_bytes >= 4``: a chunk ends at the length in
    min_bytes..max_bytes whose last four bytes have the smallest hash, the shortest on a tie; a rest
    of at most min_bytes is the last chunk; where max_bytes equal bytes or more begin, all of them
    are one run.
    """

def predict(data: Buffer) -> tuple[int, int]:
    """What a codec would leave of a chunk, roughly: the bytes that a tiny LZ77 takes for literals,
    and these at their order-0 entropy with 1.5 bytes for each match. Both are 1 to len(data), and
    scaled from 8 pieces of 512 bytes spread over the chunk, or found in all of one of less than
    4,096 bytes. The same everywhere, as it takes integers only.

    Raises ValueError if ``data`` is empty or over 2^30 bytes.
    """

def rank(keys: _UInt64s, sizes: _UInt64s, seed: int) -> npt.NDArray[np.float64]:
    """The rank of entries in a sketch: keys (n, 2) as (high, low), sizes (n,) in bytes; 1 where the
    rank does not depend on the size, as in a sample.

    u / size with u in (0, 1] = (m + 0.5) / 2^64 in double precision,
    m = mix(high ^ mix(low ^ mix(seed + 0x9E3779B97F4A7C15))), mix the finaliser of splitmix64.
    """

def bucket(keys: _UInt64s, seed: int) -> npt.NDArray[np.intp]:
    """The bucket, below BUCKETS, of keys (n, 2): m of ``rank``, modulo BUCKETS."""

WINDOW_FIELDS: list[tuple[str, str]]
"""The fields of what ``sample_windows`` gives, as numpy takes them."""

def sample_windows(
    objects: _UInt64s, sizes: _UInt64s | _Int64s, seed: int, tau: float, window_bytes: int = 65536
) -> npt.NDArray[np.void]:
    """The windows that rank below ``tau``, of objects with numbers ``objects`` (n,) and ``sizes``
    (n,) in bytes, as a structured array (k,) in the order of ``index`` and ``start``: ``index`` in
    ``objects``; ``start`` and ``length`` in bytes; ``point``, the offset in the object of one byte
    of the window, each with the same probability; ``rank``.

    Every object is divided into windows of ``window_bytes``, the last one shorter. The rank of one
    is u / length, u uniform in (0, 1): a function of the number of the object, that of the window
    and ``seed``, and independent of all others. So the sample under a lower ``tau`` is the part of
    this one that ranks below that, each window is in it with probability min(1, tau * length), and
    ``tau`` infinity gives all. It takes time and memory by what is found, not by ``sizes``.

    Raises ValueError if ``sizes`` are above 2^63 - 1 or below 0, ``tau`` is below 0, windows have
    not 1 to 2^30 bytes, or more than 2^24 of them are to be expected.
    """

GROUP_RANKS: int
"""The number of ranks that a group of similar chunks may have."""
GROUP_MEMBERS_MAX: int
"""How many chunks of a group are kept; the others are counted."""

MEMBER_FIELDS: list[tuple[str, str] | tuple[str, str, int]]
"""The fields of what ``Similar.export`` gives, as numpy takes them."""

def features(data: Buffer, kernel: str = "scalar") -> tuple[int, npt.NDArray[np.uint32]] | None:
    """The group that a chunk is in, and 16 features; None if no window of it is a sample.

    A window is 32 bytes. It is a sample if (v0 + 5 * v1) * a mod 2^32, read as signed, is at least
    0x7E000000; v0 and v1 are its first two little-endian 32-bit words, a is MinCDC's multiplier. A
    sample's hash folds its four 64-bit words: h = (h ^ word) * 0x9E3779B97F4A7C15, h ^= h >> 32;
    then the finaliser of splitmix64. The group is the smallest hash; feature i is the upper half
    of the smallest of those that are i modulo 16, 2^32 - 1 if there is none.
    """

class Similar:
    """A bounded sketch of groups of similar chunks: whole groups, those of lowest rank.

    A group's rank, in 0..GROUP_RANKS - 1, is a random function of its name and ``seed``.
    ``capacity``: chunks kept in all. Of one group the GROUP_MEMBERS_MAX of smallest key are kept.
    Used by one thread at a time, which is also the one that uses its scanner.
    """

    def __init__(self, capacity: int, seed: int) -> None: ...
    def merge(self, members: npt.NDArray[np.void], tau: int) -> None:
        """Leaves here what adding all that another sketch of the same capacity and seed was given
        would; ``members`` and ``tau`` are what it exports."""

    def export(self) -> tuple[npt.NDArray[np.void], int]:
        """The members, and tau: a group is kept if it ranks below it, GROUP_RANKS if all are.

        A structured array in the order of rank, group, key, size: ``rank``, ``group``, ``key``
        (high, low), ``size`` in bytes, ``count`` of references, ``beyond`` (of the first member of
        a group: references to those of its members that are not kept), ``file`` and ``offset`` of
        the first place in that order, ``features`` (16,).
        """

    def new_files(self) -> list[int]:
        """The numbers of the files of the chunks admitted since the last call."""

LISTED_FIELDS: list[tuple[str, str]]
"""Of a regular file as it was listed: device, inode, modification time in seconds and nanoseconds,
size and allocated bytes, the number of its folder, and where in some names its base name is, which
a NUL follows."""
RANGE_FIELDS: list[tuple[str, str]]
"""Of a listed file: start and end of the bytes to read, and how many of its first data too."""
READ_FIELDS: list[tuple[str, str]]
"""Of what was read: offset in the arena, bytes of the head, bytes of data behind them, outcome,
errno."""

READ: int
READ_CHANGED: int
REPLACED: int
SPARSE: int
UNREADABLE: int
"""Outcomes of ``read_files``: read; read, but written to since it was listed; not read, as
something else is there now; not read, as it has holes; not or not fully read, for an errno."""

class DirectoryListing:
    """Plain files that were listed, those of some folders together. Used by one thread at a time.

    Plain are regular files of one name on the device of their directory.
    """

    def __len__(self) -> int:
        """How many there are."""

    def read(
        self, fd: int, looks: bool, device: int, folder: int, special: npt.NDArray[np.uint64]
    ) -> tuple[list[bytes], bool]:
        """Lists some more of the directory ``fd`` on ``device``, about a thousand names: what there
        is besides plain files, each a byte that is one above its type (DT_* of readdir) and its
        name; and whether there is no more.

        Plain files get the number ``folder``, but those whose inodes are among ``special``, which
        ascend, are not taken for such. Without ``looks`` no file is, and nothing in the directory
        is touched. Raises OSError.
        """

    def look(
        self, path: bytes, names: bytes, device: int, folder: int, special: npt.NDArray[np.uint64]
    ) -> list[bytes]:
        """Lists of the directory ``path``, which ends in a slash, only ``names``, a NUL behind
        each: what is no plain file there, or cannot be looked at, as ``read`` has it."""

    def take(self) -> tuple[npt.NDArray[np.void], bytes]:
        """All plain files since the last call, (n,) records of LISTED_FIELDS, and their names."""

def read_files(
    files: npt.NDArray[np.void],
    ranges: npt.NDArray[np.void],
    names: bytes,
    folders: list[bytes],
    hole_bytes: int,
    arena: Buffer,
) -> npt.NDArray[np.void]:
    """Reads ``ranges`` (n,) of ``files`` (n,), records of RANGE_FIELDS and LISTED_FIELDS, one after
    the other, into ``arena`` until the next does not fit. ``folders`` are the paths of their
    folders, of any length.

    A record of READ_FIELDS for each that was dealt with. The head is the first data of the file,
    from the granule of ``hole_bytes`` on in which that begins. No symbolic link is followed, no
    FIFO waited for, and the access time left alone where the system permits it. What was not in the
    page cache does not stay there (Linux 6.14 and later). Files shorter than ``hole_bytes`` are not
    asked for holes.
    """

def path_numbers(
    files: npt.NDArray[np.void], names: bytes, folders: list[bytes]
) -> npt.NDArray[np.uint64]:
    """(n,) the high half of the fingerprint of what ``folders`` says of the folder of each of
    ``files``, and its base name."""

CLASSES: int
"""How many content classes there are."""
ASK: int
"""Of a class: a header has to be parsed to tell it."""
UNKNOWN: int
"""Of a class: nothing was looked at."""

class Classifier:
    """Tells the content classes of files by their first bytes: storeff.sources.content."""

    def __init__(self, magics: list[tuple[bytes, int]], logs: _Int64s, noise_bits: int) -> None:
        """``magics``, of up to 32 bytes, are what files of a class, or of ASK, begin with; the
        first that fits counts. ``logs`` (n + 1,) are c log2(c) of the counts c up to n: so many
        bytes are looked at to tell noise, which has more than ``noise_bits`` of order-0 entropy a
        byte, both in the same fixed point."""

    def classify(
        self, arena: Buffer, offsets: _Int64s, lengths: _Int64s, sizes: _Int64s
    ) -> npt.NDArray[np.uint8]:
        """(n,) the classes, or ASK, of files of ``sizes`` bytes that begin with what lies in
        ``arena`` at ``offsets``, of ``lengths``."""

Content = tuple[int, int, int, int, int, int, int, float]
CONTENT_FIELDS: list[tuple[str, str]]
"""A segment of data in an arena: offset and length there, labels, object, position, start, end,
rank."""

def split_planes(data: Buffer, item_bytes: int) -> npt.NDArray[np.uint8]:
    """The byte planes of items of 1, 2, 4 or 8 bytes, (item_bytes, items): row k holds byte k of
    every item, the lowest first."""

def count_field(data: Buffer, item_bytes: int, shift: int, bits: int) -> _UInt64s:
    """How often each value of the ``bits`` (at most 10) from bit ``shift`` up occurs in the
    little-endian items of ``data``, (2**bits,)."""

def count_field_by_channel(
    data: Buffer, channels: int, item_bytes: int, shift: int, bits: int
) -> _UInt64s:
    """The same for each item of rows of ``channels`` items, (channels, 2**bits)."""

class Merged(TypedDict):
    """A sketch. Entries are in canonical order: they ascend by (rank, key, size, extent)."""

    keys: _UInt64s
    """(n, 2): high and low half of the fingerprint."""
    sizes: _UInt64s
    """(n,) bytes."""
    counts: _UInt64s
    """(n,) references, exact."""
    labels: _UInt64s
    """(n,): the labels, as a bit set, of all data that the chunk was seen in."""
    extents: npt.NDArray[np.float64] | None
    """(n,) sampling ranks of extents; None in a full scan."""
    objects: _UInt64s
    offsets: _UInt64s
    """(n,) the object, by number, and the offset in it where the chunk can be read again: the least
    such pair of all references (of an extent, of those that start in it). A whole file is at 0."""
    predicted: npt.NDArray[np.uint32]
    """(n, 2) what ``predict`` says of the chunks of the first 32,768 rows; 0 if the chunker does
    not predict, or has counted a chunk by ``add`` only."""
    tau: float
    """The smallest rank ever refused or trimmed; infinity: none was, the sketch holds everything.
    Every entry ranks below it."""

class Export(Merged):
    """One chunker's sketch and totals."""

    chunks: int
    """Chunks seen, a run being one."""
    bytes: int
    """Bytes in them."""
    run_count: _UInt64s
    """(256,) runs by byte value; they are not in the sketch."""
    run_bytes: _UInt64s
    """(256,) bytes in them."""
    buckets: _UInt64s
    """(BUCKETS, 2) references and bytes of all chunks but runs, by bucket of their keys."""

class Scanner:
    """Feeds files to chunkers, each with a sketch: priority sampling (Duffield, Lund, Thorup 2007)
    keyed by content. A sketch keeps the ``capacity`` entries (key, size) of smallest rank.

    For each file: ``begin``; for each segment (data between holes) ``span`` and ``carry`` in turn,
    the last span with ``last=True``; ``skip`` for a hole; ``end``. What is exported does not depend
    on how the segments were split into spans, nor on the order of the files.
    """

    def __init__(
        self,
        chunkers: Sequence[tuple[int, int, int, bool]],
        seed: int,
        kernel: str = "scalar",
        is_sample: bool = False,
    ) -> None:
        """``chunkers``: (min_bytes, max_bytes, capacity, predicts); the sizes as in ``cut``. One
        that ``predicts`` exports what ``predict`` says of what it keeps; not one of whole files.

        ``is_sample``: the scanner takes extents, by ``scan_contents`` only, and no whole files. A
        sketch has an entry for each pair of a chunk and the sampling rank of an extent that it
        starts in, and ranks them by the key alone, so that those of a chunk stay or go together.

        (0, 0, capacity, False), at most once, takes each file as one chunk. Its key is chained over
        the 128 KiB blocks of each segment (shared with a fixed chunker of that size) and the gaps:
        state = XXH3-128(state, fingerprint) or XXH3-128(state, "hole", n as 8 bytes little-endian),
        from 16 zero bytes. A gap is a hole or a full block of zeros, and adjacent gaps are one, so
        that the key does not depend on which zeros are stored. The size is the data without gaps;
        what blocks of zeros it has are a chunk of its own, so that a file with such blocks is two
        entries (counted as one chunk), of which the first is shared with copies that have holes
        there. A file without data is not added.

        Blocks of a fixed chunker that are 2 to 64 blocks of another one have as key the fingerprint
        of those blocks' keys (of the largest such), or the key of that block if there is only one;
        every other chunk's key is the fingerprint of its bytes.
        """

    def reserve(self) -> None:
        """Takes all the memory that the sketches will ever need, which else they take as they fill.

        Raises MemoryError.
        """

    @property
    def buffer_bytes_min(self) -> int:
        """The smallest buffer for ``span``: the longest chunk, or a block of byte statistics."""

    def set_similar(self, chunker: int, similar: Similar) -> None:
        """Between files: ``similar`` gets every chunk of that chunker, which must not be for whole
        files or of blocks made of other blocks. Once only."""

    def begin(self, labels: int) -> None:
        """Starts a file whose chunks have ``labels``, a bit set, not empty. The lowest one's
        histogram counts its bytes."""

    def set_position(self, object: int, offset: int) -> None:
        """Right after ``begin``: the object, a number, and where in it what follows begins; both
        are 0 else."""

    def span(self, buffer: Buffer, length: int, last: bool) -> None:
        """Takes ``buffer[:length]``: what ``carry`` left at its front, then new bytes.

        ``last``: the segment ends with them.
        """

    def feed(
        self, fd: int, offset: int, end: int, last: bool, buffer: Buffer, read_bytes: int
    ) -> tuple[int, int]:
        """Reads bytes ``offset`` to ``end`` of ``fd``, ``read_bytes`` at a time, into ``buffer``.

        Stops early if reading fails. Returns the offset it came to, and 0, an errno or FILE_ENDED.
        ``last``: the segment ends at ``end``. It carries what the last call left.
        """

    def scan_contents(
        self, arena: Buffer, contents: npt.NDArray[np.void] | Sequence[Content]
    ) -> None:
        """Scans segments of data that lie in ``arena``, records of CONTENT_FIELDS.

        In a full scan each is a whole file: position and start are 0, end is the length, rank 0. In
        a sample it is data at ``position`` of the object that reaches into the extent [start, end)
        of that sampling rank, which is above 0. What is before is cut, by content, but not counted;
        a chunk belongs to the extent in which it starts and may end beyond it. Fixed blocks are cut
        inside only, and runs are clipped.
        """

    def carry(self, buffer: Buffer) -> int:
        """Moves the bytes that are still needed to the front of the (writable) buffer of the last
        span; returns how many, 0 after a span with ``last=True``."""

    def skip(self, hole_bytes: int) -> None:
        """A hole between segments, or before the first or after the last one."""

    def end(self) -> None:
        """Finishes the file."""

    def end_part(self) -> tuple[bytes, int, int]:
        """Ends a part of a file: its key (16 bytes, big-endian) as if it were a whole file, its
        bytes of data, and how many of them are in blocks of zeros. No whole file is counted."""

    def add_file(
        self, key: bytes, data_bytes: int, zero_bytes: int, labels: int, object: int
    ) -> None:
        """Counts a whole file that was scanned in parts, the object of that number, if there is a
        chunker of whole files, as ``end`` would: its key and bytes are as ``end_part`` gives them.
        """

    def abort(self) -> None:
        """Gives the file up, for instance after a read error: what was cut stays counted, what
        was carried and the whole-file entry are dropped."""

    def add(
        self, chunker: int, keys: _UInt64s, sizes: _UInt64s, labels: _UInt64s, places: _UInt64s
    ) -> None:
        """Counts chunks that were cut elsewhere: keys (n, 2), sizes (n,) in bytes, labels (n,),
        places (n, 2): object and offset."""

    def merge(self, other: Scanner) -> None:
        """Leaves here what one scanner would hold that had been given what both were. They must
        have the same plan, seed and kind, and no file open; ``other`` stays as it is."""

    def limit(self, chunker: int, tau: float, predicted_below: float) -> None:
        """Keeps nothing, from now on, that ranks ``tau`` or higher, as if such a chunk had been
        refused, and predicts nothing that ranks ``predicted_below`` or higher."""

    def export(self, chunker: int) -> Export:
        """A copy of what the chunker of that index has seen."""

    def export_histogram(self) -> _UInt64s:
        """(64, 256): how often each byte value occurs in the data whose lowest label it is."""

def canonical_order(
    ranks: npt.NDArray[np.float64],
    keys: _UInt64s,
    sizes: _UInt64s,
    extents: npt.NDArray[np.float64] | None,
    in_runs: bool,
) -> npt.NDArray[np.intp]:
    """(n,) the rows, of those that ``Merged`` has, in its order; ``extents`` are None in a full
    scan. To say that they are ``in_runs`` of that order already is faster then."""

class PrefixKeys:
    """Names for prefixes: a key stands for the id of a block and all ids before it in its request.

    So equal ids behind different prefixes have different keys, and where ids name their prefix
    already there is one key for each. Keys are 0, 1, ... in the order they are met.
    """

    def __len__(self) -> int:
        """How many keys there are."""

    def ids(self) -> _UInt64s:
        """The id of the last block of each key."""

    def add(
        self, ids: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint32]:
        """The keys of requests whose blocks are ``ids[offsets[r]:offsets[r + 1]]``."""

class Replay:
    """A trace of requests, (requests,) or, ``offsets``, one more; blocks ``keys`` by PrefixKeys.

    After a request its blocks are touched, the last one first. A hit is a block in the longest
    cached prefix of its request, before that. The last block of request r has ``last_tokens[r]``
    tokens, every other ``block_tokens``. The arrays must not change while it is used.
    """

    def __init__(
        self,
        times_ms: npt.NDArray[np.int64],
        offsets: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint32],
        last_tokens: npt.NDArray[np.uint32],
        unique: int,
        block_tokens: int,
    ) -> None: ...
    def reuses(self, admission: int = 1) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint32]]:
        """What was used again, and how many leading blocks of each request are cached after it.

        A reuse (request, previous, blocks): the next ``blocks`` of ``request``, from its first
        on, were last touched by request ``previous``. A block is cached at its ``admission``th use.
        """

    def lru(self, reuses: npt.NDArray[np.void], touched: npt.NDArray[np.uint32]) -> _UInt64s:
        """(4, unique + 1), by capacity in blocks: blocks hit, tokens hit, and the touched blocks
        and tokens that were in the cache at their touch (all other touches write)."""

    def live_peak(
        self, reuses: npt.NDArray[np.void], touched: npt.NDArray[np.uint32], ttl_ms: int
    ) -> tuple[int, int]:
        """The most blocks, and the most tokens, last touched at most ``ttl_ms`` ago."""

    def fifo(self, capacity: int) -> tuple[int, int, int, int]:
        """Blocks and tokens hit, blocks and tokens written, in a FIFO cache of ``capacity`` blocks.

        What a request does not find is inserted in the order of its prompt, as it is computed, each
        block evicting the one inserted first; being found moves nothing.
        """
