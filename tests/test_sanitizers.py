"""The native tests pass in an extension built with AddressSanitizer and UBSan, those that use
threads in one built with ThreadSanitizer. A sanitizer ends the tests at the first fault it sees."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.sanitizers import ROOT, fixed_addresses, run, runtime

# Loaded by the inner pytest before any test: the tests must meet the sanitized build, and few
# examples are enough, for here the sanitizers judge, not the oracle.
PLUGIN = """
import ctypes
from pathlib import Path

from hypothesis import settings

from storeff import _native

assert Path(_native.__file__).parents[1] == Path(__file__).parent, _native.__file__
for call in {calls}:
    assert call in Path(_native.__file__).read_bytes(), call
assert ctypes.CDLL(None).{entry}

settings.register_profile("sanitized", max_examples=8, deadline=None, database=None)
settings.load_profile("sanitized")
"""


@dataclass(frozen=True)
class Sanitizer:
    """``flags`` for the compiler; ``runtimes`` to be preloaded, as the interpreter itself is not
    sanitized; ``calls`` that an extension built with it holds; ``entry``, a function of the first
    runtime."""

    flags: str
    runtimes: tuple[str, ...]
    calls: tuple[bytes, ...]
    entry: str
    environment: dict[str, str]


ADDRESSES = Sanitizer(
    flags="address,undefined",
    runtimes=("libasan.so", "libubsan.so"),
    calls=(b"__asan_report_load8", b"__ubsan_handle"),
    entry="__asan_init",
    # What the interpreter leaks at exit is not ours; its own allocator hides overflows.
    environment={"ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"},
)
THREADS = Sanitizer(
    flags="thread",
    runtimes=("libtsan.so",),
    calls=(b"__tsan_write8",),
    entry="__tsan_init",
    # What orders the accesses of the interpreter itself is not seen.
    environment={"TSAN_OPTIONS": "halt_on_error=1 ignore_noninstrumented_modules=1"},
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with the native tests, which finds no other extension than is built in it. One for
    all, as the C that Cython writes does not depend on the sanitizer."""
    directory = tmp_path_factory.mktemp("tree")
    for name in ("storeff", "csrc"):
        unbuilt = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / name, directory / name, ignore=unbuilt)
    shutil.copytree(ROOT / "tests" / "support", directory / "tests" / "support")
    for path in (ROOT / "tests").glob("test_native_*.py"):
        # It only compiles.
        if path.name != "test_native_warnings.py":
            shutil.copy(path, directory / "tests")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return directory


def build(directory: Path, sanitizer: Sanitizer) -> None:
    plugin = PLUGIN.format(calls=sanitizer.calls, entry=sanitizer.entry)
    (directory / "sanitized.py").write_text(plugin)
    run(
        [sys.executable, "setup.py", "build_ext", "--inplace", "--force"],
        directory,
        {"STOREFF_SANITIZE": sanitizer.flags, "CC": "gcc"},
    )


def pytest_under(sanitizer: Sanitizer) -> list[str]:
    """A command that runs the tests in a tree."""
    preload = "LD_PRELOAD=" + " ".join(runtime(name) for name in sanitizer.runtimes)
    # The report of a sanitizer goes past pytest, which dies with it.
    options = ["-q", "-n0", "--capture=sys", "-p", "sanitized", "-p", "no:cacheprovider", "tests"]
    return ["env", preload, sys.executable, "-m", "pytest", *options]


def test_native_tests_under_address_and_undefined_behaviour_sanitizers(tree: Path) -> None:
    command = pytest_under(ADDRESSES)
    build(tree, ADDRESSES)
    run(command, tree, ADDRESSES.environment)


def test_native_tests_with_threads_under_thread_sanitizer(tree: Path) -> None:
    command = [*fixed_addresses(), *pytest_under(THREADS), "-k", "thread"]
    build(tree, THREADS)
    run(command, tree, THREADS.environment)
