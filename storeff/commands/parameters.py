"""Words of the command line: sizes, shares, durations, names; each with its own error."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from storeff.commands.output import Output
from storeff.errors import StoreffError, did_you_mean
from storeff.units import parse_duration, parse_size

if TYPE_CHECKING:
    pass

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
