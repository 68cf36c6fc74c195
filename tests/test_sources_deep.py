"""Trees of any depth: few descriptors, paths that no system call takes, and every file measured."""

import gc
import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.listings import Item, each
from support.scans import scan

from storeff.scan.plan import Chunker, Plan
from storeff.sources import tree, walk
from storeff.sources.entry import Entry
from storeff.sources.skipped import Skipped
from storeff.sources.source import read_range
from storeff.sources.tree import LocalTree

SMALL = Plan(chunkers=(Chunker("whole-file", "whole", 0, 0, 4096),), probed=())


def dig(top: Path, names: list[str], every: int = 1, content: bytes = b"content") -> int:
    """Directories of ``names`` inside each other, with a file in ``every`` so manieth; how many."""
    files = 0
    fd = os.open(top, os.O_RDONLY)
    for level, name in enumerate(names, 1):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
        if level % every == 0:
            file = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
            os.write(file, content + b"%d" % level)
            os.close(file)
            files += 1
    os.close(fd)
    return files


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory that is removed however deep it is."""
    done = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()).resolve()
    yield path
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """Lets this process have 128 descriptors, and fails a test that leaves one open."""
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(128 + before, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(os.listdir("/proc/self/fd")) == before


def walked(top: Path) -> list[Item]:
    return list(each(LocalTree([top]).list()))


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize("levels", [15, 16, 17, 18, 19, 20, 300, 3000])
def test_every_file_of_a_deep_tree_is_measured(top: Path, levels: int) -> None:
    files = dig(top, ["d"] * levels, every=7)
    measured = scan([top], SMALL, threads=2)
    assert (measured.census.files, measured.census.skipped, measured.coverage) == (files, {}, 1)
    assert len(measured.sketches["whole-file"].sizes) == files


@pytest.mark.usefixtures("few_descriptors")
def test_files_are_read_at_paths_that_are_too_long_for_the_system(top: Path) -> None:
    files = dig(top, ["d" * 250] * 40)
    found = walked(top)
    assert max(len(item.path) for item in found) > 2 * 4096
    measured = scan([top], SMALL)
    assert (measured.census.files, measured.census.skipped) == (files, {})
    for item in found:
        assert isinstance(item, Entry)
        with LocalTree([top]).open(item) as reader:
            assert read_range(reader, 0, 7) == b"content"


@pytest.mark.usefixtures("few_descriptors")
def test_a_large_file_at_a_path_too_long_for_the_system_is_measured(top: Path) -> None:
    dig(top, ["d" * 250] * 20, every=20, content=random.Random(1).randbytes(3 << 20))
    measured = scan([top], SMALL)
    assert (measured.census.files, measured.coverage) == (1, 1)
    assert measured.read_bytes == measured.census.size_bytes > 3 << 20


@pytest.mark.usefixtures("few_descriptors")
def test_branches_of_a_deep_tree_are_all_walked(top: Path) -> None:
    """Ways down that part at every level, and others that part far below."""
    trunk = [f"t{i}" for i in range(60)]
    dig(top, trunk)
    fd = os.open(top, os.O_RDONLY)
    for name in trunk:
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
        for side in ("a", "b"):
            os.makedirs(f"/proc/self/fd/{fd}/{side}/x/y/z")
            Path(f"/proc/self/fd/{fd}/{side}/x/y/z/leaf").touch()
    os.close(fd)
    found = walked(top)
    assert sorted(os.path.basename(item.path) for item in found) == [b"f"] * 60 + [b"leaf"] * 120
    assert len({item.path for item in found}) == 180


@pytest.mark.usefixtures("few_descriptors")
def test_a_directory_moved_while_the_walk_is_in_it_costs_nothing_else(top: Path) -> None:
    for side in ("left", "right"):
        (top / side).mkdir()
        dig(top / side, ["d"] * 40, every=40)
    deep = top.joinpath("left", *["d"] * 25)
    for name in ("a", "b", "c"):
        (deep / name / "in").mkdir(parents=True)
        (deep / name / "in" / "g").touch()
    moved = False
    names = []
    for item in each(LocalTree([top]).list()):
        assert isinstance(item, Entry)
        names.append(os.path.basename(item.path))
        if not moved and names[-1] == b"g":
            above = os.path.dirname(os.path.dirname(item.path))
            os.rename(top / os.fsdecode(above), top / "moved")
            moved = True
    assert sorted(name for name in names if name == b"f") == [b"f"] * 2
    assert names.count(b"g") >= 3


def test_what_is_deeper_than_any_path_may_be_is_refused_with_its_bytes(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dig(top, ["d"] * 50, every=10)
    limit = len(os.fsencode(top)) + len("/d") * 30
    monkeypatch.setattr(walk, "PATH_BYTES_MAX", limit)
    found = walked(top)
    refused = [(i.reason, i.size_bytes) for i in found if isinstance(i, Skipped)]
    assert refused == [("too-long-path", 9), ("too-long-path", None)]
    assert len([i for i in found if isinstance(i, Entry)]) == 2


def test_coverage_is_not_complete_if_a_directory_was_not_entered(top: Path) -> None:
    (top / "secret").mkdir(mode=0)
    (top / "file").write_bytes(b"123")
    code = (
        "import os, sys\n"
        "from storeff.scan.codecs import CODECS, codec\n"
        "from storeff.scan.plan import Plan\n"
        "from storeff.scan.run import scan\n"
        "from storeff.sources.tree import LocalTree\n"
        # Loaded while that is allowed: another user may not see where they are installed.
        "codecs = [codec(name) for name in CODECS]\n"
        "os.geteuid() or os.setuid(65534)\n"
        "measured = scan(LocalTree([sys.argv[1]]), Plan())\n"
        "print(measured.coverage < 1, measured.read_bytes, *measured.census.skipped)\n"
    )
    top.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, top],
        env={**os.environ, "PYTHONPATH": str(Path(tree.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("True 3 permission\n", "")
