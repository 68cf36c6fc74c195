"""A report made a second time, from nothing but what it holds of its inputs.

The code is that which made it. It runs on the scenarios that the report keeps, on the reduction
that it says was measured, on what codes and codecs were measured to cost, and on its seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import Assumption, map_numbers
from storeff.economics import AtFloor, Scenario
from storeff.errors import StoreffError
from storeff.layout import Credit
from storeff.layout.code import MeasuredCode
from storeff.layout.credit import POLICY
from storeff.layout.floor import with_parity
from storeff.report.agreed import agreed
from storeff.report.bench import Workload
from storeff.report.bench_model import Bench, Row
from storeff.report.benchmark import compared, quoted
from storeff.report.build import (
    Benchmark,
    Candidate,
    Sizing,
    assemble,
    cost_order,
    size_one,
    sizing_of,
)
from storeff.report.kv import was_interrupted, with_missing
from storeff.report.measured_ratios import OF_DUMPS, RATIO_PATHS, ratios_of, with_ratios
from storeff.report.model import Report
from storeff.report.scenario import scenario_of
from storeff.report.sizing import Sized, sized_for
from storeff.report.staleness import judged_again


@dataclass(frozen=True)
class Rederived:
    """``report`` made again, and other figures by path: ``ratios``. ``derived`` are the patterns of
    the paths that were, but for those that are GIVEN. ``without`` says why a section was not."""

    report: Report
    ratios: Mapping[str, Any]
    derived: tuple[str, ...]
    without: Mapping[str, str]


# What follows from what a layout is, and what is read of it to make it again.
GIVEN = (
    r"layouts\[\d+\]\.(codec\b.*|at_floor\.(nines|parities_added)|credit\.policy)",
    r"bench\.(durability_nines|ingest_bytes_per_second|reference|reference_drive|speeds\b.*)",
    r"bench\.rows\[\d+\]\.((encode|decode|rebuild)_gbps|floor\.(nines|parities_added))",
    r"bench\.rows\[\d+\]\.credit\.policy",
    r"bench\.quoted\.(ratio|layout|drive)",
    r"uncertainty\.basis\.judged_on",
    r"guarantee\.(promised_ratio|layout)",
    r"commitment\.(layout|terms|committed_bytes|assumptions\b.*)",
    r"plan\.(layout|asked\b.*|assumptions\b.*)",
    r"services\.(stated_cost_per_gb_month|target_margin|assumptions\b.*)",
    r"services\.services\[\d+\]\.(name|title)",
)
_NO_SCENARIO = "its scenario was not kept: the report was made before schema 2.3"


def rederived(report: Report) -> Rederived:
    """``report`` with all of it made again that its own inputs suffice for.

    Raises StoreffError for scenarios that are none, and for inputs that cannot be sized.
    """
    report, flags = judged_again(report)
    return _Making(report, [*flags]).again()


@dataclass
class _Making:
    given: Report
    derived: list[str] = field(default_factory=list)
    without: dict[str, str] = field(default_factory=dict)

    def again(self) -> Rederived:
        given = self.given
        sizing, benchmark = self._sizing(), self._benchmark()
        made = assemble(
            given.run,
            sizing=sizing,
            target_bytes=None if given.target is None else given.target.bytes,
            scan=given.scan,
            reduction=given.reduction,
            kv=given.kv,
            benchmark=benchmark,
        )
        names = ["target"]
        if sizing is not None:
            names += ["layouts", "sensitivity", "uncertainty"]
            self.derived.append("sensitivity|uncertainty|parity_options")
        if benchmark is not None:
            names.append("bench")
            self.derived.append("bench|parity_options")
        if sizing is not None or benchmark is not None:
            names += ["parity_options", "currency"]
            self.derived.append("currency")
        whole = not self.without
        if whole and given.scenarios is not None:
            # Of scenarios, what the data is follows from what was measured.
            names.append("scenarios")
            if given.reduction is not None:
                self.derived.append(r"scenarios\.parts\.(data|objects)")
        if given.kv is not None:
            made = with_missing(made, **was_interrupted(given))
        if whole:
            names += ["complete", "incomplete_because", "warnings"]
            self.derived.append("complete|incomplete_because|warnings")
        self.derived.append(r"target\.display")
        found = {name: getattr(made, name) for name in names}
        report, ratios = with_ratios(msgspec.structs.replace(given, **found))
        self.derived += ratios
        if given.kv is not None and given.kv.survey is not None and OF_DUMPS not in ratios:
            self.without["kv"] = "before schema 2.3 ratios of dumps were of unrounded bytes"
        report, others = agreed(report)
        self.derived += others
        if report.plan is not None and report.plan.asked is None:
            self.without["plan"] = "demand and offers are not in the report"
        derived = (*self.derived, *RATIO_PATHS)
        return Rederived(report, dict(ratios_of(report)), derived, self.without)

    # ---- layouts ----

    def _sizing(self) -> Sizing | None:
        """What the layouts are sized to be. Those whose scenario was not kept stay as they are."""
        given = self.given
        if not given.layouts:
            return None
        candidates = {}
        for i, layout in enumerate(given.layouts):
            scenario = scenario_of(given, layout)
            if scenario is None:
                self.without[f"layouts[{i}]"] = _NO_SCENARIO
                continue
            self.derived.append(rf"layouts\[{i}\]")
            candidates[layout.name] = self._candidate(
                scenario, layout.at_floor, layout.credit, layout.code
            )
        if given.reference_layout not in candidates:
            self.without["sensitivity, uncertainty"] = _NO_SCENARIO
            return None
        sizing = sizing_of(
            [*candidates.values()],
            given.run.seed,
            tuple(given.assumptions),
            _judged_on(given),
            given.reference_layout,
            given.reduction,
        )
        again = [candidates[x.name].result if x.name in candidates else x for x in given.layouts]
        return replace(sizing, layouts=tuple(sorted(again, key=cost_order)))

    def _candidate(
        self,
        scenario: Scenario[Assumption],
        floor: AtFloor | None,
        credit: Credit | None,
        code: MeasuredCode | None,
    ) -> Candidate:
        return size_one(
            self._sized(scenario, floor),
            nines=None if floor is None else floor.nines,
            policy=POLICY if credit is None else credit.policy,
            measured=lambda _: code,
        )

    def _sized(self, scenario: Scenario[Assumption], floor: AtFloor | None) -> Sized:
        """``scenario`` as it was before it was given more parity, with data as it was measured."""
        if floor is not None:
            layout = with_parity(scenario.layout, -floor.parities_added)
            scenario = msgspec.structs.replace(scenario, layout=layout)
        given = self.given
        if given.reduction is None:
            return Sized(_of_measured_data(given, scenario))
        size_bytes = self._logical_bytes
        return sized_for(given.reduction, size_bytes, scenario, given.run.seed, given.scan)

    @property
    def _logical_bytes(self) -> int:
        assert self.given.reduction is not None
        target = self.given.target
        return self.given.reduction.data_bytes if target is None else target.bytes

    # ---- layouts beside each other ----

    def _benchmark(self) -> Benchmark | None:
        given, bench = self.given, self.given.bench
        if bench is None:
            return None
        assert given.reduction is not None
        kept = {(row.layout, row.drive): scenario_of(given, row) for row in bench.rows}
        drive = bench.reference_drive or _only_drive(bench)
        if None in kept.values() or drive is None:
            self.without["bench"] = _NO_SCENARIO
            return None
        work = Workload(
            self._logical_bytes,
            given.reduction,
            given.scan,
            given.run.seed,
            bench.speeds,
            bench.ingest_bytes_per_second,
        )
        candidates = {}
        for row in bench.rows:
            scenario = kept[row.layout, row.drive]
            assert scenario is not None
            candidates[row.layout, row.drive] = self._candidate(
                scenario, row.floor, row.credit, _speeds(row)
            )
        about = (bench.reference, drive)
        if about not in candidates:
            raise StoreffError(
                f"the bench has no row of {bench.reference} on {drive}, on which chunks and codecs "
                "were compared"
            )
        floor = next(x.floor for x in bench.rows if (x.layout, x.drive) == about)
        scenario = kept[about]
        assert scenario is not None
        promised = None
        if bench.quoted is not None:
            name = bench.quoted.layout, bench.quoted.drive
            if name not in candidates:
                raise StoreffError(f"the bench has no row of {' on '.join(name)}, which was quoted")
            promised = quoted(candidates[name], Fraction(str(bench.quoted.ratio)))
        made = compared(
            work,
            [*candidates.values()],
            self._sized(scenario, floor).scenario,
            bench.durability_nines,
            promised,
            measured=lambda _: None,
        )
        return Benchmark(
            _in_order_of(made.bench, bench),
            made.scenarios,
            tuple(given.assumptions),
            made.parity_options,
        )


def _judged_on(report: Report) -> date:
    """The day on which the report judged how old prices are."""
    basis = report.uncertainty.basis if report.uncertainty else None
    if basis is not None and basis.judged_on is not None:
        return basis.judged_on
    started = report.run.started_at
    return (started or datetime.now(UTC)).date()


def _of_measured_data(report: Report, scenario: Scenario[Assumption]) -> Scenario[Assumption]:
    """``scenario`` with what was measured of its data called so, which reports of before schema 2.3
    did not keep of what KV caches take."""
    if report.kv is None:
        return scenario
    listed = {row.path for row in report.assumptions}

    def number(each: Assumption) -> Assumption:
        known = each.value is None or not each.path or each.path in listed
        return each if known else msgspec.structs.replace(each, kind="measured")

    data = map_numbers(scenario.data, number)
    return msgspec.structs.replace(scenario, data=data)


def _only_drive(bench: Bench) -> str | None:
    """The drive that all rows are on, if it is one."""
    drives = {row.drive for row in bench.rows}
    return drives.pop() if len(drives) == 1 else None


def _speeds(row: Row) -> MeasuredCode | None:
    """What a row says of how fast its code is."""
    speeds: dict[str, Any] = {
        "encode_gbps": row.encode_gbps,
        "decode_gbps": row.decode_gbps,
        "rebuild_gbps": row.rebuild_gbps,
    }
    if not any(speeds.values()):
        return None
    return MeasuredCode(
        backend="", proof="", segment_bytes=0, overhead=0, fragment_header_bytes=0, **speeds
    )


def _in_order_of(made: Bench, given: Bench) -> Bench:
    """``made`` with the lines that its bills lack in the order of ``given``, in which layouts came
    as they were asked for."""
    order = {line: i for i, line in enumerate(given.not_in_bill)}
    lines = sorted(made.not_in_bill, key=lambda line: order.get(line, len(order)))
    return msgspec.structs.replace(made, not_in_bill=tuple(lines))
