"""Reports that formats are tried on, and what their numbers may be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storeff.report.model import Report, read_report
from support.golden import GOLDEN

RECORDED = sorted((GOLDEN / "reports").glob("*/*.json"))
# Those of schema 1.5 are of the same measurements.
KEPT = [path for path in RECORDED if path.parent.name != "1.5"]

# Syntax of each format, and what would steer a terminal or reorder what stands beside it.
HOSTILE = '=1+1,"|x\'\n# *b* <b>`c`</b> [d](http://e.f) &lt; {g="h"} \\ \u202e\x1b[31m'

every_report = pytest.mark.parametrize(
    "path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
every_kept = pytest.mark.parametrize(
    "path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}"
)


def recorded(name: str) -> Report:
    """The report tests/golden/reports/``name``."""
    return read_report(GOLDEN / "reports" / name)


def document(path: Path) -> Any:
    """The report at ``path`` as plain values."""
    return msgspec.to_builtins(read_report(path))


def numbers(value: Any) -> Iterator[int | float]:
    """Every number in plain values."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def hostile(name: str) -> Report:
    """A recorded report with every text that can come from outside replaced by a hostile one."""
    found = msgspec.to_builtins(recorded(name))
    found["currency"] = HOSTILE
    for number, layout in enumerate(found["layouts"]):
        if layout["name"] == found["reference_layout"]:
            found["reference_layout"] = f"{HOSTILE}{number}"
        layout |= {"name": f"{HOSTILE}{number}", "title": HOSTILE, "drive": HOSTILE}
        layout |= {"site": HOSTILE}
    for row in found["assumptions"]:
        room, _, rest = row["path"].partition(".")
        row |= {"source": HOSTILE, "unit": HOSTILE}
        if room in ("drives", "sites"):
            row["path"] = f"{room}.{HOSTILE}.{rest.rpartition('.')[2]}"
    for warning in found["warnings"]:
        warning |= {"message": HOSTILE, "remedy": HOSTILE}
    if found["scan"] is not None:
        found["scan"]["sources"] = [HOSTILE]
    if found["bench"] is not None:
        found["bench"] |= {"currency": HOSTILE}
        for row in found["bench"]["rows"]:
            row["drive"] = HOSTILE
        chosen = found["bench"]["recommendation"]
        chosen |= {"drive": HOSTILE, "runner_up_drive": HOSTILE}
        if found["bench"]["quoted"] is not None:
            found["bench"]["quoted"]["drive"] = HOSTILE
    return msgspec.convert(found, Report)
