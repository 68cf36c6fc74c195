"""Formulas of a report's figures, in words and in symbols.

Each is keyed by the path of its figure with what stands in brackets left out. ``inputs`` say where
each symbol comes from: ``@drive.price`` is an assumption by its role in a scenario, ``=k`` a number
of the layout's code, and anything else a path, in which ``{L}`` is the layout (the row) that the
figure is of and ``{S}`` what stands before its last key. What an assumption is if the report lists
none stands behind a question mark. The arithmetic itself is in ``storeff.layout`` and
``storeff.economics``; a test holds that these formulas give the same numbers.
"""

from dataclasses import dataclass, field

BILL = "{L}.bill"


@dataclass(frozen=True)
class Formula:
    """How a figure comes about: ``words``, and ``expression`` of the symbols that ``inputs`` give;
    no expression where it is more than arithmetic."""

    words: str
    expression: str = ""
    inputs: dict[str, str] = field(default_factory=dict)


def _ratio(left: str, whole: str = "reduction.data_bytes") -> Formula:
    return Formula(
        "the data over the bytes that are left of it",
        "data / left",
        {"data": whole, "left": left},
    )


_PRICE = "@drive.price"
_CAPEX = f"{BILL}.capex"
_WATTS = {
    "in_service": f"{BILL}.drives_in_service",
    "active": "@drive.watts_active",
    "enclosures": f"{BILL}.enclosures",
    "enclosure_watts": "@enclosure.watts",
    "racks": f"{BILL}.racks",
    "switch_watts": "@rack.switch_watts",
}
_CHASSIS = "enclosures * enclosure_watts + racks * switch_watts"

_BILL: dict[str, Formula] = {
    "spares": Formula(
        "as many drives as fail while new ones are on their way, with the probability of the "
        "service level: the quantile of a Poisson distribution, between whole numbers (pdtrik)",
        "ceil(poisson_quantile(failures * lead_weeks * 7 / 365, service_level))",
        {
            "failures": f"{BILL}.failures_per_year",
            "lead_weeks": "@spares.lead_weeks",
            "service_level": "@spares.service_level",
        },
    ),
    "drives": Formula(
        "drives in service, and spares",
        "in_service + spares",
        {"in_service": f"{BILL}.drives_in_service", "spares": f"{BILL}.spares"},
    ),
    "enclosures_per_rack": Formula(
        "what space and what power leave room for, whichever is less",
        "min(floor((height - reserved) / enclosure_height), floor((kilowatts * 1000 - "
        "switch_watts) / (enclosure_watts + slots * active)))",
        {
            "height": "@rack.height_u",
            "reserved": "@rack.reserved_u",
            "enclosure_height": "@enclosure.height_u",
            "kilowatts": "@rack.kilowatts",
            "switch_watts": "@rack.switch_watts",
            "enclosure_watts": "@enclosure.watts",
            "slots": "@enclosure.drive_slots",
            "active": "@drive.watts_active",
        },
    ),
    "racks": Formula(
        "whole racks for the enclosures of each cluster",
        "cells * ceil(enclosures / cells / per_rack)",
        {
            "cells": f"{BILL}.cells",
            "enclosures": f"{BILL}.enclosures",
            "per_rack": f"{BILL}.enclosures_per_rack",
        },
    ),
    "floor_m2": Formula(
        "racks, each with its part of the aisles",
        "racks * floor_m2",
        {"racks": f"{BILL}.racks", "floor_m2": "@rack.floor_m2"},
    ),
    "it_mw_average": Formula(
        "drives at work and idle, enclosures and switches",
        f"(in_service * (duty * active + (1 - duty) * idle) + {_CHASSIS}) / 1e6",
        {"duty": "@drive.duty", "idle": "@drive.watts_idle", **_WATTS},
    ),
    "it_mw_peak": Formula(
        "all drives at work, enclosures and switches",
        f"(in_service * active + {_CHASSIS}) / 1e6",
        _WATTS,
    ),
    "facility_mw_peak": Formula(
        "the peak of IT, and what the site adds to it",
        "it_peak * pue",
        {"it_peak": f"{BILL}.it_mw_peak", "pue": "@site.pue"},
    ),
    "mwh_per_year": Formula(
        "the mean power of IT over the hours of a year, and what the site adds to it",
        "it_average * pue * 8760",
        {"it_average": f"{BILL}.it_mw_average", "pue": "@site.pue"},
    ),
    "capex.drives": Formula(
        "drives at their price", "drives * price", {"drives": f"{BILL}.drives", "price": _PRICE}
    ),
    "capex.enclosures": Formula(
        "enclosures at their price",
        "enclosures * price",
        {"enclosures": f"{BILL}.enclosures", "price": "@enclosure.price"},
    ),
    "capex.racks": Formula(
        "racks with their switches",
        "racks * (price + switch_price)",
        {
            "racks": f"{BILL}.racks",
            "price": "@rack.price",
            "switch_price": "@rack.switch_price",
        },
    ),
    "capex.total": Formula(
        "all that is paid on delivery",
        "drives + enclosures + racks",
        {name: f"{_CAPEX}.{name}" for name in ("drives", "enclosures", "racks")},
    ),
    "opex_by_year[].energy": Formula(
        "the energy of a year at its tariff, which rises every year",
        "mwh * 1000 * tariff * (1 + escalation) ** (year - 1)",
        {
            "mwh": f"{BILL}.mwh_per_year",
            "tariff": "@site.price_per_kwh",
            "escalation": "@site.price_per_kwh_escalation",
            "year": "{S}.year",
        },
    ),
    "opex_by_year[].colocation": Formula(
        "the peak of IT at the price of a kilowatt and month",
        "it_peak * 1000 * 12 * price",
        {"it_peak": f"{BILL}.it_mw_peak", "price": "@site.colocation_per_kw_month"},
    ),
    "opex_by_year[].support": Formula(
        "a part of what enclosures and racks cost, in each year after their warranty",
        "(enclosures + racks) * rate * after(year, warranty)",
        {
            "enclosures": f"{_CAPEX}.enclosures",
            "racks": f"{_CAPEX}.racks",
            "rate": "@finance.hardware_support",
            "year": "{S}.year",
            "warranty": "@finance.hardware_warranty_years",
        },
    ),
    "opex_by_year[].replacement": Formula(
        "the labour of replacing drives that fail, and the drives after their warranty",
        "failures * (labour + price * after(year, warranty))",
        {
            "failures": f"{BILL}.failures_per_year",
            "labour": "@finance.drive_swap_labour",
            "price": _PRICE,
            "year": "{S}.year",
            "warranty": "@drive.warranty_years",
        },
    ),
    "opex_by_year[].total": Formula(
        "all that is paid in the year",
        "energy + colocation + support + replacement",
        {name: f"{{S}}.{name}" for name in ("energy", "colocation", "support", "replacement")},
    ),
    "tco": Formula(
        "all payments, not discounted",
        "capex + opex",
        {"capex": f"{_CAPEX}.total", "opex": f"{BILL}.opex_total"},
    ),
    "levelised_per_logical_tb_month": Formula(
        "the present value over the terabyte-months of application data, discounted alike; "
        "annuity(r, n) is the sum of 1 / (1 + r) ** year over n years",
        "npv / (logical / 1e12 * 12 * annuity(rate, years))",
        {
            "npv": f"{BILL}.npv",
            "logical": "{L}.waterfall[0].before_bytes",
            "rate": "@finance.discount_rate",
            "years": "@finance.years",
        },
    ),
    "embodied_tonnes": Formula(
        "greenhouse gas of making the drives",
        "drives * capacity / 1e12 * kg_per_tb / 1000",
        {
            "drives": f"{BILL}.drives",
            "capacity": "@drive.capacity_bytes",
            "kg_per_tb": "@carbon.embodied_kg_co2e_per_tb",
        },
    ),
    "operational_tonnes_per_year": Formula(
        "greenhouse gas of the energy of a year",
        "mwh * grams_per_kwh / 1000",
        {"mwh": f"{BILL}.mwh_per_year", "grams_per_kwh": "@site.grid_g_co2e_per_kwh"},
    ),
}

_LOSS = "{L}.durability.annual_loss_probability_"
_DURABILITY: dict[str, Formula] = {
    "nines": Formula(
        "those of the likelier loss of a stripe in a year, by the two models",
        "-log10(max(window, markov))",
        {"window": f"{_LOSS}window", "markov": f"{_LOSS}markov"},
    ),
    "fleet_bytes_lost_per_year": Formula(
        "the likelier loss of a stripe, over all application bytes",
        "max(window, markov) * logical",
        {
            "window": f"{_LOSS}window",
            "markov": f"{_LOSS}markov",
            "logical": "{L}.waterfall[0].before_bytes",
        },
    ),
    "groups": Formula(
        "stripes on the same drives are a group: of one copy's drives, each is in as many as "
        "drives share its rebuild",
        "in_service / copies * rebuilding / fragments",
        {
            "in_service": f"{BILL}.drives_in_service",
            "copies": "@layout.copies?1",
            "rebuilding": "@layout.repair.drives",
            "fragments": "=fragments",
        },
    ),
}
for _model, _words in (
    (
        "window",
        "the window model that Backblaze publishes: independent fragments, one repair window",
    ),
    (
        "markov",
        "a Markov chain over the number of lost fragments (Patterson et al., SIGMOD 1988; Huang et "
        "al., USENIX ATC 2012)",
    ),
):
    _DURABILITY[f"annual_loss_probability_{_model}"] = Formula(
        f"the probability that a given stripe is lost within a year, by {_words}",
        "",
        {
            "afr": "@drive.afr",
            "rebuild_hours": "{L}.durability.rebuild_hours",
            "fragments": "=fragments",
        },
    )

_ROWS: dict[str, Formula] = {
    "reduction.headline.ratio": _ratio("reduction.combined[headline].physical_bytes"),
    "reduction.scope.measured": _ratio("reduction.combined[headline].physical_bytes"),
    "reduction.scope.floor": _ratio("reduction.combined[headline].compression_only_bytes"),
    "reduction.dedup[].ratio": _ratio("{S}.unique_bytes"),
    "reduction.combined[].ratio": _ratio("{S}.physical_bytes"),
    "reduction.combined[].compression_only_ratio": _ratio("{S}.compression_only_bytes"),
    "reduction.compression[].ratio": _ratio("{S}.compressed_bytes"),
    "reduction.shards[].ratio": _ratio("{S}.data_left_bytes"),
    "reduction.by_stratum[].ratio": Formula(
        "the data of the class over what is left of it, where its bytes were counted",
        "data / left",
        {"data": "{S}.data_bytes", "left": "{S}.physical_bytes"},
    ),
    "scan.coverage": Formula(
        "what was read of the data that was listed, holes apart",
        "read / (listed - holes)",
        {
            "read": "scan.read_bytes",
            "listed": "scan.logical_bytes",
            "holes": "scan.hole_bytes",
        },
    ),
    "kv.survey.measured.overall[].winner.ratio": Formula(
        "the data over what the best method leaves of it",
        "data / left",
        {"data": "{P}.data_bytes", "left": "{S}.stored_bytes"},
    ),
    "kv.trace.dedup_ratio": Formula(
        "blocks that are asked for, over distinct ones",
        "blocks / unique",
        {"blocks": "kv.trace.blocks", "unique": "kv.trace.unique_blocks"},
    ),
    "bench.rows[].raw_per_logical_byte": Formula(
        "raw bytes for each application byte",
        "raw / logical",
        {"raw": "{S}.raw_bytes", "logical": "bench.logical_bytes"},
    ),
}
for _traffic in ("unlimited", "caches[].traffic", "ttls[].traffic", "ttls[].warm"):
    for _unit in ("block", "token"):
        _ROWS[f"kv.trace.{_traffic}.{_unit}_hit_rate"] = Formula(
            f"{_unit}s that are hits, over those that are asked for",
            "hits / asked",
            {"hits": f"{{S}}.hit_{_unit}s", "asked": f"{{S}}.{_unit}s"},
        )

FORMULAS: dict[str, Formula] = {
    **{f"layouts[].bill.{name}": formula for name, formula in _BILL.items()},
    **{f"layouts[].durability.{name}": formula for name, formula in _DURABILITY.items()},
    **_ROWS,
}
