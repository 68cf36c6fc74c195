"""The user's own catalogues, and scenarios of what all catalogues hold."""

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from storeff.data import ONE, Assumption, exact, load_shelf_life, map_numbers
from storeff.economics.bill import enclosures_per_rack
from storeff.economics.indices import load_indices
from storeff.economics.later_prices import load_price_paths
from storeff.economics.model import Scenario, build_scenario, load_catalogue, load_drives
from storeff.economics.requests import load_requests
from storeff.economics.supply import load_supply
from storeff.errors import StoreffError, did_you_mean, pick
from storeff.kv.models.model import load_models
from storeff.kv.retention.flash import load_gpus
from storeff.layout import Data, Policy, credited, load_layouts
from storeff.layout.credit import POLICY

# The rest are those that load_catalogue knows.
_LOADERS: dict[str, Callable[[Path | None], Any]] = {
    "layouts": load_layouts,
    "drives": load_drives,
    "models": load_models,
    "gpus": load_gpus,
    "requests": load_requests,
    "shelf_life": load_shelf_life,
    "indices": load_indices,
    "supply": load_supply,
    "price_paths": load_price_paths,
}
MEDIA = {"flash": "flash", "hdd": "hard disks"}
CATALOGUES = (
    *("layouts", "drives", "enclosures", "racks", "sites", "finance", "spares", "carbon"),
    *("memory", "network", "software", "purchase"),
    *("models", "gpus", "shelf_life", "indices", "requests", "supply", "price_paths"),
)


# Those whose entries have prices.
PRICED = ("drives", "enclosures", "racks", "sites", "finance", "gpus", "price_paths")


def load_named(name: str, extra: Path | None = None) -> Any:
    """The catalogue ``name``, with the user's file ``extra`` on top."""
    return _LOADERS[name](extra) if name in _LOADERS else load_catalogue(name, extra)


def own_catalogues(directory: Path | None) -> dict[str, Path]:
    """The catalogues that ``directory`` holds, by name, each read once to see that it is right.

    Other files than .toml are the user's own affair. Raises StoreffError for a .toml that is no
    catalogue, for a directory without any, and with the mistakes of the first wrong one.
    """
    if directory is None:
        return {}
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise StoreffError(f"cannot read {directory}: {error.strerror}") from error
    files = [f"{name}.toml" for name in CATALOGUES]
    given = [n for n in names if n.lower().endswith(".toml") and not n.startswith(".")]
    unknown = [n for n in given if n not in files]
    if unknown:
        raise StoreffError(
            f"{directory} holds what is no catalogue: "
            + ", ".join(f"{n!r}{did_you_mean(n, files)}" for n in unknown[:10]),
            f"the catalogues are {', '.join(files)}",
        )
    if not given:
        raise StoreffError(
            f"{directory} holds no catalogue, so nothing of it would be used",
            f"put one of {', '.join(files)} into it",
        )
    found = {name.removesuffix(".toml"): Path(directory) / name for name in given}
    for name, path in found.items():
        load_named(name, path)
    return found


def build_scenarios(
    layouts: Sequence[str],
    *,
    drive: str,
    site: str,
    files: Mapping[str, Path],
    policy: Policy = POLICY,
    growth: float = 0.0,
    snapshots: float = 0.0,
) -> list[Scenario[Assumption]]:
    """A scenario of each of ``layouts``, credited under ``policy``, its data still to be measured;
    ``files`` are the user's own catalogues. If none is named, all that run on the drive. The data
    grows by ``growth`` of itself until the storage is full, and ``snapshots`` of it are older
    states.

    Raises StoreffError for a name that is unknown, for a layout that does not run on the drive, and
    where drive, enclosure and rack do not fit together: nothing of it is left to be noticed after
    data was read.
    """
    known = load_layouts(files.get("layouts"))
    chosen = [pick(known, name, "layout") for name in dict.fromkeys(layouts or known)]
    unmeasured: Data[Assumption] = Data(
        logical_bytes=ONE,
        reduction_ratio=ONE,
        growth=_given("growth", 1 + growth if growth else None),
        snapshots=_given("snapshots", snapshots or None),
    )
    first = build_scenario(unmeasured, chosen[0], drive=drive, site=site, extra=dict(files))
    priced = map_numbers(first, exact)
    enclosures_per_rack(priced.rack, priced.enclosure, priced.drive)
    media = first.drive.media
    refused = [layout for layout in chosen if media not in layout.media]
    if refused and (layouts or len(refused) == len(chosen)):
        names = ", ".join(layout.name for layout in refused)
        runs = " or ".join(MEDIA[each] for each in refused[0].media)
        raise StoreffError(
            f"{names} cannot be built on {drive}, {MEDIA[media]}: it runs on {runs}",
            "choose another drive or another layout",
            "drive",
        )
    return [
        msgspec.structs.replace(first, layout=credited(layout, policy))
        for layout in chosen
        if media in layout.media
    ]


def _given(name: str, value: float | None) -> Assumption:
    """What the reader says of the data; unknown, and no step of the waterfall, if nothing."""
    if value is None:
        return Assumption()
    return Assumption(path=f"data.{name}", value=Fraction(str(value)), source="as given")
