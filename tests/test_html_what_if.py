"""The what-if of an HTML page, in a browser: it computes what Python does, and tells no more."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import chromium
from support.hostile_report import HOSTILE
from support.scenarios import changed, scenario
from support.sized import report_of, report_on

from storeff.data import map_numbers
from storeff.economics import in_cells
from storeff.economics.formulas import traced
from storeff.layout.fleet import drive_holds
from storeff.layout.floor import with_parity
from storeff.report.figures import floored
from storeff.report.formats.html import render
from storeff.report.formats.html.what_if import WhatIf, what_if
from storeff.report.model import Report
from storeff.report.scenario import scenario_of

POINTS = 500
# Packed, padded and striped; with spare enclosures, with cells, and with one parity alone.
NAMES = ("reference-10-4", "ceph-replica-3", "weka-16-2", "onefs-16-2", "vast-146-4")
WHOLE = {"bill.drives", "bill.racks"}


def shown(tab: chromium.Tab, report: Report, folder: Path) -> WhatIf:
    """The what-if of ``report``, whose page is open in ``tab``."""
    found = what_if(report)
    assert found is not None
    page = folder / "report.html"
    page.write_bytes(render(report))
    tab.show(page.as_uri())
    return found


def is_quiet(tab: chromium.Tab) -> bool:
    """Whether the page asked for nothing but itself, and the console holds nothing."""
    said = (
        *tab.of("Log.entryAdded"),
        *tab.of("Runtime.exceptionThrown"),
        *tab.of("Runtime.consoleAPICalled"),
    )
    return not said and len(tab.of("Network.requestWillBeSent")) == 1


def column(tab: chromium.Tab, name: str) -> dict[str, str]:
    """The texts of a column of the figures, ``reported`` or ``now``."""
    found: dict[str, str] = tab.value(
        f"Object.fromEntries([...document.querySelectorAll('#what-if td[id$=-{name}]')].map("
        f"(e) => [e.id.slice(8, -{len(name) + 1}), e.textContent]))"
    )
    return found


def moved(tab: chromium.Tab, name: str, value: float, part: str = "slider") -> None:
    """Move a slider, or type into the number beside it, as a person's hand does."""
    tab.value(
        f"(() => {{ const e = document.getElementById('what-if-{name}-{part}');"
        f"e.value = {value!r}; for (const kind of ['input', 'change']) "
        "e.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )


def press(tab: chromium.Tab, key: str, code: int) -> None:
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_computes_what_python_does(tab: chromium.Tab, name: str, tmp_path: Path) -> None:
    report = report_of(name)
    found = shown(tab, report, tmp_path)
    given, chance = scenario_of(report, report.layouts[0]), random.Random(name)
    assert given is not None
    options = max(1, len(report.parity_options))
    by_parity = [
        traced(
            in_cells(msgspec.structs.replace(given, layout=with_parity(given.layout, more))),
            lambda run: {"drive_holds": drive_holds(run.layout, run.drive.capacity_bytes)},
        )
        for more in range(options)
    ]
    sliders = [each for each in found.sliders if each.path]
    points: list[tuple[int, dict[str, float]]] = []
    for _ in range(POINTS // len(NAMES)):
        values = {x.path: chance.uniform(x.low, x.high) * x.scale for x in sliders}
        points.append((chance.randrange(options), values))
    made = tab.value(f"{json.dumps(points)}.map(([n, values]) => bills[n](values))")
    held = 0
    for (parity, values), figures in zip(points, made, strict=True):
        exact = {path: Fraction(value) for path, value in values.items()}
        try:
            expected = by_parity[parity].evaluate(exact)
        except ValueError:
            assert not figures["conditions"]
            continue
        assert figures.pop("conditions")
        held += 1
        for path, figure in figures.items():
            if path in WHOLE:
                assert figure == expected[path], path
            else:
                assert figure == pytest.approx(float(expected[path]), rel=1e-9), path
    assert held > POINTS // len(NAMES) // 2
    assert is_quiet(tab)


@pytest.mark.parametrize("name", NAMES)
def test_moving_a_slider_changes_figures_and_reset_brings_the_reports_back(
    tab: chromium.Tab, name: str, tmp_path: Path
) -> None:
    report = report_of(name)
    found = shown(tab, report, tmp_path)
    assert tab.value("document.getElementById('what-if').checkVisibility()")
    reported = column(tab, "reported")
    assert list(reported) == ["raw", "drives", "racks", "power", "cost", "nines"]
    assert column(tab, "now") == reported
    assert tab.value("document.getElementById('what-if-reset').disabled")
    changing = {
        "reduction": "raw",
        "utilisation": "raw",
        "capacity": "drives",
        "price": "cost",
        "parity": "nines",
    }
    assert {"reduction", "utilisation", "capacity", "price"} <= {x.id for x in found.sliders}
    for slider in found.sliders:
        for part in ("slider", "number"):
            end = slider.low if slider.low != slider.value else slider.high
            moved(tab, slider.id, end, part)
            now = column(tab, "now")
            assert now[changing[slider.id]] != reported[changing[slider.id]], slider.id
            other = "number" if part == "slider" else "slider"
            beside = tab.value(f"document.getElementById('what-if-{slider.id}-{other}').value")
            assert float(beside) == pytest.approx(end, rel=1e-5)
            tab.value("document.getElementById('what-if-reset').click()")
            assert column(tab, "now") == reported
            again = tab.value(f"document.getElementById('what-if-{slider.id}-slider').value")
            assert float(again) == pytest.approx(slider.value, rel=1e-9)
    assert is_quiet(tab)


def test_figures_are_shown_as_the_report_shows_them(tab: chromium.Tab, tmp_path: Path) -> None:
    small = changed(scenario("weka-16-2"), {"data.logical_bytes": Fraction(10**16)})
    for report in (report_of("reference-10-4"), report_on(small)):
        shown(tab, report, tmp_path)
        # There and back by a hair: as the script writes them, not as they stood there.
        value = tab.value("page.sliders.find((x) => x.id === 'price').value")
        moved(tab, "price", value * (1 + 1e-9))
        assert column(tab, "now") == column(tab, "reported")


def test_a_parity_has_the_nines_that_the_report_states(tab: chromium.Tab, tmp_path: Path) -> None:
    report = report_of("reference-10-4")
    assert [each.code for each in report.parity_options] == ["10+4", "10+5", "10+6"]
    shown(tab, report, tmp_path)
    for option in report.parity_options:
        moved(tab, "parity", option.parities_added)
        assert option.nines is not None
        assert column(tab, "now")["nines"] == floored(option.nines)
        assert tab.value("document.getElementById('what-if-code').textContent") == option.code


def test_a_layout_raised_to_a_floor_starts_at_its_own_parity(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    report = report_on(scenario("ceph-ec-8-3"), nines=16)
    (layout,) = report.layouts
    assert layout.at_floor is not None
    assert layout.at_floor.parities_added == 1
    found = shown(tab, report, tmp_path)
    [slider] = [each for each in found.sliders if each.id == "parity"]
    assert (slider.low, slider.value) == (0, 1)
    assert column(tab, "now") == column(tab, "reported")
    moved(tab, "parity", 0)
    assert tab.value("document.getElementById('what-if-code').textContent") == "8+3"
    plain = report_on(scenario("ceph-ec-8-3"))
    again = what_if(plain)
    assert again is not None
    assert column(tab, "now") == {each.id: each.text for each in again.figures}


def test_nines_of_other_drives_are_bounds_that_hold(tab: chromium.Tab, tmp_path: Path) -> None:
    shown(tab, report_of("reference-10-4"), tmp_path)
    for capacity, words in ((60, "or more"), (200, "at most")):
        moved(tab, "capacity", capacity)
        found = re.fullmatch(rf"([0-9.]+) {words}", column(tab, "now")["nines"])
        assert found is not None
        bound = float(found[1])
        value = {"drives.qlc-122.capacity_bytes": Fraction(capacity * 10**12)}
        (layout,) = report_of("reference-10-4", **value).layouts
        assert layout.durability.nines is not None
        is_more = layout.durability.nines > bound
        assert is_more == (words == "or more"), (layout.durability.nines, bound)


def test_an_unknown_price_leaves_the_cost_unknown(tab: chromium.Tab, tmp_path: Path) -> None:
    report = report_of("reference-10-4", **{"drives.qlc-122.price": None})
    found = shown(tab, report, tmp_path)
    assert "price" not in [each.id for each in found.sliders]
    moved(tab, "reduction", 2)
    now = column(tab, "now")
    assert now["cost"] == "unknown"
    assert now["raw"] != column(tab, "reported")["raw"]


def test_what_needs_another_build_has_no_figures(tab: chromium.Tab, tmp_path: Path) -> None:
    report = report_of("reference-10-4")
    shown(tab, report, tmp_path)
    tab.value(
        "bills.splice(0, bills.length, ...bills.map((b) => (x) => ({...b(x), conditions: false})))"
    )
    moved(tab, "reduction", 2)
    assert set(column(tab, "now").values()) == {"needs another build"}
    assert "another build" in tab.value("document.getElementById('what-if-note').textContent")


def test_a_slider_is_moved_by_keys_and_has_a_name(tab: chromium.Tab, tmp_path: Path) -> None:
    shown(tab, report_of("reference-10-4"), tmp_path)
    tab.value("document.getElementById('what-if-price-slider').focus()")
    press(tab, "ArrowRight", 39)
    assert column(tab, "now")["cost"] != column(tab, "reported")["cost"]
    names = tab.value(
        "[...document.querySelectorAll('#what-if input')].map((e) => "
        "document.getElementById(e.getAttribute('aria-labelledby') ?? `${e.id}`)"
        " && (e.labels[0]?.textContent ?? e.getAttribute('aria-labelledby')))"
    )
    assert all(names)


def test_a_number_out_of_range_is_taken_to_its_end(tab: chromium.Tab, tmp_path: Path) -> None:
    found = shown(tab, report_of("reference-10-4"), tmp_path)
    [slider] = [each for each in found.sliders if each.id == "utilisation"]
    moved(tab, "utilisation", 900, "number")
    beside = tab.value("document.getElementById('what-if-utilisation-number').value")
    assert float(beside) == slider.high
    moved(tab, "parity", 0.4, "number")
    assert tab.value("document.getElementById('what-if-parity-number').value") == "0"


def test_hostile_names_stay_text(tab: chromium.Tab, tmp_path: Path) -> None:
    given = scenario("reference-10-4")

    def attacked(number: Any) -> Any:
        path = f"{number.path}{HOSTILE}" if number.path else ""
        return msgspec.structs.replace(number, path=path)

    layout = msgspec.structs.replace(given.layout, name=f"layout{HOSTILE}")
    hostile = map_numbers(msgspec.structs.replace(given, layout=layout), attacked)
    shown(tab, report_on(hostile), tmp_path)
    moved(tab, "reduction", 2)
    assert column(tab, "now")["raw"] != column(tab, "reported")["raw"]
    assert tab.of("Page.javascriptDialogOpening") == []
    assert "layout<script>alert" in tab.value("document.getElementById('what-if').innerText")
    assert is_quiet(tab)


def test_no_other_script_of_the_page_runs(tab: chromium.Tab, tmp_path: Path) -> None:
    page = render(report_of("reference-10-4")).decode()
    injected = '<script>document.title = "run"</script><p id="p" onclick="document.title = 1">p</p>'
    held = tmp_path / "held.html"
    held.write_text(page.replace("</main>", f"{injected}</main>"))
    tab.show(held.as_uri())
    tab.value("document.getElementById('p').click()")
    assert tab.value("document.title") not in ("run", "1")
    assert len(tab.of("Log.entryAdded")) == 2, "the policy says what it held back"
    assert tab.value("document.getElementById('what-if').checkVisibility()")


def test_without_script_nothing_of_it_is_seen(tab: chromium.Tab, tmp_path: Path) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown(tab, report_of("reference-10-4"), tmp_path)
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert not tab.value("document.getElementById('what-if').checkVisibility()")
    assert not tab.value("document.getElementById('what-if-link').checkVisibility()")


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_a_phone(tab: chromium.Tab, width: int, tmp_path: Path) -> None:
    tab.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 600,
    )
    shown(tab, report_of("reference-10-4", "weka-16-2"), tmp_path)
    assert (
        tab.value(
            "[...document.querySelectorAll('#what-if *')].filter((e) => !e.closest('.scroll') && "
            f"e.getBoundingClientRect().right > {width}).map((e) => e.outerHTML)"
        )
        == []
    )
