"""What a codec would leave of a chunk, from a look at a part of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.native import RANDOM, SEED, contents

from storeff._native import Scanner, fingerprint, predict, rank
from storeff.scan.united import united

WORDS = [b"chunk", b"of", b"the", b"store", b"a", b"is", b"\n", b"0x", b"deduplicated"]
CHUNKER = (4096, 8192, 100, True)


def noise(length: int, draw: random.Random) -> bytes:
    return draw.randbytes(length)


def text(length: int, draw: random.Random) -> bytes:
    return b" ".join(draw.choices(WORDS, k=length))[:length]


def few_values(length: int, draw: random.Random) -> bytes:
    return bytes(draw.choices(range(3), k=length))


def runs(length: int, draw: random.Random) -> bytes:
    made = b"".join(bytes([draw.randrange(3)]) * draw.randrange(1, 90) for _ in range(length))
    return made[:length]


def copies(length: int, draw: random.Random) -> bytes:
    """Noise that comes again at any distance, and any alignment."""
    made = draw.randbytes(1 + length // 9)
    while len(made) < length:
        at = draw.randrange(len(made))
        made += made[at : at + draw.randrange(60)] + draw.randbytes(draw.randrange(9))
    return made[:length]


@given(
    kind=st.sampled_from([noise, text, few_values, runs, copies]),
    length=st.integers(1, 5000) | st.integers(4090, 4100) | st.integers(1, 100_000),
    seed=st.integers(0, 99),
)
def test_predicts_what_the_oracle_does(
    kind: Callable[[int, random.Random], bytes], length: int, seed: int
) -> None:
    data = kind(length, random.Random(seed))
    assert predict(data) == oracle.predict(data)


@given(contents().filter(bool))
def test_short_chunks(data: bytes) -> None:
    assert predict(data) == oracle.predict(data)


@pytest.mark.parametrize("length", range(1, 40))
def test_the_shortest(length: int) -> None:
    for data in (RANDOM[:length], bytes(length), (b"abcd" * length)[:length]):
        assert predict(data) == oracle.predict(data)


@pytest.mark.parametrize("length", [4095, 4096, 65_536, 600_000])
def test_noise_is_literals_that_no_code_shortens_much(length: int) -> None:
    literal_bytes, coded_bytes = predict(RANDOM[:length])
    assert literal_bytes == length
    counts = np.bincount(np.frombuffer(sampled(RANDOM[:length]), np.uint8))
    shares = counts[counts > 0] / counts.sum()
    entropy_bytes = length * -(shares * np.log2(shares)).sum() / 8
    assert coded_bytes == pytest.approx(entropy_bytes, abs=0.5 + 2e-5 * length)


def sampled(data: bytes) -> bytes:
    """What is looked at of ``data``."""
    if len(data) < 4096:
        return data
    starts = [i * (len(data) - 512) // 7 for i in range(8)]
    return b"".join(data[start : start + 512] for start in starts)


def test_a_run_is_one_literal_and_one_match() -> None:
    assert predict(b"x" * 4000) == (1, 2)
    assert predict(b"x" * 40_960) == (10, 15)


def test_a_repeated_word_is_found_at_the_very_start() -> None:
    assert predict(b"wordwords") == (5, round((5 * math.log2(5) - 2) / 8 + 1.5))


def test_logarithms_are_close_and_never_fall() -> None:
    found = [oracle.log2_fixed(n) for n in range(1, 4097)]
    assert found == sorted(found)
    for n, each in enumerate(found, 1):
        assert each == pytest.approx(2**16 * math.log2(n), abs=3)


def test_a_chunk_has_at_least_a_byte() -> None:
    with pytest.raises(ValueError, match="not empty"):
        predict(b"")


# ---- in a sketch ----


def scanned(data: bytes, chunker: tuple[int, int, int, bool] = CHUNKER) -> Scanner:
    scanner = Scanner([chunker], SEED)
    scanner.scan_contents(data, [(0, len(data), 1, 0, 0, 0, len(data), 0.0)])
    return scanner


def test_all_that_a_sketch_keeps_is_predicted_whatever_it_refused() -> None:
    export = scanned(RANDOM, (4096, 8192, 30, True)).export(0)
    assert len(export["keys"]) == 30
    assert export["tau"] < math.inf
    rows = (export[name].tolist() for name in ("offsets", "sizes", "predicted"))
    for offset, size, found in zip(*rows, strict=True):
        assert found == [*predict(RANDOM[offset : offset + size])]


def test_what_ranks_above_a_limit_is_kept_and_not_predicted() -> None:
    every = scanned(RANDOM).export(0)
    ranks = rank(every["keys"], every["sizes"], SEED)
    scanner = Scanner([CHUNKER], SEED)
    scanner.limit(0, math.inf, float(ranks[5]))
    scanner.scan_contents(RANDOM, [(0, len(RANDOM), 1, 0, 0, 0, len(RANDOM), 0.0)])
    found = scanner.export(0)
    assert (found["keys"] == every["keys"]).all()
    assert (found["predicted"][:5] == every["predicted"][:5]).all()
    assert not found["predicted"][5:].any()


def test_only_a_chunker_that_predicts_does() -> None:
    assert not scanned(RANDOM, (4096, 8192, 30, False)).export(0)["predicted"].any()


def test_a_chunk_that_was_only_counted_is_predicted_when_its_data_comes() -> None:
    data = RANDOM[:5000]
    counted = Scanner([(5000, 5000, 9, True)], SEED)
    key = np.array([oracle.key_of(fingerprint(data))], np.uint64)
    one = np.ones(1, np.uint64)
    counted.add(0, key, 5000 * one, one, np.ones((1, 2), np.uint64))
    assert counted.export(0)["predicted"].tolist() == [[0, 0]]
    parts = [SimpleNamespace(**counted.export(0))]
    counted.scan_contents(data, [(0, 5000, 1, 0, 0, 0, 5000, 0.0)])
    assert counted.export(0)["predicted"].tolist() == [[*predict(data)]]
    parts.append(SimpleNamespace(**counted.export(0)))
    for order in (parts, parts[::-1]):
        assert united(order, 9, SEED)["predicted"].tolist() == [[*predict(data)]]


def test_every_row_of_a_chunk_of_a_sample_has_its_prediction() -> None:
    block = RANDOM[:4096]
    scanner = Scanner([(4096, 4096, 9, True)], SEED, is_sample=True)
    rows = [(0, 4096, 1, number, 0, 0, 4096, number / 4) for number in (1, 2, 3)]
    scanner.scan_contents(block, rows)
    assert scanner.export(0)["predicted"].tolist() == [[*predict(block)]] * 3


def test_only_the_lowest_ranks_of_a_large_sketch_are_predicted() -> None:
    """Whatever the order in which chunks come, and however many were kept on the way."""
    block, count, capacity = 64, 90_000, 1 << 16
    data = random.Random(5).randbytes(block * count)
    plan = [(block, block, capacity, True)]

    def scanned(parts: list[bytes]) -> Scanner:
        scanner = Scanner(plan, SEED)
        for number, part in enumerate(parts):
            scanner.scan_contents(part, [(0, len(part), 1, number, 0, 0, len(part), 0.0)])
        return scanner

    whole = scanned([data]).export(0)
    predicted = whole["predicted"]
    assert len(predicted) == capacity
    assert (predicted[: 1 << 15] > 0).all()
    assert not predicted[1 << 15 :].any()
    half = len(data) // 2
    turned = scanned([data[half:], data[:half]]).export(0)
    assert np.array_equal(turned["predicted"], predicted)
