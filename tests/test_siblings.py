"""Checkpoints n and n + 1: which files are siblings, and what XOR leaves of their byte planes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from support.cli import storeff
from support.dump_files import kv_bits, with_header
from support.dump_files import safetensors as kv_safetensors
from support.scans import scan

from storeff.estimate.siblings import estimated_pairs
from storeff.kv.dumps import looks_like
from storeff.scan import siblings
from storeff.scan.plan import Plan, Similarity
from storeff.scan.siblings import (
    BLOCK_BYTES,
    PairSample,
    Siblings,
    byte_planes,
    measure_siblings,
    sibling_pairs,
)
from storeff.sources.tree import LocalTree

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
    similar = scan([root], Plan(similarity=Similarity()), is_kv=looks_like).similar
    assert similar is not None
    return [
        (os.fsdecode(base.entry.path), os.fsdecode(file.entry.path))
        for base, file in sibling_pairs(LocalTree([root]), similar.tensors)
    ]


def measured(root: Path, seed: int = 1) -> Siblings:
    similar = scan([root], Plan(similarity=Similarity()), is_kv=looks_like).similar
    assert similar is not None
    return measure_siblings(LocalTree([root]), similar.tensors, seed)


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


def test_holes_of_both_files_are_no_blocks_of_tensors(tmp_path: Path) -> None:
    first = weights(1).tobytes()
    for name, at in (("step-1.bin", 1 << 39), ("step-2.bin", 1 << 38)):
        with open(tmp_path / name, "wb") as file:
            file.write(first)
            file.seek(at)
            file.write(b"\x01" * BLOCK_BYTES)
            file.truncate(1 << 40)
    [pair] = estimated_pairs(measured(tmp_path))
    # Both have the first 25 blocks; the islands are in one each, as a granule of two blocks.
    assert (pair.blocks, pair.all_blocks) == (30, 30)
    assert pair.changed_bytes.low == pair.changed_bytes.high == 2 * BLOCK_BYTES


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
    assert (found.pairs, found.skipped) == ([], [])


# A header beyond what classifying looks at: only reading it shows that it is not true.
LONG = 70_000
DATA = weights(3).tobytes()
TRUE: dict[str, object] = {"dtype": "F32", "shape": [ITEMS], "data_offsets": [0, 4 * ITEMS]}


def headed(text: str) -> bytes:
    return with_header(text.encode().ljust(LONG), DATA)


def header_of(**tensors: dict[str, object]) -> str:
    return json.dumps(tensors)


BROKEN = {
    "no JSON": '{"w": ' + "[" * LONG,
    "no object for a tensor": '{"w": 3}',
    "two tensors of a name": f'{{"w": {json.dumps(TRUE)}, "w": {json.dumps(TRUE)}}}',
    "no place": '{"w": {"dtype": "F32", "shape": [2]}}',
    "a place that is no number": header_of(w={**TRUE, "data_offsets": [0, "z"]}),
    "a shape of another length": header_of(w={**TRUE, "shape": [1 << 62, 4]}),
    "beyond the file": header_of(w={**TRUE, "shape": [1 << 40], "data_offsets": [0, 1 << 42]}),
    "not all of the file": header_of(w={**TRUE, "shape": [9], "data_offsets": [0, 36]}),
    "one tensor over another": header_of(a=TRUE, b=TRUE),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_header_that_is_not_true_costs_its_file_only(tmp_path: Path, text: str) -> None:
    for step in (1, 2, 3):
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(header_of(w=TRUE)))
    (tmp_path / "a-4.safetensors").write_bytes(headed(text))
    found = measured(tmp_path)
    assert [os.path.basename(pair.file) for pair in found.pairs] == [
        b"a-2.safetensors",
        b"a-3.safetensors",
    ]
    [item] = found.skipped
    assert (item.reason, item.size_bytes) == (
        "malformed",
        8 + max(LONG, len(text)) + len(DATA),
    )
    assert os.path.basename(item.path) == b"a-4.safetensors"


def test_a_file_that_keeps_two_others_from_it_is_reported_once(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        text = header_of(w=TRUE) if step != 2 else BROKEN["no place"]
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(text))
    found = measured(tmp_path)
    assert found.pairs == []
    assert [os.path.basename(r.path) for r in found.skipped] == [b"a-2.safetensors"]


def test_the_header_of_a_large_shard_is_read(tmp_path: Path) -> None:
    empty = {"dtype": "F32", "shape": [0, 4096], "data_offsets": [0, 0]}
    text = json.dumps({f"model.experts.{i}.weight": empty for i in range(20_000)} | {"w": TRUE})
    for step in (1, 2):
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(text))
    [pair] = measured(tmp_path).pairs
    assert pair.all_blocks == 25


def test_a_long_metadata_is_read_and_is_no_other_layout(tmp_path: Path) -> None:
    for step in (1, 2):
        text = header_of(__metadata__={"tags": '"a": 1, ' * 9_000 + str(step)}, w=TRUE)
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(text))
    assert len(measured(tmp_path).pairs) == 1


@pytest.mark.parametrize(
    ("limit", "most"), [("HEADER_BYTES_MAX", LONG - 1), ("HEADER_VALUES_MAX", 8)]
)
def test_a_header_too_long_to_read_is_reported_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    for step in (1, 2):
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(header_of(w=TRUE)))
    monkeypatch.setattr(siblings, limit, most)
    found = measured(tmp_path)
    assert (found.pairs, [r.reason for r in found.skipped]) == ([], ["too-long-header"])


def test_what_the_scan_takes_for_plain_bytes_has_no_header(tmp_path: Path) -> None:
    cut_off = safetensors(weights(1))[:-4]
    for step in (1, 2):
        (tmp_path / f"a-{step}.safetensors").write_bytes(cut_off)
    [pair] = measured(tmp_path).pairs
    assert pair.sizes.sum() == len(cut_off)


def test_a_dump_padded_to_a_page_is_compared_from_its_tensors_on(tmp_path: Path) -> None:
    for seed in (1, 2):
        content = kv_safetensors({"kvcache": kv_bits(2, 8, 256, 256, seed=seed)}, pad=4088)
        (tmp_path / f"a-{seed}.safetensors").write_bytes(content + bytes(100))
    [pair] = measured(tmp_path).pairs
    assert pair.sizes.sum() == 2 * 2 * 8 * 256 * 256 + 100


def test_a_header_written_over_since_the_scan_has_changed_and_is_not_malformed(
    tmp_path: Path,
) -> None:
    for step in (1, 2):
        (tmp_path / f"a-{step}.safetensors").write_bytes(safetensors(weights(step)))
    similar = scan([tmp_path], Plan(similarity=Similarity())).similar
    assert similar is not None
    with open(tmp_path / "a-2.safetensors", "r+b") as file:
        file.seek(8)
        file.write(b'{"x"')
    assert [
        r.reason for r in measure_siblings(LocalTree([tmp_path]), similar.tensors, 1).skipped
    ] == ["changed"]


def test_the_scan_command_names_a_file_with_a_broken_header(tmp_path: Path) -> None:
    for step, text in ((1, header_of(w=TRUE)), (2, BROKEN["no place"])):
        (tmp_path / f"a-{step}.safetensors").write_bytes(headed(text))
    words = ("--similarity", "-q", "--full", "--layout", "ceph-ec-8-3")
    done = storeff("scan", tmp_path, *words, env={**os.environ, "COLUMNS": "400"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 file not compared with a sibling: malformed, such as" in done.stdout
    assert f"{tmp_path}/a-2.safetensors; write the file again" in " ".join(done.stdout.split())


def test_a_file_that_is_gone_is_reported(tmp_path: Path) -> None:
    for step in (1, 2):
        (tmp_path / f"step-{step}.bin").write_bytes(weights(step).tobytes())
    similar = scan([tmp_path], Plan(similarity=Similarity())).similar
    assert similar is not None
    os.unlink(tmp_path / "step-2.bin")
    found = measure_siblings(LocalTree([tmp_path]), similar.tensors, 1)
    assert [(r.reason, r.size_bytes) for r in found.skipped] == [("vanished", 4 * ITEMS)]


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


@pytest.mark.parametrize("changed_blocks", [0, 2, 100, 1000, 1900, 1990, 1999, 2000])
def test_the_intervals_of_drawn_blocks_hold_the_truth(changed_blocks: int) -> None:
    draw = np.random.default_rng(changed_blocks)
    sizes = np.full(2000, BLOCK_BYTES)
    sizes[-1] = 100
    changed = draw.permutation(2000) < changed_blocks
    planes = changed * np.minimum(draw.integers(50_000, 66_000, 2000), sizes + 12)
    data_bytes = int(sizes.sum())
    held = np.zeros(2)
    for _ in range(300):
        r = np.sort(draw.choice(2000, 256, replace=False))
        columns = sizes[r], changed[r], planes[r], planes[r]
        part = PairSample(b"/a", b"/b", data_bytes, 4, 2000, data_bytes, *columns)
        [pair] = estimated_pairs(Siblings([part], [], 0))
        for i, (found, truth) in enumerate(
            ((pair.changed_bytes, (sizes * changed).sum()), (pair.planes_bytes, planes.sum()))
        ):
            assert found.value is not None
            assert found.low is not None
            assert found.high is not None
            assert found.low <= found.value <= found.high
            held[i] += found.low <= truth <= found.high
    assert (held >= 0.9 * 300).all()


def test_byte_planes_hold_every_byte_once() -> None:
    assert byte_planes(b"aAbBcC", 2) == b"abcABC"
    assert byte_planes(b"aAbBc", 2) == b"abABc"
    assert byte_planes(b"", 4) == b""
