"""What is inside HDF5 files, told by libhdf5 in a process that may fail."""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cli import everything

from storeff.errors import ContradictionError
from storeff.estimate.inside import inside_of
from storeff.scan.inside import Look, Looks
from storeff.sources.formats import UNTOLD, Inside, hdf5
from storeff.sources.formats.hdf5 import Hdf5

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

NUMBERS = np.arange(10_000, dtype=np.float32).reshape(100, 100)
# Of a process that takes the place of the one with libhdf5: it says that it is ready.
READY = "import os, signal, struct, sys, time\nos.write(1, b'!')\n"
GOT = READY + "sys.stdin.buffer.read(8)\n"


@pytest.fixture
def looking() -> Iterator[Hdf5]:
    made = Hdf5()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Hdf5]:
    made = Hdf5()
    yield made
    made.close()


def written(fill: Callable[[Any], object], **terms: object) -> bytes:
    made = io.BytesIO()
    with h5py.File(made, "w", **terms) as file:
        fill(file)
    return made.getvalue()


def inside(data: bytes, looking: Hdf5) -> Inside:
    def read(offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > len(data):
            raise ContradictionError("it points beyond its own end")
        return data[offset : offset + length]

    return looking.inside(read, len(data))


def several(file: Any) -> None:
    file.create_dataset("a", data=NUMBERS, chunks=(10, 10), compression="gzip", shuffle=True)
    file.create_dataset("deep/er/b", data=np.arange(500, dtype=np.int16))
    file.create_dataset("c", data=np.array([b"words"] * 9))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_datasets_tell_their_codec_and_what_they_were(shared: Hdf5, libver: str) -> None:
    data = written(several, libver=libver)
    with h5py.File(io.BytesIO(data)) as file:
        stored = file["a"].id.get_storage_size()
    told = inside(data, shared)
    assert told.codec == "gzip"
    assert told.expansion == pytest.approx((40_000 + 1000 + 45) / (stored + 1000 + 45))
    other = len(data) - stored - 1045
    assert told.parts == {"compressed": stored, "int16": 1000, "string": 45, "other": other}


def test_only_what_is_compressed_of_a_file_counts_as_reduced() -> None:
    told = Inside("gzip", 1.5, {"compressed": 300, "float32": 600, "other": 100})
    looks = Looks(
        np.zeros(1, np.uint64), np.zeros(1), np.ones(1, np.uint64), np.inf, {0: Look("hdf5", told)}
    )
    found = inside_of(looks)
    assert found is not None
    assert found.reduced_share.value == 0.3


@pytest.mark.parametrize(
    ("terms", "codec"),
    [
        ({"compression": "lzf", "shuffle": True}, "lzf"),
        ({"compression": 32001, "allow_unknown_filter": True}, "blosc"),
        ({"compression": 32999, "allow_unknown_filter": True}, "filter 32999"),
        ({"chunks": (10, 10), "shuffle": True, "fletcher32": True}, "none"),
        ({"chunks": (10, 10)}, "none"),
        ({}, "none"),
    ],
)
def test_filters_have_their_names(shared: Hdf5, terms: dict[str, Any], codec: str) -> None:
    def fill(file: Any) -> None:
        if not terms.get("allow_unknown_filter"):
            file.create_dataset("a", data=NUMBERS, **terms)
            return
        made = file.create_dataset("a", (10, 10), "f4", chunks=(10, 10), **terms)
        made.id.write_direct_chunk((0, 0), b"a chunk that a plugin made")

    told = inside(written(fill), shared)
    assert told.codec == codec
    assert told.expansion == (pytest.approx(1.0, rel=0.05) if codec == "none" else told.expansion)


def test_a_chunk_that_its_filter_left_out_is_not_compressed(shared: Hdf5) -> None:
    def fill(file: Any) -> None:
        made = file.create_dataset("a", (20,), "f4", chunks=(10,), compression="gzip")
        made.id.write_direct_chunk((0,), bytes(20))
        made.id.write_direct_chunk((10,), bytes(40), filter_mask=1)

    told = inside(written(fill), shared)
    assert (told.codec, told.expansion) == ("gzip", 80 / 60)
    assert told.parts["compressed"] == 20
    assert told.parts["float32"] == 40


def test_chunks_that_were_never_written_were_nothing_before(shared: Hdf5) -> None:
    def fill(file: Any) -> None:
        made = file.create_dataset("a", (10**9,), "f4", chunks=(100,), compression="gzip")
        made.id.write_direct_chunk((0,), bytes(50))

    assert inside(written(fill), shared).expansion == 8.0


def test_of_many_chunks_the_first_stand_for_all(shared: Hdf5) -> None:
    def fill(file: Any) -> None:
        made = file.create_dataset("a", (5000, 10), "f4", chunks=(1, 10), compression="gzip")
        for i in range(5000):
            made.id.write_direct_chunk((i, 0), bytes(20))

    told = inside(written(fill, libver="latest"), shared)
    assert (told.codec, told.expansion) == ("gzip", 2.0)
    assert told.parts == {"compressed": 5000 * 20}


def test_of_many_datasets_the_first_are_looked_at(shared: Hdf5) -> None:
    def fill(file: Any) -> None:
        for i in range(300):
            file.create_dataset(f"{i:03}", data=np.zeros(10, np.int16))

    assert inside(written(fill), shared) == Inside("none", 1.0, {"int16": 128 * 20})


def test_of_a_file_of_groups_nothing_is_told(shared: Hdf5) -> None:
    data = written(lambda file: [file.create_group(f"{i}") for i in range(6000)])
    assert inside(data, shared) == UNTOLD


# Hostile files


def test_links_are_followed_in_no_circle_and_to_no_other_file(tmp_path: Path, shared: Hdf5) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = NUMBERS
        layout = h5py.VirtualLayout((100, 100), "f4")
        layout[:] = h5py.VirtualSource(file["x"])

    def fill(file: Any) -> None:
        several(file)
        file["again"] = file["a"]
        file["deep/circle"] = file["/"]
        file["soft"] = h5py.SoftLink("/soft")
        file["external"] = h5py.ExternalLink(str(other), "/x")
        file.create_virtual_dataset("virtual", layout)
        outside = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("outside", data=NUMBERS, external=outside)

    told = inside(written(fill), shared)
    alone = inside(written(several), shared)
    assert (told.codec, told.expansion) == (alone.codec, alone.expansion)


def test_groups_in_groups_come_to_an_end(looking: Hdf5) -> None:
    def fill(file: Any) -> None:
        group = file
        for _ in range(1500):
            group = group.create_group("g")
        group.create_dataset("a", data=NUMBERS)

    try:
        inside(written(fill), looking)
    except ContradictionError:
        assert looking.failures in (0, 1)
    assert inside(written(several), looking).codec == "gzip"


def test_a_file_that_is_none_is_a_contradiction(shared: Hdf5) -> None:
    for data in (b"\x89HDF\r\n\x1a\n" + bytes(600), written(several)[:3000]):
        with pytest.raises(ContradictionError, match="libhdf5 cannot read it"):
            inside(data, shared)
    assert shared.failures == 0


WHOLE = written(several), written(several, libver="latest")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(8, 6000), st.integers(0, 255)), max_size=20),
)
def test_no_bytes_break_a_scan(shared: Hdf5, whole: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for at, byte in changes:
        data[at] = byte
    try:
        told = inside(bytes(data), shared)
    except ContradictionError:
        # A crash would be no fault of ours, but for the next file.
        shared.failures = 0
        return
    assert told.expansion is None or told.expansion >= 0
    assert all(0 <= size <= len(data) for size in told.parts.values())


# A process that fails


def instead(script: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "child.py"
    path.write_text(script)
    monkeypatch.setattr(hdf5, "_CHILD", path)


@pytest.mark.parametrize(
    "script",
    [
        GOT + "os.kill(os.getpid(), signal.SIGSEGV)",
        GOT + "time.sleep(60)",
        GOT + "os.write(1, b'=' + struct.pack('<Q', 1 << 40))",
        GOT + "os.write(1, b'=' + struct.pack('<Q', 1) + b'{')",
        GOT + "os.write(1, b'=' + struct.pack('<Q', 14) + b'{\"before\": \"1\"}')",
        GOT + "while True: os.write(1, struct.pack('<cQQ', b'?', 0, 9000)), os.read(0, 9000)",
        GOT + "os.write(1, struct.pack('<cQQ', b'?', 0, 1 << 62)), time.sleep(60)",
        READY + "os.close(0), time.sleep(60)",
    ],
)
def test_what_it_fails_on_costs_the_look_into_one_file(
    script: str, looking: Hdf5, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = hdf5._CHILD
    monkeypatch.setattr(hdf5, "LOOK_SECONDS", 0.5)
    instead(script, monkeypatch, tmp_path)
    begun = time.monotonic()
    with pytest.raises(ContradictionError, match="libhdf5 fails on it"):
        inside(WHOLE[0], looking)
    assert time.monotonic() - begun < 50
    monkeypatch.setattr(hdf5, "_CHILD", real)
    monkeypatch.setattr(hdf5, "LOOK_SECONDS", 50.0)
    assert inside(WHOLE[0], looking).codec == "gzip"


def test_after_many_failures_no_more_is_asked_of_it(
    looking: Hdf5, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead(GOT, monkeypatch, tmp_path)
    for _ in range(hdf5.FAILURES_MAX):
        with pytest.raises(ContradictionError):
            inside(WHOLE[0], looking)
    assert inside(WHOLE[0], looking) == UNTOLD


def test_without_h5py_nothing_is_told(
    looking: Hdf5, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instead("raise ImportError", monkeypatch, tmp_path)
    assert inside(WHOLE[0], looking) == UNTOLD


def test_an_error_of_the_source_is_passed_on_and_the_next_file_is_looked_into(
    looking: Hdf5,
) -> None:
    def read(offset: int, length: int) -> bytes:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        looking.inside(read, len(WHOLE[0]))
    assert inside(WHOLE[0], looking).codec == "gzip"


def test_much_is_read_of_no_file(looking: Hdf5, monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(several)
    asked = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal asked
        asked += length
        return data[offset : offset + length]

    assert looking.inside(read, len(data)).codec == "gzip"
    assert asked <= -(-len(data) // 65536) * 65536
    looking.close()
    monkeypatch.setattr(hdf5, "READ_BYTES_MAX", 1000)
    assert looking.inside(read, len(data)) == UNTOLD


def test_a_scan_tells_how_much_of_hdf5_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(WHOLE[0])
    (tmp_path / "b.nc").write_bytes(WHOLE[0][:3000])
    seen = everything("scan", tmp_path)
    assert any("hdf5" in line and "gzip" in line for line in seen.splitlines())
    assert any("hdf5" in line and "compressed" in line for line in seen.splitlines())
    [lost] = re.findall(
        r"1 object could not be looked into.* such as (\S+)", " ".join(seen.split())
    )
    assert lost.endswith("/b.nc")
