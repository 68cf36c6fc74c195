"""How far the data shrinks, for a person at a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from storeff.estimate.delta import Similarity
from storeff.estimate.reduction import Reduction, Sampling, Scope, StratumReduction
from storeff.estimate.sharing import Sharing
from storeff.quantity import Quantity
from storeff.report.render import (
    UNKNOWN,
    interval,
    paragraph,
    ratio,
    section,
    simple_table,
    times,
)
from storeff.units import covered, format_bytes

SHOWN_PAIRS = 10
INTERVALS = {
    "exact": "every group looked at",
    "95 %": "95 % interval",
    "range": "a wide range: too few groups, or chunks lost, for an interval",
}


def reduction_sections(reduction: Reduction) -> Iterator[RenderableType]:
    """What was measured of the data alone, before any layout."""
    yield _reduction(reduction)
    if reduction.sharing is not None:
        yield _sharing(reduction.sharing)
    if reduction.similarity is not None:
        yield _similarity(reduction.similarity)


def _reduction(reduction: Reduction) -> Group:
    head = reduction.headline
    supported = "counted exactly" if head.ratio.low == head.ratio.high else "95 % interval"
    if head.ratio.value is None:
        supported = "no point, only a range"
    elif head.ratio.low is None:
        supported = "of the part that was read, not of the rest"
    lines = Text()
    lines.append(f"{ratio(head.ratio)}", style="bold")
    lines.append(
        f"  {head.chunker} deduplication, then {head.codec}"
        f" ({supported})\n"
        f"{ratio(reduction.scope.floor)}  compression only: {head.codec} on the same chunks, no"
        " duplicate needed"
    )
    # A report of before schema 1.1 has none.
    if reduction.scope.growth and reduction.scope.growth[-1].ratio.low is not None:
        parts = "chunks" if reduction.method.sampling is None else "units"
        lines.append(f"\n{_scope(reduction.scope, parts)}")
    if reduction.method.sampling is not None:
        lines.append(_more_reading(reduction.method.sampling))
    codecs = list(dict.fromkeys(c.codec for c in reduction.combined))
    table = simple_table("chunks", "dedup alone", *(f"then {codec}" for codec in codecs))
    combined = {(c.chunker, c.codec): c.ratio for c in reduction.combined}
    for dedup in reduction.dedup:
        cells = [combined.get((dedup.chunker, codec)) for codec in codecs]
        table.add_row(
            dedup.chunker, ratio(dedup.ratio), *("" if c is None else ratio(c) for c in cells)
        )
    by_block: dict[int, dict[str, Quantity]] = {}
    for alone in reduction.compression:
        if alone.allocation_bytes == 1:
            by_block.setdefault(alone.block_bytes, {})[alone.codec] = alone.ratio
    for block_bytes, ratios in by_block.items():
        table.add_row(f"no dedup, {block_bytes >> 10} KiB", "", *(ratio(ratios[c]) for c in codecs))
    strata = simple_table("content", "data", "share", f"{head.chunker} + {head.codec}")
    shares = [_share(stratum, reduction.data_bytes) for stratum in reduction.by_stratum]
    for share, stratum in sorted(
        zip(shares, reduction.by_stratum, strict=True), key=lambda each: -each[0]
    ):
        about = "" if stratum.data_bytes is not None else "about "
        strata.add_row(
            stratum.name,
            about + format_bytes(share * reduction.data_bytes),
            f"{share:.1%}",
            ratio(stratum.ratio),
        )
    body: list[RenderableType] = [lines, table]
    if reduction.by_stratum:
        body.append(strata)
    return section("How far it shrinks (data bytes / bytes left)", *body)


def _share(stratum: StratumReduction, data_bytes: int) -> float:
    """The part of the data that is in ``stratum``."""
    if stratum.data_bytes is not None:
        return stratum.data_bytes / data_bytes
    assert stratum.data_share is not None
    assert stratum.data_share.value is not None
    return stratum.data_share.value


def _scope(scope: Scope, parts: str) -> str:
    """How the measured ratio grew with the scope, drawn from ``parts``, and where it would lead."""
    quarter, half, whole = (ratio(growth.ratio) for growth in scope.growth[-3:])
    grown = f"{quarter} in a quarter of the {parts}, {half} in half of them, {whole} in all"
    scenario = scope.ceiling.value if scope.ceiling else None
    if scenario is None or scenario == scope.measured.value:
        return f"       {grown}"
    return (
        f"{times(scenario)}x  a growth scenario, not a bound: every doubling up to the target adds"
        f" what the last one did\n       {grown}"
    )


def _more_reading(sampling: Sampling) -> str:
    """What the interval is, and what reading more would make of it."""
    if not sampling.more_reading:
        return ""
    (_, now), *later = sampling.more_reading
    told = ", ".join(f"{100 * width:.2g} if {format_bytes(read)} are" for read, width in later)
    return f"\n       {100 * now:.2g} points of the data wide; {told} read"


def _sharing(sharing: Sharing) -> Group:
    volumes = simple_table("source", "data", "distinct", "nowhere else")
    for volume in sharing.volumes:
        volumes.add_row(
            volume.name,
            format_bytes(volume.data_bytes),
            interval(volume.unique_bytes, format_bytes),
            interval(volume.only_here_bytes, format_bytes),
        )
    saved = f"One store for all saves {interval(sharing.needless_bytes, format_bytes)}"
    text = paragraph(f"{saved} over one for each, deduplicated in {sharing.chunker}.")
    if not sharing.pairs:
        return section("What the sources share", text, volumes)
    pairs = simple_table("shared by", "and", "bytes")
    for pair in sharing.pairs[:SHOWN_PAIRS]:
        pairs.add_row(pair.a, pair.b, interval(pair.shared_bytes, format_bytes))
    return section("What the sources share", text, volumes, pairs)


def _similarity(similar: Similarity) -> Group:
    text = (
        f"{ratio(similar.ratio)} with deltas between similar {similar.chunker} chunks: they save "
        f"{_bounds(similar.saved_bytes)} more ({INTERVALS[similar.interval]})\n"
        f"{similar.deltas:,} of {similar.chunks:,} chunks in {similar.groups:,} whole groups are "
        f"smaller as a delta; {covered(similar.inclusion)} of all groups were kept"
    )
    if similar.references_beyond:
        text += (
            f"\n{similar.references_beyond:,} references lead to further chunks of large groups, "
            "taken to save as much as those kept"
        )
    for lost in similar.not_reread:
        text += f"\n{lost.count:,} chunks not read again: {lost.reason}; {lost.remedy}"
    for lost in similar.siblings_not_reread:
        text += (
            f"\n{lost.count:,} files not compared with a sibling: {lost.reason}, such as "
            f"{lost.examples[0]}; {lost.remedy}"
        )
    title = "What similarity would add (not in the figures below)"
    if not similar.siblings:
        return section(title, paragraph(text))
    pairs = simple_table("tensors of", "against", "changed", "own planes", "XOR planes")
    for pair in similar.siblings[:SHOWN_PAIRS]:
        pairs.add_row(
            pair.file,
            pair.base,
            _bounds(pair.changed_bytes),
            _bounds(pair.planes_bytes),
            _bounds(pair.xor_bytes),
        )
    return section(title, paragraph(text), pairs)


def _bounds(q: Quantity) -> str:
    if q.value is None or q.low is None or q.high is None or q.low == q.high:
        return UNKNOWN if q.value is None else format_bytes(q.value)
    return f"{format_bytes(q.value)} [{format_bytes(q.low)}, {format_bytes(q.high)}]"
