"""Traces as systems write them become arrays; what is odd about them is said."""

import gzip
import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support.traces import LISTS, REQUESTS, mooncake, read, written

from storeff.errors import StoreffError
from storeff.kv.trace import file as trace_file
from storeff.kv.trace.read import StoppedError, infer_block_tokens, read_trace


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
    "gzip": gzip.compress(TEXT.encode(), mtime=0),
    "two gzip files": gzip.compress(TEXT[:9].encode(), mtime=0)
    + gzip.compress(TEXT[9:].encode(), mtime=0),
    "Zstandard": zstandard.compress(TEXT.encode()),
    "CSV with a mark": b"\xef\xbb\xbf" + AS_CSV.encode(),
    "CSV of Windows": AS_CSV.replace("\n", "\r\n").encode(),
    "CSV with blank lines": ("\n\n" + AS_CSV.replace("\n", "\n\n")).encode(),
    "CSV with commas at the ends": AS_CSV.replace("\n", ",\n").encode(),
    "CSV with commas at the ends of rows": AS_CSV.replace("\n", ",\n")
    .replace(",\n", "\n", 1)
    .encode(),
    "packed CSV": gzip.compress(AS_CSV.encode(), mtime=0),
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
    ids=["cut gzip", "wrong gzip", "cut Zstandard"],
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
        with pytest.raises(StoreffError, match="not a regular file"):
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
        ([mooncake(0, [])], "no request has block hashes"),
        ([mooncake(0, [1], input_length=None)], "no request has an input length"),
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
