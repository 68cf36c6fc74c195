"""What a build is made of: drives, enclosures, racks, a site, money; and the scenario of it all."""

from pathlib import Path
from typing import Any, Generic, Literal

import msgspec

from storeff.data import Assumption, N, decode, load, read_toml, unknown
from storeff.errors import StoreffError
from storeff.layout.model import Layout, check_layout
from storeff.layout.waterfall import Data


class Drive(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One drive. ``duty`` is the part of time it is active; it has an ``mtbf_hours`` or an
    observed ``afr`` (failures a drive and year). A failed drive is paid after ``warranty_years``.
    ``rated_dwpd`` are the whole drive writes a day it stands over its warranty.
    """

    name: str
    capacity_bytes: N
    watts_active: N
    watts_idle: N
    duty: N
    warranty_years: N
    price: N = msgspec.field(default_factory=unknown)
    mtbf_hours: N = msgspec.field(default_factory=unknown)
    afr: N = msgspec.field(default_factory=unknown)
    read_bytes_per_second: N = msgspec.field(default_factory=unknown)
    write_bytes_per_second: N = msgspec.field(default_factory=unknown)
    rated_dwpd: N = msgspec.field(default_factory=unknown)
    title: str = ""
    enclosure: str = ""
    carbon: str = ""


class Spares(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spares cover the failures of the delivery time with probability ``service_level``."""

    lead_weeks: N
    service_level: N
    name: str = ""
    title: str = ""


class Enclosure(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chassis with its server; ``watts`` without drives."""

    height_u: N
    drive_slots: N
    watts: N
    price: N = msgspec.field(default_factory=unknown)
    name: str = ""
    title: str = ""


class Rack(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rack and its switches; ``kilowatts`` is what the site can feed and cool."""

    height_u: N
    reserved_u: N
    kilowatts: N
    switch_watts: N
    floor_m2: N
    price: N = msgspec.field(default_factory=unknown)
    switch_price: N = msgspec.field(default_factory=unknown)
    name: str = ""
    title: str = ""


class Site(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Power and space; colocation is paid on the peak of the IT load."""

    pue: N
    price_per_kwh_escalation: N
    grid_g_co2e_per_kwh: N
    price_per_kwh: N = msgspec.field(default_factory=unknown)
    colocation_per_kw_month: N = msgspec.field(default_factory=unknown)
    name: str = ""
    title: str = ""


class Finance(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Horizon and rates. Support is a part of non-drive capex, a year, after its warranty."""

    years: N
    discount_rate: N
    drive_swap_labour: N
    hardware_support: N
    hardware_warranty_years: N
    name: str = ""
    title: str = ""


class Carbon(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Greenhouse gas of making the drives."""

    embodied_kg_co2e_per_tb: N
    name: str = ""
    title: str = ""


class Scenario(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a bill depends on."""

    data: Data[N]
    layout: Layout[N]
    drive: Drive[N]
    spares: Spares[N]
    enclosure: Enclosure[N]
    rack: Rack[N]
    site: Site[N]
    finance: Finance[N]
    carbon: Carbon[N]
    schema: Literal["storeff.scenario/1"] = "storeff.scenario/1"
    currency: str = "USD"


def load_scenario(path: Path) -> Scenario[Assumption]:
    """A scenario file; its bare numbers are the reader's own assumptions.

    Raises StoreffError naming the key that is unknown, missing or of the wrong type.
    """
    scenario = decode(Scenario[Assumption], read_toml(path), "", path, bare=True)
    _check(scenario)
    return scenario


def load_drives(extra: Path | None = None) -> dict[str, Drive[Assumption]]:
    """The drive catalogue by name."""
    return load("drives", Drive[Assumption], extra)


def build_scenario(
    data: Data[Assumption],
    layout: Layout[Assumption],
    *,
    drive: str = "qlc-122",
    site: str = "colocation-us",
    extra: dict[str, Path] | None = None,
) -> Scenario[Assumption]:
    """A scenario from the catalogues; ``extra`` gives the user's own file for a catalogue.

    Raises StoreffError listing what there is when a name is not in its catalogue.
    """
    files = extra or {}

    def pick(catalogue: str, entry: type[Any], name: str) -> Any:
        entries = load(catalogue, entry, files.get(catalogue))
        if name not in entries:
            raise StoreffError(
                f"{name!r} is not in {catalogue}", f"choose one of {', '.join(sorted(entries))}"
            )
        return entries[name]

    chosen: Drive[Assumption] = pick("drives", Drive[Assumption], drive)
    scenario = Scenario(
        data=data,
        layout=layout,
        drive=chosen,
        spares=pick("spares", Spares[Assumption], "default"),
        enclosure=pick("enclosures", Enclosure[Assumption], chosen.enclosure),
        rack=pick("racks", Rack[Assumption], "default"),
        site=pick("sites", Site[Assumption], site),
        finance=pick("finance", Finance[Assumption], "default"),
        carbon=pick("carbon", Carbon[Assumption], chosen.carbon),
    )
    _check(scenario)
    return scenario


def _check(scenario: Scenario[Assumption]) -> None:
    check_layout(scenario.layout)
    drive = scenario.drive
    if (drive.mtbf_hours.value is None) == (drive.afr.value is None):
        raise StoreffError(f"drive {drive.name} needs exactly one of mtbf_hours and afr")
    for number in (
        scenario.data.logical_bytes,
        scenario.data.copies,
        scenario.data.reduction_ratio,
        scenario.layout.copies,
        drive.capacity_bytes,
        scenario.enclosure.drive_slots,
        scenario.enclosure.height_u,
        scenario.finance.years,
    ):
        if number.value is None or number.value <= 0:
            raise StoreffError(f"{number.path} must be above zero")
    for whole in (scenario.data.logical_bytes, scenario.finance.years):
        if whole.value is None or whole.value.denominator != 1:
            raise StoreffError(f"{whole.path} must be a whole number")
