"""Threads are as many as the processors and the memory that may be used allow, not those there."""

import math
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from storeff.errors import StoreffError
from storeff.scan import machine
from storeff.scan.machine import (
    affordable_threads,
    available_bytes,
    check_address_space,
    default_threads,
)

GIB = 1 << 30


def made(root: Path, files: Mapping[str, str]) -> Path:
    """A root with what /proc and /sys hold."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.fixture
def sixty_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))


V2 = {"proc/self/cgroup": "0::/pod/job\n"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/pod/job\n4:memory:/pod/job\n1:name=systemd:/\n0::/\n"}


@pytest.mark.usefixtures("sixty_four")
@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({}, 64),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "400000 100000\n"}, 4),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "1000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "max 100000\n"}, 64),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "99900000 100000\n"}, 64),
        # The group above allows less.
        (
            V2
            | {
                "sys/fs/cgroup/pod/job/cpu.max": "800000 100000\n",
                "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
            },
            3,
        ),
        # In a container its own group is mounted as the root.
        (V2 | {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/unified/pod/job/cpu.max": "200000 100000\n"}, 2),
        (
            V1
            | {
                "sys/fs/cgroup/cpu,cpuacct/pod/job/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu,cpuacct/pod/job/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/pod/job/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/pod/job/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
        # What does not make sense limits nothing, and no path leads outside.
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": "much\n"}, 64),
        (V2 | {"sys/fs/cgroup/pod/job/cpu.max": ""}, 64),
        ({"proc/self/cgroup": "0::/../x\nnonsense\n", "sys/fs/x/cpu.max": "1 1\n"}, 64),
    ],
)
def test_the_default_is_what_the_cpu_quota_pays_for(
    tmp_path: Path, files: Mapping[str, str], threads: int
) -> None:
    assert default_threads(made(tmp_path, files)) == threads


def test_the_default_is_no_more_than_the_processors_this_process_may_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    made(tmp_path, V2 | {"sys/fs/cgroup/pod/job/cpu.max": "800000 100000\n"})
    assert default_threads(tmp_path) == 2


MEMINFO = {"proc/meminfo": f"MemTotal: {8 << 20} kB\nMemAvailable: {4 << 20} kB\n"}


@pytest.mark.parametrize(
    ("files", "free_bytes"),
    [
        ({}, None),
        (MEMINFO, 4 * GIB),
        (
            MEMINFO
            | V2
            | {
                "sys/fs/cgroup/pod/job/memory.max": "max\n",
                "sys/fs/cgroup/pod/job/memory.current": f"{GIB}\n",
                "sys/fs/cgroup/pod/job/memory.stat": "anon 5\n",
            },
            4 * GIB,
        ),
        # The page cache of the group can be had.
        (
            MEMINFO
            | V2
            | {
                "sys/fs/cgroup/pod/job/memory.max": f"{2 * GIB}\n",
                "sys/fs/cgroup/pod/job/memory.current": f"{GIB}\n",
                "sys/fs/cgroup/pod/job/memory.stat": "active_file 100\ninactive_file 20\n",
            },
            GIB + 120,
        ),
        (
            MEMINFO
            | V1
            | {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB - 7}\n",
                "sys/fs/cgroup/memory/memory.stat": "total_active_file 3\nactive_file 9\n",
            },
            10,
        ),
        # Over its limit there is none.
        (
            V2
            | {
                "sys/fs/cgroup/pod/memory.max": "1000\n",
                "sys/fs/cgroup/pod/memory.current": "2000\n",
                "sys/fs/cgroup/pod/memory.stat": "",
            },
            0,
        ),
    ],
)
def test_free_memory_is_what_the_tightest_limit_leaves(
    tmp_path: Path, files: Mapping[str, str], free_bytes: int | None
) -> None:
    assert available_bytes(made(tmp_path, files)) == free_bytes


def test_the_address_space_counts_as_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, MEMINFO | {"proc/self/statm": "1000 500 100 1 0 700 0\n"})
    limits = {resource.RLIMIT_AS: 5000, resource.RLIMIT_DATA: 2000}
    page = resource.getpagesize()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limits[which] * page, 0))
    assert available_bytes(tmp_path) == 1300 * page
    limits[resource.RLIMIT_DATA] = 10**9
    assert available_bytes(tmp_path) == 4000 * page


@pytest.mark.parametrize(
    ("free_bytes", "threads"), [(None, 64), (math.inf, 64), (4 * GIB, 20), (1, 1), (0, 1)]
)
def test_threads_take_half_of_the_free_memory_and_there_is_always_one(
    monkeypatch: pytest.MonkeyPatch, free_bytes: int | None, threads: int
) -> None:
    value = None if free_bytes is None else int(min(free_bytes, 1 << 60))
    monkeypatch.setattr(machine, "available_bytes", lambda root: value)
    assert affordable_threads(64, 100 << 20) == threads


def test_too_small_an_address_space_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1 << 27, 1 << 27))
    with pytest.raises(StoreffError, match="134 MB"):
        check_address_space()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    check_address_space()


def test_a_scan_in_too_small_an_address_space_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    limits = (256 << 20, resource.RLIM_INFINITY)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storeff", "scan", str(tmp_path), "-q"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
    )
    assert done.returncode == 1
    assert done.stdout == ""
    message, remedy = done.stderr.splitlines()
    assert "268 MB" in message
    assert "ulimit -v" in remedy
