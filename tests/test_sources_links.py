"""Symbolic links: never a way to other bytes, but what they lead to is said."""

import os
from pathlib import Path

import pytest
from support.listings import Item, each

from storeff.sources.entry import Entry
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.tree import LocalTree


def walked(*roots: Path, follow_links: bool = False, one_file_system: bool = False) -> list[Item]:
    tree = LocalTree(roots, one_file_system=one_file_system, follow_links=follow_links)
    return list(each(tree.list()))


def rows(found: list[Item]) -> set[tuple[str, str, int | None]]:
    return {
        (
            "file" if isinstance(item, Entry) else f"{type(item).__name__} {item.reason}",
            os.fsdecode(os.path.basename(item.path)),
            item.size_bytes,
        )
        for item in found
    }


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """A cache of models: files by content, and two snapshots that link to them."""
    (tmp_path / "blobs").mkdir()
    for name in ("x", "y", "z"):
        (tmp_path / "blobs" / name).write_bytes(name.encode() * 1000)
    for snapshot, names in (("r1", "xy"), ("r2", "yz")):
        (tmp_path / "snapshots" / snapshot).mkdir(parents=True)
        for name in names:
            (tmp_path / "snapshots" / snapshot / f"{name}.bin").symlink_to(f"../../blobs/{name}")
    return tmp_path


def test_what_links_inside_lead_to_is_measured_once(snapshots: Path) -> None:
    found = walked(snapshots)
    assert {row for row in rows(found) if row[0] == "file"} == {
        ("file", name, 1000) for name in "xyz"
    }
    assert [i.reason for i in found if isinstance(i, Ignored | Skipped)] == ["symlink"] * 4


def test_a_root_of_links_alone_misses_what_they_lead_to(snapshots: Path) -> None:
    assert rows(walked(snapshots / "snapshots" / "r1")) == {
        ("Ignored link-outside", "x.bin", 1000),
        ("Ignored link-outside", "y.bin", 1000),
        ("Skipped links-only", "blobs", 2000),
    }


def test_a_root_that_has_files_too_misses_nothing_that_is_in_it(snapshots: Path) -> None:
    (snapshots / "snapshots" / "r1" / "readme").write_bytes(b"123")
    assert rows(walked(snapshots / "snapshots" / "r1")) == {
        ("Ignored link-outside", "x.bin", 1000),
        ("Ignored link-outside", "y.bin", 1000),
        ("file", "readme", 3),
    }


def test_each_root_of_links_alone_is_told(snapshots: Path) -> None:
    (snapshots / "other").mkdir()
    (snapshots / "other" / "file").touch()
    (snapshots / "other" / "link").symlink_to(snapshots / "blobs" / "z")
    found = walked(snapshots / "snapshots" / "r1", snapshots / "other")
    assert [row for row in rows(found) if row[0].startswith("Skipped")] == [
        ("Skipped links-only", "blobs", 2000)
    ]


def test_what_several_links_lead_to_counts_once(snapshots: Path) -> None:
    found = walked(snapshots / "snapshots")
    sizes = [i.size_bytes for i in found if isinstance(i, Ignored)]
    assert sorted(size for size in sizes if size is not None) == [0, 1000, 1000, 1000]
    assert ("Skipped links-only", "blobs", 3000) in rows(found)


def test_links_to_directories_lead_to_unknown_bytes(snapshots: Path) -> None:
    (snapshots / "r").mkdir()
    (snapshots / "r" / "latest").symlink_to("../snapshots/r1")
    assert rows(walked(snapshots / "r")) == {
        ("Ignored link-outside", "latest", None),
        ("Skipped links-only", "r1", None),
    }


def test_links_to_nothing_that_is_stored_lead_nowhere(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    targets = ("fifo", "self", "nowhere", "/dev/zero", "/proc/self/exe", "/proc/self/root/etc")
    (tmp_path / "r").mkdir()
    for i, target in enumerate(targets):
        (tmp_path / "r" / f"{i}").symlink_to(target)
    (tmp_path / "r" / "self").symlink_to("self")
    (tmp_path / "r" / "out").symlink_to("../fifo")
    found = walked(tmp_path / "r")
    assert {item.reason for item in found if isinstance(item, Ignored | Skipped)} == {"symlink"}
    assert len(found) == len(targets) + 2


def test_a_link_to_the_directory_it_is_in_leads_to_what_is_measured(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "f").touch()
    (tmp_path / "r" / "loop").symlink_to(".")
    assert rows(walked(tmp_path / "r")) == {("Ignored symlink", "loop", 1), ("file", "f", 0)}


def test_links_that_are_followed_are_names_of_what_is_under_the_roots(snapshots: Path) -> None:
    roots = [snapshots / "snapshots" / "r1", snapshots / "snapshots" / "r2", snapshots / "blobs"]
    found = walked(*roots, follow_links=True)
    named_under = {
        os.path.basename(item.path): item.roots for item in found if isinstance(item, Entry)
    }
    assert named_under == {
        b"x": (2, 0),
        b"y": (2, 0, 1),
        b"z": (2, 1),
    }
    assert not [item for item in found if isinstance(item, Skipped)]


def test_a_directory_that_a_followed_link_leads_to_belongs_to_both_roots(snapshots: Path) -> None:
    (snapshots / "r").mkdir()
    (snapshots / "r" / "all").symlink_to("../blobs")
    found = walked(snapshots / "r", snapshots / "blobs", follow_links=True)
    assert {len(item.roots) for item in found if isinstance(item, Entry)} == {2}
    assert len(found) == 4


def test_followed_links_that_lead_out_of_the_roots_are_refused(snapshots: Path) -> None:
    (snapshots / "snapshots" / "r1" / "file").touch()
    assert rows(walked(snapshots / "snapshots" / "r1", follow_links=True)) == {
        ("Skipped link-outside", "x.bin", 1000),
        ("Skipped link-outside", "y.bin", 1000),
        ("file", "file", 0),
    }


def test_links_to_another_file_system_are_not_touched_if_that_is_asked(tmp_path: Path) -> None:
    if not os.path.ismount("/dev/shm"):
        pytest.skip("/dev/shm is not mounted here")
    (tmp_path / "link").symlink_to("/dev/shm")
    assert rows(walked(tmp_path, one_file_system=True)) == {("Ignored symlink", "link", 8)}
