"""Running out of memory costs the file that was open, nothing else."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, resource
from storeff._native import Scanner

scanner = Scanner([(8, 8, 1 << 30, False)], 1)
data = os.urandom(16 << 20)
scanner.begin(1)
with open("/proc/self/statm") as statm:
    used_bytes = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used_bytes + (64 << 20), resource.RLIM_INFINITY))
try:
    scanner.span(data, len(data), True)
except MemoryError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    scanner.end()
except ValueError as error:
    print(error)
scanner.abort()
before = scanner.export(0)
scanner.begin(1)
scanner.span(data[-80:], 80, True)
scanner.end()
after = scanner.export(0)
print(len(before["sizes"]) == before["counts"].sum() > 100_000)
print(len(after["sizes"]) - len(before["sizes"]), after["chunks"] - before["chunks"])
"""


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="ASan needs all addresses")
def test_a_sketch_that_cannot_grow() -> None:
    command = [sys.executable, "-P", "-c", SCRIPT]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines() == [
        "out of memory",
        "the last span failed: only sf_abort may follow",
        "True",
        "10 10",
    ]
