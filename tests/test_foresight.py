"""A dry run: what a scan would take is said before, and holds what it takes."""

import json
import random
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.buckets import s3, stored, upload
from support.cli import storeff
from support.contents import many_formats
from support.s3_server import S3

from storeff.analysis import Sampling, measure
from storeff.data import Assumption
from storeff.dry_run import foresee
from storeff.economics.requests import cost_of, load_requests
from storeff.estimate import cost
from storeff.estimate.reading import EVERYTHING, NOTHING_ASKED
from storeff.quantity import Span
from storeff.report.foreseen import CloudCost, Foreseen
from storeff.scan import storage
from storeff.scan.inside import look_into, most_asked
from storeff.scan.windows import draw_windows
from storeff.scan.worker import Worker
from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores

__all__ = ["s3"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small files and large ones."""
    source = random.Random(3)
    for i in range(30):
        (tmp_path / f"small-{i}").write_bytes(source.randbytes(10_000 + 300 * i) * 2)
    for i in range(4):
        (tmp_path / f"large-{i}").write_bytes(source.randbytes((3 << 19) + 1000 * i))
    return tmp_path


def within(span: Span | None, value: float) -> bool:
    assert span is not None
    return span.low <= value <= span.high


GOALS = [NOTHING_ASKED, EVERYTHING, Sampling(share=0.6), Sampling(half_width=0.5)]


@pytest.mark.parametrize("sampling", GOALS)
def test_what_is_foreseen_holds_what_is_done(
    s3: S3, tree: Path, monkeypatch: pytest.MonkeyPatch, sampling: Sampling
) -> None:
    # As if opening took so long that a part is cheaper than everything.
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    upload(s3, tree, "")
    said = foresee("s3://bucket", sampling=sampling)
    done = measure("s3://bucket", sampling=sampling).scan
    assert done.requests is not None
    assert (said.files, said.logical_bytes) == (done.files, done.logical_bytes)
    assert said.choice == done.choice
    assert within(said.list_requests, done.requests.list)
    assert within(said.get_requests, done.requests.get)
    assert within(said.fetched_bytes, done.requests.fetched_bytes)
    # Ranks of a few dozen extents are no even spread.
    assert said.read_bytes.low <= 2 * done.read_bytes
    assert done.read_bytes <= 2 * said.read_bytes.high


def test_the_requests_of_a_listing_by_several_streams_are_foreseen_with_a_margin(
    s3: S3, tree: Path
) -> None:
    upload(s3, tree, "")
    pages = 34
    assert foresee("s3://bucket").list_requests == Span(2, 2)
    s3.page_keys = 1
    said = foresee("s3://bucket").list_requests
    assert said is not None
    assert said.low >= pages
    assert 1.2 < said.high / said.low < 1.25


def test_looking_into_objects_takes_no_more_than_is_foreseen(s3: S3) -> None:
    source = stored(s3, many_formats(), Access())
    windows, _ = draw_windows(source, 1, None, threading.Event())
    most_requests, most_bytes = most_asked(windows)
    before = source.meter.asked
    looks = look_into(source, windows)
    asked = source.meter.asked
    told = {(look.content_class, look.inside.codec) for look in looks.looks.values()}
    assert told >= {("compressed", "gzip"), ("hdf5", "gzip")}
    # More than the heads, and no bound that says nothing.
    made = asked.get - before.get
    assert len(looks.looks) < made <= most_requests < 10 * made
    assert asked.fetched_bytes - before.fetched_bytes <= most_bytes


def test_a_scan_of_formats_takes_no_more_than_a_dry_run_says(s3: S3) -> None:
    for key, content in many_formats().items():
        s3.put(key, content)
    said = foresee("s3://bucket")
    done = measure("s3://bucket").scan.requests
    assert done is not None
    assert within(said.get_requests, done.get)
    assert within(said.fetched_bytes, done.fetched_bytes)


def test_a_full_scan_reads_what_is_stored(tree: Path) -> None:
    said = foresee(str(tree), sampling=EVERYTHING)
    assert said.read_bytes == Span(said.logical_bytes, said.logical_bytes)
    assert (said.fetched_bytes, said.get_requests, said.list_requests) == (None, None, None)
    assert said.costs == []


def test_a_share_is_that_share(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    said = foresee(str(tree), sampling=Sampling(share=0.1))
    assert said.read_bytes.low == said.read_bytes.high
    assert said.read_bytes.high / said.logical_bytes == pytest.approx(0.1)


def test_a_width_is_somewhere_between_a_first_look_and_everything(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    monkeypatch.setattr("storeff.estimate.reading.FIRST_BYTES", 1 << 20)
    said = foresee(str(tree), sampling=Sampling(half_width=0.01))
    assert said.read_bytes.low < said.logical_bytes / 5
    assert said.read_bytes.high >= said.logical_bytes


def test_no_more_time_is_foreseen_than_was_given(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    said = foresee(str(tree), sampling=Sampling(seconds=30.0))
    assert said.seconds.high <= 1.5 * 30


def test_nothing_is_read_but_to_see_how_fast_it_is(
    s3: S3, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(s3, tree, "")

    def never(self: Worker, task: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(Worker, "measure", never)
    foresee("s3://bucket")
    assert len(s3.requests("GET")) <= 2 * storage.PROBES


def test_what_cannot_be_read_is_said(s3: S3) -> None:
    s3.put("a", b"x" * 9, storage_class="GLACIER")
    [skipped] = foresee("s3://bucket").skipped
    assert (skipped.reason, skipped.bytes) == ("archived", 9)


# ---- what it costs ----


def costs(monkeypatch: pytest.MonkeyPatch, cloud: str) -> CloudCost:
    """As if the server of the tests were the cloud."""
    monkeypatch.setattr(ObjectStores, "clouds", property(lambda self: [cloud]))
    [found] = foresee("s3://bucket").costs
    return found


@pytest.mark.parametrize("cloud", ["s3", "gs", "az"])
def test_requests_and_what_leaves_the_region_are_priced(
    s3: S3, tree: Path, monkeypatch: pytest.MonkeyPatch, cloud: str
) -> None:
    upload(s3, tree, "")
    found = costs(monkeypatch, cloud)
    said = foresee("s3://bucket")
    prices = load_requests()[cloud]
    assert found.title == prices.title
    assert found.egress is not None
    assert found.requests is not None
    assert said.fetched_bytes is not None
    price = prices.egress_price
    low, high = price.range or (price.value, price.value)
    assert low is not None
    assert high is not None
    assert found.egress.low == pytest.approx(said.fetched_bytes.low / 1e9 * float(low))
    assert found.egress.high == pytest.approx(said.fetched_bytes.high / 1e9 * float(high))
    # Some thousand requests at half a dollar a million.
    assert 0 < found.requests.high < 0.05


def test_a_price_is_for_its_unit() -> None:
    price = Assumption(value=Fraction(2), low=Fraction(1), high=Fraction(4), unit="USD/GB")
    assert cost_of(Span(10, 20), price) == Span(10.0, 80.0)
    assert cost_of(Span(10, 20), Assumption(value=Fraction(2))) == Span(20.0, 40.0)
    assert cost_of(Span(10, 20), Assumption()) is None


def test_an_endpoint_of_ones_own_costs_nothing(s3: S3) -> None:
    s3.put("a", b"x")
    assert foresee("s3://bucket").costs == []


# ---- as people see it ----


def test_a_dry_run_is_a_few_lines(tree: Path) -> None:
    done = storeff("scan", tree, "--dry-run", "-q")
    assert done.returncode == 0, done.stderr
    labels = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert labels == ["Sources", "Listed", "Would read", "Because", "Time", "Memory"]


def test_a_dry_run_of_a_bucket_tells_of_requests(s3: S3, tree: Path) -> None:
    upload(s3, tree, "")
    done = storeff("scan", "s3://bucket", "--dry-run", "-q")
    assert "for objects" in done.stdout
    assert "that list" in done.stdout


def test_a_dry_run_is_json(tree: Path) -> None:
    done = storeff("scan", tree, "--dry-run", "-q", "--json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert list(said) == list(Foreseen.__struct_fields__)
    assert said["files"] == 34


def test_a_dry_run_of_what_cannot_all_be_read_says_so(s3: S3) -> None:
    s3.put("a", b"x" * 9, storage_class="GLACIER")
    done = storeff("scan", "s3://bucket", "--dry-run", "-q")
    assert done.returncode == 3
    assert "! 1 entry cannot be read (archived, 9 B)" in done.stdout


def test_a_dry_run_writes_no_report(tree: Path, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("out") / "r.json"
    done = storeff("scan", tree, "--dry-run", "-o", path)
    assert done.returncode == 2
    assert "a dry run makes no report" in done.stderr
    assert not path.exists()
