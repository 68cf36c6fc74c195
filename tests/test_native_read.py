"""Reading: whole small files into an arena, large ones span by span, as if the bytes were given."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.native import SEED, WHOLE, assert_is_the_oracles, contents, profiles
from support.native import File as FileOfSegments

from storeff import _native
from storeff._native import Scanner
from storeff.sources.entry import Entries, Entry
from storeff.sources.local_file import open_unchanged
from storeff.sources.source import HOLE_BYTES

if TYPE_CHECKING:
    from storeff._native import Content

File = tuple[bytes, int, int, int, int, int, int, int]
"""Path, device, inode, modification time in ns, size, and what to read: start, end, head."""

RANDOM = random.Random(5).randbytes(300_000)


def file(path: Path) -> File:
    status = os.lstat(path)
    identity = status.st_dev, status.st_ino
    return os.fsencode(path), *identity, status.st_mtime_ns, status.st_size, 0, status.st_size, 0


def read_files(
    files: list[File], hole_bytes: int, arena: bytearray
) -> list[tuple[int, int, int, int, int]]:
    """Outcome, offset in the arena, bytes of the head, bytes of data and errno of each."""
    listed = Entries.of(
        Entry(path, (0,), size_bytes, 0, (device, inode, mtime_ns))
        for path, device, inode, mtime_ns, size_bytes, *_ in files
    )
    bounds = np.array([each[-3:] for each in files], _native.RANGE_FIELDS)
    folders = [path for _, path in listed.folders]
    read = _native.read_files(listed.rows, bounds, listed.names, folders, hole_bytes, arena)
    columns = ("outcome", "offset", "head_length", "length", "error_number")
    return list(zip(*(read[column].tolist() for column in columns), strict=True))


def written(path: Path, content: bytes) -> File:
    path.write_bytes(content)
    return file(path)


def whole_content(offset: int, length: int, labels: int = 1, number: int = 0) -> Content:
    return offset, length, labels, number, 0, 0, length, 0.0


# ---- span by span ----


def feed_file(
    scanner: Scanner, fd: int, length: int, call_bytes: int, buffer: bytearray, read_bytes: int
) -> None:
    position = 0
    while True:
        end = min(length, position + call_bytes)
        position, error = scanner.feed(fd, position, end, end == length, buffer, read_bytes)
        assert not error
        if position == length:
            return


@given(
    plan=st.lists(profiles().map(lambda p: (*p, 100, False)), min_size=1, max_size=3),
    data=contents(),
    call_bytes=st.integers(1, 90),
    read_bytes=st.integers(1, 50),
    spare_bytes=st.integers(1, 60),
)
def test_feeding_a_file_is_spanning_its_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    plan: list[tuple[int, int, int, bool]],
    data: bytes,
    call_bytes: int,
    read_bytes: int,
    spare_bytes: int,
) -> None:
    path = tmp_path_factory.mktemp("feed") / "file"
    path.write_bytes(data)
    scanner = Scanner(plan, SEED)
    fd = os.open(path, os.O_RDONLY)
    scanner.begin(1)
    buffer = bytearray(scanner.buffer_bytes_min + spare_bytes)
    feed_file(scanner, fd, len(data), call_bytes, buffer, read_bytes)
    scanner.end()
    os.close(fd)
    assert_is_the_oracles(scanner, plan, [(1, [data])], lambda number: (0, 0))


def test_feed_tells_that_the_file_ended_and_keeps_what_there_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(RANDOM[:10_000])
    scanner = Scanner([(6, 11, 5000, False)], SEED)
    scanner.begin(1)
    buffer = bytearray(8192)
    with open(path, "rb") as file:
        position, error = scanner.feed(file.fileno(), 0, 20_000, True, buffer, 4096)
        assert (position, error) == (10_000, _native.FILE_ENDED)
        scanner.feed(file.fileno(), position, position, True, buffer, 4096)
    scanner.end()
    files: list[FileOfSegments] = [(1, [RANDOM[:10_000]])]
    assert_is_the_oracles(scanner, [(6, 11, 5000, False)], files, lambda number: (0, 0))


def test_feed_gives_the_error_of_a_read(tmp_path: Path) -> None:
    scanner = Scanner([(8, 8, 5, False)], SEED)
    scanner.begin(1)
    fd = os.open(tmp_path, os.O_RDONLY)
    assert scanner.feed(fd, 0, 10, True, bytearray(5000), 10) == (0, errno.EISDIR)
    os.close(fd)
    assert scanner.feed(fd, 0, 10, True, bytearray(5000), 10)[1] == errno.EBADF


def test_a_part_has_the_key_of_a_whole_file(tmp_path: Path) -> None:
    whole = Scanner([WHOLE], SEED)
    whole.begin(1)
    whole.span(RANDOM, len(RANDOM), True)
    whole.skip(7)
    whole.end()
    part = Scanner([WHOLE], SEED)
    part.begin(1)
    part.span(RANDOM, len(RANDOM), True)
    part.skip(7)
    key, data_bytes, zero_bytes = part.end_part()
    assert (data_bytes, zero_bytes) == (len(RANDOM), 0)
    assert list(oracle.key_of(key)) == whole.export(0)["keys"].tolist()[0]
    assert part.export(0)["chunks"] == 0


# ---- whole files ----


@given(
    plan=st.lists(profiles().map(lambda p: (*p, 100, False)), min_size=1, max_size=3),
    files=st.lists(st.tuples(st.sampled_from([1, 2, 1 << 63]), contents()), max_size=5),
    gap=st.integers(0, 3),
)
def test_scanning_contents_is_scanning_the_files(
    plan: list[tuple[int, int, int, bool]], files: list[tuple[int, bytes]], gap: int
) -> None:
    arena = bytearray()
    rows: list[Content] = []
    for labels, data in files:
        rows.append(whole_content(len(arena), len(data), labels, len(rows)))
        arena += data + b"\xee" * gap
    plan = [*plan, WHOLE]
    scanner = Scanner(plan, SEED)
    scanner.scan_contents(arena, rows)
    files_read: list[FileOfSegments] = [(labels, [data]) for labels, data in files]
    assert_is_the_oracles(scanner, plan, files_read, lambda number: (number, 0))


@pytest.mark.parametrize("row", [(0, 11, 1), (11, 0, 1), (5, 6, 1), (2**63, 2**63, 1), (0, 1, 0)])
def test_contents_outside_the_arena(row: tuple[int, int, int]) -> None:
    scanner = Scanner([(8, 8, 5, False)], SEED)
    with pytest.raises(ValueError, match=r"outside the arena|label"):
        scanner.scan_contents(bytes(10), [whole_content(0, 10), whole_content(*row)])
    assert scanner.export(0)["chunks"] == 0


@given(sizes=st.lists(st.integers(0, 40), max_size=6), arena_bytes=st.integers(0, 100))
def test_files_are_read_while_they_fit(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], arena_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    files = [written(folder / f"{i}", RANDOM[i : i + n]) for i, n in enumerate(sizes)]
    arena = bytearray(arena_bytes)
    reads = read_files(files, HOLE_BYTES, arena)
    fitting = [n for i, n in enumerate(sizes) if sum(sizes[: i + 1]) <= arena_bytes]
    assert [length for _, _, _, length, _ in reads] == fitting
    for i, (outcome, offset, _, length, error) in enumerate(reads):
        assert (outcome, error) == (_native.READ, 0)
        assert arena[offset : offset + length] == RANDOM[i : i + sizes[i]]


def replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(RANDOM[:100])
    path.with_suffix(".new").rename(path)


def link(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".old"))


def become_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "outcome", "length", "error"),
    [
        (lambda path: None, _native.READ, 100, 0),
        (lambda path: os.utime(path, (1, 1)), _native.READ_CHANGED, 100, 0),
        (lambda path: os.truncate(path, 30), _native.READ_CHANGED, 30, 0),
        (lambda path: os.truncate(path, 300), _native.READ_CHANGED, 100, 0),
        (replace, _native.REPLACED, 0, 0),
        (link, _native.UNREADABLE, 0, errno.ELOOP),
        (os.unlink, _native.UNREADABLE, 0, errno.ENOENT),
        (become_a_fifo, _native.REPLACED, 0, 0),
    ],
)
def test_what_became_of_a_file_since_it_was_listed(
    tmp_path: Path, change: Callable[[Path], object], outcome: int, length: int, error: int
) -> None:
    files = [written(tmp_path / "a", RANDOM[:100]), written(tmp_path / "b", b"b")]
    change(tmp_path / "a")
    first, second = read_files(files, HOLE_BYTES, bytearray(1000))
    assert (first[0], first[3], first[4]) == (outcome, length, error)
    assert (second[0], second[3]) == (_native.READ, 1)


@pytest.mark.parametrize(
    "mtime_seconds",
    [
        *(-(2**63), -(2**40), -62_135_596_800, -1, 0, 9_223_372_036, 9_223_372_037),
        *(253_402_300_799, 2**62, 2**63 - 1),
    ],
)
@pytest.mark.parametrize("mtime_nanoseconds", [0, 1, 999_999_999])
def test_a_file_of_any_date_is_read(
    tmp_path: Path, mtime_seconds: int, mtime_nanoseconds: int
) -> None:
    """Of years 1, 1901, 1969, 2262 and 9999, and as late as a file system holds."""
    listed = written(tmp_path / "a", RANDOM[:100])
    mtime_ns = mtime_seconds * 10**9 + mtime_nanoseconds
    assert (
        read_files([(*listed[:3], mtime_ns, *listed[4:])], HOLE_BYTES, bytearray(1000))[0][0]
        == _native.READ_CHANGED
    )
    try:
        os.utime(tmp_path / "a", ns=(0, mtime_ns))
    except OverflowError:
        return
    assert read_files([file(tmp_path / "a")], HOLE_BYTES, bytearray(1000))[0][0] == _native.READ


def test_files_of_several_folders_are_read_each_from_its_own(tmp_path: Path) -> None:
    files = []
    for i, folder in enumerate("abacab"):
        (tmp_path / folder).mkdir(exist_ok=True)
        files.append(written(tmp_path / folder / f"{i}", folder.encode() * (i + 1)))
    shutil.rmtree(tmp_path / "c")
    arena = bytearray(1000)
    reads = read_files(files, HOLE_BYTES, arena)
    found = [bytes(arena[offset : offset + length]) for _, offset, _, length, _ in reads]
    assert found == [b"a", b"bb", b"aaa", b"", b"aaaaa", b"bbbbbb"]
    assert reads[3][::4] == (_native.UNREADABLE, errno.ENOENT)


def test_a_folder_that_may_not_be_entered_costs_its_files_only() -> None:
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("closed", "open"):
            Path(folder, name).mkdir()
        files = [written(Path(folder, name, "file"), b"x") for name in ("closed", "open")]
        Path(folder, "closed").chmod(0)
        if is_root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            closed, opened = read_files(files, HOLE_BYTES, bytearray(10))
        finally:
            if is_root:
                os.seteuid(0)
            Path(folder, "closed").chmod(0o700)
    assert (closed[0], closed[4]) == (_native.UNREADABLE, errno.EACCES)
    assert (opened[0], opened[3]) == (_native.READ, 1)


def test_rows_that_lie_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    listed = Entries.of([Entry(b"file", (0,), 1, 0, (0, 0, 0))])
    bounds = np.zeros(1, _native.RANGE_FIELDS)
    folders = [bytes(tmp_path) + b"/"]
    arena = bytearray(10)
    read = _native.read_files
    with pytest.raises(ValueError, match="a range for each"):
        read(listed.rows, bounds[:0], listed.names, folders, HOLE_BYTES, arena)
    with pytest.raises(ValueError, match="no folder"):
        read(listed.rows, bounds, listed.names, [], HOLE_BYTES, arena)
    for names in (b"", b"fil"):
        with pytest.raises(ValueError, match="outside the names"):
            read(listed.rows, bounds, names, folders, HOLE_BYTES, arena)
    with pytest.raises(ValueError, match="NUL"):
        read(listed.rows, bounds, b"filename", folders, HOLE_BYTES, arena)
    bounds["start"] = 1
    with pytest.raises(ValueError, match="no part"):
        read(listed.rows, bounds, listed.names, folders, HOLE_BYTES, arena)
    with pytest.raises(ValueError, match="are needed"):
        read(listed.rows, listed.rows, listed.names, folders, HOLE_BYTES, arena)


def openat2_is_known() -> bool:
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(re.sub(r"\D.*", "", minor))) >= (5, 6)


@pytest.mark.skipif(not openat2_is_known(), reason="Linux before 5.6 follows links on the way")
def test_a_directory_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    for name in ("directory", "other"):
        (tmp_path / name).mkdir()
    listed = written(tmp_path / "directory" / "file", b"x")
    os.link(tmp_path / "directory" / "file", tmp_path / "other" / "file")
    (tmp_path / "directory").rename(tmp_path / "moved")
    (tmp_path / "directory").symlink_to("other")
    outcome, _, _, length, error = read_files([listed], HOLE_BYTES, bytearray(10))[0]
    assert (outcome, length, error) == (_native.UNREADABLE, 0, errno.ELOOP)


def test_a_file_below_a_name_that_is_too_long_is_not_found(tmp_path: Path) -> None:
    listed = written(tmp_path / "a", b"x")
    for path in (b"/" + b"d" * 5000, b"d" * 5000, b"/tmp/" + b"d" * 300 + b"/x" * 3000):
        read = read_files([(path, *listed[1:])], HOLE_BYTES, bytearray(10))[0]
        assert (read[0], read[4]) == (_native.UNREADABLE, errno.ENAMETOOLONG)
        with pytest.raises(OSError, match="too long"):
            open_unchanged(path, listed[1], listed[2], stat.S_IFREG)


def test_a_file_with_holes_is_left_to_others(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as written_to:
        written_to.truncate(1 << 20)
        written_to.seek(900_000)
        written_to.write(b"end")
    sparse = file(tmp_path / "sparse")
    assert read_files([sparse], HOLE_BYTES, bytearray(2 << 20))[0][0] == _native.SPARSE
    assert read_files([sparse], 2 << 20, bytearray(2 << 20))[0][0] == _native.READ


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    unreadable = written(tmp_path / "secret", b"x")
    (tmp_path / "secret").chmod(0)
    assert read_files([unreadable], HOLE_BYTES, bytearray(10))[0][::4] == (
        _native.UNREADABLE,
        errno.EACCES,
    )
