"""A figure of a report by its path in the JSON, or by a short name that people use for it.

``layouts[reference].bill.npv``, ``reduction.combined[cdc-64KiB,zstd-3].ratio``,
``kv.trace.blocks``: keys as they are in the JSON, and in brackets an index from 0, the names of a
row, or ``[year=2]``. Paths are checked against the types of the report, so that a wrong one is told
from one that leads to what this report does not hold.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from storeff.economics.simulation import Spread
from storeff.economics.uncertainty import CostRange
from storeff.errors import UsageError, did_you_mean
from storeff.quantity import Origin, Quantity
from storeff.report.model import Report
from storeff.text import escaped, excerpt

# Short names, with the paths that they stand for: the first of which the report has the section.
ALIASES: dict[str, tuple[str, ...]] = {
    "cost": ("layouts[reference].bill.npv", "bench.rows[recommended].npv"),
    "cost_range": ("layouts[reference].npv_range",),
    "budget": ("uncertainty.simulation.together.npv.p90",),
    "raw": ("layouts[reference].raw_bytes", "bench.rows[recommended].raw_bytes"),
    "drives": ("layouts[reference].bill.drives", "bench.rows[recommended].drives"),
    "racks": ("layouts[reference].bill.racks", "bench.rows[recommended].racks"),
    "power": (
        "layouts[reference].bill.facility_mw_peak",
        "bench.rows[recommended].facility_mw_peak",
    ),
    "capex": ("layouts[reference].bill.capex.total", "bench.recommendation.bill.capex.total"),
    "opex": ("layouts[reference].bill.opex_total", "bench.recommendation.bill.opex_total"),
    "tco": ("layouts[reference].bill.tco", "bench.recommendation.bill.tco"),
    "nines": ("layouts[reference].durability.nines", "bench.rows[recommended].nines"),
    "rebuild_hours": (
        "layouts[reference].durability.rebuild_hours",
        "bench.rows[recommended].rebuild_hours",
    ),
    "durability_reached": (
        "layouts[reference].at_floor.is_reached",
        "bench.rows[recommended].floor.is_reached",
    ),
    "ratio": ("reduction.headline.ratio", "kv.survey.measured.overall[0].winner.ratio"),
    "layout_ratio": (
        "layouts[reference].reduction_ratio",
        "bench.rows[recommended].reduction_ratio",
    ),
    "compression_only": ("reduction.scope.floor",),
    "unique_bytes": ("reduction.dedup[headline].unique_bytes",),
    "coverage": ("scan.coverage",),
    "hit_rate": ("kv.trace.unlimited.token_hit_rate",),
}

# What tells the rows of a list apart, by their type.
_IDENTITY: dict[str, tuple[str, ...]] = {
    "SizedLayout": ("name",),
    "Step": ("step",),
    "Row": ("layout", "drive"),
    "Chunking": ("dedup", "codec"),
    "Dedup": ("chunker",),
    "Combined": ("chunker", "codec"),
    "Compression": ("codec", "block_bytes", "allocation_bytes"),
    "Cell": ("chunker", "codec", "population"),
    "StratumReduction": ("name",),
    "StratumCount": ("name",),
    "AssumptionRow": ("path",),
    "Skipped": ("reason",),
    "Ignored": ("reason",),
    "Warned": ("code",),
    "NotInBill": ("line",),
    "Swing": ("path",),
    "RankedInput": ("path",),
    "PerPoint": ("input",),
    "Elasticity": ("input",),
    "PlannedOffer": ("name",),
    "PlannedDelivery": ("offer", "quarter"),
    "PlannedQuarter": ("quarter",),
    "Wait": ("quarters",),
    "SupplierShare": ("supplier",),
    "SiteLimit": ("kind", "quarter"),
    "SupplyShare": ("name",),
    "FormCost": ("form",),
    "Burden": ("case",),
    "Settled": ("remedy",),
    "ServiceMargins": ("name",),
    "Margin": ("layout",),
    "Blend": ("layout",),
}
_PATH_CHARACTERS_MAX = 400
_PART = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")
_SHAPE = re.compile(r"[^.\[\]]+(?:\[[^\[\]]*\])*(?:\.[^.\[\]]+(?:\[[^\[\]]*\])*)*")
_NAMES_SHOWN = 12
_LISTS = inspect.ListType | inspect.VarTupleType | inspect.TupleType


class Found(NamedTuple):
    """What is at ``path``, written as it was found. ``steps`` are what stands on the way, the
    report first and the figure last, as far as it goes; ``missing`` says why there is none."""

    path: str
    steps: tuple[Any, ...]
    missing: str | None = None

    @property
    def value(self) -> Any:
        """The figure; None where it is unknown."""
        return None if self.missing else self.steps[-1]

    def interval(self) -> tuple[Quantity | None, str | None]:
        """The figure as a quantity, or why there is none. A number beside which the report keeps
        ``_low`` and ``_high`` ends lies between them; any other is exact."""
        value = self.value
        match value:
            case bool() | str():
                return None, f"{self.path} is not a number"
            case Quantity():
                if value.value is None and (value.low is None or value.high is None):
                    return None, f"{self.path} is unknown"
                return value, None
            case CostRange():
                return Quantity(None, value.low, value.high, "derived"), None
            case int() | float():
                name = self.path.rpartition(".")[2]
                low, high = (
                    getattr(self.steps[-2], f"{name}_{end}", value) for end in ("low", "high")
                )
                # What was simulated rests on ranges that were assumed.
                origin: Origin = "assumed" if isinstance(self.steps[-2], Spread) else "derived"
                return Quantity(value, low, high, origin), None
            case None:
                return None, self.missing or f"{self.path} is unknown"
        return None, f"{self.path} is not a number"


def find(report: Report, name: str, layout: str | None = None) -> Found:
    """What ``name``, a path or one of ALIASES, stands for in ``report``.

    ``layout`` takes the place of the reference layout. Raises UsageError, with the nearest right
    names, for a path that no report has, and for a row that this one does not have.
    """
    if len(name) > _PATH_CHARACTERS_MAX or not _SHAPE.fullmatch(name):
        raise UsageError(
            f"{excerpt(name)!r} is no path of a figure",
            "write keys with points between them and rows in brackets: layouts[reference].bill.npv",
        )
    paths = ALIASES.get(name, (name,))
    path = next((each for each in paths if _has_section(report, each)), paths[0])
    if layout is not None:
        path, times = re.subn(r"\[(reference|recommended)\]", lambda _: f"[{layout}]", path)
        if not times:
            raise UsageError(f"{excerpt(name)} is not of a layout", "leave layout out")
    return _Walk(report).along(path)


def known_names(report: Report) -> Iterator[str]:
    """The short names, and the path of every figure that ``report`` has."""
    yield from ALIASES
    yield from _figures(report, "")


def _has_section(report: Report, path: str) -> bool:
    """Whether the first two keys of ``path`` lead to anything."""
    first, *others = _PART.findall(path)
    value = getattr(report, first[0], None)
    if value and not isinstance(value, list) and others:
        value = getattr(value, others[0][0], value) if others[0][0] else value
    return value not in (None, (), [])


def _figures(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, msgspec.Struct) and not isinstance(value, Quantity):
        for field in msgspec.structs.fields(type(value)):
            key = f"{path}.{field.encode_name}" if path else field.encode_name
            yield from _figures(getattr(value, field.name), key)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _figures(item, f"{path}[{_selector(value, index)}]")
    elif isinstance(value, Quantity | int | float) and not isinstance(value, bool):
        yield path


@cache
def _types() -> Any:
    return inspect.type_info(Report)


class _Walk:
    """One way through a report and its types."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.steps: list[Any] = [report]
        self.path = ""
        self.missing: str | None = None

    def along(self, path: str) -> Found:
        """Follow all of ``path``."""
        kind = _types()
        for key, selector in _PART.findall(path):
            kind = self._key(kind, key) if key else self._row(kind, selector)
        return Found(self.path, tuple(self.steps), self.missing)

    def _key(self, kind: Any, key: str) -> Any:
        here, kind = self.steps[-1], _plain(kind)
        if isinstance(kind, inspect.StructType):
            fields = {field.encode_name: field for field in kind.fields}
            if key not in fields:
                raise self._unknown(key, [*([] if self.path else ALIASES), *fields])
            after = fields[key].type
            value = None if self.missing else getattr(here, fields[key].name)
        elif isinstance(kind, inspect.DictType):
            after, value = kind.value_type, None
            if not self.missing:
                if key not in here:
                    raise self._unknown(key, here)
                value = here[key]
        elif isinstance(kind, _LISTS):
            raise UsageError(
                f"{self.path} is a list",
                f"name a row: {self.path}[0]{self._rows(self.steps[-1])}",
            )
        else:
            raise UsageError(f"{self.path} has no {escaped(key)}: it is a figure")
        self._step(f"{self.path}.{key}" if self.path else key, value)
        return after

    def _row(self, kind: Any, selector: str) -> Any:
        items, kind = self.steps[-1], _plain(kind)
        if not isinstance(kind, _LISTS):
            raise UsageError(f"{self.path} is no list, so it has no [{escaped(selector)}]")
        if self.missing:
            self.path += f"[{escaped(selector)}]"
        elif not items:
            self.missing = f"the report has no {self.path}"
            self.path += f"[{escaped(selector)}]"
        else:
            index = self._index(items, self._meant(selector))
            self._step(f"{self.path}[{_selector(items, index)}]", items[index])
            if isinstance(kind, inspect.TupleType):
                return kind.item_types[index]
        return kind.item_types[0] if isinstance(kind, inspect.TupleType) else kind.item_type

    def _step(self, path: str, value: Any) -> None:
        self.path = escaped(path)
        if value is None and not self.missing:
            self.missing = f"the report has no {self.path}"
        if not self.missing:
            self.steps.append(value)

    def _meant(self, selector: str) -> str:
        """``reference``, ``recommended`` and ``headline`` by the names that they stand for."""
        report = self.report
        if selector == "reference" and self.path == "layouts":
            return report.reference_layout or selector
        if selector == "recommended" and self.path == "bench.rows" and report.bench:
            found = report.bench.recommendation
            return f"{found.layout},{found.drive}" if found else "0"
        if selector == "headline" and report.reduction:
            head = report.reduction.headline
            return head.chunker if self.path.endswith("dedup") else f"{head.chunker},{head.codec}"
        return selector

    def _index(self, items: Sequence[Any], selector: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", selector):
            if int(selector) < len(items):
                return int(selector)
            raise UsageError(f"{self.path} has {len(items):,} rows, counted from 0: no {selector}")
        wanted = selector.split(",")
        if all("=" in each for each in wanted):
            pairs = [each.split("=", 1) for each in wanted]
            chosen = [
                i
                for i, item in enumerate(items)
                if all(str(getattr(item, key, None)) == value for key, value in pairs)
            ]
        else:
            # A name may hold a comma itself.
            chosen = [
                i
                for i, item in enumerate(items)
                if _names(item)[: len(wanted)] == wanted or ",".join(_names(item)) == selector
            ]
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            several = "; ".join(_selector(items, i) for i in chosen[:_NAMES_SHOWN])
            raise UsageError(
                f"{self.path}[{escaped(selector)}] is {len(chosen)} rows", f"name one: {several}"
            )
        known = [_selector(items, i) for i in range(len(items))]
        raise UsageError(
            f"{self.path} has no {excerpt(selector)!r}{did_you_mean(selector, known)}",
            f"choose one of {', '.join(known[:_NAMES_SHOWN])}",
        )

    def _rows(self, items: Any) -> str:
        if self.missing or not items:
            return ""
        return f" or {self.path}[{_selector(items, 0)}]"

    def _unknown(self, key: str, known: Any) -> UsageError:
        names = [*known]
        where = (
            f"{self.path} has no {excerpt(key)!r}" if self.path else f"no figure {excerpt(key)!r}"
        )
        return UsageError(
            f"{where}{did_you_mean(key, names)}",
            f"choose one of {', '.join(map(escaped, names[:40]))}",
        )


def _plain(kind: Any) -> Any:
    """``kind`` without the null that it may be instead, and without notes."""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
            continue
        kinds = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        if len(kinds) != 1:
            return kind
        kind = kinds[0]
    return kind


def _names(item: Any) -> list[str]:
    fields = _IDENTITY.get(type(item).__name__, ())
    return [str(getattr(item, field)) for field in fields]


def _selector(items: Sequence[Any], index: int) -> str:
    """What a path calls one of ``items``: by its names, if they are of no other and can be."""
    name = ",".join(_names(items[index]))
    same = sum(",".join(_names(each)) == name for each in items) if name else 0
    if same != 1 or re.search(r"[\[\]]", name) or name.isdigit():
        return str(index)
    return escaped(name)
