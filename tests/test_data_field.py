"""Units convert exactly or are refused; a number outside the range of its field is refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Field
from storeff.units import IEC_BYTES, SI_BYTES

FIELDS = {
    "B": Field("B"),
    "B/s": Field("B/s"),
    "W": Field("W"),
    "kW": Field("kW"),
    "h": Field("h"),
    "weeks": Field("weeks"),
    "years": Field("years"),
    "fraction of raw": Field("fraction of raw", ("fraction",)),
    "USD": Field("USD", ("USD/drive",)),
    "USD/kWh": Field("USD/kWh"),
    "USD/kW/month": Field("USD/kW/month"),
    "g/kWh": Field("g/kWh"),
    "kg/TB": Field("kg/TB"),
    "m2": Field("m2"),
    "1/year": Field("1/year", ("fraction",), compounds=True),
    "failures/drive/year": Field("failures/drive/year", ("fraction/year", "fraction")),
    "drive writes/day": Field("drive writes/day", ("DWPD", "1/day")),
}


@pytest.mark.parametrize(
    ("field", "given", "factor"),
    [
        ("B", "TB", 10**12),
        ("B", "TiB", 2**40),
        ("B/s", "MB/s", 10**6),
        ("B/s", "GiB/s", 2**30),
        ("B/s", "GB/min", Fraction(10**9, 60)),
        ("W", "kW", 1000),
        ("kW", "W", Fraction(1, 1000)),
        ("kW", "MW", 1000),
        ("h", "d", 24),
        ("h", "min", Fraction(1, 60)),
        ("h", "s", Fraction(1, 3600)),
        ("h", "years", 8760),
        ("weeks", "days", Fraction(1, 7)),
        ("years", "months", Fraction(1, 12)),
        ("fraction of raw", "%", Fraction(1, 100)),
        ("fraction of raw", "% of raw", Fraction(1, 100)),
        ("fraction of raw", "percent", Fraction(1, 100)),
        ("USD", "USD/drive", 1),
        ("USD/kWh", "USD/MWh", Fraction(1, 1000)),
        ("USD/kWh", "USD per kWh", 1),
        ("USD/kW/month", "USD/month/kW", 1),
        ("USD/kW/month", "USD/kW/year", Fraction(1, 12)),
        ("USD/kW/month", "USD/MW/month", Fraction(1, 1000)),
        ("g/kWh", "gCO2e/kWh", 1),
        ("g/kWh", "kg CO2e/kWh", 1000),
        ("g/kWh", "kg/MWh", 1),
        ("kg/TB", "t/PB", 1),
        ("m2", "ft2", Fraction(9_290_304, 10**8)),
        ("1/year", "%", Fraction(1, 100)),
        ("1/year", "%/year", Fraction(1, 100)),
        ("failures/drive/year", "%", Fraction(1, 100)),
        ("failures/drive/year", "failures a drive and year", 1),
        ("drive writes/day", "DWPD", 1),
        ("drive writes/day", "drive writes per day", 1),
    ],
)
def test_a_unit_is_converted_exactly(field: str, given: str, factor: Fraction | int) -> None:
    assert FIELDS[field].read_unit(given, "USD") == (factor, FIELDS[field].unit)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("B", "tb"),
        ("B", "TB/s"),
        ("B", "Tbit"),
        ("B/s", "MB"),
        ("B/s", "MB*s"),
        ("W", "kWh"),
        ("W", "kVA"),
        ("kW", "KW"),
        ("h", "m"),
        ("fraction of raw", "fraction of usable"),
        ("fraction of raw", "drives"),
        ("USD", "USD/TB"),
        ("USD", "$"),
        ("USD", "kUSD"),
        ("USD", "usd"),
        ("USD/kWh", "USD/kW"),
        ("USD/kW/month", "USD/month"),
        ("kg/TB", "kg"),
        ("1/year", "%/month"),  # 1 % a month is 12.7 % a year: such a rate is not in proportion
        ("drive writes/day", "TB/day"),
    ],
)
def test_another_unit_is_refused(field: str, given: str) -> None:
    assert FIELDS[field].read_unit(given, "USD") is None


def test_no_unit_is_the_fields_own_with_money_in_the_currency_of_the_file() -> None:
    assert FIELDS["USD/kWh"].read_unit("", "EUR") == (Fraction(1), "EUR/kWh")
    assert FIELDS["W"].read_unit("", "EUR") == (Fraction(1), "W")


def test_money_keeps_the_currency_it_is_in() -> None:
    assert FIELDS["USD/kWh"].read_unit("JPY/MWh", "USD") == (Fraction(1, 1000), "JPY/kWh")


@given(st.sampled_from(sorted(SI_BYTES | IEC_BYTES)), st.sampled_from(["s", "min", "h", "day"]))
def test_a_rate_is_its_bytes_over_its_time(size: str, period: str) -> None:
    seconds = {"s": 1, "min": 60, "h": 3600, "day": 86_400}[period]
    read = FIELDS["B/s"].read_unit(f"{size}/{period}", "USD")
    assert read == (Fraction((SI_BYTES | IEC_BYTES)[size], seconds), "B/s")


@pytest.mark.parametrize("name", FIELDS)
def test_every_unit_that_a_field_lists_is_one_that_it_takes(name: str) -> None:
    field = FIELDS[name]
    listed = field.accepted().split(", ")
    assert name in listed
    assert all(field.read_unit(unit, "USD") for unit in [*listed, *field.units()])


@given(st.fractions())
def test_a_range_holds_its_ends_unless_it_is_open(value: Fraction) -> None:
    assert Field("W", least=-1, most=1).holds(value) == (-1 <= value <= 1)
    assert Field("W", least=-1, most=1, above=True).holds(value) == (-1 < value <= 1)
    whole = value.denominator == 1
    assert Field("W", least=-1, most=1, whole=True).holds(value) == (-1 <= value <= 1 and whole)
