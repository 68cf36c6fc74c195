"""What applications did to the data before it was stored."""

from collections.abc import Iterator

from storeff.estimate.inside import Inside
from storeff.estimate.reduction import Reduction
from storeff.quantity import Quantity
from storeff.report.figures import ratio
from storeff.report.page import Column, Paragraph, Part, Section, shortened, table
from storeff.units import counted, percent

SHOWN_ROWS = 12
# Of a codec or a type, which a file may name as it likes.
_NAME_WIDTH = 20
_UNTOLD = "not told"
_PATH_WIDTH = 60


def inside_section(reduction: Reduction) -> Iterator[Section]:
    """None where no object was looked into, or none has anything to tell."""
    found = reduction.inside
    if found is None or not any(row.codec is not None for row in found.rows):
        return
    body: list[Part] = [Paragraph(_answer(found))]
    classes = [row.content_class for row in found.rows]
    left = {
        each.name: ratio(each.ratio)
        for each in reduction.by_stratum
        if classes.count(each.name) == 1
    }
    body.append(
        table(
            [
                Column("Class", "name", most=_NAME_WIDTH),
                Column("codec of the application", "name", most=_NAME_WIDTH),
                "part of the data",
                "it reduced by",
                "storage reduces further by",
            ],
            [
                (
                    row.content_class,
                    row.codec or _UNTOLD,
                    _share(row.data_share),
                    "" if row.codec in (None, "none") else ratio(row.application_ratio),
                    left.get(row.content_class, ""),
                )
                for row in found.rows[:SHOWN_ROWS]
            ],
        )
    )
    if len(found.rows) > SHOWN_ROWS:
        body.append(Paragraph(f"and {counted(len(found.rows) - SHOWN_ROWS, 'more row')}"))
    if found.parts:
        body.append(
            table(
                [
                    Column("Inside", "name", most=_NAME_WIDTH),
                    Column("holds", "name", most=_NAME_WIDTH),
                    "part of the data",
                ],
                [
                    (part.content_class, part.holds, _share(part.data_share))
                    for part in found.parts[:SHOWN_ROWS]
                ],
            )
        )
    if found.rewrites:
        body.append(
            Paragraph(
                "If applications wrote their data otherwise: a scenario, and no part of any figure "
                "above. Storage is its compression alone, of the same bytes."
            )
        )
        body.append(
            table(
                [
                    Column("Rewrite", "text", least=24),
                    "objects",
                    "part of the data",
                    "storage reduces it by",
                    "rewriting by",
                ],
                [
                    (
                        each.name,
                        f"{each.objects:,}",
                        _share(each.data_share),
                        ratio(each.stored_ratio),
                        ratio(each.rewritten_ratio),
                    )
                    for each in found.rewrites
                ],
            )
        )
    if found.contradictions:
        text = counted(found.contradictions, "object")
        such = f", such as {shortened(found.examples[0], _PATH_WIDTH)}" if found.examples else ""
        body.append(
            Paragraph(f"{text} could not be looked into: damaged, or not what it seems{such}")
        )
    yield Section("inside", "What applications did before", tuple(body))


def _answer(found: Inside) -> str:
    return (
        f"{_share(found.reduced_share)} of the data is known to be compressed or encrypted by the "
        f"application ({counted(found.objects, 'object')} looked into): there a storage system "
        "finds next to nothing. What it was before is no part of any figure of data reduction."
    )


def _share(q: Quantity) -> str:
    if q.value is None or q.low is None or q.high is None:
        return "" if q.value is None else percent(q.value)
    if q.low == q.high:
        return percent(q.value)
    return f"{percent(q.value)} [{percent(q.low)}, {percent(q.high)}]"
