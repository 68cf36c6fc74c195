"""walk(): every stored byte once, everything else named, nothing dangerous touched."""

import contextlib
import gc
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.listings import Item, each

from storeff.errors import StoreffError
from storeff.sources import walk
from storeff.sources.entry import Entries, Entry
from storeff.sources.levels import Levels
from storeff.sources.links import Links
from storeff.sources.mounts import Mounts
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.tree import LocalTree, exclusion
from storeff.sources.views import Identity, Views


def walked(
    *roots: Path, one_file_system: bool = False, exclude: tuple[str, ...] = ()
) -> list[Item]:
    tree = LocalTree(roots, one_file_system=one_file_system, exclude=exclude)
    return list(each(tree.list()))


def entries(found: list[Item]) -> list[str]:
    """The relative paths of files."""
    return sorted(os.fsdecode(item.path) for item in found if isinstance(item, Entry))


def left_out(found: list[Item]) -> set[tuple[str, str, int | None]]:
    return {
        (item.reason, os.fsdecode(os.path.basename(item.path)), item.size_bytes)
        for item in found
        if isinstance(item, Skipped | Ignored)
    }


@pytest.fixture
def ordinary_user_dir() -> Iterator[Path]:
    """A directory of an ordinary user, as whom the test runs: root may read anything."""
    with tempfile.TemporaryDirectory() as directory:
        root = os.geteuid() == 0
        if root:
            os.chown(directory, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(directory).resolve()
        finally:
            if root:
                os.seteuid(0)


@pytest.fixture
def open_fds() -> Iterator[None]:
    """Fails a test that leaves a file descriptor open."""
    # What other tests have left to be closed is closed before.
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.usefixtures("open_fds")
def test_an_entry_tells_sizes_and_identity(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 5000)
    status = file.stat()
    assert walked(tmp_path) == [
        Entry(
            b"file",
            (0,),
            5000,
            status.st_blocks * 512,
            (status.st_dev, status.st_ino, status.st_mtime_ns),
        )
    ]


def test_a_root_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert entries(walked(tmp_path / "file")) == ["file"]


def test_a_missing_root_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match=r"no\\u001bthing cannot be scanned"):
        LocalTree([tmp_path / "no\x1bthing"])


def test_a_root_in_a_directory_that_was_deleted_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StoreffError, match="cannot be scanned"):
        LocalTree(["."])


def test_a_root_of_a_very_long_name_is_an_error_in_one_line(tmp_path: Path) -> None:
    for path in ("/" + "d" * 300, "/d" * 3000):
        with pytest.raises(StoreffError, match="name too long") as caught:
            LocalTree([f"{tmp_path}{path}"])
        assert len(caught.value.message) < 300


def test_a_root_that_is_a_symbolic_link_is_followed_and_said(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")
    found = walked(tmp_path / "link")
    assert entries(found) == ["file"]
    assert left_out(found) == {("followed-root", "link", None)}


@pytest.mark.parametrize("order", [["", "a", "a/b", "a", "a/b/file"], ["a/b/file", "a/b", "a", ""]])
def test_nested_and_duplicate_roots_count_nothing_twice(tmp_path: Path, order: list[str]) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("top", "a/middle", "a/b/file", "a/b/other"):
        (tmp_path / name).write_text(name)
    found = walked(*(tmp_path / name for name in order))
    tree = LocalTree([tmp_path / name for name in order])
    named = sorted(os.fsdecode(tree.name(item)) for item in found if isinstance(item, Entry))
    assert named == sorted(
        str(tmp_path / name) for name in ("top", "a/middle", "a/b/file", "a/b/other")
    )
    assert {("nested-root", n, None) for n in ("a", "b", "file")} <= left_out(found)
    assert (("duplicate-root", "a", None) in left_out(found)) == (order.count("a") == 2)


def test_a_root_in_an_excluded_directory_is_measured(tmp_path: Path) -> None:
    (tmp_path / "cache" / "kept").mkdir(parents=True)
    (tmp_path / "cache" / "kept" / "file").touch()
    found = walked(tmp_path, tmp_path / "cache" / "kept", exclude=("cache",))
    assert entries(found) == ["file"]


def test_what_stores_no_bytes_is_set_aside_unopened_and_a_block_device_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may have at most 107 bytes
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    expected: set[tuple[str, str, int | None]] = {("fifo", "fifo", 0), ("socket", "socket", 0)}
    with contextlib.suppress(PermissionError):
        os.mknod("null", 0o20666, os.makedev(1, 3))
        expected.add(("character-device", "null", 0))
        os.mknod("disk", 0o60600, os.makedev(7, 0))
        expected.add(("device", "disk", None))
    found = walked(tmp_path)
    assert left_out(found) == expected
    assert {item.reason for item in found if isinstance(item, Skipped)} <= {"device"}


def test_an_empty_name_is_no_root() -> None:
    with pytest.raises(StoreffError, match="empty"):
        LocalTree([""])


def test_a_root_above_where_a_link_leads_is_found(tmp_path: Path) -> None:
    (tmp_path / "real" / "in").mkdir(parents=True)
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real/in")
    assert entries(walked(Path(f"{tmp_path}/link/.."))) == ["file"]


def test_a_pipe_as_a_root_is_an_error_at_once() -> None:
    """As the shell names one for <(command)."""
    read, write = os.pipe()
    with pytest.raises(StoreffError, match="it is a FIFO"):
        LocalTree([f"/dev/fd/{read}"])
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("kind", ["FIFO", "socket", "character device", "block device"])
def test_a_root_that_is_neither_file_nor_directory_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        if kind == "FIFO":
            os.mkfifo("it")
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind("it")
        else:
            mode, minor = (0o20666, 3) if kind == "character device" else (0o60600, 0)
            os.mknod("it", mode, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("devices cannot be made here")
    with pytest.raises(StoreffError, match=f"cannot be scanned: it is a {kind}") as caught:
        LocalTree([tmp_path, "it"])
    assert caught.value.remedy


def test_a_file_with_several_names_is_one_entry(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    for name in ("b", "c"):
        os.link(tmp_path / "a", tmp_path / name)
    found = walked(tmp_path)
    assert len(entries(found)) == 1
    assert [(i.reason, i.size_bytes) for i in found if isinstance(i, Ignored)] == [
        ("hard-link", 5),
        ("hard-link", 5),
    ]


def test_an_inode_is_forgotten_once_all_its_names_were_met(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("in/all", "in/some"):
        (tmp_path / name).touch()
    os.link(tmp_path / "in" / "all", tmp_path / "in" / "all2")
    os.link(tmp_path / "in" / "some", tmp_path / "outside")
    inside = (tmp_path / "in").stat()
    roots = {os.fsencode(tmp_path / "in"): (inside.st_dev, inside.st_ino)}
    prefixes = [os.path.join(os.fsencode(tmp_path), b"in/")]
    views = Views(roots, prefixes, Mounts([]), None, False)
    walker = walk.Walker(views, Links(views, follow=False))
    assert len(list(each(walker.run()))) == 3
    status = (tmp_path / "outside").stat()
    [(identity, (names_left, entry))] = walker.several.items()
    assert identity == (status.st_dev, status.st_ino)
    assert (names_left, entry.path) == (1, b"some")


def test_names_of_any_bytes_are_walked(tmp_path: Path) -> None:
    names = [
        b"new\nline",
        b"\xff\xfe",
        b"esc\x1b[31m",
        b"--help",
        b" ",
        b"\xe2\x80\xaegnp",
        b"n" * 255,
    ]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    assert sorted(os.path.basename(i.path) for i in walked(tmp_path)) == sorted(names)


def test_bytes_roots_are_walked(tmp_path: Path) -> None:
    root = os.path.join(os.fsencode(tmp_path), b"\xff")
    os.mkdir(root)
    os.mknod(os.path.join(root, b"f"))
    found = each(LocalTree([root]).list())
    assert [item.path for item in found] == [b"f"]


@pytest.mark.usefixtures("open_fds")
def test_300_levels_are_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "leaf").touch()
    assert entries(walked(tmp_path)) == [str((deep / "leaf").relative_to(tmp_path))]


@pytest.mark.usefixtures("open_fds")
def test_a_walk_given_up_closes_its_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "FILES_TOGETHER", 1)
    gc.collect()
    opened = len(os.listdir("/proc/self/fd"))
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    found = LocalTree([tmp_path]).list()
    assert isinstance(next(found), Entries)
    assert len(os.listdir("/proc/self/fd")) == opened + 3
    assert isinstance(found, Iterator)
    found.close()  # type: ignore[attr-defined]


def test_paths_beyond_the_systems_limit_are_listed_with_their_size(tmp_path: Path) -> None:
    name = "d" * 250
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    leaf = os.open("leaf", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
    os.write(leaf, b"123")
    os.close(leaf)
    os.close(fd)
    [entry] = walked(tmp_path)
    assert isinstance(entry, Entry)
    assert (len(entry.path) > 4096, entry.size_bytes) == (True, 3)


def test_unreadable_directories_are_refused_and_the_rest_goes_on(ordinary_user_dir: Path) -> None:
    for name in ("noread", "noenter", "fine"):
        (ordinary_user_dir / name).mkdir()
        (ordinary_user_dir / name / f"{name}.txt").touch()
    (ordinary_user_dir / "noread").chmod(0)
    (ordinary_user_dir / "noenter").chmod(0o600)
    found = walked(ordinary_user_dir)
    for name in ("noread", "noenter"):
        (ordinary_user_dir / name).chmod(0o700)
    assert entries(found) == ["fine/fine.txt"]
    assert left_out(found) == {("permission", "noread", None), ("permission", "noenter.txt", None)}


def test_an_unreadable_root_is_refused(ordinary_user_dir: Path) -> None:
    (ordinary_user_dir / "root").mkdir(mode=0)
    assert left_out(walked(ordinary_user_dir / "root")) == {("permission", "root", None)}


def before_entering(
    monkeypatch: pytest.MonkeyPatch, directory: str, act: Callable[[bytes], None]
) -> None:
    """Let ``act`` happen between the listing of ``directory`` and its opening."""
    enter = Levels.enter

    def act_then_enter(
        levels: Levels, name: bytes, identity: Identity, roots: tuple[int, ...]
    ) -> None:
        if name == os.fsencode(directory):
            act(levels.prefix + name)
        enter(levels, name, identity, roots)

    monkeypatch.setattr(Levels, "enter", act_then_enter)


def test_a_directory_swapped_for_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (tmp_path / "root" / "directory").mkdir(parents=True)

    def swap(path: bytes) -> None:
        os.rmdir(path)
        os.symlink(tmp_path / "outside", path)

    before_entering(monkeypatch, "directory", swap)
    assert left_out(walked(tmp_path / "root")) == {("changed", "directory", None)}


def test_a_directory_deleted_under_the_walk_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "directory").mkdir()
    before_entering(monkeypatch, "directory", os.rmdir)
    assert left_out(walked(tmp_path)) == {("vanished", "directory", None)}


# Excludes


@pytest.mark.parametrize(
    ("pattern", "path", "is_directory", "expected"),
    [
        ("*.tmp", "a/b.tmp", False, True),
        ("*.tmp", "a.tmp/b", False, False),
        ("b*d", "b/cd", False, False),
        ("/a", "a", False, True),
        ("/a", "x/a", False, False),
        ("a/*.txt", "a/x.txt", False, True),
        ("a/*.txt", "b/a/x.txt", False, False),
        ("**/a/x", "b/a/x", False, True),
        ("**/a/x", "a/x", False, True),
        ("build/", "x/build", True, True),
        ("build/", "x/build", False, False),
        ("a/build/", "a/build", True, True),
        ("*.TMP", "a.tmp", False, False),
        ("[ab].x", "b.x", False, True),
        ("?.x", "\udcff.x", False, True),
        ("a.b", "axb", False, False),
        ("x\ny", "x\ny", False, True),
    ],
)
def test_exclude_globs(pattern: str, path: str, is_directory: bool, expected: bool) -> None:
    excluded = exclusion([pattern, "never"])
    assert excluded(path.rpartition("/")[2], path, is_directory) is expected


def test_excluded_things_are_ignored_and_not_entered(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file").touch()
    (tmp_path / "a.tmp").write_bytes(b"123")
    (tmp_path / "kept").touch()
    found = walked(tmp_path, exclude=("cache", "*.tmp"))
    assert entries(found) == ["kept"]
    assert left_out(found) == {("excluded", "cache", None), ("excluded", "a.tmp", 3)}


def test_excluded_paths_begin_at_each_root(tmp_path: Path) -> None:
    for name in ("a/b/x", "a/b/c/x", "b/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = walked(tmp_path, tmp_path / "a", exclude=("/b/x", "a/b/c/"))
    assert entries(found) == ["b/c/x"]
    assert [item.path for item in found if item == Ignored("excluded", item.path, 0)] == [
        os.fsencode(tmp_path / "b" / "x"),
        os.fsencode(tmp_path / "a" / "b" / "x"),
    ]
