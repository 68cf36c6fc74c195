"""The native tests pass in an extension built with AddressSanitizer and UBSan."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Loaded by the inner pytest before any test: the tests must meet the sanitized build, and few
# examples are enough, for here the sanitizers judge, not the oracle.
PLUGIN = """
import ctypes
from pathlib import Path

from hypothesis import settings

from storeff import _native

assert Path(_native.__file__).parents[1] == Path(__file__).parent, _native.__file__
assert b"__asan_report_load8" in Path(_native.__file__).read_bytes()
assert b"__ubsan_handle" in Path(_native.__file__).read_bytes()
assert ctypes.CDLL(None).__asan_init

settings.register_profile("sanitized", max_examples=25, deadline=None, database=None)
settings.load_profile("sanitized")
"""


def sanitizer_runtimes() -> list[str]:
    """Paths of the runtimes to preload: the interpreter itself is not sanitized."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc to build with sanitizers")
    paths = []
    for name in ("libasan.so", "libubsan.so"):
        command = [compiler, f"-print-file-name={name}"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not os.path.isabs(found):
            pytest.skip(f"gcc has no {name}")
        paths.append(found)
    return paths


def run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    finished = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, (finished.stdout + finished.stderr)[-5000:]


def test_native_tests_under_sanitizers(tmp_path: Path) -> None:
    runtimes = sanitizer_runtimes()
    for name in ("storeff", "csrc"):
        unbuilt = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unbuilt)
    tests = [ROOT / "tests" / "oracle.py", *sorted((ROOT / "tests").glob("test_native_*.py"))]
    (tmp_path / "tests").mkdir()
    for path in tests:
        shutil.copy(path, tmp_path / "tests")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "sanitized.py").write_text(PLUGIN)

    run(
        [sys.executable, "setup.py", "build_ext", "--inplace"],
        tmp_path,
        {"STOREFF_SANITIZE": "address,undefined", "CC": "gcc"},
    )
    run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            # The report of a sanitizer goes past pytest, which dies with it.
            "--capture=sys",
            "-p",
            "sanitized",
            "-p",
            "no:cacheprovider",
            "tests",
        ],
        tmp_path,
        {
            "LD_PRELOAD": " ".join(runtimes),
            # What the interpreter leaks at exit is not ours; its own allocator hides overflows.
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONMALLOC": "malloc",
        },
    )
