"""What was compressed for a figure: what rests on it, what it reached, and how that is shown."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from support.cells import as_written, default_table, with_cells
from support.golden import GOLDEN, assert_golden

from storeff.estimate.reduction import Cell, Reduction, resting_on, widest
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.model import Report, read_report, to_json
from storeff.report.sections import sections
from storeff.report.terminal import laid_out
from storeff.report.warn import warn

LATEST = GOLDEN / "reports" / "2.0"
SURE, WIDE = Quantity(100, 99, 102, "measured"), Quantity(1000, 950, 1010, "measured")


def recorded(name: str) -> Report:
    """A report of a default table with what was compressed for it."""
    document = as_written(json.loads((LATEST / f"{name}.json").read_bytes()))
    report = msgspec.convert(document, Report)
    assert report.reduction is not None
    return with_reduction(report, with_cells(default_table(report.reduction)))


def with_reduction(report: Report, reduction: Reduction) -> Report:
    return msgspec.structs.replace(report, reduction=reduction)


def cell(figures: list[Quantity], target: float = 0.02) -> Cell:
    return Cell.of(
        "cdc-64KiB", "lz4", "distinct", figures, target=target, chunks=3, auxiliary_chunks=9
    )


def shown(report: Report, columns: int) -> str:
    lines = [line for part in sections(report) for line, _ in laid_out(part, columns)]
    assert max(map(cell_len, lines)) <= columns
    return "\n".join(lines)


def test_a_cell_reached_what_the_widest_of_its_figures_did() -> None:
    assert widest([SURE, WIDE]) == pytest.approx(0.05)
    assert cell([SURE]).is_met
    assert not cell([SURE], 0.0199).is_met
    assert not cell([SURE, WIDE]).is_met


def test_exact_figures_reached_everything_and_unknown_ones_nothing() -> None:
    exact = Quantity.exact(7)
    assert (cell([exact]).reached, cell([exact], 0.001).is_met) == (0.0, True)
    for unsure in (UNKNOWN, SURE.without_value(), SURE.without_interval()):
        assert (cell([exact, unsure]).reached, cell([exact, unsure]).is_met) == (None, False)
    assert cell([]).reached is None


@pytest.mark.parametrize("name", ["scan", "part"])
def test_every_row_rests_on_one_cell_and_blocks_in_units_on_the_same(name: str) -> None:
    reduction = recorded(name).reduction
    assert reduction is not None
    rows = reduction.combined, reduction.compression
    by_cell = [resting_on(*rows, c.chunker, c.codec, c.population) for c in reduction.method.cells]
    assert [len(figures) for figures in by_cell] == [1, 1, 1, 1, 1, 1, 1, 1, 2, 2]
    left = [row.physical_bytes for row in reduction.combined]
    left += [row.compressed_bytes for row in reduction.compression]
    found = [figure for figures in by_cell for figure in figures]
    assert all(figure in found for figure in left)


def test_blocks_of_a_size_beside_deduplication_are_one_cell() -> None:
    reduction = read_report(LATEST / "scan.json").reduction
    assert reduction is not None
    rows = reduction.combined, reduction.compression
    # Compression only of the row, and of independent blocks in bytes and in units.
    assert len(resting_on(*rows, "fixed-64KiB", "lz4", "occurrences")) == 3
    assert len(resting_on(*rows, "fixed-64KiB", "lz4", "distinct")) == 1
    assert resting_on(*rows, "cdc-1KiB", "lz4", "occurrences") == []


@pytest.mark.parametrize("name", ["scan", "part", "too-small"])
def test_what_was_compressed_is_a_table_of_eighty_columns(name: str) -> None:
    report = recorded(name)
    [section] = [each for each in sections(report) if each.name == "compressed"]
    text = "".join(f"{line}\n" for line, _ in laid_out(section, 80))
    assert_golden(f"sections/compressed-{name}.txt", text)


def test_time_stands_once_for_all_codecs_of_a_chunker() -> None:
    text = shown(recorded("part"), 80)
    rows = re.findall(r"^  cdc-64KiB dedup \+ (\S+) +1,024 +4,096 +±1 % +±\S+ %(.*)$", text, re.M)
    assert [(codec, rest.strip()) for codec, rest in rows] == [
        ("lz4", "0.12"),
        ("zstd-1", ""),
        ("zstd-3", ""),
    ]


def test_a_report_of_before_says_nothing_of_it() -> None:
    names = [each.name for each in sections(read_report(LATEST / "scan.json"))]
    assert "reduction" in names
    assert "compressed" not in names


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_was_not_measured_is_a_dash_with_how_to_measure_it(columns: int) -> None:
    text = shown(recorded("scan"), columns)
    assert re.search(r"^  -: not measured; storeff scan --table full measures all$", text, re.M)
    if columns == 120:
        assert re.search(r"^  fixed-8KiB +1\.14x +- +- +- +-$", text, re.M)
        assert re.search(r"^  fixed-4KiB +1\.14x +- +1\.30x +- +\S+x \(zstd-1\)$", text, re.M)
        assert re.search(r"^  cdc-64KiB +1\.12x +\S+x +\S+x +\S+x +1\.15x \(zstd-3\)$", text, re.M)
        # Nothing is ever compressed of whole files, and independent blocks have no duplicates.
        assert re.search(r"^  whole-file +1\.02x$", text, re.M)
        assert re.search(r"^  64 KiB, no dedup +1\.10x +- +-$", text, re.M)


def test_a_full_table_has_no_dash() -> None:
    assert "not measured" not in shown(read_report(LATEST / "scan.json"), 120)


def warned(report: Report) -> dict[str, str]:
    return {each.code: each.message for each in warn(report)}


def test_what_is_less_precise_than_was_asked_for_is_one_warning() -> None:
    report = recorded("part")
    assert report.reduction is not None
    assert "imprecise" not in warned(report)
    report = with_reduction(report, with_cells(report.reduction, 0.006))
    assert warned(report)["imprecise"] == (
        "6 of 10 figures are less precise than was asked for; furthest off is fixed-128KiB, lz4 "
        "only, ±0.948 % for ±0.6 %"
    )


def test_figures_without_an_interval_are_not_called_imprecise() -> None:
    report = recorded("scan")
    assert report.reduction is not None
    cells = [cell([UNKNOWN]), *report.reduction.method.cells]
    method = msgspec.structs.replace(report.reduction.method, cells=cells)
    reduction = msgspec.structs.replace(report.reduction, method=method)
    assert "imprecise" not in warned(with_reduction(report, reduction))


def test_a_report_with_cells_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = recorded("part")
    path = tmp_path / "r.json"
    path.write_bytes(to_json(report))
    again = read_report(path)
    assert msgspec.structs.replace(again, run=report.run) == report
    assert b"ceiling" not in path.read_bytes()
