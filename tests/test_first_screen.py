"""The first screen: 80 x 24 whatever the report holds, and all that decides is on it."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from support.golden import GOLDEN

from storeff.report.earlier import to_present
from storeff.report.model import Report, read_report
from storeff.report.terminal import print_report

# The first screen of a bench is another one: tests/test_bench.py.
RECORDED = sorted(path for path in (GOLDEN / "reports").glob("*/*.json") if path.stem != "bench")
# The next prompt takes the last of 24.
LINES = 23
LONG = "源\u202e\x1b[2J" * 40 + "x" * 400

Screen = Callable[[Any], list[str]]
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Screen:
    """The lines that a person sees first of a report, or of its document, in 80 columns."""

    def see(report: Any) -> list[str]:
        monkeypatch.setenv("COLUMNS", "80")
        made = report if isinstance(report, Report) else msgspec.convert(report, Report)
        print_report(made)
        return capsys.readouterr().out.splitlines()

    return see


def document(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(path.read_bytes())
    to_present(made)
    return made


def recorded(name: str) -> dict[str, Any]:
    return document(GOLDEN / "reports" / name)


def row(lines: list[str], label: str) -> str:
    """What is said under ``label``, its lines joined."""
    at = next(i for i, line in enumerate(lines) if line.startswith(f"  {label}  "))
    end = at + 1
    while end < len(lines) and lines[end].startswith("    "):
        end += 1
    return " ".join(line.strip() for line in lines[at:end]).removeprefix(label).strip()


FREE = {"name", "drive", "source", "chunker", "codec", "message", "remedy", "system", "scheme"}
FREE |= {
    "reference_layout",
    "currency",
    "unit",
    "path",
    "label",
    "choice",
    "layout",
    "sources",
    "incomplete_because",
}


def hostile(value: Any) -> None:
    """Every text that may be any text, and what refers to it."""
    if isinstance(value, list):
        for each in value:
            hostile(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in FREE and isinstance(inner, str):
                value[key] = LONG + inner
            elif key in FREE and isinstance(inner, list) and all(isinstance(x, str) for x in inner):
                value[key] = [LONG + each for each in inner]
            else:
                hostile(inner)


def incomplete(report: dict[str, Any]) -> None:
    reasons = [f"reason {i} {LONG}" for i in range(6)]
    report["complete"], report["incomplete_because"] = False, reasons
    missing = {"code": "not-covered", "message": LONG, "remedy": LONG}
    report["warnings"] = [missing] * 6 + report["warnings"]
    if report["scan"] is not None:
        report["scan"]["coverage"] = 0.1732


def unpriced(report: dict[str, Any]) -> None:
    for layout in report["layouts"]:
        layout["npv_range"] = None
        for money in (layout["bill"], layout["floor"] or {}):
            if "npv" in money:
                money["npv"] = dict.fromkeys(("value", "low", "high")) | {"origin": "derived"}
    if report["sensitivity"] is not None:
        report["sensitivity"] |= {"tornado": [], "elasticity": []}
        for point in report["sensitivity"]["per_point"]:
            point["npv"] = None


def crowded(report: dict[str, Any]) -> None:
    """Of everything very many."""
    for many in ("layouts", "warnings", "assumptions"):
        report[many] = [copy.deepcopy(each) for _ in range(40) for each in report[many]]
    if report["scan"] is not None:
        report["scan"]["sources"] = [f"/{i}/{LONG}" for i in range(99)]
    if report["kv"] is not None:
        dumps = report["kv"]["dumps"]
        report["kv"]["dumps"] = [copy.deepcopy(each) for _ in range(40) for each in dumps]


def vast(report: dict[str, Any]) -> None:
    """Every figure of a layout large, and anything from a third to three times as much."""
    for layout in report["layouts"]:
        for holder in (layout, layout["bill"], layout["floor"] or {}):
            for quantity in holder.values():
                if isinstance(quantity, dict) and isinstance(quantity.get("value"), int | float):
                    value = quantity["value"] = 888 * quantity["value"]
                    quantity["low"], quantity["high"] = value / 3, value * 3


def bare(report: dict[str, Any]) -> None:
    report |= {"target": None, "layouts": [], "reference_layout": None, "sensitivity": None}
    report |= {"uncertainty": None, "assumptions": []}


EDITS: dict[str, tuple[Edit, ...]] = {
    "as recorded": (),
    "hostile": (hostile,),
    "incomplete": (incomplete,),
    "unpriced": (unpriced,),
    "crowded": (crowded,),
    "vast": (vast,),
    "bare": (bare,),
    "all of it": (crowded, vast, incomplete, hostile),
    "all of it without a price": (crowded, vast, unpriced, hostile),
    "bare and incomplete": (bare, crowded, incomplete, hostile),
}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_the_first_screen_fits(path: Path, edits: tuple[Edit, ...], screen: Screen) -> None:
    report = document(path)
    for edit in edits:
        edit(report)
    lines = screen(report)
    assert len(lines) <= LINES, "\n".join(lines)
    assert max(map(cell_len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_bytes_that_are_lost_are_not_taken_for_billions(screen: Screen) -> None:
    lost = row(screen(recorded("2.3/kv-trace.json")), "Expected loss")
    assert lost.startswith("679 bytes a year")


def test_a_scan_says_what_was_read_what_it_takes_and_what_decides(screen: Screen) -> None:
    lines = screen(recorded("1.5/part.json"))
    assert lines[0] == "50.0 EB (43.4 EiB) of data like this, on vast-146-4 with qlc-122 drives"
    assert row(lines, "Read") == "4,000 files, 36.0 MB, in /srv/lake/noise; a sample of 31.62 %"
    assert row(lines, "Data reduction") == (
        "2.00x [1.99, 2.01] by cdc-64KiB dedup + zstd-3 (95 %) compression only: 1.00x [1.00, 1.01]"
    )
    assert row(lines, "Raw storage").startswith(
        "31.6 EB, 258,000 drives, 894 racks, 17.3 MW (each ±0.5 %) compression only: 63.3 EB"
    )
    assert row(lines, "5-year cost").startswith("7.47 B USD ±0.5 % (present value); 4.90 to 11.1 B")
    assert row(lines, "Expected loss") == "542 kB a year, by drive failures alone (13.9 nines)"
    assert row(lines, "Runner-up") == "weka-16-2: 40.2 EB ±0.5 %, 9.50 B USD ±0.5 % (27.2 % more)"
    assert row(lines, "Decided by").startswith("price of qlc-122, 13,500 to 45,000 USD: 3.99 to 12")
    assert "--full" in row(lines, "Next")


def test_a_cost_has_its_range_of_prices_and_quantity_together(screen: Screen) -> None:
    report = recorded("1.5/part.json")
    report["layouts"][0]["npv_range"] = {"low": 4.5e9, "high": 12e9, "level": 0.95}
    assert row(screen(report), "5-year cost").startswith(
        "7.47 B USD (present value); 4.50 to 12.0 B USD (95 %)"
    )


def test_what_is_incomplete_comes_first_and_instead_of_warnings(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    report |= {"complete": False, "incomplete_because": ["12 directories could not be listed"]}
    report["warnings"].insert(0, {"code": "not-covered", "message": "m", "remedy": "ask root"})
    lines = screen(report)
    assert lines[0] == "INCOMPLETE: 12 directories could not be listed"
    assert not any(line.startswith("  Warning") for line in lines)
    assert row(lines, "Next").startswith("ask root")
    assert "coverage: complete" not in " ".join(lines)


def test_the_most_important_warning_is_told_and_how_many_more_there_are(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    assert len(report["warnings"]) == 3
    report["warnings"].append({"code": "no-redundancy", "message": "one copy", "remedy": "r"})
    assert row(screen(report), "Warning") == "one copy (and 3 more warnings: --full)"
    report["warnings"] = report["warnings"][-1:]
    assert row(screen(report), "Warning") == "one copy"


def test_where_a_price_is_unknown_the_layouts_are_compared_by_size(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    unpriced(report)
    lines = screen(report)
    assert row(lines, "5-year cost") == "unknown, as a price is"
    assert row(lines, "Runner-up") == "weka-16-2: 52.4 EB"
    assert re.fullmatch(
        r"maximum utilisation -1 pp: [\d.]+ PB of raw storage more", row(lines, "Decided by")
    )


def test_a_layout_that_is_not_the_cheapest_stands_beside_the_cheapest(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    report["reference_layout"] = "weka-16-2"
    assert row(screen(report), "Cheapest") == "vast-146-4: 49.4 EB, 11.7 B USD (5.7 % less)"
    report["layouts"] = report["layouts"][1:2]
    assert not any("Cheapest" in line or "Runner-up" in line for line in screen(report))


def test_a_reduction_that_is_not_the_headline_s_is_told_beside_raw(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    assert "x, " not in row(screen(report), "Raw storage")
    report["reference_layout"] = "weka-16-2"
    assert row(screen(report), "Raw storage").startswith("52.4 EB at 1.30x, ")


def test_a_layout_that_is_sized_without_duplicates_says_so(screen: Screen) -> None:
    raw = row(screen(recorded("1.5/too-small.json")), "Raw storage")
    assert "without duplicates: too little was read for cdc-64KiB" in raw


def test_what_the_measurement_leaves_open_may_decide(screen: Screen) -> None:
    report = recorded("1.5/part.json")
    risk = report["uncertainty"]["quantity"]["npv"]
    risk["low"], risk["high"] = 1e9, 2e10
    decided = row(screen(report), "Decided by")
    assert decided.startswith("data reduction, as far as measured: 1.00 to 20.0 B USD price of qlc")


def test_without_layouts_the_data_is_the_answer_and_a_target_the_next_step(screen: Screen) -> None:
    report = recorded("1.5/scan.json")
    bare(report)
    lines = screen(report)
    assert lines[0].startswith("11.6 MB would take 9.06 MB: data reduction ratio 1.28x")
    assert row(lines, "Saves") == "2.54 MB (21.9 %)"
    assert "--target 50EB" in row(lines, "Next")
    assert not any("Raw storage" in line or "cost" in line for line in lines)


def test_kv_dumps_and_traces_have_a_first_screen_of_their_own(screen: Screen) -> None:
    dumps = screen(recorded("1.5/kv-dumps.json"))
    assert dumps[0] == "KV caches in 8 files, 722 kB"
    assert row(dumps, "Model") == "llama-3.1-70b, bf16: 320 KiB a token"
    assert row(dumps, "Data reduction").startswith("1.52x lossless, keys and values, bf16 by ")
    trace = screen(recorded("1.5/kv-trace.json"))
    assert trace[0].startswith("1.00 PB (909 TiB) of KV cache, on vast-146-4")
    assert row(trace, "Retention") == (
        "evict if idle longer than 1 d: 79.6 %..100 % of tokens hit the target is filled by "
        "47.0 requests/s"
    )


def test_what_a_trace_bounds_alone_is_sized_for_the_cautious_end_and_says_so(
    screen: Screen,
) -> None:
    report = recorded("1.5/kv-trace.json")
    lines = screen(report)
    assert row(lines, "Raw storage").startswith("at most 1.80 PB")
    assert row(lines, "5-year cost").startswith("at most 4.45 M USD")
    for kept in report["kv"]["retention"]["rows"]:
        kept["measured"] = True
    assert row(screen(report), "Raw storage").startswith("1.80 PB")


def test_without_a_target_retention_tells_the_raw_storage_that_the_trace_bounds(
    screen: Screen,
) -> None:
    report = recorded("1.5/kv-trace.json")
    rates = report["kv"]["retention"]["requests_per_second_at_target"]
    report["kv"]["retention"]["requests_per_second_at_target"] = [None] * len(rates)
    kept = row(screen(report), "Retention")
    assert kept.endswith("183 GB..2.97 TB of raw storage for 0.0777 requests/s")
    report["target"] = None
    assert screen(report)[0].startswith("at most 1.00 PB (909 TiB) of KV cache, on vast-146-4")


def test_a_report_of_before_is_read_whole(tmp_path: Path) -> None:
    for path in RECORDED:
        report = read_report(path)
        for layout in report.layouts:
            assert layout.drive == layout.bill.drive
            assert layout.reduction_ratio.value is not None
