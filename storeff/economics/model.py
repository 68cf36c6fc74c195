"""What a build is made of: drives, enclosures, racks, a site, money; and the scenario of it all."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic, Literal

import msgspec

from storeff.data import (
    NO_VALUE,
    Assumption,
    Entry,
    Field,
    N,
    changed_by,
    decode,
    exact,
    load,
    load_default,
    numbers_in,
    read_toml,
    refuse,
)
from storeff.economics.indices import load_indices
from storeff.economics.later_prices import (
    LaterPrices,
    check_reach,
    form_mistakes,
    load_price_paths,
    with_index,
)
from storeff.economics.terms import (
    ANNUAL_RATE,
    YEARS,
    MemoryPrices,
    Network,
    Purchase,
    Software,
    money,
)
from storeff.errors import StoreffError, did_you_mean
from storeff.layout.model import Layout, Media, layout_mistakes
from storeff.layout.waterfall import Data

# Above this a percentage was meant: 0.44 for the 0.44 % of a data sheet.
FAILURES = Field(
    "failures/drive/year",
    ("failures/year", "fraction/year", "fraction"),
    most=Fraction(3, 10),
)
DRIVE_SPEED = Field("B/s", least=10**6, most=10**12)


class Drive(Entry[N], Generic[N], frozen=True, kw_only=True):
    """One drive. ``duty`` is the part of time it is active; it has an ``mtbf_hours`` or an
    observed ``afr`` (failures a drive and year). A failed drive is paid after ``warranty_years``.
    ``rated_dwpd`` are the whole drive writes a day it stands over its warranty, of writes of
    ``indirection_unit_bytes``. ``over_provisioning`` is flash beyond its capacity, as a part of
    that. ``bit_error_rate`` are bits read that cannot be corrected, for each bit read.
    """

    name: str
    capacity_bytes: Annotated[N, Field("B", least=10**9, most=10**18)]
    watts_active: Annotated[N, Field("W", most=1000)]
    watts_idle: Annotated[N, Field("W", most=1000)]
    duty: Annotated[N, Field("fraction of time", ("fraction",))]
    warranty_years: Annotated[N, YEARS]
    price: Annotated[N, money("USD", "USD/drive")] = NO_VALUE
    mtbf_hours: Annotated[N, Field("h", least=1, most=10**9)] = NO_VALUE
    afr: Annotated[N, FAILURES] = NO_VALUE
    read_bytes_per_second: Annotated[N, DRIVE_SPEED] = NO_VALUE
    write_bytes_per_second: Annotated[N, DRIVE_SPEED] = NO_VALUE
    rated_dwpd: Annotated[
        N, Field("drive writes/day", ("DWPD", "1/day"), most=1000, above=True)
    ] = NO_VALUE
    media: Media = "flash"
    over_provisioning: Annotated[N, Field("fraction", most=10)] = NO_VALUE
    indirection_unit_bytes: Annotated[N, Field("B", least=512, most=1 << 30)] = NO_VALUE
    bit_error_rate: Annotated[N, Field("errors/bit", ("1/bit",), most=Fraction(1, 10**6))] = (
        NO_VALUE
    )
    enclosure: str = ""
    carbon: str = ""


class Spares(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Spares cover the failures of the delivery time with probability ``service_level``."""

    lead_weeks: Annotated[N, Field("weeks", most=520)]
    service_level: Annotated[N, Field("probability", most=Fraction(999_999, 10**6))]


class Enclosure(Entry[N], Generic[N], frozen=True, kw_only=True):
    """A chassis with its server; ``watts`` without drives.

    Where the number of processors or of network adapters is known, ``price`` is without them, and
    without memory in any case that memory has a price. ``dram_bytes`` are the least that a server
    has, whatever the rule of its system asks for.
    """

    height_u: Annotated[N, Field("U", most=100, above=True)]
    drive_slots: Annotated[N, Field("drives", least=1, most=10_000, whole=True)]
    watts: Annotated[N, Field("W", most=10**5)]
    price: Annotated[N, money("USD", "USD/enclosure")] = NO_VALUE
    cpus: Annotated[N, Field("processors", most=64, whole=True)] = NO_VALUE
    cpu_cores: Annotated[N, Field("cores/processor", ("cores",), most=10_000)] = NO_VALUE
    cpu_price: Annotated[N, money("USD/processor", "USD")] = NO_VALUE
    nics: Annotated[N, Field("adapters", most=64, whole=True)] = NO_VALUE
    nic_price: Annotated[N, money("USD/adapter", "USD")] = NO_VALUE
    dram_bytes: Annotated[N, Field("B/enclosure", ("B",), most=1 << 50)] = NO_VALUE


class Rack(Entry[N], Generic[N], frozen=True, kw_only=True):
    """A rack and its switches; ``kilowatts`` is what the site can feed and cool."""

    height_u: Annotated[N, Field("U", most=200, above=True)]
    reserved_u: Annotated[N, Field("U", most=200)]
    kilowatts: Annotated[N, Field("kW", most=2000, above=True)]
    switch_watts: Annotated[N, Field("W", most=10**5)]
    floor_m2: Annotated[N, Field("m2", most=1000)]
    price: Annotated[N, money("USD", "USD/rack")] = NO_VALUE
    switch_price: Annotated[N, money("USD", "USD/rack", "USD/switch")] = NO_VALUE


class Site(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Power and space; colocation is paid on the peak of the IT load.

    A site of one's own has no rent, but costs ``build_per_watt`` of that peak, over the
    ``build_years`` that it lasts. Water is counted by the energy of IT.
    """

    pue: Annotated[N, Field("", least=1, most=10)]
    price_per_kwh_escalation: Annotated[N, ANNUAL_RATE]
    grid_g_co2e_per_kwh: Annotated[N, Field("g/kWh", most=5000)]
    price_per_kwh: Annotated[N, money("USD/kWh")] = NO_VALUE
    colocation_per_kw_month: Annotated[N, money("USD/kW/month")] = NO_VALUE
    build_per_watt: Annotated[N, money("USD/W")] = NO_VALUE
    build_years: Annotated[N, Field("years", least=1, most=100, whole=True)] = NO_VALUE
    water_litres_per_kwh: Annotated[N, Field("L/kWh", most=1000)] = NO_VALUE
    water_price_per_m3: Annotated[N, money("USD/m3")] = NO_VALUE


class Finance(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Horizon and rates. Support is a part of non-drive capex, a year, after its warranty."""

    years: Annotated[N, Field("years", least=1, most=100, whole=True)]
    discount_rate: Annotated[N, ANNUAL_RATE]
    drive_swap_labour: Annotated[N, money("USD", "USD/drive")]
    hardware_support: Annotated[N, Field("1/year", ("fraction",))]
    hardware_warranty_years: Annotated[N, YEARS]


class Carbon(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Greenhouse gas of making the drives, and what another study says of the same."""

    embodied_kg_co2e_per_tb: Annotated[N, Field("kg/TB", most=10**5)]
    other_embodied_kg_co2e_per_tb: Annotated[N, Field("kg/TB", most=10**5)] = NO_VALUE


class Scenario(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a bill depends on. Lines of the parts that are null are not in it; without a
    ``price_path``, drives cost later what ``purchase`` says of all prices."""

    data: Data[N]
    layout: Layout[N]
    drive: Drive[N]
    spares: Spares[N]
    enclosure: Enclosure[N]
    rack: Rack[N]
    site: Site[N]
    finance: Finance[N]
    carbon: Carbon[N]
    memory: MemoryPrices[N] | None = None
    network: Network[N] | None = None
    software: Software[N] | None = None
    purchase: Purchase[N] | None = None
    price_path: LaterPrices[N] | None = None
    schema: Literal["storeff.scenario/1"] = "storeff.scenario/1"
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "USD"


# Catalogues with one entry, and those whose entries are named by a drive or an option.
_SINGLE: dict[str, Any] = {
    "racks": Rack[Assumption],
    "finance": Finance[Assumption],
    "spares": Spares[Assumption],
    "memory": MemoryPrices[Assumption],
    "network": Network[Assumption],
    "software": Software[Assumption],
    "purchase": Purchase[Assumption],
}
_NAMED: dict[str, Any] = {
    "enclosures": Enclosure[Assumption],
    "sites": Site[Assumption],
    "carbon": Carbon[Assumption],
}


def load_scenario(path: Path) -> Scenario[Assumption]:
    """A scenario file. A bare number is the reader's own assumption, money in its currency.

    Raises StoreffError with every mistake, each naming its key.
    """
    table = read_toml(path)
    currency = table.get("currency", "USD")
    scenario = decode(Scenario[Assumption], table, "", path, str(currency))
    mistakes = [f"drive {mistake}" for mistake in _drive_mistakes(scenario.drive)]
    mistakes += [f"layout {mistake}" for mistake in layout_mistakes(scenario.layout)]
    refuse(path, mistakes + _path_mistakes(scenario))
    _check_path(scenario, f"{path}: price_path")
    _check_currency(scenario, f"{path}: ")
    return scenario


def with_changes(scenario: Scenario[Assumption], path: Path) -> Scenario[Assumption]:
    """``scenario`` with the numbers that the file at ``path`` holds in place of its own; it has the
    form of a scenario file. Of what is no number, a code and a price path may be changed, as a
    whole.

    Raises StoreffError with every mistake, each naming its key.
    """
    table = read_toml(path)
    for name in ("schema", "currency"):
        if table.pop(name, getattr(scenario, name)) != getattr(scenario, name):
            refuse(path, [f"{name} must be that of the report, {getattr(scenario, name)}"])
    if not table:
        refuse(path, ["it changes nothing: write numbers, such as price under [drive]"])
    changed = changed_by(scenario, table, path, scenario.currency)
    mistakes = [f"drive {mistake}" for mistake in _drive_mistakes(changed.drive)]
    mistakes += [f"layout {mistake}" for mistake in layout_mistakes(changed.layout)]
    refuse(path, mistakes + _path_mistakes(changed))
    _check_path(changed, f"{path}: price_path")
    _check_currency(changed, f"{path}: ")
    return changed


def load_drives(extra: Path | None = None) -> dict[str, Drive[Assumption]]:
    """The drive catalogue by name, with the user's own file of the same form on top."""
    return load("drives", Drive[Assumption], extra, _drive_mistakes)


def load_catalogue(name: str, extra: Path | None = None) -> dict[str, Any]:
    """One of the other catalogues of a build, by name: enclosures, racks, sites, ..."""
    if name in _SINGLE:
        return {"default": load_default(name, _SINGLE[name], extra)}
    return load(name, _NAMED[name], extra)


def build_scenario(
    data: Data[Assumption],
    layout: Layout[Assumption],
    *,
    drive: str = "qlc-122",
    site: str = "colocation-us",
    extra: dict[str, Path] | None = None,
) -> Scenario[Assumption]:
    """A scenario from the catalogues; ``extra`` gives the user's own file for a catalogue.

    Its currency is that of the prices. Raises StoreffError if they are in several, or naming the
    nearest name when one is not in its catalogue.
    """
    files = extra or {}

    def pick(catalogue: str, entries: dict[str, Any], name: str, whose: str = "") -> Any:
        if name not in entries:
            raise StoreffError(
                f"{whose}unknown {catalogue} {name!r}{did_you_mean(name, entries)}",
                f"choose one of {', '.join(entries)}",
            )
        return entries[name]

    drives = load_drives(files.get("drives"))
    chosen: Drive[Assumption] = pick("drive", drives, drive)
    others = {name: load_catalogue(name, files.get(name)) for name in (*_SINGLE, *_NAMED)}
    paths = load_price_paths(files.get("price_paths"))
    path = paths.get(drive)
    for name in paths:
        pick("drive", drives, name, f"price_paths.{name}: ")
    scenario = Scenario(
        data=data,
        layout=layout,
        drive=chosen,
        spares=others["spares"]["default"],
        enclosure=pick("enclosure", others["enclosures"], chosen.enclosure, f"drives.{drive}: "),
        rack=others["racks"]["default"],
        site=pick("site", others["sites"], site),
        finance=others["finance"]["default"],
        carbon=pick("carbon", others["carbon"], chosen.carbon, f"drives.{drive}: "),
        memory=others["memory"]["default"],
        network=others["network"]["default"],
        software=others["software"]["default"],
        purchase=others["purchase"]["default"],
        price_path=None if path is None else with_index(path, load_indices(files.get("indices"))),
    )
    _check_path(scenario, f"price_paths.{drive}")
    currencies = sorted({number.currency for number in numbers_in(scenario) if number.currency})
    own = [currency for currency in currencies if currency != scenario.currency]
    scenario = msgspec.structs.replace(scenario, currency=own[0] if own else scenario.currency)
    _check_currency(scenario)
    return scenario


def _drive_mistakes(drive: Drive[Assumption]) -> Iterator[str]:
    if (drive.mtbf_hours.value is None) == (drive.afr.value is None):
        yield 'needs one of mtbf_hours and afr: write the other one as "unknown"'
    active, idle = drive.watts_active.value, drive.watts_idle.value
    if active is not None and idle is not None and idle > active:
        yield f"watts_idle of {float(idle):g} W is above watts_active of {float(active):g} W"


def _path_mistakes(scenario: Scenario[Assumption]) -> list[str]:
    found = () if scenario.price_path is None else form_mistakes(scenario.price_path)
    return [f"price_path {mistake}" for mistake in found]


def _check_path(scenario: Scenario[Assumption], where: str) -> None:
    if scenario.price_path is not None:
        check_reach(scenario.price_path, int(exact(scenario.finance.years)), where)


def _check_currency(scenario: Scenario[Assumption], where: str = "") -> None:
    wrong = [
        f"{number.path} ({number.currency})"
        for number in numbers_in(scenario)
        if number.currency not in (None, scenario.currency)
    ]
    if wrong:
        raise StoreffError(
            f"{where}not in {scenario.currency} as the other prices: {', '.join(wrong)}; "
            "storeff knows no exchange rate",
            "give every price in one currency",
        )
