"""storeff scan --files-from: each name is measured as by a walk, once, or left out by name."""

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import storeff
from support.listings import data, each, found, list_of, report_of, source_of

from storeff.sources import name_list, repeats, tree
from storeff.sources.entry import Entry
from storeff.sources.mounts import Mount, Mounts
from storeff.sources.name_list import NameList
from storeff.sources.named import listed_source
from storeff.sources.tree import LocalTree
from storeff.testing import check_source

__all__ = ["data"]

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


# ---- the same as a walk ----


def test_a_list_of_all_files_gives_the_report_of_the_walk(tmp_path: Path) -> None:
    names = [path for path in SAMPLES.rglob("*") if path.is_file()]
    random.Random(1).shuffle(names)
    assert report_of("--files-from", list_of(tmp_path, names)) == report_of(SAMPLES)


def test_names_are_looked_at_as_by_a_walk_whatever_stands_beside_them(
    data: Path, tmp_path: Path
) -> None:
    os.link(data / "a", data / "below" / "a")
    (data / "below" / "empty").touch()
    (data / "below" / "link").symlink_to("c")
    os.mkfifo(data / "pipe")
    names = [path for path in data.rglob("*") if not path.is_dir()]
    walked = sorted(each(LocalTree([data]).list()), key=repr)
    assert sum(isinstance(item, Entry) for item in walked) == 4
    for order in (sorted(names), random.Random(1).sample(names, len(names))):
        assert sorted(each(source_of(tmp_path, order).list()), key=repr) == walked


def test_what_find_prints_may_be_piped_in(data: Path) -> None:
    printed = subprocess.run(["find", data, "-print0"], capture_output=True, check=True).stdout
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storeff", "scan", "-q", "--json", "--files-from", "-", "-0"],
        input=printed,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    scan = json.loads(done.stdout)["scan"]
    assert (scan["files"], scan["sources"]) == (3, [str(data)])
    assert [(each["reason"], each["files"]) for each in scan["ignored"]] == [("directory", 2)]


def test_stdin_that_is_a_file_is_read_from_where_it_stands(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, ["left behind", data / "a", data / "b"])
    with path.open("rb", buffering=0) as file:
        file.read(len("left behind\n"))
        assert report_of("--files-from", "-", stdin=file)["scan"]["files"] == 2


def test_relative_names_are_taken_from_the_current_directory(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, ["a", "below/c"])
    assert report_of("--files-from", path, cwd=data)["scan"]["sources"] == [str(data)]


def test_the_source_is_the_deepest_folder_of_all_names(data: Path, tmp_path: Path) -> None:
    cases: list[tuple[list[str | Path], Path]] = [
        ([data / "a", data / "below" / "c"], data),
        ([data / "below" / "c"], data / "below"),
        ([data, data / "a", f"{data}-2/x"], tmp_path),
        ([data, data / "a"], data),
        ([data / "gone" / "x"], data),
        (["/no-such-directory/x", data / "a"], Path("/")),
    ]
    for names, folder in cases:
        assert NameList(list_of(tmp_path, names)).folder == os.fsencode(folder)


@given(st.lists(st.text("ab-/.", min_size=1, max_size=6), min_size=1, max_size=9))
def test_a_name_is_inside_the_folder_and_comes_again_if_it_has_come(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    names = NameList(list_of(tmp_path_factory.mktemp("list"), [f"/nowhere/{t}" for t in texts]))
    before: set[bytes] = set()
    for name, is_again in names.read():
        assert os.path.commonpath([name, names.folder]) == names.folder
        assert b".." not in name.split(b"/")
        assert is_again == (name in before)
        before.add(name)


def test_a_list_keeps_the_contract_of_a_source(data: Path, tmp_path: Path) -> None:
    names = [data / "a", data / "b", data / "below" / "c", data]
    contents = {
        (0, os.fsencode(name.relative_to(data))): name.read_bytes()
        for name in names
        if name.is_file()
    }
    check_source(source_of(tmp_path, names), contents)


def test_a_source_of_a_list_can_be_read_elsewhere(data: Path, tmp_path: Path) -> None:
    source = source_of(tmp_path, [data / "a"])
    [entry] = [item for item in each(source.list()) if isinstance(item, Entry)]
    with pickle.loads(pickle.dumps(source)).open(entry) as reader:
        assert reader.is_unchanged()


# ---- names of every kind ----


def test_names_are_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    names = [b"\xff\xfe", b" a ", b"#b", b"c\r", b"-d", "\u00e9".encode()]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(name)
    made = source_of(tmp_path, [os.fsencode(folder) + b"/" + name for name in names])
    assert {item.path for item in each(made.list()) if isinstance(item, Entry)} == {*names}


def test_a_name_with_a_newline_may_end_at_a_nul(data: Path, tmp_path: Path) -> None:
    (data / "x\ny").write_bytes(b"one")
    path = list_of(tmp_path, [data / "x\ny", data / "a"], b"\0")
    names = NameList(path, nul_separated=True)
    assert found(listed_source(names))["file"] == [f"{data}/a", f"{data}/x\ny"]


def test_empty_lines_and_a_missing_last_newline_do_not_matter(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text(f"\n{data}/a\n\n\n{data}/b")
    assert [name for name, _ in NameList(path).read()] == [
        b"%b/a" % bytes(data),
        b"%b/b" % bytes(data),
    ]


def test_what_is_not_there_is_skipped_by_name(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, [data / "a", data / "gone", data / "a" / "x"])
    done = storeff("scan", "-q", "--json", "--files-from", path)
    assert done.returncode == 3
    skipped = json.loads(done.stdout)["scan"]["skipped"]
    assert [(each["reason"], each["examples"]) for each in skipped] == [
        ("changed", [f"{data}/a/x"]),
        ("vanished", [f"{data}/gone"]),
    ]


def test_directories_links_and_what_stores_nothing_are_ignored_as_in_a_walk(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"12345")
    os.symlink("a", data / "inside")
    os.symlink("../outside", data / "out")
    os.symlink("no-such", data / "dangling")
    os.mkfifo(data / "fifo")
    names = [data / name for name in ("a", "inside", "out", "dangling", "fifo", "below", "")]
    assert found(source_of(tmp_path, names)) == {
        "file": [f"{data}/a"],
        "Ignored symlink": [f"{data}/dangling", f"{data}/inside"],
        "Ignored link-outside": [f"{data}/out"],
        "Ignored fifo": [f"{data}/fifo"],
        "Ignored directory": [str(data), f"{data}/below"],
    }


def test_a_way_through_a_symbolic_link_is_skipped(data: Path, tmp_path: Path) -> None:
    """It may lead to what is listed by another name, or out of all."""
    os.symlink("below", data / "link")
    made = source_of(tmp_path, [data / "a", data / "below" / "c", data / "link" / "c"])
    assert found(made) == {
        "file": [f"{data}/a", f"{data}/below/c"],
        "Skipped through-link": [f"{data}/link/c"],
    }


def test_a_link_on_the_way_to_all_names_is_followed(data: Path, tmp_path: Path) -> None:
    os.symlink(data, tmp_path / "link")
    made = source_of(tmp_path, [tmp_path / "link" / "a", tmp_path / "link" / "below" / "c"])
    assert found(made) == {
        "Ignored followed-root": [f"{tmp_path}/link"],
        "file": [f"{data}/a", f"{data}/below/c"],
    }


def test_dots_are_resolved_as_the_kernel_does(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "a").write_bytes(b"another")
    os.symlink("../elsewhere/deep", data / "link")
    made = source_of(tmp_path, [data / "link" / ".." / "a", data / "below" / ".." / "a"])
    assert found(made) == {"file": [f"{data}/a", f"{tmp_path}/elsewhere/a"]}


def test_patterns_leave_out_names_and_folders(data: Path, tmp_path: Path) -> None:
    names = [data / "a", data / "b", data / "below" / "c"]
    assert found(source_of(tmp_path, names, exclude=["b", "below/"])) == {
        "file": [f"{data}/a"],
        "Ignored excluded": [f"{data}/b", f"{data}/below/c"],
    }


# ---- the same file by several names ----


def test_a_name_that_is_there_again_is_ignored(data: Path, tmp_path: Path) -> None:
    names: list[str | Path] = [data / "b", data / "a"]
    names += [f"{data}/below/../a", f"{data}//./b", data / "b"]
    assert found(source_of(tmp_path, names)) == {
        "file": [f"{data}/a", f"{data}/b"],
        "Ignored listed-again": [f"{data}/a", f"{data}/b", f"{data}/b"],
    }


def test_hard_links_are_one_file(data: Path, tmp_path: Path) -> None:
    os.link(data / "a", data / "other")
    os.link(data / "a", data / "third")
    names = [data / "other", data / "b", data / "a", data / "other"]
    assert found(source_of(tmp_path, names)) == {
        "file": [f"{data}/a", f"{data}/b"],
        "Ignored hard-link": [f"{data}/other"],
        "Ignored listed-again": [f"{data}/other"],
    }


def test_of_a_sorted_list_nothing_is_held_for_duplicates(data: Path, tmp_path: Path) -> None:
    names = sorted(os.fsencode(data / f"file-{i}") for i in range(1000))
    assert len(NameList(list_of(tmp_path, names)).repeats) == 0


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the list were longer than may be held."""
    monkeypatch.setattr(name_list, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(repeats, "HASHES_HELD", 1 << 10)


@pytest.mark.usefixtures("_small_blocks")
def test_duplicates_of_a_long_list_are_found_on_disk(tmp_path: Path) -> None:
    numbers = [*range(20_000), *range(0, 20_000, 7), 5]
    random.Random(1).shuffle(numbers)
    names = NameList(list_of(tmp_path, [f"/nowhere/{i}" for i in numbers]))
    again = [name for name, is_again in names.read() if is_again]
    assert sorted(again) == sorted(b"/nowhere/%d" % i for i in [*range(0, 20_000, 7), 5])


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("copies", [1, 2], ids=["once", "twice"])
def test_memory_does_not_grow_with_the_list(tmp_path: Path, copies: int) -> None:
    def peak_bytes(count: int) -> int:
        order = random.Random(1).sample(range(count), count) * copies
        path = list_of(tmp_path, [f"/nowhere/of/a/long/name/{i:09}" for i in order])
        tracemalloc.start()
        try:
            assert sum(not is_again for _, is_again in NameList(path).read()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_bytes(80_000) < 1.5 * peak_bytes(10_000)


def test_files_of_a_file_system_that_is_seen_twice_are_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second name without a second link, as a bind mount makes one."""
    os.link(data / "a", data / "below" / "a")
    mounts = Mounts([Mount(os.fsencode(data / "below"), b"/", os.stat(data).st_dev, "ext4")])
    monkeypatch.setattr(tree, "read_mounts", lambda: mounts)
    names = [data / "below" / "a", data / "a", data / "b"]
    assert found(source_of(tmp_path, names)) == {
        "file": [f"{data}/b", f"{data}/below/a"],
        "Ignored hard-link": [f"{data}/a"],
    }
    assert found(source_of(tmp_path, names, one_file_system=True)) == {
        "file": [f"{data}/a", f"{data}/b"],
        "Ignored other-file-system": [f"{data}/below/a"],
    }


def test_a_bind_mount_shows_its_files_once(data: Path, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    (data / "again").mkdir()
    path = list_of(tmp_path, [data / "again" / "c", data / "below" / "c"])
    script = (
        f'mount --bind "{data}/below" "{data}/again" || exit 77\n'
        f'exec "{sys.executable}" -P -m storeff scan -q --json --files-from "{path}"'
    )
    done = subprocess.run([unshare, "-m", "sh", "-c", script], capture_output=True, text=True)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("mounting is not permitted here")
    scan = json.loads(done.stdout)["scan"]
    assert scan["files"] == 1
    assert [(each["reason"], each["files"]) for each in scan["ignored"]] == [("bind-mount", 1)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("sysfs", "Ignored pseudo-filesystem"), ("autofs", "Skipped automount")],
)
def test_file_systems_that_are_not_walked_are_untouched(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, expected: str
) -> None:
    mounts = Mounts([Mount(os.fsencode(data / "below"), b"/", 1 << 40, kind)])
    monkeypatch.setattr(tree, "read_mounts", lambda: mounts)
    made = source_of(tmp_path, [data / "a", data / "below" / "c"])
    assert found(made) == {"file": [f"{data}/a"], expected: [f"{data}/below/c"]}
