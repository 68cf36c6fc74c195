"""Paragraphs and tables fit the width they are given, and no figure is cut or broken."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from storeff.report.page import Column, fold, shortened
from storeff.report.render import paragraph, section, simple_table

NAMES = st.text(st.sampled_from("ab/- 源é\x1b\u202e\n"), max_size=120)
FIGURES = st.sampled_from(["", "2.05x", "2.05x [2.01, 2.10]", "1,050 ±2.3 %", "8.81 B USD", "0 B"])


def drawn(part: RenderableType, width: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    Console(file=file, width=width, height=25).print(part, crop=False)
    file.seek(0)
    return file.read().split("\n")[:-1]


@given(
    st.lists(st.tuples(NAMES, NAMES, FIGURES, FIGURES, FIGURES), min_size=1, max_size=5),
    st.integers(24, 160),
)
def test_a_table_fits_any_width_with_each_figure_whole(
    rows: list[tuple[str, str, str, str, str]], width: int
) -> None:
    table = simple_table("name", Column("remedy", "left"), "raw", "a long heading of it", "cost")
    for row in rows:
        table.add_row(*row)
    lines = drawn(section("title", table), width)
    assert all(cell_len(line) <= width for line in lines)
    text = "\n".join(lines)
    for row in rows:
        assert all(figure in text for figure in row[2:])


@given(st.text(max_size=300), st.integers(20, 120))
def test_a_paragraph_fits_any_width(text: str, width: int) -> None:
    lines = drawn(paragraph(text), width)
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


def test_a_word_longer_than_the_line_is_broken() -> None:
    assert fold("see " + "源" * 12, 10, "  ") == ["see", "  源源源源", "  源源源源", "  源源源源"]


def test_columns_that_do_not_fit_follow_beside_the_same_names() -> None:
    table = simple_table("layout", "raw", "cost")
    table.add_row("rs-20-4", "37.3 EB ±1 %", "8.81 B USD")
    assert drawn(table, 24) == [
        "layout            raw",
        "─────────────────────",
        "rs-20-4  37.3 EB ±1 %",
        "layout         cost",
        "───────────────────",
        "rs-20-4  8.81 B USD",
    ]


def test_rows_of_one_name_follow_with_what_tells_them_apart() -> None:
    table = simple_table("cache", Column("holds", "left"), "hits", "writes")
    table.add_row("LRU", "11 blocks", "24.0 %", "1,732,831 tokens")
    table.add_row("LRU", "34 blocks", "51.2 %", "991,455 tokens")
    assert drawn(table, 36)[-2:] == [
        "LRU    11 blocks  1,732,831 tokens",
        "LRU    34 blocks    991,455 tokens",
    ]


def test_where_no_table_fits_each_figure_has_a_line_of_its_own() -> None:
    table = simple_table("layout", "capex")
    table.add_row("a-layout-of-a-long-name", "1,234,567,890 USD")
    assert drawn(table, 28) == [
        "a-layout-of-a-long-name",
        "  capex: 1,234,567,890 USD",
    ]


def test_a_column_without_anything_in_it_is_left_out() -> None:
    table = simple_table("layout", "compression only", "raw")
    table.add_row("rs-20-4", "", "37.3 EB")
    assert "compression" not in "".join(drawn(table, 80))


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells"):
        simple_table("layout", "raw").add_row("rs-20-4")


def test_a_long_name_keeps_its_beginning_and_end_and_leaves_the_rest_readable() -> None:
    table = simple_table("skipped", "entries", "bytes", Column("what to do", "left"))
    table.add_row("fifo" + "n" * 900, "1", "0 B", "nothing to do: a FIFO stores no bytes")
    row = "\n".join(drawn(table, 80))
    assert re.search(r"fifon+\.\.\.n+ +1 +0 B +nothing to do", row)


def test_names_that_look_alike_when_shortened_are_numbered() -> None:
    table = simple_table("layout", "raw")
    for middle in "ab":
        table.add_row("x" * 100 + middle + "x" * 100, "1 B")
    first, second = drawn(table, 60)[2:]
    assert first != second
    assert first.startswith("1 x")


def test_shortening_counts_cells() -> None:
    assert shortened("源" * 40, 21) == "源" * 4 + "..." + "源" * 4
    assert shortened("short", 21) == "short"
    assert cell_len(shortened("\u202e" * 40, 21)) <= 21


@pytest.mark.parametrize("part", [paragraph, section, lambda text: section("t", paragraph(text))])
def test_no_text_forges_a_line_or_steers_the_terminal(part: object) -> None:
    assert callable(part)
    text = "\n".join(drawn(part("name\nforged: 1 EB\r\x1b[2J\x9b2J\u202e"), 100))
    assert "name\\u000aforged: 1 EB\\u000d\\u001b[2J\\u009b2J\\u202e" in text


def test_what_stdout_cannot_encode_is_escaped_too() -> None:
    table = simple_table("layout", "raw")
    table.add_row("源", "37.3 EB ±1 %")
    assert drawn(table, 80, "ascii") == [
        "layout            raw",
        "---------------------",
        "\\u6e90  37.3 EB +-1 %",
    ]
