"""Option types and options that several commands share."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from storeff.commands.output import OutputFile
from storeff.errors import StoreffError, did_you_mean
from storeff.units import parse_duration, parse_size

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

CATALOGUES = (
    "layouts",
    "drives",
    "enclosures",
    "racks",
    "sites",
    "finance",
    "spares",
    "carbon",
    "models",
    "gpus",
    "shelf_life",
)
# Twenty billion times the 50 EB that people plan for.
SIZE_BYTES_MAX = 10**30


class Size(click.ParamType[int]):
    """A strict size: ``50EB`` and ``50EiB`` differ, ``50e`` is refused."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            size_bytes = parse_size(value)
        except StoreffError as error:
            self.fail("; ".join(filter(None, (error.message, error.remedy))), param, ctx)
        if not 0 < size_bytes <= SIZE_BYTES_MAX:
            self.fail("give at least one byte and at most a billion ZB", param, ctx)
        return size_bytes


class Sample(click.ParamType[dict[str, float]]):
    """How much to read: ``64GiB``, ``1%``, or ``ci=2%``, the half width of an interval. It is what
    a Goal of storeff.estimate.reading says, which is slow to import."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, float]:
        if not isinstance(value, str):
            return dict(value)
        text = value.strip()
        if not text.endswith("%"):
            return {"size_bytes": Size().convert(text, param, ctx)}
        number = text.removeprefix("ci=").removesuffix("%")
        try:
            share = float(number) / 100
        except ValueError:
            self.fail(f"{value!r} is not an amount; write 64GiB, 1% or ci=2%", param, ctx)
        if not 0 < share <= 1:
            self.fail(f"{value!r} is not above 0 % and up to 100 %", param, ctx)
        return {"half_width" if text.startswith("ci=") else "share": share}


class Duration(click.ParamType[float]):
    """A time: ``90s``, ``20m``, ``7d``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            return parse_duration(value)
        except StoreffError as error:
            self.fail(f"{error.message}; {error.remedy}", param, ctx)


class Glob(click.ParamType[str]):
    """A pattern of names; one that can match none is a slip."""

    name = "glob"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip("/"):
            self.fail(f"{value!r} matches no name; write a pattern such as '*.tmp'", param, ctx)
        return str(value)


class Durations(click.ParamType[tuple[float, ...]]):
    """One or more times, comma-separated: ``10m,1d``."""

    name = "times"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if not isinstance(value, str):
            return tuple(value)
        return tuple(Duration().convert(part, param, ctx) for part in value.split(","))


target_option = click.option(
    "--target",
    type=Size(),
    help="Application bytes to size storage for, such as 50EB. Without it no layout is sized, "
    "unless --layout names one: then the scanned bytes are.",
)
data_option = click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"Directory with your own {', '.join(CATALOGUES[:3])}... .toml, on top of the built-in.",
)
toml_option = click.option(
    "--toml", "as_toml", is_flag=True, help="TOML on stdout, as --data takes it."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON report on stdout.")


def pick(entries: Mapping[str, T], name: str, option: str) -> T:
    """The entry called ``name``; if there is none, a usage error of ``option`` with the nearest."""
    if name not in entries:
        raise click.BadParameter(
            f"unknown {option.lstrip('-')} {name!r}{did_you_mean(name, entries)}; "
            f"choose one of {', '.join(entries)}",
            param_hint=option,
        )
    return entries[name]


def sizing_options(command: F) -> F:
    """What to size for: shared by every command that turns a measurement into a bill."""
    for option in reversed(
        (
            target_option,
            click.option(
                "--layout",
                "layouts",
                multiple=True,
                metavar="NAME",
                help="Layout to size, repeatable; the first is the reference "
                "[default: all, for a --target].",
            ),
            click.option("--drive", default="qlc-122", show_default=True, metavar="NAME"),
            click.option("--site", default="colocation-us", show_default=True, metavar="NAME"),
            data_option,
            click.option(
                "-o",
                "output",
                type=OutputFile(),
                help="Also write the JSON report here; - is stdout, and then the only thing there.",
            ),
            json_option,
        )
    ):
        command = option(command)
    return command


def own_catalogues(data_dir: Path | None) -> dict[str, Path]:
    """The catalogues that ``data_dir`` holds, by name, each read once to see that it is right.

    Other files than .toml are the user's own affair. Raises StoreffError for a .toml that is no
    catalogue, for a directory without any, and with the mistakes of the first wrong one.
    """
    if data_dir is None:
        return {}
    try:
        names = sorted(os.listdir(data_dir))
    except OSError as error:
        raise StoreffError(f"cannot read {data_dir}: {error.strerror}") from error
    files = [f"{name}.toml" for name in CATALOGUES]
    given = [n for n in names if n.lower().endswith(".toml") and not n.startswith(".")]
    unknown = [n for n in given if n not in files]
    if unknown:
        raise StoreffError(
            f"{data_dir} holds what is no catalogue: "
            + ", ".join(f"{n!r}{did_you_mean(n, files)}" for n in unknown[:10]),
            f"the catalogues are {', '.join(files)}",
        )
    if not given:
        raise StoreffError(
            f"{data_dir} holds no catalogue, so nothing of it would be used",
            f"put one of {', '.join(files)} into it",
        )
    found = {name.removesuffix(".toml"): data_dir / name for name in given}
    for name, path in found.items():
        _read_catalogue(name, path)
    return found


def _read_catalogue(name: str, path: Path) -> None:
    from storeff.data import load_shelf_life
    from storeff.economics import load_catalogue, load_drives
    from storeff.kv.models.model import load_models
    from storeff.kv.retention.flash import load_gpus
    from storeff.layout import load_layouts

    loaders: dict[str, Callable[[Path], Any]] = {
        "layouts": load_layouts,
        "drives": load_drives,
        "models": load_models,
        "gpus": load_gpus,
        "shelf_life": load_shelf_life,
    }
    if name in loaders:
        loaders[name](path)
    else:
        load_catalogue(name, path)
