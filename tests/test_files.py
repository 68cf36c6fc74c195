"""A file that somebody names is read within bounds, whatever it is."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from storeff.data import read_toml
from storeff.errors import StoreffError
from storeff.files import read_bounded
from storeff.report.model import read_report


def test_a_file_is_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(5000))
    assert read_bounded(tmp_path / "f", 5000, "report") == bytes(5000)
    with pytest.raises(StoreffError, match="more than a report can hold"):
        read_bounded(tmp_path / "f", 4999, "report")


def test_a_huge_file_is_not_begun(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(StoreffError, match="larger than"):
        read_bounded(tmp_path / "f", 1 << 20, "report")


def test_a_device_is_not_read() -> None:
    for name in ("/dev/zero", "/dev/null"):
        with pytest.raises(StoreffError, match="is a device, not a report"):
            read_bounded(Path(name), 1 << 20, "report")


def test_a_fifo_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StoreffError, match="nothing writes to"):
        read_bounded(tmp_path / "fifo", 1 << 20, "report")


def test_a_pipe_is_waited_for_and_bounded(tmp_path: Path) -> None:
    for size_bytes, bound_bytes in ((300_000, 300_000), (300_000, 299_999)):
        reading, writing = os.pipe()

        def write(fd: int = writing, size_bytes: int = size_bytes) -> None:
            with open(fd, "wb") as pipe:
                for _ in range(3):
                    pipe.write(bytes(size_bytes // 3))
                    pipe.flush()

        writer = threading.Thread(target=write)
        writer.start()
        path = Path(f"/dev/fd/{reading}")
        if size_bytes > bound_bytes:
            with pytest.raises(StoreffError, match="larger than"):
                read_bounded(path, bound_bytes, "report")
        else:
            assert read_bounded(path, bound_bytes, "report") == bytes(size_bytes)
        writer.join()
        os.close(reading)


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels"),
        (lambda path: bind(path), "No such device"),
    ],
)
def test_what_is_no_file_is_said_to_be_none(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / "f")
    with pytest.raises(StoreffError, match=said):
        read_bounded(tmp_path / "f", 1 << 20, "report")


def test_reports_and_catalogues_are_read_so() -> None:
    for read in (read_report, read_toml):
        with pytest.raises(StoreffError, match="is a device"):
            read(Path("/dev/zero"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe{}",
        b"[1]",
        b'{"schema_version": 3}',
        b'{"schema_version": "2.0"}',
        b'{"schema_version": "1.0", "run": ' + b"[" * 100_000,
        b'{"schema_version": "1.0", "run": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"schema_version": "1.0", "run": ' + b"9" * 100_000 + b"}",
        b'{"schema_version": "1.0"}',
    ],
)
def test_what_is_no_report_is_one_message(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "r.json").write_bytes(text)
    with pytest.raises(StoreffError, match=r"r\.json"):
        read_report(tmp_path / "r.json")
