"""A layout of a report with some of its numbers changed: past, now, and why."""

import json
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.cli import storeff as run
from support.scenarios import scenario
from support.sized import TODAY, report_on

import storeff
from storeff.analysis import Storage
from storeff.economics.model import with_changes
from storeff.errors import StoreffError, UsageError
from storeff.report.changes import compare
from storeff.report.check import contradictions
from storeff.report.model import Report, to_json
from storeff.report.resized import resized
from storeff.report.verify import verify

SAMPLES = Path(__file__).parents[1] / "samples" / "data"
ENV = os.environ | {"COLUMNS": "80"}


@pytest.fixture(scope="module")
def measured() -> Report:
    reduced = storeff.reduce(storeff.measure(SAMPLES), target_bytes=10**19)
    storage = Storage(("vast-146-4", "ceph-ec-8-3"))
    return storeff.build_report(reduced, storeff.size(reduced, storage))


def changed(
    report: Report, tmp_path: Path, text: str, layout: str | None = None
) -> tuple[Report, Report]:
    path = tmp_path / "s.toml"
    path.write_text(text)
    return resized(report, path, layout=layout, today=TODAY)


def point(report: Report, *names: str) -> Any:
    value: Any = next(x for x in report.layouts if x.name == report.reference_layout)
    for name in names:
        value = getattr(value, name)
    return value.value


def test_a_number_that_stays_as_it_is_changes_no_figure(measured: Report, tmp_path: Path) -> None:
    past, now = changed(measured, tmp_path, "[drive]\ncapacity_bytes = 122_880_000_000_000\n")
    assert now.layouts == [x for x in past.layouts if x.name == past.reference_layout]
    assert now.reduction == past.reduction


def test_only_what_is_named_changes(measured: Report, tmp_path: Path) -> None:
    price = next(x.value for x in measured.assumptions if x.path == "drives.qlc-122.price")
    assert price is not None
    past, now = changed(measured, tmp_path, f"[drive]\nprice = {price // 2}\n")
    assert point(now, "bill", "drives") == point(past, "bill", "drives")
    halved = point(now, "bill", "capex", "drives") / point(past, "bill", "capex", "drives")
    assert halved == pytest.approx(0.5)
    (comparison,) = compare([("past", past), ("now", now)]).comparisons
    assert [each.path for each in comparison.inputs] == ["drives.qlc-122.price"]
    assert comparison.attribution is not None
    (cause,) = comparison.attribution.causes
    assert cause.name == "drives.qlc-122.price"
    assert cause.npv == pytest.approx(point(now, "bill", "npv") - point(past, "bill", "npv"))


def test_another_layout_of_the_report_can_be_changed(measured: Report, tmp_path: Path) -> None:
    past, now = changed(measured, tmp_path, "[layout]\nfill_limit = 0.5\n", "ceph-ec-8-3")
    assert past.reference_layout == now.reference_layout == "ceph-ec-8-3"
    assert point(now, "raw_bytes") > point(past, "raw_bytes")


def test_the_parity_is_what_the_durability_takes_that_was_asked_for(
    measured: Report, tmp_path: Path
) -> None:
    text = "[drive]\nafr = 0.3\n"
    _, now = changed(measured, tmp_path, text, "ceph-ec-8-3")
    (layout,) = now.layouts
    before = next(x for x in measured.layouts if x.name == "ceph-ec-8-3")
    assert layout.at_floor is not None
    assert before.at_floor is not None
    assert layout.at_floor.nines == before.at_floor.nines
    assert layout.at_floor.parities_added > before.at_floor.parities_added


def test_a_code_that_is_given_is_the_one_that_is_sized(measured: Report, tmp_path: Path) -> None:
    text = '[layout]\ncode = { kind = "rs", k = 8, m = 5 }\n'
    _, now = changed(measured, tmp_path, text, "ceph-ec-8-3")
    assert now.layouts[0].at_floor is None
    assert point(now, "raw_bytes") > 0


def test_data_that_grows_reduces_as_it_was_measured(measured: Report, tmp_path: Path) -> None:
    past, now = changed(measured, tmp_path, '[data]\nlogical_bytes = "20EB"\n')
    assert now.target is not None
    assert now.target.bytes == 20 * 10**18
    assert now.layouts[0].reduction_ratio == past.layouts[0].reduction_ratio
    assert point(now, "raw_bytes") == pytest.approx(2 * point(past, "raw_bytes"), rel=1e-6)


def test_a_reduction_that_is_typed_in_is_exact_and_rests_on_no_measurement(
    measured: Report, tmp_path: Path
) -> None:
    _, now = changed(measured, tmp_path, "[data]\nreduction_ratio = 2.5\n")
    assert (now.reduction, now.scan) == (None, None)
    ratio = now.layouts[0].reduction_ratio
    assert (ratio.value, ratio.low, ratio.high, ratio.origin) == (2.5, 2.5, 2.5, "assumed")


@pytest.mark.parametrize(
    "text",
    [
        "[drive]\nprice = 19_000\n",
        "[data]\nreduction_ratio = 2.5\n",
        '[data]\nlogical_bytes = "20EB"\ngrowth = 1.1\n',
        '[layout]\ncode = { kind = "rs", k = 8, m = 5 }\n',
        "[finance]\nyears = 7\n[layout.repair]\nbandwidth_share = 0.2\n",
    ],
)
def test_the_new_report_is_a_report(measured: Report, tmp_path: Path, text: str) -> None:
    _, now = changed(measured, tmp_path, text, "ceph-ec-8-3")
    assert list(contradictions(now)) == []
    path = tmp_path / "now.json"
    path.write_bytes(to_json(now))
    found = verify(path)
    assert found.agrees, found.first


def test_a_report_of_a_scenario_can_be_changed(tmp_path: Path) -> None:
    report = report_on(scenario())
    past, now = changed(report, tmp_path, "[data]\nreduction_ratio = 2.6\n")
    assert point(now, "raw_bytes") == pytest.approx(point(past, "raw_bytes") / 2, rel=0.02)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "changes nothing"),
        ("[drive]\nprise = 1\n", "drive.prise is not a key (did you mean 'price'?)"),
        ("[layout]\nfill_limit = 1.5\n", "layout.fill_limit must be"),
        ('[layout]\npacking = "padded"\n', "layout.packing is no number"),
        ('currency = "EUR"\n[drive]\nprice = 1\n', "currency must be that of the report, USD"),
        ('[drive]\nprice = { value = 1, unit = "EUR" }\n', "not in USD"),
        ("[drive]\nwatts_idle = 90\n", "watts_idle of 90 W is above"),
        ("drive = 3\n", "drive is no number"),
        ('[layout]\ncode = { kind = "rs", k = 8 }\n', "layout.code"),
    ],
)
def test_every_mistake_of_the_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(StoreffError, match=re.escape(said)):
        with_changes(scenario(), path)


def test_an_unknown_layout_is_named_with_the_nearest(measured: Report, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ceph-ec-8-3"):
        changed(measured, tmp_path, "[drive]\nprice = 1\n", "ceph-ec-8-4")


def test_a_number_keeps_its_path(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[drive]\nprice = 19_000\n")
    price = with_changes(scenario(), path).drive.price
    assert (price.path, price.value, price.kind) == (
        "drives.qlc-122.price",
        Fraction(19_000),
        "typed",
    )


def test_past_now_and_difference_are_shown(measured: Report, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(to_json(measured))
    (tmp_path / "s.toml").write_text("[drive]\nprice = 19_000\n[layout]\nfill_limit = 0.5\n")
    done = run("size", "r.json", "--scenario", "s.toml", "-o", "n.json", cwd=tmp_path, env=ENV)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "vast-146-4: past, now and difference" in done.stdout
    for line in (
        r"raw storage .*EB .*EB +\+[\d.]+ EB \(\+[\d.]+ %\)",
        r"cost .*USD .*USD +[+-][\d.]+ \w USD \(",
        r"drives\.qlc-122\.price .*19,000 USD",
        r"maximum utilisation .*-> 2 ",
    ):
        assert re.search(line, done.stdout), line
    new = json.loads((tmp_path / "n.json").read_text())
    assert [each["name"] for each in new["layouts"]] == ["vast-146-4"]
    done = run("size", "r.json", "--scenario", "s.toml", "--target", "1EB", cwd=tmp_path)
    assert done.returncode == 2
    assert "--layout" in done.stderr
