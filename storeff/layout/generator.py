"""The generator matrix of an erasure code, and which of its losses can be decoded, by rank.

Arithmetic in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), as ISA-L has it.
A pattern of lost fragments decodes if their columns of the parity-check matrix are linearly
independent. That takes no decoding: all of the 20,260,275 patterns of 146+4 are checked at once.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.uint8]

_POLYNOMIAL = 0x11D


def _tables() -> tuple[Matrix, Matrix]:
    """Products of all pairs, and inverses (that of 0 is 0)."""
    powers, logs = np.zeros(510, np.uint8), np.zeros(256, np.intp)
    x = 1
    for power in range(255):
        powers[power] = powers[power + 255] = x
        logs[x] = power
        x = x << 1 ^ (_POLYNOMIAL if x & 0x80 else 0)
    products = powers[logs[:, None] + logs[None, :]]
    products[0] = products[:, 0] = 0
    inverses = powers[255 - logs]
    inverses[0] = 0
    return products, inverses


_PRODUCTS, _INVERSES = _tables()


def multiply(a: Matrix, b: Matrix) -> Matrix:
    """Products element by element, as numpy broadcasts."""
    product: Matrix = _PRODUCTS[a, b]
    return product


def parity_matrix(fragments: Sequence[bytes], k: int) -> Matrix:
    """Parity fragments by data fragments, from the encoding of ``unit_segment(k)`` without headers.

    Raises ValueError if the first ``k`` fragments are not the data.
    """
    encoded = np.array([np.frombuffer(each, np.uint8) for each in fragments])
    if encoded.shape[1:] != (k,) or not np.array_equal(encoded[:k], np.eye(k)):
        raise ValueError("the first fragments are not the data")
    return encoded[k:]


def unit_segment(k: int) -> bytes:
    """Data of ``k`` fragments of k bytes each: fragment i is 1 at its byte i, and 0 elsewhere."""
    return np.eye(k, dtype=np.uint8).tobytes()


def parity_of(matrix: Matrix, data: Matrix) -> Matrix:
    """The parity fragments that ``matrix`` gives for data fragments, a row each."""
    products = multiply(matrix[:, :, None], data[None, :, :])
    parity: Matrix = np.bitwise_xor.reduce(products, axis=1)
    return parity


def check_matrix(matrix: Matrix) -> Matrix:
    """The parity-check matrix: a column for each fragment, data first."""
    return np.hstack([matrix, np.eye(len(matrix), dtype=np.uint8)])


def undecodable(check: Matrix, patterns: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether each of ``patterns``, a row of lost fragments, cannot be decoded."""
    columns = np.ascontiguousarray(check.T[patterns])  # patterns, lost fragments, parity equations
    dependent = np.zeros(len(patterns), bool)
    each = np.arange(len(patterns))
    for step in range(patterns.shape[1]):
        pivot = np.argmax(columns[:, step] != 0, axis=1)
        column = columns[:, step].copy()
        leading = column[each, pivot]
        dependent |= leading == 0
        column = multiply(column, _INVERSES[leading][:, None])
        later = columns[:, step + 1 :]
        later ^= multiply(later[each, :, pivot][:, :, None], column[:, None, :])
    return dependent


def find_undecodable(check: Matrix, lost: int) -> tuple[int, ...] | None:
    """The first found of all patterns of ``lost`` fragments that cannot be decoded, or None.

    The columns of all but two are eliminated, each set of them once; of those left none may be zero
    and no two in proportion, which is seen at once for all. So C(n, lost - 2) sets take the time,
    not C(n, lost).
    """
    return _find(check, np.arange(check.shape[1]), lost)


def _find(check: Matrix, names: npt.NDArray[np.intp], lost: int) -> tuple[int, ...] | None:
    zero = np.flatnonzero(~check.any(axis=0))
    if len(zero):
        others = np.delete(names, zero[0])[: lost - 1]
        return (int(names[zero[0]]), *map(int, others))
    if lost < 2:
        return None
    if lost == 2:
        return _in_proportion(check, names)
    for first in range(check.shape[1] - lost + 1):
        row = int(np.argmax(check[:, first] != 0))
        column = multiply(check[:, first], _INVERSES[check[row, first]])
        later = check[:, first + 1 :]
        left = later ^ multiply(column[:, None], later[row])
        found = _find(np.delete(left, row, axis=0), names[first + 1 :], lost - 1)
        if found is not None:
            return (int(names[first]), *found)
    return None


def _in_proportion(check: Matrix, names: npt.NDArray[np.intp]) -> tuple[int, ...] | None:
    leading = check[np.argmax(check != 0, axis=0), np.arange(check.shape[1])]
    alike = multiply(check, _INVERSES[leading])
    keys = np.ascontiguousarray(alike.T).view(f"V{len(alike)}").ravel()
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    return tuple(int(names[i]) for i in order[same[0] : same[0] + 2]) if len(same) else None
