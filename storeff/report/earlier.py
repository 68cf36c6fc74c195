"""Reports of earlier versions of the schema, brought to the form that it has now."""

from typing import Any


def to_present(document: dict[str, Any]) -> None:
    """Bring ``document`` to the present form, in place. What is of another shape is left as it is,
    for the decoder to refuse."""
    if str(document.get("schema_version")).startswith("1."):
        _from_schema_1(document)
    assumptions = document.get("assumptions")
    for row in assumptions if isinstance(assumptions, list) else ():
        if isinstance(row, dict) and "as_of" in row:
            row.setdefault("true_on", row.pop("as_of"))


def _from_schema_1(document: dict[str, Any]) -> None:
    """Sections that were always null are gone, ``scan.set_aside`` is ``scan.ignored``, and a layout
    says its reduction ratio and drive at its top."""
    scan, layouts = document.get("scan"), document.get("layouts")
    if isinstance(scan, dict):
        scan["ignored"] = scan.pop("set_aside", None)
    for layout in layouts if isinstance(layouts, list) else ():
        match layout:
            case {"bill": {"drive": drive}, "waterfall": [*steps]}:
                layout |= {"drive": drive, "site": None, "npv_range": None}
                layout["reduction_ratio"] = _reduction_ratio(steps)


def with_scenarios(document: dict[str, Any]) -> None:
    """Put what schema 2.2 kept, the whole scenario of the reference layout alone, where schema 2.3
    keeps that of every layout, in place."""
    scenario, layouts = document.pop("reference_scenario", None), document.get("layouts")
    if not isinstance(scenario, dict) or not isinstance(layouts, list):
        return
    names = [each.get("name") if isinstance(each, dict) else None for each in layouts]
    indices = dict.fromkeys(scenario, 0)
    document["scenarios"] = {
        "parts": {name: [part] for name, part in scenario.items()},
        "layouts": [indices if x == document.get("reference_layout") else None for x in names],
    }


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
