"""Traces as systems write them become arrays; what is odd about them is said."""

import gzip
import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.kv import trace_file
from storeff.kv.trace import StoppedError, Trace, infer_block_tokens, read_trace


def mooncake(timestamp: float, ids: Sequence[int | str], **fields: Any) -> dict[str, Any]:
    length = {"input_length": 512 * len(ids)} if ids else {"input_length": 100}
    return {"timestamp": timestamp, **length, "output_length": 7, "hash_ids": list(ids)} | fields


# Three blocks, the last of them partial.
REQUESTS = [
    mooncake(0, [1, 2, 3], input_length=1100),
    mooncake(500, [1, 2, 9], input_length=1536),
    mooncake(500, [4], input_length=400),
]


def written(tmp_path: Path, lines: Sequence[object]) -> Path:
    path = tmp_path / "trace.jsonl"
    text = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("\n".join(text) + "\n")
    return path


def read(tmp_path: Path, lines: Sequence[object], **options: Any) -> Trace:
    return read_trace(written(tmp_path, lines), **options)


def read_csv(tmp_path: Path, text: str, **options: Any) -> Trace:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return read_trace(path, **options)


def test_mooncake_lines_become_arrays(tmp_path: Path) -> None:
    trace = read(tmp_path, REQUESTS)
    assert trace.times_ms.tolist() == [0, 500, 500]
    assert trace.offsets.tolist() == [0, 3, 6, 7]
    assert trace.keys.tolist() == [0, 1, 2, 0, 1, 3, 4]
    assert trace.unique == 5
    assert trace.input_tokens.tolist() == [1100, 1536, 400]
    assert trace.last_tokens.tolist() == [76, 512, 400]
    assert trace.output_tokens is not None
    assert trace.output_tokens.tolist() == [7, 7, 7]
    assert (trace.block_tokens, trace.notes.block_tokens_from) == (512, "inferred")
    assert (trace.notes.format, trace.notes.time_unit) == ("mooncake", "ms")
    assert trace.span_seconds == 0.5


def test_bailian_lines_have_seconds_and_blocks_of_16(tmp_path: Path) -> None:
    fields = {"parent_chat_id": -1, "type": "text", "turn": 1, "output_length": 132}
    lines = [
        {"chat_id": 159, "timestamp": 61.114, "input_length": 50, "hash_ids": [5, 6, 7, 8]},
        {"chat_id": 160, "timestamp": 62.5, "input_length": 33, "hash_ids": [5, 6, 9]},
    ]
    trace = read(tmp_path, [line | fields for line in lines])
    assert trace.times_ms.tolist() == [61114, 62500]
    assert (trace.notes.format, trace.notes.time_unit) == ("bailian", "s")
    assert (trace.block_tokens, trace.last_tokens.tolist()) == (16, [2, 1])


def test_the_unit_of_time_may_be_stated(tmp_path: Path) -> None:
    assert read(tmp_path, REQUESTS, time_unit="s").times_ms.tolist() == [0, 500_000, 500_000]


def paced(count: int, step: float, first: float = 0) -> list[dict[str, Any]]:
    return [mooncake(first + step * i, [1, i]) for i in range(count)]


def test_mooncake_times_that_are_no_whole_milliseconds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        StoreffError, match=r"4\.4\d requests/s in seconds or 4,440 .* in milli"
    ) as no:
        read(tmp_path, paced(400, 0.2251))
    assert "s, ms, us or ns" in no.value.remedy
    trace = read(tmp_path, paced(400, 0.2251), time_unit="s")
    assert trace.span_seconds == pytest.approx(399 * 0.2251, abs=1e-3)
    assert trace.notes.time_unit_from == "given"


def test_whole_milliseconds_may_be_written_with_a_point(tmp_path: Path) -> None:
    trace = read(tmp_path, paced(400, 225.0))
    assert (trace.notes.time_unit, trace.notes.time_unit_from) == ("ms", "format")
    assert trace.span_seconds == 399 * 0.225


@pytest.mark.parametrize("step", [0, 1e6])
def test_whole_numbers_of_another_unit_are_refused_by_their_rate(tmp_path: Path, step: int) -> None:
    """Two requests a second in whole seconds, and in microseconds."""
    times = [i // 2 for i in range(400)] if not step else [int(i * step) for i in range(400)]
    with pytest.raises(StoreffError, match="can hardly be milliseconds"):
        read(tmp_path, [mooncake(time, [1]) for time in times])


def test_a_fraction_far_into_the_trace_costs_its_line(tmp_path: Path) -> None:
    trace = read(tmp_path, [*paced(1500, 225), mooncake(10**6 + 0.5, [1])])
    assert trace.notes.bad_line_example == (
        "line 1501: time 1000000.5 is no whole number, as those before it are"
    )


@pytest.mark.parametrize(
    ("unit", "first"), [("s", 1.7e9), ("ms", 17 * 10**11), ("us", 17 * 10**14), ("ns", 17 * 10**17)]
)
def test_times_since_1970_show_their_unit(tmp_path: Path, unit: str, first: float) -> None:
    step = first / 17e8 / 4
    trace = read(tmp_path, paced(200, step, first))
    assert (trace.notes.time_unit, trace.notes.time_unit_from) == (unit, "dates")
    assert trace.span_seconds == pytest.approx(199 / 4, abs=2e-3)
    text = "timestamp,hash_ids\n" + "".join(f"{first + step * i!r},[{i}]\n" for i in range(200))
    assert read_csv(tmp_path, text, block_tokens=16).notes.time_unit == unit


def test_json_may_have_dates(tmp_path: Path) -> None:
    lines = [mooncake(0, [1]) | {"timestamp": f"2026-01-01T00:00:0{i}"} for i in range(5)]
    trace = read(tmp_path, [*lines, mooncake(7, [1])])
    assert (trace.notes.time_unit, trace.span_seconds, trace.notes.bad_lines) == ("iso", 4.0, 1)


def test_one_moment_shows_no_unit_and_is_read_as_the_format_says(tmp_path: Path) -> None:
    assert read(tmp_path, [mooncake(0, [1])] * 400).notes.time_unit == "ms"


# ---- how it is written ----

TEXT = "".join(json.dumps(each) + "\n" for each in REQUESTS)
AS_CSV = "timestamp_ms,input_length,hash_ids\n0,1100,1 2 3\n500,1536,1 2 9\n500,400,4\n"
FORMS: dict[str, bytes] = {
    "a byte-order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "two files, each with a mark": b"".join(
        b"\xef\xbb\xbf" + line.encode() for line in TEXT.splitlines(keepends=True)
    ),
    "lines of Windows": TEXT.replace("\n", "\r\n").encode(),
    "blank lines": TEXT.replace("\n", "\n \n\n").encode(),
    "commas at the ends": TEXT.replace("\n", ",\n").encode(),
    "no last end of line": TEXT.rstrip().encode(),
    "a list on one line": json.dumps(REQUESTS).encode(),
    "a list of lines": b"[\n" + TEXT.rstrip().replace("\n", ",\n").encode() + b"\n]\n",
    "a list begun and ended on a line": b"[" + TEXT.rstrip().replace("\n", ",\n").encode() + b"]",
    "gzip": gzip.compress(TEXT.encode()),
    "two gzip files": gzip.compress(TEXT[:9].encode()) + gzip.compress(TEXT[9:].encode()),
    "Zstandard": zstandard.compress(TEXT.encode()),
    "CSV with a mark": b"\xef\xbb\xbf" + AS_CSV.encode(),
    "CSV of Windows": AS_CSV.replace("\n", "\r\n").encode(),
    "CSV with blank lines": ("\n\n" + AS_CSV.replace("\n", "\n\n")).encode(),
    "CSV with commas at the ends": AS_CSV.replace("\n", ",\n").encode(),
    "CSV with commas at the ends of rows": AS_CSV.replace("\n", ",\n")
    .replace(",\n", "\n", 1)
    .encode(),
    "packed CSV": gzip.compress(AS_CSV.encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_requests(tmp_path: Path, form: str) -> None:
    path = tmp_path / "trace"
    path.write_bytes(FORMS[form])
    trace = read_trace(path)
    assert trace.times_ms.tolist() == [0, 500, 500]
    assert trace.input_tokens.tolist() == [1100, 1536, 400]
    assert trace.keys.tolist() == [0, 1, 2, 0, 1, 3, 4]
    assert trace.notes.bad_lines == 0


@pytest.mark.parametrize(
    "content",
    [FORMS["gzip"][:-9], FORMS["gzip"][:30] + b"xx" + FORMS["gzip"][32:], FORMS["Zstandard"][:-9]],
)
def test_damaged_packed_data_are_an_error_for_a_person(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(StoreffError, match="cut short or damaged"):
        read_trace(path)


def test_what_is_packed_may_be_far_larger_than_memory_would_hold_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    line = TEXT.encode() + b"x" * (20 << 20) + b"\n"
    for packed in (gzip.compress(line, 1), zstandard.compress(line)):
        path.write_bytes(packed)
        trace = read_trace(path)
        assert (trace.requests, trace.notes.bad_lines) == (3, 1)


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(StoreffError, match="UTF-16"):
        read_trace(path)


def test_holes_are_passed_over_whatever_their_size(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    with path.open("wb") as file:
        file.truncate(1 << 43)
        for place, line in enumerate(TEXT.encode().splitlines()):
            file.seek((2 * place + 1) << 40)
            file.write(line)
    trace = read_trace(path)
    assert trace.requests == 3
    # All but a granule around each line, if the file system tells holes.
    assert trace.notes.hole_bytes == pytest.approx(1 << 43, abs=3 << 20)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace")
    for path in (tmp_path / "trace", Path("/dev/zero"), tmp_path):
        with pytest.raises(StoreffError, match="no regular file"):
            read_trace(path)


def test_reading_can_be_interrupted(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        read_trace(written(tmp_path, REQUESTS), stop=stop)


def test_a_bad_line_at_the_beginning_makes_no_other_format(tmp_path: Path) -> None:
    trace = read(tmp_path, ["# a trace", "", *REQUESTS])
    assert (trace.requests, trace.notes.bad_line_example) == (
        3,
        "line 1: JSON is malformed: invalid character (byte 0)",
    )


def test_a_line_of_mixed_ids_costs_itself(tmp_path: Path) -> None:
    several: list[list[int | str]] = [["a", 1], [2**64 - 1, "a"]]
    for mixed in several:
        trace = read(tmp_path, [mooncake(0, mixed), *REQUESTS])
        assert (trace.requests, trace.notes.bad_lines) == (3, 1)


def test_an_id_behind_another_prefix_is_another_block(tmp_path: Path) -> None:
    trace = read(tmp_path, [mooncake(0, [1, 2]), mooncake(1, [3, 2]), mooncake(2, [1, 2, 2])])
    assert trace.keys.tolist() == [0, 1, 2, 3, 0, 1, 4]
    assert not trace.notes.ids_name_prefix
    assert read(tmp_path, REQUESTS).notes.ids_name_prefix


def test_block_hashes_may_be_text_or_any_64_bits(tmp_path: Path) -> None:
    text = read(tmp_path, [mooncake(0, ["ab", "cd"]), mooncake(1, ["ab", "ef"])])
    assert text.keys.tolist() == [0, 1, 0, 2]
    wide = read(tmp_path, [mooncake(0, [2**64 - 1, 2**63]), mooncake(1, [-1, 5])])
    assert wide.keys.tolist() == [0, 1, 0, 2]


BAD = [
    ("{", "Input data was truncated"),
    ('{"timestamp": 1}', "missing required field `hash_ids`"),
    (mooncake(0, [1], hash_ids=None), "Expected `array`"),
    (mooncake(0, [1], hash_ids=[1.5]), "got `float`"),
    (mooncake(0, [1], hash_ids=[1, "a"]), "numbers and text"),
    (mooncake(0, [1], hash_ids=["a", "b"]), "text, and numbers in the lines before"),
    (mooncake(0, [1], hash_ids=[2**64]), "does not fit 64 bits"),
    (mooncake(0, [1], input_length=-5), ">= 0"),
    (mooncake(1e300, [1]), "out of range"),
    (mooncake(10**17, [1]), "out of range"),
    ('{"timestamp": 1, "hash_ids": [], "x": ' + "[" * 100_000 + "}", "nested too deeply"),
    ("\x01", "invalid character"),
]


@pytest.mark.parametrize(("line", "why"), BAD)
def test_a_bad_line_costs_that_line(tmp_path: Path, line: object, why: str) -> None:
    trace = read(tmp_path, [*REQUESTS, "", line, *REQUESTS], bad_share_max=0.2)
    assert trace.requests == 6
    assert trace.notes.bad_lines == 1
    assert trace.notes.bad_line_example is not None
    assert trace.notes.bad_line_example.startswith("line 5: ")
    assert why in trace.notes.bad_line_example


def test_too_many_bad_lines_are_an_error_that_shows_one(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match=r"11 of 61 lines are bad.*line 51: "):
        read(tmp_path, [*[REQUESTS[0]] * 50, *["nonsense"] * 11])


def test_a_few_bad_lines_cost_themselves_in_a_short_trace_too(tmp_path: Path) -> None:
    trace = read(tmp_path, [*REQUESTS, *REQUESTS, "nonsense"])
    assert (trace.requests, trace.notes.bad_lines) == (6, 1)
    with pytest.raises(StoreffError, match="1 of 2 lines are bad"):
        read(tmp_path, [REQUESTS[0], "nonsense"])


def test_a_hopeless_file_is_given_up_early(tmp_path: Path) -> None:
    lines = [*REQUESTS, *["nonsense"] * 5000]
    with pytest.raises(StoreffError, match="1000 of 1003 lines are bad"):
        read(tmp_path, lines)


def test_a_line_without_end_is_one_bad_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_file, "LINE_BYTES_MAX", 256)
    trace = read(tmp_path, [*REQUESTS, "x" * 5000, *REQUESTS], bad_share_max=0.2)
    assert (trace.requests, trace.notes.bad_lines) == (6, 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "empty"),
        (["{nonsense", "{"], "no request in the first 2 lines; line 1"),
        ([mooncake(0, [])], "no request names a block"),
        ([mooncake(0, [1], input_length=None)], "no request says its input length"),
        ([mooncake(0, [1], input_length=600, chat_id=1)], r"fit 512 or 1024 or 2048 or \.\.\."),
        ([mooncake(0, [1, 2], input_length=9), mooncake(0, [1], input_length=1700)], "fit none"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, lines: list[object], message: str) -> None:
    with pytest.raises(StoreffError, match=message):
        read(tmp_path, lines)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(StoreffError, match="cannot read nowhere: No such file"):
        read_trace("nowhere")


def test_requests_out_of_order_are_sorted_stably_and_counted(tmp_path: Path) -> None:
    lines = [mooncake(9, [1, 2]), mooncake(4, [3]), mooncake(4, []), mooncake(9, [1, 5])]
    trace = read(tmp_path, lines)
    assert trace.times_ms.tolist() == [4, 4, 9, 9]
    assert np.diff(trace.offsets).tolist() == [1, 0, 2, 2]
    assert trace.keys.tolist() == [2, 0, 1, 0, 3]
    assert trace.input_tokens.tolist() == [512, 100, 1024, 1024]
    assert trace.notes.late_requests == 2


def test_a_tail_without_a_hash_counts_as_input(tmp_path: Path) -> None:
    lengths = [1536 + 511, 512 + 1, 512, 100]
    ids = [[1, 2, 4], [1], [3], []]
    lines = [mooncake(0, i, input_length=n) for i, n in zip(ids, lengths, strict=True)]
    trace = read(tmp_path, lines)
    assert trace.block_tokens == 512
    assert trace.last_tokens[:3].tolist() == [512, 512, 512]
    assert trace.input_tokens.tolist() == lengths
    assert trace.notes.length_disagrees == 0


def test_of_several_sizes_that_fit_the_one_of_the_format_is_taken(tmp_path: Path) -> None:
    trace = read(tmp_path, [mooncake(0, [1], input_length=60)])
    assert (trace.block_tokens, trace.notes.block_tokens_from) == (512, "format")
    chat = mooncake(0, [1], input_length=10, chat_id=4)
    assert read(tmp_path, [chat]).block_tokens == 16


def test_lengths_that_do_not_fit_their_blocks_are_counted(tmp_path: Path) -> None:
    lines = [mooncake(0, [1, 2]), mooncake(0, [1, 2], input_length=3)]
    trace = read(tmp_path, lines, block_tokens=512)
    assert trace.notes.length_disagrees == 1
    assert trace.input_tokens.tolist() == [1024, 1024]


def test_unknown_lengths_count_by_blocks(tmp_path: Path) -> None:
    trace = read(tmp_path, [*REQUESTS, mooncake(600, [4, 5], input_length=None)])
    assert trace.input_tokens[3] == 1024
    assert trace.notes.length_unknown == 1


@pytest.mark.parametrize("size", [0, -1, 1 << 21])
def test_an_impossible_size_of_blocks_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(StoreffError, match="block_tokens must be in"):
        read(tmp_path, REQUESTS, block_tokens=size)


@given(
    st.sampled_from([16, 64, 100, 256, 512]),
    st.booleans(),
    st.lists(st.integers(5_000, 30_000), min_size=1, max_size=60),
)
def test_the_size_of_blocks_is_inferred_from_long_prompts(
    size: int, partial: bool, lengths: list[int]
) -> None:
    length = np.array(lengths)
    blocks = -(-length // size) if partial else length // size
    if size == 100:
        # No power of two: one size must fit all, or none is told.
        with suppress(StoreffError):
            assert infer_block_tokens(length, blocks, "here") == (size, "inferred")
    else:
        assert infer_block_tokens(length, blocks, "here") == (size, "inferred")


LISTS = """request_id,timestamp_ms,input_length,output_length,hash_ids
a,0,1100,7,"[1, 2, 3]"
b,500,1536,7,"[1, 2, 9]"
c,500,400,7,[4]
"""
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
        ("d,soon,400,7,[4]", "time 'soon' is no number"),
        ("d,nan,400,7,[4]", "out of range"),
        ("d,inf,400,7,[4]", "out of range"),
        ("d,1,many,7,[4]", "'many' is no number of tokens"),
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


starts = st.sampled_from(
    [b"", b'{"timestamp": 5, "hash_ids": [1]}\n{', LISTS.encode(), b"\xef\xbb\xbf"]
)


@given(starts, st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_are_a_trace_or_an_error_for_a_person(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, noise: bytes, kept: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start[:kept] + noise)
    with suppress(StoreffError):
        assert read_trace(path, block_tokens=16, bad_share_max=0.9).blocks


def test_a_header_without_end_is_an_error_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="the header is no CSV"):
        read_csv(tmp_path, "x" * 200_000)
