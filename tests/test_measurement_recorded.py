"""Measurements of the binary form are read for ever, and give what they gave; or are refused."""

import gzip
import json
import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.golden import GOLDEN
from support.scans import assert_same, columns_of, probed

from storeff.errors import StoreffError
from storeff.estimate.reduction import reduce
from storeff.scan.binary import VERSION
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import CUTTINGS, HEADLINE, Plan
from storeff.scan.probe import Prober
from storeff.scan.sampling import SamplingDesign
from storeff.testing import MemorySource

RECORDED = GOLDEN / "measurements"
# What this version reads. Version 1 held other samples of compression, and is refused.
READ = sorted((RECORDED / str(VERSION)).glob("*.gz"))
REFUSED = sorted((RECORDED / "1").glob("*.gz"))
KIB = 1 << 10
# Few chunks are kept, so that files are small; all that one reduction needs.
PLAN = Plan(
    chunkers=tuple(
        msgspec.structs.replace(c, entries=200) for c in CUTTINGS if c.name == HEADLINE.chunker
    ),
    probed=tuple(each for each in Plan().probed if each.chunker == HEADLINE.chunker),
)


def source(copies: str = "ab") -> MemorySource:
    """Files of one size, each of them several times, and a run."""
    made, draw = MemorySource(read_bytes=1 << 20), random.Random(7)
    for i in range(160):
        content = draw.randbytes(8 * KIB) + bytes(8 * KIB) + draw.randbytes(9 * KIB + i)
        for copy in copies:
            made.put(f"{copy}/{i}".encode(), content)
    made.put(b"run", b"\xff" * (300 * KIB))
    return made


def full() -> Measurement:
    """Of which every occurrence is probed."""
    return probed(source(), PLAN, 160)


def windows() -> Measurement:
    """Of which some windows are."""
    return probed(source("abcde"), PLAN, 160, 120)


def sample() -> Measurement:
    listing = Listing(source(), SamplingDesign())
    listing.count(threading.Event())
    partial = PartialScan(listing, PLAN)
    partial.extend(0.6)
    prober = Prober(source(), PLAN)
    found = prober.distinct(
        partial.result(), dict.fromkeys(columns_of(PLAN, per_occurrence=False), 120)
    )
    wanted = dict.fromkeys(columns_of(PLAN, per_occurrence=True), 1)
    return replace(found, occurrences=prober.occurrences(prober.draw(), wanted))


def figures(measured: Measurement) -> Any:
    """All but shards, which are measured beside a measurement."""
    made = json.loads(msgspec.json.encode(reduce(measured)))
    del made["shards"], made["inside"]
    return made


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


def record(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` with STOREFF_WRITE_GOLDEN set, if there is no record yet: what
    an older storeff wrote stays."""
    if os.environ.get("STOREFF_WRITE_GOLDEN") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("made", [full, windows, sample])
def test_what_is_written_now_has_a_record(made: Callable[[], Measurement]) -> None:
    """A change of the form or of what is measured needs a new record, and a new version."""
    measured = replace(made(), cpu_seconds=0.0)
    path = RECORDED / str(VERSION) / f"{made.__name__}.gz"
    record(path, gzip.compress(measured.to_bytes(), mtime=0))
    recorded = Measurement.from_bytes(gzip.decompress(path.read_bytes()))
    assert recorded.plan == measured.plan
    assert_same(recorded, measured)


@pytest.mark.parametrize("path", READ, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_recorded_measurement_gives_the_figures_that_it_gave(path: Path) -> None:
    found = figures(Measurement.from_bytes(gzip.decompress(path.read_bytes())))
    record(path.with_suffix(".json"), json.dumps(found, indent=1).encode() + b"\n")
    assert_close(found, json.loads(path.with_suffix(".json").read_text()))


@pytest.mark.parametrize("path", REFUSED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_cannot_be_converted_is_refused(path: Path) -> None:
    with pytest.raises(StoreffError, match=r"format 1, .* it reads format 2") as raised:
        Measurement.from_bytes(gzip.decompress(path.read_bytes()))
    assert raised.value.remedy == "measure the data again"


def test_there_are_records_of_both() -> None:
    assert (len(READ), len(REFUSED)) == (3, 2)
