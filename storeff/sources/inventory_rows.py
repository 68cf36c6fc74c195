"""Rows of the files of an S3 Inventory, some at a time, whatever its maker wrote together.

Keys are URL-encoded in CSV, and as they are in Parquet and ORC (Amazon S3 User Guide, "Cataloging
and analyzing your data with S3 Inventory").
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

# Rows that are looked at together; and what is read for that at a time, in which a row must end.
ROWS = 1 << 13
READ_BYTES = 1 << 20

# Of some rows.
Columns = dict[str, Sequence[Any]]


def plain(name: str) -> str:
    """The name of a column in all formats: e_tag is ETag."""
    return name.replace("_", "").lower()


def columns_of(
    opened: BinaryIO, format: str, fields: Sequence[str], wanted: Sequence[str]
) -> Iterator[Columns]:
    """Those of the columns ``wanted`` that there are, and of CSV all: ``fields`` name what its rows
    hold. Raises OSError, EOFError, zlib.error, csv.Error, KeyError and ValueError."""
    if format == "csv":
        return _csv(opened, fields)
    return _parquet(opened, wanted) if format == "parquet" else _orc(opened, wanted)


def _csv(opened: BinaryIO, fields: Sequence[str]) -> Iterator[Columns]:
    with gzip.open(opened) as file:
        left = b""
        while block := file.read(READ_BYTES):
            lines, _, left = (left + block).rpartition(b"\n")
            if len(left) > READ_BYTES:
                raise ValueError(f"a row has over {READ_BYTES:,} bytes")
            if lines:
                yield _fields(lines, fields)
        if left:
            yield _fields(left, fields)


def _fields(lines: bytes, fields: Sequence[str]) -> Columns:
    """Columns of ``lines``, each of which is a row: a newline in a key is encoded. Raises
    ValueError, csv.Error."""
    texts = lines.decode().split("\n")
    rows = [*csv.reader(texts, strict=True)]
    columns = [*zip(*rows, strict=True)]
    if len(rows) != len(texts) or len(columns) != len(fields):
        raise ValueError(f"a row has not the {len(fields)} fields of the manifest")
    return dict(zip(fields, columns, strict=True))


def _parquet(opened: BinaryIO, wanted: Sequence[str]) -> Iterator[Columns]:
    """A page of each column wanted is held, not a row group, which may hold all rows."""
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(opened, pre_buffer=False, buffer_size=READ_BYTES)
    names = _names(file.schema_arrow.names, wanted)
    yield from _lists(file.iter_batches(ROWS, columns=[*names.values()], use_threads=False), names)


def _orc(opened: BinaryIO, wanted: Sequence[str]) -> Iterator[Columns]:
    """By pyarrow.orc a stripe would be held, which may hold all rows."""
    from pyarrow.dataset import OrcFileFormat

    fragment = OrcFileFormat().make_fragment(opened)
    names = _names(fragment.physical_schema.names, wanted)
    scanner = fragment.scanner(
        columns=[*names.values()],
        batch_size=ROWS,
        batch_readahead=0,
        fragment_readahead=0,
        use_threads=False,
    )
    yield from _lists(scanner.to_batches(), names)


def _names(there: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """What columns ``wanted`` are called, of those that are ``there``."""
    names = {plain(name): name for name in there}
    return {name: names[name] for name in wanted if name in names}


def _lists(batches: Any, names: dict[str, str]) -> Iterator[Columns]:
    for batch in batches:
        yield {name: batch.column(called).to_pylist() for name, called in names.items()}
