"""How far the data reduces, for a person at a terminal."""

import os
from collections.abc import Callable, Iterator, Sequence

from rich.console import RenderableType

from storeff.estimate.delta import NotReread, Similarity
from storeff.estimate.reduction import (
    Combined,
    Headline,
    Reduction,
    Sampling,
    Scope,
    StratumReduction,
)
from storeff.estimate.sharing import Sharing
from storeff.quantity import Quantity
from storeff.report.page import Column, Paragraph, Section, Table, shortened
from storeff.report.render import (
    UNKNOWN,
    half_width,
    interval,
    paragraph,
    ratio,
    section,
    simple_table,
)
from storeff.units import counted, covered, format_bytes, percent

SHOWN_PAIRS = 10
# Those that a layout which does not deduplicate may name; of smaller ones a column speaks.
SHOWN_BLOCK_BYTES = (64 << 10, 128 << 10)
# A source of a longer name is numbered, so that it is known again when its name is shortened.
_LONG_NAME = 40
_PATH_WIDTH = 100
INTERVALS = {
    "exact": "every group looked at",
    "95 %": "95 % interval",
    "range": "a wide range: too few groups, or chunks lost, for an interval",
}


def answer(reduction: Reduction, complete: bool, sized: bool) -> Section:
    """What the data would take and what that saves: the answer where no target was given."""
    head, data_bytes = reduction.headline, reduction.data_bytes
    if not has_figures(reduction):
        return section(
            f"What {format_bytes(data_bytes)} would take is unknown: too little was read"
        )
    left = _left(reduction)
    title = (
        f"{format_bytes(data_bytes)} would take {interval(left, format_bytes)}: "
        f"data reduction ratio {ratio(head.ratio)} (logical : stored)"
    )
    lines = [f"{_saves(left, data_bytes)}, {_method(head, complete)}", _compression_only(reduction)]
    if not sized:
        lines.append("To size storage for more data like this, give a target: --target 50EB")
    return section(title, *map(paragraph, lines))


def has_figures(reduction: Reduction) -> bool:
    """Whether enough was read for any figure, of the headline or of compression only."""
    figures = (reduction.headline.ratio, reduction.scope.floor)
    return any(q.value is not None or q.low is not None for q in figures)


def reduction_sections(
    reduction: Reduction, complete: bool, answered: bool
) -> Iterator[RenderableType]:
    """What was measured of the data alone, before any layout; ``answered`` is what `answer`
    says."""
    yield _reduction(reduction, complete, answered)
    if reduction.sharing is not None:
        yield _sharing(reduction.sharing)
    if reduction.similarity is not None:
        yield _similarity(reduction.similarity)


def source_labels(names: Sequence[str]) -> tuple[str, list[str]]:
    """The directory that all ``names`` are in, and what to call each beside the others.

    Names so long that they will be shortened are numbered, and begin where they differ.
    """
    if len(names) < 2 or all(len(name) <= _LONG_NAME for name in names):
        return "", list(names)
    shared, below = _below(names)
    return shared, [f"{i + 1}: {name}" for i, name in enumerate(below)]


def _below(paths: Sequence[str]) -> tuple[str, list[str]]:
    """The directory that all ``paths`` are in, and the paths from there on."""
    shared = os.path.commonprefix(paths)  # noqa: RUF071 - cut back to a directory below
    shared = shared[: shared.rfind("/") + 1]
    return shared, [path[len(shared) :] for path in paths]


def _headline_row(reduction: Reduction) -> Combined | None:
    head = reduction.headline
    rows = [c for c in reduction.combined if (c.chunker, c.codec) == (head.chunker, head.codec)]
    return rows[0] if rows else None


def _left(reduction: Reduction) -> Quantity:
    """Bytes that the headline reduction leaves."""
    row = _headline_row(reduction)
    return Quantity(None, None, None, "measured") if row is None else row.physical_bytes


def _saves(left: Quantity, data_bytes: int) -> str:
    def less(bytes_left: float | None) -> float | None:
        return None if bytes_left is None else data_bytes - bytes_left

    saved = Quantity(less(left.value), less(left.high), less(left.low), left.origin)
    if saved.value is not None and saved.value <= 0:
        return "Saves nothing"
    share = "" if saved.value is None else f" ({percent(saved.value / data_bytes)})"
    return f"Saves {interval(saved, format_bytes)}{share}"


def _method(head: Headline, complete: bool) -> str:
    return f"by {head.chunker} deduplication + {head.codec} ({_support(head.ratio, complete)})"


def _support(q: Quantity, complete: bool) -> str:
    """What the headline figure rests on."""
    if q.value is None:
        return "the sample is too small for a single figure"
    if q.low is None or q.high is None:
        return "of what was read, interval unknown"
    if q.low == q.high:
        return "counted exactly" if complete else "of what was read"
    return "95 % interval" if complete else "95 % interval, of what was read"


def _compression_only(reduction: Reduction) -> str:
    row = _headline_row(reduction)
    alone = None if row is None else row.compression_only_ratio
    figure = ratio(reduction.scope.floor if alone is None else alone)
    return f"Compression only: {figure}, no duplicate removed"


def _reduction(reduction: Reduction, complete: bool, answered: bool) -> Section:
    body: list[RenderableType] = []
    if not answered:
        head = reduction.headline
        body.append(paragraph(f"{ratio(head.ratio)} {_method(head, complete)}", "bold"))
        body.append(paragraph(_compression_only(reduction)))
    if reduction.method.sampling is not None:
        body += _more_reading(reduction.method.sampling)
    body.append(_by_method(reduction))
    if reduction.by_stratum:
        body.append(_by_content(reduction))
    body += _growth(reduction.scope, "chunks" if reduction.method.sampling is None else "extents")
    return section("Data reduction ratio (logical : stored)", *body)


def _by_method(reduction: Reduction) -> Table:
    """Every chunker with every codec, and compression of independent blocks below."""
    rows = {(c.chunker, c.codec): c for c in reduction.combined}
    named = [c.codec for c in reduction.combined] + [c.codec for c in reduction.compression]
    codecs = list(dict.fromkeys(named))
    table = simple_table(
        "chunks",
        "dedup",
        *(f"dedup + {codec}" for codec in codecs),
        f"{reduction.headline.codec} only",
    )

    def cell(q: Quantity | None) -> str:
        return "" if q is None else ratio(q)

    for dedup in reduction.dedup:
        plain = rows.get((dedup.chunker, reduction.headline.codec))
        of_codecs = [rows.get((dedup.chunker, codec)) for codec in codecs]
        table.add_row(
            dedup.chunker,
            ratio(dedup.ratio),
            *(cell(None if row is None else row.ratio) for row in of_codecs),
            cell(None if plain is None else plain.compression_only_ratio),
        )
    blocks: dict[str, dict[str, Quantity]] = {}
    for each in reduction.compression:
        if each.block_bytes in SHOWN_BLOCK_BYTES:
            label = _block_label(each.block_bytes, each.allocation_bytes)
            blocks.setdefault(label, {})[each.codec] = each.ratio
    for label, by_codec in blocks.items():
        table.add_row(label, "", *(cell(by_codec.get(codec)) for codec in codecs), "")
    return table


def _block_label(block_bytes: int, allocation_bytes: int) -> str:
    """Blocks that are compressed alone, and stored in whole units where those are not bytes."""
    units = f", {_kib(allocation_bytes)} units" if allocation_bytes > 1 else ""
    return f"{_kib(block_bytes)}, no dedup{units}"


def _kib(size_bytes: int) -> str:
    return f"{size_bytes:,} B" if size_bytes % 1024 else f"{size_bytes >> 10:,} KiB"


def _by_content(reduction: Reduction) -> Table:
    head = reduction.headline
    table = simple_table("content", "data", "share", f"{head.chunker} + {head.codec}")
    shares = [(_share(each, reduction.data_bytes), each) for each in reduction.by_stratum]
    for share, stratum in sorted(shares, key=lambda each: -(each[0] or 0)):
        data = UNKNOWN if share is None else format_bytes(share * reduction.data_bytes)
        table.add_row(
            stratum.name,
            data if stratum.data_bytes is not None or share is None else f"about {data}",
            UNKNOWN if share is None else percent(share),
            ratio(stratum.ratio),
        )
    return table


def _share(stratum: StratumReduction, data_bytes: int) -> float | None:
    """The part of the data that is in ``stratum``."""
    if stratum.data_bytes is not None:
        return stratum.data_bytes / data_bytes
    return None if stratum.data_share is None else stratum.data_share.value


def _growth(scope: Scope, parts: str) -> Iterator[Paragraph]:
    """How the headline ratio grew with what was measured. It bounds nothing beyond that."""
    # A report of before schema 1.1 has none.
    shown = [ratio(each.ratio) for each in scope.growth[-3:]]
    if len(shown) == 3 and shown[-1] != UNKNOWN:
        yield paragraph(
            f"Growth with the data: {shown[0]} in a quarter of the {parts}, {shown[1]} in half of "
            f"them, {shown[2]} in all"
        )


def _more_reading(sampling: Sampling) -> Iterator[Paragraph]:
    """How wide the headline's interval is, and what reading more would make of it."""
    if sampling.more_reading:
        (_, now), *later = sampling.more_reading
        gives = [
            f"reading {format_bytes(size_bytes)} gives ±{half_width(width / 2)}"
            if width
            else f"reading {format_bytes(size_bytes)} is an exact count"
            for size_bytes, width in later
        ]
        known = f"What is stored is known to ±{half_width(now / 2)} of the data"
        yield paragraph("; ".join([known, *gives]))


def _sharing(sharing: Sharing) -> Section:
    names = [volume.name for volume in sharing.volumes]
    labels = dict(zip(names, source_labels(names)[1], strict=True))
    volumes = simple_table("source", "data", "distinct", "exclusive")
    for volume in sharing.volumes:
        volumes.add_row(
            labels[volume.name],
            format_bytes(volume.data_bytes),
            interval(volume.unique_bytes, format_bytes),
            interval(volume.only_here_bytes, format_bytes),
        )
    saved = sharing.needless_bytes
    text = paragraph(
        f"Pooling saves nothing: no {sharing.chunker} chunk is in more than one source."
        if saved.value == saved.high == 0
        else f"Pooling saves {interval(saved, format_bytes)}: the cross-source duplicates, "
        f"deduplicated in {sharing.chunker}."
    )
    if not sharing.pairs:
        return section("What the sources share", text, volumes)
    pairs = simple_table("shared by", Column("and", "left", shortened=True), "bytes")
    for pair in sharing.pairs[:SHOWN_PAIRS]:
        pairs.add_row(
            labels.get(pair.a, pair.a),
            labels.get(pair.b, pair.b),
            interval(pair.shared_bytes, format_bytes),
        )
    body: list[RenderableType] = [text, volumes, pairs]
    if len(sharing.pairs) > SHOWN_PAIRS:
        rest = counted(len(sharing.pairs) - SHOWN_PAIRS, "further pair")
        body.append(paragraph(f"{rest} in the JSON report"))
    return section("What the sources share", *body)


def _similarity(similar: Similarity) -> Section:
    body: list[RenderableType] = [
        paragraph(f"{ratio(similar.ratio)} with deltas between similar {similar.chunker} chunks."),
        paragraph(
            f"They save {interval(similar.saved_bytes, format_bytes)} more "
            f"({INTERVALS[similar.interval]})."
        ),
        paragraph(
            f"{similar.deltas:,} of {counted(similar.chunks, 'chunk')} in "
            f"{counted(similar.groups, 'whole group')} are smaller as a delta; "
            f"{covered(similar.inclusion)} of all groups were sampled."
        ),
    ]
    if similar.references_beyond:
        body.append(
            paragraph(
                f"{counted(similar.references_beyond, 'reference')} lead to further chunks of "
                "large groups, which are taken to save as much as the sampled ones."
            )
        )
    body += _lost(similar.not_reread, lambda n: f"{counted(n, 'chunk')} not read again")
    body += _lost(
        similar.siblings_not_reread, lambda n: f"{counted(n, 'file')} not compared with a sibling"
    )
    if similar.siblings:
        pairs = simple_table(
            Column("tensors of", "left", shortened=True, least=16),
            Column("against", "left", shortened=True, least=16),
            "changed",
            "byte planes",
            "XOR planes",
        )
        shown = similar.siblings[:SHOWN_PAIRS]
        shared, files = _below([path for pair in shown for path in (pair.file, pair.base)])
        for pair, file, base in zip(shown, files[::2], files[1::2], strict=True):
            figures = (pair.changed_bytes, pair.planes_bytes, pair.xor_bytes)
            pairs.add_row(file, base, *(interval(q, format_bytes) for q in figures))
        if shared:
            body.append(paragraph(f"below {shortened(shared, _PATH_WIDTH)}"))
        body.append(pairs)
    return section("What similarity would add (not in the other figures)", *body)


def _lost(rows: Sequence[NotReread], say: Callable[[int], str]) -> Iterator[Paragraph]:
    for lost in rows:
        such = f", such as {shortened(lost.examples[0], _PATH_WIDTH)}" if lost.examples else ""
        yield paragraph(f"{say(lost.count)}: {lost.reason}{such}; {lost.remedy}")
