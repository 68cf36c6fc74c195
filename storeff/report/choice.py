"""How much was read and why, in a sentence."""

from storeff.estimate.reading import LITTLE_BYTES, LITTLE_FILES, Decision, Sampling
from storeff.report.model import Interrupted
from storeff.units import format_bytes, format_duration


def describe_choice(decision: Decision | None, interrupted: Interrupted | None) -> str | None:
    """The reason of ``decision``; None where everything was asked for and read. ``decision`` is
    None where nothing was decided yet when the listing was interrupted."""
    if decision is None or interrupted == "reading":
        return f"interrupted while {interrupted}; less was read than was to be"
    asked = decision.asked
    match decision.reason:
        case "asked" if decision.sampling is None:
            return None
        case "asked":
            return f"a sample, as was asked{_listing(decision)}"
        case "no-cheaper":
            return f"full scan: the {_goal(asked)} asked for would take as long{_unused(decision)}"
        case "in-time":
            assert asked.seconds is not None
            return (
                f"full scan: everything can be read in the {format_duration(asked.seconds)} given"
            )
        case "little-data":
            return (
                f"full scan, the default up to {format_bytes(LITTLE_BYTES)} and {LITTLE_FILES:,} "
                "files"
            )
    assert decision.stored_bytes is not None
    assert decision.seconds is not None
    takes = (
        f"{format_bytes(decision.stored_bytes)} take about {format_duration(decision.seconds)}, "
        "as a look at the storage says"
    )
    if decision.sampling is None:
        return f"full scan: {takes}"
    return f"{_default_goals(decision.sampling)}: {takes}"


def _goal(asked: Sampling) -> str:
    """What was asked for: the goal that would have been reached first, if there were several."""
    if asked.half_width is not None:
        return f"±{asked.half_width * 100:.3g} %"
    if asked.size_bytes is not None:
        return format_bytes(asked.size_bytes)
    if asked.share is not None:
        return f"{asked.share * 100:.3g} %"
    return "sample"


def _listing(decision: Decision) -> str:
    """Where the time that was given went, if listing took most of it."""
    seconds = decision.asked.seconds
    if seconds is None or 2 * decision.listing_seconds < seconds:
        return ""
    return (
        f"; listing took {format_duration(decision.listing_seconds)} of the "
        f"{format_duration(seconds)} given"
    )


def _unused(decision: Decision) -> str:
    if not decision.unused_bytes:
        return ""
    return f", as {format_bytes(decision.unused_bytes)} read for it have shown"


def _default_goals(goals: Sampling) -> str:
    assert goals.half_width is not None
    assert goals.seconds is not None
    return (
        f"a sample, until the interval is ±{goals.half_width:.0%} or for "
        f"{format_duration(goals.seconds)}, whichever came first"
    )
