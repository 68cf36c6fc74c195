"""Directories, listed natively: plain files as rows, everything else by name."""

import errno
import os
import socket
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff._native import DirectoryListing, path_numbers
from storeff.sources.entry import LISTED, Entries, Entry

NONE = np.empty(0, np.uint64)
NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda name: not {*b"/\0"} & {*name} and name not in (b".", b"..")
)
Listed = dict[bytes, tuple[int, int, int, int, int]]


def listed_of(rows: npt.NDArray[np.void], names: bytes) -> Listed:
    """By name: device, inode, size, allocated bytes and modification time in ns."""
    found: Listed = {}
    for row in rows:
        start, length = int(row["name_start"]), int(row["name_bytes"])
        assert names[start + length] == 0
        times = int(row["mtime_seconds"]) * 10**9 + int(row["mtime_nanoseconds"])
        columns = ("device", "inode", "size_bytes", "allocated_bytes")
        values = [int(row[column]) for column in columns]
        found[names[start : start + length]] = values[0], values[1], values[2], values[3], times
    return found


def status_of(path: bytes) -> tuple[int, int, int, int, int]:
    """The same by the system's own word."""
    status = os.lstat(path)
    sizes = status.st_size, status.st_blocks * 512
    return status.st_dev, status.st_ino, *sizes, status.st_mtime_ns


def list_all(
    path: Path,
    looks: bool = True,
    special: npt.NDArray[np.uint64] = NONE,
    device: int | None = None,
) -> tuple[Listed, dict[bytes, int]]:
    """The plain files in ``path``, and the types of everything else by name."""
    listing = DirectoryListing()
    others: list[bytes] = []
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        on_device = os.fstat(fd).st_dev if device is None else device
        ended = False
        while not ended:
            more, ended = listing.read(fd, looks, on_device, 7, special)
            others += more
        assert listing.read(fd, looks, on_device, 7, special) == ([], True)
    finally:
        os.close(fd)
    count = len(listing)
    rows, names = listing.take()
    assert rows.dtype == LISTED
    assert len(rows) == count
    assert {*rows["folder"].tolist()} <= {7}
    assert len(listing) == 0
    assert (len(listing.take()[0]), listing.take()[1]) == (0, b"")
    found = listed_of(rows, names)
    assert len(found) == count
    return found, {other[1:]: other[0] - 1 for other in others}


@given(names=st.sets(NAMES, max_size=30))
def test_plain_files_are_rows_whatever_their_names(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    for i, name in enumerate(sorted(names)):
        path = os.path.join(bytes(folder), name)
        with open(path, "wb") as file:
            file.write(b"x" * (i * 797))
        os.utime(path, ns=(0, (i - 3) * 10**17 + i))
    found, others = list_all(folder)
    assert others == {}
    assert found == {name: status_of(os.path.join(bytes(folder), name)) for name in names}


def test_a_directory_of_many_names_is_listed_some_at_a_time(tmp_path: Path) -> None:
    for i in range(5000):
        (tmp_path / f"{i:0100}").touch()
    listing = DirectoryListing()
    fd = os.open(tmp_path, os.O_RDONLY)
    counts = [0]
    while not listing.read(fd, True, os.fstat(fd).st_dev, len(counts), NONE)[1]:
        counts.append(len(listing))
    os.close(fd)
    assert 0 < min(np.diff(counts)) <= max(np.diff(counts)) < 1000
    rows, names = listing.take()
    assert {*listed_of(rows, names)} == {f"{i:0100}".encode() for i in range(5000)}
    assert np.bincount(rows["folder"])[1:].tolist() == np.diff(counts).tolist()


def test_what_is_not_plain_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("plain", "special", "named", "target"):
        (tmp_path / name).write_bytes(name.encode())
    os.link("named", "again")
    os.symlink("target", "link")
    os.symlink("nowhere", "dangling")
    os.mkdir("directory")
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    inode = os.stat("special").st_ino
    special = np.array(sorted({1, inode, inode + 10**6, 2**64 - 1}), np.uint64)
    found, others = list_all(tmp_path, special=special)
    assert {*found} == {b"plain", b"target"}
    kinds = {b"directory": stat.S_IFDIR, b"fifo": stat.S_IFIFO, b"socket": stat.S_IFSOCK}
    kinds |= dict.fromkeys((b"link", b"dangling"), stat.S_IFLNK)
    kinds |= dict.fromkeys((b"special", b"named", b"again"), stat.S_IFREG)
    # A file system need not say what an entry is.
    assert {name: kind << 12 for name, kind in others.items() if kind} == {
        name: kind for name, kind in kinds.items() if others[name]
    }
    assert {*others} == {*kinds}


def test_files_of_another_device_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found, others = list_all(tmp_path, device=os.stat(tmp_path).st_dev + 1)
    assert (found, {*others}) == ({}, {b"file"})


def test_without_looking_all_is_left_to_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "c")
    found, others = list_all(tmp_path, looks=False)
    assert (found, {*others}) == ({}, {b"a", b"b", b"c"})


def test_files_that_may_not_be_looked_at_are_left_to_others() -> None:
    """A directory that may be listed, not entered: by an ordinary user, as root may enter any."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file").touch()
        os.chmod(folder, 0o600)
        if is_root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            found, others = list_all(Path(folder))
        finally:
            if is_root:
                os.seteuid(0)
            os.chmod(folder, 0o700)
    assert (found, {*others}) == ({}, {b"file"})


def look_at(folder: Path, *names: bytes, device: int | None = None) -> tuple[Listed, list[bytes]]:
    """Of ``names`` in ``folder`` the plain files, and all others."""
    listing = DirectoryListing()
    on_device = os.stat(folder.parent).st_dev if device is None else device
    path = os.path.join(bytes(folder), b"")
    others = listing.look(path, b"".join(name + b"\0" for name in names), on_device, 7, NONE)
    rows, found = listing.take()
    assert {*rows["folder"].tolist()} <= {7}
    # Of what type a name is, nobody has asked.
    assert all(other[0] == 1 for other in others)
    return listed_of(rows, found), [other[1:] for other in others]


def test_only_the_names_that_are_given_are_looked_at(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "directory").mkdir()
    names = b"one", b"three"
    found, others = look_at(tmp_path, b"gone", *names, b"directory")
    assert found == {name: status_of(os.path.join(bytes(tmp_path), name)) for name in names}
    assert others == [b"gone", b"directory"]
    assert look_at(tmp_path) == ({}, [])


def test_what_is_not_plain_or_not_there_is_left_of_the_names(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert look_at(tmp_path, b"file", device=1 + os.stat(tmp_path).st_dev) == ({}, [b"file"])
    assert look_at(tmp_path / "nowhere", b"file") == ({}, [b"file"])
    assert look_at(tmp_path / "file", b"file") == ({}, [b"file"])


def test_a_name_behind_a_path_that_is_too_long_is_not_looked_at(tmp_path: Path) -> None:
    # A path ends at 4,095 bytes; a name may still be found in the directory at its end.
    folder = tmp_path
    while len(bytes(folder)) < 4000 - 200:
        folder /= "d" * 199
    folder /= "d" * (4000 - len(bytes(folder)) - 1)
    folder.mkdir(parents=True)
    fits, above = b"x" * 94, b"x" * 95
    for name in (fits, above):
        descriptor = os.open(folder, os.O_PATH)
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.close(descriptor)
    found, others = look_at(folder, fits, above, device=os.stat(tmp_path).st_dev)
    assert ({*found}, others) == ({fits}, [above])
    with pytest.raises(OSError, match="too long"):
        os.lstat(os.path.join(bytes(folder), above))


def test_a_directory_that_was_deleted_has_no_more_names(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    fd = os.open(tmp_path / "gone", os.O_RDONLY)
    (tmp_path / "gone").rmdir()
    assert DirectoryListing().read(fd, True, 1, 0, NONE) == ([], True)
    os.close(fd)


def test_errors_are_the_systems(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        DirectoryListing().read(fd, True, 1, 0, NONE)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        DirectoryListing().read(fd, True, 1, 0, NONE)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(ValueError, match="folder"):
        DirectoryListing().read(fd, True, 1, 1 << 32, NONE)


def test_threads_list_apart(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"{i}").write_bytes(b"x" * i)
    expected = list_all(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: list_all(tmp_path), range(8)):
            assert found == expected


# ---- numbers of paths ----

PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)


@given(st.lists(st.tuples(st.integers(0, 12), PATHS), max_size=20))
def test_numbers_are_of_the_whole_path(paths: list[tuple[int, bytes]]) -> None:
    entries = Entries.of(Entry(path, (root,), 0, 0, (0, 0, 0)) for root, path in paths)
    prefixes = [b"%d/%b" % (roots[0], folder) for roots, folder in entries.folders]
    found = path_numbers(entries.rows, entries.names, prefixes)
    alone = [Entries.of([entry]) for entry in entries]
    assert found.tolist() == [
        int(path_numbers(one.rows, one.names, [b"%d/" % entry.roots[0] + one.folders[0][1]])[0])
        for entry, one in zip(entries, alone, strict=True)
    ]


def test_rows_that_lie_are_refused() -> None:
    entries = Entries.of([Entry(b"folder/name", (0,), 0, 0, (0, 0, 0))])
    with pytest.raises(ValueError, match="no folder"):
        path_numbers(entries.rows, entries.names, [])
    with pytest.raises(ValueError, match="outside the names"):
        path_numbers(entries.rows, b"nam", [b"folder/"])
    with pytest.raises(ValueError, match="are needed"):
        path_numbers(np.zeros(1, np.uint64).view("V8"), b"", [])
