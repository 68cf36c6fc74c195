"""Whether an erasure-code library gives the data back after every loss that a code survives.

By the rank of the matrix that it encodes with, for all patterns of lost fragments or a sample of
them; and by decoding some.
"""

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from storeff.errors import StoreffError
from storeff.layout.durability import decodable_fraction, tolerance
from storeff.layout.generator import (
    Matrix,
    check_matrix,
    find_undecodable,
    parity_matrix,
    parity_of,
    undecodable,
    unit_segment,
)
from storeff.layout.model import Code

# A decode inverts a k x k matrix in about 5e-9 k^3 seconds (15 ms at k = 146): a tenth of a second.
_DECODE_WORK = 20_000_000
_DECODED_MOST = 2000
# Sets of columns eliminated, of 60 us each (2026-11-26): a second.
_SETS_MOST = 16_000
# Patterns eliminated one by one, of lost^2 x parities products each: a quarter of a second.
_RANK_WORK = 40_000_000
_SAMPLE_MOST = 30_000
# No failure in n trials: the rate is at most 3 / n with a confidence of 95 % (1 - 0.05^(1/n) is
# less; Hanley and Lippman-Hand, JAMA 1983).
_RULE_OF_THREE = 3
_FRAGMENT_BYTES = 64

_REINSTALL = "do not trust this erasure-code library; reinstall pyeclib"


def prove(driver: Any, code: Code, header_bytes: int, source: random.Random) -> str:
    """What was checked of ``driver``, a pyeclib driver of ``code``, in one sentence.

    Raises StoreffError if a pattern that the code must survive does not decode.
    """
    check = check_matrix(_matrix(driver, code, header_bytes, source))
    by_rank = _by_rank(check, code, source)
    return f"{by_rank}{_beyond(check, code)}; {decode_some(driver, code, source)}"


def decode_some(driver: Any, code: Code, source: random.Random) -> str:
    """Decodes a small segment after every loss the code must survive, or a sample of them."""
    lost, n = tolerance(code), code.fragments
    segment = source.randbytes(code.k * _FRAGMENT_BYTES - 1)
    fragments = driver.encode(segment)
    total = math.comb(n, lost)
    limit = max(5, min(_DECODED_MOST, _DECODE_WORK // code.k**3))
    patterns: Iterator[tuple[int, ...]]
    if total <= limit:
        patterns = itertools.combinations(range(n), lost)
    else:
        patterns = (tuple(source.sample(range(n), lost)) for _ in range(limit))
    for pattern in patterns:
        kept = [fragment for i, fragment in enumerate(fragments) if i not in pattern]
        if driver.decode(kept) != segment:
            raise _distrust(code, pattern)
    how = "all" if total <= limit else f"{limit:,}"
    return f"{how} were decoded: each gave the same bytes back"


def _matrix(driver: Any, code: Code, header_bytes: int, source: random.Random) -> Matrix:
    """The matrix that ``driver`` encodes with, seen to give its parity for other data too."""

    def encoded(segment: bytes) -> list[bytes]:
        return [fragment[header_bytes:] for fragment in driver.encode(segment)]

    data = source.randbytes(code.k * _FRAGMENT_BYTES)
    rows = np.array([np.frombuffer(each, np.uint8) for each in encoded(data)])
    try:
        matrix = parity_matrix(encoded(unit_segment(code.k)), code.k)
    except ValueError as error:
        raise StoreffError(f"{code} is not encoded as expected: {error}", _REINSTALL) from error
    if not np.array_equal(rows[code.k :], parity_of(matrix, rows[: code.k])):
        raise StoreffError(f"{code} does not encode with one matrix over GF(256)", _REINSTALL)
    return matrix


def _by_rank(check: Matrix, code: Code, source: random.Random) -> str:
    """All patterns of as many lost fragments as the code always survives, or a sample."""
    lost, n = tolerance(code), code.fragments
    total = math.comb(n, lost)
    if math.comb(n, max(0, lost - 2)) <= _SETS_MOST:
        found = find_undecodable(check, lost)
        if found is not None:
            raise _distrust(code, found)
        return f"by the rank of its matrix all {total:,} patterns of {lost} lost fragments decode"
    count = min(_SAMPLE_MOST, _RANK_WORK // (lost**2 * len(check)))
    patterns = _sample(n, lost, count, source)
    wrong = np.flatnonzero(undecodable(check, patterns))
    if len(wrong):
        raise _distrust(code, patterns[wrong[0]])
    return (
        f"by the rank of its matrix a sample of {count:,} of {_count(total)} patterns of {lost} "
        f"lost fragments decodes: with 95 % confidence at most 1 in {count // _RULE_OF_THREE:,} "
        "does not"
    )


def _beyond(check: Matrix, code: Code) -> str:
    """How many patterns of one loss more decode, where some do and all can be tried."""
    lost, n = tolerance(code) + 1, code.fragments
    total = math.comb(n, lost)
    expected = decodable_fraction(code, lost) * total
    if not expected or total > _SAMPLE_MOST:
        return ""
    patterns = np.array(list(itertools.combinations(range(n), lost)))
    good = total - int(undecodable(check, patterns).sum())
    best = "" if good == expected else f" (at best {int(expected):,})"
    return f", and {good:,} of {total:,} of {lost}{best}"


def _count(patterns: int) -> str:
    return f"{patterns:,}" if patterns < 10**12 else f"{patterns:.3g}"


def _sample(n: int, lost: int, count: int, source: random.Random) -> npt.NDArray[np.intp]:
    draw = np.random.default_rng(source.getrandbits(64))
    return np.argpartition(draw.random((count, n)), lost, axis=1)[:, :lost]


def _distrust(code: Code, pattern: Any) -> StoreffError:
    lost = sorted(map(int, pattern))
    return StoreffError(
        f"{code} does not give the data back after losing fragments {lost}", _REINSTALL
    )
