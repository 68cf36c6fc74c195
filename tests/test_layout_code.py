"""The erasure code is measured, and tried by losing fragments."""

import random

import pytest

from storeff.errors import StoreffError
from storeff.layout import Code, load_layouts, measure_code
from storeff.layout.code import _try_patterns

CODED = sorted(name for name, each in load_layouts().items() if each.code.kind in ("rs", "lrc"))


@pytest.mark.parametrize("name", CODED)
def test_every_catalogued_code_decodes_and_costs_what_it_says(name: str) -> None:
    code = load_layouts()[name].code
    found = measure_code(code)
    assert found is not None
    nominal = code.fragments / code.k
    assert nominal <= found.overhead < nominal + code.fragments / found.segment_bytes
    assert found.proof.endswith("tried: each gave the same bytes back")
    assert found.fragment_header_bytes == 80
    for speed in (found.encode_gbps, found.decode_gbps, found.rebuild_gbps):
        assert speed is None or speed > 0


def test_few_patterns_are_all_try_patternsd() -> None:
    found = measure_code(Code("rs", 8, 3))
    assert found is not None
    assert found.proof.startswith("all 165 patterns of 3 lost fragments")


def test_many_patterns_are_sampled_and_it_says_so() -> None:
    found = measure_code(Code("rs", 146, 4))
    assert found is not None
    assert found.proof.startswith("6 of 20260275 patterns of 4")


def test_a_local_code_is_run_as_a_local_code() -> None:
    found = measure_code(Code("lrc", 12, 2, 2))
    assert found is not None
    assert (found.backend, found.proof[:7]) == ("isa_l_rs_lrc", "all 560")


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


def test_a_library_that_decodes_wrongly_is_an_error() -> None:
    class Liar:
        def encode(self, segment: bytes) -> list[bytes]:
            return [segment] * 6

        def decode(self, fragments: list[bytes]) -> bytes:
            return fragments[0][:-1] + b"?"

    with pytest.raises(StoreffError, match=r"4\+2 did not give the data back"):
        _try_patterns(Liar(), Code("rs", 4, 2), random.Random(0))
