"""A user's catalogue lies on the built-in one, key by key; all its mistakes are reported."""

import functools
import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Assumption, load, numbers_in, read_toml, to_toml
from storeff.economics import (
    Drive,
    Scenario,
    build_scenario,
    load_catalogue,
    load_drives,
    size,
)
from storeff.economics.indices import load_indices
from storeff.economics.requests import load_requests
from storeff.errors import StoreffError
from storeff.kv.models.model import load_models
from storeff.kv.retention.flash import load_gpus
from storeff.layout import Code, Data, load_layouts

DOCS = Path(__file__).parent.parent / "docs" / "catalogues.md"
DRIVE_NUMBERS = [n.path.rpartition(".")[2] for n in numbers_in(load_drives()["qlc-122"]) if n.path]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def refusal(path: Path, text: str) -> str:
    with pytest.raises(StoreffError) as refused:
        load_drives(written(path / "drives.toml", text))
    return refused.value.message


def scenario(extra: dict[str, Path]) -> Scenario[Assumption]:
    data = Data(
        logical_bytes=Assumption(path="data.logical_bytes", value=Fraction(10**18)),
        reduction_ratio=Assumption(path="data.reduction_ratio", value=Fraction(2)),
    )
    return build_scenario(data, load_layouts()["weka-16-2"], extra=extra)


def test_a_changed_price_is_one_line(tmp_path: Path) -> None:
    mine = load_drives(written(tmp_path / "drives.toml", "[qlc-122]\nprice = 30000\n"))
    built_in = load_drives()
    assert mine["qlc-122"].price == Assumption(
        path="drives.qlc-122.price", value=Fraction(30000), unit="USD", kind="typed"
    )
    assert mine["qlc-122"].capacity_bytes == built_in["qlc-122"].capacity_bytes
    assert {name: drive for name, drive in mine.items() if name != "qlc-122"} == {
        name: drive for name, drive in built_in.items() if name != "qlc-122"
    }


def test_the_range_of_a_replaced_number_goes_with_it(tmp_path: Path) -> None:
    price = load_drives(written(tmp_path / "drives.toml", "[qlc-122]\nprice = 1\n"))[
        "qlc-122"
    ].price
    assert (price.low, price.high, price.source, price.true_on) == (None, None, None, None)


def test_a_price_can_be_made_unknown(tmp_path: Path) -> None:
    mine = written(tmp_path / "drives.toml", '[qlc-122]\nprice = "unknown"\n')
    sized = size(scenario({"drives": mine}))
    assert sized.bill.npv.value is None
    assert sized.bill.drives.value == size(scenario({})).bill.drives.value


def test_what_a_drive_cannot_be_without_cannot_be_unknown(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[qlc-122]\nwatts_active = "unknown"\n')
    assert "drives.qlc-122.watts_active cannot be unknown" in message


@given(st.sampled_from(DRIVE_NUMBERS), st.fractions(Fraction(1, 2), 1))
def test_a_key_replaces_that_key_and_no_other(tmp_path_factory: Any, key: str, x: Fraction) -> None:
    """Halved at most, so that it stays in the range of its field."""
    before = load_drives()["qlc-122"]
    number = getattr(before, key).value * x
    scaled = round(number) if key == "capacity_bytes" else Fraction(round(number * 1000), 1000)
    mine = tmp_path_factory.getbasetemp() / "drives.toml"
    # A drive that idles at more watts than it works at is refused.
    mine.write_text(
        f"[qlc-122]\nwatts_idle = 1\n{key} = {float(scaled)!r}\n".replace(
            "watts_idle = 1\nwatts_idle", "watts_idle"
        )
    )
    after = load_drives(mine)["qlc-122"]
    assert getattr(after, key).value == Fraction(repr(float(scaled)))
    for other in DRIVE_NUMBERS:
        if other not in (key, "watts_idle"):
            assert getattr(after, other) == getattr(before, other)


def test_a_table_in_an_entry_is_laid_over_by_key(tmp_path: Path) -> None:
    mine = written(
        tmp_path / "layouts.toml",
        "[weka-16-2.repair]\ndrives = 7\n[weka-16-2.reduction]\ncodec = 'zstd-1'\n",
    )
    before, after = load_layouts()["weka-16-2"], load_layouts(mine)["weka-16-2"]
    assert before.repair is not None
    assert after.repair is not None
    assert after.repair.drives.value == 7
    assert after.repair.detection_hours == before.repair.detection_hours
    assert before.reduction is not None
    assert after.reduction is not None
    assert (after.reduction.codec, after.reduction.dedup) == ("zstd-1", before.reduction.dedup)


def test_a_code_with_a_kind_is_a_new_code(tmp_path: Path) -> None:
    text = "[azure-lrc-12-2-2]\ncode = { kind = 'rs', k = 10, m = 4 }\n[weka-16-2.code]\nm = 4\n"
    layouts = load_layouts(written(tmp_path / "layouts.toml", text))
    assert layouts["azure-lrc-12-2-2"].code == Code("rs", 10, 4)
    assert layouts["weka-16-2"].code == Code("rs", 16, 4)


def test_a_new_entry_must_be_whole(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[qlc122]\nprice = 30000\n")
    assert "drives.qlc122 has no capacity_bytes, watts_active, watts_idle, duty" in message
    assert "did you mean 'qlc-122'?" in message


@pytest.mark.parametrize("unit", ["", "TB", "GB", "kB", "EB", "B"])
def test_a_capacity_in_any_unit_is_the_same_capacity(tmp_path: Path, unit: str) -> None:
    bytes_each = {"TB": 10**12, "GB": 10**9, "kB": 1000, "EB": 10**18}.get(unit, 1)
    value = Fraction(122_880_000_000_000, bytes_each)
    text = f"[qlc-122]\ncapacity_bytes = {{ value = {float(value)!r}, unit = '{unit}' }}\n"
    mine = load_drives(written(tmp_path / "drives.toml", text))["qlc-122"].capacity_bytes
    assert mine.value == 122_880_000_000_000
    assert mine.unit == "B"


def test_a_capacity_need_not_be_a_whole_number_of_bytes(tmp_path: Path) -> None:
    text = "[qlc-122]\ncapacity_bytes = { value = 111.76, unit = 'TiB' }\n"
    mine = load_drives(written(tmp_path / "drives.toml", text))["qlc-122"]
    assert mine.capacity_bytes.value == Fraction("111.76") * 2**40


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("prise = 1", "drives.qlc-122.prise is not a key (did you mean 'price'?)"),
        ("price = nan", "drives.qlc-122.price must be a number from 0 to 1e+15 USD, not NaN"),
        ("price = inf", "drives.qlc-122.price must be"),
        ("price = 1e999999", "drives.qlc-122.price must be"),
        ("price = 1e-999999", "drives.qlc-122.price must be"),
        ("price = 1e99999999999999999999", "drives.qlc-122.price must be"),
        ("price = true", "not true"),
        ("price = '27000'", "not '27000'"),
        ("price = 2026-01-01", "not 2026-01-01"),
        ("price = [1]", "not an array"),
        ("price = 0x" + "f" * 5000, "not a number of 20000 bits"),
        ("price = " + "9" * 5000, "over 400 digits in line 2: price = 9"),
        ("price = { low = 3 }", "drives.qlc-122.price has no value"),
        ("price = { value = 3, uint = 'USD' }", "(did you mean 'unit'?)"),
        ("price = { value = 3, unit = 'USD/TB' }", "price cannot be in 'USD/TB' (units: USD, "),
        ("price = { value = 3, high = nan }", "drives.qlc-122.price.high must be"),
        ("duty = 30", "drives.qlc-122.duty must be a fraction of time from 0 to 1, not 30"),
        ("duty = { value = 30, unit = 'W' }", "duty cannot be in 'W' (units: fraction of time, %"),
        ("duty = -0.1", "not -0.1"),
        ("afr = 0.44", "from 0 to 0.3 failures/drive/year, not 0.44"),
        ("mtbf_hours = 2_000_000", "needs one of mtbf_hours and afr"),
        ("capacity_bytes = 122.88", "from 1e+09 to 1e+18 B, not 122.88"),
        ("capacity_bytes = '122.88tb'", "capacity_bytes: size '122.88tb' is not a number"),
        ("capacity_bytes = { value = '1TB', unit = 'GB' }", "has a unit of its own"),
        ("watts_active = { value = 25, unit = 'kW' }", "from 0 to 1000 W, not 25 kW"),
        ("watts_idle = 26", "watts_idle of 26 W is above watts_active of 25 W"),
        ("title = 7", "drives.qlc-122.title: Expected `str`, got `int`"),
        ("name = 'x'", "the name is that of the table"),
        ("price = 1\nprice = 2", "Cannot overwrite a value (at line 3"),
        ("price = 1\n\0", "(at line 3"),
        ("x = " + "[" * 5000, "too deeply"),
        ("a." * 5000 + "a = 1", "too deeply in line 2"),
    ],
)
def test_a_wrong_line_is_refused_in_one_line(tmp_path: Path, line: str, message: str) -> None:
    refused = refusal(tmp_path, f"[qlc-122]\n{line}\n")
    assert message in refused
    assert refused.startswith(str(tmp_path / "drives.toml"))
    assert "\n" not in refused
    assert len(refused) < len(str(tmp_path)) + 300


def test_every_mistake_of_a_file_is_reported_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, "[qlc-122]\nduty = 30\nprise = 2\nprice = nan\n[tlc-30]\nafr = 7\n[ours]\n"
    )
    first, *lines = message.split("\n  ")
    assert first == f"{tmp_path / 'drives.toml'} has 5 mistakes:"
    assert {line.split()[0] for line in lines} == {
        "drives.qlc-122.duty",
        "drives.qlc-122.prise",
        "drives.qlc-122.price",
        "drives.tlc-30.afr",
        "drives.ours",
    }


def test_of_very_many_mistakes_the_first_are_reported(tmp_path: Path) -> None:
    message = refusal(tmp_path, "".join(f"wrong{i} = 1\n" for i in range(2000)))
    assert message.count("\n") == 51
    assert message.endswith("and 1,950 more")


def test_a_file_of_another_size_or_kind_is_refused_before_it_is_read(tmp_path: Path) -> None:
    big = tmp_path / "big.toml"
    with open(big, "wb") as file:
        file.truncate(100 << 30)
    for path, message in ((big, "larger than 1.05 MB"), (Path("/dev/zero"), "is a device")):
        with pytest.raises(StoreffError, match=message):
            read_toml(path)


def test_bytes_that_are_not_utf8_are_refused_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes("[x]\n# Gr\xf6\xdfe\n".encode("latin-1"))
    with pytest.raises(StoreffError, match="not UTF-8 in line 2"):
        read_toml(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(path) == {"a": 1}


def test_a_name_that_does_not_print_is_refused_without_printing_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, '["\\u001b[31mred"]\nprice = 1\n')
    assert "is not a name" in message
    assert message.isprintable()


@pytest.mark.parametrize("catalogue", ["racks", "finance", "spares"])
def test_an_entry_that_would_never_be_used_is_refused(tmp_path: Path, catalogue: str) -> None:
    shipped = load_catalogue(catalogue)
    text = to_toml(shipped) + to_toml({"mine": shipped["default"]})
    with pytest.raises(StoreffError, match=rf"{catalogue}\.mine would never be used"):
        load_catalogue(catalogue, written(tmp_path / f"{catalogue}.toml", text))


CATALOGUES: dict[str, Callable[..., Any]] = {
    "layouts": load_layouts,
    "drives": load_drives,
    "gpus": load_gpus,
    "requests": load_requests,
    **{
        name: functools.partial(load_catalogue, name)
        for name in (
            *("enclosures", "racks", "sites", "finance", "spares", "carbon"),
            *("memory", "network", "software", "purchase"),
        )
    },
}


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_written_as_toml_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    read = CATALOGUES[name]
    text = to_toml(read())
    again = read(written(tmp_path / f"{name}.toml", text))
    assert again == read()
    assert to_toml(again) == text


@given(
    st.sampled_from(["s", "min", "h", "d", "weeks", "months", "years"]),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_a_number_in_any_unit_is_written_as_it_was_read(
    tmp_path_factory: Any, unit: str, number: int, decimals: int
) -> None:
    mine = tmp_path_factory.getbasetemp() / "spares.toml"
    value = Fraction(number, 10**decimals)
    mine.write_text(
        f"[default]\nlead_weeks = {{ value = {float(value)!r}, low = 0, unit = '{unit}', "
        "source = 'a \"quoted\"\\tsource', true_on = 2026-01-01, kind = 'street' }\n"
    )
    read = load_catalogue("spares", mine)
    mine.write_text(to_toml(read))
    assert load_catalogue("spares", mine) == read


def test_a_quote_is_written_as_it_was_read(tmp_path: Path) -> None:
    mine = written(
        tmp_path / "drives.toml",
        "[qlc-122]\nprice = { value = 30000, source = 'offer 17', true_on = 2026-11-01, "
        "kind = 'contract', basis = 'vendor A', from_units = 1000, valid_days = 14 }\n",
    )
    quoted = load_drives(mine)
    assert quoted["qlc-122"].price.from_units == 1000
    assert load_drives(written(mine, to_toml(quoted))) == quoted


def test_an_unknown_price_is_written_as_unknown(tmp_path: Path) -> None:
    mine = written(tmp_path / "drives.toml", '[qlc-122]\nprice = "unknown"\n')
    unpriced = load_drives(mine)
    assert load_drives(written(mine, to_toml(unpriced))) == unpriced


def test_prices_in_two_currencies_are_refused_and_named(tmp_path: Path) -> None:
    mine = written(tmp_path / "drives.toml", "[qlc-122]\nprice = {value = 1, unit = 'EUR'}\n")
    with pytest.raises(StoreffError, match="no exchange rate") as refused:
        scenario({"drives": mine})
    assert "not in EUR as the other prices: enclosures.flash-2u-24.price (USD)" in str(
        refused.value
    )


def test_prices_that_are_all_in_another_currency_make_a_bill_in_it(tmp_path: Path) -> None:
    extra = {}
    names = ("drives", "enclosures", "racks", "sites", "finance", "memory", "network", "purchase")
    for name in names:
        read = CATALOGUES[name]
        text = to_toml(read()).replace('"USD', '"EUR')
        extra[name] = written(tmp_path / f"{name}.toml", text)
    euros = scenario(extra)
    assert euros.currency == "EUR"
    assert size(euros).bill.npv == size(scenario({})).bill.npv


def test_models_take_the_users_file_by_key_too(tmp_path: Path) -> None:
    mine = written(tmp_path / "models.toml", "[llama-2-7b]\ncontext_tokens = 8192\n")
    model = load_models(mine)["llama-2-7b"]
    assert model.context_tokens == 8192
    assert model.layers == load_models()["llama-2-7b"].layers


def test_gpus_take_the_users_file(tmp_path: Path) -> None:
    mine = written(tmp_path / "gpus.toml", "[h100-llama-70b]\nprice_per_hour = 2\n")
    assert load_gpus(mine)["h100-llama-70b"].price_per_hour.value == 2


def test_a_gpus_price_is_in_usd(tmp_path: Path) -> None:
    text = "[h100-llama-70b]\nprice_per_hour = { value = 2, unit = 'EUR/h' }\n"
    with pytest.raises(StoreffError, match=r"gpus\.h100-llama-70b has a price in EUR"):
        load_gpus(written(tmp_path / "gpus.toml", text))


def test_entries_keep_their_order_and_users_come_last(tmp_path: Path) -> None:
    mine = to_toml({"ours": load_drives()["tlc-30"]}) + "[qlc-61]\nprice = 1\n"
    loaded = load("drives", Drive[Assumption], written(tmp_path / "drives.toml", mine))
    assert list(loaded) == [*load_drives(), "ours"]


def test_the_catalogues_in_the_documentation_are_catalogues(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n# (\w+)\.toml(.*?)```", DOCS.read_text(), re.DOTALL)
    files = {
        name: written(tmp_path / name, f"#{text}")
        for name, text in blocks
        if "[qlc-122.price]" not in text
    }
    assert load_drives(files["drives"])["qlc-122"].price.value == 30_000
    [quote] = [text for _, text in blocks if "[qlc-122.price]" in text]
    price = load_drives(written(tmp_path / "quote", f"#{quote}"))["qlc-122"].price
    assert price.value == 38_500
    assert (price.from_units, price.kind) == (1000, "contract")
    assert price.valid_until == date(2026, 12, 4)
    assert load_indices(files["indices"])["ours-2026q4"].change.value == Fraction(12, 100)
    layout = load_layouts(files["layouts"])["ours-10-2"]
    assert (str(layout.code), layout.object_unit_bytes.value) == ("10+2", Fraction(40 << 10))
    assert layout.fill_limit.value == Fraction(85, 100)
    assert layout.reduction is not None
    assert layout.repair is not None
