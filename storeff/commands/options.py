"""Option types and options that several commands share."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
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
# Beyond what any system is said to reach, and what doubles hold of its complement.
NINES_MOST = 30
SHARDS_MAX = 1_000_000
# Those of storeff.analysis, which --help would be slower to import; a test holds them equal.
REDUCTIONS = ("configured", "shipped", "none")
TABLES = ("default", "full")


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


class Shard(click.ParamType[tuple[int, int]]):
    """A shard ``i/N``; i counts from 1, or from 0, as 0/N and N/N are the same."""

    name = "i/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if not isinstance(value, str):
            i, count = value
            return i, count
        number, slash, of = value.strip().partition("/")
        if not (slash and number.isdecimal() and of.isdecimal()):
            self.fail(f"{value!r} is no shard; write 3/7", param, ctx)
        if not 1 <= int(of) <= SHARDS_MAX:
            self.fail(f"{value!r} is not of 1 to {SHARDS_MAX:,} shards", param, ctx)
        if int(number) > int(of):
            self.fail(f"{value!r}: there is no shard {number} of {of}", param, ctx)
        return int(number) % int(of), int(of)


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


class Promised(click.ParamType[Fraction]):
    """A promised data reduction ratio: ``ratio=2.5``, or ``2.5:1``."""

    name = "ratio=X"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        text = str(value).strip().removeprefix("ratio=").removesuffix(":1").removesuffix("x")
        try:
            ratio = Fraction(text)
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is not a ratio; write ratio=2.5 or 2.5:1", param, ctx)
        if not Fraction(1, 1000) <= ratio <= 10**9:
            self.fail(f"{value!r} is no data reduction ratio; write ratio=2.5 or 2.5:1", param, ctx)
        return ratio


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
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON report on stdout.")


class Nines(click.ParamType[float | None]):
    """A durability: ``11nines`` or ``11``; ``none`` asks for none."""

    name = "nines"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if not isinstance(value, str):
            return None if value is None else float(value)
        text = value.strip().lower()
        if text == "none":
            return None
        try:
            nines = float(text.removesuffix("nines").strip())
        except ValueError:
            self.fail(f"{value!r} is not a durability; write 11nines, or none", param, ctx)
        if not 1 <= nines <= NINES_MOST:
            self.fail(f"{value!r} is not from 1 to {NINES_MOST} nines", param, ctx)
        return nines


class FileOf(click.ParamType[Output]):
    """Where the report goes in the format ``to``: any file but stdout, which has it in another."""

    name = "file"

    def __init__(self, to: str) -> None:
        self.to = to

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        output = value if isinstance(value, Output) else Output(value, f"--{self.to}")
        if output.is_stdout:
            raise StoreffError(
                f"--{self.to} takes a file, as the report itself is on stdout",
                f"name a file, or make it of a report: storeff report FILE --to {self.to}",
            )
        return output


@dataclass(frozen=True)
class SizingOptions:
    """What to size for. ``given`` is whether any of it was given on the command line."""

    target: int | None
    layouts: tuple[str, ...]
    drives: tuple[str, ...]
    site: str
    data_dir: Path | None
    measure_codes: bool
    given: bool
    reduction: str = "configured"
    durability: float | None = None
    growth: float = 0.0
    snapshots: float = 0.0
    own_layouts: Path | None = None

    @property
    def drive(self) -> str:
        """The one kind of drive, or the first."""
        return self.drives[0]

    def storage(self, drive: str | None = None) -> "Storage":
        """What of the catalogues is to be sized, on the one kind of drive if none is named. Raises
        UsageError for an unknown name."""
        from storeff.analysis import POLICIES, Storage

        return Storage(
            self.layouts,
            drive or self.drive,
            self.site,
            self.data_dir,
            POLICIES[self.reduction],
            self.durability,
            self.growth,
            self.snapshots,
            self.own_layouts,
        )


_OBJECTS = (
    click.option(
        "--endpoint",
        metavar="URL",
        help="Server that speaks S3, such as https://minio:9000; http:// only if it is written so "
        "[default: AWS_ENDPOINT_URL, or Amazon's].",
    ),
    click.option(
        "--request-rate",
        "requests_per_second",
        type=click.FloatRange(0, min_open=True),
        metavar="N",
        help="Ask an object store no more than so many times a second, all threads together.",
    ),
)


def objects_options(command: Callable[..., int]) -> Callable[..., int]:
    """How object stores are reached. The command is given them as ``access``, None if nothing was
    asked."""

    @functools.wraps(command)
    def gathered(**words: Any) -> int:
        from storeff.sources.object_client import Access

        asked = {name: words.pop(name) for name in ("endpoint", "requests_per_second")}
        is_asked = any(value is not None for value in asked.values())
        return command(access=Access(**asked) if is_asked else None, **words)

    for option in reversed(_OBJECTS):
        gathered = option(gathered)
    return gathered


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
        "[default: all that run on the drive, for a --target].",
    ),
    click.option("--site", default="colocation-us", show_default=True, metavar="NAME"),
    data_option,
    click.option(
        "--measure-codes",
        is_flag=True,
        help="Measure erasure codes again; otherwise that is done once on a machine.",
    ),
)
_DRIVE = click.option("--drive", default="qlc-122", show_default=True, metavar="NAME")
_COMPARING = (
    click.option(
        "--reduction",
        type=Choice(REDUCTIONS),
        default="configured",
        show_default=True,
        help="Credit every layout with what its system can be configured to remove, with what it "
        "removes as shipped, or with none.",
    ),
    click.option(
        "--durability",
        type=Nines(),
        default="11nines",
        show_default=True,
        help="Give each layout the parity that this takes, by drive failures alone, as far as its "
        "system can be configured so; none takes the parity of the catalogue.",
    ),
)
_DATA = (
    click.option(
        "--growth",
        type=Percentage(),
        default="0%",
        metavar="PCT",
        help="By how much the target grows until the storage is full [default: 0%].",
    ),
    click.option(
        "--snapshots",
        type=Percentage(),
        default="0%",
        metavar="PCT",
        help="What older states of the target add to it [default: 0%].",
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
    click.option(
        "--html",
        type=FileOf("html"),
        metavar="FILE",
        help="Also write the report here as one page with charts, to read and to send on.",
    ),
    click.option(
        "--xlsx",
        type=FileOf("xlsx"),
        metavar="FILE",
        help="Also write the report here as a workbook, in which the bill follows the assumptions.",
    ),
    json_option,
    click.option("--full", is_flag=True, help="Show every section, not the first screen only."),
)


def sizing_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that turns a measurement into a bill. The command is given them
    as ``sizing`` and ``delivery``."""
    return _with_options(
        (*_SIZING[:2], _DRIVE, *_SIZING[2:], *_COMPARING, *_DATA, *_DELIVERY), command
    )


def caching_options(command: Callable[..., int]) -> Callable[..., int]:
    """Those of a command that sizes caches: what is lost of one is computed again, and its data
    reduction is its own."""
    return _with_options((*_SIZING[:2], _DRIVE, *_SIZING[2:], *_DELIVERY), command)


def comparing_options(command: Callable[..., int]) -> Callable[..., int]:
    """Those of a command that compares several kinds of drives."""
    drives = click.option(
        "--drive",
        multiple=True,
        metavar="NAME",
        help="Kind of drive, repeatable [default: all flash that has a price].",
    )
    own = click.option(
        "--layouts",
        "own_layouts",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Layouts of your own beside the built-in ones, as storeff layouts --toml prints them.",
    )
    return _with_options(
        (*_SIZING[:2], own, drives, *_SIZING[2:], *_COMPARING, *_DATA, *_DELIVERY), command
    )


def _with_options(
    options: Sequence[Callable[..., Any]], command: Callable[..., int]
) -> Callable[..., int]:
    @functools.wraps(command)
    def gathered(**words: Any) -> int:
        source = click.get_current_context().get_parameter_source
        names = (
            *("target", "layouts", "drive", "site", "data_dir"),
            *("reduction", "durability", "growth", "snapshots", "own_layouts"),
        )
        chosen = {name: words.pop(name) for name in names if name in words}
        given = any(source(name) is ParameterSource.COMMANDLINE for name in chosen)
        drive = chosen.pop("drive")
        sizing = SizingOptions(
            **chosen,
            drives=(drive,) if isinstance(drive, str) else drive,
            measure_codes=words.pop("measure_codes"),
            given=given,
        )
        return command(sizing=sizing, delivery=_delivery(words), **words)

    for option in reversed(options):
        gathered = option(gathered)
    return gathered


def delivering_options(command: Callable[..., int]) -> Callable[..., int]:
    """Those of a command that adds to a finished report. It is given them as ``delivery``."""

    @functools.wraps(command)
    def gathered(**words: Any) -> int:
        return command(delivery=_delivery(words), **words)

    for option in reversed(_DELIVERY):
        gathered = option(gathered)
    return gathered


def _delivery(words: dict[str, Any]) -> Delivery:
    """Where the report goes, taken out of ``words``."""
    others = {name: words.pop(name) for name in ("html", "xlsx")}
    return Delivery(
        words.pop("output"),
        {name: output for name, output in others.items() if output is not None},
        as_json=words.pop("as_json"),
        full=words.pop("full"),
    )
