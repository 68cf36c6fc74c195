"""What makes no sense is an error that says so, and the scanner survives it."""

from collections.abc import Callable
from operator import methodcaller

import pytest

from storeff._native import Scanner

SEED = 13
WHOLE = (0, 0, 100, False)

Step = Callable[[Scanner], object]
BUFFER = bytearray(4096)
begin = methodcaller("begin", 1)
first = methodcaller("span", BUFFER, 5, False)
last = methodcaller("span", BUFFER, 5, True)
carry = methodcaller("carry", BUFFER)
skip = methodcaller("skip", 5)
end = methodcaller("end")
abort = methodcaller("abort")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([first], "no file is open"),
        ([carry], "no file is open"),
        ([skip], "no file is open"),
        ([end], "no file is open"),
        ([abort], "no file is open"),
        ([begin, last, end, last], "no file is open"),
        ([begin, begin], "a file is open"),
        ([begin, first, begin], "a file is open"),
        ([begin, first, first], "call sf_carry"),
        ([begin, first, carry, carry], "sf_carry.* already"),
        ([begin, first, skip], "not finished"),
        ([begin, first, carry, skip], "not finished"),
        ([begin, first, carry, end], "not finished"),
        ([begin, last, last], "finished by its last span"),
        ([begin, last, carry, first], "finished by its last span"),
        ([lambda s: s.set_position(1, 2)], "right after sf_begin"),
        ([begin, first, lambda s: s.set_position(1, 2)], "right after sf_begin"),
        ([begin, last, lambda s: s.set_position(1, 2)], "right after sf_begin"),
        ([begin, skip, lambda s: s.set_position(1, 2)], "right after sf_begin"),
        ([begin, lambda s: s.skip(0)], "at least one byte"),
        ([begin, lambda s: s.skip(-1)], "hole_bytes"),
        ([begin, lambda s: s.skip(2**64 - 1), skip], "64 bits"),
        ([begin, lambda s: s.set_position(1, 2**64 - 4), last], "64 bits"),
        ([begin, lambda s: s.set_position(1, 2**64 - 4), first], "64 bits"),
        ([begin, lambda s: s.span(BUFFER, 4097, True)], "length"),
        ([begin, lambda s: s.span(BUFFER, -1, True)], "length"),
        ([begin, first, carry, lambda s: s.span(BUFFER, 4, True)], "length"),
        ([begin, lambda s: s.span(bytes(10), 5, False)], "buffer is too small"),
        ([begin, first, lambda s: s.carry(bytearray(4))], "buffer is too small"),
        ([lambda s: s.begin(0)], "at least one label"),
        ([lambda s: s.begin(-1)], "labels"),
        ([lambda s: s.export(1)], "chunker"),
        ([lambda s: s.export(-1)], "chunker"),
    ],
)
def test_steps_out_of_order(steps: list[Step], message: str) -> None:
    scanner = Scanner([(6, 11, 5, False)], SEED)
    *right, wrong = steps
    for step in right:
        step(scanner)
    with pytest.raises(ValueError, match=message):
        wrong(scanner)
    if steps[0] is begin and end not in right:
        scanner.abort()
    scanner.begin(1)
    scanner.span(b"abc", 3, True)
    scanner.end()
    assert 3 in scanner.export(0)["sizes"]


@pytest.mark.parametrize(
    "plan",
    [
        [],
        [(8, 8, 0, False)],
        [(8, 8, (1 << 30) + 1, False)],
        [(3, 8, 5, False)],
        [(9, 8, 5, False)],
        [(0, 8, 5, False)],
        [WHOLE, WHOLE],
        [(0, 0, 100, True)],
        [(8, 8, 5, False)] * 65,
    ],
)
def test_plans_that_make_no_sense(plan: list[tuple[int, int, int, bool]]) -> None:
    with pytest.raises(ValueError, match=r"chunker|capacity"):
        Scanner(plan, SEED)


def test_carry_needs_a_writable_buffer() -> None:
    scanner = Scanner([(6, 11, 5, False)], SEED)
    scanner.begin(1)
    scanner.span(bytes(5000), 20, False)
    with pytest.raises((ValueError, BufferError), match=r"read-only|writable"):
        scanner.carry(bytes(5000))
