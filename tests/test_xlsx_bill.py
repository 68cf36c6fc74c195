"""The sheets of a workbook on the bill: its lines, what is unknown, growth and what comes back."""

import re
from typing import Any

import pytest
from support.bills import everything, stated
from support.scenarios import scenario
from support.sized import report_of, report_on
from support.workbook import bought, opened, paid, rows

from storeff.economics.lines import LINES

CENT = 0.01
GROWS = {
    "purchase__yearly_growth": "0.3",
    "purchase__yearly_price_change": "-0.1",
    "purchase__drive_life_years": "3",
}


def test_an_unknown_price_is_unknown_in_every_sum() -> None:
    report = report_of("reference-10-4", **{"drives.qlc-122.price": None})
    book = opened(report, values=True)
    materials = bought(book)
    assert materials["Drives in service"]["amount (USD)"] == "#N/A"
    assert materials["Freight"]["amount (USD)"] == "#N/A"
    assert materials["Capital cost"]["amount (USD)"] == "#N/A"
    cash = paid(book)
    for line in ("Drives, spares included", "Residual value, at the end", "All payments"):
        assert cash[line]["sum"] == "#N/A", line
    assert cash["Present value"]["sum"] == "#N/A"
    assert isinstance(cash["Energy"]["sum"], float | int)
    listed = {each["number"]: each for each in rows(opened(report)["Assumptions"])}
    assert listed["drives.qlc-122.price"]["value"] == "=NA()"


def in_sheets(given: Any) -> tuple[Any, Any]:
    """What is bought and what is paid for a scenario."""
    book = opened(report_on(given), values=True)
    return bought(book), paid(book)


def test_every_line_that_is_in_the_bill_is_listed_and_no_other() -> None:
    materials, cash = in_sheets(everything(**GROWS))
    titles = {line.title for name, line in LINES.items() if name != "owned_power"}
    shown = {line.lower() for line in cash} | {"drives", "residual value"}
    assert {title.lower() for title in titles} <= shown
    assert {"Freight", "Import tariff", "Tax", "Software licences"} <= materials.keys()
    materials, cash = in_sheets(scenario())
    for line in ("Import tariff", "Tax", "Storage-class memory", "Software licences"):
        assert line not in materials
        assert line not in cash
    for line in ("Water", "Growth", "Software", "Building of one's own"):
        assert line not in cash
    said = [text for text in cash if text and text.startswith("Not in the bill")]
    assert said == ["Not in the bill, and not in its totals: import tariff, tax, water, software."]


def test_a_quantity_at_one_price_is_their_product() -> None:
    materials, _ = in_sheets(everything())
    lines = ("Processors", "Memory (DRAM)", "Storage-class memory", "Network adapters")
    for line in (*lines, "Software licences", "Installation", "Enclosures", "Racks"):
        row = materials[line]
        assert row["amount (USD)"] == row["quantity"] * row["price of one (USD)"] > 0, line
    # Of several prices, or of the price of other things.
    for line in ("Network ports", "Cables and optics", "Freight", "Import tariff", "Tax"):
        assert materials[line]["price of one (USD)"] is None
        assert materials[line]["amount (USD)"] > 0
    assert materials["Network ports"]["quantity"] > 0


def test_what_comes_back_is_taken_off_the_last_year() -> None:
    _, cash = in_sheets(scenario())
    back = cash["Residual value, at the end"]
    assert [x for x in back.values() if isinstance(x, float | int)] == [back["sum"]] * 2
    assert back["year 5"] == back["sum"] < 0
    _, without = in_sheets(stated(scenario(), purchase__residual=None))
    assert "Residual value, at the end" not in without
    more = cash["All payments"]["sum"] - without["All payments"]["sum"]
    assert more == pytest.approx(back["sum"], abs=CENT)
    factor = cash["Discount factor"]["year 5"]
    more = cash["Present value"]["sum"] - without["Present value"]["sum"]
    assert more == pytest.approx(back["sum"] * factor, abs=CENT)


def test_where_the_data_grows_each_year_has_its_own_quantities() -> None:
    report = report_on(everything(**GROWS))
    table = [*opened(report, values=True)["Bill of materials"].iter_rows(values_only=True)]
    drives = {row[0]: row[1] for row in table if str(row[0]).startswith("year ")}
    grown = report.layouts[0].bill.growth_by_year
    assert drives == {f"year {each.year}": each.drives.value for each in grown}
    assert len(drives) == 5


def test_a_horizon_of_more_years_than_letters_adds_up() -> None:
    book = opened(report_of("reference-10-4", **{"finance.default.years": 60}))
    cash = paid(book)
    first, *_, last = (row for row in (cash["Energy"], cash["All payments"]))
    assert re.fullmatch(r"=SUM\(B(\d+):BJ\1\)", first["sum"])
    assert re.fullmatch(r"=SUM\(B(\d+):BJ\1\)", last["sum"])
    assert re.fullmatch(r"=BJ\d+\*BJ\d+", cash["Present value"]["year 60"])
