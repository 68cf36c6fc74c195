"""storeff report --to md: a purchase on one page of Markdown, then the report in full."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.formats import every_kept, every_report, hostile, recorded
from support.golden import assert_golden

from storeff.report.formats.md import render
from storeff.report.model import Report, Warned, read_report
from storeff.report.page import Facts, Paragraph, Section, Table
from storeff.report.sections import sections
from storeff.report.sections_purchase import purchase_sections

# CommonMark with what GitHub adds to it that text could set off.
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# All that may be within a line; no link, image, code, emphasis or HTML.
INLINE = {"text", "text_special", "strong_open", "strong_close"}


def parsed(report: Report) -> list[Token]:
    return PARSER.parse(render(report).decode())


def read(tokens: list[Token]) -> Iterator[str]:
    """The text of each heading, paragraph, item, cell and line of a plot, as a reader sees it."""
    for token in tokens:
        if token.type == "fence":
            yield from token.content.splitlines()
        elif token.type == "inline":
            assert token.children is not None
            assert {child.type for child in token.children} <= INLINE
            yield "".join(child.content for child in token.children)


def written(parts: list[Section]) -> Iterator[str]:
    """What ``read`` has to find of ``parts``."""
    for section in parts:
        yield section.title
        for part in section.body:
            if isinstance(part, Paragraph):
                yield part.text
            elif isinstance(part, Facts):
                yield from (f"{label.strip()}: {text}" for label, text in part.rows)
            else:
                yield from (column.header for column in part.columns)
                yield from (cell for row in part.rows for cell in row)


def check(report: Report) -> None:
    """A parser finds in the document what the sections say: all of it, and nothing else."""
    page, full = list(purchase_sections(report)), sections(report, full=True)
    is_purchase = report.layouts or report.bench is not None
    title = "Purchase justification" if is_purchase else "Measurement"
    expected = [title, *written(page), "The report in full", *written(full)]
    assert [x.strip() for x in read(parsed(report))] == [x.strip() for x in expected]
    heads = [token.tag for token in parsed(report) if token.type == "heading_open"]
    assert heads == ["h1", *["h2"] * (len(page) + 1), *["h3"] * len(full)]


def section(report: Report, name: str) -> Section:
    return next(each for each in purchase_sections(report) if each.name == name)


def rows(report: Report, name: str, at: int = -1) -> list[tuple[str, ...]]:
    """The rows of a table of a section of the page."""
    tables = [part for part in section(report, name).body if isinstance(part, Table)]
    return list(tables[at].rows)


@every_kept
def test_the_document_is_as_it_was(path: Path) -> None:
    assert_golden(f"formats/{path.parent.name}-{path.stem}.md", render(read_report(path)).decode())


@every_report
def test_a_parser_finds_what_the_sections_say(path: Path) -> None:
    check(read_report(path))


@pytest.mark.parametrize(
    "name", ["2.0/scan.json", "2.0/kv-trace.json", "2.0/kv-dumps.json", "2.2/bench.json"]
)
def test_no_text_is_syntax(name: str) -> None:
    check(hostile(name))
    assert all(line.isprintable() for line in render(hostile(name)).decode().splitlines())


@pytest.mark.parametrize(
    "text",
    [
        *("1. one", "12) twelve", "- x", "+ x", "> x", "# x", "===", "---", "***", "___", "| x |"),
        *("<b>x</b>", "<!-- x -->", "&amp; &#35;", "[x](y)", "![x](y)", "`x`", "~~x~~", "~x~"),
        *("**x**", "_x_", "a\\", "\\*", "    code", "```", "  ```` `", "$x$", "* x", "x  y"),
    ],
)
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    report = recorded("2.0/scan.json")
    warned = msgspec.structs.replace(report.warnings[0], message=text, code=text)
    check(msgspec.structs.replace(report, warnings=[warned], currency=text))
    # As a paragraph of its own, too.
    assert report.scan is not None
    scan = msgspec.structs.replace(report.scan, choice=text)
    incomplete = {"complete": False, "incomplete_because": [text]}
    check(msgspec.structs.replace(report, scan=scan, **incomplete))
    check(msgspec.structs.replace(report, scan=scan))


@pytest.mark.parametrize("text", ["http://a.b/c", "www.a.b", "HTTPS://a.b", "x WWW.a.b"])
def test_an_address_is_no_link_on_github(text: str) -> None:
    report = recorded("2.0/scan.json")
    warned = msgspec.structs.replace(report.warnings[0], message=text)
    made = render(msgspec.structs.replace(report, warnings=[warned])).decode()
    assert text not in made
    assert text.replace("://", "\\://").replace("ww.", "ww\\.").replace("WW.", "WW\\.") in made


def test_what_is_bought_is_to_the_last_unit_and_its_prices_are_dated() -> None:
    report = recorded("2.0/scan.json")
    layout = next(each for each in report.layouts if each.name == report.reference_layout)
    bill = layout.bill
    units = {row[0]: row[1] for row in rows(report, "buy", 0)}
    assert units["drives"] == f"{bill.drives.value:,}"
    assert units["of these, spares"] == f"{bill.spares.value:,}"
    assert units["enclosures"] == f"{bill.enclosures.value:,}"
    assert units["racks with switches"] == f"{bill.racks.value:,}"
    basis = {row[0]: row for row in rows(report, "buy", 1)}
    assert basis["drives.qlc-122.price"][1] == "27,000 USD"
    assert basis["drives.qlc-122.price"][3] == "2026-06-30, out of date"
    assert basis["racks.default.price"][3] == "undated"


def test_alternatives_are_as_durable_as_was_asked_for() -> None:
    report = recorded("2.0/scan.json")
    assert section(report, "alternatives").title == "Alternatives, each with its usual parity"
    bench = recorded("2.2/bench.json")
    title = section(bench, "alternatives").title
    assert title == "Alternatives at equal durability, 11 nines or more"
    assert [row[0] for row in rows(bench, "alternatives")] == [
        *("vast-146-4 (this purchase)", "ceph-ec-8-3")
    ]
    assert bench.bench is not None
    first, second = bench.bench.rows
    assert second.floor is not None
    floor = msgspec.structs.replace(second.floor, is_reached=False)
    changed = (first, msgspec.structs.replace(second, floor=floor))
    below = msgspec.structs.replace(bench, bench=msgspec.structs.replace(bench.bench, rows=changed))
    assert [row[0] for row in rows(below, "alternatives")] == ["vast-146-4 (this purchase)"]
    assert Paragraph("Not as durable: ceph-ec-8-3.") in section(below, "alternatives").body


def test_a_bench_buys_what_it_recommends() -> None:
    report = recorded("2.2/bench.json")
    assert report.bench is not None
    first = report.bench.rows[0]
    assert rows(report, "buy")[:2] == [
        ("drives, with spares", f"{first.drives.value:,}", ""),
        ("racks with switches", f"{first.racks.value:,}", ""),
    ]
    undecided = msgspec.structs.replace(report.bench, recommendation=None)
    page = purchase_sections(msgspec.structs.replace(report, bench=undecided))
    assert "buy" not in [each.name for each in page]


def test_what_a_bench_recommends_is_bought_with_its_prices() -> None:
    report = recorded("2.3/bench.json")
    assert report.bench is not None
    assert report.bench.recommendation is not None
    bill = report.bench.recommendation.bill
    assert bill is not None
    found = next(x for x in section(report, "buy").body if isinstance(x, Table)).rows
    assert found[0][:2] == ("drives", f"{bill.drives.value:,}")
    assert found[1][:2] == ("of these, spares", f"{bill.spares.value:,}")


def test_a_quote_stands_beside_what_was_measured() -> None:
    assert rows(recorded("2.2/bench.json"), "quote")[:2] == [
        ("data reduction", "2.50x", "1.93x"),
        ("drives", "207,000", "269,000"),
    ]
    names = {each.name for each in purchase_sections(recorded("2.0/scan.json"))}
    assert names == {"answer", "buy", "alternatives", "risk", "measured", "warnings"}


def test_what_nothing_is_known_of_has_no_section() -> None:
    report = recorded("2.0/kv-dumps.json")
    names = [each.name for each in purchase_sections(report)]
    assert names == ["answer", "measured", "warnings"]
    assert section(report, "warnings").body == (Paragraph("None."),)


@given(st.text("\\`*_{}[]()<>#|~!&$:;/.-+='\"\n 12aw", max_size=16))
def test_whatever_is_written_is_what_is_read(text: str) -> None:
    """As a paragraph, a cell, a label, a heading and a text that is set off."""
    report = recorded("2.0/kv-dumps.json")
    kv = report.kv
    assert kv is not None
    assert kv.model is not None
    # A paragraph of nothing is none.
    model = msgspec.structs.replace(kv.model, formula=[f"{text}x", f"x{text}"], name=text)
    dumps = [msgspec.structs.replace(kv.dumps[0], system=text), *kv.dumps[1:]]
    changed = msgspec.structs.replace(kv, model=model, dumps=dumps)
    warning = Warned(code=text, message=text, remedy=text)
    check(msgspec.structs.replace(report, kv=changed, warnings=[warning]))
