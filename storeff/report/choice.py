"""How much was read and why, in a sentence."""

from storeff.estimate.reading import SMALL_BYTES, Decision
from storeff.report.model import Interrupted
from storeff.units import format_bytes, format_duration


def describe_choice(decision: Decision | None, interrupted: Interrupted | None) -> str | None:
    """The reason of ``decision``; None where everything was asked for and read. ``decision`` is
    None where nothing was decided yet when the listing was interrupted."""
    if decision is None or interrupted == "reading":
        return f"interrupted while {interrupted}; less was read than was to be"
    match decision.reason:
        case "asked":
            return "a sample, as was asked" if decision.sampling else None
        case "more-than-half":
            return "full scan: what was asked takes more than half of the data"
        case "little-data":
            return f"full scan, the default up to {format_bytes(SMALL_BYTES)}"
    assert decision.stored_bytes is not None
    assert decision.bytes_per_second is not None
    assert decision.seconds is not None
    takes = (
        f"{format_bytes(decision.stored_bytes)} at {format_bytes(decision.bytes_per_second)}/s, as "
        f"measured, takes about {format_duration(decision.seconds)}"
    )
    if decision.sampling is None:
        return f"full scan: {takes}"
    return f"{_goals(decision)}: {takes}"


def _goals(decision: Decision) -> str:
    goals = decision.sampling
    assert goals is not None
    assert goals.half_width is not None
    assert goals.seconds is not None
    return (
        f"a sample, until the interval is ±{goals.half_width:.0%} or for "
        f"{format_duration(goals.seconds)}, whichever came first"
    )
