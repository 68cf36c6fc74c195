"""Running storeff as users do: a process of its own, and what it leaves on its two streams."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storeff.report.model import read_report
from storeff.report.sections import sections
from storeff.report.terminal import laid_out
from support import warm

COMMAND = (sys.executable, "-P", "-m", "storeff")
# As if opening a file took so long that even of a small tree a part is cheaper than everything.
PARTLY = "from storeff.estimate import cost; cost.FILE_SECONDS = 1e3"


def storeff(
    *words: str | Path, command: Sequence[str] = COMMAND, before: str = "", **options: Any
) -> "subprocess.CompletedProcess[str]":
    """``storeff`` with ``words``, finished, after the code ``before``; another command, or one with
    streams of its own, in an interpreter of its own."""
    if command is COMMAND and not options.keys() - {"cwd", "env", "check"}:
        done = warm.finished([*map(str, words)], options.get("cwd"), options.get("env"), before)
        if options.get("check"):
            done.check_returncode()
        return done
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*command, *map(str, words)], text=True, timeout=warm.SECONDS, **streams)


def everything(*words: str | Path, columns: int = 100) -> str:
    """All that a person can see of the report of ``storeff`` with ``words``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        done = storeff(*words, "-o", path)
        assert path.exists(), done.stderr
        return shown(path, columns)


def shown(path: Path, columns: int = 100) -> str:
    """All that a person can see of the report in ``path``."""
    parts = sections(read_report(path), full=True)
    return "\n".join("".join(f"{line}\n" for line, _ in laid_out(part, columns)) for part in parts)


def started(
    *words: str | Path, command: Sequence[str] = COMMAND, **options: Any
) -> "subprocess.Popen[str]":
    """``storeff`` with ``words``, running."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([*command, *map(str, words)], text=True, **streams)


def shell(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """``script`` run by bash in ``folder``, where ``storeff`` is this one."""
    return subprocess.run(
        ["bash", "-c", f'storeff() {{ "{sys.executable}" -P -m storeff "$@"; }}\n{script}'],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def wait_until_read(pid: int, size_bytes: int) -> None:
    """Until the process has read so much, its own code (some 40 MB) included."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        counts = Path(f"/proc/{pid}/io").read_text().split()
        if int(counts[counts.index("rchar:") + 1]) > size_bytes:
            return
        time.sleep(0.02)
    raise AssertionError("nothing was read within a minute")
