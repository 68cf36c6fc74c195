"""storeff kv --ttl: how long caches are kept, on how many drives, for how much."""

from pathlib import Path

import pytest
from support.kv_cli import SAMPLES, TRACE, report, run


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text(TRACE)
    return path


def test_retention_goes_through_to_drives_and_money(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "5s,10s", "--layout", "rs-20-4")
    made = report(trace, *words, "--requests-per-second", "100")
    rows = made["kv"]["retention"]["rows"]
    assert [(row["ttl_seconds"], row["admission"]) for row in rows] == [
        (5, 1),
        (10, 1),
        (5, 2),
        (10, 2),
    ]
    assert {row["binds"] for row in rows} <= {"capacity", "endurance"}
    assert made["kv"]["retention"]["billed_ttl_seconds"] == 10


def test_the_bill_is_for_the_target(trace: Path) -> None:
    made = report(
        trace,
        *("--model", "llama-3.1-70b", "--ttl", "7d", "--target", "50EB", "--layout", "rs-20-4"),
    )
    (layout,) = made["layouts"]
    assert layout["waterfall"][0]["before_bytes"]["value"] == 50 * 10**18
    assert layout["bill"]["drives"]["value"] > 400_000
    (rate, _) = made["kv"]["retention"]["requests_per_second_at_target"]
    assert rate > 1e5


def test_retention_needs_the_bytes_of_a_token(trace: Path) -> None:
    done = run(trace, "--ttl", "1h")
    assert done.returncode == 2
    assert "give --model" in done.stderr


def test_a_drive_without_a_rating_is_refused_for_retention(trace: Path) -> None:
    done = run(trace, "--model", "llama-3.1-70b", "--ttl", "10s", "--drive", "hdd-30")
    assert done.returncode == 1
    assert "rated_dwpd" in done.stderr


def test_lossless_needs_dumps_to_measure(trace: Path) -> None:
    done = run(trace, "--model", "llama-3.1-70b", "--ttl", "10s", "--lossless")
    assert done.returncode == 1
    assert "dumps" in done.stderr


def test_lossless_counts_on_what_was_measured(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--layout", "rs-20-4")
    plain, shrunk = report(trace, *words), report(trace, SAMPLES, *words, "--lossless")
    ratio = shrunk["kv"]["survey"]["measured"]["overall"][0]["winner"]["ratio"]["value"]
    stored = [
        made["kv"]["retention"]["rows"][0]["stored_bytes"]["value"] for made in (plain, shrunk)
    ]
    assert stored[0] / stored[1] == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize(
    "words", [("--gpu", "h100-llama-70b"), ("--requests-per-second", "5"), ("--lossless",)]
)
def test_what_is_for_retention_only_needs_a_ttl(trace: Path, words: tuple[str]) -> None:
    done = run(trace, "--model", "llama-3.1-70b", *words)
    assert (done.returncode, "give --ttl" in done.stderr) == (2, True)


@pytest.mark.parametrize("ttl", ["5s", "7d"])
def test_the_bill_is_of_the_row_that_it_names(trace: Path, ttl: str) -> None:
    made = report(trace, "--model", "llama-3.1-70b", "--ttl", f"1h,{ttl}")
    retention = made["kv"]["retention"]
    reference = next(each for each in made["layouts"] if each["name"] == retention["layout"])
    assert made["reference_layout"] == retention["layout"]
    raws = [each["raw_bytes"]["value"] for each in made["layouts"]]
    assert reference["raw_bytes"]["value"] == min(raws)
    row = retention["rows"][1]
    steps = {step["step"]: step for step in reference["waterfall"]}
    assert list(steps)[-1] == "endurance"
    assert row["ttl_seconds"] == retention["billed_ttl_seconds"]
    assert steps["data_reduction"]["after_bytes"]["value"] == row["stored_bytes"]["value"]
    assert steps["fill_limit"]["after_bytes"]["value"] == row["capacity_raw_bytes"]["value"]
    assert steps["endurance"]["factor"]["value"] == row["endurance_factor"]["value"]
    assert reference["raw_bytes"]["value"] == row["raw_bytes"]["value"]
    # Of fewer drives than a stripe has fragments, there are as many as fragments.
    assert reference["bill"]["drives_in_service"]["value"] >= row["drives"]["value"]


def test_a_fleet_has_the_drives_of_its_row(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--requests-per-second", "1000")
    for layout in ("rs-20-4", "ceph-ec-8-3"):
        made = report(trace, *words, "--layout", layout)
        row, bill = made["kv"]["retention"]["rows"][0], made["layouts"][0]["bill"]
        assert row["binds"] == "endurance"
        assert row["drives"]["value"] == bill["drives_in_service"]["value"] > 24


def test_emptier_raw_costs_nothing_where_raw_is_bought_for_writes(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--requests-per-second", "1000")
    points = report(trace, *words, "--layout", "rs-20-4")["sensitivity"]["per_point"]
    by_input = {point["input"]: point["raw_bytes"] for point in points}
    assert by_input["fill_limit -1 pp"] == by_input["rebuild_reserve +1 pp"] == 0
    assert by_input["metadata +1 pp"] > 0


def test_drive_writes_a_day_are_those_that_the_ttl_allows(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "1d", "--layout", "rs-20-4")
    made = report(trace, *words, "--waf", "2")
    for row in made["kv"]["retention"]["rows"]:
        assert 0 < row["dwpd_asked"]["high"] <= 2
