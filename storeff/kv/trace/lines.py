"""The requests in a trace file: JSON lines and CSV as systems and people write them."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from storeff.errors import StoreffError
from storeff.kv.trace.file import LINE_BYTES_MAX
from storeff.kv.trace.times import (
    STATE_UNIT,
    BadLineError,
    TimeUnit,
    Unit,
    UnitFrom,
    date_ms,
    is_date,
    is_fraction,
    to_ms,
    unit_of_dates,
    usual_unit,
)
from storeff.sources.names import printable
from storeff.units import counted

TOKENS_MAX = 1 << 40
_LINES_OF_FORMAT = 5
# By so many requests the unit of their times is judged.
_PEEKED = 1000

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class Request(msgspec.Struct):
    """One request; ``hash_ids`` name the blocks of its prompt in order. None is unknown."""

    time_ms: int
    hash_ids: list[int | str]
    input_tokens: int | None = None
    output_tokens: int | None = None


Parsed = tuple[int, Request | BadLineError]
"""The line (the last one, of several) and what it holds."""


class Requests(NamedTuple):
    """The requests of a trace, what their times count, and where that comes from."""

    format: Literal["mooncake", "bailian", "csv"]
    unit: Unit
    unit_from: UnitFrom
    parsed: Iterator[Parsed]


class _JsonLine(msgspec.Struct):
    """Mooncake: time in ms. Qwen Bailian also says chat_id, and time in s."""

    timestamp: int | float | str
    hash_ids: list[int | str]
    input_length: _Tokens | None = None
    output_length: _Tokens | None = None
    chat_id: int | str | msgspec.UnsetType | None = msgspec.UNSET


_Line = tuple[int, bytes | None]
_JSON = msgspec.json.Decoder(_JsonLine)
_JSON_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def requests_of(lines: Iterable[bytes | None], unit: TimeUnit | None) -> Requests:
    """The requests in ``lines`` (None is one that is too long): JSON objects, one a line or in a
    list, or CSV. ``unit`` overrides what the format says.

    Raises StoreffError if there is none, or if the unit is not known.
    """
    numbered = enumerate(lines, 1)
    # One bad line at the beginning does not make another format.
    filled = ((n, line) for n, line in numbered if line is None or line.strip())
    first = list(islice(filled, _LINES_OF_FORMAT))
    if not first:
        raise StoreffError("the trace is empty")
    starts = [line.lstrip()[:1] if line else b"" for _, line in first]
    following = chain(first, numbered)
    if b"{" in starts or starts[0] == b"[":
        return _json_requests(following, unit)
    return _csv_requests(following, unit)


# ---- JSON ----


def _json_lines(lines: Iterator[_Line]) -> Iterator[tuple[int, _JsonLine | BadLineError]]:
    """Every request: an object a line, or the items of a list on one line or over several."""
    for number, line in lines:
        if line is None:
            yield number, BadLineError(f"it is longer than {LINE_BYTES_MAX} bytes")
            continue
        text = line.strip().removesuffix(b",")
        if text in (b"", b"[", b"]"):
            continue
        try:
            if text.startswith(b"[") and text.endswith(b"]"):
                for item in _JSON_LIST.decode(text):
                    yield number, _json_line(item)
            else:
                yield number, _json_line(text.removeprefix(b"[").removesuffix(b"]"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield number, BadLineError(str(error))
        except RecursionError:
            yield number, BadLineError("it is nested too deeply")


def _json_line(text: bytes | msgspec.Raw) -> _JsonLine | BadLineError:
    try:
        return _JSON.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return BadLineError(str(error))
    except RecursionError:
        return BadLineError("it is nested too deeply")


def _json_requests(lines: Iterator[_Line], unit: TimeUnit | None) -> Requests:
    """The format and the unit of time are those of the first good lines."""
    rest = _json_lines(lines)
    before: list[tuple[int, _JsonLine | BadLineError]] = []
    good: list[_JsonLine] = []
    for number, line in rest:
        before.append((number, line))
        if isinstance(line, _JsonLine):
            good.append(line)
        if len(good) == _PEEKED or len(before) >= (2 if good else 1) * _PEEKED:
            break
    if not before:
        raise StoreffError("the trace is empty")
    if not good:
        raise StoreffError(
            f"no request in the first {counted(len(before), 'line')}; "
            f"line {before[0][0]}: {before[0][1]}",
            "a line must be a JSON object with timestamp and hash_ids (and input_length, "
            "output_length), as in the traces of Mooncake and Qwen Bailian",
        )
    bailian = good[0].chat_id is not msgspec.UNSET
    chosen, unit_from = _json_unit(good, unit, "s" if bailian else "ms")

    def requests() -> Iterator[Parsed]:
        for number, parsed in before:
            yield number, _request(parsed, chosen, unit_from)
        for number, parsed in rest:
            yield number, _request(parsed, chosen, unit_from)

    return Requests("bailian" if bailian else "mooncake", chosen, unit_from, requests())


def _json_unit(
    good: list[_JsonLine], unit: TimeUnit | None, usual: TimeUnit
) -> tuple[Unit, UnitFrom]:
    if unit is not None:
        return unit, "given"
    if isinstance(good[0].timestamp, str):
        return "iso", "dates"
    times = [line.timestamp for line in good if not isinstance(line.timestamp, str)]
    return usual_unit([time for time in times if _is_finite(time)] or [0], usual)


def _is_finite(time: int | float) -> bool:
    return abs(time) < 1e20  # no NaN, either


def _request(
    line: _JsonLine | BadLineError, unit: Unit, unit_from: UnitFrom
) -> Request | BadLineError:
    if isinstance(line, BadLineError):
        return line
    time = line.timestamp
    try:
        if isinstance(time, str):
            if unit != "iso":
                raise BadLineError(f"time {time[:40]!r} is not a number")
            time_ms = date_ms(time)
        elif unit == "iso":
            raise BadLineError(f"time {time!r} is not a date")
        elif unit_from == "format" and is_fraction(time, unit):
            raise BadLineError(f"time {time!r} is not a whole number, unlike those before it")
        else:
            time_ms = to_ms(time, unit)
    except BadLineError as error:
        return error
    return Request(time_ms, line.hash_ids, line.input_length, line.output_length)


# ---- CSV ----


_TIME = re.compile(r"(?:arrival_)?time(?:stamp)?(?:_(s|ms|us|ns|sec|seconds))?")
_UNIT_NAMES: dict[str | None, TimeUnit] = {
    "s": "s",
    "sec": "s",
    "seconds": "s",
    "ms": "ms",
    "us": "us",
    "ns": "ns",
}
_COLUMNS = {
    "ids": ("hash_ids", "block_ids", "block_hashes", "blocks"),
    "id": ("hash_id", "block_id", "block_hash", "block"),
    "request": ("request_id", "request", "chat_id"),
    "input": ("input_length", "input_tokens", "prompt_tokens"),
    "output": ("output_length", "output_tokens", "completion_tokens"),
}
_ID_LIST = msgspec.json.Decoder(list[int | str])


def _csv_requests(lines: Iterator[_Line], unit: TimeUnit | None) -> Requests:
    """The unit of time and the requests of a CSV file with a header.

    A time column (timestamp, time, arrival_time; _s, _ms, _us or _ns says the unit; ISO dates and
    times since 1970 say it themselves), and either a list of blocks a row (hash_ids: JSON, or
    parted by blanks, commas or semicolons) or one block a row (hash_id), the rows of a request_id
    together.
    """
    numbers: list[int] = []

    def decoded() -> Iterator[str]:
        for number, line in lines:
            numbers[:] = [number]
            yield "\0" if line is None else line.decode("utf-8", "surrogateescape")

    text = decoded()
    reader = csv.reader(text)
    names = _header(reader)
    columns = {
        what: next((names.index(each) for each in known if each in names), None)
        for what, known in _COLUMNS.items()
    }
    times = [(i, match) for i, name in enumerate(names) if (match := _TIME.fullmatch(name))]
    one_a_row = columns["ids"] is None
    if not times or (one_a_row and (columns["id"] is None or columns["request"] is None)):
        shown = printable(", ".join(names)[:200].encode("utf-8", "surrogateescape"))
        raise StoreffError(
            f"the header has the columns {shown or 'none'}",
            "name a time column (timestamp_ms, timestamp_s) and hash_ids (a list a row), or "
            "request_id and hash_id (one block a row)",
        )
    at, match = times[0]
    rows = _csv_rows(reader, names, numbers)
    before = list(islice(rows, _PEEKED))
    if not before:
        raise StoreffError("the trace is empty")
    column = _UNIT_NAMES.get(match[1])
    said: Unit | None = unit or column
    unit_from: UnitFrom = "given" if unit else "column"
    if said is None:
        said, unit_from = (
            _unit_of_cells([row[at] for _, row in before if isinstance(row, list)]),
            "dates",
        )
    if said is None:
        raise StoreffError(
            f"the unit of column {names[at]} is not known",
            f"name the column {names[at]}_ms or {names[at]}_s, or {STATE_UNIT}",
            "time-unit",
        )
    parsed = _csv_parsed(chain(before, rows), columns, at, said, one_a_row)
    return Requests("csv", said, unit_from, parsed)


def _unit_of_cells(cells: list[str]) -> Unit | None:
    """What the cells of a column without a unit show: dates, or times since 1970."""
    if cells and is_date(cells[0]):
        return "iso"
    times = []
    for cell in cells:
        try:
            times.append(float(cell))
        except ValueError:
            continue
    return unit_of_dates(times)


def _header(reader: Any) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise StoreffError(f"the header is not CSV: {error}", "is it a trace?") from error
    return names[:-1] if names[-1:] == [""] else names


_Row = tuple[int, list[str] | BadLineError]


def _csv_rows(reader: Any, names: list[str], at: list[int]) -> Iterator[_Row]:
    """The rows after the header, each with its last line, which ``at`` holds."""
    with _long_fields():
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield at[0], BadLineError(str(error))
                continue
            number = at[0]
            if len(row) == len(names) + 1 and not row[-1].strip():
                # A comma at the end of the line.
                row.pop()
            if not "".join(row).strip():
                continue
            if len(row) != len(names):
                yield number, BadLineError(f"{len(row)} fields, the header has {len(names)}")
            else:
                yield number, row


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(LINE_BYTES_MAX)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv_parsed(
    rows: Iterator[_Row],
    columns: dict[str, int | None],
    at: int,
    unit: Unit,
    one_a_row: bool,
) -> Iterator[Parsed]:
    def cell(row: list[str], what: str) -> str:
        column = columns[what]
        return "" if column is None else row[column].strip()

    def request(row: list[str]) -> Request:
        ids: list[int | str] = [cell(row, "id")] if one_a_row else _id_list(cell(row, "ids"))
        if "" in ids:
            raise BadLineError("the block has no id")
        return Request(
            _csv_time(row[at], unit),
            ids,
            _csv_tokens(cell(row, "input")),
            _csv_tokens(cell(row, "output")),
        )

    open_name: str | None = None
    gathered: Request | None = None
    line = 0
    for number, row in rows:
        try:
            if isinstance(row, BadLineError):
                raise row
            parsed = request(row)
        except BadLineError as error:
            yield number, error
            continue
        if not one_a_row:
            yield number, parsed
        elif gathered is not None and cell(row, "request") == open_name:
            gathered.hash_ids.extend(parsed.hash_ids)
            line = number
        else:
            if gathered is not None:
                yield line, gathered
            gathered, open_name, line = parsed, cell(row, "request"), number
    if gathered is not None:
        yield line, gathered


def _csv_time(text: str, unit: Unit) -> int:
    if unit == "iso":
        return date_ms(text)
    try:
        time = int(text) if text.strip().lstrip("-").isdecimal() else float(text)
    except ValueError as error:
        raise BadLineError(f"time {text[:40]!r} is not a number") from error
    return to_ms(time, unit)


def _csv_tokens(text: str) -> int | None:
    if not text:
        return None
    try:
        tokens = int(text)
    except ValueError as error:
        raise BadLineError(f"{text[:40]!r} is not a number of tokens") from error
    if not 0 <= tokens <= TOKENS_MAX:
        raise BadLineError(f"{tokens} tokens are out of range")
    return tokens


def _id_list(text: str) -> list[int | str]:
    if not text.startswith("["):
        return list(re.split(r"[\s,;|]+", text)) if text else []
    try:
        return _ID_LIST.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadLineError(f"hash_ids: {error}") from error
