"""The bill of a report, reckoned again from the inputs that the report itself lists."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data.catalogue import field_of
from storeff.economics import Bill, Drive, Scenario, SizedLayout
from storeff.economics.bill import bill
from storeff.economics.model import Carbon, Enclosure, Finance, Rack, Site, Spares
from storeff.layout import Code, Data, Layout
from storeff.layout.model import MAX_FRAGMENTS
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
    if min(logical, raw, *(factor or 0 for factor in factors.values())) <= 0:
        raise NotHeldError(f"the waterfall of {layout.name} comes to nothing")
    fragments = code_numbers(layout)["fragments"]
    if not 1 <= fragments <= MAX_FRAGMENTS:
        raise NotHeldError(f"no code has {fragments:,} fragments")
    values = {row.path: row.value for row in report.assumptions}
    paths = {role: path for path, role in roles_of(report, layout) if values[path] is not None}
    numbers = {role: value for role, path in paths.items() if (value := values[path]) is not None}
    return Inputs(
        logical_bytes=int(logical),
        raw_bytes=int(raw),
        factors={name: float(factor) for name, factor in factors.items() if factor is not None},
        fragments=fragments,
        is_replica=is_replica(layout),
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


def code_numbers(layout: SizedLayout) -> dict[str, int]:
    """k, m, l and the number of fragments, from the label of the code (``str(Code)``)."""
    label = next((s.label for s in layout.waterfall if s.step == "erasure_coding"), "")
    copies = re.search(r"(\d{1,4}) cop", label)
    lrc = re.search(r"LRC\((\d{1,4}),(\d{1,4}),(\d{1,4})\)", label)
    added = re.search(r"(\d{1,4})\+(\d{1,4})", label)
    if copies is not None:
        k, m, local = 1, int(copies[1]) - 1, 0
    elif lrc is not None:
        k, local, m = (int(number) for number in lrc.groups())
    elif added is not None:
        k, m, local = int(added[1]), int(added[2]), 0
    else:
        k, m, local = 1, 0, 0
    return {"k": k, "m": m, "l": local, "fragments": k + m + local}


def is_replica(layout: SizedLayout) -> bool:
    """Whether the layout keeps copies, and codes nothing."""
    return any("cop" in s.label for s in layout.waterfall if s.step == "erasure_coding")


def bill_of(inputs: Inputs, *, exactly: bool = False) -> Bill[Number]:
    """The bill of ``inputs``, in whole drives; with ``exactly`` in fractions, as the report was
    made. Raises NotHeldError, and StoreffError for what cannot be built."""

    def number(value: float) -> Number:
        return Fraction(str(value)) if exactly else float(value)

    def numbers(role: str, kind: Any, names: Container[str] | None = None) -> dict[str, Number]:
        """The numbers of one part of the scenario; the unknown is NaN, as in all arithmetic."""
        found = {}
        for field in msgspec.structs.fields(kind):
            limits = field_of(field.type)
            if limits is None or (names is not None and field.name not in names):
                continue
            value = inputs.numbers.get(f"{role}.{field.name}")
            if value is None and field.required:
                raise NotHeldError(f"the report lists no {role} {field.name}")
            if value is None:
                known = field.default.value
                found[field.name] = float("nan") if known is None else number(known)
            elif limits.holds(Fraction(str(value))):
                found[field.name] = number(value)
            else:
                raise NotHeldError(f"{role} {field.name} cannot be {value:g}")
        return found

    parts = {role: kind(name="", **numbers(role, kind)) for role, kind in _PARTS.items()}
    zero, one = number(0), number(1)
    layout: Layout[Number] = Layout(
        name="",
        # Of a code nothing else decides a bill than its fragments, and whether they are copies.
        code=Code(kind="replica" if inputs.is_replica else "rs", k=1, m=inputs.fragments - 1),
        metadata=zero,
        padding=zero,
        rebuild_reserve=zero,
        fill_limit=one,
        **numbers("layout", Layout, CLUSTERS),
    )
    data: Data[Number] = Data(logical_bytes=number(inputs.logical_bytes), reduction_ratio=one)
    scenario: Scenario[Number] = Scenario(data=data, layout=layout, **parts)
    return bill(scenario, number(inputs.raw_bytes))
