"""Sharing by block key: how much, at which size of chunks, and never mixed with that of bytes."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.kv.trace.prefix import chunk_sharing, key_sharing, rechunk
from storeff.kv.trace.read import Trace, read_trace
from storeff.kv.trace.replay import Caches

TOKENS = 4


def trace_of(folder: Path, requests: Sequence[tuple[int, str]]) -> Trace:
    """Requests of (input tokens, a letter a block of four tokens)."""
    path = folder / "trace.jsonl"
    path.write_text(
        "".join(
            json.dumps({"timestamp": t, "input_length": n, "hash_ids": list(ids)}) + "\n"
            for t, (n, ids) in enumerate(requests)
        )
    )
    return read_trace(path, block_tokens=TOKENS)


def test_chunks_of_two_blocks_share_less(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, [(20, "ABCDE"), (14, "ABCX"), (10, "ABC"), (10, "ABC")])
    one, two = chunk_sharing(trace, (1, 2))
    # A B C D E, X of two tokens, and C of two tokens: the same key as the whole C.
    assert (one.chunks, one.unique_chunks, one.tokens) == (15, 6, 54)
    assert (one.unique_tokens, one.partial_tokens) == (22, 6)
    assert one.token_hit_rate == (12 + 10 + 10) / 54
    assert one.whole_token_hit_rate == (12 + 8 + 8) / 54
    # AB CD E|, AB CX|, AB C|, AB C|
    assert (two.chunk_tokens, two.chunks, two.unique_chunks) == (8, 9, 5)
    assert two.token_hit_rate == (8 + 8 + 10) / 54
    assert two.whole_token_hit_rate == (8 + 8 + 8) / 54
    assert two.partial_tokens == 4 + 6 + 2 + 2
    assert two.unique_tokens == 28
    assert two.padding_tokens == 5 * 8 - 28
    assert two.dedup_ratio == 54 / 28


def test_a_chunk_that_goes_on_elsewhere_is_not_the_same(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, [(12, "ABC"), (16, "ABCD"), (12, "ABC")])
    assert rechunk(trace, 2).keys.tolist() == [0, 1, 0, 2, 0, 1]


def test_whole_chunks_leave_out_the_rest_but_not_its_tokens(tmp_path: Path) -> None:
    trace = rechunk(trace_of(tmp_path, [(12, "ABC"), (16, "ABCD"), (3, "E")]), 2, whole_only=True)
    assert trace.offsets.tolist() == [0, 1, 3, 3]
    assert trace.input_tokens.sum() == 31
    assert trace.last_tokens.tolist() == [8, 8, 8]


def test_a_chunk_of_no_blocks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="0 blocks"):
        rechunk(trace_of(tmp_path, [(4, "A")]), 0)


requests = st.lists(st.text("AB", max_size=9), min_size=1, max_size=8).filter(any)


@given(requests, st.integers(1, 4))
def test_rechunking_is_cutting_the_prompts_anew(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str], factor: int
) -> None:
    folder = tmp_path_factory.mktemp("rechunk")
    trace = trace_of(folder, [(len(ids) * TOKENS, ids) for ids in prompts])
    made = rechunk(trace, factor)
    seen: dict[str, int] = {}
    hit = 0
    for ids, begin, end in zip(prompts, made.offsets[:-1], made.offsets[1:], strict=True):
        cuts = [ids[: min(i + factor, len(ids))] for i in range(0, len(ids), factor)]
        known = [cut in seen for cut in cuts]
        leading = known.index(False) if False in known else len(known)
        hit += len(cuts[leading - 1]) if leading else 0
        keys = [seen.setdefault(cut, len(seen)) for cut in cuts]
        assert made.keys[begin:end].tolist() == keys
    assert made.unique == len(seen)
    assert Caches(made).unlimited().hit_tokens == hit * TOKENS


def test_dumps_share_by_key() -> None:
    made = key_sharing(
        [("a", 256, 1000), ("b", 256, 1000), ("a", 256, 1000), (("a", "layer 1"), 256, 1000)]
    )
    assert (made.blocks, made.unique_blocks) == (4, 3)
    assert (made.bytes, made.unique_bytes, made.byte_dedup_ratio) == (4000, 3000, 4 / 3)
    assert (made.tokens, made.unique_tokens, made.size_disagrees) == (1024, 768, 0)


def test_unknown_tokens_make_their_sum_unknown() -> None:
    made = key_sharing([("a", None, 10), ("b", 5, 10)])
    assert (made.tokens, made.unique_tokens, made.bytes) == (None, None, 20)


def test_blocks_of_one_key_and_two_sizes_are_counted() -> None:
    made = key_sharing([("a", 5, 10), ("a", 6, 12), ("a", 5, 10)])
    assert (made.unique_bytes, made.unique_tokens, made.size_disagrees) == (12, 6, 1)


def test_no_dumps_share_nothing() -> None:
    assert key_sharing([]).byte_dedup_ratio is None
