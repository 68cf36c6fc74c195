"""Option types and options that several commands share."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from storeff.commands.deliver import Delivery
from storeff.commands.output import Output

if TYPE_CHECKING:
    from storeff.analysis import Storage

from storeff.commands.parameters import REDUCTIONS, Choice, FileOf, Nines, Percentage, Size

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
layout_option = click.option(
    "--layout", metavar="NAME", help="Layout of the report [default: its reference layout]."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON report on stdout.")


@dataclass(frozen=True)
class SizingOptions:
    """What to size for. ``given`` are the names of what was given on the command line."""

    target: int | None
    layouts: tuple[str, ...]
    drives: tuple[str, ...]
    site: str
    data_dir: Path | None
    measure_codes: bool
    given: tuple[str, ...]
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
        given = tuple(name for name in chosen if source(name) is ParameterSource.COMMANDLINE)
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
