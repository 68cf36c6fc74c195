"""Formulas that depend on the layout: which steps it has, and what of it is known."""

from collections.abc import Set

from storeff.economics import SizedLayout
from storeff.layout.waterfall import LABELS
from storeff.report.formulas import BILL, FORMULAS, Formula
from storeff.report.rebuilt import code_numbers, is_replica

_WATERFALL = "{L}.waterfall"


def formula_for(
    pattern: str, layout: SizedLayout | None, step: str, roles: Set[str]
) -> Formula | None:
    """The formula of the figure at ``pattern``, a path without what is in brackets; None if there
    is none. ``step`` is that of the waterfall which the figure is of; ``roles`` are the assumptions
    that the report lists for ``layout``."""
    if pattern in FORMULAS:
        return FORMULAS[pattern]
    if layout is None:
        return None
    if pattern.startswith("layouts[].waterfall[]."):
        return _of_step(layout, step, pattern.rpartition(".")[2], roles)
    match pattern.removeprefix("layouts[]."):
        case "raw_bytes":
            return _bytes_after(layout, layout.waterfall[-1].step)
        case "bill.drives_in_service":
            return _drives(layout, roles)
        case "bill.failures_per_year":
            return _failures(roles)
        case "bill.enclosures":
            return _enclosures(layout, roles)
        case "bill.cells":
            return _cells(roles)
        case "bill.opex_total" | "bill.npv":
            return _over_years(layout, pattern.endswith("npv"))
        case "durability.rebuild_hours" | "durability.rebuild_read_bytes_per_day":
            return _rebuild(roles, pattern.endswith("hours"))
    return None


def _bytes_after(layout: SizedLayout, last: str) -> Formula | None:
    """What is left after the steps up to ``last``: rounded once, so not by the bytes before."""
    steps = [step.step for step in layout.waterfall[1:]]
    if any(step not in LABELS for step in steps):
        return None
    upto = steps[: steps.index(last) + 1] if last in steps else []
    expression = " * ".join(("logical", *upto))
    return Formula(
        "the application's bytes, times the factor of each step, in whole bytes",
        f"ceil({expression})",
        {
            "logical": f"{_WATERFALL}[0].before_bytes",
            **{step: f"{_WATERFALL}[{step}].factor" for step in upto},
        },
    )


def _of_step(layout: SizedLayout, step: str, figure: str, roles: Set[str]) -> Formula | None:
    steps = [each.step for each in layout.waterfall]
    if step not in steps:
        return None
    if figure == "after_bytes":
        return _bytes_after(layout, step)
    if figure == "before_bytes":
        return _bytes_after(layout, steps[max(0, steps.index(step) - 1)])
    if figure == "share_bytes":
        return Formula(
            "the step's part of raw minus logical bytes, by its logarithm: additive logarithmic "
            "mean Divisia index (LMDI-I, Ang 2005), so that no order of the steps matters and the "
            "parts sum to the whole",
            "(raw - logical) / ln(raw / logical) * ln(factor)",
            {
                "raw": "{L}.raw_bytes",
                "logical": f"{_WATERFALL}[0].before_bytes",
                "factor": f"{_WATERFALL}[{step}].factor",
            },
        )
    return _factor(layout, step, roles) if figure == "factor" else None


def _factor(layout: SizedLayout, step: str, roles: Set[str]) -> Formula | None:
    row = next(each for each in layout.waterfall if each.step == step)
    added = {"metadata": "metadata", "checksums": "checksum"}
    reserves = ("rebuild_reserve", "file_system_reserve", "gc_reserve")
    if step == "copies":
        return Formula(
            "copies that the application keeps, times whole copies that the system keeps",
            "application * system",
            {"application": "@data.copies?1", "system": "@layout.copies?1"},
        )
    if step == "data_reduction":
        return Formula(
            "one over the layout's own data reduction ratio",
            "1 / ratio",
            {"ratio": "{L}.reduction_ratio"},
        )
    if step in added:
        return Formula(
            "what is added to each stored byte", "1 + added", {"added": f"@layout.{added[step]}"}
        )
    if step == "padding" and row.factor.origin == "assumed":
        return Formula(
            "what padding adds to each stored byte", "1 + added", {"added": "@layout.padding"}
        )
    if step in reserves:
        return Formula(
            "raw bytes of which a part stays empty",
            "1 / (1 - reserve)",
            {"reserve": f"@layout.{step}?0"},
        )
    if step == "fill_limit":
        return _filled(roles)
    if step == "imbalance":
        return Formula(
            "the fullest drive over the mean of all",
            "imbalance",
            {"imbalance": "@layout.imbalance"},
        )
    code = code_numbers(layout)
    if step == "erasure_coding" and row.source is None and row.factor.value is not None:
        return (
            Formula(
                "fragments of a stripe, over those that hold data",
                "fragments / k",
                {name: f"={name}" for name in ("fragments", "k")},
            )
            if abs(row.factor.value * code["k"] - code["fragments"]) < 1e-9
            else None
        )
    return None


def _filled(roles: Set[str]) -> Formula:
    if "layout.rebuild_fill_limit" not in roles:
        return Formula(
            "raw bytes of which a part may be written",
            "1 / fill_limit",
            {"fill_limit": "@layout.fill_limit"},
        )
    limit, inputs = "fill_limit", {"fill_limit": "@layout.fill_limit"}
    if "layout.spare_domains" in roles:
        limit = "fill_limit / (1 - spare)"
        inputs |= {"spare": "@layout.rebuild_reserve"}
    return Formula(
        "raw bytes of which a part may be written: with every enclosure, or with the spare ones "
        "lost, whichever is less",
        f"1 / min({limit}, rebuild_fill_limit)",
        {**inputs, "rebuild_fill_limit": "@layout.rebuild_fill_limit"},
    )


def _domains(layout: SizedLayout, roles: Set[str]) -> dict[str, str]:
    if "layout.min_domains" in roles:
        return {"domains": "@layout.min_domains"}
    return {"domains": "=fragments"} if is_replica(layout) else {}


def _drives(layout: SizedLayout, roles: Set[str]) -> Formula:
    domains = _domains(layout, roles)
    least = ", ".join(("ceil(raw / cells / capacity)", *domains, "fragments"))
    held = f"max({least})"
    inputs = {
        "raw": "{L}.raw_bytes",
        "cells": f"{BILL}.cells",
        "capacity": "@drive.capacity_bytes",
        **domains,
        "fragments": "=fragments",
    }
    if "layout.group_drives" in roles:
        held = f"group * ceil({held} / group)"
        inputs |= {"group": "@layout.group_drives"}
    return Formula(
        "whole drives for the raw bytes of each cluster: one at least in each failure domain and "
        "for each fragment of a stripe, and whole groups where the layout has some",
        f"cells * {held}",
        inputs,
    )


def _failures(roles: Set[str]) -> Formula:
    inputs = {"in_service": f"{BILL}.drives_in_service"}
    if "drive.afr" in roles:
        return Formula(
            "drives in service, at the failure rate that was observed",
            "in_service * afr",
            inputs | {"afr": "@drive.afr"},
        )
    return Formula(
        "drives in service, at the failure rate of a constant hazard",
        "in_service * (1 - exp(-8760 / mtbf))",
        inputs | {"mtbf": "@drive.mtbf_hours"},
    )


def _enclosures(layout: SizedLayout, roles: Set[str]) -> Formula:
    domains = _domains(layout, roles)
    each = "ceil(in_service / cells / slots)"
    return Formula(
        "whole enclosures for the drives of each cluster, and no fewer than failure domains",
        f"cells * max({each}, domains)" if domains else f"cells * {each}",
        {
            "cells": f"{BILL}.cells",
            "in_service": f"{BILL}.drives_in_service",
            "slots": "@enclosure.drive_slots",
            **domains,
        },
    )


def _cells(roles: Set[str]) -> Formula:
    limits, inputs = [], {"copies": "@layout.copies?1"}
    if "layout.cell_bytes" in roles:
        limits.append("cell_bytes")
        inputs |= {"cell_bytes": "@layout.cell_bytes"}
    if "layout.cell_domains" in roles:
        limits.append("cell_domains * slots * capacity")
        inputs |= {
            "cell_domains": "@layout.cell_domains",
            "slots": "@enclosure.drive_slots",
            "capacity": "@drive.capacity_bytes",
        }
    if not limits:
        return Formula("one cluster for each whole copy, as no limit is known", "copies", inputs)
    most = f"min({', '.join(limits)})" if len(limits) > 1 else f"({limits[0]})"
    return Formula(
        "as many clusters for each whole copy as its raw bytes take",
        f"copies * ceil(raw / copies / {most})",
        inputs | {"raw": "{L}.raw_bytes"},
    )


def _over_years(layout: SizedLayout, is_discounted: bool) -> Formula:
    years = [year.year for year in layout.bill.opex_by_year]
    totals = {f"year_{n}": f"{BILL}.opex_by_year[year={n}].total" for n in years}
    if not is_discounted:
        return Formula("all that is paid while it runs, not discounted", " + ".join(totals), totals)
    terms = [f"year_{n} / (1 + rate) ** {n}" for n in years]
    return Formula(
        "the present value: what is paid on delivery, and what is paid at the end of each year",
        " + ".join(("capex", *terms)),
        {"capex": f"{BILL}.capex.total", **totals, "rate": "@finance.discount_rate"},
    )


def _rebuild(roles: Set[str], is_hours: bool) -> Formula:
    held = "capacity * fill_limit * (1 - reserve)"
    inputs = {
        "capacity": "@drive.capacity_bytes",
        "fill_limit": "@layout.fill_limit",
        "reserve": "@layout.rebuild_reserve?0",
        "reads": "@layout.repair.read_fragments"
        if "layout.repair.read_fragments" in roles
        else "=reads",
    }
    if not is_hours:
        return Formula(
            "the drives that fail in a day, each with what it held, read as often as the code asks",
            f"failures / 365 * {held} * reads",
            {"failures": f"{BILL}.failures_per_year", **inputs},
        )
    return Formula(
        "the time to notice, then the slower of writing what a drive held and of reading what that "
        "is made of, by all drives that share the rebuild, each with a part of its speed",
        f"detection + max({held} / (write * rebuilding), {held} * reads / (read * max(rebuilding, "
        "reads))) / share / 3600",
        {
            "detection": "@layout.repair.detection_hours",
            **inputs,
            "write": "@drive.write_bytes_per_second",
            "read": "@drive.read_bytes_per_second",
            "rebuilding": "@layout.repair.drives",
            "share": "@layout.repair.bandwidth_share",
        },
    )
