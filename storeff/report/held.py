"""A layout that a report holds, as what its bill rests on: its scenario, and replicates."""

from collections.abc import Iterable

import numpy as np

from storeff.data import Assumption
from storeff.economics import Scenario, SizedLayout
from storeff.errors import StoreffError, pick
from storeff.quantity import Draws, Quantity, normal_draws
from storeff.report.bench_model import Row
from storeff.report.model import Report
from storeff.report.scenario import scenario_of


def layout_of(report: Report, name: str | None) -> SizedLayout:
    """The layout of ``report`` called ``name``, by default its reference. Raises StoreffError if it
    holds no layout, UsageError, with the nearest, if none is called so."""
    if not report.layouts:
        raise StoreffError(
            "the report holds no sized layout",
            "size it first, with a target or a layout, and keep the report that this writes",
        )
    wanted = name or report.reference_layout or report.layouts[0].name
    return pick({each.name: each for each in report.layouts}, wanted, "layout")


def scenario_for(report: Report, sized: SizedLayout | Row) -> Scenario[Assumption]:
    """All that the bill of ``sized`` rests on. Raises StoreffError if ``report`` does not keep
    it."""
    found = scenario_of(report, sized)
    if found is None:
        name = sized.layout if isinstance(sized, Row) else sized.name
        raise StoreffError(
            f"a report of schema {report.schema_version} does not keep what the bill of {name} "
            "rests on",
            "those of schema 2.3 and later do: size it again",
        )
    return found


def check_currency(what: str, currencies: Iterable[str | None], report: Report) -> None:
    """Raises StoreffError unless the ``currencies`` of prices, None where one is unknown, are that
    of ``report``. ``what`` is who states them, as the beginning of a sentence."""
    others = sorted({each for each in currencies if each is not None} - {report.currency})
    if others:
        raise StoreffError(
            f"{what} in {', '.join(others)}, the report in {report.currency}; storeff knows no "
            "exchange rate",
            "give every price in one currency",
        )


def ratio_draws(ratio: Quantity, seed: int) -> Draws | None:
    """Replicates of a data reduction ratio, from its interval: of what it leaves, which is what was
    estimated. None if it is exact."""
    left = normal_draws(1 / ratio, seed)
    return None if left is None else np.divide(1, left)
