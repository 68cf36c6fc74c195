"""Scenarios with numbers of their parts stated one by one."""

from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario
from support.scenarios import scenario


def stated(given: Scenario[Assumption], **values: Any) -> Scenario[Assumption]:
    """``given`` with numbers of its parts: ``purchase__tax="0.1"``; None makes one unknown."""
    for key, value in values.items():
        part, name = key.split("__")
        number = Assumption()
        if value is not None:
            number = Assumption(path=f"{part}.{name}", value=Fraction(value))
        old = getattr(given, part)
        kinds = {each.name: each.type for each in msgspec.structs.fields(Scenario[Assumption])}
        if old is None:
            old = next(k for k in kinds[part].__args__ if k is not type(None))()
        made = msgspec.structs.replace(old, **{name: number})
        given = msgspec.structs.replace(given, **{part: made})
    return given


def everything(**more: Any) -> Scenario[Assumption]:
    """A bill that lacks nothing, of a layout with storage-class memory."""
    terms = {
        "purchase__tax": "0.19",
        "purchase__tariff": "0.025",
        "software__subscription_per_stored_tb_month": "2",
        "software__licence_per_stored_tb": "30",
        "site__water_litres_per_kwh": "1.8",
        "site__water_price_per_m3": "2",
    }
    return stated(scenario("vast-146-4"), **(terms | more))
