"""Paragraphs and tables fit the width they are given, and no figure is cut or broken."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from storeff.report.page import (
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    Table,
    brief,
    fold,
    shortened,
    table,
)
from storeff.report.terminal import laid_out
from storeff.text import escaped

NAMES = st.text(st.sampled_from("ab/- 源é\x1b\u202e\n"), max_size=120)
FIGURES = st.sampled_from(["", "2.05x", "2.05x [2.01, 2.10]", "1,050 ±2.3 %", "8.81 B USD", "0 B"])


def drawn(part: Part | Section, width: int, ascii_only: bool = False) -> list[str]:
    return [line for line, _ in laid_out(part, width, ascii_only)]


def layouts(*rows: tuple[str, ...]) -> Table:
    return table(("layout", "raw", "cost")[: len(rows[0])], rows)


@given(
    st.lists(st.tuples(NAMES, NAMES, FIGURES, FIGURES, FIGURES), min_size=1, max_size=5),
    st.integers(24, 160),
)
def test_a_table_fits_any_width_with_each_figure_whole(
    rows: list[tuple[str, str, str, str, str]], width: int
) -> None:
    made = table(["name", Column("remedy", "text"), "raw", "a long heading of it", "cost"], rows)
    lines = drawn(Section("n", "title", (made,)), width)
    assert all(cell_len(line) <= width for line in lines)
    text = "\n".join(lines)
    for row in rows:
        assert all(figure in text for figure in row[2:])


@given(st.text(max_size=300), st.integers(20, 120))
def test_a_paragraph_fits_any_width(text: str, width: int) -> None:
    lines = drawn(Paragraph(text), width)
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize(
    "figure", ["32.4 EB", "17.3 %", "11.4 B USD", "446 M USD", "[3.10, 3.20]", "264,000 drives"]
)
@pytest.mark.parametrize("before", range(16, 40))
def test_no_line_ends_within_a_figure(figure: str, before: int) -> None:
    assert any(figure in line for line in fold(f"{'a' * before} {figure} and more", 40))


def test_an_interval_stays_with_its_figure() -> None:
    assert fold("of about 632 PB ±0.5 %", 20) == ["of about", "632 PB ±0.5 %"]
    assert fold("measured 2.00x [1.99, 2.01]", 22) == ["measured", "2.00x [1.99, 2.01]"]


def test_a_digit_that_ends_a_name_is_no_figure() -> None:
    assert fold("s3 standard", 8) == ["s3", "standard"]
    folded = fold("on vast-146-4 with qlc-122 drives", 14)
    assert folded == ["on vast-146-4", "with qlc-122", "drives"]


def test_a_percentile_stays_with_its_figure() -> None:
    assert fold("of cost, P90 11.9 B USD", 18) == ["of cost,", "P90 11.9 B USD"]


def test_a_word_longer_than_the_line_is_broken() -> None:
    assert fold("see " + "源" * 12, 10, "  ") == ["see", "  源源源源", "  源源源源", "  源源源源"]


def test_columns_that_do_not_fit_follow_beside_the_same_names() -> None:
    assert drawn(layouts(("rs-20-4", "37.3 EB ±1 %", "8.81 B USD")), 24) == [
        "layout            raw",
        "─────────────────────",
        "rs-20-4  37.3 EB ±1 %",
        "layout         cost",
        "───────────────────",
        "rs-20-4  8.81 B USD",
    ]


def test_rows_of_one_name_follow_with_what_tells_them_apart() -> None:
    caches = table(
        ["cache", Column("holds", "text"), "hits", "writes"],
        [
            ("LRU", "11 blocks", "24.0 %", "1,732,831 tokens"),
            ("LRU", "34 blocks", "51.2 %", "991,455 tokens"),
        ],
    )
    assert drawn(caches, 36)[-2:] == [
        "LRU    11 blocks  1,732,831 tokens",
        "LRU    34 blocks    991,455 tokens",
    ]


def test_where_no_table_fits_each_figure_has_a_line_of_its_own() -> None:
    capex = table(("layout", "capex"), [("a-layout-of-a-long-name", "1,234,567,890 USD")])
    assert drawn(capex, 28) == ["a-layout-of-a-long-name", "  capex: 1,234,567,890 USD"]


@pytest.mark.parametrize("nothing", ["", "unknown"])
def test_a_column_without_anything_known_in_it_is_left_out(nothing: str) -> None:
    rows = [("rs-20-4", nothing, "37.3 EB"), ("weka-16-2", nothing, "unknown")]
    made = table(("layout", "compression only", "raw"), rows)
    assert [column.header for column in made.columns] == ["layout", "raw"]
    assert made.rows == (("rs-20-4", "37.3 EB"), ("weka-16-2", "unknown"))


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table(("layout", "raw"), [("rs-20-4",)])


def test_a_long_name_keeps_its_beginning_and_end_and_leaves_the_rest_readable() -> None:
    rows = [("fifo" + "n" * 900, "1", "0 B", "nothing to do: a FIFO stores no bytes")]
    made = table(["skipped", "entries", "bytes", Column("what to do", "text")], rows)
    row = "\n".join(drawn(made, 80))
    assert re.search(r"fifon+\.\.\.n+ +1 +0 B +nothing to do", row)


def test_names_that_look_alike_when_shortened_are_numbered() -> None:
    rows = [("x" * 100 + middle + "x" * 100, "1 B") for middle in "ab"]
    first, second = drawn(layouts(*rows), 60)[2:]
    assert first != second
    assert first.startswith("1 x")


def test_facts_stand_beside_their_label_which_is_said_once() -> None:
    facts = Facts(
        (("Raw storage", "37.3 EB"), ("Raw storage", "compression only: 41 EB"), ("Cost", "9"))
    )
    assert drawn(facts, 60) == [
        "Raw storage  37.3 EB",
        "             compression only: 41 EB",
        "Cost         9",
    ]


def test_facts_stand_below_their_label_where_there_is_no_room_beside_it() -> None:
    facts = Facts((("Raw storage", "37.3 EB of flash"), ("Cost", "9")))
    assert drawn(facts, 20) == ["Raw storage", "  37.3 EB of flash", "Cost", "  9"]


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5), st.integers(20, 120))
def test_facts_fit_any_width(rows: list[tuple[str, str]], width: int) -> None:
    lines = drawn(Facts(tuple(rows)), width)
    assert all(cell_len(line) <= width for line in lines)


def test_shortening_counts_cells() -> None:
    assert shortened("源" * 40, 21) == "源" * 4 + "..." + "源" * 4
    assert shortened("short", 21) == "short"
    assert cell_len(shortened("\u202e" * 40, 21)) <= 21


@given(st.text(st.sampled_from("ab\x1b\u202e\U000e0100\n源\\"), max_size=40), st.integers(20, 60))
def test_no_escape_is_cut(text: str, width: int) -> None:
    whole = set(re.findall(r"\\\\|\\(?:x..|u....|U........)|[^\\]", escaped(text))) | {"."}
    cuts = [shortened(text, width), brief(text, width), *drawn(Paragraph(text), width)]
    for cut in cuts:
        assert cell_len(cut) <= width
        pieces = re.findall(r"\\\\|\\(?:x..|u....|U........)|.", cut.strip())
        assert set(pieces) <= whole | {" ", "\\"}, cut


@pytest.mark.parametrize(
    "part",
    [
        Paragraph,
        lambda text: Section("name", text),
        lambda text: Section("name", "t", (Paragraph(text),)),
        lambda text: Facts((("label", text),)),
        lambda text: Facts(((text, "text"),)),
        lambda text: table([Column("head", "text", least=200, most=200)], [(text,)]),
        lambda text: table([Column(text, "text", least=200, most=200)], [("cell",)]),
    ],
)
def test_no_text_forges_a_line_or_steers_the_terminal(
    part: Callable[[str], Part | Section],
) -> None:
    shown = "\n".join(drawn(part("name\nforged: 1 EB\r\x1b[2J\x9b2J\u202e"), 110))
    assert "name\\u000aforged: 1 EB\\u000d\\u001b[2J\\u009b2J\\u202e" in shown


def test_what_stdout_cannot_encode_is_escaped_too() -> None:
    assert drawn(layouts(("源", "37.3 EB ±1 %")), 80, ascii_only=True) == [
        "layout            raw",
        "---------------------",
        "\\u6e90  37.3 EB +-1 %",
    ]
