"""Mounts: mountinfo as the kernel writes it, and every file once, however often it is mounted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.listings import Item, each

from storeff.sources import tree
from storeff.sources.entry import Entry
from storeff.sources.mounts import Mount, Mounts, overlay_layers, parse_mounts, read_mounts
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.tree import LocalTree


def walked(root: Path, *, one_file_system: bool = False) -> list[Item]:
    return list(each(LocalTree([root], one_file_system=one_file_system).list()))


def entries(found: list[Item]) -> list[str]:
    return sorted(os.fsdecode(item.path) for item in found if isinstance(item, Entry))


def left_out(found: list[Item]) -> set[tuple[str, str, int | None]]:
    return {
        (type(item).__name__, item.reason, item.size_bytes)
        for item in found
        if isinstance(item, Skipped | Ignored)
    }


# mountinfo


def test_mountinfo_is_parsed() -> None:
    text = (
        b"22 27 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"
        b"36 35 98:0 /mnt1 /mnt\\040a\\134b rw,noatime master:1 shared:2 - ext3 /dev/root rw,x=1\n"
        b"37 35 0:50 / /home rw - autofs auto rw\n"
        b"38 37 0:51 / /home rw - nfs4 server:/home rw\n"
        b"39 37 0:52 /gone//deleted /mnt/gone rw - ext4 /dev/sda1 rw\n"
        b"40 37 0:53 / /mnt/nameless rw - tmpfs  rw\n"
    )
    assert parse_mounts(text).by_point == {
        b"/proc": Mount(b"/proc", b"/", os.makedev(0, 20), "proc", b"rw"),
        b"/mnt a\\b": Mount(b"/mnt a\\b", b"/mnt1", os.makedev(98, 0), "ext3", b"rw,x=1"),
        b"/home": Mount(b"/home", b"/", os.makedev(0, 51), "nfs4", b"rw"),
        b"/mnt/gone": Mount(b"/mnt/gone", b"/gone//deleted", os.makedev(0, 52), "ext4", b"rw"),
        b"/mnt/nameless": Mount(b"/mnt/nameless", b"/", os.makedev(0, 53), "tmpfs", b"rw"),
    }


@pytest.mark.parametrize("odd", [*map(chr, [1, *range(11, 14), *range(28, 32)]), "\x85", "\u2028"])
def test_only_a_newline_ends_a_line_of_mountinfo(odd: str) -> None:
    point = f"/m{odd}x".encode()
    text = b"1 2 0:1 / " + point + b" rw - tmpfs tmpfs rw\n3 2 0:2 / /b rw - proc proc rw\n"
    assert {m.point: m.kind for m in parse_mounts(text).by_point.values()} == {
        point: "tmpfs",
        b"/b": "proc",
    }


@pytest.mark.parametrize(
    "line",
    [
        b"/dev/sda1 / ext4 rw 0 0",
        b"1 2 0:1 / /a rw shared:1",
        b"1 2 99999999999:1 / /a rw - tmpfs tmpfs rw",
        b"1 2 0:x / /a rw - tmpfs tmpfs rw",
        b"",
        b"-",
    ],
)
def test_a_line_that_is_not_mountinfo_costs_only_itself(line: bytes) -> None:
    good = b"3 2 0:2 / /b rw - proc proc rw\n"
    assert parse_mounts(good + line + b"\n" + good.replace(b"/b", b"/c")).by_point.keys() == {
        b"/b",
        b"/c",
    }


def test_escapes_that_the_kernel_never_writes_stay_as_they_are() -> None:
    [mount] = parse_mounts(b"1 2 0:1 / /a\\777\\04\\0\\101 rw - tmpfs t rw").by_point.values()
    assert mount.point == b"/a\\777\\04\\0A"


@given(st.binary(max_size=200))
def test_any_bytes_are_mountinfo_or_are_not(text: bytes) -> None:
    parse_mounts(text)


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        (b"rw,lowerdir=/l1:/l2,upperdir=/u,workdir=/w", [b"/u", b"/l1", b"/l2"]),
        (b"ro,lowerdir=/a\\134:b:/c\\054d\\040e", [b"/a:b", b"/c,d e"]),
        (b"rw,lowerdir+=/a:b,lowerdir+=/c,datadir+=/d", [b"/a:b", b"/c", b"/d"]),
        (b"ro,lowerdir=/a::/data", [b"/a", b"/data"]),
        (b"rw", []),
    ],
)
def test_the_layers_of_an_overlay(options: bytes, layers: list[bytes]) -> None:
    assert overlay_layers(Mount(b"/m", b"/", 1, "overlay", options)) == layers


# What is not walked


def test_the_real_proc_is_refused_as_a_root() -> None:
    assert read_mounts().type_at(b"/proc") == "proc"
    assert walked(Path("/proc")) == [Skipped("pseudo-filesystem", b"/proc", 0)]
    assert walked(Path("/proc/version")) == [Skipped("pseudo-filesystem", b"/proc/version", 0)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("sysfs", ("Ignored", "pseudo-filesystem", 0)), ("autofs", ("Skipped", "automount", None))],
)
def test_file_systems_that_are_not_walked_are_untouched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    expected: tuple[str, str, int | None],
) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount" / "file").touch()
    mounts = Mounts([Mount(os.fsencode(tmp_path / "mount"), b"/", 1 << 40, kind)])
    monkeypatch.setattr(tree, "read_mounts", lambda: mounts)
    assert left_out(walked(tmp_path)) == {expected}


def test_one_file_system_leaves_mount_points_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mount", "mount/mount", "other/mount"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    mounts = Mounts([Mount(os.fsencode(tmp_path / "mount"), b"/", 1 << 40, "nfs4")])
    monkeypatch.setattr(tree, "read_mounts", lambda: mounts)
    found = walked(tmp_path, one_file_system=True)
    assert left_out(found) == {("Ignored", "other-file-system", None)}
    assert entries(found) == ["other/mount/file"]
    assert len(entries(walked(tmp_path))) == 3


# Mounts that show the same again, as root in a mount namespace of their own


WALK = """
import json, os, sys
from storeff.sources.entry import Entries, Entry
from storeff.sources.tree import LocalTree
roots, kwargs = json.loads(sys.argv[1])
tree = LocalTree(roots, **kwargs)
found = (item if isinstance(item, Entries) else [item] for item in tree.list())
for item in (item for items in found for item in items):
    name = tree.name(item) if isinstance(item, Entry) else item.path
    name = os.path.relpath(name).decode(errors="replace")
    size = item.size_bytes
    roots = [os.path.relpath(tree.roots[i]).decode() for i in getattr(item, "roots", [])]
    print(json.dumps([getattr(item, "reason", "file"), name, size, roots]))
"""


def seen(
    tmp_path: Path, mounting: str, roots: tuple[str, ...] = ("t",), **kwargs: object
) -> list[tuple[str, str]]:
    """(reason or "file", path) of all that a walk of ``roots`` finds after ``mounting``; of files
    the path is followed by their roots if there are several."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    arguments = [roots, {"one_file_system": False, "exclude": [], **kwargs}]
    script = f'( set -e; {mounting}\n) || exit 77; exec "$0" -c "$1" "$2"'
    done = subprocess.run(
        [unshare, "-m", "sh", "-c", script, sys.executable, WALK, json.dumps(arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(tree.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("mounting is not permitted here")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted(
        (reason, " ".join([name, *(named_under if len(named_under) > 1 else [])]))
        for reason, name, _, named_under in rows
    )


def fill(tmp_path: Path, *names: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)


def test_one_file_system_with_real_mounts(tmp_path: Path) -> None:
    fill(tmp_path, "t/own/file")
    mounting = "cd t; mkdir tmpfs bind; mount -t tmpfs none tmpfs; touch tmpfs/f; mount -B . bind"
    assert seen(tmp_path, mounting, one_file_system=True) == [
        ("file", "t/own/file"),
        ("other-file-system", "t/bind"),
        ("other-file-system", "t/tmpfs"),
    ]


@pytest.mark.parametrize(
    ("mounting", "expected"),
    [
        # A directory, a directory in one that is bound, a bind of a bind, a directory above.
        ("mount -B t/a t/b", [("bind-mount", "t/b")]),
        ("mount -B t/a/in t/b", [("bind-mount", "t/b")]),
        ("mount -B t/a t/b; mount -B t/b t/c", [("bind-mount", "t/b"), ("bind-mount", "t/c")]),
        ("mount -B t t/b", [("bind-mount", "t/b")]),
        ("mount -B t/a t/a/in/deep", [("bind-mount", "t/a/in/deep")]),
        ("mount -B . t/b", [("bind-mount", "t/b/t"), ("file", "t/b/outside/x/g")]),
        # From outside: measured once, at the place that shows the most of it.
        ("mount -B outside t/b", [("file", "t/b/x/g")]),
        (
            "mount -B outside/x t/b; mount -B outside t/c",
            [("bind-mount", "t/b"), ("file", "t/c/x/g")],
        ),
        (
            "mount -B outside t/b; mount -B outside t/c",
            [("bind-mount", "t/c"), ("file", "t/b/x/g")],
        ),
        # Files.
        ("mount -B t/a/f t/h", [("bind-mount", "t/h")]),
        (
            "mount -B outside/x/g t/h; touch t/i; mount -B outside/x/g t/i",
            [("bind-mount", "t/i"), ("file", "t/h")],
        ),
        # What is deleted but for its mount.
        ("mount -B outside/x/g t/h; rm outside/x/g", [("file", "t/h")]),
        ("mount -B outside/x t/b; rm -r outside/x", []),
        # One file system at two places, and at a third one what is in it.
        (
            "mount -t tmpfs none t/b; mkdir t/b/d; touch t/b/d/k; mount -B t/b/d t/a/in/deep;"
            "mount -B t/b t/c",
            [("bind-mount", "t/a/in/deep"), ("bind-mount", "t/c"), ("file", "t/b/d/k")],
        ),
        # What is covered by another mount is only seen at the second place.
        (
            "mount -B t/a t/b; mount -t tmpfs none t/a/in; touch t/a/in/new",
            [("bind-mount", "t/b"), ("file", "t/a/in/new"), ("file", "t/b/in/f")],
        ),
        (
            "mount -B t/a/in t/b; mount -t tmpfs none t/a/in; touch t/a/in/new",
            [("file", "t/a/in/new"), ("file", "t/b/f")],
        ),
    ],
)
def test_what_is_mounted_again_is_measured_once(
    tmp_path: Path, mounting: str, expected: list[tuple[str, str]]
) -> None:
    fill(tmp_path, "t/a/f", "t/a/in/f", "outside/x/g")
    for name in ("t/b", "t/c", "t/a/in/deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "t/h").touch()
    rows = [("file", "t/a/f"), ("file", "t/a/in/f"), ("file", "t/h")]
    if " t/h" in mounting:
        rows.remove(("file", "t/h"))
    if "none t/a/in;" in mounting:
        rows.remove(("file", "t/a/in/f"))
    assert seen(tmp_path, mounting) == sorted(rows + expected)


def test_mount_points_of_any_name_are_known(tmp_path: Path) -> None:
    fill(tmp_path, "t/a/f")
    names = [b"m\rx", b"m\nx", b"m\tx", b"m x", b"m\\134x", b"m#x", b"m\x0bx", b"m\x85", b"m\xff"]
    for name in names:
        os.makedirs(os.fsencode(tmp_path) + b"/t/odd/" + name)
    mounting = 'for point in t/odd/*; do mount -B t/a "$point"; done'
    rows = seen(tmp_path, mounting)
    assert [reason for reason, _ in rows] == ["bind-mount"] * len(names) + ["file"]


def test_what_a_bind_mount_shows_is_measured_if_its_source_is_excluded(tmp_path: Path) -> None:
    fill(tmp_path, "t/a/f", "t/b/hidden")
    assert seen(tmp_path, "mount -B t/a t/b", exclude=["/a"]) == [
        ("excluded", "t/a"),
        ("file", "t/b/f"),
    ]


@pytest.mark.parametrize("roots", [("t/a", "t/b"), ("t/b", "t/a")])
def test_two_roots_that_are_one_directory_are_measured_once_and_share_all(
    tmp_path: Path, roots: tuple[str, ...]
) -> None:
    fill(tmp_path, "t/a/f", "t/b/hidden")
    assert seen(tmp_path, "mount -B t/a t/b", roots) == [
        ("bind-mount", roots[1]),
        ("file", f"{roots[0]}/f {roots[0]} {roots[1]}"),
    ]


@pytest.mark.parametrize("roots", [("t/a", "t/b"), ("t/b", "t/a")])
def test_what_is_mounted_in_two_roots_belongs_to_both(
    tmp_path: Path, roots: tuple[str, ...]
) -> None:
    fill(tmp_path, "t/a/in/f", "t/a/g", "t/b/m/hidden")
    assert seen(tmp_path, "mount -B t/a/in t/b/m", roots) == [
        ("bind-mount", "t/b/m"),
        ("file", "t/a/g"),
        ("file", "t/a/in/f t/a t/b"),
    ]


OVERLAY = (
    "mount -t tmpfs none t; mkdir t/low t/up t/work t/all; echo l > t/low/l; echo u > t/up/u;"
    "mkdir outside; mount -t tmpfs none outside; mkdir outside/low; echo o > outside/low/o;"
)


@pytest.mark.parametrize(
    ("mounting", "expected"),
    [
        (
            "mount -t overlay -o lowerdir=$PWD/t/low,upperdir=$PWD/t/up,workdir=$PWD/t/work"
            " o t/all",
            [("overlay-mount", "t/all")],
        ),
        ("mount -t overlay -o lowerdir=$PWD/t/low:$PWD/t/up o t/all", [("overlay-mount", "t/all")]),
        # A layer is elsewhere: only what comes from there is not measured yet.
        (
            "mount -t overlay -o lowerdir=$PWD/outside/low,upperdir=$PWD/t/up,workdir=$PWD/t/work"
            " o t/all",
            [("file", "t/all/o"), ("overlay-mount", "t/all/u")],
        ),
    ],
)
def test_an_overlay_of_directories_that_are_measured_is_not_measured_again(
    tmp_path: Path, mounting: str, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "t").mkdir()
    files = [("file", "t/low/l"), ("file", "t/up/u")]
    assert seen(tmp_path, OVERLAY + mounting) == sorted(files + expected)


def test_an_overlay_alone_is_measured(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    mounting = f"{OVERLAY} mount -t overlay -o lowerdir=$PWD/t/low:$PWD/t/up o t/all"
    assert seen(tmp_path, mounting, ("t/all",)) == [("file", "t/all/l"), ("file", "t/all/u")]


def test_an_overlay_over_its_own_layer_is_measured(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    mounting = f"{OVERLAY} mount -t overlay -o lowerdir=$PWD/t/low:$PWD/outside/low o t/low"
    assert seen(tmp_path, mounting) == [
        ("file", "t/low/l"),
        ("file", "t/low/o"),
        ("file", "t/up/u"),
    ]
