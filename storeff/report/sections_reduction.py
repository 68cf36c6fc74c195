"""How far the data reduces, before any layout."""

import os
from collections.abc import Callable, Iterator, Sequence

from storeff.estimate.delta import NotReread, Similarity
from storeff.estimate.reduction import Cell, Combined, Reduction, Sampling, StratumReduction
from storeff.estimate.sharing import Sharing
from storeff.quantity import Quantity
from storeff.report.figures import half_width, interval, known, ratio
from storeff.report.model import Scan
from storeff.report.page import (
    UNKNOWN,
    Column,
    Paragraph,
    Part,
    Section,
    Table,
    shortened,
    table,
)
from storeff.scan.codecs import CODECS
from storeff.scan.plan import CUTTINGS
from storeff.units import counted, covered, format_bytes, percent

SHOWN_PAIRS = 10
# Those that a layout which does not deduplicate may name; smaller ones have a column.
SHOWN_BLOCK_BYTES = (64 << 10, 128 << 10)
# A source of a longer name is numbered, so that it is known again when its name is shortened.
_LONG_NAME = 40
_PATH_WIDTH = 100
# Of a chunker or a codec, which a report may name as it likes.
_NAME_WIDTH = 20
_NOT_MEASURED = "-"
# No codec is measured on these.
_WHOLE = frozenset(c.name for c in CUTTINGS if c.kind == "whole")
INTERVALS = {
    "exact": "every group looked at",
    "95 %": "95 % interval",
    "range": "a wide range: too few groups, or chunks lost, for an interval",
}


def has_figures(reduction: Reduction) -> bool:
    """Whether enough was read for any figure, of the headline or of compression only."""
    figures = (reduction.headline.ratio, reduction.scope.floor)
    return any(q.value is not None or q.low is not None for q in figures)


def taken(reduction: Reduction) -> str:
    """What the data would take: the answer where no layout was sized."""
    data = format_bytes(reduction.data_bytes)
    if not has_figures(reduction):
        return f"What {data} would take is unknown: too little was read"
    left, alone = _left(reduction), _headline_row(reduction)
    if left.value is None and left.low is None and alone is not None:
        only = alone.compression_only_bytes or left
        return (
            f"{data} would take {interval(only, format_bytes)} without deduplication; what that "
            "would save is unknown"
        )
    return (
        f"{data} would take {interval(_left(reduction), format_bytes)}: "
        f"data reduction ratio {ratio(reduction.headline.ratio)} (logical : stored)"
    )


def saved(reduction: Reduction) -> str:
    """What the data saves by that."""
    left, data_bytes = _left(reduction), reduction.data_bytes

    def less(bytes_left: float | None) -> float | None:
        return None if bytes_left is None else data_bytes - bytes_left

    q = Quantity(less(left.value), less(left.high), less(left.low), left.origin)
    if q.value is not None and q.value <= 0:
        return "nothing"
    share = "" if q.value is None else f" ({percent(q.value / data_bytes)})"
    return f"{interval(q, format_bytes)}{share}"


def headline(reduction: Reduction, complete: bool) -> str:
    """The headline ratio, what it is the ratio of, and what it rests on."""
    head = reduction.headline
    chunker, codec = (shortened(name, _NAME_WIDTH) for name in (head.chunker, head.codec))
    return f"{ratio(head.ratio)} by {chunker} dedup + {codec} ({_support(head.ratio, complete)})"


def compression_only(reduction: Reduction) -> str:
    """The ratio of the same chunks compressed, none found again."""
    row = _headline_row(reduction)
    alone = None if row is None else row.compression_only_ratio
    return f"compression only: {ratio(reduction.scope.floor if alone is None else alone)}"


def reduction_sections(
    reduction: Reduction, scan: Scan | None, full_table: str
) -> Iterator[Section]:
    """What was measured of the data alone. ``full_table`` is how to measure all of a table."""
    body: list[Part] = []
    if reduction.method.sampling is not None:
        body += _more_reading(reduction.method.sampling)
    by_method = _by_method(reduction)
    body.append(by_method)
    if any(_NOT_MEASURED in row for row in by_method.rows):
        body.append(Paragraph(f"{_NOT_MEASURED}: not measured; {full_table} measures all"))
    if reduction.by_stratum:
        body.append(_by_content(reduction))
    # A report of before schema 1.1 has none.
    shown = [ratio(each.ratio) for each in reduction.scope.growth[-3:]]
    if len(shown) == 3 and shown[-1] != UNKNOWN:
        parts = "chunks" if reduction.method.sampling is None else "extents"
        body.append(
            Paragraph(
                f"Growth so far: {shown[0]} in a quarter of the {parts}, {shown[1]} in half of "
                f"them, {shown[2]} in all (a history, no bound)"
            )
        )
    yield Section("reduction", "Data reduction ratio (logical : stored)", tuple(body))
    if reduction.method.cells:
        yield _compressed(reduction.method.cells, scan)
    if reduction.sharing is not None:
        yield _sharing(reduction.sharing)
    if reduction.similarity is not None:
        title = "What similarity would add (not in the other figures)"
        yield Section("similarity", title, tuple(_similarity(reduction.similarity)))


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


def _support(q: Quantity, complete: bool) -> str:
    """What the headline figure rests on."""
    if q.value is None:
        return "the sample is too small for a single figure"
    if q.low is None or q.high is None:
        return "of what was read, interval unknown"
    of = "" if complete else ", of what was read"
    return f"{'exact' if q.low == q.high else '95 %'}{of}"


def _by_method(reduction: Reduction) -> Table:
    """Every chunker with every codec, and compression of independent blocks below."""
    found = {(c.chunker, c.codec): c for c in reduction.combined}
    named = {c.codec for c in reduction.combined} | {c.codec for c in reduction.compression}
    codecs = [codec for codec in CODECS if codec in named] + sorted(named - set(CODECS))
    beside = {each.chunker: _beside(reduction, each.chunker, codecs) for each in reduction.dedup}
    by = {row.codec for row in beside.values() if row and row.compression_only_ratio}

    def cell(q: Quantity | None) -> str:
        return _NOT_MEASURED if q is None else ratio(q)

    def only(row: Combined | None) -> str:
        if row is None or row.compression_only_ratio is None:
            return _NOT_MEASURED if row is None else ""
        return ratio(row.compression_only_ratio) + (f" ({row.codec})" if len(by) > 1 else "")

    rows = []
    for dedup in reduction.dedup:
        cells = [""] * (len(codecs) + 1)
        if dedup.chunker not in _WHOLE:
            pairs = [found.get((dedup.chunker, codec)) for codec in codecs]
            cells = [cell(None if row is None else row.ratio) for row in pairs]
            cells.append(only(beside[dedup.chunker]))
        rows.append([dedup.chunker, ratio(dedup.ratio), *cells])
    blocks: dict[str, dict[str, Quantity]] = {}
    for each in reduction.compression:
        if each.block_bytes in SHOWN_BLOCK_BYTES:
            label = _block_label(each.block_bytes, each.allocation_bytes)
            blocks.setdefault(label, {})[each.codec] = each.ratio
    for label, by_codec in blocks.items():
        rows.append([label, "", *(cell(by_codec.get(codec)) for codec in codecs), ""])
    alone = f"{by.pop()} only" if len(by) == 1 else "compression only"
    return table(["chunks", "dedup", *(f"dedup + {codec}" for codec in codecs), alone], rows)


def _beside(reduction: Reduction, chunker: str, codecs: Sequence[str]) -> Combined | None:
    """The row of ``chunker`` that says what compression alone does: by the headline's codec, or
    else the last of ``codecs`` that was measured."""
    rows = {row.codec: row for row in reduction.combined if row.chunker == chunker}
    wanted = (reduction.headline.codec, *reversed(codecs))
    return next((rows[codec] for codec in wanted if codec in rows), None)


def _compressed(cells: Sequence[Cell], scan: Scan | None) -> Section:
    """What was compressed, and how sure it made the figures that rest on it."""
    # All codecs of a chunker compress the same chunks together: their time stands at the first.
    seconds = {
        (each.chunker, each.population): f"{each.seconds:,.2f}"
        for each in (scan.probe_cpu_seconds if scan else ())
    }
    rows = [
        (
            cell.name,
            f"{cell.chunks:,}",
            f"{cell.auxiliary_chunks:,}",
            f"±{cell.target * 100:g} %",
            known(cell.reached, _reached),
            seconds.pop((cell.chunker, cell.population), ""),
        )
        for cell in cells
    ]
    heads = ("figure", "compressed", "looked at", "asked", "reached", "CPU seconds")
    return Section("compressed", "What was compressed for it", (table(heads, rows),))


def _reached(width: float) -> str:
    return f"±{half_width(width)}" if width else "exact"


def _block_label(block_bytes: int, allocation_bytes: int) -> str:
    """Blocks that are compressed alone, and stored in whole units where those are not bytes."""
    units = f", {_kib(allocation_bytes)} units" if allocation_bytes > 1 else ""
    return f"{_kib(block_bytes)}, no dedup{units}"


def _kib(size_bytes: int) -> str:
    return f"{size_bytes:,} B" if size_bytes % 1024 else f"{size_bytes >> 10:,} KiB"


def _by_content(reduction: Reduction) -> Table:
    head = reduction.headline
    shares = [(_share(each, reduction.data_bytes), each) for each in reduction.by_stratum]
    rows = []
    for share, stratum in sorted(shares, key=lambda each: -(each[0] or 0)):
        data = UNKNOWN if share is None else format_bytes(share * reduction.data_bytes)
        about = "about " if stratum.data_bytes is None and share is not None else ""
        figures = (f"{about}{data}", known(share, percent), ratio(stratum.ratio))
        rows.append((stratum.name, *figures))
    return table(("content", "data", "share", f"{head.chunker} + {head.codec}"), rows)


def _share(stratum: StratumReduction, data_bytes: int) -> float | None:
    """The part of the data that is in ``stratum``."""
    if stratum.data_bytes is not None:
        return stratum.data_bytes / data_bytes
    return None if stratum.data_share is None else stratum.data_share.value


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
        yield Paragraph("; ".join([known, *gives]))


def _sharing(sharing: Sharing) -> Section:
    names = [volume.name for volume in sharing.volumes]
    labels = dict(zip(names, source_labels(names)[1], strict=True))
    found = sharing.needless_bytes
    body: list[Part] = [
        Paragraph(
            f"Pooling saves nothing: no {sharing.chunker} chunk is in more than one source."
            if found.value == found.high == 0
            else f"Pooling saves {interval(found, format_bytes)}: the cross-source duplicates, "
            f"deduplicated in {sharing.chunker}."
        ),
        table(
            ("source", "data", "distinct", "exclusive"),
            (
                (
                    labels[volume.name],
                    format_bytes(volume.data_bytes),
                    interval(volume.unique_bytes, format_bytes),
                    interval(volume.only_here_bytes, format_bytes),
                )
                for volume in sharing.volumes
            ),
        ),
    ]
    if sharing.pairs:
        pairs = (
            (
                labels.get(pair.a, pair.a),
                labels.get(pair.b, pair.b),
                interval(pair.shared_bytes, format_bytes),
            )
            for pair in sharing.pairs[:SHOWN_PAIRS]
        )
        body.append(table(("shared by", Column("and", "name"), "bytes"), pairs))
    if len(sharing.pairs) > SHOWN_PAIRS:
        rest = counted(len(sharing.pairs) - SHOWN_PAIRS, "further pair")
        body.append(Paragraph(f"{rest} in the JSON report"))
    return Section("sharing", "What the sources share", tuple(body))


def _similarity(similar: Similarity) -> Iterator[Part]:
    yield Paragraph(f"{ratio(similar.ratio)} with deltas between similar {similar.chunker} chunks.")
    saves = interval(similar.saved_bytes, format_bytes)
    yield Paragraph(f"They save {saves} more ({INTERVALS[similar.interval]}).")
    yield Paragraph(
        f"{similar.deltas:,} of {counted(similar.chunks, 'chunk')} in "
        f"{counted(similar.groups, 'whole group')} are smaller as a delta; "
        f"{covered(similar.inclusion)} of all groups were sampled."
    )
    if similar.references_beyond:
        yield Paragraph(
            f"{counted(similar.references_beyond, 'reference')} lead to further chunks of large "
            "groups, which are taken to save as much as the sampled ones."
        )
    yield from _lost(similar.not_reread, lambda n: f"{counted(n, 'chunk')} not read again")
    yield from _lost(
        similar.siblings_not_reread, lambda n: f"{counted(n, 'file')} not compared with a sibling"
    )
    shown = similar.siblings[:SHOWN_PAIRS]
    if not shown:
        return
    shared, files = _below([path for pair in shown for path in (pair.file, pair.base)])
    if shared:
        yield Paragraph(f"below {shortened(shared, _PATH_WIDTH)}")
    yield table(
        [
            Column("tensors of", "name", least=16),
            Column("against", "name", least=16),
            *("changed", "byte planes", "XOR planes"),
        ],
        (
            (
                files[2 * i],
                files[2 * i + 1],
                *(
                    interval(q, format_bytes)
                    for q in (pair.changed_bytes, pair.planes_bytes, pair.xor_bytes)
                ),
            )
            for i, pair in enumerate(shown)
        ),
    )


def _lost(rows: Sequence[NotReread], say: Callable[[int], str]) -> Iterator[Paragraph]:
    for lost in rows:
        such = f", such as {shortened(lost.examples[0], _PATH_WIDTH)}" if lost.examples else ""
        yield Paragraph(f"{say(lost.count)}: {lost.reason}{such}; {lost.remedy}")
