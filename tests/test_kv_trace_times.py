"""What the times of a trace count."""

from pathlib import Path
from typing import Any

import pytest
from support.traces import REQUESTS, mooncake, read, read_csv

from storeff.errors import StoreffError


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
    with pytest.raises(StoreffError, match="are unlikely to be milliseconds"):
        read(tmp_path, [mooncake(time, [1]) for time in times])


@pytest.mark.parametrize(("count", "step"), [(10, 1), (40, 9), (400, 5)])
def test_whole_seconds_are_refused_where_a_unit_of_milliseconds_is_no_likelier(
    tmp_path: Path, count: int, step: int
) -> None:
    with pytest.raises(StoreffError, match=r"requests/s in seconds or .* in milliseconds"):
        read(tmp_path, paced(count, step))
    assert read(tmp_path, paced(count, step), time_unit="ms").notes.time_unit_from == "given"


def test_a_fast_trace_in_milliseconds_is_read_as_its_format_says(tmp_path: Path) -> None:
    assert read(tmp_path, paced(400, 11)).notes.time_unit == "ms"


def test_a_fraction_far_into_the_trace_costs_its_line(tmp_path: Path) -> None:
    trace = read(tmp_path, [*paced(1500, 225), mooncake(10**6 + 0.5, [1])])
    assert trace.notes.bad_line_example == (
        "line 1501: time 1000000.5 is not a whole number, unlike those before it"
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
