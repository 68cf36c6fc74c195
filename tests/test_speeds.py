"""How fast codecs are on the data itself."""

import random
import threading
from collections.abc import Sequence

import pytest

from storeff.scan import codecs, speeds
from storeff.scan.codecs import CODECS, DECOMPRESSED
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.speeds import measure_speeds
from storeff.sources.source import Source
from storeff.testing import MemorySource

CONTENT = random.Random(1).randbytes(500_000) + b"storeff " * 50_000


@pytest.fixture
def source() -> MemorySource:
    made = MemorySource(read_bytes=1 << 30)
    made.put(b"a", CONTENT)
    made.put(b"b", b"small")
    return made


def measured(source: Source) -> dict[str, speeds.Speed]:
    return measure_speeds(source, Prober(source, Plan()).draw())


def test_every_codec_has_a_speed_on_all_of_little_data(source: MemorySource) -> None:
    found = measured(source)
    assert set(found) == set(CODECS)
    for speed in found.values():
        assert speed.data_bytes == len(CONTENT) + len(b"small")
        assert speed.compress_gbps is None or speed.compress_gbps > 0
        assert speed.decompress_gbps is None or speed.decompress_gbps > 0


def test_what_is_timed_are_blocks_of_the_data(
    source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def spy(blocks: Sequence[bytes | memoryview]) -> list[int]:
        seen.extend(map(bytes, blocks))
        return [len(block) for block in blocks]

    monkeypatch.setitem(codecs.CODECS, "spy", lambda: spy)
    monkeypatch.setattr(speeds, "BLOCKS", 5)
    found = measured(source)["spy"]
    # The first is compressed once before.
    blocks = seen[1:]
    assert (len(blocks), seen[0]) == (5, blocks[0])
    assert found.data_bytes == sum(map(len, blocks))
    assert found.decompress_gbps is None
    starts = {CONTENT[i : i + 65536] for i in range(0, len(CONTENT), 65536)} | {b"small"}
    assert set(blocks) <= starts


@pytest.mark.parametrize("name", DECOMPRESSED)
def test_a_frame_gives_its_block_back_and_is_what_is_measured(name: str) -> None:
    compress, decompress = DECOMPRESSED[name]()
    block = CONTENT[490_000 : 490_000 + 65536]
    frame = compress(block)
    assert decompress(frame, len(block)) == block
    assert [len(frame)] == CODECS[name]()([block])


def test_what_cannot_be_read_is_left_out(source: MemorySource) -> None:
    source.objects[0, b"a"].error = OSError(5, "broken")
    assert {speed.data_bytes for speed in measured(source).values()} == {len(b"small")}


def test_no_data_and_a_stop_give_no_speeds(source: MemorySource) -> None:
    assert measured(MemorySource()) == {}
    stop = threading.Event()
    stop.set()
    windows = Prober(source, Plan()).draw()
    assert measure_speeds(source, windows, stop=stop) == {}
