"""What a scan would take and cost, as a document of its own."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from storeff.economics.requests import cost_of, load_requests
from storeff.estimate.foresight import Foresight, foresee
from storeff.estimate.reading import Sampling
from storeff.quantity import Span
from storeff.report.choice import describe_choice
from storeff.report.figures import amount, between, known
from storeff.report.model import Ignored, Skipped
from storeff.report.page import Facts, Paragraph, Part, shortened
from storeff.report.scanned import ignored_rows, skipped_rows
from storeff.scan.plan import Plan
from storeff.sources.names import printable
from storeff.sources.object_store import ObjectStores
from storeff.sources.source import Source
from storeff.units import count, counted, format_bytes, format_duration

_SOURCES_SHOWN = 8
_SOURCE_WIDTH = 60


class CloudCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the requests cost at the list prices ``title``, and what comes, if it leaves the region
    of the bucket; null where a price is unknown."""

    title: str
    currency: str
    requests: Span | None
    egress: Span | None
    sources: list[str]


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan would do. What is listed was counted; all else is from the least to the most.

    ``read_bytes`` are read and measured. Of an object store ``fetched_bytes`` come, some of them
    again to be compressed, by ``get_requests`` and ``list_requests`` more; null for local files.
    ``costs`` are those of each cloud that holds sources, unless an endpoint of another is given.
    """

    sources: list[str]
    files: int
    logical_bytes: int
    choice: str | None
    read_bytes: Span
    fetched_bytes: Span | None
    get_requests: Span | None
    list_requests: Span | None
    seconds: Span
    memory_bytes: int
    costs: list[CloudCost]
    skipped: list[Skipped]
    ignored: list[Ignored]


def foreseen(
    names: Sequence[bytes],
    source: Source,
    plan: Plan,
    sampling: Sampling,
    prices: Path | None,
    **engine: Any,
) -> Foreseen:
    """What measuring ``source``, called ``names``, would take; ``prices`` is the user's own file of
    those. Raises StoreffError if it is interrupted."""
    objects = source if isinstance(source, ObjectStores) else None
    meter = None if objects is None else objects.meter
    found = foresee(source, plan, sampling, time.monotonic(), meter=meter, **engine)
    return Foreseen(
        sources=[printable(name) for name in names],
        files=found.census.files,
        logical_bytes=found.census.size_bytes,
        choice=describe_choice(found.decision, None),
        read_bytes=found.read_bytes,
        fetched_bytes=None if objects is None else found.fetched_bytes,
        get_requests=None if objects is None else found.get_requests,
        list_requests=found.list_requests,
        seconds=found.seconds,
        memory_bytes=found.memory_bytes,
        costs=[] if objects is None else list(_costs(objects, found, prices)),
        skipped=skipped_rows(found.census),
        ignored=ignored_rows(found.census),
    )


def _costs(objects: ObjectStores, found: Foresight, prices: Path | None) -> Iterator[CloudCost]:
    """What each cloud would ask if all were there; of a store of one's own, nothing."""
    assert found.list_requests is not None
    for scheme in objects.clouds:
        entry = load_requests(prices)[scheme]
        each = entry.list_price, entry.get_price, entry.egress_price
        lists = cost_of(_over(found.list_requests, 1000), entry.list_price)
        gets = cost_of(_over(found.get_requests, 1000), entry.get_price)
        yield CloudCost(
            title=entry.title or entry.name,
            currency=entry.egress_price.currency or "USD",
            requests=None if lists is None or gets is None else lists.plus(gets),
            egress=cost_of(_over(found.fetched_bytes, 10**9), entry.egress_price),
            sources=[price.source or "as given" for price in each],
        )


def _over(span: Span, unit: int) -> Span:
    """``span`` in the unit of a price."""
    return Span(span.low / unit, span.high / unit)


def parts(found: Foreseen) -> Iterator[Part]:
    """What there is to say of ``found``."""
    of_files = found.get_requests is None
    rows = [("Sources", shortened(name, _SOURCE_WIDTH)) for name in found.sources[:_SOURCES_SHOWN]]
    if len(found.sources) > _SOURCES_SHOWN:
        rows.append(("Sources", f"and {len(found.sources) - _SOURCES_SHOWN:,} more"))
    things = counted(found.files, "file" if of_files else "object")
    rows += [
        ("Listed", f"{things}, {format_bytes(found.logical_bytes)}"),
        ("Would read", _span(found.read_bytes, format_bytes)),
    ]
    if found.choice is not None:
        rows.append(("Because", found.choice))
    if found.fetched_bytes and found.get_requests and found.list_requests:
        again = "some of it again, to be compressed"
        rows += [
            ("Would fetch", f"{_span(found.fetched_bytes, format_bytes)}: {again}"),
            ("Requests", f"{_span(found.get_requests, count)} for objects"),
            ("Requests", f"{_span(found.list_requests, count)} that list"),
        ]
    for cost in found.costs:
        rows += [
            ("Cost", f"{_money(cost.requests, cost)} for requests"),
            ("Cost", f"{_money(cost.egress, cost)} if it leaves the region, nothing within"),
            ("Cost", f"list prices of {cost.title}"),
        ]
    rows += [
        ("Time", _span(found.seconds, format_duration)),
        ("Memory", f"up to {format_bytes(found.memory_bytes)}"),
    ]
    yield Facts(tuple(rows))
    for each in found.skipped:
        size = known(each.bytes, format_bytes)
        entries = counted(each.files, "entry", "entries")
        text = f"! {entries} cannot be read ({each.reason}, {size}) -> {each.remedy}"
        yield Paragraph(text, "warning")


def _span(span: Span, show: Any) -> str:
    return between(span.low, span.high, show)


def _money(span: Span | None, cost: CloudCost) -> str:
    return known(span, lambda each: _span(each, lambda value: amount(value, cost.currency)))
