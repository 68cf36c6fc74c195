"""Traces of requests with the hashes of their prompts' blocks, as arrays.

Read: JSON lines of Mooncake (github.com/kvcache-ai/Mooncake, FAST25-release/traces: timestamp in
ms, input_length, output_length, hash_ids) and of Qwen Bailian
(github.com/alibaba-edu/qwen-bailian-usagetraces-anon: the same with timestamp in s, and chat_id),
and CSV (see trace_lines); packed or not.
"""

import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import msgspec
import numpy as np
import numpy.typing as npt

from storeff._native import PrefixKeys
from storeff.errors import StoreffError
from storeff.kv.trace.file import open_trace
from storeff.kv.trace.lines import Parsed, Request, Requests, requests_of
from storeff.kv.trace.times import BadLineError, TimeUnit, Unit, UnitFrom

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

# Keys are given to so many blocks at a time.
_BATCH_BLOCKS = 1 << 20
_UNKNOWN = -1
BLOCK_TOKENS_MAX = 1 << 20
# Share of the requests whose length and number of blocks must agree on a size of blocks.
_AGREE_MIN = 0.99
# Where lengths leave several sizes open, that of the published traces of the format.
_USUAL_TOKENS = {"mooncake": 512, "bailian": 16, "csv": None}
# With so many bad lines their share is known well enough to give up early.
_BAD_LINES_ENOUGH = 1000
# So few cost themselves even in a short trace.
_BAD_LINES_FEW = 10


class TraceNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, assumed and left out.

    ``ids_name_prefix``: equal ids always stood behind equal ids, so an id names all of its prefix;
    else blocks are told apart by id and prefix. ``late_requests`` came before an earlier one in the
    file and were sorted by time. ``length_disagrees``: requests of which the input length fits
    their number of blocks neither with a partial last block nor with a tail that has none.
    ``hole_bytes`` of the file were never written, and passed over.
    """

    format: Literal["mooncake", "bailian", "csv"]
    time_unit: Unit
    block_tokens_from: Literal["given", "inferred", "format"]
    ids_name_prefix: bool
    bad_lines: int
    bad_line_example: str | None
    late_requests: int
    length_unknown: int
    length_disagrees: int
    time_unit_from: UnitFrom = "format"
    hole_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Trace:
    """Requests in the order of time.

    Request r came at ``times_ms[r]`` with the blocks ``keys[offsets[r]:offsets[r + 1]]``; a key,
    below ``unique``, names a block and its prefix. ``input_tokens`` (requests,) are those of the
    prompt, by its blocks where its length is unknown; ``last_tokens`` of its last block, all others
    have ``block_tokens``. ``output_tokens`` is None if any is unknown.
    """

    times_ms: I64
    offsets: I64
    keys: U32
    unique: int
    input_tokens: I64
    last_tokens: U32
    output_tokens: I64 | None
    block_tokens: int
    notes: TraceNotes

    @property
    def requests(self) -> int:
        return len(self.times_ms)

    @property
    def blocks(self) -> int:
        return len(self.keys)

    @property
    def span_seconds(self) -> float:
        """From the first request to the last."""
        return float(self.times_ms[-1] - self.times_ms[0]) / 1000 if self.requests else 0.0


class _Builder:
    def __init__(self) -> None:
        self.times, self.inputs, self.outputs = array("q"), array("q"), array("q")
        self.offsets, self.keys = array("q", [0]), array("I")
        self.prefixes = PrefixKeys()
        self.ids, self.ends = array("q"), array("q", [0])  # not keyed yet
        self.text: bool | None = None  # whether ids are text; None: there was none yet
        self.names: dict[str, int] = {}  # of ids that are

    def add(self, request: Request) -> None:
        """Raises BadLineError, and leaves everything as it was."""
        self._add_ids(request.hash_ids)
        self.times.append(request.time_ms)
        for column, tokens in (
            (self.inputs, request.input_tokens),
            (self.outputs, request.output_tokens),
        ):
            column.append(_UNKNOWN if tokens is None else tokens)
        self.ends.append(len(self.ids))
        if len(self.ids) >= _BATCH_BLOCKS:
            self.give_keys()

    def _add_ids(self, ids: list[int | str]) -> None:
        if not ids:
            return
        text = isinstance(ids[0], str)
        if self.text not in (None, text):
            kinds = ("text", "numbers") if text else ("numbers", "text")
            raise BadLineError(f"hash_ids are {kinds[0]}, and {kinds[1]} in the lines before")
        if not all(isinstance(each, str) == text for each in ids):
            raise BadLineError("hash_ids are numbers and text")
        if text:
            self.ids.extend(self._named(cast("list[str]", ids)))
        else:
            self._add_numbers(cast("list[int]", ids))
        self.text = text

    def _named(self, ids: list[str]) -> list[int]:
        """A number for each text."""
        names = self.names
        return [names.setdefault(each, len(names)) for each in ids]

    def _add_numbers(self, ids: list[int]) -> None:
        try:
            self.ids.fromlist(ids)
        except OverflowError:
            self.ids.fromlist([_as_signed(number) for number in ids])

    def give_keys(self) -> None:
        ids = np.frombuffer(self.ids, np.uint64) if self.ids else np.empty(0, np.uint64)
        keys = self.prefixes.add(ids, np.frombuffer(self.ends, np.int64))
        begin = len(self.keys)
        self.keys.frombytes(keys.view(np.uint8).data)
        self.offsets.extend(begin + end for end in self.ends[1:])
        self.ids, self.ends = array("q"), array("q", [0])


def _as_signed(number: int) -> int:
    if not -(1 << 63) <= number < 1 << 64:
        raise BadLineError(f"block hash {number} does not fit 64 bits")
    return number - (1 << 64) if number >= 1 << 63 else number


class StoppedError(Exception):
    """Reading was interrupted."""


def read_trace(
    path: str | Path,
    *,
    block_tokens: int | None = None,
    time_unit: TimeUnit | None = None,
    bad_share_max: float = 0.01,
    stop: threading.Event | None = None,
) -> Trace:
    """The trace in the file ``path``, packed (gzip, Zstandard) or not.

    ``block_tokens`` is the size of a block, inferred from lengths and numbers of blocks where it is
    not given; ``time_unit`` overrides what the format says. Block hashes are numbers, the same
    modulo 2^64, or text. A bad line costs itself; raises StoreffError if more than
    ``bad_share_max`` of the lines are bad, and more than a few, or if the size of blocks or the
    unit of times is not known; StoppedError once ``stop`` is set.
    """
    if block_tokens is not None and not 1 <= block_tokens <= BLOCK_TOKENS_MAX:
        raise StoreffError(f"block_tokens must be in 1..{BLOCK_TOKENS_MAX}, not {block_tokens}")
    try:
        with open_trace(path) as file:
            requests = requests_of(file.lines(), time_unit)
            builder, bad_lines, example = _gather(requests.parsed, bad_share_max, stop)
            hole_bytes = file.hole_bytes
    except OSError as error:
        raise StoreffError(f"cannot read {path}: {error.strerror}") from error
    except StoreffError as error:
        raise StoreffError(f"{path}: {error.message}", error.remedy, error.code) from error
    if not builder.keys:
        raise StoreffError(
            f"{path}: no request has block hashes",
            "a trace for replay needs the hashes of its blocks (hash_ids)",
        )
    return _finish(str(path), builder, block_tokens, requests, bad_lines, example, hole_bytes)


def _gather(
    parsed: Iterator[Parsed], bad_share_max: float, stop: threading.Event | None
) -> tuple[_Builder, int, str | None]:
    builder, good, bad, example = _Builder(), 0, 0, None
    for number, request in parsed:
        try:
            if isinstance(request, BadLineError):
                raise request
            builder.add(request)
            good += 1
        except BadLineError as error:
            bad += 1
            example = example or f"line {number}: {error}"
            if bad >= _BAD_LINES_ENOUGH and bad > bad_share_max * (good + bad):
                break
        if stop is not None and stop.is_set():
            raise StoppedError
    if bad > max(bad_share_max * (good + bad), min(_BAD_LINES_FEW, good - 1)):
        raise StoreffError(
            f"{bad} of {good + bad} lines are bad, a share over {bad_share_max:.3g}; {example}",
            "is it a trace of requests with block hashes? Then take the bad lines out",
        )
    builder.give_keys()
    return builder, bad, example


def _finish(
    path: str,
    builder: _Builder,
    block_tokens: int | None,
    requests: Requests,
    bad_lines: int,
    example: str | None,
    hole_bytes: int,
) -> Trace:
    times, offsets, lengths, outputs = (
        np.frombuffer(column, np.int64)
        for column in (builder.times, builder.offsets, builder.inputs, builder.outputs)
    )
    keys = np.frombuffer(builder.keys, np.uint32)
    unique = len(builder.prefixes)
    ids_name_prefix = len(np.unique(builder.prefixes.ids())) == unique
    late = int(np.count_nonzero(times < np.maximum.accumulate(times)))
    if late:
        order = np.argsort(times, kind="stable")
        offsets, keys = _reorder(offsets, keys, order)
        times, lengths, outputs = times[order], lengths[order], outputs[order]
    blocks = np.diff(offsets)
    size_from: Literal["given", "inferred", "format"] = "given"
    if block_tokens is None:
        usual = _USUAL_TOKENS[requests.format]
        block_tokens, size_from = infer_block_tokens(lengths, blocks, path, usual)
    size = block_tokens
    known = lengths != _UNKNOWN
    input_tokens = np.where(known, lengths, blocks * size)
    last = input_tokens - (blocks - 1) * size
    # A prompt may be longer than its blocks: its tail then has no hash.
    disagrees = known & (blocks > 0) & ((last < 1) | (last >= 2 * size))
    last = np.where(last < 1, size, np.minimum(last, size))
    return Trace(
        times_ms=times,
        offsets=offsets,
        keys=keys,
        unique=unique,
        input_tokens=np.maximum(input_tokens, np.where(disagrees, blocks * size, 0)),
        last_tokens=last.astype(np.uint32),
        output_tokens=None if (outputs == _UNKNOWN).any() else outputs,
        block_tokens=size,
        notes=TraceNotes(
            format=requests.format,
            time_unit=requests.unit,
            block_tokens_from=size_from,
            ids_name_prefix=ids_name_prefix,
            bad_lines=bad_lines,
            bad_line_example=example,
            late_requests=late,
            length_unknown=int(np.count_nonzero(~known)),
            length_disagrees=int(np.count_nonzero(disagrees)),
            time_unit_from=requests.unit_from,
            hole_bytes=hole_bytes,
        ),
    )


def _reorder(offsets: I64, keys: U32, order: npt.NDArray[np.intp]) -> tuple[I64, U32]:
    blocks = np.diff(offsets)[order]
    ends = np.concatenate(([0], np.cumsum(blocks)))
    # Where each block comes from: its request's beginning, and its place in the request.
    source = np.repeat(offsets[:-1][order] - ends[:-1], blocks) + np.arange(ends[-1])
    return ends.astype(np.int64), keys[source]


def infer_block_tokens(
    lengths: I64, blocks: I64, where: str, usual: int | None = None
) -> tuple[int, Literal["inferred", "format"]]:
    """The tokens of a block, from lengths of prompts (-1: unknown) and their numbers of blocks.

    The power of two for which nearly all prompts end in their last block, or in a tail shorter than
    a block that has no hash; else the only size that fits all; of several, the ``usual`` one of the
    format. Raises StoreffError if that is none.
    """
    remedy = "state the size of a block"
    usable = (lengths > 0) & (blocks > 0)
    n, length = blocks[usable], lengths[usable]
    if not len(n):
        raise StoreffError(f"{where}: no request has an input length", remedy, "block-tokens")
    fitting = []
    for size in (1 << i for i in range(BLOCK_TOKENS_MAX.bit_length())):
        partial = np.mean((length <= n * size) & (length > (n - 1) * size))
        whole = np.mean((length >= n * size) & (length < (n + 1) * size))
        if max(partial, whole) >= _AGREE_MIN:
            fitting.append(size)
    if not fitting:
        many = np.maximum(n - 1, 1)
        partial_max = int(np.min(np.where(n > 1, (length - 1) // many, BLOCK_TOKENS_MAX)))
        partial_range = range(int(np.max(-(-length // n))), partial_max + 1)
        whole_range = range(int(np.max(length // (n + 1))) + 1, int(np.min(length // n)) + 1)
        # A few show that it is not one.
        fitting = sorted({*partial_range[:9], *whole_range[:9]})
    if len(fitting) == 1:
        return fitting[0], "inferred"
    if usual in fitting:
        return usual, "format"
    found = " or ".join(map(str, fitting[:3])) + (" or ..." if fitting[3:] else "")
    raise StoreffError(
        f"{where}: the tokens of a block are ambiguous: lengths and numbers of blocks fit "
        f"{found or 'none'}",
        remedy,
        "block-tokens",
    )
