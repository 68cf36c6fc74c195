"""The bill of a report, reckoned again from the inputs that the report itself lists."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data.catalogue import field_of
from storeff.economics import Bill, Drive, Scenario, SizedLayout
from storeff.economics.bill import bill
from storeff.economics.model import Carbon, Enclosure, Finance, Rack, Site, Spares
from storeff.layout import Code, Data, Layout
from storeff.layout.number import Number
from storeff.report.model import Report

# Parts of a scenario by the catalogue that they come from, as paths of assumptions begin.
ROLES = {
    "drives": "drive",
    "spares": "spares",
    "enclosures": "enclosure",
    "racks": "rack",
    "sites": "site",
    "finance": "finance",
    "carbon": "carbon",
    "layouts": "layout",
}
_PARTS: dict[str, Any] = {
    "drive": Drive,
    "spares": Spares,
    "enclosure": Enclosure,
    "rack": Rack,
    "site": Site,
    "finance": Finance,
    "carbon": Carbon,
}
# What of a layout decides a bill beside its raw bytes.
CLUSTERS = ("copies", "min_domains", "cell_bytes", "cell_domains", "group_drives")


class NotHeldError(Exception):
    """The report does not hold what its bill rests on. The message says what."""


@dataclass(frozen=True)
class Inputs:
    """All that the bill of a layout rests on: ``numbers`` by role (``drive.price``), each with the
    ``paths`` under which the report lists it, ``factors`` of the waterfall by step."""

    logical_bytes: int
    raw_bytes: int
    factors: Mapping[str, float]
    fragments: int
    is_replica: bool
    numbers: Mapping[str, float]
    paths: Mapping[str, str]


def inputs_of(report: Report, layout: SizedLayout) -> Inputs:
    """What the bill of ``layout`` rests on. Raises NotHeldError."""
    factors = {step.step: step.factor.value for step in layout.waterfall}
    logical, raw = layout.waterfall[0].before_bytes.value, layout.raw_bytes.value
    unknown = [name for name, factor in factors.items() if factor is None]
    if unknown or logical is None or raw is None:
        raise NotHeldError(f"{layout.name} has no point for {', '.join(unknown) or 'its bytes'}")
    coded = next((s.label for s in layout.waterfall if s.step == "erasure_coding"), "")
    values = {row.path: row.value for row in report.assumptions}
    paths = {role: path for path, role in roles_of(report, layout) if values[path] is not None}
    numbers = {role: value for role, path in paths.items() if (value := values[path]) is not None}
    return Inputs(
        logical_bytes=int(logical),
        raw_bytes=int(raw),
        factors={name: float(factor) for name, factor in factors.items() if factor is not None},
        fragments=_fragments(coded),
        is_replica="cop" in coded,
        numbers=numbers,
        paths=paths,
    )


def roles_of(report: Report, layout: SizedLayout) -> Iterator[tuple[str, str]]:
    """The path of each assumption that ``layout`` rests on, and its role in a scenario."""
    named = {"drives": layout.drive, "sites": layout.site, "layouts": layout.name}
    for row in report.assumptions:
        room, _, rest = row.path.partition(".")
        if room not in ROLES:
            # A scenario names its parts as they are.
            if room in ROLES.values():
                yield row.path, row.path
            continue
        name, role = named.get(room), ROLES[room]
        if name is None:
            # A report is for one kind of drive, so it has one of everything else.
            yield row.path, f"{role}.{rest.rpartition('.')[2]}"
        elif rest.startswith(f"{name}."):
            yield row.path, f"{role}.{rest.removeprefix(f'{name}.')}"


def _fragments(label: str) -> int:
    """Fragments of a stripe, of the label of its code (``str(Code)``)."""
    if "cop" in label:
        return int(next(iter(re.findall(r"(\d+) cop", label)), 1))
    added = re.search(r"(\d+)\+(\d+)", label)
    if added is not None:
        return int(added[1]) + int(added[2])
    local = re.search(r"LRC\((\d+),(\d+),(\d+)\)", label)
    return sum(map(int, local.groups())) if local is not None else 1


def bill_of(inputs: Inputs, *, exactly: bool = False) -> Bill[Number]:
    """The bill of ``inputs``, in whole drives; with ``exactly`` in fractions, as the report was
    made. Raises NotHeldError, and StoreffError for what cannot be built."""

    def number(value: float) -> Number:
        return Fraction(str(value)) if exactly else float(value)

    parts = {role: _part(role, kind, inputs, number) for role, kind in _PARTS.items()}
    clusters = {
        name: number(inputs.numbers[f"layout.{name}"])
        for name in CLUSTERS
        if f"layout.{name}" in inputs.numbers
    }
    unset = {name: float("nan") for name in CLUSTERS if name != "copies"} | {"copies": number(1)}
    # Of a code nothing else decides a bill than its fragments, and whether they are copies.
    code = Code(kind="replica" if inputs.is_replica else "rs", k=1, m=inputs.fragments - 1)
    zero, one = number(0), number(1)
    layout: Layout[Number] = Layout(
        name="",
        code=code,
        metadata=zero,
        padding=zero,
        rebuild_reserve=zero,
        fill_limit=one,
        **(unset | clusters),
    )
    data: Data[Number] = Data(logical_bytes=number(inputs.logical_bytes), reduction_ratio=one)
    scenario: Scenario[Number] = Scenario(data=data, layout=layout, **parts)
    return bill(scenario, number(inputs.raw_bytes))


def _part(role: str, kind: Any, inputs: Inputs, number: Any) -> Any:
    """One part of the scenario, its unknown numbers NaN as everywhere in arithmetic."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field_of(field.type) is None:
            continue
        key = f"{role}.{field.name}"
        if key in inputs.numbers:
            fields[field.name] = number(inputs.numbers[key])
        elif field.required:
            raise NotHeldError(f"the report lists no {key.replace('.', ' ')}")
        else:
            fields[field.name] = float("nan")
    return kind(name="", **fields)
