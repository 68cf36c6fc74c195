"""The report's section on KV caches: a model's bytes a token, dumps, a trace, and retention."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from storeff.data import Assumption
from storeff.economics import Drive, build_scenario
from storeff.errors import StoreffError
from storeff.kv.explain import explain
from storeff.kv.formats import CacheFormat
from storeff.kv.model import Model, bytes_per_token, written_bytes_per_token
from storeff.kv.replay import Replayed
from storeff.kv.retention import ASSUMPTIONS, Flash, Retention
from storeff.kv.survey import Survey
from storeff.kv.trace import Trace
from storeff.layout import Data, Layout, usable_fraction
from storeff.layout.model import ONE_POINT
from storeff.quantity import Quantity
from storeff.report.model import KvModel, KvRetention
from storeff.report.sizing import Sized

# Lengths that a formula is shown for if the model does not say how long its context may be.
EXAMPLE_TOKENS = 131_072
# Capacities to replay, as shares of the trace's distinct blocks, if none are named.
CAPACITY_SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)
# Chunks of so many of a trace's blocks, to show what larger ones lose.
CHUNK_BLOCKS = (1, 2, 4)


def describe_model(model: Model, tokens: int | None, cache_format: CacheFormat | None) -> KvModel:
    """``model`` for the report, its formula with the sum at ``tokens``."""
    used = cache_format or model.cache_format
    return KvModel(
        name=model.name,
        cache_format=used,
        bytes_per_token=bytes_per_token(model, used),
        written_bytes_per_token=written_bytes_per_token(model, used),
        formula=explain(model, tokens or model.context_tokens or EXAMPLE_TOKENS, used),
        source=model.source,
    )


def capacities_blocks(
    trace: Trace, capacities_bytes: Sequence[int], model: KvModel | None
) -> list[int]:
    """Caches of ``capacities_bytes``, or of round shares of the trace's blocks, in blocks."""
    if not capacities_bytes:
        return [max(1, round(share * trace.unique)) for share in CAPACITY_SHARES]
    assert model is not None
    block_bytes = model.written_bytes_per_token * trace.block_tokens
    return [size_bytes // block_bytes for size_bytes in capacities_bytes]


def leanest(layouts: Sequence[Layout[Assumption]]) -> Layout[Assumption]:
    """The layout that leaves the most of raw for data."""
    return max(layouts, key=lambda layout: usable_fraction(layout))


def measured_ratio(survey: Survey | None) -> Quantity:
    """What the best lossless scheme makes of the measured dumps, keys and values together.

    Raises StoreffError unless there are dumps of one dtype.
    """
    parts = [] if survey is None or survey.measured is None else survey.measured.overall
    if len({part.dtype for part in parts}) != 1:
        raise StoreffError(
            "--lossless needs dumps of one dtype to be measured on",
            "name a directory of dumps beside the trace",
        )
    return parts[0].winner.ratio


def billed(rows: Sequence[Retention]) -> Retention:
    """The row that is sized: the last TTL, everything written at its first use."""
    return [row for row in rows if row.admission == 1][-1]


def flash_of(
    model: Model,
    cache_format: CacheFormat | None,
    drive: Drive[Assumption],
    layout: Layout[Assumption],
    *,
    waf: float,
    compression_ratio: Quantity | None,
) -> Flash:
    """The store that retention is sized for.

    Raises StoreffError if the drive has no rating, or is not priced in USD.
    """
    if drive.rated_dwpd.value is None:
        raise StoreffError(
            f"{drive.name} has no rated_dwpd, so nothing can be said of its endurance",
            "choose another --drive, or put the rating into drives.toml of --data",
        )
    if drive.price.currency not in (None, "USD"):
        raise StoreffError(
            f"{drive.price.path} is in {drive.price.currency}, and retention is counted in USD",
            "give the price in USD: storeff knows no exchange rate",
        )
    price = drive.price.value
    return Flash(
        bytes_per_token=written_bytes_per_token(model, cache_format),
        drive_capacity_bytes=int(_known(drive.capacity_bytes)),
        rated_dwpd=float(drive.rated_dwpd.value),
        drive_years=float(_known(drive.warranty_years)),
        compression_ratio=compression_ratio,
        fill_limit=float(_fill(layout)),
        raw_per_usable=float(_raw_per_usable(layout)),
        waf=waf,
        drive_price_usd=None if price is None else float(price),
    )


def kv_scenarios(
    logical_bytes: int,
    row: Retention,
    flash: Flash,
    layouts: Sequence[Layout[Assumption]],
    *,
    drive: str,
    site: str,
    extra: dict[str, Path],
) -> list[Sized]:
    """``layouts`` holding ``logical_bytes`` of uncompressed KV at the retention of ``row``.

    Where endurance binds, raw is bought for its writes and stays as empty as that makes it: the
    fill limit is lowered. Empty if less than a point of raw could be filled.
    """
    fill_for_writes = _fill_for_writes(row, flash)
    ratio = flash.compression_ratio
    value = Fraction(1) if ratio is None or ratio.value is None else Fraction(ratio.value)
    data = Data(
        logical_bytes=Assumption(
            path="data.logical_bytes", value=Fraction(logical_bytes), kind="measured"
        ),
        reduction_ratio=Assumption(path="data.reduction_ratio", value=value, kind="measured"),
    )
    made = []
    for layout in layouts:
        limit = fill_for_writes / (1 - _known(layout.rebuild_reserve))
        if limit < _known(layout.fill_limit):
            if limit <= ONE_POINT:
                return []
            worn = Assumption(
                path="kv.fill_limit_for_endurance",
                value=limit,
                unit="fraction of raw less the reserve",
                source=f"{flash.rated_dwpd:g} drive writes a day, {row.ttl_seconds:g} s of TTL",
            )
            layout = msgspec.structs.replace(layout, fill_limit=worn)
        scenario = build_scenario(data, layout, drive=drive, site=site, extra=extra)
        made.append(Sized(scenario))
    return made


def describe_retention(
    rows: Sequence[Retention],
    scale: Fraction,
    trace: Replayed,
    layout: str,
    drive: str,
    flash: Flash,
    target_bytes: int | None,
) -> KvRetention:
    """``rows`` for the report."""
    traced = (trace.requests - 1) / trace.span_seconds if trace.span_seconds else 0.0
    return KvRetention(
        scale=float(scale),
        requests_per_second=traced * float(scale),
        layout=layout,
        drive=drive,
        rows=list(rows),
        requests_per_second_at_target=[
            None
            if target_bytes is None or not row.live_tokens.value
            else traced * float(scale) * target_bytes / logical_bytes(row, flash)
            for row in rows
        ],
        billed_ttl_seconds=billed(rows).ttl_seconds,
        assumptions=list(ASSUMPTIONS),
    )


def logical_bytes(row: Retention, flash: Flash) -> int:
    """Uncompressed bytes of the tokens that ``row`` keeps."""
    assert isinstance(row.live_tokens.value, int)
    return row.live_tokens.value * flash.bytes_per_token


def _fill_for_writes(row: Retention, flash: Flash) -> Fraction:
    """The part of raw that may hold data for the writes to stay within the rating."""
    asked = row.dwpd_asked.value
    if not asked or asked <= flash.rated_dwpd:
        return Fraction(1)
    return Fraction(flash.fill_limit) * Fraction(flash.rated_dwpd) / Fraction(asked)


def _fill(layout: Layout[Assumption]) -> Fraction:
    return (1 - _known(layout.rebuild_reserve)) * _known(layout.fill_limit)


def _raw_per_usable(layout: Layout[Assumption]) -> Fraction:
    code = Fraction(layout.code.fragments, layout.code.k)
    added = (1 + _known(layout.metadata)) * (1 + _known(layout.padding))
    return _known(layout.copies) * code * added


def _known(number: Assumption) -> Fraction:
    assert number.value is not None
    return number.value
