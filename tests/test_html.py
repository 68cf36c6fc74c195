"""The HTML report: everything that the sections say, as one page that anyone can read anywhere."""

import base64
import hashlib
import itertools
import re
from functools import cache
from pathlib import Path

import msgspec
import pytest
from support.golden import GOLDEN, assert_golden
from support.hostile_report import HOSTILE, hostile
from support.html_page import Element, read_page
from support.scenarios import scenario
from support.sized import report_of, report_on

from storeff.data import Assumption, map_numbers
from storeff.economics import Scenario
from storeff.errors import StoreffError
from storeff.report.formats.html import render
from storeff.report.formats.html.charts import ROWS_MOST, Bars, charts
from storeff.report.formats.html.what_if import what_if
from storeff.report.model import Kv, Report, read_report
from storeff.report.page import Facts, Paragraph, Part
from storeff.report.sections import sections
from storeff.units import count

BENCH = GOLDEN / "reports" / "2.3" / "bench.json"
RECORDED = sorted((GOLDEN / "reports").glob("*/*.json"))
SHOWN = ("1.5/scan", "2.0/part", "2.0/kv-dumps", "2.0/kv-trace")
STYLE = Path(__file__).parent.parent / "storeff/report/formats/html/page.css"
# All that an attribute may make a browser load.
LOADING = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background", "style"}

each_report = pytest.mark.parametrize("path", RECORDED, ids=lambda p: f"{p.parent.name}-{p.stem}")


def recorded(name: str) -> Report:
    return read_report(GOLDEN / "reports" / f"{name}.json")


@cache
def rendered(path: Path) -> bytes:
    return render(read_report(path))


@cache
def page_of(path: Path) -> Element:
    return read_page(rendered(path))


def texts(part: Part) -> list[str]:
    if isinstance(part, Paragraph):
        return [part.text] if part.style != "drawing" else []
    if isinstance(part, Facts):
        return [text for row in part.rows for text in row]
    return [*(column.header for column in part.columns), *itertools.chain(*part.rows)]


def without_style(document: bytes) -> str:
    """A page as its golden file keeps it: a change of looks is no change of what it says."""
    text = re.sub(r"(?<=<style>).*(?=</style>)", "", document.decode(), flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-", text)


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_says_what_it_said(name: str) -> None:
    page = without_style(render(recorded(name)))
    assert_golden(f"html/{name.replace('/', '-')}.html", page)


def test_a_page_of_a_benchmark_says_what_it_said() -> None:
    assert_golden("html/bench.html", without_style(rendered(BENCH)))


@each_report
def test_the_same_report_gives_the_same_bytes(path: Path) -> None:
    assert render(read_report(path)) == rendered(path)


@each_report
def test_everything_that_the_sections_say_is_on_the_page(path: Path) -> None:
    page = page_of(path)
    for section in sections(read_report(path), full=True):
        [shown] = [each for each in page.all("section") if each.attributes["id"] == section.name]
        assert section.title in shown.text
        for part in section.body:
            assert [text for text in texts(part) if text not in shown.text] == []


@each_report
def test_the_page_is_small(path: Path) -> None:
    assert len(rendered(path)) < 1_000_000


def digest(element: Element) -> str:
    """What a policy calls the text of ``element``."""
    return "sha256-" + base64.b64encode(hashlib.sha256(inside(element)).digest()).decode()


def inside(element: Element) -> bytes:
    """The text of an element that holds no other, as it stands in the page."""
    return "".join(each for each in element.children if isinstance(each, str)).encode()


def is_held_to_itself(page: Element, scripts: int = 0) -> None:
    """Nothing is loaded, nothing but the page's own script runs, and the policy says so."""
    [policy] = [
        each.attributes["content"]
        for each in page.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    [style] = page.all("style")
    found = list(page.all("script"))
    assert len(found) == scripts
    script = "".join(f"script-src '{digest(each)}'; " for each in found)
    assert policy == (
        f"default-src 'none'; style-src '{digest(style)}'; {script}base-uri 'none'; "
        "form-action 'none'"
    )
    assert all(each.attributes == {} for each in found)
    assert not re.search(r"url\(|@import|@font-face|expression|image-set", style.text)
    assert not list(page.all("link", "img", "iframe", "object", "embed", "base", "form"))
    assert not list(page.all("image", "use", "foreignobject", "animate", "set", "video"))
    assert scripts or not list(page.all("input", "button"))
    for element in page.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), name
            assert name not in LOADING or value.startswith("#"), (name, value)


@each_report
def test_the_page_loads_nothing_and_runs_nothing(path: Path) -> None:
    report = read_report(path)
    scripts = 0 if report.scenarios is None else 1
    is_held_to_itself(page_of(path), scripts=scripts)


def attacked(given: Scenario[Assumption]) -> Scenario[Assumption]:
    """``given`` with something hostile in all that it is called by."""

    def number(each: Assumption) -> Assumption:
        return msgspec.structs.replace(each, path=f"{each.path}{HOSTILE}" if each.path else "")

    layout = msgspec.structs.replace(given.layout, name=f"layout{HOSTILE}")
    made: Scenario[Assumption] = map_numbers(msgspec.structs.replace(given, layout=layout), number)
    return made


def test_a_page_of_a_report_that_keeps_its_scenario_runs_one_script() -> None:
    document = render(report_of("reference-10-4", "weka-16-2"))
    page = read_page(document)
    is_held_to_itself(page, scripts=1)
    [section] = [each for each in page.all("section") if each.attributes["id"] == "what-if"]
    assert section.attributes["hidden"], "without a script, nothing is shown that does not work"
    labels = {each.attributes["for"] for each in section.all("label")}
    controls = list(section.all("input"))
    assert len(controls) == 2 * len(labels) == 10
    for each in controls:
        assert each.attributes.get("aria-labelledby") or each.attributes["id"] in labels
    assert len(document) < 300_000


def test_a_page_of_a_report_without_its_scenario_runs_none() -> None:
    report = report_of("reference-10-4")
    older = msgspec.structs.replace(report, scenarios=None, parity_options=[])
    page = read_page(render(older))
    is_held_to_itself(page)
    assert "what-if" not in [each.attributes["id"] for each in page.all("section")]


def test_the_script_is_the_same_each_time_and_makes_no_code_of_texts() -> None:
    report = report_of("reference-10-4")
    made = what_if(report)
    assert made is not None
    assert made == what_if(report)
    forbidden = r"eval\(|Function\(|innerHTML|outerHTML|insertAdjacent|document\.write|fetch|import"
    assert not re.search(forbidden, made.script)


def test_a_hostile_name_ends_no_script() -> None:
    document = render(report_on(attacked(scenario("reference-10-4"))))
    page = read_page(document)
    is_held_to_itself(page, scripts=1)
    assert "alert(1)" in page.text
    [script] = page.all("script")
    assert b"</script" not in inside(script)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", document.decode())


def test_parity_that_the_layout_cannot_have_is_refused() -> None:
    report = report_of("reference-10-4")
    own, wider, *_ = report.parity_options
    other = msgspec.structs.replace(wider, code="10+9")
    huge = msgspec.structs.replace(wider, parities_added=10**9)
    for wrong in (other, huge):
        with pytest.raises(StoreffError, match="parity_options"):
            what_if(msgspec.structs.replace(report, parity_options=[own, wrong]))


@each_report
def test_a_hostile_text_stays_a_text(path: Path) -> None:
    document = render(hostile(read_report(path)))
    page = read_page(document)
    is_held_to_itself(page)
    assert "<script>alert(1)</script>" in page.text, "escaped, not lost"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", document.decode())
    assert "{{ 7*7 }}" in page.text
    assert len(document) < 1_000_000
    tags = {each.tag for each in page_of(path).all()}
    assert {each.tag for each in page.all()} <= tags


@each_report
def test_a_reader_of_the_screen_finds_the_way(path: Path) -> None:
    page = page_of(path)
    ids = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(set(ids)) == len(ids)
    for element in page.all():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)
        target = element.attributes.get("href", "")
        assert not target or target.removeprefix("#") in ids

    [html] = page.all("html")
    assert html.attributes["lang"] == "en"
    assert [len(list(page.all(tag))) for tag in ("header", "nav", "main", "h1")] == [1] * 4
    assert next(page.all("a")).attributes == {"class": "skip", "href": "#main"}
    levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(len(list(each.all("h2"))) == 1 for each in page.all("section"))
    anchors = [each.attributes["href"] for nav in page.all("nav") for each in nav.all("a")]
    assert anchors == [f"#{each.attributes['id']}" for each in page.all("section")]


@each_report
def test_a_table_has_a_caption_and_names_its_columns_and_rows(path: Path) -> None:
    page = page_of(path)
    for table in page.all("table"):
        [caption] = table.all("caption")
        assert caption.text.strip()
        [head] = table.all("thead")
        assert {each.attributes["scope"] for each in head.all("th")} == {"col"}
        [body] = table.all("tbody")
        for row in body.all("tr"):
            cells = list(row.all("th", "td"))
            assert len(cells) == len(list(head.all("th")))
            assert [each.tag for each in cells] == ["th", *["td"] * (len(cells) - 1)]
            assert cells[0].attributes["scope"] == "row"
    for box in page.with_class("scroll"):
        assert box.attributes["tabindex"] == "0", "what scrolls can be reached by keys"
        assert box.attributes["role"] == "region"


@each_report
def test_a_chart_is_told_in_words_too(path: Path) -> None:
    report = read_report(path)
    page = read_page(render(report))
    made = [chart for each in charts(report).values() for chart in each]
    pictures = [each for each in page.all("svg") if "role" in each.attributes]
    assert len(pictures) == len(made)
    said = {" ".join(each.text.split()) for svg in pictures for each in svg.all("desc")}
    for chart in made:
        assert " ".join(chart.description.split()) in said
        assert chart.description


def test_a_report_of_nothing_has_a_page() -> None:
    nothing = msgspec.structs.replace(
        recorded("1.5/kv-trace"), kv=Kv(), target=None, layouts=[], warnings=[]
    )
    page = read_page(render(nothing))
    assert not list(page.all("svg"))
    assert "KV cache" in page.text


def chart_of(report: Report, name: str) -> Bars:
    [found] = [c for made in charts(report).values() for c in made if c.name == name]
    assert isinstance(found, Bars)
    return found


def test_the_waterfall_goes_on_where_the_step_before_ended() -> None:
    report = recorded("2.0/scan")
    first, *steps, last = chart_of(report, "waterfall").rows
    layout = next(each for each in report.layouts if each.name == report.reference_layout)
    assert first.start == 0
    assert first.end == layout.waterfall[0].after_bytes.value
    assert [b.start for b in steps] == [a.end for a in (first, *steps)][:-1]
    assert last.end == steps[-1].end == layout.raw_bytes.value
    for row in steps:
        assert row.start is not None
        assert row.end is not None
        assert row.look == ("less" if row.end < row.start else "more")


def test_a_bar_is_as_long_as_its_figure_is_large() -> None:
    report = recorded("2.0/scan")
    page = read_page(render(report))
    [picture] = [
        s for s in page.all("svg") if s.attributes.get("aria-labelledby") == "chart-raw-title"
    ]
    widths = [float(each.attributes["width"].rstrip("%")) for each in picture.with_class("bar")]
    sizes = [float(each.raw_bytes.value or 0) for each in report.layouts]
    most = max(each.high or each.value or 0 for each in (x.raw_bytes for x in report.layouts))
    assert widths == pytest.approx([100 * size / most for size in sizes], abs=0.02)


def test_an_interval_is_drawn_from_end_to_end_and_an_exact_figure_has_none() -> None:
    report = recorded("2.0/part")
    assert report.reduction is not None
    [content] = report.reduction.by_stratum
    both = [content, msgspec.structs.replace(content, name="other")]
    reduction = msgspec.structs.replace(report.reduction, by_stratum=both)
    chart = chart_of(msgspec.structs.replace(report, reduction=reduction), "content")
    for row, stratum in zip(chart.rows, both, strict=True):
        assert (row.low, row.end, row.high) == (
            *(stratum.ratio.low, stratum.ratio.value, stratum.ratio.high),
        )
        assert row.start is None, "a ratio is no amount that begins at nothing"
    exact = chart_of(recorded("2.0/scan"), "content")
    assert all(row.low is None for row in exact.rows)


def test_a_layout_below_the_floor_looks_and_is_called_so() -> None:
    report = recorded("2.0/scan")
    layouts = list(report.layouts)
    below = read_report(BENCH).bench
    assert below is not None
    floor = next(row.floor for row in below.rows if row.floor and not row.floor.is_reached)
    layouts[-1] = msgspec.structs.replace(layouts[-1], at_floor=floor)
    chart = chart_of(msgspec.structs.replace(report, layouts=layouts), "raw")
    assert [row.look for row in chart.rows] == [*["plain"] * (len(layouts) - 1), "faint"]
    assert "below 11 nines" in chart.note


def test_what_is_left_out_of_a_chart_is_counted() -> None:
    report = recorded("2.0/scan")
    layouts = [
        msgspec.structs.replace(report.layouts[0], name=f"layout-{i}") for i in range(ROWS_MOST + 5)
    ]
    many = msgspec.structs.replace(report, layouts=layouts, reference_layout="layout-0")
    assert len(chart_of(many, "raw").rows) == ROWS_MOST
    assert "5 more in the table" in chart_of(many, "raw").note


def test_the_front_is_marked_and_named() -> None:
    report = read_report(BENCH)
    assert report.bench is not None
    page = read_page(render(report))
    front = [row for row in report.bench.rows if row.is_pareto]
    assert len(page.with_class("front")) == len(front) > 1
    [named] = page.with_class("points")
    items = [each.text for each in named.all("li")]
    assert all(row.layout in text for row, text in zip(front, items, strict=True))
    others = [row for row in report.bench.rows if not row.is_pareto]
    below = [row for row in others if row.floor and not row.floor.is_reached]
    assert len(page.with_class("below")) == len(below) > 0
    assert len(page.with_class("other")) == len(others) - len(below)


def colours(style: str, start: str) -> dict[str, str]:
    """The variables of the first ``:root`` after ``start``."""
    block = style[style.index(start) :]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block[: block.index("}")]))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", [":root {", "prefers-color-scheme: dark"])
def test_contrast_is_enough_in_both_schemes(scheme: str) -> None:
    found = colours(STYLE.read_text(), scheme)
    for text in ("text", "quiet", "link", "alert"):
        for ground in ("page", "panel"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    for mark in ("plain", "more", "less", "faint"):
        assert contrast(found[mark], found["page"]) >= 3, mark
    for bar in ("plain", "more", "less"):
        assert contrast(found["text"], found[bar]) >= 3, f"a whisker on {bar}"


def test_every_colour_has_a_name_and_is_of_both_schemes() -> None:
    style = STYLE.read_text()
    light, dark = (colours(style, each) for each in (":root {", "prefers-color-scheme: dark"))
    assert light.keys() == dark.keys()
    used = set(re.findall(r"var\(--(\w+)\)", style))
    assert used == light.keys()
    assert len(re.findall("#[0-9a-f]{6}", style)) == len(light) + len(dark)


def test_what_a_bench_recommends_has_a_what_if() -> None:
    report = read_report(BENCH)
    assert report.bench is not None
    row = report.bench.rows[0]
    found = what_if(report)
    assert found is not None
    assert found.layout == row.layout
    assert {each.id for each in found.sliders} >= {"reduction", "utilisation", "price"}
    shown = {each.id: each.text for each in found.figures}
    assert row.racks.value is not None
    assert shown["racks"] == count(row.racks.value)
    assert [each.code for each in report.parity_options] == [row.code]
