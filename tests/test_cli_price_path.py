"""Price paths as users give them on the command line, and the page about them."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from support.cli import storeff
from support.golden import GOLDEN

from storeff.report.model import read_report

PAGE = Path(__file__).parent.parent / "docs" / "bill.md"
ENDS = ("2028Q1", "2029Q1", "2030Q1", "2031Q1", "2032Q1")
FIRST = 27_000


def of_page(language: str) -> list[str]:
    section = PAGE.read_text().partition("## What drives cost later")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_worked_example_of_the_page_comes_out_to_the_cent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    added, path = of_page("toml")
    Path("growing.toml").write_text((GOLDEN / "ex50.toml").read_text() + added)
    Path("path.toml").write_text(path)
    storeff("size", "--scenario", "growing.toml", "-o", "before.json", check=True)
    done = storeff("size", "before.json", "--scenario", "path.toml", "-o", "after.json", check=True)
    [shown] = of_page("text")
    assert done.stdout.strip() == shown.strip()
    assert storeff("verify", "after.json").returncode == 0

    before, after = (read_report(Path(f"{name}.json")).layouts[0] for name in ("before", "after"))
    in_use = [each.drives.value for each in before.bill.growth_by_year]
    assert all(isinstance(each, int) for each in in_use)
    prices = (24_000, 21_500, 21_500, 18_000, 16_000)
    rows, saved = [], Fraction(0)
    for year, price in enumerate(prices, 1):
        added_ = in_use[year] - in_use[year - 1] if year < 5 else 0  # type: ignore[operator]
        refreshed = int(before.bill.opex_by_year[year - 1].refresh.value or 0) // FIRST
        less = Fraction((added_ + refreshed) * (FIRST - price))
        worth = less / Fraction("1.08") ** year
        saved += worth
        bought = f"{added_:,}" + (f" and {refreshed:,} replaced" if refreshed else "")
        rows.append(
            f"| {year} | {ENDS[year - 1]} | {bought} | {price:,} | {int(less):,} | "
            f"{float(worth):,.2f} |"
        )
    page = PAGE.read_text()
    assert "\n".join(rows) in page
    assert before.bill.npv.value is not None
    assert after.bill.npv.value is not None
    assert round(before.bill.npv.value - after.bill.npv.value, 2) == round(float(saved), 2)
    said = f"sums to {float(saved):,.2f} USD, by which the cost is less: "
    said += f"{after.bill.npv.value:,.2f} after {before.bill.npv.value:,.2f}."
    assert said in page


def test_a_path_that_ends_too_early_is_said_on_the_command_line(tmp_path: Path) -> None:
    text = '[price_path]\ndelivery = "2027Q1"\nprice = { 2031Q1 = 20_000 }\n'
    path = tmp_path / "s.toml"
    path.write_text((GOLDEN / "ex50.toml").read_text() + text)
    done = storeff("size", "--scenario", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "price_path.price says nothing of 2032Q1" in done.stderr
    assert "add 2032Q1 to it" in done.stderr
