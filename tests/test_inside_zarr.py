"""What is inside a chunk of Zarr, told by its array's metadata and by itself."""

import gzip
import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cli import everything

from storeff.errors import ContradictionError
from storeff.sources.entry import Entry
from storeff.sources.formats import UNTOLD, Inside
from storeff.sources.formats.readers import Looker
from storeff.sources.source import Source, entries, read_range
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource

# Of 10 by 10 numbers of 4 bytes.
CHUNK_BYTES = 400
RAW = np.arange(100, dtype=np.float32).tobytes()
FRAME = zstandard.compress(RAW)
ABSENT = (1 << 64) - 1


def version_2(compressor: str | None, **more: object) -> bytes:
    step = None if compressor is None else {"id": compressor}
    found = {"zarr_format": 2, "chunks": [10, 10], "shape": [15, 15], "dtype": "<f4"}
    return json.dumps(found | {"compressor": step, "filters": None} | more).encode()


def version_3(*codecs: object, **more: object) -> bytes:
    found = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [15, 15],
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10, 10]}},
        "codecs": [{"name": "bytes"}, *({"name": each} for each in codecs)],
        "attributes": {"missing": float("nan")},
    }
    return json.dumps(found | more).encode()


def sharded(*codecs: str, **more: object) -> bytes:
    """Shards of two by two chunks of 10 by 10."""
    configuration = {
        "chunk_shape": [10, 10],
        "codecs": [{"name": "bytes"}, *({"name": each} for each in codecs)],
        "index_codecs": [{"name": "bytes"}, {"name": "crc32c"}],
    }
    return version_3(
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [20, 20]}},
        codecs=[{"name": "sharding_indexed", "configuration": configuration | more}],
    )


def shard(chunks: list[bytes | None], *, first: bool = False) -> bytes:
    """A shard as zarr-python writes it, whose checksum is nobody's here."""
    index_bytes = 16 * len(chunks) + 4
    at = index_bytes if first else 0
    index, data = b"", b""
    for chunk in chunks:
        place = (ABSENT, ABSENT) if chunk is None else (at + len(data), len(chunk))
        index += struct.pack("<QQ", *place)
        data += chunk or b""
    index += b"\1\2\3\4"
    return index + data if first else data + index


def blosc(
    payload: bytes, before: int = CHUNK_BYTES, flags: int = 4 << 5, stored: int = -1
) -> bytes:
    after = 16 + len(payload) if stored < 0 else stored
    return struct.pack("<BBBBIII", 2, 1, flags, 4, before, before, after) + payload


def inside(objects: Mapping[str, bytes], path: str) -> Inside:
    """What is told of the object at ``path``, which looks like nothing."""
    source = MemorySource()
    for name, content in objects.items():
        source.put(name.encode(), content)
    entry = next(each for each in entries(source) if each.path == path.encode())
    return told_of(entry, source, Looker(source))


def told_of(entry: Entry, source: Source, looker: Looker) -> Inside:
    with source.open(entry) as reader:
        return looker.inside(entry, "binary", lambda at, length: read_range(reader, at, length))


@pytest.mark.parametrize(
    ("path", "metadata", "at"),
    [
        ("a/0.0", version_2("zstd"), "a/.zarray"),
        ("0.0", version_2("zstd"), ".zarray"),
        ("a/0/1", version_2("zstd"), "a/.zarray"),
        ("image/0/1/1", version_2("zstd"), "image/0/.zarray"),
        ("a/c/0/1", version_3("zstd"), "a/zarr.json"),
        ("c/0/1", version_3("zstd"), "zarr.json"),
        ("a/c.0.1", version_3("zstd"), "a/zarr.json"),
        ("a/0.1", version_3("zstd"), "a/zarr.json"),
        ("c/0.1", version_2("zstd"), "c/.zarray"),
    ],
)
def test_a_chunk_is_known_by_its_array_wherever_that_is(
    path: str, metadata: bytes, at: str
) -> None:
    assert inside({at: metadata, path: FRAME}, path) == Inside("zstd", CHUNK_BYTES / len(FRAME))


@pytest.mark.parametrize(
    ("path", "metadata", "at"),
    [
        ("a/0", version_2("zstd"), "a/.zarray"),
        ("a/0.0.0", version_2("zstd"), "a/.zarray"),
        ("a/b/0.0", version_2("zstd"), "a/.zarray"),
        ("a/x0.0", version_2("zstd"), "a/.zarray"),
        ("a/0.0", b'{"zarr_format": 2}', "a/.zarray"),
        ("a/0.0", version_2("zstd", chunks=[-1, 10]), "a/.zarray"),
        ("a/0.0", version_2("zstd", chunks=[1 << 40, 1 << 40]), "a/.zarray"),
        ("a/0.0", version_2("zlib", chunks=[0, 10]), "a/.zarray"),
        ("a/0.0", version_2("zlib", dtype="|S0"), "a/.zarray"),
        ("a/0.0", b"[" * 100_000, "a/.zarray"),
        ("a/0.0", b"\xff", "a/.zarray"),
        ("a/0.0", version_3("zstd", node_type="group"), "a/zarr.json"),
        ("a/0.0", version_2("zstd") + b" " * (1 << 20), "a/.zarray"),
    ],
)
def test_other_objects_are_no_chunks(path: str, metadata: bytes, at: str) -> None:
    assert inside({at: metadata, path: FRAME}, path) == UNTOLD


def test_a_chunk_without_dimensions() -> None:
    raw = bytes(4)
    told = Inside("none", 1.0, {"float32": 4})
    assert inside({"a/.zarray": version_2(None, chunks=[]), "a/0": raw}, "a/0") == told
    grid = {"name": "regular", "configuration": {"chunk_shape": []}}
    metadata = version_3(shape=[], chunk_grid=grid)
    assert inside({"a/zarr.json": metadata, "a/c": raw}, "a/c") == told


def test_metadata_of_an_array_are_read_once() -> None:
    class Counting(MemorySource):
        asked = 0

        def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
            Counting.asked += 1
            return super().read_beside(entry, relative, bytes_max)

    source = Counting()
    source.put(b"a/.zarray", version_2("zstd"))
    for i in range(50):
        source.put(b"a/%d/%d" % (i % 7, i), FRAME)
    looker = Looker(source)
    for entry in entries(source):
        if entry.path != b"a/.zarray":
            assert told_of(entry, source, looker).codec == "zstd"
    assert Counting.asked == 1


# What chunks say of themselves


def test_blosc_tells_its_codec_and_its_bytes() -> None:
    chunk = blosc(bytes(84))
    told = inside({"a/.zarray": version_2("blosc"), "a/0.0": chunk}, "a/0.0")
    assert told == Inside("blosc-zstd", 4.0)


def test_what_blosc_only_copied_is_not_compressed() -> None:
    chunk = blosc(RAW, flags=2)
    told = inside({"a/.zarray": version_2("blosc"), "a/0.0": chunk}, "a/0.0")
    assert told == Inside("none", CHUNK_BYTES / len(chunk), {"float32": len(chunk)})


def test_items_without_a_size_are_told_by_the_chunk() -> None:
    metadata = version_2("zstd", dtype="|O", filters=[{"id": "vlen-utf8"}])
    assert inside({"a/.zarray": metadata, "a/0.0": FRAME}, "a/0.0").expansion == 400 / len(FRAME)
    metadata = version_2("zlib", dtype="|O", filters=[{"id": "vlen-utf8"}])
    assert inside({"a/.zarray": metadata, "a/0.0": b"x"}, "a/0.0") == Inside("zlib", None)


def test_a_filter_that_leaves_fewer_bytes_counts_as_what_the_application_did() -> None:
    chunk = zstandard.compress(bytes(range(100)))
    metadata = version_2("zstd", filters=[{"id": "fixedscaleoffset"}])
    told = inside({"a/.zarray": metadata, "a/0.0": chunk}, "a/0.0")
    assert told == Inside("zstd", CHUNK_BYTES / len(chunk))


def test_a_checksum_behind_a_chunk_is_none_of_it() -> None:
    chunk = blosc(bytes(84)) + b"1234"
    told = inside({"a/zarr.json": version_3("blosc", "crc32c"), "a/c/0/0": chunk}, "a/c/0/0")
    assert told == Inside("blosc-zstd", CHUNK_BYTES / len(chunk))


def test_codecs_that_are_unknown_have_their_name() -> None:
    metadata = version_3("numcodecs.pco\ud800" + "x" * 50)
    told = inside({"a/zarr.json": metadata, "a/c/0/0": bytes(100)}, "a/c/0/0")
    assert told == Inside("pco?xxxxxxxxxxxxxxxx", 4.0)


def test_an_expansion_that_no_codec_reaches_is_not_believed() -> None:
    metadata = version_2("zlib", chunks=[1 << 20, 1 << 20])
    assert inside({"a/.zarray": metadata, "a/0.0": b"x" * 9}, "a/0.0") == Inside("zlib", None)


@pytest.mark.parametrize(
    ("compressor", "chunk"),
    [
        (None, RAW[:-4]),
        ("zstd", zstandard.compress(RAW * 2)),
        ("zstd", RAW),
        ("gzip", gzip.compress(RAW * 2)),
        ("gzip", RAW),
        ("lz4", struct.pack("<I", 404) + bytes(20)),
        ("blosc", blosc(bytes(84), before=404)),
        ("blosc", blosc(bytes(84), stored=101)),
        ("blosc", b"short"),
    ],
)
def test_a_chunk_that_its_array_does_not_describe_is_a_contradiction(
    compressor: str | None, chunk: bytes
) -> None:
    with pytest.raises(ContradictionError):
        inside({"a/.zarray": version_2(compressor), "a/0.0": chunk}, "a/0.0")


# Shards


@pytest.mark.parametrize("first", [False, True])
def test_a_shard_tells_of_the_chunks_that_are_there(first: bool) -> None:
    data = shard([FRAME, None, FRAME, None], first=first)
    metadata = sharded("zstd", index_location="start" if first else "end")
    told = inside({"a/zarr.json": metadata, "a/c/0/0": data}, "a/c/0/0")
    assert told == Inside("zstd", 2 * CHUNK_BYTES / len(data))


def test_a_shard_without_chunks_tells_nothing() -> None:
    data = shard([None] * 4)
    assert inside({"a/zarr.json": sharded("zstd"), "a/c/0/0": data}, "a/c/0/0") == UNTOLD


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        shard([FRAME, FRAME, None, None])[1:],
        struct.pack("<8Q", 0, 1 << 63, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT) + bytes(4),
        FRAME + struct.pack("<8Q", *[0, len(FRAME)] * 4) + bytes(4),
        shard([zstandard.compress(RAW * 2), None, None, None]),
    ],
)
def test_a_shard_with_an_impossible_index_is_a_contradiction(data: bytes) -> None:
    with pytest.raises(ContradictionError):
        inside({"a/zarr.json": sharded("zstd"), "a/c/0/0": data}, "a/c/0/0")


def test_shards_in_shards_are_not_looked_into() -> None:
    data = shard([FRAME] * 4)
    told = inside({"a/zarr.json": sharded("sharding_indexed"), "a/c/0/0": data}, "a/c/0/0")
    assert told == UNTOLD


# Anything


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(max_examples=300)
@given(
    metadata=st.sampled_from([version_2("blosc"), version_3("zstd"), sharded("gzip")]),
    key=st.sampled_from(["chunks", "dtype", "compressor", "filters", "codecs", "data_type"]),
    value=VALUES,
    data=st.binary(max_size=200),
)
def test_no_metadata_and_no_chunk_break_it(
    metadata: bytes, key: str, value: object, data: bytes
) -> None:
    changed = json.dumps(json.loads(metadata) | {key: value}).encode()
    try:
        told = inside({"a/.zarray": changed, "a/zarr.json": changed, "a/0.0": data}, "a/0.0")
    except ContradictionError:
        return
    assert told.expansion is None or told.expansion >= 0
    json.dumps(told.codec, ensure_ascii=False).encode()


# As zarr-python writes it


def written(path: Path, array: "np.ndarray[Any, Any]", **terms: Any) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    made = zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, **terms)
    made[...] = array


@pytest.mark.parametrize(
    ("terms", "codec", "side"),
    [
        # Chunks at the edges are whole.
        ({"zarr_format": 2, "chunks": (30, 30)}, "zstd", 90),
        ({"zarr_format": 2, "chunks": (30, 30), "compressors": None}, "none", 90),
        ({"zarr_format": 3, "chunks": (30, 30)}, "zstd", 90),
        ({"zarr_format": 3, "chunks": (10, 10), "shards": (50, 50)}, "zstd", 80),
    ],
)
def test_arrays_of_zarr_python_tell_what_they_hold(
    tmp_path: Path, terms: dict[str, Any], codec: str, side: int
) -> None:
    array = np.random.default_rng(1).integers(1, 50, (80, 80)).astype(np.int64)
    written(tmp_path / "a.zarr", array, **terms)
    source = LocalTree([bytes(tmp_path)])
    looker = Looker(source)
    before = after = 0.0
    for entry in entries(source):
        if b"zarr.json" in entry.path or b"/.z" in entry.path:
            continue
        told = told_of(entry, source, looker)
        assert told.codec == codec
        assert told.expansion is not None
        before += told.expansion * entry.size_bytes
        after += entry.size_bytes
    assert before == pytest.approx(side * side * array.itemsize)
    assert (after < before / 3) == (codec == "zstd")


def test_a_scan_tells_how_much_zarr_is_compressed(tmp_path: Path) -> None:
    chunks = tmp_path / "a" / "c" / "0"
    chunks.mkdir(parents=True)
    (tmp_path / "a" / "zarr.json").write_bytes(version_3("blosc"))
    for i in range(100):
        (chunks / str(i)).write_bytes(blosc(random.Random(i).randbytes(84)))
    (chunks / "100").write_bytes(RAW)
    seen = everything("scan", tmp_path)
    [row] = [line for line in seen.splitlines() if "blosc-zstd" in line]
    assert "4.0" in row
    assert "1 object could not be looked into" in seen
