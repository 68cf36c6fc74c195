"""LocalTree.open() and FileReader: the same file or none, and holes without reading them."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.sources import local_file
from storeff.sources.entry import Entry
from storeff.sources.local_file import FileReader
from storeff.sources.skipped import REMEDIES, ChangedError, skipped_for
from storeff.sources.source import entries, read_range
from storeff.sources.tree import LocalTree

GRANULE = 131072


def found(path: Path) -> tuple[LocalTree, Entry]:
    """The file at ``path``, in the tree of the folder above its own."""
    tree = LocalTree([path.parent.parent])
    (entry,) = (e for e in entries(tree) if tree.name(e) == bytes(path))
    return tree, entry


def test_an_entry_is_opened_for_reading(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    tree, entry = found(tmp_path / "file")
    with tree.open(entry) as reader:
        assert read_range(reader, 0, 7) == b"content"
        assert not os.get_inheritable(reader.descriptor)


def replace_by_link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(b"x")
    path.symlink_to("elsewhere")


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "link": replace_by_link,
    "fifo": os.mkfifo,
    "directory": os.mkdir,
    "file": lambda path: path.write_bytes(b"another"),
}


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_an_entry_replaced_before_it_is_opened_is_changed(tmp_path: Path, replacement: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"original")
    tree, entry = found(path)
    path.rename(tmp_path / "still-there-so-that-its-inode-is-not-reused")
    REPLACEMENTS[replacement](path)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        tree.open(entry)
    assert skipped_for(caught.value, entry.path, 8).reason == "changed"


def test_an_entry_whose_directory_became_a_link_is_changed(tmp_path: Path) -> None:
    for name in ("directory", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    tree, entry = found(tmp_path / "directory" / "file")
    (tmp_path / "directory").rename(tmp_path / "moved")
    (tmp_path / "directory").symlink_to("other")
    with pytest.raises(ChangedError):
        tree.open(entry)


def test_an_entry_deleted_before_it_is_opened_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tree, entry = found(tmp_path / "file")
    (tmp_path / "file").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        tree.open(entry)
    assert skipped_for(caught.value, entry.path, 0).reason == "vanished"


def test_a_file_of_someone_else_is_opened_although_its_access_time_will_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    real_open = os.open

    def refuse_noatime(
        path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        if flags & os.O_NOATIME:
            raise PermissionError(errno.EPERM, "not the owner")
        return real_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse_noatime)
    tree, entry = found(tmp_path / "file")
    with tree.open(entry):
        pass


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_system_error_has_a_reason_and_a_remedy(number: int) -> None:
    item = skipped_for(OSError(number, os.strerror(number)), b"path", None)
    assert REMEDIES[item.reason]


def test_an_error_without_a_number_has_a_reason() -> None:
    assert skipped_for(OSError("odd"), b"path", 7).reason == "other-error"


# Holes


def segments_of(
    path: Path, size_bytes: int, span: tuple[int, int] | None = None
) -> list[tuple[int, int, bool]]:
    fd = os.open(path, os.O_RDONLY)
    try:
        return list(FileReader(fd, size_bytes, 0).segments(*(span or (0, size_bytes))))
    finally:
        os.close(fd)


def test_an_empty_file_has_no_segments(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert segments_of(tmp_path / "empty", 0) == []


def test_a_hole_of_1_tib_takes_one_step(tmp_path: Path) -> None:
    path = tmp_path / "hole"
    path.touch()
    os.truncate(path, 1 << 40)
    assert segments_of(path, 1 << 40) == [(0, 1 << 40, True)]


def test_holes_smaller_than_a_granule_are_data(tmp_path: Path) -> None:
    path = tmp_path / "checkered"
    with path.open("wb") as file:
        for offset in range(0, 1 << 20, GRANULE):
            file.seek(offset)
            file.write(b"x" * 4096)
        file.truncate(1 << 20)
    assert segments_of(path, 1 << 20) == [(0, 1 << 20, False)]


def test_the_ragged_end_of_a_hole_is_data(tmp_path: Path) -> None:
    path = tmp_path / "tail"
    path.touch()
    os.truncate(path, 2 * GRANULE + 5)
    assert segments_of(path, 2 * GRANULE + 5) == [(0, 2 * GRANULE, True), (2 * GRANULE, 5, False)]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_file_system_without_holes_gives_one_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    real_seek = os.lseek

    def refuse_holes(fd: int, offset: int, whence: int) -> int:
        if whence == os.SEEK_DATA:
            raise OSError(code, os.strerror(code))
        return real_seek(fd, offset, whence)

    monkeypatch.setattr(os, "lseek", refuse_holes)
    assert segments_of(path, 10) == [(0, 10, False)]


def test_a_file_that_shrank_is_changed_not_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with pytest.raises(ChangedError):
        segments_of(path, 10 * GRANULE)


def test_a_file_that_grew_is_told_up_to_its_listed_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3 * GRANULE)
    assert segments_of(path, 100) == [(0, 100, False)]


@given(
    blocks=st.lists(st.booleans(), min_size=1, max_size=40),
    tail=st.integers(0, 4095),
    granule_blocks=st.integers(1, 8),
    span=st.tuples(st.integers(0, 41 * 4096), st.integers(0, 41 * 4096)).map(sorted),
)
def test_segments_cover_the_file_and_holes_are_aligned_zeros(
    tmp_path_factory: pytest.TempPathFactory,
    blocks: list[bool],
    tail: int,
    granule_blocks: int,
    span: list[int],
) -> None:
    path = tmp_path_factory.mktemp("holes") / "file"
    size_bytes = len(blocks) * 4096 + tail
    with path.open("wb") as file:
        for index, written in enumerate(blocks):
            if written:
                file.seek(index * 4096)
                file.write(b"x" * 4096)
        file.truncate(size_bytes)
    content = path.read_bytes()
    granule_bytes = granule_blocks * 4096
    start, end = (min(at, size_bytes) for at in span)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_file, "HOLE_BYTES", granule_bytes)
        whole = segments_of(path, size_bytes)
        part = segments_of(path, size_bytes, (start, end))
    position = 0
    for offset, length, is_hole in whole:
        assert offset == position
        assert length > 0
        if is_hole:
            assert offset % granule_bytes == length % granule_bytes == 0
            assert not content[offset : offset + length].strip(b"\0")
        position += length
    assert position == size_bytes
    cut = [(max(o, start), min(o + n, end), is_hole) for o, n, is_hole in whole]
    assert part == [(a, b - a, is_hole) for a, b, is_hole in cut if a < b]
