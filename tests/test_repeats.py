"""Names that come more than once are found, whatever their number, and no others are."""

import errno
import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import pytest

from storeff.errors import StoreffError
from storeff.sources import repeats
from storeff.sources.entry import U64
from storeff.sources.repeats import Repeats

PART = 100


def parts(names: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [names[at : at + PART] for at in range(0, len(names), PART)]


def again(names: Sequence[bytes]) -> list[bytes]:
    """What is said to come again, each time."""
    reading = Repeats(parts(names)).reading()
    return [part[row] for part in parts(names) for row in sorted(reading.again(part))]


@pytest.fixture(params=["in memory", "on disk"])
def _room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "on disk":
        monkeypatch.setattr(repeats, "HASHES_HELD", 16)


@pytest.mark.usefixtures("_room")
def test_every_name_but_the_first_of_its_kind_comes_again() -> None:
    source = random.Random(1)
    names = [b"%d" % i for i in source.choices(range(900), k=2000)]
    expected = Counter(names)
    expected.subtract(set(names))
    assert Counter(again(names)) == +expected


@pytest.mark.usefixtures("_room")
def test_all_names_may_come_many_times() -> None:
    assert len(again([b"%d" % (i % 50) for i in range(1000)])) == 950
    assert len(again([b"same"] * 1000)) == 999


@pytest.mark.usefixtures("_room")
def test_names_that_differ_never_come_again() -> None:
    assert again([b"%d" % i for i in range(1000)]) == []
    assert again([]) == []


def test_each_reading_begins_anew() -> None:
    found = Repeats([[b"a", b"a"]])
    assert [found.reading().again([b"a", b"a"]) for _ in range(2)] == [{1}, {1}]


def test_names_whose_hashes_are_equal_by_chance_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hashes(names: Sequence[bytes]) -> U64:
        return np.array([(7, name[0] << 1) for name in names], np.uint64)

    monkeypatch.setattr(repeats, "_hashes", hashes)
    assert again([b"a", b"b", b"a"]) == [b"a"]


def test_where_there_is_no_room_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> BinaryIO:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(repeats, "HASHES_HELD", 1)
    monkeypatch.setattr(repeats, "temporary_file", full)
    with pytest.raises(StoreffError, match=r"16 bytes .* No space left") as told:
        Repeats([[b"a"], [b"b"]], "sort the list")
    assert told.value.remedy == "sort the list"
