"""Reports that are compared but for what differs between two runs."""

from pathlib import Path
from typing import Any

import msgspec

from storeff.analysis import Measured, build_report, reduce, to_json

# What a bucket does not share with the files that are in it, or two runs with each other.
APART = ("sources", "seconds", "cpu_seconds", "compress_cpu_seconds", "allocated_bytes", "requests")


def placeless(measured: Measured) -> dict[str, Any]:
    """The report of what was ``measured`` without times, the names of its roots, and what only
    files have."""
    report: dict[str, Any] = msgspec.json.decode(to_json(build_report(reduce(measured))))
    scan = report["scan"]
    for each in APART:
        del scan[each]
    for probe in scan["probe_cpu_seconds"]:
        del probe["seconds"]
    return {"scan": scan, "reduction": report["reduction"], "warnings": report["warnings"]}


def timeless(path: Path) -> dict[str, Any]:
    """The report in ``path`` without times, the host, and the command."""
    report: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    for key in ("command", "started", "seconds", "peak_rss_bytes", "host", "sha256"):
        del report["run"][key]
    for key in ("seconds", "cpu_seconds", "compress_cpu_seconds"):
        del report["scan"][key]
    for row in report["scan"]["probe_cpu_seconds"]:
        del row["seconds"]
    return report
