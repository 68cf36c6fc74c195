"""Files of offers and of demand: what they say of a quarter, and their mistakes, all at once."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storeff.data import Assumption
from storeff.economics.demand import Demand, Growth, load_demand
from storeff.economics.offers import Offer, load_offers
from storeff.economics.quarters import quarter_name, quarter_of
from storeff.errors import StoreffError

OFFER = '[offers.a]\nkind = "lta"\ncap_bytes = "3EB"\n'
TB = 10**12


def written(folder: Path, text: str) -> Path:
    path = folder / "file.toml"
    path.write_text(text)
    return path


def price(folder: Path, text: str, quarter: str) -> Fraction:
    """What a terabyte costs in ``quarter``."""
    offer = load_offers(written(folder, OFFER + text)).offers["a"]
    assert offer.is_open(quarter_of(quarter))
    found = offer.price(quarter_of(quarter), Fraction(100 * TB))
    return found * TB


def said(folder: Path, text: str) -> str:
    with pytest.raises(StoreffError) as raised:
        load_offers(written(folder, text))
    return raised.value.message


@given(st.integers(2000, 2199), st.integers(1, 4))
def test_a_quarter_is_read_as_it_is_written(year: int, number: int) -> None:
    name = f"{year}Q{number}"
    assert quarter_name(quarter_of(name)) == name


def test_quarters_follow_each_other_over_the_turn_of_a_year() -> None:
    assert quarter_of("2028Q1") - quarter_of("2027Q4") == 1


@pytest.mark.parametrize("text", ["2027Q5", "2027q1", "27Q1", "Q1 2027", "2027Q1 ", ""])
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(StoreffError, match="is not a quarter"):
        quarter_of(text)


@pytest.mark.parametrize(
    ("text", "quarter", "dollars"),
    [
        ("price_per_tb = 220", "2027Q1", 220),
        ("price_per_tb = 220", "2031Q4", 220),
        ("price_per_tb = { 2027Q1 = 220, 2027Q3 = 200.5 }", "2027Q2", 220),
        ("price_per_tb = { 2027Q1 = 220, 2027Q3 = 200.5 }", "2028Q1", Fraction(2005, 10)),
        ('price_per_tb = 200\nprice_change = -0.1\navailable_from = "2027Q1"', "2027Q3", 162),
        ('price_per_tb = 200\nprice_change = -0.1\navailable_from = "2027Q2"', "2027Q3", 180),
        ("price_per_tb = 200\nprice_index = { 2027Q1 = 1, 2027Q2 = 1.5 }", "2027Q4", 300),
        ("price_per_drive = 27_000", "2027Q1", 270),
        ('price_per_drive = 27_000\ndrive_bytes = "50TB"', "2027Q1", 540),
        ('price_per_tb = { value = 0.2, unit = "USD/GB" }', "2027Q1", 200),
    ],
)
def test_a_price_is_one_number_a_table_or_changes_each_quarter(
    tmp_path: Path, text: str, quarter: str, dollars: Fraction
) -> None:
    assert price(tmp_path, text, quarter) == dollars


@given(
    st.dictionaries(st.integers(8100, 8130), st.integers(1, 10**6), min_size=1, max_size=4),
    st.dictionaries(st.integers(8100, 8110), st.integers(1, 10**3), max_size=3),
    st.fractions(Fraction(-9, 10), 3, max_denominator=100),
    st.integers(8110, 8140),
)
def test_a_price_is_its_table_changed_and_indexed_exactly(
    prices: dict[int, int], index: dict[int, int], change: Fraction, quarter: int
) -> None:
    """Each table holds until the next one given, and a change counts from the first quarter."""

    def table(given: dict[int, int]) -> dict[str, Assumption]:
        return {quarter_name(at): Assumption(value=Fraction(x)) for at, x in given.items()}

    def last(given: dict[int, int]) -> int:
        return given[max(at for at in given if at <= quarter)]

    offer = Offer(
        kind="spot",
        cap_bytes={"": Assumption(value=Fraction(1))},
        available_from=quarter_name(8105),
        price_per_tb=table(prices),
        price_change=Assumption(value=change),
        price_index=table(index),
    )
    assume(offer.is_open(quarter))
    expected = last(prices) * (1 + change) ** (quarter - 8105) * (last(index) if index else 1)
    assert offer.price(quarter, None) * TB == expected


def test_an_offer_is_closed_before_its_price_begins(tmp_path: Path) -> None:
    text = OFFER + "price_per_tb = { 2027Q3 = 220 }"
    offer = load_offers(written(tmp_path, text)).offers["a"]
    assert not offer.is_open(quarter_of("2027Q2"))
    assert offer.is_open(quarter_of("2027Q3"))


@pytest.mark.parametrize(("weeks", "quarters"), [(0, 0), (1, 1), (13, 1), (14, 2), (26, 2)])
def test_a_lead_time_is_in_whole_quarters(tmp_path: Path, weeks: int, quarters: int) -> None:
    text = f"{OFFER}price_per_tb = 1\nlead_weeks = {weeks}"
    assert load_offers(written(tmp_path, text)).offers["a"].lead_quarters == quarters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{OFFER}price_per_tb = 1\ncaps_bytes = 2", "offers.a.caps_bytes is not a key (did y"),
        (OFFER, "offers.a needs one of price_per_tb and price_per_drive"),
        (f"{OFFER}price_per_tb = 1\nprice_per_drive = 2", "offers.a needs one of price_per_tb"),
        ('[offers.a]\nkind = "lta"\nprice_per_tb = 1', "offers.a has no cap_bytes"),
        ('[offers.a]\nkind = "lte"\ncap_bytes = "1EB"\nprice_per_tb = 1', "offers.a.kind: Invalid"),
        (f"{OFFER}price_per_tb = 1\nprice_change = 0.1", "offers.a: a price_change needs avail"),
        (f"{OFFER}price_per_tb = -1", "offers.a.price_per_tb must be a number from 0 to 1e+09"),
        (f"{OFFER}price_per_tb = {{ 2027Q5 = 1 }}", "offers.a.price_per_tb: '2027Q5' is not a qua"),
        (f'{OFFER}price_per_tb = "unknown"', "offers.a.price_per_tb cannot be unknown"),
        (f'{OFFER}price_per_tb = 1\navailable_to = "2027"', "offers.a.available_to: '2027' is not"),
        (
            f'{OFFER}price_per_tb = 1\navailable_from = "2028Q1"\navailable_to = "2027Q4"',
            "offers.a.available_to is before available_from",
        ),
        (f'{OFFER}price_per_tb = 1\nleast_bytes = "4EB"', "offers.a.least_bytes is above cap_byt"),
        (f'{OFFER}price_per_tb = 1\ncommitted_bytes = "1EB"', "offers.a: committed_bytes is what"),
        (f"{OFFER}price_per_tb = 1\nsigned = false", "offers.a.signed belongs to a take-or-pay"),
        (
            '[offers.a]\nkind = "take-or-pay"\ncap_bytes = "3EB"\nprice_per_tb = 1\n'
            'committed_bytes = "1EB"',
            "offers.a: a take-or-pay needs available_from and available_to",
        ),
        (
            '[offers.a]\nkind = "take-or-pay"\ncap_bytes = { 2027Q1 = "3EB", 2027Q2 = "1EB" }\n'
            'price_per_tb = 1\ncommitted_bytes = "2EB"\n'
            'available_from = "2027Q1"\navailable_to = "2027Q4"',
            "offers.a.committed_bytes is above cap_bytes in 2027Q2",
        ),
        (f'currency = "EUR"\n{OFFER}price_per_tb = {{ value = 1, unit = "USD/TB" }}', "not in EUR"),
        ("[offers]", "it has no offer: write [offers.NAME]"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, text: str, message: str) -> None:
    assert message in said(tmp_path, text)


def test_all_mistakes_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    text = f'{OFFER}price_per_tb = "x"\n[offers.b]\nkind = "spot"\ncap_bytes = 3.5\nprise = 1\n'
    message = said(tmp_path, text)
    assert "has 3 mistakes" in message or "has 4 mistakes" in message
    assert all(each in message for each in ("offers.a.price_per_tb", "offers.b.cap_bytes", "prise"))


def test_a_line_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="line 2"):
        load_offers(written(tmp_path, "[offers.a]\nkind = lta\n"))


@given(
    st.integers(1, 10**21), st.integers(1, 40), st.fractions(-Fraction(1, 2), 2, max_denominator=99)
)
def test_growth_shares_out_every_byte(need_bytes: int, quarters: int, rate: Fraction) -> None:
    growth = Growth(
        first="2027Q1",
        quarters=Assumption(value=Fraction(quarters)),
        rate_per_quarter=Assumption(value=rate),
    )
    first, need = Demand(growth=growth).quarters(need_bytes)
    assert (first, len(need), sum(need)) == (quarter_of("2027Q1"), quarters, need_bytes)
    assert all(each >= 0 for each in need)


def test_growth_is_by_its_rate(tmp_path: Path) -> None:
    text = '[growth]\nfirst = "2027Q1"\nquarters = 3\nrate_per_quarter = 1'
    assert load_demand(written(tmp_path, text)).quarters(700) == (8108, (100, 200, 400))


def test_demand_by_quarter_is_as_it_is_written(tmp_path: Path) -> None:
    text = '[by_quarter]\n2027Q1 = "1TB"\n2027Q4 = "2TB"'
    assert load_demand(written(tmp_path, text)).quarters(5)[1] == (TB, 0, 0, 2 * TB)


def test_weights_share_out_the_need(tmp_path: Path) -> None:
    text = "[weights]\n2027Q1 = 1\n2027Q3 = 3"
    assert load_demand(written(tmp_path, text)).quarters(100)[1] == (25, 0, 75)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no demand: give one of by_quarter, weights and growth"),
        ("[weights]\n2027Q1 = 1\n[by_quarter]\n2027Q1 = '1TB'", "it has by_quarter and weights"),
        ("[by_quarter]\n2027Q1 = 0", "by_quarter is zero in every quarter"),
        ("by_quarter = '4EB'", "by_quarter is one number: give one for each quarter"),
        ("[by_quarter]\n2027Q7 = '4EB'", "by_quarter: '2027Q7' is not a quarter"),
        ("[by_quarter]\n2027Q1 = '4E'", "by_quarter.2027Q1: size '4E' is not a number with a unit"),
        ("[by_quarter]\n2027Q1 = '4EB'\n2037Q1 = '4EB'", "over more than 40 quarters"),
        ("[growth]\nfirst = 'soon'\nquarters = 3", "growth.first: 'soon' is not a quarter"),
        ("[growth]\nfirst = '2027Q1'\nquarters = 0", "growth.quarters must be a whole number from"),
        ("[weights]\n2027Q1 = 1\n[site.facility_mw]\n2027Q9 = 1", "site.facility_mw: '2027Q9' is"),
        ("[weights]\n2027Q1 = 1\n[site]\nfacility_mv = 1", "site.facility_mv is not a key (did yo"),
    ],
)
def test_a_mistake_of_the_demand_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StoreffError) as raised:
        load_demand(written(tmp_path, text))
    assert message in raised.value.message
