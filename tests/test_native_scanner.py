"""The scanner: files in spans, several cuttings in one pass, the key of whole files."""

from __future__ import annotations

import threading

import numpy as np
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
    expected,
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
    st.tuples(profiles(), st.sampled_from([1, 3, 100])).map(lambda p: (*p[0], p[1], 0)),
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
    plan = [(6, 11, 50, 0), (0, 0, capacity, 0)]
    if not own_blocks:
        plan.append((oracle.CHAIN_BLOCK_BYTES, oracle.CHAIN_BLOCK_BYTES, 50, 0))
    assert_is_the_oracles(scan(plan, files), plan, files)


@pytest.mark.parametrize("length", [131_071, 131_072, 131_073, 400_000])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("reads", [[100_000], [7, 300_000]])
def test_whole_files_of_many_blocks(length: int, constant: bool, reads: list[int]) -> None:
    data = bytes(length) if constant else RANDOM[:length]
    files: list[File] = [(1, [data]), (2, [data[:131_072], 4096, data[131_072:]])]
    profiles_and_blocks = [(6144, 10240, 20, 0), (8192, 8192, 20, 0)]
    for blocks in ([], [(131_072, 131_072, 20, 0)]):
        plan = [*profiles_and_blocks, WHOLE, *blocks]
        assert_is_the_oracles(scan(plan, files, reads, 50_000), plan, files)


@given(
    plan=plans,
    files=files_of_labels,
    reads=st.lists(st.integers(0, 40), max_size=5),
    spare_bytes=st.integers(0, 60),
    starts=st.lists(st.integers(0, 1 << 40), min_size=3, max_size=3),
)
def test_per_occurrence_every_reference_is_a_chunk_of_its_own(
    plan: Plan, files: list[File], reads: list[int], spare_bytes: int, starts: list[int]
) -> None:
    plan = [*plan, *plan]
    per_occurrence = range(len(plan) // 2, len(plan))
    scanner = Scanner(plan, SEED, "scalar", per_occurrence)
    twin = oracle.Scanner(plan, SEED, per_occurrence)
    buffer = bytearray(scanner.buffer_bytes_min + spare_bytes)
    for number, (labels, segments) in enumerate(files):
        scanner.begin(labels)
        scanner.set_position(number, starts[number])
        for segment in segments:
            if isinstance(segment, int):
                scanner.skip(segment)
            else:
                feed(scanner, segment, reads, buffer)
        scanner.end()
        twin.scan(labels, segments, number, starts[number])
    for index, chunker in enumerate(twin.chunkers):
        assert plain(scanner.export(index)) == expected(chunker)
        assert index not in per_occurrence or scanner.export(index)["counts"].tolist() == [1] * len(
            scanner.export(index)["counts"]
        )


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
    plan = [WHOLE] if own_blocks else [WHOLE, (4096, 4096, 9, 0), (block, block, 9, 0)]

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
    scanner = scan([(6, 11, 5, 0)], [(1, [bytes(1000), 5, bytes(1000)])], [13], 3)
    export = scanner.export(0)
    assert (export["chunks"], export["run_count"][0], export["run_bytes"][0]) == (2, 2, 2000)


# ---- compression of what is admitted ----


@given(
    files=st.lists(st.tuples(st.just(1), st.tuples(st.binary(max_size=200)).map(list)), max_size=8),
    capacities=st.tuples(st.sampled_from([1, 4, 100]), st.sampled_from([1, 4, 100])),
    read=st.integers(1, 90),
)
def test_every_admitted_chunk_is_offered_with_its_bytes(
    files: list[tuple[int, list[bytes]]], capacities: tuple[int, int], read: int
) -> None:
    codecs = (2, 1)
    scanner = Scanner(
        [(6, 11, capacities[0], codecs[0]), (4, 4, 3, 0), (8, 8, capacities[1], codecs[1])], SEED
    )

    def digest_of(chunker: int, content: bytes) -> bytes:
        return fingerprint(content) if chunker == 0 else oracle.block_key(content, 8, {4, 8})

    for labels, (data,) in files:
        scanner.begin(labels)
        buffer = bytearray(scanner.buffer_bytes_min)
        carried = at = 0
        while True:
            new_bytes = min(read, len(buffer) - carried, len(data) - at)
            buffer[carried : carried + new_bytes] = data[at : at + new_bytes]
            at += new_bytes
            admitted = scanner.span(buffer, carried + new_bytes, at == len(data))
            sizes = np.zeros((len(admitted), 2), dtype=np.uint32)
            for row, chunk in enumerate(admitted.tolist()):
                chunker, offset, length, key, rank, _ = chunk
                digest = digest_of(chunker, bytes(buffer[offset : offset + length]))
                assert oracle.key_of(digest) == tuple(key)
                assert oracle.rank(oracle.key_of(digest), length, SEED) == rank
                sizes[row] = digest[0] + 1, digest[1] + 1
            scanner.set_compressed(admitted, sizes)
            carried = scanner.carry(buffer)
            if at == len(data):
                break
        scanner.end()
    for chunker, columns in zip((0, 2), codecs, strict=True):
        export = scanner.export(chunker)
        high = export["keys"][:, 0].tolist()
        sized = [[(h >> 56) + 1, (h >> 48 & 255) + 1][:columns] for h in high]
        assert export["compressed"].tolist() == sized
    assert scanner.export(1)["compressed"].shape[1] == 0


def admitted_of_one_file(plan: Plan) -> tuple[Scanner, np.ndarray[tuple[int], np.dtype[np.void]]]:
    scanner = Scanner(plan, SEED)
    scanner.begin(1)
    admitted = scanner.span(RANDOM[:64], 64, True)
    scanner.end()
    return scanner, admitted


def test_sizes_of_what_was_trimmed_since_are_passed_over() -> None:
    scanner, admitted = admitted_of_one_file([(8, 8, 8, 1)])
    assert len(admitted) == 8
    for data in (RANDOM[1000:9000], RANDOM[10_000:18_000]):
        scanner.begin(1)
        scanner.span(data, len(data), True)
        scanner.end()
    scanner.set_compressed(admitted, np.full((8, 1), 7, dtype=np.uint32))
    export = scanner.export(0)
    offered = {tuple(key) for key in admitted["key"].tolist()}
    sized = {
        tuple(k)
        for k, c in zip(export["keys"].tolist(), export["compressed"][:, 0].tolist(), strict=True)
        if c == 7
    }
    assert sized == offered & {tuple(key) for key in export["keys"].tolist()}
    assert len(sized) < 8


def test_only_chunks_below_the_limit_are_offered() -> None:
    _, admitted = admitted_of_one_file([(8, 8, 8, 1)])
    ranks = sorted(admitted["rank"].tolist())
    scanner = Scanner([(8, 8, 8, 1)], SEED)
    scanner.limit_admitted(0, ranks[3])
    scanner.begin(1)
    assert sorted(scanner.span(RANDOM[:64], 64, True)["rank"].tolist()) == ranks[:3]
    assert len(scanner.export(0)["sizes"]) == 8
    with pytest.raises(ValueError, match="chunker"):
        scanner.limit_admitted(1, 0)


def test_sizes_for_what_span_never_returned() -> None:
    scanner, admitted = admitted_of_one_file([(8, 8, 8, 2)])
    sizes = np.ones((8, 2), dtype=np.uint32)
    wrong = admitted.copy()
    wrong["chunker"][3] = 1
    with pytest.raises(ValueError, match="chunker"):
        scanner.set_compressed(wrong, sizes)
    with pytest.raises(ValueError, match="codecs"):
        scanner.set_compressed(admitted, sizes[:, :1].copy())
    with pytest.raises(ValueError, match="codecs"):
        scanner.set_compressed(admitted, np.ones((8, 0), dtype=np.uint32))
    with pytest.raises(ValueError, match="one row"):
        scanner.set_compressed(admitted, sizes[:3])
    with pytest.raises(ValueError, match="from span"):
        scanner.set_compressed(np.zeros(8, dtype="u8,u8,u8,u8,u8"), sizes)
    unknown = admitted.copy()
    unknown["key"] ^= 1
    scanner.set_compressed(unknown, sizes)
    assert not scanner.export(0)["compressed"].any()
    scanner.set_compressed(admitted[:0], sizes[:0])


# ---- giving up, threads ----


def test_abort_keeps_what_was_cut_and_drops_the_rest() -> None:
    scanner = Scanner([(6, 11, 100, 0), WHOLE], SEED)
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
    plan = [(6144, 10240, 10, 0), (8192, 8192, 10, 0), WHOLE]
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
    scanner = Scanner([(6144, 10240, 10, 0)], SEED)
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
