"""The report's section on KV caches: a model's bytes a token, dumps, a trace, and retention."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import msgspec

from storeff.data import ONE, Assumption, exact, map_numbers
from storeff.economics import Scenario
from storeff.errors import StoreffError
from storeff.kv.measure.survey import Survey
from storeff.kv.models.explain import explain
from storeff.kv.models.formats import CacheFormat
from storeff.kv.models.model import Model, bytes_per_token, written_bytes_per_token
from storeff.kv.retention.flash import ASSUMPTIONS, Flash, Retention, endurance_of, live_tokens
from storeff.kv.retention.flows import Flows, as_written
from storeff.kv.trace.read import Trace
from storeff.kv.trace.replay import Replayed
from storeff.layout import Data
from storeff.layout.number import Number
from storeff.layout.waterfall import raw, raw_for, reserves, step_factors
from storeff.quantity import Quantity
from storeff.report.model import Kv, KvModel, KvRetention, Report, Warned
from storeff.report.sizing import Sized
from storeff.units import counted

# Lengths that a formula is shown for if the model does not say how long its context may be.
EXAMPLE_TOKENS = 131_072
# Capacities to replay, as shares of the trace's distinct blocks, if none are named.
CAPACITY_SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)
# Chunks of so many of a trace's blocks, to show what larger ones lose.
CHUNK_BLOCKS = (1, 2, 4)
BEFORE_TRACE = "interrupted before the trace was replayed"


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


def measured_ratio(survey: Survey | None) -> Quantity:
    """What the best lossless scheme makes of the measured dumps, keys and values together.

    Raises StoreffError unless there are dumps of one dtype.
    """
    parts = [] if survey is None or survey.measured is None else survey.measured.overall
    if len({part.dtype for part in parts}) != 1:
        raise StoreffError(
            "a lossless ratio needs dumps of one dtype to be measured on",
            "name a directory of dumps beside the trace",
        )
    return parts[0].winner.ratio


def flash_of(
    model: Model,
    cache_format: CacheFormat | None,
    scenario: Scenario[Assumption],
    *,
    waf: float,
    compression_ratio: Quantity | None,
) -> Flash:
    """The store that retention is sized for, on the drives and under the layout of ``scenario``.

    Raises StoreffError if the drive has no rating, or is not priced in USD.
    """
    drive, layout = scenario.drive, scenario.layout
    if drive.rated_dwpd.value is None:
        raise StoreffError(
            f"{drive.name} has no rated_dwpd, so its endurance is not known",
            "choose another drive, or put the rating into a drives.toml of your own",
            "rating",
        )
    if drive.price.currency not in (None, "USD"):
        raise StoreffError(
            f"{drive.price.path} is in {drive.price.currency}, and retention is counted in USD",
            "give the price in USD: storeff knows no exchange rate",
        )
    ratio = Assumption(value=_ratio(compression_ratio))
    unsized: Data[Assumption] = Data(logical_bytes=ONE, reduction_ratio=ratio)
    factors = step_factors(map_numbers(unsized, exact), map_numbers(layout, exact))
    del factors["data_reduction"]
    empty = raw(1, reserves(map_numbers(layout, exact)))
    return Flash(
        bytes_per_token=written_bytes_per_token(model, cache_format),
        drive_capacity_bytes=int(_known(drive.capacity_bytes)),
        rated_dwpd=drive.rated_dwpd.value,
        drive_years=_known(drive.warranty_years),
        compression_ratio=compression_ratio,
        fill_limit=1 / empty,
        raw_per_usable=raw(1, factors) / empty,
        waf=waf,
        drive_price_usd=drive.price.value,
    )


def kv_scenarios(
    flows: Flows,
    scale: Fraction,
    flash: Flash,
    target_bytes: int | None,
    scenarios: Sequence[Scenario[Assumption]],
) -> list[Sized]:
    """``scenarios`` holding ``target_bytes`` of uncompressed KV, or what ``flows`` keep, and
    standing its writes. Empty if nothing is kept. What ``flash`` says of a layout is not used.
    """
    live = live_tokens(flows, scale).value
    assert live is not None
    logical_bytes = int(live) * flash.bytes_per_token if target_bytes is None else target_bytes
    if not live or not logical_bytes:
        return []
    data = Data(
        logical_bytes=Assumption(
            path="data.logical_bytes", value=Fraction(logical_bytes), kind="measured"
        ),
        reduction_ratio=Assumption(
            path="data.reduction_ratio", value=_ratio(flash.compression_ratio), kind="measured"
        ),
        endurance=Assumption(
            path="data.endurance",
            value=endurance_of(flows, scale, flash),
            source=f"writes at a TTL of {flows.point.ttl_seconds:g} s over "
            f"{float(flash.rated_dwpd):g} rated drive writes a day",
            kind="measured",
        ),
    )
    return [Sized(msgspec.structs.replace(each, data=data)) for each in scenarios]


def most_efficient(sized: Sequence[Sized]) -> Scenario[Assumption]:
    """The scenario that is bought the least raw for."""

    def raw_bytes(scenario: Scenario[Assumption]) -> Number:
        exactly: Scenario[Number] = map_numbers(scenario, exact)
        return raw_for(exactly.data, exactly.layout)

    return min((each.scenario for each in sized), key=raw_bytes)


def describe_retention(
    rows: Sequence[Retention],
    scale: Fraction,
    trace: Replayed,
    layout: str,
    drive: str,
    flash: Flash,
    target_bytes: int | None,
    billed_ttl_seconds: float,
) -> KvRetention:
    """``rows`` for the report, the layouts of which are sized for ``billed_ttl_seconds``."""
    described = KvRetention(
        scale=float(scale),
        requests_per_second=0.0,
        layout=layout,
        drive=drive,
        rows=list(rows),
        requests_per_second_at_target=[],
        billed_ttl_seconds=billed_ttl_seconds,
        assumptions=list(ASSUMPTIONS),
    )
    return with_rates(described, trace, flash.bytes_per_token, target_bytes)


def with_rates(
    retention: KvRetention, trace: Replayed, bytes_per_token: int, target_bytes: int | None
) -> KvRetention:
    """``retention`` with the requests a second that ``scale`` makes of the trace's, and those at
    which each row fills ``target_bytes``."""
    traced = (trace.requests - 1) / trace.span_seconds if trace.span_seconds else 0.0
    rate = traced * retention.scale
    return msgspec.structs.replace(
        retention,
        requests_per_second=rate,
        requests_per_second_at_target=[
            None
            if target_bytes is None or not row.live_tokens.value
            else rate * target_bytes / (row.live_tokens.value * bytes_per_token)
            for row in retention.rows
        ],
    )


def was_interrupted(report: Report) -> dict[str, bool]:
    """What ``with_missing`` was told when it made ``report``, as far as its warnings show it."""
    said = [each.message for each in report.warnings if each.code == "interrupted"]
    return {"interrupted": bool(said), "trace_given": BEFORE_TRACE in said}


def with_missing(report: Report, *, interrupted: bool, trace_given: bool) -> Report:
    """``report`` with what of the KV caches it does not rest on, and why."""
    assert report.kv is not None
    known = {each.code for each in report.warnings}
    missing = _missing(report.kv, interrupted, trace_given)
    found = [each for each in missing if each[0] not in known]
    warned = [Warned(code=code, message=why, remedy=remedy) for code, why, remedy in found]
    return msgspec.structs.replace(
        report,
        complete=report.complete and not found,
        incomplete_because=[*report.incomplete_because, *(why for _, why, _ in found)],
        warnings=[*warned, *report.warnings],
    )


def _missing(kv: Kv, interrupted: bool, trace_given: bool) -> Iterator[tuple[str, str, str]]:
    again = "run it to the end"
    if kv.survey is not None and kv.survey.interrupted:
        yield (
            "interrupted",
            f"interrupted when {kv.survey.dump_files:,} dumps had been found, of which "
            f"{kv.survey.measured_files:,} were measured",
            again,
        )
    elif kv.survey is not None and not kv.survey.dump_files:
        yield (
            "no-data",
            f"no KV dump was found among {counted(kv.survey.other_files, 'file')}",
            "name a directory that holds KV dumps",
        )
    if interrupted and trace_given and kv.trace is None:
        yield "interrupted", BEFORE_TRACE, again
    elif interrupted and (kv.survey is None or not kv.survey.interrupted) and not trace_given:
        yield "interrupted", "interrupted before the dumps were looked at", again
    if kv.trace is not None and kv.trace.notes.bad_lines:
        notes = kv.trace.notes
        yield (
            "bad-lines",
            f"{notes.bad_lines:,} {'line' if notes.bad_lines == 1 else 'lines'} of the trace "
            f"could not be used, such as {notes.bad_line_example}",
            "mend these lines of the trace, or take them out",
        )


def _ratio(compression: Quantity | None) -> Fraction:
    if compression is None or compression.value is None:
        return Fraction(1)
    return as_written(compression.value)


def _known(number: Assumption) -> Fraction:
    assert number.value is not None
    return number.value
