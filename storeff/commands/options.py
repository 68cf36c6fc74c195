"""Option types and options that several commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from storeff.commands.deliver import Delivery
from storeff.commands.output import Output
from storeff.errors import StoreffError, did_you_mean
from storeff.units import parse_duration, parse_size

if TYPE_CHECKING:
    from storeff.analysis import Storage

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


class Sample(click.ParamType[dict[str, Any]]):
    """How much to read: ``64GiB``, ``1%``, or ``ci=2%``, the half width of an interval. It is a
    goal of ``storeff.Sampling``, which is slow to import."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
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


class Percentage(click.ParamType[float]):
    """A share, written as a percentage: ``1%``, ``0.5%``. The library says which it takes."""

    name = "pct"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if not isinstance(value, str):
            return float(value)
        number, sign, rest = value.strip().partition("%")
        try:
            if not sign or rest:
                raise ValueError
            return float(number) / 100
        except ValueError:
            self.fail(f"{value!r} is not a percentage; write 1% or 0.5%", param, ctx)


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


class Choice(click.Choice[str]):
    """One of a few words; of a word that is none, the nearest is named."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        known = did_you_mean(str(value), self.choices)
        return super().get_invalid_choice_message(value, ctx) + known


data_option = click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with your own layouts, drives, enclosures... .toml, on top of the built-in.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON report on stdout.")


@dataclass(frozen=True)
class SizingOptions:
    """What to size for. ``given`` is whether any of it was given on the command line."""

    target: int | None
    layouts: tuple[str, ...]
    drive: str
    site: str
    data_dir: Path | None
    measure_codes: bool
    given: bool

    def storage(self) -> "Storage":
        """What of the catalogues is to be sized. Raises UsageError for an unknown name."""
        from storeff.analysis import Storage

        return Storage(self.layouts, self.drive, self.site, self.data_dir)


_SIZING = (
    click.option(
        "--target",
        type=Size(),
        help="Application bytes to size storage for, such as 50EB. Without it no layout is sized, "
        "unless --layout names one: then the scanned bytes are.",
    ),
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
        "--measure-codes",
        is_flag=True,
        help="Measure erasure codes again; otherwise that is done once on a machine.",
    ),
)
_DELIVERY = (
    click.option(
        "-o",
        "output",
        type=Output,
        metavar="FILE",
        help="Also write the JSON report here; - is stdout, and then the only thing there.",
    ),
    json_option,
    click.option("--full", is_flag=True, help="Show every section, not the first screen only."),
)


def sizing_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that turns a measurement into a bill. The command is given them
    as ``sizing`` and ``delivery``."""

    @functools.wraps(command)
    def gathered(**words: Any) -> int:
        source = click.get_current_context().get_parameter_source
        chosen = {
            name: words.pop(name) for name in ("target", "layouts", "drive", "site", "data_dir")
        }
        given = any(source(name) is ParameterSource.COMMANDLINE for name in chosen)
        sizing = SizingOptions(**chosen, measure_codes=words.pop("measure_codes"), given=given)
        delivery = Delivery(*(words.pop(name) for name in ("output", "as_json", "full")))
        return command(sizing=sizing, delivery=delivery, **words)

    for option in reversed((*_SIZING, *_DELIVERY)):
        gathered = option(gathered)
    return gathered
