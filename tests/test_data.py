"""Every number of the world has a source and a date, or is marked as assumed."""

import typing
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic

import msgspec
import pytest

import storeff.data
from storeff.data import (
    NO_VALUE,
    Assumption,
    Field,
    N,
    decode,
    exact,
    load,
    load_shelf_life,
    map_numbers,
    numbers_in,
    read_toml,
    rows,
)
from storeff.data.assumption import ShelfLife
from storeff.economics.agreements import Terms
from storeff.economics.model import Carbon, Drive, Enclosure, Finance, Rack, Site, Spares
from storeff.economics.services import Infrastructure, Service
from storeff.economics.supply import Supply
from storeff.errors import StoreffError
from storeff.kv.retention.flash import Gpu
from storeff.layout import Layout, Repair

SHIPPED = Path(storeff.data.__file__).parent
CATALOGUES: dict[str, Any] = {
    "layouts": Layout[Assumption],
    "drives": Drive[Assumption],
    "enclosures": Enclosure[Assumption],
    "racks": Rack[Assumption],
    "sites": Site[Assumption],
    "finance": Finance[Assumption],
    "spares": Spares[Assumption],
    "carbon": Carbon[Assumption],
    "gpus": Gpu[Assumption],
    "agreements": Terms[Assumption],
    "services": Service[Assumption],
    "infrastructure": Infrastructure[Assumption],
    "shelf_life": ShelfLife[Assumption],
    "supply": Supply[Assumption],
}


class Thing(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = ""
    price: Annotated[N, Field("USD", most=1000)]
    size_bytes: Annotated[N, Field("B", most=10**20, whole=True)] = NO_VALUE


PRICE = {
    "value": 12,
    "unit": "USD",
    "source": "a price list",
    "true_on": date(2026, 1, 1),
    "kind": "street",
}


class Counted(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    price: Annotated[N, Field("USD")]
    found: N = NO_VALUE
    perhaps: N | None = None


def thing(**fields: Any) -> Thing[Assumption]:
    return decode(Thing[Assumption], fields, "things.one", Path("things.toml"))


@pytest.mark.parametrize("name", CATALOGUES)
def test_the_shipped_catalogue_is_whole(name: str) -> None:
    entries = load(name, CATALOGUES[name])
    numbers = [number for entry in entries.values() for number in numbers_in(entry)]
    known = [number for number in numbers if number.value is not None]
    assert entries
    assert all(
        number.source and (number.true_on or number.read_on)
        for number in known
        if number.kind != "assumption"
    )


@pytest.mark.parametrize("name", CATALOGUES)
def test_each_number_of_a_catalogue_has_a_path_of_its_own(name: str) -> None:
    entries = load(name, CATALOGUES[name])
    paths = [n.path for entry in entries.values() for n in numbers_in(entry) if n.path]
    assert len(paths) == len(set(paths))


def test_a_decimal_fraction_is_exact() -> None:
    drive = load("drives", Drive[Assumption])["qlc-122"]
    assert drive.duty.value == Fraction(3, 10)


@pytest.mark.parametrize("missing", ["source", "true_on"])
def test_a_number_needs_its_source_and_date(missing: str) -> None:
    incomplete = {key: value for key, value in PRICE.items() if key != missing}
    with pytest.raises(StoreffError, match="price is a street without a source or"):
        thing(price=incomplete)


def test_an_assumption_needs_neither() -> None:
    assert thing(price={"value": 3, "kind": "assumption"}).price.value == 3


@pytest.mark.parametrize("name", CATALOGUES)
def test_no_shipped_number_is_bare_or_without_its_unit(name: str) -> None:
    def numbers(table: dict[str, Any]) -> Iterator[Any]:
        for key, value in table.items():
            if (
                key not in ("code", "reduction")
                and isinstance(value, dict)
                and "value" not in value
            ):
                yield from numbers(value)
            elif key not in ("code", "reduction", "media") and not isinstance(value, str):
                yield value

    found = list(numbers(read_toml(SHIPPED / f"{name}.toml")))
    assert found
    assert all("unit" in number for number in found)


def test_a_bare_number_was_typed_by_the_reader_in_the_unit_of_its_field() -> None:
    price = thing(price=3).price
    assert price == Assumption(path="things.one.price", value=Fraction(3), unit="USD", kind="typed")


def test_what_is_not_given_is_unknown_and_not_zero() -> None:
    size = thing(price=PRICE).size_bytes
    assert size.value is None
    assert exact(size) != exact(size)


def test_a_size_may_carry_its_unit() -> None:
    assert thing(price=1, size_bytes="64KiB").size_bytes.value == 65536
    with pytest.raises(StoreffError, match="64k"):
        thing(price=1, size_bytes="64k")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 13}, "not between low and high"),
        ({"low": 0, "high": 1001}, "high must be a number from 0 to 1000 USD, not 1001"),
        ({"high": 11}, "not between low and high"),
        ({"colour": "red"}, "colour is not a key"),
        ({"value": -1}, "must be a number from 0 to 1000 USD, not -1"),
        ({"value": True}, "must be a number"),
        ({"value": "12"}, "must be a number"),
        ({"kind": "rumour"}, "rumour"),
    ],
)
def test_a_wrong_number_is_refused_by_its_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StoreffError, match=rf"things\.toml: things\.one\.price.*{message}"):
        thing(price=PRICE | change)


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(StoreffError, match="prise"):
        thing(price=PRICE, prise=1)


def test_a_users_file_adds_to_the_catalogue_and_wins(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[flash]\nembodied_kg_co2e_per_tb = {value = 7, kind = 'assumption'}\n")
    entries = load("carbon", Carbon[Assumption], mine)
    assert entries["flash"].embodied_kg_co2e_per_tb.value == 7
    assert entries["disk"].embodied_kg_co2e_per_tb.value == 1


@pytest.mark.parametrize("text", ["not toml", "a = nan", "loose = 1", "", "# only a comment"])
def test_a_users_file_that_is_not_a_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    with pytest.raises(StoreffError, match=r"mine\.toml"):
        load("carbon", Carbon[Assumption], mine)


@pytest.mark.parametrize("key", ["found", "perhaps"])
def test_a_number_without_a_field_is_no_key_of_a_file(key: str) -> None:
    table = {"price": 1, key: 1}
    with pytest.raises(StoreffError, match=f"it.{key} is not a key"):
        decode(Counted[Assumption], table, "it", Path("counted.toml"))


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_number_of_a_catalogue_has_a_unit_and_a_range(name: str) -> None:
    def kinds(struct: Any) -> Iterator[Any]:
        for field in msgspec.structs.fields(struct):
            if typing.get_origin(field.type) is Annotated:
                yield field.type
            assert field.type is not Assumption, field.name
            for part in (field.type, *typing.get_args(field.type)):
                if typing.get_origin(part) is Repair:
                    yield from kinds(part)

    found = list(kinds(CATALOGUES[name]))
    assert found
    for kind in found:
        (note,) = kind.__metadata__
        assert isinstance(note, Field)
        assert note.read_unit(note.unit, "USD") == (Fraction(1), note.unit)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(StoreffError, match=r"nowhere\.toml"):
        load("carbon", Carbon[Assumption], Path("nowhere.toml"))


@pytest.mark.parametrize(("day", "stale"), [(date(2026, 4, 1), False), (date(2026, 4, 2), True)])
def test_a_price_is_stale_after_90_days(day: date, stale: bool) -> None:
    assert rows(thing(price=PRICE), day, load_shelf_life())[0].stale is stale


def test_physics_keeps_longer_than_prices() -> None:
    size = thing(price=0, size_bytes=PRICE | {"unit": "B"})
    assert rows(size, date(2027, 1, 1), load_shelf_life())[1].stale is False


def test_a_users_shelf_life_is_used(tmp_path: Path) -> None:
    mine = tmp_path / "shelf_life.toml"
    mine.write_text("[default]\nprice_days = { value = 2, unit = 'weeks' }\n")
    life = load_shelf_life(mine)
    assert life.price_days.value == 14
    assert life.other_days.value == 1825
    assert rows(thing(price=PRICE), date(2026, 1, 16), life)[0].stale is True
    assert rows(thing(price=PRICE), date(2026, 1, 15), life)[0].stale is False


@pytest.mark.parametrize("price", [3, {"value": 3}, PRICE | {"read_on": date(2026, 1, 1)}])
def test_a_price_without_a_date_is_stale(price: Any) -> None:
    undated = price if isinstance(price, int) else price | {"true_on": None}
    if isinstance(undated, dict):
        undated = {key: value for key, value in undated.items() if value is not None}
    row = rows(thing(price=undated), date(2026, 1, 1), load_shelf_life())[0]
    assert (row.stale, row.dated) == (True, "undated")


def test_any_other_number_without_a_date_is_neither_stale_nor_fresh() -> None:
    size = rows(thing(price=0, size_bytes=3), date(2026, 1, 1), load_shelf_life())[1]
    assert (size.stale, size.dated) == (None, "undated")


@pytest.mark.parametrize("name", ["true_on", "as_of"])
def test_a_date_may_be_called_as_in_earlier_files(name: str) -> None:
    price = {key: value for key, value in PRICE.items() if key != "true_on"}
    assert thing(price=price | {name: date(2026, 2, 3)}).price.true_on == date(2026, 2, 3)


def test_a_date_cannot_be_given_by_both_names() -> None:
    with pytest.raises(StoreffError, match=r"price\.as_of is not a key"):
        thing(price=PRICE | {"as_of": date(2026, 2, 3)})


# ---- a quote ----

QUOTE = {
    "value": 12,
    "unit": "USD",
    "source": "offer 17",
    "true_on": date(2026, 11, 1),
    "kind": "contract",
    "basis": "vendor A, November 2026",
    "from_units": 1000,
}


def test_a_quote_says_its_basis_from_how_many_units_and_until_when_it_holds() -> None:
    price = thing(price=QUOTE | {"valid_until": date(2026, 11, 15)}).price
    found = (price.basis, price.from_units, price.valid_until, price.kind)
    assert found == ("vendor A, November 2026", 1000, date(2026, 11, 15), "contract")


def test_days_of_validity_count_from_the_day_that_a_quote_is_true_on() -> None:
    price = thing(price=QUOTE | {"valid_days": 14}).price
    assert price == thing(price=QUOTE | {"valid_until": date(2026, 11, 15)}).price


@pytest.mark.parametrize(
    ("validity", "day", "stale"),
    [
        ({"valid_days": 14}, date(2026, 11, 15), False),
        ({"valid_days": 14}, date(2026, 11, 16), True),
        ({"valid_days": 120}, date(2027, 2, 20), False),
        ({}, date(2027, 2, 20), True),
    ],
)
def test_a_quote_is_stale_after_its_validity_whatever_its_age(
    validity: dict[str, Any], day: date, stale: bool
) -> None:
    row = rows(thing(price=QUOTE | validity), day, load_shelf_life())[0]
    assert row.stale is stale
    if stale:
        valid = "it was valid until 2026-11-15"
        assert row.why_stale == (valid if validity else "older than the shelf life of such figures")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"from_units": 0}, "from_units must be a whole number from 1"),
        ({"from_units": 1.5}, "from_units"),
        ({"valid_days": 0}, "valid_days must be a whole number from 1 to 3,650"),
        ({"valid_days": True}, "valid_days must be a whole number"),
        ({"valid_days": 3, "valid_until": date(2027, 1, 1)}, "needs no valid_until beside it"),
        ({"valid_days": 3, "true_on": date(9999, 12, 31)}, "valid_days end after the year 9999"),
        ({"valid_until": date(2026, 10, 1)}, "valid until 2026-10-01, before it is true on"),
        ({"basis": 3}, "basis"),
        ({"basis": " "}, "basis is empty"),
    ],
)
def test_a_quote_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StoreffError, match=rf"things\.one\.price.*{message}"):
        thing(price=QUOTE | change)


@pytest.mark.parametrize("key", ["basis", "from_units"])
def test_what_is_no_price_is_no_quote(key: str) -> None:
    with pytest.raises(StoreffError, match=rf"size_bytes\.{key} is of prices, and this is none"):
        thing(price=1, size_bytes={"value": 1, key: QUOTE[key]})


def test_prices_are_on_one_basis_by_what_their_quotes_say_or_else_by_kind_and_month() -> None:
    day, life = date(2026, 12, 1), load_shelf_life()

    def basis(price: Any) -> str:
        return rows(thing(price=price), day, life)[0].named_basis

    assert basis(QUOTE) == "vendor A, November 2026"
    assert basis(PRICE) == "street, January 2026"
    assert basis(3) == "typed, undated"


def test_the_report_lists_known_assumptions_and_nothing_measured() -> None:
    day, life = date(2026, 1, 1), load_shelf_life()
    measured = thing(price=PRICE | {"kind": "measured"}, size_bytes=1)
    assert [row.path for row in rows(measured, day, life)] == ["things.one.size_bytes"]
    assert [row.path for row in rows(thing(price=PRICE), day, life)] == ["things.one.price"]


def test_mapping_numbers_keeps_the_rest() -> None:
    doubled = map_numbers(thing(price=PRICE, name="one"), lambda n: n.value and n.value * 2)
    assert (doubled.name, doubled.price, doubled.size_bytes) == ("one", 24, None)
