"""Object stores in shards, on executors, with a checkpoint: the report of one scan of the files."""

import base64
import pickle
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from support.buckets import mixed, s3, upload
from support.cli import storeff
from support.cluster import cluster, needs_dask
from support.reports import placeless, timeless
from support.s3_server import S3

from storeff import parts
from storeff.analysis import Measured, Sampling, measure
from storeff.estimate import cost
from storeff.scan.run import Progress
from storeff.scan.scan_part import ScanPart
from storeff.sources.object_client import Access, Meter
from storeff.sources.object_store import ObjectStores

__all__ = ["s3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def of_files(folder: Path) -> dict[str, Any]:
    return placeless(measure(folder))


def merged(name: str | Path, count: int, **asked: Any) -> Measured:
    """All shards of ``name``, written, read and merged in some order."""
    made = [parts.measure_shard([name], (i, count), **asked) for i in range(count)]
    written = [part.to_bytes() for part in made if part is not None]
    random.Random(1).shuffle(written)
    return parts.merge({str(i): ScanPart.from_bytes(b) for i, b in enumerate(written)})


def asked_of(s3: S3) -> tuple[int, int]:
    return len(s3.requests("LIST")), len(s3.requests("GET")) + len(s3.requests("HEAD"))


# ---- the same report ----


def test_in_shards(s3: S3, folder: Path, of_files: dict[str, Any]) -> None:
    upload(s3, folder, "data/")
    found = merged("s3://bucket/data", 7)
    assert placeless(found) == of_files == placeless(merged(folder, 7))
    assert found.scan.requests is not None
    assert (found.scan.requests.list, found.scan.requests.get) == asked_of(s3)


@pytest.mark.parametrize("goal", [{"share": 0.5}, {"size_bytes": 4 << 20}])
def test_a_sample_in_shards(
    s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch, goal: dict[str, Any]
) -> None:
    # As if opening took so long that a part is cheaper than everything.
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    upload(s3, folder, "data/")
    sampling = Sampling(**goal)
    whole = placeless(measure(folder, sampling=sampling))
    found = placeless(merged("s3://bucket/data", 3, sampling=sampling))
    assert found == whole


def test_on_processes(s3: S3, folder: Path, of_files: dict[str, Any]) -> None:
    upload(s3, folder, "data/")
    found = measure("s3://bucket/data", executor="processes:2")
    assert placeless(found) == of_files
    assert found.scan.requests is not None
    assert (found.scan.requests.list, found.scan.requests.get) == asked_of(s3)


def test_a_sample_on_processes(s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    upload(s3, folder, "data/")
    sampling = Sampling(share=0.5)
    whole = placeless(measure(folder, sampling=sampling))
    found = measure("s3://bucket/data", sampling=sampling, executor="processes:2")
    assert placeless(found) == whole
    assert found.scan.requests is not None
    assert (found.scan.requests.list, found.scan.requests.get) == asked_of(s3)


@needs_dask
def test_on_workers_of_dask(s3: S3, folder: Path, tmp_path: Path, of_files: dict[str, Any]) -> None:
    upload(s3, folder, "data/")
    with cluster(tmp_path) as made:
        made.worker("--no-nanny")
        found = measure("s3://bucket/data", executor=f"dask:{made.file}")
    assert placeless(found) == of_files
    assert found.scan.requests is not None
    assert (found.scan.requests.list, found.scan.requests.get) == asked_of(s3)


def test_on_workers_that_share_memory_requests_count_once(
    s3: S3, folder: Path, of_files: dict[str, Any]
) -> None:
    upload(s3, folder, "data/")
    found = measure("s3://bucket/data", executor="test_remote:made_here")
    assert placeless(found) == of_files
    assert found.scan.requests is not None
    assert (found.scan.requests.list, found.scan.requests.get) == asked_of(s3)


def test_resumed_from_a_checkpoint(
    s3: S3, folder: Path, tmp_path: Path, of_files: dict[str, Any]
) -> None:
    upload(s3, folder, "data/")
    stop = threading.Event()

    def show(progress: Progress) -> None:
        if progress.done_bytes > 2 << 20:
            stop.set()

    words: dict[str, Any] = {"checkpoint": tmp_path, "threads": 1}
    cut = measure("s3://bucket/data", **words, stop=stop, on_progress=show)
    assert cut.scan.interrupted == "reading"
    assert placeless(measure("s3://bucket/data", **words, resume=True)) == of_files


def test_by_the_command_line(s3: S3, folder: Path, tmp_path: Path) -> None:
    upload(s3, folder, "data/")
    storeff("scan", "s3://bucket/data", "-q", "-o", tmp_path / "whole")
    named = [tmp_path / f"{i}.part" for i in range(2)]
    for i, path in enumerate(named):
        done = storeff("scan", "s3://bucket/data", "--shard", f"{i}/2", "-q", "-o", path)
        assert done.returncode == 0, done.stderr
    done = storeff("merge", *named, "-q", "-o", tmp_path / "merged")
    assert done.returncode == 0, done.stderr
    whole, found = (timeless(tmp_path / name) for name in ("whole", "merged"))
    for report in (whole, found):
        del report["scan"]["requests"]
    assert found == whole


# ---- what is kept, and sent ----


def test_credentials_are_neither_kept_nor_sent(
    s3: S3, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("AKIDNEVERTOBEKEPT", "neverToBeKept/secret", "neverToBeKept/token")
    for name, value in zip(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), secrets, strict=True
    ):
        monkeypatch.setenv(name, value)
    s3.put("data/a", b"some text " * 9000)
    part = parts.measure_shard("s3://bucket/data", (0, 1))
    assert part is not None
    measure("s3://bucket/data", checkpoint=tmp_path)
    source = ObjectStores(["s3://bucket/data"])
    assert [*source.list()]
    kept = [part.to_bytes(), (tmp_path / "scan.part").read_bytes(), pickle.dumps(source)]
    for data in kept:
        assert any(each in data for each in spellings("bucket/data"))
        assert not any(each in data for secret in secrets for each in spellings(secret))


def spellings(text: str) -> list[bytes]:
    """``text`` as it is, and what it shows as in base64, wherever it begins there."""
    shifted = [base64.b64encode(bytes(lead) + text.encode())[4:-4] for lead in range(3)]
    return [text.encode(), *shifted]


def test_a_task_that_is_sent_has_its_share_of_the_requests(
    s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tasks in flight together make no more than were asked for."""
    rates: list[float | None] = []

    def waiting(meter: Meter) -> None:
        if meter.is_sent:
            rates.append(meter.requests_per_second)

    monkeypatch.setattr(Meter, "wait", waiting)
    upload(s3, folder, "data/")
    access = Access(requests_per_second=3e6)
    measure("s3://bucket/data", access=access, executor=f"{__name__}:as_if_sent")
    assert {*rates} == {1e6}


def as_if_sent() -> Any:
    """Three threads whose tasks come to them as to another process."""
    from concurrent.futures import ThreadPoolExecutor

    class Sending(ThreadPoolExecutor):
        def submit(self, function: Any, *words: Any) -> Any:  # type: ignore[override]
            return super().submit(function, *pickle.loads(pickle.dumps(words)))

    return Sending(3)
