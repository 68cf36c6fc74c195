"""The erasure code is measured, and tried by losing fragments."""

import functools
import itertools
import operator
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyeclib.ec_iface import ECDriver, ECDriverError

from storeff.errors import StoreffError
from storeff.layout import Code, load_layouts, measure_code
from storeff.layout import proof as proofs
from storeff.layout.generator import (
    Matrix,
    check_matrix,
    find_undecodable,
    multiply,
    parity_matrix,
    undecodable,
    unit_segment,
)
from storeff.layout.proof import decode_some, prove

HEADER_BYTES = 80

CODED = sorted(name for name, each in load_layouts().items() if each.code.kind in ("rs", "lrc"))


@pytest.mark.parametrize("name", CODED)
def test_every_catalogued_code_decodes_at_its_nominal_overhead(name: str) -> None:
    code = load_layouts()[name].code
    found = measure_code(code)
    assert found is not None
    nominal = code.fragments / code.k
    assert nominal <= found.overhead < nominal + code.fragments / found.segment_bytes
    assert found.proof.startswith("by the rank of its matrix all ")
    assert found.proof.endswith("decoded: each gave the same bytes back")
    assert found.fragment_header_bytes == 80
    for speed in (found.encode_gbps, found.decode_gbps, found.rebuild_gbps):
        assert speed is None or speed > 0


def test_few_patterns_are_all_decoded() -> None:
    found = measure_code(Code("rs", 8, 3))
    assert found is not None
    assert found.proof == (
        "by the rank of its matrix all 165 patterns of 3 lost fragments decode; all were decoded: "
        "each gave the same bytes back"
    )


def test_of_many_patterns_all_are_checked_and_some_decoded() -> None:
    found = measure_code(Code("rs", 146, 4))
    assert found is not None
    assert found.proof == (
        "by the rank of its matrix all 20,260,275 patterns of 4 lost fragments decode; 6 were "
        "decoded: each gave the same bytes back"
    )


def test_of_too_many_patterns_a_sample_is_checked_with_its_confidence() -> None:
    found = measure_code(Code("rs", 200, 8))
    assert found is not None
    assert found.proof.startswith(
        "by the rank of its matrix a sample of 30,000 of 7.58e+13 patterns of 8 lost fragments "
        "decodes: with 95 % confidence at most 1 in 10,000 does not; 5 were decoded"
    )
    assert 0.05 > (1 - 1 / 10_000) ** 30_000


def test_a_local_code_is_run_as_a_local_code() -> None:
    found = measure_code(Code("lrc", 12, 2, 2))
    assert found is not None
    assert found.backend == "isa_l_rs_lrc"
    assert "all 560 patterns of 3 lost fragments decode, and 1,568 of 1,820 of 4;" in found.proof


def test_a_local_code_that_is_not_as_good_as_one_can_be_says_so() -> None:
    """ISA-L's matrix of LRC(12,2,3) loses four patterns that the best matrix would not."""
    found = measure_code(Code("lrc", 12, 3, 2))
    assert found is not None
    assert "and 5,680 of 6,188 of 5 (at best 5,684);" in found.proof


@pytest.mark.parametrize(
    "code",
    [
        Code("replica", 1, 2),
        Code("raidz", 4, 2, 0, 8192, 4096),
        Code("rs", 250, 10),
        Code("rs", 250, 6),
        Code("rs", 20, 0),
        Code("lrc", 12, 0, 12),
    ],
)
def test_what_cannot_be_run_is_not_measured(code: Code) -> None:
    assert measure_code(code) is None


def test_a_code_without_parity_has_nothing_to_decode() -> None:
    found = measure_code(Code("rs", 4, 1))
    assert found is not None
    assert found.overhead == pytest.approx(1.25)


def driver(backend: str, code: Code) -> Any:
    local: dict[str, Any] = {"local_parity": code.l} if code.l else {}
    return ECDriver(ec_type=backend, k=code.k, m=code.m + code.l, chksum_type="none", **local)


def check_of(backend: str, code: Code) -> Matrix:
    fragments = driver(backend, code).encode(unit_segment(code.k))
    return check_matrix(parity_matrix([each[HEADER_BYTES:] for each in fragments], code.k))


def test_multiplication_is_that_of_the_field() -> None:
    """Carry-less multiplication, reduced by 0x11d, bit by bit."""

    def product(a: int, b: int) -> int:
        whole = functools.reduce(operator.xor, (a << i for i in range(8) if b >> i & 1), 0)
        for bit in range(14, 7, -1):
            whole ^= (0x11D << bit - 8) * (whole >> bit & 1)
        return whole

    every = np.arange(256, dtype=np.uint8)
    table = multiply(every[:, None], every[None, :])
    assert table.tolist() == [[product(a, b) for b in range(256)] for a in range(256)]


# The matrices of ISA-L in the wheel of pyeclib 1.8: those of isa_l_rs_vand are not MDS.
@pytest.mark.parametrize(
    ("backend", "code", "bad"),
    [
        ("isa_l_rs_vand", Code("rs", 21, 4), 0),
        ("isa_l_rs_vand", Code("rs", 22, 4), 2),
        ("isa_l_rs_vand", Code("rs", 28, 4), 20),
        ("isa_l_rs_vand", Code("rs", 10, 5), 10),
        ("isa_l_rs_vand", Code("rs", 10, 6), 46),
        ("isa_l_rs_vand_inv", Code("rs", 28, 4), 0),
        ("isa_l_rs_vand_inv", Code("rs", 10, 6), 0),
        ("isa_l_rs_cauchy", Code("rs", 28, 4), 0),
        ("isa_l_rs_cauchy", Code("rs", 10, 6), 0),
    ],
)
def test_patterns_that_do_not_decode_are_found(backend: str, code: Code, bad: int) -> None:
    check = check_of(backend, code)
    patterns = np.array(list(itertools.combinations(range(code.fragments), code.m)))
    wrong = undecodable(check, patterns)
    assert wrong.sum() == bad
    found = find_undecodable(check, code.m)
    assert (found is None) == (bad == 0)
    if found is not None:
        assert tuple(sorted(found)) in set(map(tuple, patterns[wrong].tolist()))


def test_what_has_no_rank_does_not_decode() -> None:
    code = Code("rs", 22, 4)
    found = find_undecodable(check_of("isa_l_rs_vand", code), 4)
    assert found is not None
    library = driver("isa_l_rs_vand", code)
    kept = [f for i, f in enumerate(library.encode(b"storeff" * 100)) if i not in found]
    with pytest.raises(ECDriverError):
        library.decode(kept)


@given(st.integers(1, 5), st.integers(1, 9), st.data())
def test_both_ways_to_check_the_rank_agree(rows: int, k: int, data: st.DataObject) -> None:
    """On matrices of few values, many of which are not MDS."""
    cells = st.lists(st.integers(0, 3), min_size=k, max_size=k)
    values = data.draw(st.lists(cells, min_size=rows, max_size=rows))
    check = check_matrix(np.array(values, np.uint8))
    for lost in range(1, rows + 1):
        patterns = np.array(list(itertools.combinations(range(k + rows), lost)))
        wrong = set(map(tuple, patterns[undecodable(check, patterns)].tolist()))
        found = find_undecodable(check, lost)
        assert (found is None) == (not wrong)
        assert found is None or tuple(sorted(found)) in wrong


def test_a_matrix_that_is_not_mds_is_an_error() -> None:
    code = Code("rs", 22, 4)
    with pytest.raises(StoreffError, match=r"22\+4 does not give the data back after losing"):
        prove(driver("isa_l_rs_vand", code), code, HEADER_BYTES, random.Random(0))


def test_a_sample_finds_a_matrix_that_is_often_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    code = Code("rs", 10, 6)
    monkeypatch.setattr(proofs, "_SETS_MOST", 0)
    with pytest.raises(StoreffError, match=r"10\+6 does not give the data back after losing"):
        prove(driver("isa_l_rs_vand", code), code, HEADER_BYTES, random.Random(0))


class Changed:
    """The library, with its fragments changed."""

    def __init__(self, code: Code, change: Any) -> None:
        self.library, self.change = driver("isa_l_rs_vand_inv", code), change

    def encode(self, segment: bytes) -> list[bytes]:
        fragments: list[bytes] = self.change(self.library.encode(segment))
        return fragments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fragments: fragments[::-1], r"4\+2 is not encoded as expected: the first frag"),
        (
            lambda fragments: [*fragments[:-1], fragments[-1][:-1] + b"?"],
            r"4\+2 does not encode with one matrix over GF\(256\)",
        ),
    ],
)
def test_a_library_that_encodes_otherwise_is_an_error(change: Any, message: str) -> None:
    code = Code("rs", 4, 2)
    with pytest.raises(StoreffError, match=message):
        prove(Changed(code, change), code, HEADER_BYTES, random.Random(0))


def test_a_library_that_decodes_wrongly_is_an_error() -> None:
    class Liar:
        def encode(self, segment: bytes) -> list[bytes]:
            return [segment] * 6

        def decode(self, fragments: list[bytes]) -> bytes:
            return fragments[0][:-1] + b"?"

    with pytest.raises(StoreffError, match=r"4\+2 does not give the data back"):
        decode_some(Liar(), Code("rs", 4, 2), random.Random(0))
