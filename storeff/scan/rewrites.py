"""What a sample of objects would take if their application wrote them in another form.

Rows of text in Parquet, and tensors with the bytes of their numbers sorted by place, each with
Zstandard as an application would use it. No storage system does that: it is a scenario, and no part
of any figure of data reduction.
"""

import io
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from storeff import _native
from storeff.errors import ContradictionError
from storeff.scan.codecs import codec
from storeff.scan.inside import Looks
from storeff.scan.pace import Pace
from storeff.scan.windows import Windows
from storeff.sources import safetensors
from storeff.sources.source import Reader, Source, read_range

# What is read of an object: as much as a writer of Parquet buffers of a column, and some thousand
# rows; and objects of each kind.
PIECE_BYTES: Final = 4 << 20
OBJECTS_MOST: Final = 32
STORED_CODEC: Final = "zstd-3"
STORED_BLOCK_BYTES: Final = 64 << 10
# Numbers of a tensor are sorted, and coded, so many together.
PLANES_BYTES: Final = 1 << 20

_FLOATS = {"BF16": 2, "F16": 2, "F32": 4}


class Rewritten(NamedTuple):
    """A piece of an object: its bytes, what a storage system leaves of them in blocks of 64 KiB,
    and what they take as they are ``rewritten``."""

    piece_bytes: int
    stored_bytes: int
    rewritten_bytes: int


# What a piece takes rewritten, and how much of it that is; None where it is not of that kind.
Rewrite = Callable[[bytes], tuple[int, int] | None]


def _parquet_bytes(table: object) -> int:
    import pyarrow.parquet

    written = io.BytesIO()
    pyarrow.parquet.write_table(table, written, compression="zstd", compression_level=3)
    return len(written.getbuffer())


def csv_to_parquet(piece: bytes) -> tuple[int, int] | None:
    """Of whole lines with the same number of separators, three lines at least."""
    import pyarrow
    import pyarrow.csv

    lines = piece[: piece.rfind(b"\n") + 1]
    separator = _separator(lines)
    if separator is None:
        return None
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(lines),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
        )
    except pyarrow.ArrowInvalid:
        return None
    return len(lines), _parquet_bytes(table)


def _separator(lines: bytes) -> str | None:
    first = lines[: 1 << 16].split(b"\n")[:-1][:50]
    if len(first) < 3:
        return None
    for separator in (b",", b"\t", b";", b"|"):
        counts = {line.count(separator) for line in first if b'"' not in line}
        if len(counts) == 1 and counts.pop() > 0:
            return separator.decode()
    return None


def json_to_parquet(piece: bytes) -> tuple[int, int] | None:
    """Of whole lines, each an object."""
    import pyarrow
    import pyarrow.json

    lines = piece[: piece.rfind(b"\n") + 1]
    if lines.count(b"\n") < 3 or not lines.startswith(b"{"):
        return None
    try:
        table = pyarrow.json.read_json(
            pyarrow.BufferReader(lines),
            read_options=pyarrow.json.ReadOptions(block_size=PIECE_BYTES),
        )
        return len(lines), _parquet_bytes(table)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return None


def planes(items: bytes, item_bytes: int) -> tuple[int, int] | None:
    """Of numbers of ``item_bytes``: the bytes of each place by themselves."""
    whole = len(items) // item_bytes * item_bytes
    if not whole:
        return None
    sizes_of = codec(STORED_CODEC)
    taken = 0
    for start in range(0, whole, PLANES_BYTES):
        part = items[start : min(start + PLANES_BYTES, whole)]
        split = _native.split_planes(part, item_bytes)
        # One that coding does not make smaller is kept as it is.
        rows = [np.ascontiguousarray(row).data for row in split]
        sizes = zip(sizes_of(rows), map(len, rows), strict=True)
        taken += sum(min(size, row) for size, row in sizes)
    return whole, taken


def _of_lines(rewrite: Rewrite) -> Callable[[Reader, int], tuple[bytes, tuple[int, int]] | None]:
    def piece(reader: Reader, size_bytes: int) -> tuple[bytes, tuple[int, int]] | None:
        found = read_range(reader, 0, min(size_bytes, PIECE_BYTES))
        if len(found) == size_bytes and not found.endswith(b"\n"):
            found += b"\n"
        made = rewrite(found)
        return None if made is None else (found[: made[0]], made)

    return piece


def _of_tensors(reader: Reader, size_bytes: int) -> tuple[bytes, tuple[int, int]] | None:
    """The largest tensor of floating-point numbers."""

    def read(offset: int, length: int) -> bytes:
        return read_range(reader, offset, length)

    found = safetensors.layout(read, size_bytes, 1 << 20, safetensors.VALUES_MAX)
    if found is None:
        return None
    begin, tensors = found
    spans = [
        (fields["data_offsets"], _FLOATS[fields["dtype"]])
        for fields in tensors.values()
        if fields.get("dtype") in _FLOATS
    ]
    if not spans:
        return None
    (start, end), item_bytes = max(spans, key=lambda span: span[0][1] - span[0][0])
    items = read(begin + start, min(end - start, PIECE_BYTES) // item_bytes * item_bytes)
    made = planes(items, item_bytes)
    return None if made is None else (items, made)


# By name: the content class of the objects, and what is done with the begin of one.
KINDS: Final = {
    "CSV as Parquet with zstd": ("text", _of_lines(csv_to_parquet)),
    "JSON lines as Parquet with zstd": ("json", _of_lines(json_to_parquet)),
    "floats in byte planes with zstd": ("safetensors", _of_tensors),
}


def rewritten(
    source: Source,
    windows: Windows,
    looks: Looks,
    *,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
) -> dict[str, dict[int, Rewritten | None]]:
    """By kind and object, of those that ``looks`` tell the class of, what rewriting makes of them:
    None of what is not of that kind. OBJECTS_MOST of a kind at most are looked at, those of lowest
    rank."""
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    sizes_of = codec(STORED_CODEC)
    found: dict[str, dict[int, Rewritten | None]] = {name: {} for name in KINDS}
    for number in dict.fromkeys(looks.objects.tolist()):
        look = looks.looks.get(number)
        for name, (content_class, piece_of) in KINDS.items():
            done = found[name]
            if look is None or look.content_class != content_class or len(done) == OBJECTS_MOST:
                continue
            if stop.is_set():
                return found
            entry = windows.entries[number]
            try:
                with source.open(entry) as reader:
                    made = piece_of(reader, entry.size_bytes)
            except (OSError, ContradictionError, safetensors.LongHeaderError):
                continue
            pace.wait(min(entry.size_bytes, PIECE_BYTES))
            if made is None:
                done[number] = None
                continue
            piece, (piece_bytes, taken) = made
            view = memoryview(piece)
            starts = range(0, len(piece), STORED_BLOCK_BYTES)
            blocks = [view[at : at + STORED_BLOCK_BYTES] for at in starts]
            stored = sum(map(min, sizes_of(blocks), map(len, blocks)))
            done[number] = Rewritten(piece_bytes, stored, taken)
    return found
