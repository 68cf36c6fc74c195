"""Planned costs as rows for spreadsheets and cost tools, shaped like FOCUS 1.2.

The columns that FOCUS (the FinOps Open Cost and Usage Specification) makes mandatory come first, in
its order, and with them how often a charge recurs, which it recommends. No invoice stands behind
the rows, so they claim no conformance: docs/report.md says what each column holds.
"""

import csv
import io
import re
from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

from storeff.data import AssumptionRow
from storeff.economics.lines import BY_YEAR
from storeff.economics.plan_model import Plan, PlannedDelivery
from storeff.economics.quarters import quarter_of
from storeff.errors import StoreffError
from storeff.quantity import Quantity
from storeff.report.charges import (
    Charge,
    Purchase,
    charges,
    price_of,
    purchase_of,
    recommended_purchase,
)
from storeff.report.model import Report
from storeff.report.page import UNKNOWN
from storeff.report.sections_layouts import reference_layout
from storeff.report.subject import recommended_row
from storeff.text import escaped

IS_TEXT = True

FOCUS_COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart"),
    *("ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
OWN_COLUMNS = (
    *("x_CostHigh", "x_CostLow", "x_Drive", "x_IsEstimate", "x_IsReference", "x_Layout"),
    *("x_LayoutPresentValue", "x_PriceKind", "x_PricePath", "x_PriceSource", "x_PriceTrueOn"),
    *("x_QuantityHigh", "x_QuantityLow", "x_Site", "x_SpareDrives", "x_UnitPrice"),
    *("x_UnitPriceUnit", "x_Year"),
)

Cell: TypeAlias = str | int | float | None

_UNKNOWN = Quantity(None, None, None, "derived")

# A rate is no price of one.
_MONEY = re.compile(r"[A-Z]{3}(/|$)")
# Who a row is from, where FOCUS names the parties to an invoice.
_ISSUER = "storeff estimate"
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection); the last four are
# full-width forms of the first. Tabs and returns are escaped before.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")

# What FOCUS has a category of its own for.
_CATEGORIES = {"tax": "Tax", "residual_value": "Credit"}
# Lines of a year that are paid in one year only.
_ONCE = ("decommissioning",)


def render(report: Report) -> bytes:
    """A row for each charge of each layout, those of the reference layout first."""
    text = io.StringIO()
    columns = (*FOCUS_COLUMNS, *OWN_COLUMNS)
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({column: _shown(row.get(column)) for column in columns})
    return text.getvalue().encode()


def _rows(report: Report) -> Iterator[dict[str, Cell]]:
    reference = reference_layout(report) if report.layouts else None
    for layout in sorted(report.layouts, key=lambda each: each is not reference):
        yield from _bought(report, purchase_of(report, layout), layout is reference)
    if report.bench is not None:
        # Of what is not recommended it holds no bill: how many of each, and what all of it costs.
        chosen, purchase = recommended_row(report.bench), recommended_purchase(report)
        if purchase is not None:
            yield from _bought(report, purchase, True)
        for row in sorted(report.bench.rows, key=lambda each: each is not chosen):
            if purchase is not None and row is chosen:
                continue
            common = _common(report, row.drive, row.npv, row is chosen)
            price = price_of(report, row.drive)
            drives = Charge("drives", _UNKNOWN, row.drives, "Drives", price)
            racks = Charge("racks", _UNKNOWN, row.racks, "Racks", ())
            for charge in (drives, racks):
                yield {"x_Layout": row.layout, **common, **_of_charge(report, charge)}

    if report.plan is not None:
        for delivery in report.plan.deliveries:
            if delivery.bytes or delivery.cost:
                yield _of_delivery(report.plan, delivery)


def _of_delivery(plan: Plan, delivery: PlannedDelivery) -> dict[str, Cell]:
    """What is paid for one offer in one quarter. The layout's own rows have the same drives."""
    costs = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
    parties = ("BillingAccountId", "BillingAccountName", "InvoiceIssuerName", "PublisherName")
    supplier = {each.name: each.supplier for each in plan.offers}.get(delivery.offer)
    return {
        **dict.fromkeys(costs, delivery.cost),
        **dict.fromkeys(parties, _ISSUER),
        **_quarter(delivery.quarter),
        "BillingCurrency": plan.currency,
        "ChargeCategory": "Purchase",
        "ChargeDescription": f"Delivery of {delivery.offer}, {delivery.quarter}",
        "ChargeFrequency": "One-Time",
        "PricingQuantity": delivery.bytes,
        "PricingUnit": "B",
        "ProviderName": supplier or _ISSUER,
        "ServiceCategory": "Storage",
        "ServiceName": "Deliveries",
        "x_Drive": plan.drive,
        "x_IsEstimate": "true",
        "x_IsReference": "false",
        "x_Layout": plan.layout,
        "x_UnitPrice": delivery.price_per_tb,
        "x_UnitPriceUnit": f"{plan.currency}/TB",
    }


def _quarter(name: str) -> dict[str, Cell]:
    """The quarter as the period of a charge; null where it is none."""
    try:
        quarter = quarter_of(name)
    except StoreffError:
        return {}
    first, after = (date(q // 4, q % 4 * 3 + 1, 1) for q in (quarter, quarter + 1))
    return {
        "BillingPeriodStart": _moment(first),
        "BillingPeriodEnd": _moment(after),
        "ChargePeriodStart": _moment(first),
        "ChargePeriodEnd": _moment(after),
    }


def _bought(report: Report, bought: Purchase, is_reference: bool) -> Iterator[dict[str, Cell]]:
    bill = bought.bill
    common = _common(report, bought.drive, bill.npv, is_reference)
    for charge in charges(bought):
        spares = bill.spares.value if charge.item == "drives" else None
        own = {"x_Site": bought.site, "x_SpareDrives": spares}
        yield {"x_Layout": bought.name, **common, **own, **_of_charge(report, charge)}


def _common(report: Report, drive: str, npv: Quantity, is_reference: bool) -> dict[str, Cell]:
    """What all charges of a layout have in common."""
    issuers = ("BillingAccountId", "BillingAccountName", "InvoiceIssuerName", "ProviderName")
    return {
        **dict.fromkeys((*issuers, "PublisherName"), _ISSUER),
        "BillingCurrency": report.currency,
        "ServiceCategory": "Storage",
        "x_Drive": drive,
        "x_IsEstimate": "true",
        "x_IsReference": "true" if is_reference else "false",
        "x_LayoutPresentValue": npv.value,
    }


def _of_charge(report: Report, charge: Charge) -> dict[str, Cell]:
    costs = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
    item, quantity = charge.sold, charge.quantity
    category = _CATEGORIES.get(charge.item, "Purchase" if item.bought else "Usage")
    recurs = charge.item in BY_YEAR and charge.item not in _ONCE
    frequency = "Recurring" if recurs else "One-Time"
    described = f"{item.name}, year {charge.year}" if charge.year else item.name
    if charge.is_missing:
        described += " (not in this bill)"
    elif charge.because is not None:
        described += f" (unknown: {charge.because})"
    if category == "Tax":
        # FOCUS: PricingQuantity MUST be null when ChargeCategory is "Tax".
        quantity = _UNKNOWN
    return {
        **dict.fromkeys(costs, charge.cost.value),
        **_periods(report, charge.year),
        "ChargeCategory": category,
        "ChargeDescription": described,
        "ChargeFrequency": "Usage-Based" if category == "Usage" else frequency,
        "PricingQuantity": quantity.value,
        "PricingUnit": None if quantity.value is None else charge.unit,
        "ServiceName": item.name,
        "x_CostHigh": charge.cost.high,
        "x_CostLow": charge.cost.low,
        "x_QuantityHigh": quantity.high,
        "x_QuantityLow": quantity.low,
        "x_Year": charge.year,
        **_prices(charge.prices),
    }


def _prices(rows: Sequence[AssumptionRow]) -> dict[str, Cell]:
    """What a charge rests on, in one order in all cells; the price itself if it is the only one."""
    only = rows[0] if len(rows) == 1 and _MONEY.match(rows[0].unit) else None
    return {
        "x_PriceKind": _listed(row.kind for row in rows),
        "x_PricePath": _listed(row.path for row in rows),
        "x_PriceSource": _listed(row.source for row in rows),
        "x_PriceTrueOn": _listed(str(row.true_on or "") for row in rows),
        "x_UnitPrice": only.value if only else None,
        "x_UnitPriceUnit": only.unit if only else None,
    }


def _listed(values: Iterable[str | None]) -> str | None:
    """The values in one cell, unknown ones too; null if none is known."""
    found = list(values)
    return "; ".join(each or UNKNOWN for each in found) if any(found) else None


def _periods(report: Report, year: int | None) -> dict[str, Cell]:
    """The year from the day of the report on in which a charge is billed, and what of it the charge
    is for: the first day, where it is paid on delivery. Null where that day is not known."""
    started = report.run.started_at
    if started is None:
        return {}
    first, next_first = (_years_after(started, n) for n in ((year or 1) - 1, year or 1))
    day_after = first + timedelta(days=1)
    return {
        "BillingPeriodStart": _moment(first),
        "BillingPeriodEnd": _moment(next_first),
        "ChargePeriodStart": _moment(first),
        "ChargePeriodEnd": _moment(next_first if year else day_after),
    }


def _years_after(moment: datetime, years: int) -> date:
    """The day so many years later; the 1st of March where the 29th of February is missing."""
    day, year = moment.date(), moment.year + years
    is_missing = (day.month, day.day) == (2, 29) and not isleap(year)
    return date(year, 3, 1) if is_missing else day.replace(year=year)


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _shown(cell: Cell) -> str:
    """``cell`` as it stands in the file: a text is never a formula, an exponent has no plus sign
    (FOCUS, NumericFormat), null is empty."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = escaped(cell)
        return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
    return repr(cell).replace("e+", "e").replace("e", "E")
