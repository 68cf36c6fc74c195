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
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.model import Report
from storeff.report.ratios import ratios_in

DERIVED = (
    r"reduction\.(dedup|combined|compression)\[\d+\]\.(ratio|compression_only_ratio)",
    r"reduction\.headline\.ratio",
    r"reduction\.scope\.(measured|floor)",
    r"reduction\.method\.cells\[\d+\]\.(reached|is_met)",
)
# Ratios of figures that stand beside them, and are made again where they are.
RATIO_PATHS = (
    r"kv\.trace\.(dedup_ratio|unlimited\.\w+_hit_rate)",
    r"kv\.trace\.(caches|ttls)\[\d+\]\.(traffic|warm)\.\w+_hit_rate",
    r"reduction\.shards\[\d+\]\.ratio",
)


def with_ratios(report: Report) -> tuple[Report, tuple[str, ...]]:
    """``report`` with the ratios of its reduction made again, and the patterns of their paths."""
    if report.reduction is None:
        return report, ()
    return msgspec.structs.replace(report, reduction=_reduction(report.reduction)), DERIVED


def _reduction(given: Reduction) -> Reduction:
    def over(left: Quantity) -> Quantity:
        return given.data_bytes / left

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
        scope=replaced(given.scope, measured=best.ratio, floor=floor),
        method=replaced(given.method, cells=cells),
    )


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
