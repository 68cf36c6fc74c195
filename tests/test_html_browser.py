"""The HTML report in a browser: it renders, asks for nothing, and fits a phone and paper."""

import base64
import http.server
import itertools
import threading
from pathlib import Path

import pytest
from support import chromium
from support.golden import GOLDEN
from support.hostile_report import hostile

from storeff.report.formats.html import render
from storeff.report.model import read_report

REPORTS = [
    *(GOLDEN / "reports" / "2.0" / f"{name}.json" for name in ("scan", "part", "kv-trace")),
    GOLDEN / "reports" / "2.3" / "bench.json",
]
SCHEMES = ("light", "dark")
# Of a phone, a tablet and a desk, in CSS pixels.
WIDTHS = (360, 390, 768, 1280, 1920)

# Every element that has text of its own, with its colour and that of what is behind it.
COLOURS = """
(() => {
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)|transparent/.test(colour)) return colour;
    }
    return 'none';
  };
  const found = {};
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || ['title', 'desc'].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    const colour = e.closest('svg') ? style.fill : style.color;
    found[colour + ' on ' + behind(e)] = e.tagName;
  }
  return found;
})()
"""

each_page = pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def page_of(path: Path, folder: Path) -> str:
    """The address of the page of the report at ``path``."""
    page = folder / "report.html"
    page.write_bytes(render(read_report(path)))
    return page.as_uri()


def complaints(tab: chromium.Tab) -> list[str]:
    """What the console holds."""
    logged = [each["entry"]["text"] for each in tab.of("Log.entryAdded")]
    thrown = [each["exceptionDetails"]["text"] for each in tab.of("Runtime.exceptionThrown")]
    return logged + thrown + [str(each) for each in tab.of("Runtime.consoleAPICalled")]


def requested(tab: chromium.Tab) -> list[str]:
    return [each["request"]["url"] for each in tab.of("Network.requestWillBeSent")]


def wide(tab: chromium.Tab, width: int, scheme: str = "light") -> None:
    tab.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 600,
    )
    tab.ask(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )


@each_page
@each_scheme
def test_a_page_renders_without_a_complaint_or_a_request(
    tab: chromium.Tab, path: Path, scheme: str, tmp_path: Path
) -> None:
    wide(tab, 1280, scheme)
    address = page_of(path, tmp_path)
    tab.show(address)
    assert complaints(tab) == []
    assert requested(tab) == [address]
    # The policy let the stylesheet in.
    assert tab.value("getComputedStyle(document.querySelector('main')).display") == "block"
    assert tab.value("getComputedStyle(document.body).display") == "grid"
    # Charts have an extent.
    sizes = tab.value(
        "[...document.querySelectorAll('svg[role=img]')].map((e) => e.getBoundingClientRect())"
        ".map((r) => Math.min(r.width, r.height))"
    )
    assert all(size > 20 for size in sizes)


@pytest.mark.parametrize("width", [360, 1280])
@each_page
def test_hostile_texts_neither_run_nor_break_a_page(
    tab: chromium.Tab, path: Path, width: int, tmp_path: Path
) -> None:
    wide(tab, width)
    page = tmp_path / "hostile.html"
    page.write_bytes(render(hostile(read_report(path))))
    tab.show(page.as_uri())
    assert complaints(tab) == []
    assert requested(tab) == [page.as_uri()]
    assert tab.of("Page.javascriptDialogOpening") == []
    inside = tab.value("document.documentElement.clientWidth")
    assert tab.value("document.documentElement.scrollWidth") == inside
    assert "<script>alert(1)</script>" in tab.value("document.body.innerText")


@pytest.mark.parametrize("width", WIDTHS)
@each_page
def test_a_page_fits_its_width(tab: chromium.Tab, path: Path, width: int, tmp_path: Path) -> None:
    wide(tab, width)
    tab.show(page_of(path, tmp_path))
    inside = tab.value("document.documentElement.clientWidth")
    assert tab.value("document.documentElement.scrollWidth") == inside
    # What is wider scrolls in its box, and nothing else is.
    beyond = tab.value(
        "[...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll') && "
        f"e.getBoundingClientRect().right > {inside} + 1).map((e) => e.outerHTML.slice(0, 200))"
    )
    assert beyond == []
    # Text of charts is as large on a phone as it is elsewhere.
    heights = tab.value(
        "[...document.querySelectorAll('svg text:not(.number)')]"
        ".map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights, default=10) >= 10


@pytest.mark.parametrize("width", [360, 1280])
@each_page
def test_a_label_and_a_figure_of_a_chart_stand_apart(
    tab: chromium.Tab, path: Path, width: int, tmp_path: Path
) -> None:
    wide(tab, width)
    tab.show(page_of(path, tmp_path))
    boxes = tab.value(
        "[...document.querySelectorAll('svg text.value')].map((e) => "
        "[e.previousElementSibling.getBoundingClientRect().right, e.getBoundingClientRect().left,"
        " e.textContent])"
    )
    assert [each for each in boxes if each[0] > each[1]] == []
    ticks = tab.value(
        "[...document.querySelectorAll('svg[role=img]')].map((svg) => "
        "[...svg.querySelectorAll('text.tick[text-anchor]')].map((e) => e.getBoundingClientRect())"
        ".map((r) => [r.top, r.left, r.right]))"
    )
    for chart in ticks:
        for one, other in itertools.pairwise(chart):
            assert one[0] != other[0] or one[2] <= other[1], "labels of an axis overlap"


def rgb(colour: str) -> tuple[float, ...]:
    """``rgb(1, 2, 3)`` as its three parts."""
    return tuple(float(each) for each in colour.removeprefix("rgb(").rstrip(")").split(","))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in rgb(colour)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@each_page
@each_scheme
def test_text_stands_out_as_a_browser_shows_it(
    tab: chromium.Tab, path: Path, scheme: str, tmp_path: Path
) -> None:
    wide(tab, 1280, scheme)
    tab.show(page_of(path, tmp_path))
    pairs = tab.value(COLOURS)
    assert len(pairs) > 2
    for pair, tag in pairs.items():
        assert contrast(*pair.split(" on ")) >= 4.5, (pair, tag)
    assert (rgb(next(iter(pairs)).split(" on ")[1])[0] > 128) == (scheme == "light")


def test_the_first_key_reaches_the_skip_link_and_it_leads_to_the_report(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    wide(tab, 1280)
    tab.show(page_of(REPORTS[0], tmp_path))

    def press(key: str, code: int, text: str = "") -> None:
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            tab.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more
            )

    press("Tab", 9)
    assert tab.value("document.activeElement.className") == "skip"
    assert tab.value("document.activeElement.getBoundingClientRect().left") >= 0
    press("Enter", 13, "\r")
    assert tab.value("location.hash") == "#main"
    assert tab.value("document.activeElement.id") == "main"


def test_a_reader_of_the_screen_is_told_names(tab: chromium.Tab, tmp_path: Path) -> None:
    tab.show(page_of(REPORTS[0], tmp_path))
    tab.ask("Accessibility.enable")
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    tab.ask("Accessibility.disable")
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]
    roles = {role for role, _ in told}
    assert {"banner", "navigation", "main", "region", "table", "image"} <= roles | {"image"}
    for role in ("navigation", "region", "table", "image", "img"):
        assert all(name for each, name in told if each == role), role
    assert ("columnheader", "5-year cost") in told
    assert ("rowheader", "vast-146-4") in told


@pytest.mark.parametrize(("inches", "name"), [((8.27, 11.69), "A4"), ((8.5, 11.0), "Letter")])
@each_page
def test_a_page_prints_on_paper_of_either_size(
    tab: chromium.Tab, path: Path, inches: tuple[float, float], name: str, tmp_path: Path
) -> None:
    wide(tab, 1280, "dark")
    tab.show(page_of(path, tmp_path))
    printed = tab.ask("Page.printToPDF", paperWidth=inches[0], paperHeight=inches[1])
    document = base64.b64decode(printed["data"])
    assert document.startswith(b"%PDF")
    # As it is printed, nothing is wider than its sheet or hidden in a box, and ink is dark.
    tab.ask("Emulation.setEmulatedMedia", media="print")
    wide_columns = tab.value(
        "[...document.querySelectorAll('.scroll')].map((e) => getComputedStyle(e).overflowX)"
    )
    assert set(wide_columns) <= {"visible"}
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    # Millimetres of the sheet within its margins; wide tables have it lengthwise.
    across, along = (25.4 * inches[0] - 28, 25.4 * inches[1] - 20)
    for chosen, room in ((".scroll:not(.wide)", across), (".scroll.wide", along)):
        wide(tab, round(room / 25.4 * 96))
        tab.ask("Emulation.setEmulatedMedia", media="print")
        widths = tab.value(
            f"[...document.querySelectorAll('{chosen} table')].map((e) => e.scrollWidth)"
        )
        assert max(widths, default=0) <= room / 25.4 * 96 + 1, (chosen, name)
    tab.ask("Emulation.setEmulatedMedia", media="")


def test_what_would_be_put_into_a_page_is_neither_loaded_nor_run(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    asked: list[str] = []

    class Listening(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        injected = (
            f'<img src="{here}/img"><script>document.title = "run"</script>'
            f"<style>body {{ background: url({here}/css) }}</style>"
            f'<script src="{here}/js"></script><iframe src="{here}/frame"></iframe>'
            '<p id="p" style="color: red" '
            "onclick=\"document.title = 'run'\">p</p>"
        )
        page = render(read_report(REPORTS[0])).decode()
        held = tmp_path / "held.html"
        held.write_text(page.replace("</main>", f"{injected}</main>"))
        tab.show(held.as_uri())
        tab.value("document.getElementById('p').click()")
        assert asked == []
        assert tab.value("document.title") != "run"
        assert tab.value("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
        assert len(complaints(tab)) >= 4, "the policy says what it held back"

        # That all this would have happened without the policy.
        free = tmp_path / "free.html"
        free.write_text(f"<body>{injected}</body>")
        tab.show(free.as_uri())
        assert {"/img", "/css", "/js", "/frame"} <= set(asked)
        assert tab.value("document.title") == "run"
        server.shutdown()
