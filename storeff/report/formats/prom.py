"""Figures for the textfile collector of the Prometheus node_exporter: text exposition format 0.0.4.

Every sample is a gauge, and none has a time of its own, for which the collector refuses a file.
Units are base units: bytes, seconds, watts, grams, ratios; money is in the currency of its label.
An unknown figure has no sample. The ends of an interval are metrics of their own, so that no sum
over a metric adds them to the point. Labels are names of catalogues, never paths.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from storeff.economics import SizedLayout
from storeff.economics.plan_model import Plan
from storeff.estimate.reduction import Reduction
from storeff.quantity import Quantity
from storeff.report.bench_model import Bench, Row
from storeff.report.incomplete import skipped_rows
from storeff.report.model import Kv, KvRetention, Report, Scan
from storeff.report.subject import recommended_row
from storeff.text import escaped

IS_TEXT = True

Number: TypeAlias = int | float
Labels: TypeAlias = Mapping[str, str]
Figure: TypeAlias = Quantity | Number | None

_PREFIX = "storeff"
# To base units.
_PER_MEGA, _GRAMS_PER_TONNE, _SECONDS_PER_HOUR = 10**6, 10**6, 3600


@dataclass
class _Exposition:
    """Metrics by name: what each means, and its samples by their labels."""

    metrics: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def add(
        self,
        name: str,
        unit: str,
        meaning: str,
        figure: Figure,
        labels: Labels = MappingProxyType({}),
        factor: int = 1,
    ) -> None:
        """The ``figure`` times ``factor``, in ``unit``, and the ends of its interval, if it has
        one. Nothing where it is unknown."""
        if not isinstance(figure, Quantity):
            self._sample(name, unit, meaning, figure, labels, factor)
            return
        self._sample(name, unit, meaning, figure.value, labels, factor)
        if not figure.is_exact:
            about = f"Of {_PREFIX}_{_joined(name, unit)}, its 95 % interval, or its bounds"
            for end, value in (("low", figure.low), ("high", figure.high)):
                self._sample(f"{name}_bound", unit, about, value, {**labels, "end": end}, factor)

    def lines(self) -> Iterator[str]:
        for name, (meaning, samples) in self.metrics.items():
            yield f"# HELP {name} {meaning}.\n# TYPE {name} gauge\n"
            yield from (f"{name}{labels} {value}\n" for labels, value in samples.items())

    def _sample(
        self,
        name: str,
        unit: str,
        meaning: str,
        value: Number | None,
        labels: Labels,
        factor: int,
    ) -> None:
        if value is None:
            return
        _, samples = self.metrics.setdefault(f"{_PREFIX}_{_joined(name, unit)}", (meaning, {}))
        # A second sample with the same labels would have the whole file refused.
        samples.setdefault(_labels(labels), _number(value, factor))


def render(report: Report) -> bytes:
    """Every headline figure of ``report`` that is known."""
    made = _Exposition()
    version = report.run.versions.get("storeff", "unknown")
    maker = {"version": version, "schema_version": report.schema_version}
    made.add("info", "", "What made the report, and in which schema", 1, maker)
    started = report.run.started_at
    moment = None if started is None else int(started.timestamp())
    made.add("report_timestamp", "seconds", "When the measurement began, in Unix time", moment)
    is_complete = int(report.complete)
    made.add("report_complete", "", "Whether everything that was asked for was read", is_complete)
    made.add("report_warnings", "", "Warnings of the report", len(report.warnings))
    target = None if report.target is None else report.target.bytes
    made.add("target", "bytes", "Application bytes that layouts are sized for", target)
    for each in skipped_rows(report):
        reason = {"reason": each.reason}
        made.add("skipped_entries", "", "Entries that were skipped", each.files, reason)
        made.add("skipped", "bytes", "Their size, as far as it is known", each.bytes, reason)
    if report.scan is not None:
        _scan(made, report.scan)
    if report.reduction is not None:
        _reduction(made, report.reduction)
    if report.kv is not None:
        _kv(made, report.kv)
    for layout in report.layouts:
        _layout(made, layout, report.currency, layout.name == report.reference_layout)
    if report.bench is not None:
        _bench(made, report.bench)
    if report.plan is not None:
        _plan(made, report.plan)
    _asked(made, report)
    return "".join(made.lines()).encode()


def _scan(made: _Exposition, scan: Scan) -> None:
    made.add("scan_sources", "", "Sources that were scanned", len(scan.sources))
    made.add("scan_files", "", "Files that were listed", scan.files)
    made.add("scan_logical", "bytes", "Sizes of the listed files", scan.logical_bytes)
    made.add("scan_allocated", "bytes", "What the listed files take on disk", scan.allocated_bytes)
    made.add("scan_read", "bytes", "What was read", scan.read_bytes)
    made.add("scan_holes", "bytes", "Holes of files, not counted as data", scan.hole_bytes)
    made.add("scan_coverage", "ratio", "Listed bytes that were covered", scan.coverage)
    made.add("scan_duration", "seconds", "How long the scan took", scan.seconds)
    made.add("scan_cpu", "seconds", "CPU time of reading and measuring", scan.cpu_seconds)


def _reduction(made: _Exposition, reduction: Reduction) -> None:
    made.add("reduction_data", "bytes", "Data that was measured", reduction.data_bytes)
    head = reduction.headline
    by = {"chunks": head.chunker, "codec": head.codec}
    made.add(
        "reduction", "ratio", "Headline data reduction ratio, logical to stored", head.ratio, by
    )
    alone = "Data reduction ratio if no duplicate is found"
    made.add("reduction_compression_only", "ratio", alone, reduction.scope.floor)
    method = ("reduction_method", "ratio", "Data reduction ratio of chunks and codec")
    for row in reduction.dedup:
        made.add(*method, row.ratio, {"chunks": row.chunker, "codec": "none"})
    for pair in reduction.combined:
        made.add(*method, pair.ratio, {"chunks": pair.chunker, "codec": pair.codec})
    for stratum in reduction.by_stratum:
        content = ("reduction_content", "ratio", "Data reduction ratio by content", stratum.ratio)
        made.add(*content, {"content": stratum.name})


def _layout(made: _Exposition, layout: SizedLayout, currency: str, is_reference: bool) -> None:
    about = {"layout": layout.name, "drive": layout.drive}
    priced = {**about, "currency": currency}
    bill, durability = layout.bill, layout.durability
    _sized(made, layout, about, is_reference)
    _needs(made, bill.drives, bill.racks, bill.facility_mw_peak, about)
    made.add("layout_spare_drives", "", "Drives that are spares", bill.spares, about)
    made.add("layout_enclosures", "", "Enclosures", bill.enclosures, about)
    _costs(made, bill.npv, priced)
    made.add("layout_capex", "", "Money on delivery", bill.capex.total, priced)
    made.add("layout_opex", "", "Money of all years, not discounted", bill.opex_total, priced)
    ends = layout.npv_range
    for end, value in () if ends is None else (("low", ends.low), ("high", ends.high)):
        meaning = "Where the present value lies as prices and the reduction vary"
        made.add("layout_present_value_range", "", meaning, value, {**priced, "end": end})
    mean = ("layout_it_average", "watts", "Average power of the equipment", bill.it_mw_average)
    made.add(*mean, about, _PER_MEGA)
    carbon = ("layout_embodied_co2e", "grams", "Embodied emissions", bill.embodied_tonnes)
    made.add(*carbon, about, _GRAMS_PER_TONNE)
    _durable(made, durability.nines, durability.rebuild_hours, about)


def _asked(made: _Exposition, report: Report) -> None:
    """What was asked of the finished report."""
    currency = {"currency": report.currency}
    commitment, guarantee = report.commitment, report.guarantee
    if commitment is not None:
        about = {"layout": commitment.layout, "terms": commitment.terms}
        committed = "Raw bytes of drives that are committed to"
        made.add("commitment", "bytes", committed, commitment.committed_bytes, about)
        best = "Raw bytes of least expected cost"
        made.add("commitment_best", "bytes", best, commitment.best_bytes, about)
        cost = "What the commitment is expected to cost"
        made.add("commitment_cost", "", cost, commitment.expected_cost, {**about, **currency})
    if guarantee is not None:
        about = {"layout": guarantee.layout, "drive": guarantee.drive}
        made.add(
            "guarantee_promised", "ratio", "Guaranteed reduction", guarantee.promised_ratio, about
        )
        missed = "Probability that it is missed"
        made.add("guarantee_missed", "ratio", missed, guarantee.missed_probability, about)
    for service in report.services.services if report.services else ():
        for each in service.margins:
            where = {"service": service.name, "layout": each.layout or ""}
            margin = "Revenue of a service that infrastructure and software leave"
            made.add("service_margin", "ratio", margin, each.margin, where)


def _bench(made: _Exposition, bench: Bench) -> None:
    chosen = recommended_row(bench)
    for row in bench.rows:
        about = {"layout": row.layout, "drive": row.drive}
        _sized(made, row, about, row is chosen)
        _needs(made, row.drives, row.racks, row.facility_mw_peak, about)
        _costs(made, row.npv, {**about, "currency": bench.currency})
        _durable(made, row.nines, row.rebuild_hours, about)
        best = "Whether no other row is better in one of money, durability and rebuild traffic"
        made.add("bench_pareto", "", f"{best}, and worse in none", int(row.is_pareto), about)
        made.add("bench_cpu_cores", "", "Cores for the ingest", row.cpu_cores, about)
        made.add("bench_dram", "bytes", "Memory that the system asks for", row.dram_bytes, about)
        made.add("bench_scm", "bytes", "Storage-class memory", row.scm_bytes, about)
    quoted = bench.quoted
    if quoted is not None:
        about = {"layout": quoted.layout, "drive": quoted.drive}
        promise = "Data reduction ratio that the vendor promises"
        made.add("bench_quoted", "ratio", promise, quoted.ratio, about)
        made.add("bench_quoted_drives", "", "Drives by it", quoted.drives_quoted, about)
        likely = "Probability that the data reduces as far"
        made.add("bench_quoted_probability", "ratio", likely, quoted.probability, about)


def _plan(made: _Exposition, plan: Plan) -> None:
    about = {"layout": plan.layout, "drive": plan.drive}
    in_time = "Whether all can be delivered when it is needed"
    made.add("plan_in_time", "", in_time, int(plan.is_in_time), about)
    wait = "Quarters to wait until there is a plan"
    made.add("plan_delay_quarters", "", wait, plan.delay_quarters, about)
    missing = 0 if plan.gap is None else plan.gap.missing_bytes
    made.add("plan_missing", "bytes", "What cannot be there in time", missing, about)
    made.add("plan_need", "bytes", "Raw storage that is to be delivered", plan.need_bytes, about)
    if plan.cost is not None:
        priced = {**about, "currency": plan.currency}
        made.add("plan_cost", "", "Cost of the deliveries, with capital", plan.cost.total, priced)
    for each in plan.offers:
        taken = ("plan_taken", "bytes", "What is taken of an offer", each.bytes)
        made.add(*taken, {**about, "offer": each.name})


def _sized(made: _Exposition, sized: SizedLayout | Row, about: Labels, is_reference: bool) -> None:
    chosen = "Whether this is the reference layout, or the one that a bench recommends"
    made.add("layout_reference", "", chosen, int(is_reference), about)
    reduced = "What the data is divided by under the layout"
    made.add("layout_reduction", "ratio", reduced, sized.reduction_ratio, about)
    made.add("layout_raw", "bytes", "Raw storage that is needed", sized.raw_bytes, about)


def _needs(
    made: _Exposition, drives: Quantity, racks: Quantity, peak_mw: Quantity, about: Labels
) -> None:
    made.add("layout_drives", "", "Drives, with spares", drives, about)
    made.add("layout_racks", "", "Racks", racks, about)
    peak = "Peak power of the facility"
    made.add("layout_facility_peak", "watts", peak, peak_mw, about, _PER_MEGA)


def _costs(made: _Exposition, npv: Quantity, priced: Labels) -> None:
    meaning = "Present value of all payments; its interval is of what was measured"
    made.add("layout_present_value", "", meaning, npv, priced)


def _durable(
    made: _Exposition, nines: float | None, rebuild_hours: float | None, about: Labels
) -> None:
    meaning = "Nines of durability in a year, by drive failures alone"
    made.add("layout_durability_nines", "", meaning, nines, about)
    whole = "From the failure of a drive until its data is whole again"
    made.add("layout_rebuild", "seconds", whole, rebuild_hours, about, _SECONDS_PER_HOUR)


def _kv(made: _Exposition, kv: Kv) -> None:
    if kv.model is not None:
        token = ("kv_token", "bytes", "KV cache of a token", kv.model.bytes_per_token)
        made.add(*token, {"model": kv.model.name})
    if kv.survey is not None:
        made.add("kv_dump_files", "", "Files of KV caches", kv.survey.dump_files)
        made.add("kv_dump", "bytes", "Sizes of these files", kv.survey.dump_bytes)
        measured = kv.survey.measured
        for part in () if measured is None else measured.overall:
            about = {"kind": part.kind or "unknown", "dtype": part.dtype or "unknown"}
            made.add("kv_lossless", "ratio", "Best lossless ratio", part.winner.ratio, about)
    if kv.trace is not None:
        made.add("kv_trace_requests", "", "Requests of the trace", kv.trace.requests)
        made.add("kv_trace_span", "seconds", "Time that the trace spans", kv.trace.span_seconds)
        most = kv.trace.unlimited.token_hit_rate
        made.add("kv_trace_token_hit", "ratio", "Tokens found by an unlimited cache", most)
    if kv.retention is not None:
        _retention(made, kv.retention)


def _retention(made: _Exposition, retention: KvRetention) -> None:
    rate = "Requests a second that retention is for"
    made.add("kv_retention_requests_per_second", "", rate, retention.requests_per_second)
    for row in retention.rows:
        about = {"ttl_seconds": f"{row.ttl_seconds:.15g}", "admission": str(row.admission)}
        hit, kept = row.token_hit_rate, row.stored_bytes
        made.add("kv_retention_token_hit", "ratio", "Tokens found", hit, about)
        made.add("kv_retention_stored", "bytes", "KV cache that is kept", kept, about)
        made.add("kv_retention_raw", "bytes", "Raw storage for it", row.raw_bytes, about)
        made.add("kv_retention_drives", "", "Drives in service", row.drives, about)


def _joined(name: str, unit: str) -> str:
    return f"{name}_{unit}" if unit else name


def _labels(labels: Labels) -> str:
    shown = ",".join(f'{name}="{_label(text)}"' for name, text in labels.items())
    return f"{{{shown}}}" if shown else ""


def _label(text: str) -> str:
    return escaped(text).replace("\\", r"\\").replace('"', r"\"")


def _number(value: Number, factor: int) -> str:
    """``value`` times ``factor``, without the noise of multiplying a double."""
    if isinstance(value, int):
        return repr(value * factor)
    return repr(float(Decimal(repr(value)) * factor))
