"""Whether a report says what follows from its own inputs, and is as it was written."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec

from storeff.errors import StoreffError
from storeff.files import read_bounded
from storeff.report.check import contradictions
from storeff.report.model import REPORT_BYTES_MAX, Report, decode_report
from storeff.report.rederived import GIVEN, Rederived, rederived
from storeff.report.seal import seal_of, stated_seal

SealState = Literal["whole", "broken", "absent"]
# What decides the last digits of a figure.
_COUNTED_BY = ("storeff", "numpy", "scipy")
# What stands first in what says that a report contradicts itself in something that is made again.
_DERIVED_ROOMS = (
    *("layouts", "bench", "uncertainty", "guarantee", "commitment", "plan", "services", "complete"),
    *("reduction.dedup", "reduction.combined", "reduction.compression", "reduction.headline"),
    *("reduction.scope", "reduction.method.cells", "reduction.by_stratum"),
    *("kv.survey", "kv.trace", "kv.chunks", "kv.retention"),
)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says at ``path`` and what comes out; null too where there is nothing."""

    path: str
    stated: Any
    derived: Any


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A section of the report: how many ``figures`` it has, and how many of these were
    ``derived`` again. ``because`` says why none was, where some should have been."""

    name: str
    figures: int
    derived: int
    because: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """``differences`` of ``figures`` differ from what was ``derived`` again, of which ``first`` is
    the first. ``made_by`` and ``verified_by`` are versions: others may count otherwise."""

    schema: Literal["storeff.verify/1"] = "storeff.verify/1"
    agrees: bool
    seal: SealState
    sha256: str | None
    sha256_found: str
    figures: int
    derived: int
    differences: int
    first: Difference | None
    parts: tuple[Part, ...]
    made_by: dict[str, str]
    verified_by: dict[str, str]


def verify_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    made = msgspec.json.schema(Verified)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def verify(path: Path) -> Verified:
    """The report in ``path`` beside what comes out of its inputs.

    Raises StoreffError if it is no report, or if its inputs contradict each other or cannot be
    sized: it then cannot be true.
    """
    text = read_bounded(path, REPORT_BYTES_MAX, "storeff report")
    report = decode_report(text, path)
    document = msgspec.json.decode(text)
    seal, found = stated_seal(document), seal_of(document)
    state: SealState = "absent" if seal is None else "whole" if seal == found else "broken"
    broken = "; its seal is broken too" if state == "broken" else ""
    wrong = list(contradictions(report))
    of_inputs = [each for each in wrong if not each.startswith(_DERIVED_ROOMS)]
    made = None if of_inputs else verified(report, rederived(report), state, seal, found)
    if made is None or (wrong and not made.differences):
        told = (of_inputs or wrong)[0]
        raise StoreffError(f"{path} cannot be true: {told}{broken}", "make the report again")
    return made


def verified(report: Report, again: Rederived, state: SealState, seal: Any, found: str) -> Verified:
    """``report`` beside what was made ``again``; the ``state`` of its ``seal``, and the seal that
    was ``found``."""
    told, derived = leaves_of(report), again_leaves(again)
    is_derived = derived_of(again)
    names = {name: is_derived(name) for name in told | derived}
    wrong = differing(told, derived, names)
    return Verified(
        agrees=not wrong and state != "broken",
        seal=state,
        sha256=seal if isinstance(seal, str) else None,
        sha256_found=found,
        figures=len(told),
        derived=sum(names[name] for name in told),
        differences=len(wrong),
        first=_difference(wrong[0], told, derived) if wrong else None,
        parts=tuple(_parts(told, names, again.without)),
        made_by={name: report.run.versions.get(name, "unknown") for name in _COUNTED_BY},
        verified_by={name: version(name) for name in _COUNTED_BY},
    )


# ---- leaf by leaf ----

Leaves = dict[str, bytes]
_NOTHING = b"null"


def leaves_of(report: Report) -> Leaves:
    """Every number, text and null of ``report`` as JSON, by path, in order."""
    return dict(_leaves(msgspec.json.decode(msgspec.json.encode(report)), ""))


def again_leaves(again: Rederived) -> Leaves:
    """Those of what was made again."""
    leaves = leaves_of(again.report)
    for path, ratio in again.ratios.items():
        leaves |= _leaves(msgspec.json.decode(msgspec.json.encode(ratio)), path)
    return leaves


def _leaves(value: Any, path: str) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for i, each in enumerate(value):
            yield from _leaves(each, f"{path}[{i}]")
    else:
        yield path, msgspec.json.encode(value)


def derived_of(again: Rederived) -> Any:
    """Tells of a path whether it was made again, and not taken as it stands."""
    made = re.compile(rf"({'|'.join(again.derived)})(?![\w])")
    given = re.compile(rf"({'|'.join(GIVEN)})")
    return lambda path: bool(made.match(path)) and not given.fullmatch(path)


def differing(told: Leaves, derived: Leaves, names: Mapping[str, bool]) -> list[str]:
    """The paths that were made again at which ``told`` is not what is ``derived``, in order."""
    return [
        name for name, is_made in names.items() if is_made and told.get(name) != derived.get(name)
    ]


def _difference(path: str, told: Leaves, derived: Leaves) -> Difference:
    stated, made = (msgspec.json.decode(x[path]) if path in x else None for x in (told, derived))
    return Difference(path=path, stated=stated, derived=made)


def _parts(told: Leaves, names: Mapping[str, bool], without: Mapping[str, str]) -> Iterator[Part]:
    counts: dict[str, list[int]] = {}
    for path in told:
        room = re.split(r"[.\[]", path, maxsplit=1)[0]
        if told[path] == _NOTHING and room == path:
            continue
        count = counts.setdefault(room, [0, 0])
        count[0] += 1
        count[1] += names[path]
    reasons = {name.split("[")[0]: why for name, why in without.items()}
    for room, (figures, derived) in counts.items():
        yield Part(name=room, figures=figures, derived=derived, because=reasons.get(room))
