"""What figures mean, in a phrase each, and what they rest on where that is not recorded.

The arithmetic is recorded from the code that made the figure (``economics.formulas``), or the one
of ``report.ratios``: here are words alone. A figure without any is what its type says of itself.
"""

# By the path that a figure has in ``Formulas.figures``, without steps and years.
MEANINGS: dict[str, str] = {
    "raw_bytes": "the application's bytes, times the factor of each step, in whole bytes",
    "reduction_ratio": "what the data is divided by: the layout's own reduction, as measured",
    "waterfall.factor": "what the step multiplies bytes by",
    "waterfall.before_bytes": "the application's bytes, times the factors of all steps before",
    "waterfall.after_bytes": "the application's bytes, times the factors up to this step",
    "waterfall.share_bytes": (
        "the step's part of raw minus logical bytes, by its logarithm: additive logarithmic mean "
        "Divisia index (LMDI-I, Ang 2005), so that no order of the steps matters and the parts sum "
        "to the whole, in whole bytes"
    ),
    "bill.cells": "as many clusters for each whole copy as its raw bytes take",
    "bill.drives_in_service": (
        "whole drives for the raw bytes of each cluster: one at least in each failure domain and "
        "for each fragment of a stripe, and whole groups where the layout has some"
    ),
    "bill.failures_per_year": "drives in service, at their failure rate",
    "bill.spares": (
        "as many drives as fail while new ones are on their way, with the probability of the "
        "service level: the quantile of a Poisson distribution, between whole numbers (pdtrik)"
    ),
    "bill.drives": "drives in service, and spares",
    "bill.enclosures": (
        "whole enclosures for the drives of each cluster, and no fewer than failure domains"
    ),
    "bill.enclosures_per_rack": "what space and what power leave room for, whichever is less",
    "bill.racks": "whole racks for the enclosures of each cluster",
    "bill.floor_m2": "racks, each with its part of the aisles",
    "bill.it_mw_average": "drives at work and idle, enclosures and switches",
    "bill.it_mw_peak": "all drives at work, enclosures and switches",
    "bill.facility_mw_peak": "the peak of IT, and what the site adds to it",
    "bill.mwh_per_year": (
        "the mean power of IT over the hours of a year, and what the site adds to it"
    ),
    "bill.capex.drives": "drives at their price",
    "bill.capex.enclosures": "enclosures at their price",
    "bill.capex.racks": "racks with their switches",
    "bill.capex.total": "all that is paid on delivery",
    "bill.opex_by_year.energy": "the energy of a year at its tariff, which rises every year",
    "bill.opex_by_year.colocation": "the peak of IT at the price of a kilowatt and month",
    "bill.opex_by_year.support": (
        "a part of what is paid on delivery but for drives, in each year after its warranty"
    ),
    "bill.opex_by_year.replacement": (
        "the labour of replacing drives that fail, and the drives after their warranty"
    ),
    "bill.opex_by_year.total": "all that is paid in the year",
    "bill.opex_total": "all that is paid while it runs, not discounted",
    "bill.tco": "all payments, not discounted",
    "bill.npv": (
        "the present value: what is paid on delivery, and what is paid at the end of each year"
    ),
    "bill.levelised_per_logical_tb_month": (
        "the present value over the terabyte-months of application data, discounted alike"
    ),
    "bill.embodied_tonnes": "greenhouse gas of making the drives",
    "bill.operational_tonnes_per_year": "greenhouse gas of the energy of a year",
    "durability.rebuild_hours": (
        "the time to notice, then the slower of writing what a drive held and of reading what that "
        "is made of, by all drives that share the rebuild, each with a part of its speed"
    ),
    "durability.rebuild_read_bytes_per_day": (
        "the drives that fail in a day, each with what it held, read as often as the code asks"
    ),
    "durability.groups": (
        "stripes on the same drives are a group: of one copy's drives, each is in as many as "
        "drives share its rebuild"
    ),
    "durability.nines": "those of the likelier loss of a stripe in a year, by the two models",
    "durability.fleet_bytes_lost_per_year": (
        "the likelier loss of a stripe, over all application bytes"
    ),
    "durability.annual_loss_probability_window": (
        "the probability that a given stripe is lost within a year, by the window model that "
        "Backblaze publishes: independent fragments, one repair window"
    ),
    "durability.annual_loss_probability_markov": (
        "the probability that a given stripe is lost within a year, by a Markov chain over the "
        "number of lost fragments (Patterson et al., SIGMOD 1988; Huang et al., USENIX ATC 2012)"
    ),
}

_LOSSES = ("annual_loss_probability_window", "annual_loss_probability_markov")
_MODEL = ("rebuild_hours", "critical_rebuild_hours", "unreadable_probability")
# What other figures rest on, by their path and beside them in the report.
RESTS_ON: dict[str, tuple[str, ...]] = {
    "durability.nines": _LOSSES,
    "durability.fleet_bytes_lost_per_year": _LOSSES,
    **{f"durability.{loss}": _MODEL for loss in _LOSSES},
}
# Where other figures that one table of the report names are: those of the headline, by its row.
HEADLINE = {
    "reduction.headline.ratio": "reduction.combined[headline].ratio",
    "reduction.scope.measured": "reduction.combined[headline].ratio",
    "reduction.scope.floor": "reduction.combined[headline].compression_only_ratio",
}
SAME = "the figure of the row of the headline"
COVERAGE = "what was read of the data that was listed, holes apart"
