"""Reports with what was compressed for them, for tests of what is said of that."""

from typing import Any

import msgspec

from storeff.estimate.probing import Population
from storeff.estimate.reduction import Cell, Reduction, resting_on
from storeff.report.earlier import to_present
from storeff.report.model import Report

# What a default table holds beside the counts of duplicates.
DEFAULT_PAIRS = (
    ("fixed-4KiB", "zstd-1"),
    *(("cdc-64KiB", codec) for codec in ("lz4", "zstd-1", "zstd-3")),
)
DEFAULT_BLOCKS = ("lz4", (64 << 10, 128 << 10))


def default_table(reduction: Reduction) -> Reduction:
    """``reduction`` without the rows that only the full table has."""
    codec, sizes = DEFAULT_BLOCKS
    return msgspec.structs.replace(
        reduction,
        combined=[c for c in reduction.combined if (c.chunker, c.codec) in DEFAULT_PAIRS],
        compression=[
            c for c in reduction.compression if c.codec == codec and c.block_bytes in sizes
        ],
    )


def with_cells(reduction: Reduction, target: float = 0.01) -> Reduction:
    """``reduction`` with a cell for everything that its rows rest on."""
    populations: tuple[Population, ...] = ("distinct", "occurrences")
    wanted = [(c.chunker, c.codec, p) for c in reduction.combined for p in populations]
    wanted += [
        (f"fixed-{c.block_bytes >> 10}KiB", c.codec, "occurrences") for c in reduction.compression
    ]
    cells = [
        Cell.of(
            *about,
            resting_on(reduction.combined, reduction.compression, *about),
            target=target,
            chunks=1024,
            auxiliary_chunks=4096,
        )
        for about in dict.fromkeys(wanted)
    ]
    method = msgspec.structs.replace(reduction.method, cells=cells)
    return msgspec.structs.replace(reduction, method=method)


def as_written(report: dict[str, Any]) -> dict[str, Any]:
    """The document ``report``, of a scan, with cells and the time that they took."""
    to_present(report)
    made = msgspec.convert(report, Report)
    assert made.reduction is not None
    assert made.scan is not None
    reduction = with_cells(made.reduction)
    groups = dict.fromkeys((cell.chunker, cell.population) for cell in reduction.method.cells)
    report["reduction"] = msgspec.to_builtins(reduction)
    report["scan"]["probe_cpu_seconds"] = [
        {"chunker": chunker, "population": population, "seconds": 0.125}
        for chunker, population in groups
    ]
    report["scan"]["compress_cpu_seconds"] = 0.125 * len(groups)
    return report
