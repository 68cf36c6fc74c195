"""Checkpoints n and n + 1: which files are siblings, and what XOR leaves of their byte planes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from storeff.estimate.siblings import sibling_pairs as estimated_pairs
from storeff.scan import siblings
from storeff.scan.plan import Plan, Similarity
from storeff.scan.run import scan
from storeff.scan.siblings import Siblings, byte_planes, measure_siblings, sibling_pairs

ITEMS = 400_000


def safetensors(items: np.ndarray[tuple[int], np.dtype[np.float32]], note: str = "") -> bytes:
    data = items.tobytes()
    header = {
        "__metadata__": {"note": note},
        "w": {"dtype": "F32", "shape": [len(items)], "data_offsets": [0, len(data)]},
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def weights(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal(ITEMS, np.float32)


def names_of(root: Path) -> list[tuple[str, str]]:
    similar = scan([root], Plan(similarity=Similarity())).similar
    assert similar is not None
    return [
        (os.fsdecode(os.path.relpath(base.path, os.fsencode(root))),
         os.fsdecode(os.path.relpath(file.path, os.fsencode(root))))
        for base, file in sibling_pairs(similar.tensors)
    ]  # fmt: skip


def measured(root: Path, seed: int = 1) -> Siblings:
    similar = scan([root], Plan(similarity=Similarity())).similar
    assert similar is not None
    return measure_siblings(similar.tensors, seed)


def test_siblings_are_neighbours_by_number_not_by_letter(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        (tmp_path / f"step-{step}.safetensors").write_bytes(safetensors(weights(step)))
    assert names_of(tmp_path) == [
        ("step-9.safetensors", "step-10.safetensors"),
        ("step-10.safetensors", "step-100.safetensors"),
    ]


def test_a_shard_is_compared_with_itself_in_the_other_checkpoint(tmp_path: Path) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}").mkdir()
        for shard in (1, 2):
            content = safetensors(weights(shard))
            (tmp_path / f"step-{step}" / f"model-{shard}-of-2.safetensors").write_bytes(content)
    assert names_of(tmp_path) == [
        (f"step-1/model-{n}-of-2.safetensors", f"step-2/model-{n}-of-2.safetensors") for n in (1, 2)
    ]


def test_files_of_other_sizes_and_text_have_no_siblings(tmp_path: Path) -> None:
    (tmp_path / "a-1.bin").write_bytes(weights(1).tobytes())
    (tmp_path / "a-2.bin").write_bytes(weights(2)[:-100].tobytes())
    for name in ("b-1.txt", "b-2.txt"):
        (tmp_path / name).write_bytes(b"the same words again and again\n" * 60_000)
    assert names_of(tmp_path) == []


def test_a_small_change_costs_little_as_xor(tmp_path: Path) -> None:
    first = weights(1)
    (tmp_path / "step-1.safetensors").write_bytes(safetensors(first, "one"))
    second = first.copy()
    second.view(np.uint32)[::7] ^= 3
    (tmp_path / "step-2.safetensors").write_bytes(safetensors(second, "number two"))
    [pair] = estimated_pairs(measured(tmp_path))
    assert pair.item_bytes == 4
    assert (pair.blocks, pair.all_blocks) == (25, 25)
    assert pair.changed_bytes.value == 4 * ITEMS
    assert pair.xor_bytes.value is not None
    assert pair.planes_bytes.value is not None
    assert pair.xor_bytes.value < 0.1 * pair.planes_bytes.value
    assert pair.xor_bytes.low == pair.xor_bytes.high


def test_equal_blocks_are_left_to_deduplication(tmp_path: Path) -> None:
    first = weights(1)
    second = first.copy()
    second[20_000:20_010] += 1
    for name, items in (("1", first), ("2", second)):
        (tmp_path / f"step-{name}.bin").write_bytes(items.tobytes())
    [pair] = estimated_pairs(measured(tmp_path))
    assert pair.changed_bytes.value == siblings.BLOCK_BYTES


def test_other_tensors_under_an_equal_size_are_no_pair(tmp_path: Path) -> None:
    content = safetensors(weights(1))
    (tmp_path / "a-1.safetensors").write_bytes(content)
    (tmp_path / "a-2.safetensors").write_bytes(content.replace(b'"w"', b'"v"', 1))
    found = measured(tmp_path)
    assert (found.pairs, found.refusals) == ([], [])


def test_a_file_that_is_gone_is_reported(tmp_path: Path) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}.bin").write_bytes(weights(step).tobytes())
    similar = scan([tmp_path], Plan(similarity=Similarity())).similar
    assert similar is not None
    os.unlink(tmp_path / "step-2.bin")
    found = measure_siblings(similar.tensors, 1)
    assert [(r.reason, r.size_bytes) for r in found.refusals] == [("vanished", 4 * ITEMS)]


def test_of_too_many_blocks_and_pairs_some_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = weights(1)
    for step in range(4):
        (tmp_path / f"step-{step}.bin").write_bytes((items + np.float32(step)).tobytes())
    monkeypatch.setattr(siblings, "BLOCKS_MAX", 8)
    monkeypatch.setattr(siblings, "PAIRS_MAX", 2)
    found = measured(tmp_path)
    assert (len(found.pairs), found.too_many) == (2, 1)
    for pair in estimated_pairs(found):
        assert (pair.blocks, pair.all_blocks) == (8, 25)
        assert pair.xor_bytes.low is not None
        assert pair.xor_bytes.value is not None
        assert pair.xor_bytes.low < pair.xor_bytes.value


def test_byte_planes_hold_every_byte_once() -> None:
    assert byte_planes(b"aAbBcC", 2) == b"abcABC"
    assert byte_planes(b"aAbBc", 2) == b"abABc"
    assert byte_planes(b"", 4) == b""
