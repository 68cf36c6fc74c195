"""Which layout a report is about, of which a figure is, and what arithmetic calls that.

Layouts of a report, rows of a bench and what that recommends say some of the same figures, in
structs of their own: here they are told by the paths of ``Formulas.figures``.
"""

import re
from dataclasses import dataclass
from typing import Any

from storeff.economics import SizedLayout
from storeff.quantity import Origin
from storeff.report.bench_model import BILLED, Bench, Recommendation, Row
from storeff.report.derived import figure_at, number_of
from storeff.report.model import Report
from storeff.report.paths import Found

_PART = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")
_OF = re.compile(r"(layouts|bench\.rows)\[[^\[\]]*\]")
_BEST = "bench.recommendation"
_FACTOR = re.compile(r"waterfall\.(\w+)\.factor")
# Where the report says what a measured input comes from: the step that it makes.
MADE_BY = {
    "data.reduction_ratio": "data_reduction",
    "data.parity_ratio": "erasure_coding",
    "data.endurance": "endurance",
    "data.snapshots": "snapshots",
    "data.growth": "growth",
}


@dataclass(frozen=True)
class Subject:
    """``figure`` of ``sized``, which is at ``path`` of the report."""

    sized: SizedLayout | Row
    path: str
    figure: str
    # What a bench says of this row, if it recommends it.
    best: Recommendation | None = None

    @property
    def meaning(self) -> str:
        """The figure without its step and year."""
        return re.sub(r"^waterfall\.\w+|\.\d+(?=\.)", lambda x: x[0].partition(".")[0], self.figure)

    @property
    def is_arithmetic(self) -> bool:
        """Whether it is a figure of the waterfall or the bill."""
        return self.figure.startswith(("bill.", "waterfall.", "raw_bytes"))

    def stated(self, path: str) -> Any:
        """What the report says of the figure at ``path``; None if it has none."""
        found = stated(self.sized, path)
        if found is None and self.best is not None:
            found = figure_at(self.best, path)
        return number_of(found)

    def path_of(self, figure: str) -> str:
        """The path in the report of a figure that it has."""
        if isinstance(self.sized, Row) and stated(self.sized, figure) is not None:
            factor = _FACTOR.fullmatch(figure)
            name = f"factors.{factor[1]}" if factor else figure.removeprefix("bill.")
            return f"{self.path}.{name}"
        figure = re.sub(r"^waterfall\.(\w+)", r"waterfall[\1]", figure)
        figure = re.sub(r"\.(\d+)(?=\.)", r"[year=\1]", figure)
        return f"{_BEST if self.best else self.path}.{figure}"

    def data_path(self, number: str) -> str | None:
        """Where the report says a measured number of the scenario, if it does."""
        if number == "data.reduction_ratio":
            return f"{self.path}.reduction_ratio"
        if number == "data.logical_bytes":
            is_row = isinstance(self.sized, Row)
            return "bench.logical_bytes" if is_row else f"{self.path}.waterfall[0].before_bytes"
        return None

    def origin_of(self, number: str) -> Origin:
        """Where a number comes from that is no assumption of the report."""
        step = self._step(number)
        return "derived" if step is None else step.factor.origin

    def source_of(self, number: str) -> str | None:
        """What the report says of where such a number comes from."""
        step = self._step(number)
        return None if step is None else step.source

    def _step(self, number: str) -> Any:
        if isinstance(self.sized, Row):
            return None
        name = MADE_BY.get(number)
        return next((step for step in self.sized.waterfall if step.step == name), None)


def recommended_row(bench: Bench) -> Row | None:
    """The row that is recommended, if one is."""
    best = bench.recommendation
    if best is None:
        return None
    about = (best.layout, best.drive)
    return next((row for row in bench.rows if (row.layout, row.drive) == about), None)


def chosen(report: Report) -> SizedLayout | Row | None:
    """What ``report`` is about: its reference layout, or the row that its bench recommends."""
    if report.layouts:
        return report.reference
    return None if report.bench is None else recommended_row(report.bench)


def stated(sized: SizedLayout | Row, path: str) -> Any:
    """What ``sized`` says of the figure at ``path`` of ``Formulas.figures``; None if nothing."""
    if isinstance(sized, SizedLayout):
        return figure_at(sized, path)
    factor = _FACTOR.fullmatch(path)
    if factor is not None:
        return sized.factors.get(factor[1])
    if path == "raw_bytes":
        return sized.raw_bytes
    name = path.removeprefix("bill.")
    return getattr(sized, name) if name in BILLED and path != name else None


def pattern_of(path: str) -> str:
    """``path`` without what stands in brackets."""
    return re.sub(r"\[[^\[\]]*\]", "[]", path)


def subject_of(report: Report, found: Found) -> Subject | None:
    """Of which layout ``found`` is; None if of none."""
    if found.missing is not None:
        return None
    bench = report.bench
    row = None if bench is None else recommended_row(bench)
    if bench is not None and row is not None and found.path.startswith(f"{_BEST}.bill."):
        keys = _keys(found, found.path.removeprefix(f"{_BEST}."))
        path = f"bench.rows[{row.layout},{row.drive}]"
        return Subject(row, path, keys, bench.recommendation)
    whole = _OF.match(found.path)
    sized = next((each for each in found.steps if isinstance(each, SizedLayout | Row)), None)
    if whole is None or sized is None:
        return None
    below = found.path[whole.end() :].lstrip(".")
    if isinstance(sized, Row):
        figure = f"bill.{below}" if below in BILLED else below
        figure = re.sub(r"^factors\.(\w+)$", r"waterfall.\1.factor", figure)
        figure = f"durability.{below}" if below in _DURABILITY else figure
        best = bench.recommendation if bench is not None and sized is row else None
        has_bill = best is not None and best.bill is not None
        return Subject(sized, whole[0], figure, best if has_bill else None)
    return Subject(sized, whole[0], _keys(found, below))


def _keys(found: Found, below: str) -> str:
    """The last keys of a path, with the step or the year in place of a row."""
    names = [match[0].strip("[]") for match in _PART.finditer(below)]
    rows = found.steps[len(found.steps) - len(names) :]
    keys = (
        str(getattr(row, "step", None) or getattr(row, "year", name))
        for name, row in zip(names, rows, strict=True)
    )
    return ".".join(keys)


# What a row says of its durability, under the same names.
_DURABILITY = ("nines", "rebuild_hours", "rebuild_read_bytes_per_day")
