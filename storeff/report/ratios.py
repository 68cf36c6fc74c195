"""Figures of a report that are one of its numbers over another.

Reports are checked by this table (``report.check``), and ratios explained by it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storeff.report.model import Report


@dataclass(frozen=True)
class Ratio:
    """What the figure means in ``words``: the number at ``over`` by that at ``under``. Of paths
    that begin with a point, one is from the struct that holds the ratio, two from what holds that
    one."""

    words: str
    over: str
    under: str


def _of_data(left: str, whole: str = "reduction.data_bytes") -> Ratio:
    return Ratio("the data over the bytes that are left of it", whole, f".{left}")


# By the path of the figure, with what stands in brackets left out.
RATIOS: dict[str, Ratio] = {
    "reduction.dedup[].ratio": _of_data("unique_bytes"),
    "reduction.combined[].ratio": _of_data("physical_bytes"),
    "reduction.combined[].compression_only_ratio": _of_data("compression_only_bytes"),
    "reduction.compression[].ratio": _of_data("compressed_bytes"),
    "reduction.shards[].ratio": _of_data("data_left_bytes"),
    "reduction.by_stratum[].ratio": Ratio(
        "the data of the class over what is left of it, where its bytes were counted",
        ".data_bytes",
        ".physical_bytes",
    ),
    "kv.survey.sharing.byte_dedup_ratio": Ratio(
        "bytes of stored blocks, over those of distinct ones", ".bytes", ".unique_bytes"
    ),
    "kv.chunks[].dedup_ratio": Ratio(
        "tokens of chunks that are asked for, over those of distinct ones",
        ".tokens",
        ".unique_tokens",
    ),
    "kv.trace.input_tokens_mean": Ratio("input tokens over requests", ".input_tokens", ".requests"),
    "kv.trace.dedup_ratio": Ratio(
        "blocks that are asked for, over distinct ones", ".blocks", ".unique_blocks"
    ),
    "bench.rows[].raw_per_logical_byte": Ratio(
        "raw bytes for each application byte", ".raw_bytes", "bench.logical_bytes"
    ),
}
for _part in ("overall", "by_layer"):
    for _rows in ("lossless[]", "lossy[]", "winner"):
        RATIOS[f"kv.survey.measured.{_part}[].{_rows}.ratio"] = _of_data(
            "stored_bytes", "..data_bytes"
        )
for _points in ("caches", "ttls"):
    RATIOS[f"kv.trace.{_points}[].share_of_max"] = Ratio(
        "blocks that are hits, over those of a cache without limits",
        ".traffic.hit_blocks",
        "kv.trace.unlimited.hit_blocks",
    )
for _traffic in ("unlimited", "caches[].traffic", "ttls[].traffic", "ttls[].warm"):
    for _unit in ("block", "token"):
        RATIOS[f"kv.trace.{_traffic}.{_unit}_hit_rate"] = Ratio(
            f"{_unit}s that are hits, over those that are asked for",
            f".hit_{_unit}s",
            f".{_unit}s",
        )


def ratios_in(report: "Report") -> Iterator[tuple[str, Ratio, Any, Any, Any]]:
    """Each ratio of ``report``: its path, its row of the table, the ratio, and the two numbers that
    it is of."""
    for pattern, ratio in RATIOS.items():
        for path, steps in _along(report, pattern):
            over, under = (_number(steps, each) for each in (ratio.over, ratio.under))
            yield path, ratio, steps[-1], over, under


def _along(report: "Report", pattern: str) -> Iterator[tuple[str, list[Any]]]:
    """Every figure at ``pattern``, with its path and the structs on the way."""
    found: list[tuple[str, list[Any]]] = [("", [report])]
    for key, rows in re.findall(r"(\w+)(\[\])?", pattern):
        below = []
        for path, steps in found:
            value = getattr(steps[-1], key)
            name = f"{path}.{key}" if path else key
            if value is None:
                continue
            if rows:
                below += [(f"{name}[{n}]", [*steps, each]) for n, each in enumerate(value)]
            else:
                below.append((name, [*steps, value]))
        found = below
    yield from found


def _number(steps: list[Any], path: str) -> Any:
    dots = len(path) - len(path.lstrip("."))
    value = steps[-1 - dots] if dots else steps[0]
    for key in path.lstrip(".").split("."):
        value = getattr(value, key)
    return value
