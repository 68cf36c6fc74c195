"""Traces in CSV."""

from pathlib import Path

import pytest
from support.traces import LISTS, REQUESTS, read, read_csv

from storeff.errors import StoreffError

ROWS = """timestamp_s,request_id,input_tokens,hash_id
0,a,1100,one
0,a,1100,two
0,a,1100,three
0.5,b,1536,one
0.5,b,1536,two
0.5,b,1536,nine
0.5,c,400,four
"""
BARE = """Timestamp,prompt_tokens,block_ids
2025-02-18 23:52:48.000,1100,x1 x2 x3
2025-02-18T23:52:48.500,1536,x1;x2;x9
2025-02-18 23:52:48.500Z,400,y
"""


@pytest.mark.parametrize(
    ("text", "unit", "start"),
    [(LISTS, "ms", 0), (ROWS, "s", 0), (BARE, "iso", 1_739_922_768_000)],
)
def test_csv_is_read_by_its_header(tmp_path: Path, text: str, unit: str, start: int) -> None:
    trace = read_csv(tmp_path, text)
    expected = read(tmp_path, REQUESTS)
    assert (trace.times_ms - start).tolist() == expected.times_ms.tolist()
    assert trace.keys.tolist() == expected.keys.tolist()
    assert trace.offsets.tolist() == expected.offsets.tolist()
    assert trace.input_tokens.tolist() == expected.input_tokens.tolist()
    assert (trace.notes.format, trace.notes.time_unit) == ("csv", unit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n", "empty"),
        ("\n1,2\n", "columns 1, 2"),
        (" ,\n1,2\n", "columns none"),
        ("a,b\n1,2\n", "columns a, b"),
        ("timestamp_ms,hash_ids\n", "empty"),
        ("timestamp,hash_ids\n5,1\n", "unit of column timestamp is not known"),
        ("timestamp_ms,hash_id\n5,1\n", "the columns timestamp_ms, hash_id"),
    ],
)
def test_csv_that_does_not_say_enough_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StoreffError, match=message):
        read_csv(tmp_path, text)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("d,soon,400,7,[4]", "time 'soon' is not a number"),
        ("d,nan,400,7,[4]", "out of range"),
        ("d,inf,400,7,[4]", "out of range"),
        ("d,1,many,7,[4]", "'many' is not a number of tokens"),
        ("d,1,-4,7,[4]", "-4 tokens"),
        ("d,1,400,7,[4", "hash_ids: "),
        ("d,1,400,7", "4 fields, the header has 5"),
        ("d,1,400,7,a;;", "the block has no id"),
    ],
)
def test_a_bad_row_costs_that_row(tmp_path: Path, row: str, why: str) -> None:
    trace = read_csv(tmp_path, LISTS + row + "\n", bad_share_max=0.3)
    assert trace.requests == 3
    assert trace.notes.bad_line_example is not None
    assert trace.notes.bad_line_example.startswith("line 5: ")
    assert why in trace.notes.bad_line_example


def test_a_header_without_end_is_an_error_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="the header is not CSV"):
        read_csv(tmp_path, "x" * 200_000)
