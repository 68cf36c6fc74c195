"""What any codec must do, whatever it compresses with: the battery that each one has to pass."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from storeff.scan.codecs import SizesOf

# Sizes around those of headers, pages and the blocks that a scan cuts.
SIZES = (0, 1, 2, 3, 15, 64, 4095, 4096, 4097, 65_536, 131_072)
NOISE_BYTES = 65_536
THREADS = 4


def blocks_of(seed: int) -> Iterator[bytes]:
    """Blocks of every size of SIZES: zeros, one byte repeated, words of text and noise."""
    source = random.Random(seed)
    words = [source.randbytes(3).hex().encode() for _ in range(200)]
    for size in SIZES:
        yield bytes(size)
        yield b"\xa5" * size
        yield b" ".join(source.choices(words, k=size // 6 + 1))[:size]
        yield source.randbytes(size)


def check_codec(make: Callable[[], SizesOf], seed: int = 1) -> None:
    """Raises AssertionError naming the first rule that the codecs of ``make()`` break."""
    blocks = list(blocks_of(seed))
    sizes = make()(blocks)
    assert len(sizes) == len(blocks), "a size for each block, in their order"
    for block, size in zip(blocks, sizes, strict=True):
        assert type(size) is int, "a size is a plain int"
        assert size <= len(block), "a block that does not shrink is stored raw"
        assert size > 0 or not block, "what holds something takes space"
    _check_compresses(make, seed)
    _check_same(make, blocks, sizes)


def _check_compresses(make: Callable[[], SizesOf], seed: int) -> None:
    """A codec is lossless: noise does not shrink. And it is of some use: a run does."""
    noise, run = random.Random(seed).randbytes(NOISE_BYTES), bytes(NOISE_BYTES)
    of_noise, of_run = make()([noise, run])
    assert of_noise == NOISE_BYTES, "noise has no shorter form"
    assert of_run < NOISE_BYTES // 50, "a run has one"


def _check_same(make: Callable[[], SizesOf], blocks: list[bytes], sizes: list[int]) -> None:
    """A block's size depends on nothing but its bytes."""
    codec = make()
    assert codec(blocks) == sizes == codec(blocks), "another object, and another call, say the same"
    assert [codec([block])[0] for block in blocks] == sizes, "alone as among others"
    assert codec(blocks[::-1]) == sizes[::-1], "in any order"
    assert codec([]) == [], "of no blocks there are no sizes"
    buffer = bytearray(b"".join(blocks))
    views, start = [], 0
    for block in blocks:
        views.append(memoryview(buffer)[start : start + len(block)])
        start += len(block)
    assert codec(views) == sizes, "a view is as good as bytes"
    assert buffer == b"".join(blocks), "blocks are read and not written"
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda _: make()(blocks), range(2 * THREADS)))
    assert all(each == sizes for each in found), "one object a thread: no state is shared"
