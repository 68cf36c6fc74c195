"""A delivery plan as the report carries it: the types that are its document too.

Sizes are whole bytes, money is in the currency of the report and to the cent, quarters are written
``2027Q1``. A shadow price is what one terabyte, megawatt, rack or square metre more would save, by
the programme's duals; it is 0 where the limit does not bind.
"""

from datetime import date
from typing import Any, Literal

import msgspec

from storeff.data import AssumptionRow
from storeff.economics.demand import DemandCase
from storeff.economics.offers import OfferKind

LimitKind = Literal["cap", "power", "racks", "floor", "supplier", "least"]


class PlanCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan costs. ``purchase`` is for what is taken, ``not_taken`` for what was committed
    and is not, ``orders`` for each quarter with a delivery of an offer that charges for one.
    ``holding`` is the cost of capital of what is there before it is needed, ``deposits`` that of
    what is paid with the order; these two are in ``total``, and in no cash flow."""

    purchase: float
    not_taken: float
    orders: float
    holding: float
    deposits: float
    total: float


class PlannedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One offer in one quarter. ``cost`` is what is paid for it, ``not_taken_bytes`` included."""

    offer: str
    quarter: str
    bytes: int
    cap_bytes: int
    slack_bytes: int
    not_taken_bytes: int
    price_per_tb: float
    cost: float
    shadow_price_per_tb: float


class PlannedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer over all quarters. ``share`` is of all that is taken. ``price_per_tb`` is what was
    paid over what was taken, null if nothing is."""

    name: str
    title: str
    supplier: str
    kind: OfferKind
    is_signed: bool
    bytes: int
    not_taken_bytes: int
    share: float
    cost: float
    price_per_tb: float | None


class PlannedQuarter(msgspec.Struct, frozen=True, kw_only=True):
    """``early_bytes`` are there at its end and not needed yet. ``need_price_per_tb`` is what a
    terabyte more would cost if it were needed in this quarter, null where nothing is. ``deposits``
    are paid with orders for later quarters, ``on_delivery`` is the rest of what is delivered in
    this one, orders included; ``cash`` is both with what is paid and not taken."""

    quarter: str
    need_bytes: int
    delivered_bytes: int
    early_bytes: int
    need_price_per_tb: float | None
    deposits: float
    on_delivery: float
    not_taken: float
    cash: float


class SiteLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What the site has by a quarter, and what is used of it, in ``unit``."""

    kind: LimitKind
    quarter: str
    limit: float
    used: float
    unit: str
    shadow_price: float


class SupplierShare(msgspec.Struct, frozen=True, kw_only=True):
    """What comes from one supplier. ``limit`` is null where none was given;
    ``shadow_price_per_point`` is what one percentage point more would save."""

    supplier: str
    bytes: int
    share: float
    limit: float | None
    shadow_price_per_point: float


class PlanGap(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no plan in time: ``missing_bytes`` of what is needed up to ``quarter`` cannot be
    there by then, the most of any quarter; ``first_quarter`` is the first in which any are missing.
    ``limited_by`` says what stands in the way."""

    missing_bytes: int
    quarter: str
    first_quarter: str
    limited_by: LimitKind
    limited_in: str | None


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of least cost if all is needed so many ``quarters`` later. ``cost`` is null, and
    ``missing_bytes`` are not there, where there is none."""

    quarters: int
    missing_bytes: int
    cost: PlanCost | None


class PlanOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan ``made_for`` one case of demand comes to if ``demand`` is another: what is
    planned of agreements comes or is paid, other offers are free to change.

    ``free_bytes`` are bought of these, ``surplus_bytes`` come and are not needed. ``short_bytes``
    are the most that is not there in time, from ``short_from`` on; the last of them come
    ``late_quarters`` late, but for ``missing_bytes``, which never do. ``cost`` is of all that
    comes. It, what is free and what is surplus are null if smallest deliveries leave no way."""

    made_for: DemandCase
    demand: DemandCase
    need_bytes: int
    cost: PlanCost | None
    free_bytes: int | None
    surplus_bytes: int | None
    short_bytes: int
    short_from: str | None
    late_quarters: int
    missing_bytes: int


class PlannedRange(msgspec.Struct, frozen=True, kw_only=True):
    """Demand that is low (P10) or high (P90). ``high_plan_costs_more`` is what the plan for the
    high one costs more than that for the middle if the middle comes; null if there is none."""

    high_plan_costs_more: float | None
    outcomes: tuple[PlanOutcome, ...]


class SupplyShare(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase beside what the world delivers: ``weeks`` of it in all, and at most
    ``largest_share`` of a quarter's, in ``largest_quarter``."""

    name: str
    title: str
    bytes_per_quarter: int
    weeks: float
    largest_share: float
    largest_quarter: str
    source: str | None
    true_on: date | None


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What was planned for: ``demand`` and ``offers`` as their files have them, and the figures of
    ``supply`` by name. A number has its exact value in a string."""

    demand: dict[str, Any]
    offers: dict[str, Any]
    supply: dict[str, Any]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries of least cost for ``need_bytes``, by quarter.

    ``layout_raw_bytes`` are what the layout needs. ``delay_quarters`` are waited until there is a
    plan, 0 if there is one in time; null if there is none within ten years, and then nothing is
    planned. ``gap`` says why there is none in time. ``waits`` are what waiting costs or saves, from
    none on. ``quarters`` begin with the first deposit. ``asked`` is null in earlier reports.
    ``demand_range`` is left out where demand has none.
    """

    layout: str
    drive: str
    currency: str
    layout_raw_bytes: int | None
    need_bytes: int
    first_quarter: str
    last_quarter: str
    holding_rate: float
    is_in_time: bool
    delay_quarters: int | None
    gap: PlanGap | None
    cost: PlanCost | None
    waits: tuple[Wait, ...]
    quarters: tuple[PlannedQuarter, ...]
    offers: tuple[PlannedOffer, ...]
    deliveries: tuple[PlannedDelivery, ...]
    suppliers: tuple[SupplierShare, ...]
    site: tuple[SiteLimit, ...]
    supply: tuple[SupplyShare, ...]
    assumptions: tuple[AssumptionRow, ...]
    asked: PlanAsked | None = None
    demand_range: PlannedRange | msgspec.UnsetType = msgspec.UNSET
