"""A vendor's promised data reduction: how likely it is missed, by how much, and who pays."""

from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cli import storeff
from support.quantities import ends, point
from support.sized import report_of, report_on

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import Scenario, bill_for, load_scenario
from storeff.economics.guarantee import Guarantee, Missed, guarantee, promise
from storeff.errors import StoreffError, UsageError
from storeff.quantity import Quantity
from storeff.report.benchmark import quoted
from storeff.report.build import Candidate, size_one
from storeff.report.guarantee import with_guarantee
from storeff.report.held import ratio_draws, scenario_for
from storeff.report.model import Report, read_report, to_json
from storeff.report.sizing import Sized

EX50 = Path(__file__).parent / "golden" / "ex50.toml"
SAMPLES = Path(__file__).parent.parent / "samples" / "data"
TWO = Quantity.exact(2.0, "measured")


@pytest.fixture(scope="module")
def example() -> Scenario[Assumption]:
    return load_scenario(EX50)


def at(scenario: Scenario[Assumption], ratio: Fraction) -> Scenario[Assumption]:
    data = msgspec.structs.replace(scenario.data, reduction_ratio=Assumption(value=ratio))
    return msgspec.structs.replace(scenario, data=data)


def draws_around(ratio: float, off: float) -> np.ndarray:
    draws: np.ndarray = ratio * (1 + off * np.random.default_rng(1).standard_normal(2000))
    return draws


def paid(found: Guarantee, remedy: str) -> tuple[Missed, Missed]:
    each = next(each for each in found.remedies if each.remedy == remedy)
    return each.vendor, each.buyer


def test_what_is_missing_is_the_bill_of_the_example_less_that_of_the_promise(
    example: Scenario[Assumption],
) -> None:
    found = guarantee(example, None, Fraction(5, 2), TWO)
    promised = bill_for(map_numbers(at(example, Fraction(5, 2)), exact))
    # The worked example has 304,262 drives and costs 8,812,591,826.76.
    assert point(found.drives.missing) == 304_262 - promised.drives
    assert point(found.npv.missing) == pytest.approx(
        8_812_591_826.76 - float(promised.npv), abs=0.01
    )
    assert found.missed_probability == 1
    assert point(found.raw_bytes.missing) == 37298969072164948454 - 29839175257731958763


def test_nothing_is_missing_where_the_promise_is_kept(example: Scenario[Assumption]) -> None:
    found = guarantee(example, None, Fraction(3, 2), TWO)
    assert found.missed_probability == 0
    assert {point(each.missing) for each in (found.raw_bytes, found.drives, found.npv)} == {0}
    assert all(
        point(part.missing) == 0 for each in found.remedies for part in (each.vendor, each.buyer)
    )


def test_free_drives_and_nothing_share_out_all_that_is_missing(
    example: Scenario[Assumption],
) -> None:
    found = guarantee(example, None, Fraction(5, 2), TWO)
    for remedy in ("free-drives", "nothing"):
        vendor, buyer = paid(found, remedy)
        both = point(vendor.missing) + point(buyer.missing)
        assert both == pytest.approx(point(found.npv.missing), abs=0.02)
    drives, _ = paid(found, "free-drives")
    assert point(drives.missing) == pytest.approx(point(found.drives.missing) * 27_000)


def test_a_credit_gives_back_what_was_paid_for_capacity_not_had(
    example: Scenario[Assumption],
) -> None:
    found = guarantee(example, None, Fraction(5, 2), TWO)
    promised = bill_for(map_numbers(at(example, Fraction(5, 2)), exact)).capex
    vendor, buyer = paid(found, "credit")
    refunded = float(promised.drives + promised.enclosures) * (1 - 2 / 2.5)
    assert point(vendor.missing) == pytest.approx(refunded, abs=0.01)
    assert point(buyer.missing) == pytest.approx(point(found.npv.missing) - refunded, abs=0.02)


def test_a_promise_of_what_was_measured_is_missed_half_the_time(
    example: Scenario[Assumption],
) -> None:
    found = guarantee(example, draws_around(2, 0.02), Fraction(2), TWO)
    assert found.missed_probability == pytest.approx(0.5, abs=0.05)
    assert found.cautious_ratio == pytest.approx(2 * (1 - 1.645 * 0.02), rel=3e-3)
    assert found.npv.expected is not None
    # The mean of what a normal distribution is below its mean: sd / sqrt(2 pi).
    assert found.npv.expected == pytest.approx(8.81e9 * 0.02 * 0.3989, rel=0.08)


def test_the_interval_of_what_is_missing_begins_at_nothing_where_the_promise_may_be_kept(
    example: Scenario[Assumption],
) -> None:
    found = guarantee(example, draws_around(2, 0.02), Fraction(2), TWO)
    low, high = ends(found.drives.missing)
    assert low == 0 < high


@settings(max_examples=20)
@given(st.fractions(Fraction(11, 10), 4, max_denominator=20), st.integers(1, 200))
def test_a_larger_promise_is_missed_no_more_rarely_and_by_no_less(
    ratio: Fraction, more: int
) -> None:
    scenario = load_scenario(EX50)
    draws = draws_around(2, 0.1)
    first, second = (
        guarantee(scenario, draws, each, TWO) for each in (ratio, ratio + Fraction(more, 100))
    )
    assert first.missed_probability <= second.missed_probability
    assert point(first.drives.missing) <= point(second.drives.missing)
    assert (first.npv.expected or 0) <= (second.npv.expected or 0)


def test_an_unknown_price_leaves_the_money_unknown_and_the_drives_known(
    example: Scenario[Assumption],
) -> None:
    drive = msgspec.structs.replace(example.drive, price=Assumption())
    found = guarantee(msgspec.structs.replace(example, drive=drive), None, Fraction(5, 2), TWO)
    assert found.npv.missing.value is None
    assert found.npv.expected is None
    assert point(found.drives.missing) > 0


def test_a_reduction_that_is_not_known_is_refused(example: Scenario[Assumption]) -> None:
    with pytest.raises(StoreffError, match="not known well enough"):
        promise(example, np.full(10, np.nan), Fraction(2))


def test_a_quote_of_the_benchmark_is_the_same_promise(example: Scenario[Assumption]) -> None:
    draws = draws_around(2, 0.05)
    candidate: Candidate = size_one(Sized(example, draws))
    quote = quoted(candidate, Fraction(21, 10))
    found = guarantee(example, draws, Fraction(21, 10), TWO)
    assert quote.probability == pytest.approx(1 - found.missed_probability)
    assert point(found.drives.missing) == point(quote.drives) - point(quote.drives_quoted)


# ---- of a report ----


def test_replicates_of_a_ratio_have_its_interval() -> None:
    draws = ratio_draws(Quantity(2.0, 1.9, 2.2, "measured"), 1)
    assert draws is not None
    assert np.percentile(draws, (2.5, 97.5)) == pytest.approx([1.9, 2.2], rel=0.01)
    assert ratio_draws(TWO, 1) is None


def test_the_reference_is_judged_by_the_scenario_that_the_report_keeps() -> None:
    report = report_on(load_scenario(EX50))
    made = with_guarantee(report, Fraction(5, 2))
    assert made.guarantee == guarantee(
        load_scenario(EX50), None, Fraction(5, 2), report.layouts[0].reduction_ratio
    )


def test_a_report_that_keeps_no_scenario_is_refused() -> None:
    report = msgspec.structs.replace(report_of("reference-10-4"), scenarios=None)
    with pytest.raises(StoreffError, match="does not keep what the bill of reference-10-4 rests"):
        with_guarantee(report, Fraction(2))


def test_an_unknown_layout_is_told_the_nearest() -> None:
    report = report_of("reference-10-4")
    with pytest.raises(UsageError, match="did you mean 'reference-10-4'"):
        with_guarantee(report, Fraction(2), layout="reference-10-5")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("scanned") / "r.json"
    done = storeff("scan", SAMPLES, "--target", "50EB", "--durability", "13nines", "-o", path, "-q")
    assert done.returncode == 0, done.stderr
    return read_report(path)


def test_every_layout_of_a_scan_is_found_again(scanned: Report) -> None:
    for layout in scanned.layouts:
        scenario = scenario_for(scanned, layout)
        bill = bill_for(map_numbers(scenario, exact))
        assert bill.drives == layout.bill.drives.value, layout.name


def test_a_guarantee_is_kept_by_the_report(scanned: Report, tmp_path: Path) -> None:
    made = with_guarantee(scanned, Fraction(2), layout="vast-146-4")
    path = tmp_path / "r.json"
    path.write_bytes(to_json(made))
    assert to_json(read_report(path)) == to_json(made)
    assert made.guarantee is not None
    assert made.guarantee.layout == "vast-146-4"
