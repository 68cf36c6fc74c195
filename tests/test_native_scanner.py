"""The scanner: files in spans, several cuttings in one pass, the key of whole files."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.native import (
    RANDOM,
    SEED,
    WHOLE,
    File,
    Plan,
    assert_is_the_oracles,
    contents,
    feed,
    plain,
    profiles,
    scan,
)

from storeff._native import Scanner, fingerprint, kernels


@st.composite
def segments(draw: st.DrawFn) -> list[oracle.Segment]:
    """Data and holes; two pieces of data always have a hole between them."""
    result: list[oracle.Segment] = []
    for data in draw(st.lists(contents(), max_size=3)):
        holes = draw(st.lists(st.integers(1, 1 << 40), min_size=bool(result), max_size=2))
        result += [*holes, data]
    return result + draw(st.lists(st.integers(1, 9), max_size=1))


plans = st.lists(
    st.tuples(profiles(), st.sampled_from([1, 3, 100]), st.booleans()).map(
        lambda p: (*p[0], *p[1:])
    ),
    min_size=1,
    max_size=3,
)
files_of_labels = st.lists(st.tuples(st.sampled_from([1, 2, 1 << 63, 5]), segments()), max_size=3)


@pytest.mark.parametrize("kernel", kernels())
@given(
    plan=plans,
    files=files_of_labels,
    reads=st.lists(st.integers(0, 40), max_size=5),
    spare_bytes=st.integers(0, 60),
    late_end=st.booleans(),
)
def test_any_split_exports_what_the_oracle_does(
    kernel: str,
    plan: Plan,
    files: list[File],
    reads: list[int],
    spare_bytes: int,
    late_end: bool,
) -> None:
    scanner = scan(plan, files, reads, spare_bytes, late_end, kernel)
    assert_is_the_oracles(scanner, plan, files)


@given(files=files_of_labels, capacity=st.sampled_from([1, 100]), own_blocks=st.booleans())
def test_whole_files(files: list[File], capacity: int, own_blocks: bool) -> None:
    plan = [(6, 11, 50, False), (0, 0, capacity, False)]
    if not own_blocks:
        plan.append((oracle.CHAIN_BLOCK_BYTES, oracle.CHAIN_BLOCK_BYTES, 50, True))
    assert_is_the_oracles(scan(plan, files), plan, files)


@pytest.mark.parametrize("length", [131_071, 131_072, 131_073, 270_000])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("reads", [[100_000], [7, 300_000]])
def test_whole_files_of_many_blocks(length: int, constant: bool, reads: list[int]) -> None:
    data = bytes(length) if constant else RANDOM[:length]
    files: list[File] = [(1, [data]), (2, [data[:131_072], 4096, data[131_072:]])]
    profiles_and_blocks = [(6144, 10240, 20, True), (8192, 8192, 20, True)]
    for blocks in ([], [(131_072, 131_072, 20, True)]):
        plan = [*profiles_and_blocks, WHOLE, *blocks]
        assert_is_the_oracles(scan(plan, files, reads, 50_000), plan, files)


def test_every_row_says_where_its_chunk_can_be_read_again() -> None:
    """Blocks made of blocks, and chunks by content, behind runs and holes, in parts of objects."""
    plan = [
        *[(4096, 4096, 900, True), (8192, 8192, 900, True), (32_768, 32_768, 900, True)],
        (5120, 11_264, 900, True),
    ]
    tail, constant = RANDOM[200_000:330_001], bytes(50_000)
    parts: list[list[oracle.Segment]] = [
        [RANDOM[:100_000], 4096, tail],
        [8192, tail, 12_288, RANDOM[50_000:150_000] + constant + tail],
        [constant + RANDOM[:100_000]],
    ]
    scanner = Scanner(plan, SEED)
    buffer = bytearray(scanner.buffer_bytes_min + 7000)
    objects: dict[int, bytes] = {}
    for number, start, segments in ((9, 0, 0), (4, 16_384, 1), (6, 0, 2), (6, 400_000, 0)):
        scanner.begin(1)
        scanner.set_position(number, start)
        objects[number] = objects.get(number, b"").ljust(start, b"x")
        for segment in parts[segments]:
            if isinstance(segment, int):
                scanner.skip(segment)
                objects[number] += bytes(segment)
            else:
                feed(scanner, segment, [5000, 1], buffer)
                objects[number] += segment
        scanner.end()
    for index, (least, most, *_) in enumerate(plan):
        export = scanner.export(index)
        rows = (export[name].tolist() for name in ("keys", "sizes", "objects", "offsets"))
        for key, size, number, offset in zip(*rows, strict=True):
            chunk = objects[number][offset : offset + size]
            by_content = fingerprint(chunk)
            of_blocks = oracle.block_key(chunk, most, {4096, 8192, 32_768})
            assert oracle.key_of(of_blocks if least == most else by_content) == tuple(key)


def whole_key(*parts: oracle.Segment) -> list[int]:
    (key,) = scan([WHOLE], [(1, list(parts))]).export(0)["keys"].tolist()
    return list(key)


def test_the_key_of_a_file_tells_where_its_holes_are() -> None:
    layouts: list[list[oracle.Segment]] = [
        [b"ab"],
        [5, b"ab"],
        [b"ab", 5],
        [b"a", 5, b"b"],
        [b"a", 6, b"b"],
    ]
    keys = [whole_key(*layout) for layout in layouts]
    assert len({tuple(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("own_blocks", [True, False])
def test_a_whole_file_is_the_same_whichever_of_its_blocks_of_zeros_are_holes(
    own_blocks: bool,
) -> None:
    block = oracle.CHAIN_BLOCK_BYTES
    a, b, zeros = RANDOM[:block], RANDOM[7 : 7 + block], bytes(block)
    plan = [WHOLE] if own_blocks else [WHOLE, (4096, 4096, 9, False), (block, block, 9, False)]

    def whole(*segments: oracle.Segment) -> list[tuple[list[int], int]]:
        export = scan(plan, [(1, list(segments))], [300_000], 200_000).export(0)
        assert (export["chunks"], export["bytes"]) == (1, sum(export["sizes"].tolist()))
        return list(zip(export["keys"].tolist(), export["sizes"].tolist(), strict=True))

    sparse = whole(a, 3 * block, b, block)
    assert [size for _, size in sparse] == [2 * block]
    for twin, zero_bytes in (
        ([a + 3 * zeros + b + zeros], 4 * block),
        ([a, block, 2 * zeros + b, block], 2 * block),
        ([a + zeros, 2 * block, b + zeros], 2 * block),
    ):
        found = whole(*twin)
        assert sparse[0] in found
        assert [size for key, size in found if key != sparse[0][0]] == [zero_bytes]
    assert sparse[0] not in whole(a, 2 * block, b, 2 * block)
    assert sparse[0] not in whole(a + bytes(block - 1), 2 * block + 1, b, block)


def test_a_block_of_another_byte_is_not_taken_for_a_hole() -> None:
    block = oracle.CHAIN_BLOCK_BYTES
    ones = scan([WHOLE], [(1, [b"\1" * block + b"end"])], [300_000], 200_000).export(0)
    assert ones["sizes"].tolist() == [block + 3]


def test_adjacent_holes_are_one() -> None:
    assert whole_key(1, 2, b"a", 3, 4, b"b", 5, 6) == whole_key(3, b"a", 7, b"b", 11)


def test_a_file_without_data_is_not_counted() -> None:
    export = scan([WHOLE], [(1, []), (1, [b""]), (1, [1 << 40]), (1, [b"", 5])]).export(0)
    assert (export["chunks"], export["bytes"], len(export["sizes"])) == (0, 0, 0)


def test_a_run_across_spans_is_one_run() -> None:
    scanner = scan([(6, 11, 5, False)], [(1, [bytes(1000), 5, bytes(1000)])], [13], 3)
    export = scanner.export(0)
    assert (export["chunks"], export["run_count"][0], export["run_bytes"][0]) == (2, 2, 2000)


# ---- giving up, threads ----


def test_abort_keeps_what_was_cut_and_drops_the_rest() -> None:
    scanner = Scanner([(6, 11, 100, False), WHOLE], SEED)
    buffer = bytearray(200_000)
    scanner.begin(1)
    scanner.span(buffer, 1000, False)
    scanner.carry(buffer)
    scanner.abort()
    export = scanner.export(0)
    assert (export["run_count"][0], export["run_bytes"][0]) == (1, 1000)
    assert scanner.export(1)["chunks"] == 0
    scanner.begin(1)
    scanner.span(bytes(20), 20, True)
    scanner.end()
    assert scanner.export(0)["run_count"][0] == 2, "the next file starts a run of its own"
    assert whole_key(bytes(20)) == scanner.export(1)["keys"].tolist()[0]


def test_two_threads_scan_at_once() -> None:
    plan = [(6144, 10240, 10, True), (8192, 8192, 10, False), WHOLE]
    files: list[File] = [(i % 3 + 1, [RANDOM[i * 1000 :]]) for i in range(20)]
    scanners: dict[int, Scanner] = {}

    def work(number: int) -> None:
        scanners[number] = scan(plan, files, [100_000 + number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(len(plan)):
        assert plain(scanners[0].export(index)) == plain(scanners[1].export(index))


def test_a_span_releases_the_gil_and_a_second_thread_is_turned_away() -> None:
    """Only while the span runs without the GIL can this thread find the scanner in use."""
    scanner = Scanner([(6144, 10240, 10, False)], SEED)
    data = RANDOM * 100
    for _ in range(20):
        scanner.begin(1)
        thread = threading.Thread(target=scanner.span, args=(data, len(data), True))
        thread.start()
        turned_away = False
        while thread.is_alive() and not turned_away:
            try:
                scanner.export_histogram()
            except ValueError as error:
                turned_away = "another thread" in str(error)
        thread.join()
        scanner.end()
        if turned_away:
            return
    pytest.fail("no span was ever seen from outside")
