"""What this machine lets a scan have: processors and memory, by the limits that are set to it."""

import contextlib
import math
import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from storeff.errors import StoreffError, UsageError
from storeff.units import format_bytes

# Beside what threads take, memory holds what they have found together, and the estimate.
THREADS_SHARE = 0.5
# The most threads that may be asked for.
THREADS_MAX = 256
# What the libraries and one thread map, most of which is never touched: 371 MB where a small file
# was scanned and sized (2026-11-25). With less, libraries fail to load, each in its own way.
ADDRESS_BYTES = 400_000_000


def cpu_name() -> str:
    """The model of the processor, as the kernel names it."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        names = (line.split(":", 1)[1] for line in lines if line.startswith("model name"))
        return next(names, os.uname().machine).strip()


def system_name() -> str:
    """The kernel and the C library, as ``platform.platform()`` has them, which starts ``uname -p``
    for that: 11 ms (2026-11-27)."""
    system, libc = os.uname(), "".join(platform.libc_ver())
    return f"{system.sysname}-{system.release}-{system.machine}-with-{libc}"


def default_threads(root: Path = Path("/")) -> int:
    """The processors that this process may use: those that it may be scheduled on, and no more than
    the CPU quota of its control groups pays for, a begun one counted whole.

    ``root`` is where /proc and /sys are.
    """
    processors = float(len(os.sched_getaffinity(0)))
    for group in _control_groups(root, "cpu"):
        with contextlib.suppress(OSError, ValueError):
            quota, period = (group / "cpu.max").read_text().split()
            if quota != "max":
                processors = min(processors, int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):
            quota_us = int((group / "cpu.cfs_quota_us").read_text())
            if quota_us > 0:
                period_us = int((group / "cpu.cfs_period_us").read_text())
                processors = min(processors, quota_us / period_us)
    return max(1, math.ceil(processors))


def available_bytes(root: Path = Path("/")) -> int | None:
    """The memory that this process may still take: what the system has, its control groups and its
    own limits leave it. None if nothing tells.

    What a control group holds of the page cache is there for the taking.
    """
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        found += _numbers(root / "proc/meminfo", ("MemAvailable:",), 1024)
    for group in _control_groups(root, "memory"):
        for limit, used, cache in (
            ("memory.max", "memory.current", ("inactive_file", "active_file")),
            (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                ("total_inactive_file", "total_active_file"),
            ),
        ):
            # "max" is not a number: there is no limit.
            with contextlib.suppress(OSError, ValueError):
                limit_bytes = int((group / limit).read_text())
                used_bytes = int((group / used).read_text())
                used_bytes -= sum(_numbers(group / "memory.stat", cache))
                found.append(limit_bytes - used_bytes)
    with contextlib.suppress(OSError, ValueError):
        pages = (root / "proc/self/statm").read_text().split()
        for which, taken in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            limit_bytes, _ = resource.getrlimit(which)
            if limit_bytes != resource.RLIM_INFINITY:
                found.append(limit_bytes - int(taken) * resource.getpagesize())
    return max(0, min(found)) if found else None


def check_address_space() -> None:
    """Raises StoreffError if a limit on this process (ulimit -v) leaves too little for any scan."""
    limit_bytes, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit_bytes != resource.RLIM_INFINITY and limit_bytes < ADDRESS_BYTES:
        raise StoreffError(
            f"the address space of this process is limited to {format_bytes(limit_bytes)}, and a "
            f"scan maps some {format_bytes(ADDRESS_BYTES)}",
            "raise the limit (ulimit -v); to bound what is used, set it to a control group",
        )


def affordable_threads(threads: int, bytes_each: int, root: Path = Path("/")) -> int:
    """``threads``, or fewer, if each takes up to ``bytes_each`` and memory is short; at least one.

    However many there are, they find the same.
    """
    free_bytes = available_bytes(root)
    if free_bytes is None:
        return threads
    return max(1, min(threads, int(free_bytes * THREADS_SHARE) // bytes_each))


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The directories of the control groups that may limit ``controller`` for this process, in both
    versions: its own and all above, each of which binds it."""
    with contextlib.suppress(OSError):
        for line in os.fsdecode((root / "proc/self/cgroup").read_bytes()).splitlines():
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            # In a container the path may be that on the host, of which only the end is mounted.
            inner = PurePosixPath(path.lstrip("/"))
            if not controllers:
                hierarchies = [".", "unified"]
            elif controller in controllers.split(","):
                hierarchies = [controllers, controller]
            else:
                continue
            for hierarchy in hierarchies:
                for each in (inner, *inner.parents):
                    if ".." not in each.parts:
                        yield root / "sys/fs/cgroup" / hierarchy / each


def _numbers(path: Path, names: tuple[str, ...], scale: int = 1) -> list[int]:
    """The numbers after those of ``names`` that the lines of ``path`` begin with."""
    rows = (line.split() for line in path.read_text().splitlines())
    return [int(row[1]) * scale for row in rows if row and row[0] in names]


def threads_of(executor: str | None) -> int | None:
    """N, if ``executor`` is ``threads:N``: these are what a scan runs on by itself. Raises
    UsageError if that is no number."""
    kind, _, rest = (executor or "").partition(":")
    return number_of(kind, rest) if kind == "threads" else None


def number_of(kind: str, text: str) -> int:
    """How many threads, or processes, ``text`` stands for. Raises UsageError if it is none."""
    if not text.isdecimal() or not 1 <= int(text) <= THREADS_MAX:
        raise UsageError(
            f"{text!r} is no number of {kind} from 1 to {THREADS_MAX:,}",
            f"write {kind}:4",
            "executor",
        )
    return int(text)
