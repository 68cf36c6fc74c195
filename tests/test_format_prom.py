"""storeff report --to prom: metrics for the textfile collector of the node_exporter."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from support.formats import HOSTILE, document, every_kept, every_report, hostile, numbers, recorded
from support.golden import assert_golden

from storeff.quantity import Quantity
from storeff.report.formats.prom import render
from storeff.report.model import Report, read_report
from storeff.text import escaped

# What a number of the report is multiplied by to be in base units.
FACTORS = {"_watts": 10**6, "_grams": 10**6, "layout_rebuild_seconds": 3600}
# Counts of rows, and flags.
COUNTED = {"storeff_scan_sources", "storeff_report_warnings", "storeff_report_timestamp_seconds"}
FLAGS = {"storeff_info", "storeff_report_complete", "storeff_layout_reference"}
FLAGS |= {"storeff_bench_pareto", "storeff_plan_in_time"}
LABELS = {"layout", "drive", "currency", "end", "chunks", "codec", "content", "reason", "model"}
LABELS |= {"kind", "dtype", "ttl_seconds", "admission", "version", "schema_version", "offer"}


def samples(report: Report) -> Iterator[Sample]:
    for family in text_string_to_metric_families(render(report).decode()):
        yield from family.samples


def named(report: Report, name: str) -> dict[str, float]:
    """Values of a metric by the layout, where it has one."""
    return {s.labels.get("layout", ""): s.value for s in samples(report) if s.name == name}


@every_kept
def test_the_metrics_are_as_they_were(path: Path) -> None:
    assert_golden(
        f"formats/{path.parent.name}-{path.stem}.prom", render(read_report(path)).decode()
    )


@every_report
def test_a_parser_reads_every_line_of_it(path: Path) -> None:
    text = render(read_report(path)).decode()
    assert text.endswith("\n")
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(len(family.samples) for family in families) == len(lines)
    for family in families:
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        series = [tuple(sorted(each.labels.items())) for each in family.samples]
        assert len(set(series)) == len(series)
        for each in family.samples:
            # The textfile collector refuses a file with times of samples.
            assert each.timestamp is None
            assert math.isfinite(each.value)
            assert set(each.labels) <= LABELS


@every_report
def test_every_number_is_one_of_the_report_in_base_units(path: Path) -> None:
    known = set(numbers(document(path)))
    for each in samples(read_report(path)):
        if each.name in FLAGS:
            assert each.value in (0, 1)
        elif each.name not in COUNTED:
            factor = next((f for name, f in FACTORS.items() if each.name.endswith(name)), 1)
            if factor == 1:
                assert each.value in known
            else:
                assert any(math.isclose(each.value, factor * x, rel_tol=1e-15) for x in known)


@pytest.mark.parametrize("name", ["2.0/part.json", "2.0/kv-trace.json"])
def test_figures_of_a_layout_are_its_own(name: str) -> None:
    report = recorded(name)
    for layout in report.layouts:
        bill = layout.bill
        expected: dict[str, Quantity] = {
            "storeff_layout_raw_bytes": layout.raw_bytes,
            "storeff_layout_reduction_ratio": layout.reduction_ratio,
            "storeff_layout_drives": bill.drives,
            "storeff_layout_spare_drives": bill.spares,
            "storeff_layout_racks": bill.racks,
            "storeff_layout_present_value": bill.npv,
            "storeff_layout_capex": bill.capex.total,
        }
        for metric, q in expected.items():
            assert named(report, metric)[layout.name] == q.value
        watts = named(report, "storeff_layout_facility_peak_watts")[layout.name]
        assert watts / 10**6 == pytest.approx(bill.facility_mw_peak.value, rel=1e-15)
    flags = named(report, "storeff_layout_reference")
    assert [layout for layout, value in flags.items() if value] == [report.reference_layout]


def test_ends_of_an_interval_are_no_samples_of_the_figure() -> None:
    report = recorded("2.0/part.json")
    first = report.layouts[0]
    found = [each for each in samples(report) if each.name == "storeff_layout_raw_bound_bytes"]
    ends = {each.labels["end"]: each.value for each in found if first.name in each.labels.values()}
    assert ends == {"low": first.raw_bytes.low, "high": first.raw_bytes.high}


def test_what_is_unknown_is_absent_and_never_nothing() -> None:
    report = recorded("2.0/scan.json")
    unknown = Quantity(None, None, None, "derived")
    first, *others = report.layouts
    bill = msgspec.structs.replace(first.bill, npv=unknown)
    unpriced = msgspec.structs.replace(first, bill=bill, npv_range=None)
    changed = msgspec.structs.replace(report, layouts=[unpriced, *others])
    assert set(named(changed, "storeff_layout_present_value")) == {each.name for each in others}
    assert first.name in named(changed, "storeff_layout_raw_bytes")
    assert not named(recorded("2.0/too-small.json"), "storeff_reduction_ratio")


def test_a_bench_has_a_sample_for_each_of_its_rows() -> None:
    report = recorded("2.2/bench.json")
    assert report.bench is not None
    assert report.bench.quoted is not None
    rows = {row.layout: row.npv.value for row in report.bench.rows}
    assert named(report, "storeff_layout_present_value") == rows
    assert named(report, "storeff_bench_quoted_ratio") == {"vast-146-4": 2.5}
    assert named(report, "storeff_layout_reference") == {"vast-146-4": 1, "ceph-ec-8-3": 0}


def test_it_says_what_made_the_report_and_when() -> None:
    report = recorded("2.0/scan.json")
    [info] = [each for each in samples(report) if each.name == "storeff_info"]
    assert info.labels == {"version": "0.1.0", "schema_version": "2.0"}
    [moment] = named(report, "storeff_report_timestamp_seconds").values()
    assert report.run.started_at is not None
    assert moment == report.run.started_at.timestamp()


def test_a_hostile_name_is_one_label_and_a_path_is_none() -> None:
    for name in ("2.0/scan.json", "2.2/bench.json"):
        text = render(hostile(name)).decode()
        found = list(samples(hostile(name)))
        assert len(found) == len(list(samples(recorded(name))))
        drives = {each.labels["drive"] for each in found if "drive" in each.labels}
        assert drives == {escaped(HOSTILE)}
        assert all(line.isprintable() for line in text.splitlines())
        assert not re.search("/srv|training-run", render(recorded(name)).decode())
