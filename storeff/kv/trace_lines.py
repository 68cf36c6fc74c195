"""The requests in a trace file: JSON lines and CSV as systems and people write them."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, BinaryIO, Literal

import msgspec

from storeff.errors import StoreffError

TimeUnit = Literal["s", "ms", "us", "ns"]
# Milliseconds are num / den units.
_MS: dict[TimeUnit, tuple[int, int]] = {
    "s": (1000, 1),
    "ms": (1, 1),
    "us": (1, 1000),
    "ns": (1, 1_000_000),
}
# A million ids of 20 digits fit in a quarter of it.
LINE_BYTES_MAX = 64 << 20
TOKENS_MAX = 1 << 40
_TIME_MS_MAX = 1 << 53

_Tokens = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class BadLineError(Exception):
    """Why one line cannot be used."""


class Request(msgspec.Struct):
    """One request; ``hash_ids`` name the blocks of its prompt in order. None is not said."""

    time_ms: int
    hash_ids: list[int | str]
    input_tokens: int | None = None
    output_tokens: int | None = None


Parsed = tuple[int, Request | BadLineError]
"""The line (the last one, of several) and what it holds."""


class _JsonLine(msgspec.Struct):
    """Mooncake: time in ms. Qwen Bailian also says chat_id, and time in s."""

    timestamp: int | float
    hash_ids: list[int | str]
    input_length: _Tokens | None = None
    output_length: _Tokens | None = None
    chat_id: int | str | msgspec.UnsetType | None = msgspec.UNSET


def _to_ms(time: int | float, unit: TimeUnit) -> int:
    num, den = _MS[unit]
    if isinstance(time, int):
        time_ms = time * num // den
    elif abs(time) < 2 * _TIME_MS_MAX * den / num:
        time_ms = round(time * num / den)
    else:  # infinite or NaN, too
        raise BadLineError(f"time {time!r} is out of range")
    if abs(time_ms) > _TIME_MS_MAX:
        raise BadLineError(f"time {time!r} is out of range")
    return time_ms


def lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Every line of ``file``; None for one longer than LINE_BYTES_MAX."""
    while line := file.readline(LINE_BYTES_MAX):
        if len(line) < LINE_BYTES_MAX or line.endswith(b"\n"):
            yield line
            continue
        while rest := file.readline(LINE_BYTES_MAX):
            if rest.endswith(b"\n"):
                break
        yield None


def json_requests(
    file: BinaryIO, unit: TimeUnit | None
) -> tuple[Literal["mooncake", "bailian"], TimeUnit, Iterator[Parsed]]:
    """The format and the unit of time by the first good line, and all requests.

    Raises StoreffError if there is no good line.
    """
    decoder = msgspec.json.Decoder(_JsonLine)

    def parse(line: bytes | None) -> _JsonLine | BadLineError:
        if line is None:
            return BadLineError(f"it is longer than {LINE_BYTES_MAX} bytes")
        try:
            return decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return BadLineError(str(error))
        except RecursionError:
            return BadLineError("it is nested too deeply")

    numbered = enumerate(lines(file), 1)
    before: list[tuple[int, _JsonLine | BadLineError]] = []
    for number, line in numbered:
        if line is not None and not line.strip():
            continue
        before.append((number, parse(line)))
        if isinstance(before[-1][1], _JsonLine) or len(before) == 1000:
            break
    if not before:
        raise StoreffError("the trace is empty")
    first = before[-1][1]
    if isinstance(first, BadLineError):
        raise StoreffError(
            f"none of the first {len(before)} lines is a request; "
            f"line {before[0][0]}: {before[0][1]}",
            "a line must be a JSON object with timestamp and hash_ids (and input_length, "
            "output_length), as in the traces of Mooncake and Qwen Bailian",
        )
    bailian = first.chat_id is not msgspec.UNSET
    chosen: TimeUnit = unit or ("s" if bailian else "ms")

    def requests() -> Iterator[Parsed]:
        for number, parsed in before:
            yield number, _request(parsed, chosen)
        for number, line in numbered:
            if line is None or line.strip():
                yield number, _request(parse(line), chosen)

    return "bailian" if bailian else "mooncake", chosen, requests()


def _request(line: _JsonLine | BadLineError, unit: TimeUnit) -> Request | BadLineError:
    if isinstance(line, BadLineError):
        return line
    try:
        time_ms = _to_ms(line.timestamp, unit)
    except BadLineError as error:
        return error
    return Request(time_ms, line.hash_ids, line.input_length, line.output_length)


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


def csv_requests(
    file: BinaryIO, unit: TimeUnit | None
) -> tuple[TimeUnit | Literal["iso"], Iterator[Parsed]]:
    """The unit of time and the requests of a CSV file with a header.

    A time column (timestamp, time, arrival_time; _s, _ms, _us or _ns says the unit; ISO dates say
    it themselves), and either a list of blocks a row (hash_ids: JSON, or parted by blanks, commas
    or semicolons) or one block a row (hash_id), the rows of a request_id together.
    """
    text = (
        "\0" if line is None else line.decode("utf-8-sig", "surrogateescape")
        for line in lines(file)
    )
    reader = csv.reader(text)
    names = _header(reader)
    columns = {
        what: next((names.index(each) for each in known if each in names), None)
        for what, known in _COLUMNS.items()
    }
    times = [(i, match) for i, name in enumerate(names) if (match := _TIME.fullmatch(name))]
    one_a_row = columns["ids"] is None
    if not times or (one_a_row and (columns["id"] is None or columns["request"] is None)):
        raise StoreffError(
            f"the header has the columns {', '.join(names)[:200] or 'none'}",
            "name a time column (timestamp_ms, timestamp_s) and hash_ids (a list a row), or "
            "request_id and hash_id (one block a row)",
        )
    at, match = times[0]
    said: TimeUnit | Literal["iso"] | None = unit or _UNIT_NAMES.get(match[1])
    rows = _csv_rows(reader, names)
    first = next(rows, None)
    if first is None:
        raise StoreffError("the trace is empty")
    if said is None and isinstance(first[1], list) and _is_date(first[1][at]):
        said = "iso"
    if said is None:
        raise StoreffError(
            f"the unit of column {names[at]} is not known",
            f"name the column {names[at]}_ms or {names[at]}_s, or state the unit",
        )
    return said, _csv_parsed(first, rows, columns, at, said, one_a_row)


def _header(reader: Any) -> list[str]:
    try:
        return [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise StoreffError(f"the header is no CSV: {error}", "is it a trace?") from error


_Row = tuple[int, list[str] | BadLineError]


def _csv_rows(reader: Any, names: list[str]) -> Iterator[_Row]:
    with _long_fields():
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield reader.line_num, BadLineError(str(error))
                continue
            if not row:
                continue
            if len(row) != len(names):
                wrong = BadLineError(f"{len(row)} fields, the header has {len(names)}")
                yield reader.line_num, wrong
            else:
                yield reader.line_num, row


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(LINE_BYTES_MAX)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv_parsed(
    first: _Row,
    rows: Iterator[_Row],
    columns: dict[str, int | None],
    at: int,
    unit: TimeUnit | Literal["iso"],
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
    for number, row in _chain(first, rows):
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


def _chain(first: _Row, rows: Iterator[_Row]) -> Iterator[_Row]:
    yield first
    yield from rows


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    # 20250218 is one, but more likely a number.
    return not text.strip().isdecimal()


def _csv_time(text: str, unit: TimeUnit | Literal["iso"]) -> int:
    try:
        if unit == "iso":
            date = datetime.fromisoformat(text.strip())
            zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
            return _to_ms(zoned.timestamp(), "s")
        return _to_ms(int(text) if text.strip().lstrip("-").isdecimal() else float(text), unit)
    except ValueError as error:
        raise BadLineError(
            f"time {text[:40]!r} is no {'date' if unit == 'iso' else 'number'}"
        ) from error


def _csv_tokens(text: str) -> int | None:
    if not text:
        return None
    try:
        tokens = int(text)
    except ValueError as error:
        raise BadLineError(f"{text[:40]!r} is no number of tokens") from error
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
