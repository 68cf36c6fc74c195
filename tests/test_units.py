"""Sizes are strict on the way in and short on the way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.units import (
    IEC_BYTES,
    SI_BYTES,
    counted,
    covered,
    format_bytes,
    format_duration,
    format_power,
    format_size_both,
    parse_size,
    percent,
    significant,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("50EB", 50 * 10**18),
        ("50EiB", 50 * 2**60),
        ("1.5 TB", 1_500_000_000_000),
        ("64GiB", 64 * 2**30),
        ("4kB", 4000),
        ("4KB", 4000),
        ("1_000B", 1000),
        (" 7 B ", 7),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    [
        "50e",
        "50E",
        "50",
        "EB",
        "-1EB",
        "1e3B",
        "50eb",
        "5 0EB",
        "nanB",
        "",
        "1.0000001kB",
        "9" * 5000 + "EB",
    ],
)
def test_anything_ambiguous_is_refused(text: str) -> None:
    with pytest.raises(StoreffError):
        parse_size(text)


@given(st.integers(0, 10**24), st.sampled_from(sorted(SI_BYTES | IEC_BYTES)))
def test_whole_numbers_are_exact_in_every_unit(count: int, unit: str) -> None:
    assert parse_size(f"{count}{unit}") == count * (SI_BYTES | IEC_BYTES)[unit]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (999.6, "1,000"), (1234567, "1,230,000")],
)
def test_three_significant_digits_and_no_exponent(value: float, text: str) -> None:
    assert significant(value) == text


@given(st.integers(1, 10**21))
def test_a_displayed_size_reads_back_within_its_digits(size_bytes: int) -> None:
    shown = parse_size(format_bytes(size_bytes).replace(",", ""))
    assert shown == pytest.approx(size_bytes, rel=0.006)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (4, "4 B"), (4.0, "4 B"), (999, "999 B"), (1000, "1.00 kB"), (4.25, "4.25 B")],
)
def test_there_is_no_part_of_a_byte(size_bytes: float, text: str) -> None:
    assert format_bytes(size_bytes) == text


def test_a_target_is_echoed_in_both_systems() -> None:
    assert format_size_both(50 * 10**18) == "50.0 EB (43.4 EiB)"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.9999999, "99.99 %"),
        (0.5, "50.00 %"),
        (0.00001, "less than 0.01 %"),
        (0, "0.00 %"),
    ],
)
def test_only_all_is_covered_in_full(share: float, text: str) -> None:
    assert covered(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.51, "51.0 %"),
        (0.17321, "17.3 %"),
        (1, "100 %"),
        (0, "0 %"),
        (0.99996, "99.99 %"),
        (0.0004, "0.04 %"),
        (-0.031, "-3.1 %"),
        (1.2, "120.0 %"),
    ],
)
def test_a_percentage_says_neither_all_nor_none_of_what_is_nearly_so(
    share: float, text: str
) -> None:
    assert percent(share) == text


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_no_part_is_said_to_be_all_or_nothing(share: float) -> None:
    assert percent(share) not in ("100 %", "100.0 %", "0 %", "0.0 %")
    assert covered(share) not in ("100 %", "100.00 %", "0.00 %")


@pytest.mark.parametrize(
    ("megawatts", "text"),
    [
        (0.00321, "3.21 kW"),
        (17.7, "17.7 MW"),
        (0.0000004, "0.400 W"),
        (1240, "1.24 GW"),
        (0, "0 W"),
    ],
)
def test_power_is_in_the_unit_that_suits(megawatts: float, text: str) -> None:
    assert format_power(megawatts) == text


def test_one_is_singular() -> None:
    assert counted(1, "rack") == "1 rack"
    assert counted(0, "rack") == "0 racks"
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(1050, "entry", "entries") == "1,050 entries"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (600, "10 min"),
        (3600, "1 h"),
        (30 * 86_400, "30 d"),
        (1461 * 86_400, "1,461 d"),
        (696, "11.6 min"),
        (45, "45 s"),
        (0.5, "0.500 s"),
        (0, "0 s"),
    ],
)
def test_a_time_is_whole_where_it_was_chosen_so(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
