"""How much of the data applications have reduced, by a sample of objects."""

import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import zstandard

from storeff.estimate.inside import Inside, inside_of
from storeff.scan import inside as looking
from storeff.scan import occurrences
from storeff.scan.inside import Look, Looks, look_into
from storeff.scan.windows import draw_windows
from storeff.sources.census import EXAMPLES
from storeff.sources.formats import UNTOLD
from storeff.sources.formats import Inside as Told
from storeff.testing import MemorySource

TEXT = b"a line of text, such as many a log has\n"


def source_of(objects: Iterable[bytes]) -> MemorySource:
    made = MemorySource(read_bytes=1 << 30)
    for i, content in enumerate(objects):
        made.put(b"%d" % i, content)
    return made


def looks_of(source: MemorySource, seed: int = 1) -> Looks:
    windows, _ = draw_windows(source, seed, None, threading.Event())
    return look_into(source, windows)


def looked(numbers: Sequence[int], window_bytes: int, tau: float, *looks: Look) -> Looks:
    """One window of each object, and the looks into the first of these."""
    n = len(numbers)
    ranks = np.linspace(0.1, 0.9, n)
    lengths = np.full(n, window_bytes, np.uint64)
    known = dict(zip(numbers, looks, strict=False))
    return Looks(np.array(numbers, np.uint64), ranks, lengths, tau, known)


def figures(source: MemorySource, seed: int = 1) -> Inside:
    found = inside_of(looks_of(source, seed))
    assert found is not None
    return found


def test_of_little_data_everything_is_looked_into_and_exact() -> None:
    frame = zstandard.compress(TEXT * 1000)
    found = figures(source_of([frame, TEXT * 100]))
    share = len(frame) / (len(frame) + len(TEXT) * 100)
    assert found.reduced_share.is_exact
    assert found.reduced_share.value == pytest.approx(share)
    row = next(row for row in found.rows if row.codec == "zstd")
    assert row.application_ratio.is_exact
    assert row.application_ratio.value == pytest.approx(len(TEXT) * 1000 / len(frame))


def test_members_that_are_coded_count_in_an_archive_that_is_not() -> None:
    looks = looked([7], 1000, np.inf, Look("tar", Told("none", 1.0, {"image": 600, "text": 200})))
    found = inside_of(looks)
    assert found is not None
    assert found.reduced_share.value == 0.75
    assert [(part.holds, part.data_share.value) for part in found.parts] == [
        ("image", 0.75),
        ("text", 0.25),
    ]


def test_an_object_that_contradicts_itself_is_counted_and_told_nothing_of() -> None:
    found = figures(source_of([b"PAR1" + random.Random(1).randbytes(3000), TEXT * 100]))
    assert found.contradictions == 1
    assert next(row.codec for row in found.rows if row.content_class == "parquet") is None


def test_some_of_what_contradicts_itself_is_named_the_smallest_names_first() -> None:
    found = figures(source_of([b"PAR1" + random.Random(i).randbytes(3000) for i in range(12)]))
    assert (found.contradictions, len(found.examples)) == (12, EXAMPLES)
    assert list(found.examples) == sorted(found.examples)
    assert figures(source_of([TEXT * 100])).examples == ()


def test_what_cannot_be_read_leaves_the_others_inexact() -> None:
    looks = looked([1, 2], 10, np.inf, Look("text", Told("none", 1.0)))
    found = inside_of(looks)
    assert found is not None
    assert not found.rows[0].data_share.is_exact
    assert inside_of(replace(looks, looks={})) is None


def test_one_object_of_many_says_nothing_of_how_others_differ() -> None:
    looks = looked([1, 2], 10, 1.0, Look("compressed", Told("gzip", 3.0)), Look("binary", UNTOLD))
    found = inside_of(looks)
    assert found is not None
    ratio = next(row.application_ratio for row in found.rows if row.codec == "gzip")
    assert (ratio.value, ratio.low, ratio.high) == (3.0, None, None)


def test_what_every_window_is_in_is_not_sure_of_the_rest() -> None:
    found = inside_of(looked(range(20), 1, 1.0, *[Look("text", Told("none", 1.0))] * 20))
    assert found is not None
    share = found.rows[0].data_share
    assert share.value == share.high == 1.0
    assert share.low is not None
    assert 0.8 < share.low < 0.9


def test_a_stop_leaves_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    source = source_of([TEXT * 100] * 50)
    windows, _ = draw_windows(source, 1, None, stop)
    seen = 0

    def look(*args: object) -> Look:
        nonlocal seen
        seen += 1
        if seen == 10:
            stop.set()
        return Look("text", Told("none", 1.0))

    monkeypatch.setattr(looking, "_look", look)
    looks = look_into(source, windows, stop=stop)
    assert len(looks.objects) == len(looks.weights) == 10
    assert looks.tau == windows.ranks[10]


def test_intervals_hold_the_truth_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of objects of very different sizes, some compressed, by 150 seeds: at least 9 in 10."""
    monkeypatch.setattr(occurrences, "EXACT_BYTES", 1)
    monkeypatch.setattr(looking, "WINDOWS_LOOKED_INTO", 60)
    draw = random.Random(5)
    objects, ratios = [], []
    for i in range(150):
        size = int(draw.lognormvariate(8, 1.5)) + 100
        if i % 3:
            objects.append((TEXT * (size // len(TEXT) + 1))[:size])
        else:
            frame = zstandard.compress(draw.randbytes(size) * draw.choice((1, 2, 4)))
            objects.append(frame)
            content_bytes = zstandard.get_frame_parameters(frame).content_size
            ratios.append((content_bytes if content_bytes >= len(frame) else 0, len(frame)))
    source = source_of(objects)
    whole = sum(map(len, objects))
    share = sum(size for _, size in ratios) / whole
    told = [each for each in ratios if each[0]]
    ratio = sum(before for before, _ in told) / sum(after for _, after in told)
    held = {"share": 0, "ratio": 0}
    for seed in range(150):
        found = figures(source, seed)
        row = next((row for row in found.rows if row.codec == "zstd"), None)
        low, high = found.reduced_share.low, found.reduced_share.high
        assert low is not None
        assert high is not None
        held["share"] += low <= share <= high
        if row is None or row.application_ratio.low is None or row.application_ratio.high is None:
            held["ratio"] += 1
        else:
            held["ratio"] += row.application_ratio.low <= ratio <= row.application_ratio.high
    assert min(held.values()) >= 135, held


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("most", [1, 12, 60, 1000])
@pytest.mark.parametrize("exact_bytes", [1, 16 << 20])
def test_looks_of_shards_are_those_of_all(
    count: int, most: int, exact_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
    monkeypatch.setattr(looking, "WINDOWS_LOOKED_INTO", most)
    draw = random.Random(7)
    source = source_of(
        [draw.randbytes(draw.randrange(1, 90_000)), TEXT * draw.randrange(1, 900)][i % 2]
        for i in range(70)
    )
    parts = []
    for i in range(count):
        windows, _ = draw_windows(source, 1, (i, count), threading.Event())
        parts.append(look_into(source, windows))
    draw.shuffle(parts)
    whole, found = looks_of(source), Looks.joined(parts)
    assert (found.tau, found.looks) == (whole.tau, whole.looks)
    for name in ("objects", "ranks", "lengths", "weights"):
        assert np.array_equal(getattr(found, name), getattr(whole, name)), name
    assert inside_of(found) == inside_of(whole)
