"""What of what was measured follows from other figures of it: ratios, and the headline."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from storeff.estimate.reduction import (
    Combined,
    Reduction,
    resting_on,
    widest,
)
from storeff.kv.measure.measurement import KvReport
from storeff.kv.measure.measurement import with_ratios as with_ratios_of
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.kv import with_rates
from storeff.report.model import Kv, Report, schema_number
from storeff.report.ratios import ratios_in

OF_REDUCTION = (
    r"reduction\.(dedup|combined|compression)\[\d+\]\.(ratio|compression_only_ratio)",
    r"reduction\.headline\.ratio",
    r"reduction\.scope\.(measured|floor)",
    r"reduction\.method\.cells\[\d+\]\.(reached|is_met)",
)
OF_DUMPS = r"kv\.survey\.measured\.(overall|by_layer)\[\d+\]\.(winner|loss\w+\[\d+\]\.ratio)"
OF_RETENTION = r"kv\.retention\.requests_per_second(_at_target)?"
# Ratios of figures that stand beside them, and are made again where they are.
RATIO_PATHS = (
    r"kv\.survey\.sharing\.byte_dedup_ratio",
    r"kv\.chunks\[\d+\]\.dedup_ratio",
    r"kv\.trace\.(dedup_ratio|input_tokens_mean|unlimited\.\w+_hit_rate)",
    r"kv\.trace\.(caches|ttls)\[\d+\]\.share_of_max",
    r"kv\.trace\.(caches|ttls)\[\d+\]\.(traffic|warm)\.\w+_hit_rate",
    r"reduction\.shards\[\d+\]\.ratio",
)


def with_ratios(report: Report) -> tuple[Report, tuple[str, ...]]:
    """``report`` with the ratios of what was measured made again, and the patterns of their paths.

    Raises StoreffError for dumps of which nothing was measured in chunks of their plan's size.
    """
    derived: list[str] = []
    if report.reduction is not None:
        derived += [*OF_REDUCTION, *_counted_classes(report.reduction)]
        report = msgspec.structs.replace(report, reduction=_reduction(report.reduction))
    if report.kv is not None:
        report = msgspec.structs.replace(report, kv=_kv(report, report.kv))
        derived += [OF_RETENTION, *([OF_DUMPS] if _keeps_ratios_of_bytes(report) else [])]
    return report, tuple(derived)


def _kv(report: Report, given: Kv) -> Kv:
    replaced = msgspec.structs.replace
    survey, retention = given.survey, given.retention
    if survey is not None and survey.measured is not None and _keeps_ratios_of_bytes(report):
        survey = replaced(survey, measured=_dumps(survey.measured))
    if retention is not None and given.trace is not None and given.model is not None:
        token_bytes = given.model.written_bytes_per_token
        target_bytes = None if report.target is None else report.target.bytes
        retention = with_rates(retention, given.trace, token_bytes, target_bytes)
    return replaced(given, survey=survey, retention=retention)


def _keeps_ratios_of_bytes(report: Report) -> bool:
    """Whether ratios of dumps are of the whole bytes beside them: they are since schema 2.3."""
    return schema_number(report.schema_version) >= (2, 3)


def _dumps(given: KvReport) -> KvReport:
    overall, by_layer = (
        [with_ratios_of(part, given.plan) for part in parts]
        for parts in (given.overall, given.by_layer)
    )
    return msgspec.structs.replace(given, overall=overall, by_layer=by_layer)


def _reduction(given: Reduction) -> Reduction:
    def over(left: Quantity) -> Quantity:
        return given.data_bytes / left

    strata = []
    for each in given.by_stratum:
        if each.data_bytes is not None:
            each = msgspec.structs.replace(each, ratio=each.data_bytes / each.physical_bytes)
        strata.append(each)
    replaced = msgspec.structs.replace
    dedup = [replaced(x, ratio=over(x.unique_bytes)) for x in given.dedup]
    combined = [_combined(x, given.data_bytes) for x in given.combined]
    compression = [replaced(x, ratio=over(x.compressed_bytes)) for x in given.compression]
    head = given.headline
    nothing = Combined(head.chunker, head.codec, UNKNOWN, UNKNOWN)
    about = (head.chunker, head.codec)
    best = next((x for x in combined if (x.chunker, x.codec) == about), nothing)
    cells = []
    for cell in given.method.cells:
        names = (cell.chunker, cell.codec, cell.population)
        reached = widest(resting_on(combined, compression, *names))
        is_met = reached is not None and reached <= cell.target
        cells.append(replaced(cell, reached=reached, is_met=is_met))
    floor = best.compression_only_ratio or UNKNOWN
    return replaced(
        given,
        dedup=dedup,
        combined=combined,
        compression=compression,
        headline=replaced(head, ratio=best.ratio),
        by_stratum=strata,
        scope=replaced(given.scope, measured=best.ratio, floor=floor),
        method=replaced(given.method, cells=cells),
    )


def _counted_classes(given: Reduction) -> Iterator[str]:
    """The patterns of the ratios of content classes, where the bytes of the class were counted."""
    for i, each in enumerate(given.by_stratum):
        if each.data_bytes is not None:
            yield rf"reduction\.by_stratum\[{i}\]\.ratio"


def _combined(row: Combined, data_bytes: int) -> Combined:
    only = row.compression_only_bytes
    return msgspec.structs.replace(
        row,
        ratio=data_bytes / row.physical_bytes,
        compression_only_ratio=None if only is None else data_bytes / only,
    )


def ratios_of(report: Report) -> Iterator[tuple[str, Any]]:
    """The ratios at RATIO_PATHS, by path."""
    for path, _, stated, over, under in ratios_in(report):
        if stated is not None and any(re.fullmatch(each, path) for each in RATIO_PATHS):
            yield path, over / under if under else None
