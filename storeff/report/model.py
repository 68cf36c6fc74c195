"""The report: msgspec types that are both the document and its JSON Schema.

Each stage defines the part of the document that it makes; this module adds what only the report
knows and joins them. Readers accept any later minor version and ignore what they do not know.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from storeff.data import AssumptionRow
from storeff.economics import (
    CostBasis,
    LessDemand,
    ParityOption,
    PriceRisk,
    QuantityRisk,
    Sensitivity,
    Simulation,
    SizedLayout,
)
from storeff.economics.agreements import Commitment
from storeff.economics.guarantee import Guarantee
from storeff.economics.lines import LINES
from storeff.economics.plan_model import Plan
from storeff.economics.services import Services
from storeff.errors import StoreffError, did_you_mean
from storeff.estimate.probing import Population
from storeff.estimate.reduction import Reduction
from storeff.files import read_bounded
from storeff.kv.measure.survey import Found, Survey
from storeff.kv.retention.flash import Retention
from storeff.kv.trace.prefix import ChunkSharing
from storeff.kv.trace.replay import Replayed
from storeff.report.bench_model import Bench
from storeff.report.check import contradictions
from storeff.report.earlier import to_present, with_scenarios
from storeff.report.scenario import Scenarios
from storeff.report.seal import seal_of
from storeff.text import escaped_json, excerpt

SCHEMA_VERSION = "2.3"
MAJOR_VERSIONS = ("1", "2")
# The largest report of some 32 sources and a thousand kinds of dumps is a hundredth of this.
REPORT_BYTES_MAX = 64 << 20


Interrupted = Literal["listing", "reading", "comparing"]


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that measured."""

    cpu: str
    cores: int
    os: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How the report was made. ``started``, ``seconds`` and ``peak_rss_bytes`` vary by run.
    ``sha256`` seals the rest of the document (``report.seal``), null in earlier reports."""

    command: list[str]
    seed: int
    started: str
    seconds: float
    peak_rss_bytes: int
    host: Host
    versions: dict[str, str]
    kernel: str | None
    plan_digest: str | None
    sha256: str | None = None

    @property
    def started_at(self) -> datetime | None:
        """``started``, in UTC; None where that names no moment."""
        try:
            moment = datetime.fromisoformat(self.started)
            return moment.astimezone(UTC) if moment.tzinfo else None
        except (ValueError, OverflowError):
            return None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Application bytes that the answer is for."""

    bytes: int
    display: str


class StratumCount(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one content class; ``bits_per_byte`` is the order-0 entropy of a sample of bytes."""

    name: str
    files: int
    logical_bytes: int
    data_bytes: int
    bits_per_byte: float | None


class SizeCount(msgspec.Struct, frozen=True, kw_only=True):
    """Files larger than half of ``below_bytes`` and smaller than it (1: empty files)."""

    below_bytes: int
    files: int
    logical_bytes: int


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """What should have been measured and is not; ``bytes`` is null where it is unknown."""

    reason: str
    files: int
    bytes: int | None
    remedy: str
    examples: list[str]


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """What was left out without loss or by request."""

    reason: str
    files: int
    bytes: int | None
    meaning: str
    examples: list[str]


class ProbeSeconds(msgspec.Struct, frozen=True, kw_only=True):
    """CPU ``seconds`` of reading chunks again and compressing them, with all codecs: of the
    distinct chunks of a chunker, or of its chunks as often as they occur; or of the shards of a
    code, which it names. They vary by run."""

    chunker: str
    population: Population
    seconds: float


class ObjectRequests(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of object stores: requests that ``list``, and those that ``get`` an object, a
    range or its properties; and the bytes that came. A client's own retries are not counted."""

    list: int
    get: int
    fetched_bytes: int


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What was listed and read. ``logical_bytes`` = ``read_bytes`` + ``hole_bytes`` + not covered.

    Holes are neither read nor counted as data. ``cpu_seconds`` is what all threads
    that read and measured took, ``compress_cpu_seconds`` what compressing samples took of it: the
    sum of ``probe_cpu_seconds``, which is empty in a report of before schema 2.1.
    ``choice`` says why everything or only a part was read. A partial scan has no ``strata``.
    ``interrupted`` is what an interrupt cut short (null in a report of before schema 1.5).
    ``coverage`` is of the bytes that are known, but for holes: what was skipped may be of unknown
    size. ``requests`` is null where files were read, and in earlier reports.
    """

    sources: list[str]
    files: int
    logical_bytes: int
    allocated_bytes: int
    read_bytes: int
    hole_bytes: int
    coverage: float
    seconds: float
    cpu_seconds: float | None = None
    compress_cpu_seconds: float | None = None
    probe_cpu_seconds: list[ProbeSeconds] = []
    choice: str | None = None
    interrupted: Interrupted | None = None
    requests: ObjectRequests | None = None
    strata: list[StratumCount]
    file_sizes: list[SizeCount]
    skipped: list[Skipped]
    ignored: list[Ignored]


class KvModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a token takes. ``bytes_per_token`` is the growth of one sequence beyond every window,
    ``written_bytes_per_token`` what a store keeps that holds every block of a prefix."""

    name: str
    cache_format: str
    bytes_per_token: int
    written_bytes_per_token: int
    formula: list[str]
    source: str | None


class KvRetention(msgspec.Struct, frozen=True, kw_only=True):
    """Retention of the trace's traffic times ``scale``, on ``drive`` under ``layout``.

    The report's layouts and bills are for the row of ``billed_ttl_seconds``. A row fills the target
    at ``requests_per_second_at_target``, null without a target.
    """

    scale: float
    requests_per_second: float
    layout: str
    drive: str
    rows: list[Retention]
    requests_per_second_at_target: list[float | None]
    billed_ttl_seconds: float
    assumptions: list[str]


class Kv(msgspec.Struct, frozen=True, kw_only=True):
    """KV caches. Null is what was not asked for.

    Sharing by block key, bytes that are equal and bytes that compress are three different things;
    no figure here multiplies them.
    """

    model: KvModel | None = None
    dumps: list[Found] = []
    survey: Survey | None = None
    trace: Replayed | None = None
    chunks: list[ChunkSharing] = []
    retention: KvRetention | None = None
    skipped: list[Skipped] = []


class MoreReading(msgspec.Struct, frozen=True, kw_only=True):
    """What reading ``read_bytes`` in all would leave of the widths of intervals: that of the bytes
    left by the headline reduction, as a share of the data, that of the NPV and that of the drives
    (null too in a report of before schema 1.4). The first is now.
    """

    read_bytes: int
    interval_width: float
    npv_width: float | None
    drives_width: float | None = None


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured and what was assumed, apart: the price range usually swamps the rest.

    ``quantity`` is what was measured alone, ``price`` the prices alone; ``simulation`` varies all
    that has a range, and is null where nothing has. ``basis`` is what the cost rests on, null where
    it is unknown. Both are null in a report of before schema 2.3, ``less_demand`` in one of before
    2.2.
    """

    quantity: QuantityRisk
    price: PriceRisk
    more_reading: list[MoreReading]
    less_demand: LessDemand | None = None
    simulation: Simulation | None = None
    basis: CostBasis | None = None


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader must know before using the figures."""

    code: str
    message: str
    remedy: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. Sections not asked for are null.

    ``complete`` is whether everything that was asked for was measured and gave a figure;
    ``incomplete_because`` says why not, a sentence each. ``sensitivity`` and ``uncertainty`` are
    about the layout named ``reference_layout``. ``bench`` compares layouts on several kinds of
    drives. ``parity_options`` are what the reference layout, or the one that the bench recommends,
    can be configured with, its own among them. Both are null or empty in a report of before schema
    2.2. ``scenarios`` are all that the bills of layouts and of rows of the bench rest on, null in a
    report of before schema 2.3. ``plan`` is how what a layout needs is delivered, where
    that was planned. ``commitment``, ``guarantee`` and ``services`` are null until they are asked
    for of a report.
    """

    schema_version: str
    complete: bool = True
    incomplete_because: list[str] = []
    currency: str
    run: Run
    target: Target | None
    scan: Scan | None
    reduction: Reduction | None
    kv: Kv | None
    layouts: list[SizedLayout]
    reference_layout: str | None
    sensitivity: Sensitivity | None
    uncertainty: Uncertainty | None
    assumptions: list[AssumptionRow]
    warnings: list[Warned]
    bench: Bench | None = None
    scenarios: Scenarios | None = None
    parity_options: list[ParityOption] = []
    plan: Plan | None = None
    commitment: Commitment | None = None
    guarantee: Guarantee | None = None
    services: Services | None = None

    @property
    def reference(self) -> SizedLayout | None:
        """The layout called ``reference_layout``; None if there is none."""
        return next((x for x in self.layouts if x.name == self.reference_layout), None)


def to_json(report: Report) -> bytes:
    """The document, sealed and indented, with a final newline; what cannot be seen is escaped."""
    sha256 = seal_of(msgspec.json.decode(msgspec.json.encode(report)))
    run = msgspec.structs.replace(report.run, sha256=sha256)
    return document_json(msgspec.structs.replace(report, run=run))


def document_json(document: msgspec.Struct) -> bytes:
    """Any document of this room, as ``to_json``."""
    return escaped_json(msgspec.json.format(msgspec.json.encode(document), indent=2)) + b"\n"


def read_report(path: Path) -> Report:
    """The report in ``path``. Raises StoreffError if it is none, is of another major version, or
    contradicts itself."""
    report = decode_report(read_bounded(path, REPORT_BYTES_MAX, "storeff report"), path)
    wrong = list(contradictions(report))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise StoreffError(f"{path} cannot be true: {wrong[0]}{more}", "make the report again")
    return report


def decode_report(text: bytes, path: Path) -> Report:
    """The report in ``text``, read from ``path``, contradictory or not.

    Raises StoreffError if it is none, or of another major version.
    """
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        version = document.get("schema_version")
        major = version.split(".")[0] if isinstance(version, str) else None
        if major not in MAJOR_VERSIONS:
            raise StoreffError(
                f"{path} has schema_version {version!r}, this storeff reads {SCHEMA_VERSION} and "
                "what came before",
                "make the report again with this version",
            )
        to_present(document)
        if "reference_scenario" in document:
            with_scenarios(document)
        report = msgspec.convert(document, Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        nearest = _nearest(str(error))
        raise StoreffError(f"{path} is not a storeff report: {error}{nearest}") from error
    if schema_number(report.schema_version) <= schema_number(SCHEMA_VERSION):
        for at, line in _missing_lines(report):
            if line not in LINES:
                raise StoreffError(
                    f"{path} is not a storeff report: no bill has a line {excerpt(line)!r} - at "
                    f"`{at}`{did_you_mean(line, LINES)}"
                )
    return report


def schema_number(version: str) -> tuple[int, int]:
    """The major and minor numbers of ``version``; a part that is none counts as 0."""
    parts = [*version.split("."), ""][:2]
    major, minor = (int(x) if re.fullmatch("[0-9]{1,4}", x) else 0 for x in parts)
    return major, minor


def _missing_lines(report: Report) -> Iterator[tuple[str, str]]:
    """The lines that bills lack, by path."""
    lacking = {f"$.layouts[{i}]": x.not_in_bill for i, x in enumerate(report.layouts)}
    if report.bench is not None:
        lacking["$.bench"] = report.bench.not_in_bill
        if report.bench.recommendation is not None:
            lacking["$.bench.recommendation"] = report.bench.recommendation.not_in_bill
    for at, lines in lacking.items():
        for i, each in enumerate(lines):
            yield f"{at}.not_in_bill[{i}].line", each.line


def _nearest(message: str) -> str:
    """The nearest right value, where ``message`` is of a wrong one; else nothing."""
    match = re.fullmatch(r"Invalid enum value '(.*)' - at `.*?(\w+)(\[\.*\d*\])*`", message)
    if match is None:
        return ""
    of_key = [
        each["properties"].get(match[2], {})
        for each in schema()["$defs"].values()
        if "properties" in each
    ]
    return did_you_mean(match[1], [value for each in of_key for value in each.get("enum", ())])


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report."""
    made = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
