"""The list of --files-from itself: what is none is refused before anything is read."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import storeff
from support.listings import data, found, list_of, source_of

from storeff.errors import StoreffError, UsageError
from storeff.sources.name_list import NameList
from storeff.sources.named import listed_source

__all__ = ["data"]

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


def test_a_list_that_is_written_to_meanwhile_is_not_covered(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, [data / "a"])
    source = listed_source(NameList(path))
    with path.open("ab") as file:
        file.write(os.fsencode(data / "b") + b"\n")
    assert found(source)["Skipped changed"] == [str(path)]


def test_a_pipe_that_does_not_fit_says_what_to_do(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storeff", "scan", "--files-from", "-"],
        input=f"{data}/a\n" * 1000,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert "the names from stdin cannot be kept in" in said
    assert "set TMPDIR to a directory with room" in said


def test_no_list_is_waited_for_at_a_terminal() -> None:
    reading, writing = os.openpty()
    done = storeff("scan", "--files-from", "-", stdin=writing)
    os.close(reading)
    os.close(writing)
    assert done.returncode == 1
    assert "no names come from a terminal" in done.stderr


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"", StoreffError, "holds no names"),
        (b"\n\n", StoreffError, "holds no names"),
        (b"/a\0/b\0", UsageError, "holds a NUL"),
        (b"/a\ns3://bucket/key\n", UsageError, "holds local paths and the URL"),
        (b"s3://bucket/key\n/a\n", UsageError, "is no place that can be scanned"),
        (b"http://host/key\n", UsageError, "is no place that can be scanned"),
        (b"s3://bucket\n", UsageError, "names no object"),
        (b"s3://bucket/\xff\n", StoreffError, "is not UTF-8"),
        (b"x" * (3 << 20), StoreffError, "a name of over"),
    ],
)
def test_what_is_no_list_is_refused(
    tmp_path: Path, content: bytes, error: type[StoreffError], said: str
) -> None:
    path = tmp_path / "names"
    path.write_bytes(content)
    with pytest.raises(error, match=said):
        NameList(path)


@pytest.mark.parametrize("first", ["a", "gone"])
def test_lines_as_windows_ends_them_are_refused_before_anything_is_read(
    data: Path, tmp_path: Path, first: str
) -> None:
    path = list_of(tmp_path, [data / first, data / "b", data / "below" / "c"], b"\r\n")
    done = storeff("scan", "--files-from", path)
    assert done.returncode == 2
    assert "end in a carriage return" in " ".join(done.stderr.split())
    assert "--from0" in done.stderr


def test_some_lines_as_windows_ends_them_are_refused(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, [data / "a", f"{data}/b\r"])
    with pytest.raises(UsageError, match="end in a carriage return"):
        NameList(path)


def test_a_carriage_return_is_part_of_a_name(data: Path, tmp_path: Path) -> None:
    (data / "b\r").write_bytes(b"another")
    names = [f"{data}/{name}" for name in ("a", "b\r", "gone\r")]
    assert found(source_of(tmp_path, names)) == {
        "file": [f"{data}/a", f"{data}/b\r"],
        "Skipped vanished": [f"{data}/gone\r"],
    }


def test_where_a_nul_ends_names_a_carriage_return_is_taken_as_meant(
    data: Path, tmp_path: Path
) -> None:
    path = list_of(tmp_path, [f"{data}/a\r", data / "b"], b"\0")
    assert found(listed_source(NameList(path, nul_separated=True))) == {
        "file": [f"{data}/b"],
        "Skipped vanished": [f"{data}/a\r"],
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_refused(data: Path, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "names"
    path.write_text(f"{data}/a\n{data}/b\n", encoding=encoding)
    with pytest.raises(UsageError, match="begins with a byte order mark"):
        NameList(path)


def test_what_does_not_go_together_is_refused(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, [data / "a"])
    nuls = tmp_path / "nuls"
    nuls.write_bytes(bytes(data) + b"/a\0")
    for words, code, said in (
        ((), 2, "nothing is named to be scanned"),
        (("-0", data), 2, "no list whose names"),
        (("--files-from", path, data), 2, "SOURCES as well"),
        (("--files-from", path, "--inventory", path), 2, "two lists"),
        (("--files-from", path, "--follow-links"), 2, "list what they lead to"),
        (("--files-from", path, "--endpoint", "http://host"), 2, "no name is in an object store"),
        (("--files-from", nuls), 2, "--from0"),
        (("--files-from", tmp_path / "no-such"), 1, "no-such cannot be read"),
        (("--files-from", data), 1, "Is a directory"),
        (("--files-from", path, "-o", path), 1, "would replace"),
        (("--files-from", path, "-o", data / "a"), 1, "would replace"),
    ):
        done = storeff("scan", *words)
        shown = " ".join(done.stderr.split())
        assert (done.returncode, said in shown) == (code, True), shown
        assert "Traceback" not in shown


def test_a_report_may_be_written_beside_what_is_listed(data: Path, tmp_path: Path) -> None:
    path = list_of(tmp_path, [data / "a"])
    assert storeff("scan", "-q", "--files-from", path, "-o", data / "b").returncode == 0
    assert json.loads((data / "b").read_text())["scan"]["files"] == 1
