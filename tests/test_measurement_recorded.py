"""Measurements of every version of the binary form are read for ever, and give what they gave."""

import gzip
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.golden import GOLDEN

from storeff.estimate.reduction import reduce
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import CHUNKERS, HEADLINE, Plan
from storeff.scan.run import scan
from storeff.scan.sampling import SamplingDesign
from storeff.testing import MemorySource

RECORDED = sorted((GOLDEN / "measurements").glob("*/*.gz"))
KIB = 1 << 10
# Few chunks are kept, so that files are small; all that one reduction needs.
PLAN = Plan(
    chunkers=tuple(
        msgspec.structs.replace(c, entries=200, compressed_entries=160)
        for c in CHUNKERS
        if c.name.startswith(HEADLINE.chunker)
    )
)


def source() -> MemorySource:
    """Files of one size, each of them twice, and a run."""
    made, draw = MemorySource(), random.Random(7)
    for i in range(160):
        content = draw.randbytes(8 * KIB) + bytes(8 * KIB) + draw.randbytes(9 * KIB + i)
        for copy in "ab":
            made.put(f"{copy}/{i}".encode(), content)
    made.put(b"run", b"\xff" * (300 * KIB))
    return made


def full() -> Measurement:
    return scan(source(), PLAN)


def sample() -> Measurement:
    listing = Listing(source(), SamplingDesign())
    listing.count(threading.Event())
    partial = PartialScan(listing, PLAN)
    partial.extend(0.6)
    return partial.result()


def figures(measured: Measurement) -> Any:
    return json.loads(msgspec.json.encode(reduce(measured)))


def assert_close(one: Any, other: Any, where: str = "") -> None:
    """Both are equal, but for the last digits of floats: libraries of linear algebra differ."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_close(value, other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for i, value in enumerate(one):
            assert_close(value, other[i], f"{where}[{i}]")
    elif isinstance(one, int | float) and isinstance(other, int | float):
        assert one == pytest.approx(other, rel=1e-6), where
    else:
        assert one == other, where


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_recorded_measurement_gives_the_figures_that_it_gave(path: Path) -> None:
    measured = Measurement.from_bytes(gzip.decompress(path.read_bytes()))
    assert_close(figures(measured), json.loads(path.with_suffix(".json").read_text()))


@pytest.mark.parametrize("made", [full, sample])
def test_what_is_written_now_has_a_record(made: Callable[[], Measurement]) -> None:
    """A change of the form or of what is measured needs a new record, and a new version."""
    measured = made()
    path = GOLDEN / "measurements" / "1" / f"{made.__name__}.gz"
    recorded = Measurement.from_bytes(gzip.decompress(path.read_bytes()))
    assert recorded.plan == measured.plan
    assert_close(figures(recorded), figures(measured))
