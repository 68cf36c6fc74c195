"""Layouts beside each other on one measurement: what each needs, keeps and costs.

A row is a layout on a kind of drive, at the durability that was asked for. Nothing is weighed: the
Pareto front is of money, durability and rebuild traffic.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storeff.data import Assumption, map_numbers
from storeff.economics import SizedLayout, is_below
from storeff.estimate.reduction import Reduction
from storeff.layout import Layout, SystemReduction
from storeff.layout.number import Number, inexact, is_unknown
from storeff.quantity import Quantity
from storeff.report.bench_model import BILLED, Chunking, Row
from storeff.report.build import Candidate
from storeff.report.model import Scan
from storeff.report.sizing import HEADLINE_SYSTEM, describe
from storeff.scan.plan import NONE
from storeff.scan.speeds import Speed

SECONDS_PER_DAY = 86_400
# What drives are written in at least; an object's unit over k data fragments that is no multiple
# of it is not what falls on one drive.
SECTOR_BYTES = 4096


@dataclass(frozen=True)
class Workload:
    """What the layouts are for: the measured ``reduction`` and the files of ``scan``, how fast
    codecs are on the data, and the bytes that come in each second."""

    logical_bytes: int
    reduction: Reduction
    scan: Scan | None
    seed: int
    speeds: dict[str, Speed]
    ingest_bytes_per_second: int | None


# What cores are given for where no ingest is.
NOMINAL_BYTES_PER_SECOND = 10**12


def rows_of(candidates: Iterable[Candidate], work: Workload) -> tuple[Row, ...]:
    """The rows of ``candidates``, the cheapest at the floor first."""
    rows = [_row(each, work) for each in candidates]
    best = front([row for row in rows if not is_below(row.floor)])
    marked = [msgspec.structs.replace(row, is_pareto=row in best) for row in rows]
    return tuple(sorted(marked, key=_order))


def _row(each: Candidate, work: Workload) -> Row:
    scenario, result = each.scenario, each.result
    layout, drive = scenario.layout, map_numbers(scenario.drive, inexact)
    system = layout.reduction or HEADLINE_SYSTEM
    durability, code = result.durability, result.code
    ingest = work.ingest_bytes_per_second
    compress = work.speeds[system.codec].compress_gbps if system.codec in work.speeds else None
    cores = _cores(
        NOMINAL_BYTES_PER_SECOND if ingest is None else ingest,
        _known(result.reduction_ratio),
        system,
        compress,
        None if code is None else code.encode_gbps,
    )
    assert result.credit is not None
    return Row(
        layout=layout.name,
        drive=drive.name,
        code=str(layout.code),
        credit=result.credit,
        floor=result.at_floor,
        reduction_ratio=result.reduction_ratio,
        raw_bytes=result.raw_bytes,
        raw_per_logical_byte=result.raw_bytes / work.logical_bytes,
        factors={
            step.step: float(step.factor.value)
            for step in result.waterfall
            if step.factor.value is not None and step.factor.value != 1
        },
        nines=durability.nines,
        nines_low=durability.nines_low,
        nines_high=durability.nines_high,
        fleet_loss_probability_per_year=durability.fleet_loss_probability_per_year,
        rebuild_hours=durability.rebuild_hours,
        rebuild_read_bytes_per_day=durability.rebuild_read_bytes_per_day,
        encode_gbps=None if code is None else code.encode_gbps,
        decode_gbps=None if code is None else code.decode_gbps,
        rebuild_gbps=None if code is None else code.rebuild_gbps,
        compress_gbps=compress,
        cpu_cores=cores,
        dram_bytes=_known(result.bill.dram_bytes),
        scm_bytes=_known(result.bill.scm_bytes),
        write_amplification=_amplified(layout, drive),
        random_write_amplification=collected(drive.over_provisioning),
        dwpd_required=None if ingest is None else _writes(layout, drive, result, ingest),
        dwpd_rated=None if is_unknown(drive.rated_dwpd) else drive.rated_dwpd,
        **{name: getattr(result.bill, name) for name in BILLED},
    )


def _order(row: Row) -> tuple[bool, bool, float]:
    npv, raw_bytes = row.npv.value, row.raw_bytes.value or math.inf
    return is_below(row.floor), npv is None, raw_bytes if npv is None else npv


def front(rows: Sequence[Row]) -> list[Row]:
    """Those of ``rows`` that no other is at least as good as in everything, and better in
    something; what is unknown of a row keeps it off the front."""

    def costs(row: Row) -> tuple[float, float, float] | None:
        found = row.npv.value, row.nines, row.rebuild_read_bytes_per_day
        if None in found:
            return None
        assert row.nines is not None
        return float(found[0] or 0), -row.nines, float(found[2] or 0)

    known = [(row, cost) for row in rows if (cost := costs(row)) is not None]
    return [
        row
        for row, cost in known
        if not any(
            other != cost and all(a <= b for a, b in zip(other, cost, strict=True))
            for _, other in known
        )
    ]


# ---- what a row rests on ----


def _cores(
    bytes_per_second: int,
    ratio: float | None,
    system: SystemReduction,
    compress_gbps: float | None,
    encode_gbps: float | None,
) -> float | None:
    """Cores that compress what comes in and encode what is left of it; null unless both are known.
    A system that compresses below its code encodes all, and compresses the parity too."""
    compresses = system.codec != NONE
    if encode_gbps is None or ratio is None or (compresses and compress_gbps is None):
        return None
    encoded = bytes_per_second if system.below_code else bytes_per_second / ratio
    cores = encoded / encode_gbps
    if compresses:
        assert compress_gbps is not None
        cores += bytes_per_second / compress_gbps
    return cores / 1e9


def _writes(
    layout: Layout[Assumption], drive: Any, result: SizedLayout, bytes_per_second: int
) -> float | None:
    """Drive writes a day: what is left of what comes in, coded, over the capacity in service. A
    write below the drive's indirection unit rewrites all of it."""
    ratio, drives = _known(result.reduction_ratio), _known(result.bill.drives_in_service)
    if ratio is None or not drives:
        return None
    coded = next(s.factor.value for s in result.waterfall if s.step == "erasure_coding")
    written = bytes_per_second * SECONDS_PER_DAY / ratio * float(coded or 1)
    return float(written * _amplified(layout, drive) / (drives * drive.capacity_bytes))


def _amplified(layout: Layout[Assumption], drive: Any) -> float:
    """Flash written for a byte that is, as the drive's rating counts: 1 where stripes are written
    whole, or where it is not known in what pieces they are."""
    unit_bytes = drive.indirection_unit_bytes
    numbers: Layout[Number] = map_numbers(layout, inexact)
    piece_bytes = numbers.stripe_unit_bytes
    if is_unknown(piece_bytes):
        piece_bytes = numbers.object_unit_bytes / layout.code.k
    is_piece = not is_unknown(piece_bytes) and piece_bytes % SECTOR_BYTES == 0
    if layout.packing == "packed" or not is_piece or is_unknown(unit_bytes):
        return 1.0
    return float(math.ceil(piece_bytes / unit_bytes) * unit_bytes / piece_bytes)


def collected(over_provisioning: float) -> float | None:
    """Flash written for a byte written at random, with so much flash beyond the capacity, where the
    oldest block is collected first: (1 + op) / (1 + op + W(-(1 + op) e^-(1 + op))), W Lambert's
    function (P. Desnoyers, "Analytic models of SSD write performance", ACM TOS 10(2), 2014)."""
    if is_unknown(over_provisioning) or over_provisioning <= 0:
        return None
    from scipy.special import lambertw

    whole = 1 + over_provisioning
    return float(whole / (whole + lambertw(-whole * math.exp(-whole)).real))


def _known(q: Quantity) -> float | None:
    return None if q.value is None else float(q.value)


# ---- chunk sizes and codecs ----


def systems_of(reduction: Reduction) -> list[SystemReduction]:
    """Every way to cut and compress that ``reduction`` holds: none, compression of independent
    blocks, deduplication alone and with each codec."""
    source = "measured"
    found = [SystemReduction(dedup=NONE, codec=NONE, source=source)]
    found += [
        SystemReduction(dedup=NONE, codec=c.codec, block_bytes=c.block_bytes, source=source)
        for c in reduction.compression
        if c.allocation_bytes == 1
    ]
    found += [SystemReduction(dedup=d.chunker, codec=NONE, source=source) for d in reduction.dedup]
    found += [
        SystemReduction(dedup=c.chunker, codec=c.codec, source=source) for c in reduction.combined
    ]
    return found


def chunking_of(candidates: Iterable[Candidate], work: Workload) -> tuple[Chunking, ...]:
    """The reference layout with every way to cut and compress, the smallest first."""
    made = []
    for each in candidates:
        system = each.scenario.layout.reduction or HEADLINE_SYSTEM
        speed = work.speeds.get(system.codec)
        result = each.result
        made.append(
            Chunking(
                dedup=system.dedup,
                codec=system.codec
                if system.dedup != NONE or system.codec == NONE
                else describe(system),
                reduction_ratio=result.reduction_ratio,
                raw_bytes=result.raw_bytes,
                drives=result.bill.drives,
                npv=result.bill.npv,
                compress_gbps=None if speed is None else speed.compress_gbps,
            )
        )
    return tuple(sorted(made, key=lambda each: each.raw_bytes.value or math.inf))
