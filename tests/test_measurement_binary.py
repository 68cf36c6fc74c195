"""The binary form of a measurement: exact both ways, and nothing else is read."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scans import SMALL, assert_same, count, fill, probed, scan

from storeff.errors import StoreffError
from storeff.scan import occurrences
from storeff.scan.binary import MAGIC, from_bytes, to_bytes
from storeff.scan.envelope import DIGEST_BYTES
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan, Similarity
from storeff.scan.sampling import SamplingDesign
from storeff.sources.tree import LocalTree

# The magic word, the version, and the length of the head.
FIXED_BYTES = len(MAGIC) + 4 + 8


def sample(tree: Path, rate: float = 0.5) -> Measurement:
    design = SamplingDesign(seed=3, extent_bytes=128 << 10)
    partial = PartialScan(count(LocalTree([tree]), design), SMALL)
    partial.extend(rate)
    return partial.result()


def in_full(tree: Path, *, exact: bool) -> Measurement:
    """What is probed of a scan, and of all windows or some; a hole is among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "EXACT_BYTES", 16 << 20 if exact else 1)
        return probed(LocalTree([tree]), SMALL, 10, 50)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fill(tmp_path_factory.mktemp("tree"))
    with open(root / "sparse", "wb") as file:
        file.write(b"data" * 100_000)
        file.truncate(1 << 20)
    return root


@pytest.fixture(scope="module", params=["full", "sample", "similar", "probed", "windows"])
def measured(request: pytest.FixtureRequest, tree: Path) -> Measurement:
    if request.param == "sample":
        return sample(tree)
    if request.param in ("probed", "windows"):
        return in_full(tree, exact=request.param == "probed")
    plan = Plan(similarity=Similarity(entries=50)) if request.param == "similar" else SMALL
    return scan([tree], plan)


def assert_equal(one: Measurement, other: Measurement) -> None:
    assert_same(one, other)
    for field in ("plan", "kernel", "tasks", "cpu_seconds"):
        assert getattr(one, field) == getattr(other, field), field
    assert (one.sampling is None) == (other.sampling is None)
    if one.sampling is not None and other.sampling is not None:
        for name in one.sampling.__dataclass_fields__:
            assert np.array_equal(getattr(one.sampling, name), getattr(other.sampling, name)), name
    if one.similar is not None and other.similar is not None:
        assert np.array_equal(one.similar.members, other.similar.members)
        assert (one.similar.tau, one.similar.tensors) == (other.similar.tau, other.similar.tensors)
        assert dict(one.similar.files) == dict(other.similar.files)


def test_what_is_read_is_what_was_written(measured: Measurement) -> None:
    written = measured.to_bytes()
    read = Measurement.from_bytes(written)
    assert_equal(read, measured)
    assert read.to_bytes() == written


def test_counts_of_exabytes_are_written_exactly(measured: Measurement) -> None:
    huge = msgspec.structs.replace(measured.census, size_bytes=5 * 10**19, allocated_bytes=2**70)
    census = from_bytes(to_bytes(replace(measured, census=huge))).census
    assert (census.size_bytes, census.allocated_bytes) == (5 * 10**19, 2**70)


def signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "no measurement"),
        (lambda data: b"PK" + data[2:], "no measurement"),
        (lambda data: data[: len(MAGIC)], "format 0"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[: FIXED_BYTES + 9], "cut short"),
        (lambda data: data + b"\0", "cut short"),
        (lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:], "cut short"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "cut short"),
        (lambda data: signed(data[:-DIGEST_BYTES] + b"\0"), "not as long as it says"),
        (lambda data: signed(data[: -DIGEST_BYTES - 8]), "not as long as it says"),
        (
            lambda data: signed(
                data[: len(MAGIC)] + (3).to_bytes(4, "little") + data[len(MAGIC) + 4 : -32]
            ),
            "format 3, and this storeff reads 2",
        ),
    ],
)
def test_what_is_damaged_is_refused(
    measured: Measurement, damage: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(StoreffError, match=message):
        from_bytes(damage(measured.to_bytes()))


def with_head(data: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """``data`` with another head, and a digest that fits."""
    at = FIXED_BYTES + int.from_bytes(data[FIXED_BYTES - 8 : FIXED_BYTES], "little")
    head = msgspec.json.decode(data[FIXED_BYTES:at])
    change(head)
    encoded = msgspec.json.encode(head)
    length = len(encoded).to_bytes(8, "little")
    return signed(data[: FIXED_BYTES - 8] + length + encoded + data[at:-DIGEST_BYTES])


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("plan"),
        lambda head: head.update(plan={"seed": "x"}),
        lambda head: head.update(classes=["text"]),
        lambda head: head["sketches"].pop(),
        lambda head: head["sketches"].append(head["sketches"][0]),
        lambda head: head["sketches"][0].update(rows=-1),
        lambda head: head["sketches"][0].update(rows=1 << 60),
        lambda head: head["sketches"][1].update(tau=1e-300),
        lambda head: head["plan"]["chunkers"][1].update(entries=4),
        lambda head: head.update(read_bytes="much"),
        lambda head: head["sketches"][1].update(probed=3),
        lambda head: head["sketches"][1].update(taus=[0.5]),
        lambda head: head["sketches"][1].update(taus=[-1.0, 0.0]),
        lambda head: head.update(occurrences={}),
    ],
)
def test_a_head_that_does_not_fit_what_follows_is_refused(
    measured: Measurement, change: Callable[[dict[str, object]], object]
) -> None:
    with pytest.raises(StoreffError, match="the measurement is wrong"):
        from_bytes(with_head(measured.to_bytes(), change))


@settings(max_examples=100)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), data=st.data())
def test_any_changed_byte_that_has_a_digest_that_fits_is_refused_or_read(
    tree: Path, position: float, value: int, data: st.DataObject
) -> None:
    """The digest is no secret: what a hostile file says must raise StoreffError or make sense."""
    written = bytearray(_written(tree, data.draw(st.sampled_from(["full", "sample", "windows"]))))
    del written[-DIGEST_BYTES:]
    written[int(position * len(written))] ^= value
    try:
        read = from_bytes(signed(bytes(written)))
    except StoreffError:
        return
    assert from_bytes(read.to_bytes()).to_bytes() == read.to_bytes()


_WRITTEN: dict[tuple[Path, str], bytes] = {}


def _written(tree: Path, what: str) -> bytes:
    if (tree, what) not in _WRITTEN:
        makers = {"full": lambda: scan([tree], SMALL), "sample": lambda: sample(tree)}
        made = makers.get(what, lambda: in_full(tree, exact=False))()
        _WRITTEN[tree, what] = made.to_bytes()
    return _WRITTEN[tree, what]


def test_windows_that_cannot_be_are_refused(tree: Path) -> None:
    measured = in_full(tree, exact=False)
    found = measured.occurrences
    assert found is not None
    assert len(found.hole_ranks)
    for wrong in (
        {"probed": found.sizes + np.uint32(1)},
        {"lengths": np.zeros_like(found.lengths)},
        {"ranks": np.full_like(found.ranks, np.nan)},
        {"hole_ranks": -found.hole_ranks},
        {"taus": -found.taus},
        {"tau": float(found.taus.max()) / 2},
        {"data_bytes": -1},
    ):
        broken = replace(measured, occurrences=replace(found, **wrong))
        with pytest.raises(StoreffError, match="its windows"):
            from_bytes(broken.to_bytes())


def test_chunks_that_take_more_than_their_size_are_refused(tree: Path) -> None:
    measured = in_full(tree, exact=False)
    sketch = measured.sketches["cdc-8KiB"]
    broken = replace(sketch, probed=sketch.probed + np.uint32(20_000))
    sketches = {**measured.sketches, "cdc-8KiB": broken}
    with pytest.raises(StoreffError, match="cdc-8KiB has chunks that take more than their size"):
        from_bytes(replace(measured, sketches=sketches).to_bytes())


def test_a_prediction_of_more_than_the_chunk_is_refused(tree: Path) -> None:
    measured = scan([tree], SMALL)
    sketch = measured.sketches["fixed-128KiB"]
    assert sketch.predicted.any()
    broken = replace(sketch, predicted=sketch.predicted + np.uint32(200_000))
    sketches = {**measured.sketches, "fixed-128KiB": broken}
    with pytest.raises(StoreffError, match="fixed-128KiB has chunks that take more than their"):
        from_bytes(replace(measured, sketches=sketches).to_bytes())


def test_random_bytes_are_refused() -> None:
    source = random.Random(5)
    for length in (0, 1, 16, 40, 60, 1000):
        with pytest.raises(StoreffError):
            from_bytes(signed(MAGIC + (2).to_bytes(4, "little") + source.randbytes(length)))
