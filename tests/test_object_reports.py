"""A bucket has the report of the same files, but for its name, times and what only files have."""

from pathlib import Path
from typing import Any

import pytest
from support.buckets import mixed, s3, upload
from support.reports import placeless
from support.s3_server import S3

from storeff.analysis import Sampling, measure
from storeff.estimate import cost
from storeff.estimate.reading import EVERYTHING
from storeff.scan.pace import Pace

__all__ = ["s3"]

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


def report_of(name: str, **asked: Any) -> dict[str, Any]:
    """What is comparable of the report on ``name``."""
    return placeless(measure(name, **asked))


@pytest.mark.parametrize("asked", [{}, {"table": "full"}, {"similarity": True}])
def test_of_everything(s3: S3, asked: dict[str, Any]) -> None:
    upload(s3, SAMPLES, "data/")
    assert report_of("s3://bucket/data", **asked) == report_of(str(SAMPLES), **asked)


def test_of_large_objects(s3: S3, tmp_path: Path) -> None:
    upload(s3, mixed(tmp_path), "")
    of_bucket = report_of("s3://bucket", sampling=EVERYTHING, threads=3)
    assert of_bucket == report_of(str(tmp_path), sampling=EVERYTHING)


@pytest.mark.parametrize("goal", [{"share": 0.5}, {"size_bytes": 4 << 20}])
def test_of_a_sample(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goal: dict[str, Any]
) -> None:
    """Drawn by name, size and path below the root: the same extents are read of both."""
    # As if opening took so long that a part is cheaper than everything.
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    upload(s3, mixed(tmp_path), "data/")
    sampling = Sampling(**goal)
    of_files = report_of(str(tmp_path), sampling=sampling)
    assert 0 < of_files["scan"]["read_bytes"] < of_files["scan"]["logical_bytes"]
    assert report_of("s3://bucket/data", sampling=sampling) == of_files


def test_a_read_rate_is_kept_for_what_is_fetched(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads, and what lies between ranges that are fetched together, come on top of it."""
    waited: list[int] = []
    monkeypatch.setattr(Pace, "wait", lambda self, read_bytes: waited.append(read_bytes))
    upload(s3, mixed(tmp_path), "")
    found = measure("s3://bucket", sampling=EVERYTHING, bytes_per_second=1e9)
    assert found.scan.requests is not None
    assert found.scan.requests.fetched_bytes <= 1.15 * sum(waited)
