"""What is to be bought as a bill of materials: CycloneDX 1.6 JSON (ECMA-424), of type device.

Its components are drives, spares, enclosures and what is in them, racks and network of the
reference layout, or what the row has that a bench recommends. CycloneDX has no field for a quantity
or a price, so these are properties that begin with ``storeff:``, and with them every assumption
about a component with its source and date.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from storeff.economics import SizedLayout
from storeff.economics.purchase import HARDWARE
from storeff.quantity import Quantity
from storeff.report.bench_model import Row
from storeff.report.charges import (
    ITEMS,
    Charge,
    Purchase,
    charges,
    purchase_of,
    recommended_purchase,
)
from storeff.report.model import Report
from storeff.report.sections_layouts import reference_layout
from storeff.report.subject import recommended_row
from storeff.text import escaped_json

IS_TEXT = True

Properties = list[dict[str, str]]

_DESCRIPTIONS = {"drives": "Drives", "enclosures": "Enclosures", "racks": "Racks with switches"}


def render(report: Report) -> bytes:
    """The bill of materials; without components where nothing was sized."""
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "",
        "version": 1,
        "metadata": _metadata(report),
        "components": [],
    }
    system: dict[str, Any] | None = None
    if report.layouts:
        layout = reference_layout(report)
        system = _layout(layout, report.currency)
        document["components"] = list(_parts(purchase_of(report, layout)))
    elif report.bench is not None:
        row = recommended_row(report.bench)
        if row is not None:
            system = _row(row, report.currency)
            purchase = recommended_purchase(report)
            parts = _parts_of_row(row) if purchase is None else _parts(purchase)
            document["components"] = list(parts)
    if system is not None:
        document["metadata"]["component"] = system
        # Spare parts other than drives are in no bill.
        incomplete = {"aggregate": "incomplete", "assemblies": [system["bom-ref"]]}
        document["compositions"] = [incomplete]
    document["serialNumber"] = _serial_number(report, document)
    return escaped_json(msgspec.json.format(msgspec.json.encode(document), indent=2)) + b"\n"


def _serial_number(report: Report, document: dict[str, Any]) -> str:
    """Of what is to be bought, for what and when: the same purchase has the same number, whatever
    else a later schema says of it."""
    bought = [
        {name: part[name] for name in ("bom-ref", "properties")} for part in document["components"]
    ]
    system = document["metadata"].get("component", {}).get("bom-ref")
    target = None if report.target is None else report.target.bytes
    content = msgspec.json.encode([report.run.started, target, system, report.currency, bought])
    digest = hashlib.sha256(content).hexdigest()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:storeff:purchase:{digest}").urn


def _metadata(report: Report) -> dict[str, Any]:
    version, moment = report.run.versions.get("storeff"), report.run.started_at
    tool = {"type": "application", "name": "storeff"}
    return {
        **({} if moment is None else {"timestamp": moment.isoformat()}),
        # Proposed, and yet to be bought.
        "lifecycles": [{"phase": "design"}],
        "tools": {"components": [tool if version is None else {**tool, "version": version}]},
        "properties": _properties(
            ("schema_version", report.schema_version),
            ("complete", "true" if report.complete else "false"),
            ("target_bytes", None if report.target is None else report.target.bytes),
            *(("warning", each.message) for each in report.warnings),
        ),
    }


def _layout(layout: SizedLayout, currency: str) -> dict[str, Any]:
    bill, capex = layout.bill, layout.bill.capex
    costs = {
        "capex:drives": capex.drives,
        "capex:enclosures": capex.enclosures,
        "capex:racks": capex.racks,
        "capex:total": capex.total,
        "present_value": bill.npv,
    }
    figures = {
        "reduction_ratio": layout.reduction_ratio,
        "raw_bytes": layout.raw_bytes,
        "facility_mw_peak": bill.facility_mw_peak,
        **costs,
    }
    about = (("site", layout.site), ("currency", currency), ("nines", layout.durability.nines))
    made = _system(layout.name, figures, about)
    return {**made, "description": layout.title} if layout.title else made


def _row(row: Row, currency: str) -> dict[str, Any]:
    figures = {
        "reduction_ratio": row.reduction_ratio,
        "raw_bytes": row.raw_bytes,
        "facility_mw_peak": row.facility_mw_peak,
        "present_value": row.npv,
    }
    return _system(row.layout, figures, (("currency", currency), ("nines", row.nines)))


def _system(
    name: str, figures: dict[str, Quantity], about: Iterable[tuple[str, str | float | None]]
) -> dict[str, Any]:
    """The whole of it, of which the components are parts."""
    found = [pair for key, q in figures.items() for pair in _ends(key, q)]
    return {
        "type": "device",
        "bom-ref": f"layouts/{name}",
        "group": "layouts",
        "name": name,
        "properties": _properties(*about, *found),
    }


def _parts(layout: Purchase) -> Iterator[dict[str, Any]]:
    bill = layout.bill
    for charge in charges(layout):
        if charge.item == "drives":
            yield _part(layout, charge, layout.drive, bill.drives_in_service, "in service")
            yield _part(layout, charge, layout.drive, bill.spares, "spare")
        elif charge.item in HARDWARE and not charge.is_missing:
            yield _part(layout, charge, None, charge.quantity, "in service")


def _part(
    layout: Purchase, charge: Charge, name: str | None, quantity: Quantity, role: str
) -> dict[str, Any]:
    """What is bought for ``charge``, or a part of it. Without a name it is that of the entry whose
    price the charge rests on."""
    if name is None:
        priced = [row.path for row in charge.prices if row.path.startswith(f"{charge.item}.")]
        name = priced[0].split(".", 1)[1].rpartition(".")[0] if priced else charge.item
    assumed = []
    own = f"{charge.item}.{name}."
    # What has no catalogue of its own rests on its price alone.
    about = [row for row in layout.assumptions if row.path.startswith(own)] or charge.prices
    for row in about:
        entry, _, field = row.path.rpartition(".")
        if f"{entry}." == own or about is charge.prices:
            dated = {"true_on": row.true_on, "read_on": row.read_on}
            days = {key: None if day is None else day.isoformat() for key, day in dated.items()}
            said = {"": row.value, "low": row.low, "high": row.high, "unit": row.unit or None}
            said |= {"kind": row.kind, "source": row.source, **days}
            assumed += [(f"{field}:{key}".rstrip(":"), value) for key, value in said.items()]
    return _device(charge.item, name, quantity, role, assumed)


def _parts_of_row(row: Row) -> Iterator[dict[str, Any]]:
    """What a bench knows the number of; its drives are with spares."""
    yield _device("drives", row.drive, row.drives, "in service and spare", ())
    yield _device("racks", "racks", row.racks, "in service", ())


def _device(
    item: str,
    name: str,
    quantity: Quantity,
    role: str,
    assumed: Iterable[tuple[str, str | float | None]],
) -> dict[str, Any]:
    return {
        "type": "device",
        "bom-ref": f"{item}/{name}/{role.replace(' ', '-')}",
        "group": item,
        "name": name,
        "description": _DESCRIPTIONS.get(item, ITEMS[item].name),
        "properties": _properties(("role", role), *_ends("quantity", quantity), *assumed),
    }


def _ends(name: str, q: Quantity) -> list[tuple[str, float | None]]:
    """The figure, and the ends of its interval unless it is exact."""
    ends = [] if q.is_exact else [(f"{name}:low", q.low), (f"{name}:high", q.high)]
    return [(name, q.value), *ends]


def _properties(*pairs: tuple[str, str | float | None]) -> Properties:
    """Those of ``pairs`` that are known."""
    return [
        {"name": f"storeff:{name}", "value": value if isinstance(value, str) else repr(value)}
        for name, value in pairs
        if value is not None
    ]
