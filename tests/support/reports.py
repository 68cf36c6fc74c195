"""Reports that are compared but for what differs between two runs."""

from pathlib import Path
from typing import Any

import msgspec


def timeless(path: Path) -> dict[str, Any]:
    """The report in ``path`` without times, the host, and the command."""
    report: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    for key in ("command", "started", "seconds", "peak_rss_bytes", "host"):
        del report["run"][key]
    for key in ("seconds", "cpu_seconds", "compress_cpu_seconds"):
        del report["scan"][key]
    for row in report["scan"]["probe_cpu_seconds"]:
        del row["seconds"]
    return report
