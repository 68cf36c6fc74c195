"""What objects would take if their application wrote them otherwise."""

import json
import random
import struct
import threading

import numpy as np
import pytest

from storeff.estimate.inside import Inside, inside_of
from storeff.scan import rewrites
from storeff.scan.inside import look_into
from storeff.scan.rewrites import planes, rewritten
from storeff.scan.windows import draw_windows
from storeff.testing import MemorySource

DRAW = random.Random(3)
CSV = b"id,city\n" + b"".join(
    b"%d,%s\n" % (i, DRAW.choice((b"Oslo", b"Rome"))) for i in range(5000)
)
JSON = b"".join(
    json.dumps({"id": i, "v": DRAW.randint(0, 9)}).encode() + b"\n" for i in range(5000)
)


def tensor_file(items: np.ndarray[tuple[int], np.dtype[np.float32]], dtype: str) -> bytes:
    data = items.tobytes()
    shape = [len(data) // rewrites._FLOATS[dtype]]
    fields = {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}
    head = json.dumps({"w": fields}).encode()
    return struct.pack("<Q", len(head)) + head + data


def figures(**objects: bytes) -> Inside:
    source = MemorySource(read_bytes=1 << 30)
    for name, content in objects.items():
        source.put(name.encode(), content)
    windows, _ = draw_windows(source, 1, None, threading.Event())
    looks = look_into(source, windows)
    found = inside_of(looks, rewritten(source, windows, looks))
    assert found is not None
    return found


def test_the_planes_of_floats_of_like_size_take_less_than_the_floats() -> None:
    items = np.random.default_rng(1).normal(0, 0.02, 100_000).astype(np.float32)
    made = planes(items.tobytes(), 4)
    assert made is not None
    assert made[0] == items.nbytes
    assert made[1] < 0.95 * items.nbytes
    noise = np.random.default_rng(1).bytes(40_000)
    assert planes(noise, 2) == (40_000, 40_000)
    assert planes(b"abc", 4) is None


def test_tensors_are_rewritten_beside_what_storage_leaves_of_them() -> None:
    items = np.random.default_rng(1).normal(0, 0.02, 50_000).astype(np.float32)
    content = tensor_file(items, "F32")
    [found] = figures(a=content).rewrites
    assert found.name == "floats in byte planes with zstd"
    assert found.piece_bytes == items.nbytes
    assert found.data_share.value == 1.0
    assert found.rewritten_ratio.value is not None
    assert found.stored_ratio.value is not None
    assert found.rewritten_ratio.value > found.stored_ratio.value > 1
    # One object says nothing of others.
    assert found.rewritten_ratio.low is None


def test_tables_are_rewritten_and_prose_is_not() -> None:
    pytest.importorskip("pyarrow", reason="rewriting tables needs pyarrow")
    prose = b"Once upon a time,\nthere was a text\nwith a comma, or two, in some of its lines.\n"
    found = figures(a=CSV, b=prose * 300, c=JSON)
    by_name = {each.name: each for each in found.rewrites}
    whole = len(CSV) + len(prose) * 300 + len(JSON)
    rows = by_name["CSV as Parquet with zstd"]
    assert rows.objects == 1
    assert rows.data_share.value == pytest.approx(len(CSV) / whole)
    assert rows.rewritten_ratio.value is not None
    assert rows.rewritten_ratio.value > 2
    assert by_name["JSON lines as Parquet with zstd"].piece_bytes == len(JSON)


def test_the_last_line_of_a_piece_may_be_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="rewriting tables needs pyarrow")
    monkeypatch.setattr(rewrites, "PIECE_BYTES", 10_001)
    [found] = figures(a=CSV).rewrites
    assert found.piece_bytes == CSV[:10_001].rfind(b"\n") + 1


def test_rewriting_changes_no_other_figure() -> None:
    items = np.random.default_rng(1).normal(0, 0.02, 50_000).astype(np.float32)
    source = MemorySource(read_bytes=1 << 30)
    source.put(b"a", tensor_file(items, "F32"))
    windows, _ = draw_windows(source, 1, None, threading.Event())
    looks = look_into(source, windows)
    alone, both = inside_of(looks), inside_of(looks, rewritten(source, windows, looks))
    assert alone is not None
    assert both is not None
    assert (alone.rows, alone.parts, alone.reduced_share) == (
        both.rows,
        both.parts,
        both.reduced_share,
    )
