"""A vendor's guarantee of a data reduction, beside what a report measured."""

from fractions import Fraction

import msgspec

from storeff.economics import guarantee
from storeff.report.held import layout_of, ratio_draws, scenario_for
from storeff.report.model import Report


def with_guarantee(
    report: Report,
    promised_ratio: Fraction,
    *,
    layout: str | None = None,
) -> Report:
    """``report`` with what a guarantee of ``promised_ratio`` for one of its layouts is worth, by
    default for the reference.

    Raises StoreffError for a layout that is not in the report, and if the reduction is not known
    well enough.
    """
    sized = layout_of(report, layout)
    scenario = scenario_for(report, sized)
    draws = ratio_draws(sized.reduction_ratio, report.run.seed)
    found = guarantee.guarantee(scenario, draws, promised_ratio, sized.reduction_ratio)
    return msgspec.structs.replace(report, guarantee=found)
