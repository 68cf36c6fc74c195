"""Reports of earlier major versions of the schema, brought to the form that it has now."""

from typing import Any


def to_present(document: dict[str, Any]) -> None:
    """Bring ``document`` of schema 1 to schema 2, in place.

    Sections that were always null are gone, ``scan.set_aside`` is ``scan.ignored``, and a layout
    says its reduction ratio and drive at its top. What is of another shape is left as it is, for
    the decoder to refuse.
    """
    scan, layouts = document.get("scan"), document.get("layouts")
    if isinstance(scan, dict):
        scan["ignored"] = scan.pop("set_aside", None)
    for layout in layouts if isinstance(layouts, list) else ():
        match layout:
            case {"bill": {"drive": drive}, "waterfall": [*steps]}:
                layout |= {"drive": drive, "site": None, "npv_range": None}
                layout["reduction_ratio"] = _reduction_ratio(steps)


def _reduction_ratio(steps: list[Any]) -> dict[str, Any] | None:
    """Over what the data reduction step multiplies by."""
    for step in steps:
        match step:
            case {"step": "data_reduction", "factor": {"origin": origin} as factor}:
                ends = {"value": "value", "low": "high", "high": "low"}
                found = {end: _inverse(factor.get(other)) for end, other in ends.items()}
                return {**found, "origin": origin}
    return None


def _inverse(number: Any) -> float | None:
    return 1 / number if isinstance(number, int | float) and number else None
