"""How much to commit to, and who bears what: the newsvendor, forms of contract, and terms."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from support.quantities import ends, point
from support.sized import TODAY, report_of

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics.agreements import DEFAULT, FormCost, Terms, choose_terms, load_terms
from storeff.economics.bill import TB
from storeff.economics.commitment import (
    DEMAND_CASES,
    Form,
    Prices,
    best_commitment,
    burdens,
    critical_ratio,
    expected,
    forms_of,
    needs,
    outright,
    paid,
    payment,
    regrets,
    steadiest,
)
from storeff.errors import StoreffError, UsageError
from storeff.quantity import Draws, Quantity
from storeff.report.commitment import with_commitment
from storeff.report.held import layout_of
from storeff.report.model import Report, read_report, to_json

# A worked newsvendor: a need of 37.298969 EB, normal with a standard deviation of 15 %, in TB.
MEAN_EB, SPREAD = 37.298969, 0.15
EB = 10**6
EXAMPLE = Prices(Fraction(220), Fraction(330), Fraction(90))


def normal_needs(number: int = 200_000) -> Draws:
    at = (np.arange(number) + 0.5) / number
    draws: Draws = MEAN_EB * EB * (1 + SPREAD * ndtri(at))
    return draws


def terms_with(**values: float | str) -> Terms[Fraction]:
    """The default terms with other numbers."""
    default = load_terms()[DEFAULT]
    given = {name: Assumption(value=Fraction(str(value))) for name, value in values.items()}
    made: Terms[Fraction] = map_numbers(msgspec.structs.replace(default, **given), exact)
    return made


def written(folder: Path, text: str) -> str:
    path = folder / "terms.toml"
    path.write_text(text)
    return str(path)


# ---- the newsvendor ----


def test_the_worked_newsvendor_comes_out() -> None:
    need = normal_needs()
    ratio = critical_ratio(EXAMPLE)
    assert ratio == Fraction(11, 24)
    assert ndtri(float(ratio)) == pytest.approx(-0.1046335, abs=5e-8)
    best = best_commitment(outright(EXAMPLE), 330, need)
    assert best / EB == pytest.approx(36.713561, abs=2e-6)
    assert expected(outright(EXAMPLE), 330, best, need) / 1e9 == pytest.approx(8.738534, abs=2e-6)


@pytest.mark.parametrize(("share", "cost"), [(1, 8.741458), (0.8, 9.083277), (1.2, 9.232473)])
def test_another_commitment_costs_what_the_worked_newsvendor_says(
    share: float, cost: float
) -> None:
    of_mean = share * MEAN_EB * EB
    assert expected(outright(EXAMPLE), 330, of_mean, normal_needs()) / 1e9 == pytest.approx(
        cost, abs=2e-6
    )


@pytest.mark.parametrize(("surplus", "best"), [(0, 34.889116), (150, 38.877925)])
def test_a_surplus_that_is_worth_more_makes_the_commitment_larger(
    surplus: int, best: float
) -> None:
    prices = EXAMPLE._replace(surplus=Fraction(surplus))
    found = best_commitment(outright(prices), 330, normal_needs())
    assert found / EB == pytest.approx(best, abs=2e-6)


def test_a_payment_is_that_of_the_published_example() -> None:
    # J. Hamilton, "Cost of Power in Large-Scale Data Centers", 2008: 5 % a year, monthly.
    rate = Fraction(5, 1200)
    assert float(payment(rate, 180, 164_000_000)) == pytest.approx(1_296_901.55, abs=0.005)
    assert float(payment(rate, 180, 36_000_000)) == pytest.approx(284_685.71, abs=0.005)
    assert float(payment(rate, 36, 100_000_000)) == pytest.approx(2_997_089.71, abs=0.005)
    assert payment(0, 10, 50) == 5


money = st.integers(1, 1000)
share = st.fractions(Fraction(1, 10), 1, max_denominator=20)


@st.composite
def contracts(draw: Callable[..., int]) -> tuple[Form, int]:
    """A form of contract, and what is short costs beside it."""
    surplus, more, further = draw(st.integers(0, 300)), draw(money), draw(money)
    form = Form(
        "outright",
        surplus + more,
        surplus,
        minimum=draw(share),
        upside=1 + draw(share),
        fee=draw(st.integers(0, 5)),
    )
    return form, surplus + more + further


@given(contracts(), st.integers(0, 1000), st.integers(1, 5000))
def test_no_other_commitment_is_expected_to_cost_less(
    contract: tuple[Form, int], least: int, width: int
) -> None:
    form, shortfall = contract
    need = np.linspace(least, least + width, 1001)
    best = best_commitment(form, shortfall, need)
    others = [expected(form, shortfall, x, need) for x in np.linspace(0, least + width, 101)]
    cost = expected(form, shortfall, best, need)
    assert cost <= min(others) * (1 + 1e-4) + 0.02


@given(contracts(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_is_paid_is_the_same_in_fractions_and_in_replicates(
    contract: tuple[Form, int], commitment: int, need: int
) -> None:
    form, shortfall = contract
    exactly = paid(form, shortfall, Fraction(commitment), Fraction(need))
    drawn = paid(form.inexact(), float(shortfall), float(commitment), np.array([float(need)] * 2))
    assert drawn == pytest.approx(float(exactly), rel=1e-9)


def test_nothing_is_committed_to_where_what_is_short_costs_no_more() -> None:
    prices = Prices(220, 200, 90)
    assert critical_ratio(prices) == 0
    assert best_commitment(outright(prices), 200, normal_needs(1000)) == 0
    assert steadiest(prices, 1.0, 2.0) == 0


@pytest.mark.parametrize(
    ("prices", "wrong"),
    [(Prices(220, 330, 220), "any commitment would pay"), (Prices(220, 80, 90), "no more than")],
)
def test_prices_that_make_no_choice_are_refused(prices: Prices, wrong: str) -> None:
    with pytest.raises(StoreffError, match=wrong):
        critical_ratio(prices)


def test_a_need_that_is_known_is_what_is_committed_to() -> None:
    assert best_commitment(outright(EXAMPLE), 330, np.array([5.0])) == pytest.approx(5)


def test_demand_is_a_triangle_over_its_range() -> None:
    demand = Assumption(value=Fraction(1), low=Fraction(8, 10), high=Fraction(13, 10))
    found = needs(np.array([100.0]), demand)
    assert found.min() > 80
    assert found.max() < 130
    assert found.mean() == pytest.approx(100 * (0.8 + 1 + 1.3) / 3, rel=1e-3)
    assert np.mean(found < 100) == pytest.approx(0.2 / 0.5, abs=0.01)


def test_every_replicate_meets_every_demand() -> None:
    demand = Assumption(value=Fraction(1), low=Fraction(9, 10), high=Fraction(11, 10))
    one, two = needs(np.array([100.0]), demand), needs(np.array([100.0, 200.0]), demand)
    assert sorted(two) == pytest.approx(sorted([*one, *(2 * one)]))
    assert needs(np.array([3.0]), Assumption(value=Fraction(2))) == pytest.approx([6.0])


def test_the_steadiest_commitment_loses_as_much_at_either_end() -> None:
    found = steadiest(EXAMPLE, 30.0, 50.0)
    lost = [paid(outright(EXAMPLE), 330, found, need) - 220 * need for need in (30.0, 50.0)]
    assert lost[0] == pytest.approx(lost[1])
    points = regrets(
        EXAMPLE, np.array([30.0, 50.0]), (30.0, 50.0), 1.0, (found - 1, found, found + 1)
    )
    assert points[1].worst_regret == min(each.worst_regret for each in points)


def test_the_regret_curve_has_no_regret_at_the_best() -> None:
    need = normal_needs(10_000)
    best = best_commitment(outright(EXAMPLE), 330, need) / (MEAN_EB * EB)
    curve = regrets(EXAMPLE, need, (30 * EB, 45 * EB), MEAN_EB * EB, (0.7, 0.9, best, 1.1, 1.3))
    above = [each.expected_regret for each in curve]
    assert above[2] == pytest.approx(0, abs=1)
    assert above[0] > above[1] > above[2] < above[3] < above[4]


# ---- forms of contract ----


@pytest.mark.parametrize("planned", [50, 100, 200])
def test_buyer_and_seller_bear_all_that_is_lost_between_them(planned: int) -> None:
    terms = terms_with(lead_weeks=0, minimum_share="0.7", upside_share="0.1")
    for form in forms_of(terms, EXAMPLE, Fraction(8, 100))[:3]:
        for each, of_plan in zip(
            burdens(form, terms, EXAMPLE, 100, planned), DEMAND_CASES, strict=False
        ):
            need = planned * of_plan
            idle, short = max(100 - need, Fraction(0)), max(need - 100, Fraction(0))
            lost = (220 - 90) * idle + (330 - 220) * short
            assert each.buyer + each.seller == pytest.approx(float(lost), abs=0.02)


def by_form(terms: Terms[Fraction]) -> dict[str, Form]:
    return {each.name: each for each in forms_of(terms, EXAMPLE, Fraction(8, 100))}


def test_a_deposit_is_all_that_is_lost_of_what_is_not_taken() -> None:
    terms = terms_with(deposit_fraction="0.1", lead_weeks=0)
    form = by_form(terms)["deposit"]
    less = burdens(form, terms, EXAMPLE, 100, 100)[0]
    assert less.buyer == pytest.approx(20 * 22)
    assert less.seller == pytest.approx(20 * (130 - 22))


def test_what_is_dearer_to_leave_than_to_sell_is_taken_and_sold() -> None:
    terms = terms_with(deposit_fraction="0.9", lead_weeks=0)
    less = burdens(by_form(terms)["deposit"], terms, EXAMPLE, 100, 100)[0]
    assert (less.buyer, less.seller) == pytest.approx((20 * 130, 0))


def test_a_deposit_that_is_paid_earlier_costs_more() -> None:
    fees = [by_form(terms_with(lead_weeks=weeks))["deposit"].fee for weeks in (0, 26, 52)]
    assert fees == sorted(fees)
    assert fees[0] == 0
    assert fees[2] == pytest.approx(0.26 * 220 * 0.08)


def test_the_seller_bears_what_is_below_the_minimum_of_a_take_or_pay() -> None:
    terms = terms_with(minimum_share="0.8")
    less, more = burdens(by_form(terms)["take-or-pay"], terms, EXAMPLE, 100, 90)[:2]
    assert less.buyer == pytest.approx((80 - 72) * 130)
    assert less.seller == pytest.approx((100 - 80) * 130)
    assert more.buyer == pytest.approx((108 - 100) * 110)


def test_more_at_the_same_price_is_borne_by_the_seller() -> None:
    terms = terms_with(upside_share="0.2", lead_weeks=0)
    more = burdens(by_form(terms)["deposit"], terms, EXAMPLE, 100, 100)[1]
    assert (more.buyer, more.seller) == pytest.approx((0, 20 * 110))


def test_a_lease_at_the_discount_rate_costs_as_much_as_buying() -> None:
    monthly = 1.08 ** (1 / 12) - 1
    terms = terms_with(lease_rate=12 * monthly, lease_return_share=0)
    form = by_form(terms)["lease"]
    assert float(form.price) == pytest.approx(220, rel=1e-9)
    assert form.surplus == 0
    assert float(form.certain) > 220


def test_what_can_be_returned_of_a_lease_is_not_the_buyers_loss() -> None:
    terms = terms_with(lease_return_share=1)
    less = burdens(by_form(terms)["lease"], terms, EXAMPLE, 100, 100)[0]
    assert (less.buyer, less.seller) == pytest.approx((0, 20 * 130))


def test_a_price_that_rises_before_shipment_is_borne_by_who_bought_outright() -> None:
    terms: Terms[Fraction] = map_numbers(load_terms()["hpe-2026"], exact)
    for form in forms_of(terms, EXAMPLE, Fraction(8, 100)):
        rise = burdens(form, terms, EXAMPLE, 100, 100)[-1]
        more = 0.3 * 220 * 100
        assert rise.price_share == pytest.approx(1.3)
        is_open = form.name == "outright"
        assert (rise.buyer, rise.seller) == ((more, 0) if is_open else (0, more))


# ---- terms ----


def test_public_agreements_have_what_was_reported_of_them() -> None:
    known = load_terms()
    micron, sandisk, hpe = (known[name] for name in ("micron-2026", "sandisk-2026", "hpe-2026"))
    assert [micron.agreements.value, sandisk.agreements.value] == [16, 5]
    assert micron.deposit_fraction.value == Fraction(22, 100)
    assert micron.deposits.value == 22 * 10**9
    assert hpe.quote_valid_days.value == 14
    assert hpe.price_variance.value == Fraction(3, 10)
    assert all(
        number.source and (number.true_on or number.read_on)
        for name in ("micron-2026", "sandisk-2026", "hpe-2026")
        for number in numbers_in(known[name])
        if number.path.startswith(f"agreements.{name}.")
    )


def test_what_an_agreement_leaves_open_is_assumed_as_by_default() -> None:
    known = load_terms()
    assert known["micron-2026"].lease_years == known[DEFAULT].lease_years
    assert known["micron-2026"].deposit_fraction != known[DEFAULT].deposit_fraction


def test_terms_of_ones_own_are_one_table(tmp_path: Path) -> None:
    terms = choose_terms(written(tmp_path, "[ours]\nprice_per_tb = 220\nsurplus_per_tb = 90\n"))
    assert terms.name == "ours"
    assert terms.price_per_tb.value == 220
    assert terms.surplus_share.value is None, "a share would contradict the price"
    assert terms.shortfall_premium.value is not None


def test_an_agreement_can_be_changed_in_one_number(tmp_path: Path) -> None:
    terms = choose_terms(written(tmp_path, "[micron-2026]\nprice_per_tb = 200\n"))
    assert terms.price_per_tb.value == 200
    assert terms.deposit_fraction.value == Fraction(22, 100)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a]\nprice_per_tb = 1\n[b]\nprice_per_tb = 2\n", "holds 2 tables of terms"),
        ("[a]\nprise_per_tb = 1\n", "did you mean 'price_per_tb'"),
        ("[a]\nsurplus_per_tb = 1\nsurplus_share = 0.5\n", "keep one"),
        ("[a]\ndeposit_fraction = 26\n", "a fraction from 0 to 1"),
        ("", "no entry"),
    ],
)
def test_wrong_terms_are_refused_by_name(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(StoreffError, match=wrong):
        choose_terms(written(tmp_path, text))


def test_an_unknown_agreement_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'micron-2026'"):
        choose_terms("micron-2025")


# ---- of a report ----


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of("reference-10-4", "vast-146-4")


def form_of(report: Report, name: str) -> FormCost:
    assert report.commitment is not None
    return next(each for each in report.commitment.forms if each.form == name)


def committed(report: Report, terms: str | None = None, **given: object) -> Report:
    return with_commitment(report, choose_terms(terms), today=TODAY, **given)  # type: ignore[arg-type]


def test_the_price_is_that_of_the_drive_if_the_terms_have_none(report: Report) -> None:
    found = committed(report).commitment
    assert found is not None
    drive = next(row for row in report.assumptions if row.path == "drives.qlc-122.price")
    price = next(row for row in found.assumptions if row.path.endswith("price_per_tb"))
    assert found.price_per_tb == pytest.approx(40_000 / 122.88)
    assert (price.true_on, price.kind) == (drive.true_on, drive.kind)
    assert found.shortfall_per_tb == pytest.approx(1.55 * found.price_per_tb)


def test_usage_capacity_commitment_and_revenue_are_four_numbers(report: Report) -> None:
    made = committed(report, "micron-2026", commitment_bytes=40 * 10**18)
    found = made.commitment
    assert found is not None
    assert found.usage_bytes == 50 * 10**18
    assert found.capacity_bytes == layout_of(report, None).raw_bytes
    assert found.committed_bytes == 40 * 10**18
    assert found.committed_value == pytest.approx(40 * EB * 40_000 / 122.88, abs=0.01)
    deposit = form_of(made, "deposit")
    assert deposit.certain_revenue == pytest.approx(0.22 * found.committed_value, rel=1e-9)
    assert form_of(made, "outright").certain_revenue == pytest.approx(found.committed_value)


def test_the_best_of_all_forms_is_no_dearer_than_the_commitment(report: Report) -> None:
    found = committed(report, commitment_bytes=60 * 10**18).commitment
    assert found is not None
    assert found.best_expected_cost <= found.expected_cost
    assert all(each.best_expected_cost <= each.expected_cost + 0.01 for each in found.forms)


def test_a_wider_interval_of_the_measurement_makes_the_need_wider(report: Report) -> None:
    first = report.layouts[0]
    raw = point(first.raw_bytes)
    wide = Quantity(int(raw), int(raw * 0.8), int(raw * 1.3), "derived")
    loose = msgspec.structs.replace(
        report, layouts=[msgspec.structs.replace(first, raw_bytes=wide), *report.layouts[1:]]
    )
    close_need, loose_need = (
        committed(each, layout=first.name).commitment for each in (report, loose)
    )
    assert close_need is not None
    assert loose_need is not None
    low, high = ends(close_need.need_bytes)
    lower, higher = ends(loose_need.need_bytes)
    assert lower < low < high < higher


def test_the_need_is_the_capacity_where_demand_is_known(report: Report, tmp_path: Path) -> None:
    terms = written(tmp_path, "[sure]\ndemand = 1\n")
    found = committed(report, terms).commitment
    assert found is not None
    assert found.best_bytes == pytest.approx(point(found.capacity_bytes), rel=1e-12)
    assert found.best_expected_cost == pytest.approx(
        point(found.capacity_bytes) / TB * found.price_per_tb, rel=1e-9
    )


def test_another_currency_is_refused(report: Report, tmp_path: Path) -> None:
    terms = written(tmp_path, '[ours]\nprice_per_tb = { value = 200, unit = "EUR/TB" }\n')
    with pytest.raises(StoreffError, match="in EUR, the report in USD"):
        committed(report, terms)


def test_a_report_whose_interval_is_unknown_is_refused(report: Report) -> None:
    first = report.layouts[0]
    unsure = msgspec.structs.replace(first, raw_bytes=first.raw_bytes.without_interval())
    loose = msgspec.structs.replace(report, layouts=[unsure])
    with pytest.raises(StoreffError, match="not known well enough"):
        committed(loose, layout=first.name)


def test_a_price_that_is_older_than_a_price_keeps_is_marked(report: Report) -> None:
    found = with_commitment(report, choose_terms(None), today=date(2026, 11, 26)).commitment
    assert found is not None
    assert next(row for row in found.assumptions if row.path.endswith("price_per_tb")).stale


def test_a_commitment_is_kept_by_the_report(report: Report, tmp_path: Path) -> None:
    made = committed(report, "hpe-2026")
    path = tmp_path / "r.json"
    path.write_bytes(to_json(made))
    assert to_json(read_report(path)) == to_json(made)


def test_a_commitment_for_no_layout_of_the_report_cannot_be_true(
    report: Report, tmp_path: Path
) -> None:
    made = committed(report)
    assert made.commitment is not None
    wrong = msgspec.structs.replace(made.commitment, layout="another")
    path = tmp_path / "r.json"
    path.write_bytes(to_json(msgspec.structs.replace(made, commitment=wrong)))
    with pytest.raises(StoreffError, match=r"commitment\.layout is none of layouts"):
        read_report(path)
