"""What the cost rests on: parts by price that sum to it, and the kinds of figures behind them."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from support.scenarios import LAYOUTS, scenario

from storeff.data import Assumption, load_shelf_life, map_numbers, rows
from storeff.economics import CostBasis, Scenario, cost_basis, in_cells, sensitivity, size
from storeff.economics.basis import footing

TODAY = date(2026, 11, 26)
DRIVE = "drives.qlc-122.price"


def basis(given: Scenario[Assumption]) -> CostBasis:
    given = in_cells(given)
    listed = {row.path: row for row in rows(given, TODAY, load_shelf_life())}
    found = cost_basis(given, sensitivity(given).elasticity, listed, TODAY)
    assert found is not None
    return found


def with_number(given: Scenario[Assumption], path: str, **fields: Any) -> Scenario[Assumption]:
    """``given`` with other fields of the number at ``path``."""

    def number(each: Assumption) -> Assumption:
        return msgspec.structs.replace(each, **fields) if each.path == path else each

    made: Scenario[Assumption] = map_numbers(given, number)
    return made


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_parts_of_all_prices_sum_to_the_cost(name: str) -> None:
    found, npv = basis(scenario(name)), size(in_cells(scenario(name))).bill.npv.value
    assert npv is not None
    assert sum(each.npv for each in found.prices) == pytest.approx(npv, abs=0.1)
    assert sum(each.npv_share for each in found.prices) == pytest.approx(1)
    assert found.other_share == 0


def test_the_part_of_a_price_is_all_that_is_paid_at_it() -> None:
    """Drives on delivery, and those that fail after their warranty, discounted; of a bill that has
    no line that is a part of their price."""
    given = in_cells(msgspec.structs.replace(scenario(), purchase=None))
    given = with_number(given, "drives.qlc-122.warranty_years", value=Fraction(3))
    bill = size(given).bill
    labour = float(given.finance.drive_swap_labour.value or 0)
    rate = float(given.finance.discount_rate.value or 0)
    failures = bill.failures_per_year.value
    drives, replaced = bill.capex.drives.value, [y.replacement.value for y in bill.opex_by_year]
    assert failures is not None
    assert drives is not None
    paid = [(each or 0) - failures * labour for each in replaced]
    assert paid[:3] == pytest.approx([0, 0, 0], abs=0.01)
    worth = sum(each / (1 + rate) ** year for year, each in enumerate(paid, 1))
    part = next(each.npv for each in basis(given).prices if each.paths == (DRIVE,))
    assert part == pytest.approx(drives + worth, abs=1)


def test_prices_come_by_kind_and_by_whether_they_are_out_of_date() -> None:
    found = basis(scenario())
    first = found.prices[0]
    assert (first.footing, first.kind, first.stale) == ("sourced", "street", True)
    assert first.paths == (DRIVE,)
    keys = [(each.kind, each.stale) for each in found.prices]
    assert len(keys) == len(set(keys))
    shares = [each.npv_share for each in found.prices]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(("days", "stale"), [(90, False), (91, True)])
def test_a_price_is_out_of_date_after_its_shelf_life(days: int, stale: bool) -> None:
    given = with_number(scenario(), DRIVE, true_on=TODAY - timedelta(days=days))
    first = basis(given).prices[0]
    assert (first.stale, first.age_days) == (stale, days)


def test_a_group_is_as_old_as_its_oldest_price() -> None:
    given = with_number(
        scenario(),
        "enclosures.flash-2u-24.price",
        kind="street",
        source="x",
        true_on=date(2025, 1, 1),
    )
    first = basis(given).prices[0]
    assert first.paths == (DRIVE, "enclosures.flash-2u-24.price")
    assert first.oldest == date(2025, 1, 1)


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("measured", None, "measured"),
        ("contract", "offer 17", "quoted"),
        ("quote", "offer 17", "quoted"),
        ("street", "a page", "sourced"),
        ("vendor_doc", "a data sheet", "sourced"),
        ("vendor_doc", None, "assumed"),
        ("estimate", "derived from a page", "assumed"),
        ("assumption", "a guess", "assumed"),
        ("typed", None, "assumed"),
        ("of a kind that nobody thought of", "a page", "sourced"),
    ],
)
def test_the_footing_of_a_number_is_its_kind(kind: Any, source: str | None, expected: str) -> None:
    assert footing(Assumption(kind=kind, source=source)) == expected


def test_quantities_stand_apart_by_what_one_per_cent_of_them_moves() -> None:
    given = with_number(scenario(), "data.reduction_ratio", kind="measured")
    found = {each.kind: each for each in basis(given).quantities}
    slopes = {each.input: each.npv for each in sensitivity(in_cells(given)).elasticity}
    measured = found["measured"]
    assert measured.footing == "measured"
    assert measured.paths == ("data.reduction_ratio",)
    assert measured.moved_share == pytest.approx(abs(slopes["data.reduction_ratio"]) / 100)
    every = [path for each in found.values() for path in each.paths]
    assert "data.logical_bytes" not in every
    assert "finance.default.years" not in every
    assert not any(path.endswith("price") for path in every)


def test_a_cost_that_is_unknown_rests_on_nothing() -> None:
    given = in_cells(with_number(scenario(), DRIVE, value=None, low=None, high=None))
    assert cost_basis(given, (), {}, TODAY) is None
