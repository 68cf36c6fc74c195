"""Files of an S3 Inventory: what is none is an error, and memory is bounded."""

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from support.buckets import s3
from support.cli import storeff
from support.inventories import (
    manifest_in,
    names,
    source_of,
)
from support.s3_server import S3

from storeff.errors import StoreffError

__all__ = ["s3"]

DAMAGED = [
    ("CSV", b""),
    ("CSV", b"not gzip"),
    ("CSV", gzip.compress(b"a,b\n")),
    ("CSV", gzip.compress(b'"')),
    ("CSV", gzip.compress(b'"bucket","a","1","tag"\n' * 9)[:-12]),
    ("CSV", gzip.compress(b'"bucket","\xff","1","tag"\n')),
    ("CSV", gzip.compress(b'"bucket","a","99999999999999999999","tag"\n')),
    ("CSV", gzip.compress(b'"bucket","a\nb","1","tag"\n')),
    ("Parquet", b"PAR1 and nothing else PAR1"),
    ("ORC", b"ORC"),
]


@pytest.mark.parametrize(("format", "content"), DAMAGED, ids=range(len(DAMAGED)))
def test_rows_that_cannot_be_read_are_an_error(
    s3: S3, tmp_path: Path, format: str, content: bytes
) -> None:
    s3.put("a", b"x")
    (tmp_path / "0").write_bytes(content)
    done = storeff("scan", "s3://bucket", "--inventory", manifest_in(tmp_path, format))
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", [b"x", b",", b'"\n'], ids=["text", "fields", "quoted"])
def test_a_row_that_does_not_end_is_an_error_before_it_fills_memory(
    s3: S3, tmp_path: Path, line: bytes
) -> None:
    s3.put("a", b"x")
    (tmp_path / "0").write_bytes(gzip.compress(line + line[-1:] * (1 << 25), 1))
    source = source_of(manifest_in(tmp_path, "CSV"), "s3://bucket")
    tracemalloc.start()
    try:
        with pytest.raises(StoreffError, match="is not the file of the inventory"):
            names(source)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


PEAK = """
import sys
from pyarrow import dataset, parquet
from storeff.sources.inventory_rows import columns_of

def peak_bytes():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

path, format = sys.argv[1:]
before = peak_bytes()
with open(path, "rb") as opened:
    rows = sum(len(some["key"]) for some in columns_of(opened, format, [], ["key"]))
print(rows, peak_bytes() - before)
"""


@pytest.mark.parametrize("format", ["parquet", "orc"])
def test_memory_does_not_grow_with_what_is_written_together(tmp_path: Path, format: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import orc, parquet

    table = pyarrow.table({"key": [f"{i:0200}" for i in range(900_000)]})
    path = tmp_path / "0"
    if format == "parquet":
        parquet.write_table(
            table, path, row_group_size=len(table), compression="none", use_dictionary=False
        )
        assert parquet.ParquetFile(path).num_row_groups == 1
    else:
        orc.write_table(table, path, stripe_size=1 << 30)
        assert orc.ORCFile(path).nstripes == 1
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path, format], capture_output=True, text=True, check=True
    )
    rows, grown_bytes = map(int, done.stdout.split())
    assert rows == len(table)
    assert grown_bytes < table.nbytes / 2


def test_columns_of_other_kinds_are_an_error(s3: S3, tmp_path: Path) -> None:
    """Hostile rows cost no traceback."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    s3.put("a", b"x")
    for table in (
        {"key": [1], "size": [1], "e_tag": ["x"]},
        {"key": [b"a"], "size": [1], "e_tag": ["x"]},
        {"key": ["a"], "size": [float("inf")], "e_tag": ["x"]},
        {"key": ["a"], "size": [["1"]], "e_tag": ["x"]},
        {"key": ["a"], "size": [1], "e_tag": [{"x": 1}]},
        {"key": ["a"], "size": [1]},
    ):
        parquet.write_table(pyarrow.table(table), tmp_path / "0.parquet")
        schema = "message s3.inventory { key; size; e_tag; }"
        path = manifest_in(tmp_path, "Parquet", schema, "0.parquet")
        with pytest.raises(StoreffError, match="is not the file of the inventory"):
            names(source_of(path))
