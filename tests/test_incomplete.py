"""Why an answer does not rest on all that was asked for, told by the report itself."""

from typing import Any

import msgspec
import pytest
from support.scans import scan as measure

from storeff.estimate.reduction import reduce
from storeff.report.incomplete import coverage_shown, incomplete
from storeff.report.model import Interrupted, Kv, Scan, Skipped
from storeff.report.scanned import describe_scan
from storeff.scan.plan import Plan
from storeff.units import covered


def skipped(reason: str, files: int, size_bytes: int | None) -> Skipped:
    return Skipped(reason=reason, files=files, bytes=size_bytes, remedy="", examples=[])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("tree")
    (root / "data").write_bytes(b"data" * 25_000)
    return measure([root], Plan())


def scanned(
    measured: Any,
    *rows: Skipped,
    interrupted: Interrupted | None = None,
    coverage: float = 1.0,
) -> Scan:
    return msgspec.structs.replace(
        describe_scan(measured, [], 1.0, None, interrupted), skipped=list(rows), coverage=coverage
    )


def reasons(measured: Any, scan: Scan) -> dict[str, str]:
    return {each.code: each.message for each in incomplete(scan, reduce(measured), None)}


def test_all_of_it_is_complete(measured: Any) -> None:
    assert reasons(measured, scanned(measured)) == {}
    assert coverage_shown(scanned(measured)) == covered(1.0)


def test_what_was_skipped_is_counted_with_what_is_known_of_its_size(measured: Any) -> None:
    said = [
        reasons(measured, scanned(measured, *rows))["not-covered"]
        for rows in (
            [skipped("permission", 1, 300)],
            [skipped("permission", 2, 300), skipped("io-error", 3, None)],
            [skipped("permission", 2, None)],
        )
    ]
    assert said == [
        "1 entry was not measured (300 B); the figures do not speak of them",
        "5 entries were not measured (300 B and more); the figures do not speak of them",
        "2 entries were not measured (of unknown size); the figures do not speak of them",
    ]


@pytest.mark.parametrize(
    ("rows", "coverage", "shown"),
    [
        ([], 1.0, covered(1.0)),
        ([], 0.99999, covered(0.9999)),
        ([skipped("permission", 1, None)], 1.0, f"less than {covered(1.0)}"),
        ([skipped("permission", 1, None)], 0.5, f"at most {covered(0.5)}"),
        # A share that is 1 only because a float has 53 bits.
        ([skipped("permission", 1, 1)], 1.0, covered(0.9999)),
        ([skipped("empty", 1, 0)], 1.0, covered(1.0)),
    ],
)
def test_coverage_is_whole_only_if_all_is(
    measured: Any, rows: list[Skipped], coverage: float, shown: str
) -> None:
    assert coverage_shown(scanned(measured, *rows, coverage=coverage)) == shown


def test_an_interrupt_is_told_by_what_it_cut_short(measured: Any) -> None:
    cut = skipped("interrupted", 3, 900)
    reading = scanned(measured, cut, interrupted="reading", coverage=0.17)
    assert f"{covered(0.17)} of the 100 kB listed" in reasons(measured, reading)["interrupted"]
    unlisted = scanned(measured, skipped("interrupted", 1, None), interrupted="reading")
    assert "before all was listed" in reasons(measured, unlisted)["interrupted"]
    listing = scanned(measured, interrupted="listing", coverage=0.0)
    assert "none was read" in reasons(measured, listing)["interrupted"]
    assert coverage_shown(listing) == f"at most {covered(0.0)}"
    comparing = scanned(measured, interrupted="comparing")
    assert "similar chunks" in reasons(measured, comparing)["interrupted"]
    assert coverage_shown(comparing) == covered(1.0)


def test_a_report_of_before_the_field_tells_an_interrupt_by_what_was_skipped(
    measured: Any,
) -> None:
    old = scanned(measured, skipped("interrupted", 3, 900), coverage=0.17)
    assert list(reasons(measured, old)) == ["interrupted"]


def test_caches_that_were_skipped_are_missing_too() -> None:
    (reason,) = incomplete(None, None, Kv(skipped=[skipped("malformed", 1, 10)]))
    assert reason.code == "not-covered"
    assert "kv.skipped" in reason.remedy
    assert incomplete(None, None, Kv()) == []
