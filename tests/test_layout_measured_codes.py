"""Erasure codes are measured once: what is kept is used, and nothing but a measurement is."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from storeff.layout import Code, measured_code, measured_codes
from storeff.layout.code import MeasuredCode, measure_code

CODE = Code("rs", 4, 2)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Code]:
    """The codes that were measured, with a cache of the test's own."""
    codes: list[Code] = []

    def counted(code: Code) -> MeasuredCode | None:
        codes.append(code)
        return measure_code(code)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(measured_codes, "measure_code", counted)
    return codes


def cache(tmp_path: Path) -> Path:
    return tmp_path / "storeff" / "codes.json"


def kept(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cache(tmp_path).read_text())
    return found


def test_a_code_is_measured_once(measured: list[Code]) -> None:
    first = measured_code(CODE)
    assert first is not None
    assert first.measured_at
    assert measured_code(CODE) == first
    assert measured == [CODE]


def test_each_code_is_measured(measured: list[Code], tmp_path: Path) -> None:
    for code in (CODE, Code("rs", 4, 1)) * 2:
        measured_code(code)
    assert measured == [CODE, Code("rs", 4, 1)]
    assert len(kept(tmp_path)) == 2


def test_it_is_measured_again_when_asked(measured: list[Code]) -> None:
    measured_code(CODE)
    measured_code(CODE, again=True)
    assert measured == [CODE, CODE]


@pytest.mark.parametrize("what", ["cpu_name", "storeff"])
def test_on_another_machine_or_version_it_is_measured_again(
    measured: list[Code], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    measured_code(CODE)
    if what == "cpu_name":
        monkeypatch.setattr(measured_codes, "cpu_name", lambda: "another")
    else:
        monkeypatch.setattr("storeff.__version__", "99")
    measured_code(CODE)
    assert measured == [CODE, CODE]
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overhead", 0.5),
        ("encode_gbps", -1.0),
        ("encode_gbps", 1e999),
        ("segment_bytes", 0),
        ("fragment_header_bytes", -1),
        ("proof", "\x1b[31m"),
        ("proof", "x" * 1000),
        ("backend", 5),
        ("measured_at", "yesterday"),
        ("measured_at", "2020-01-01T00:00:00"),
        ("measured_at", "9999-01-01T00:00:00+00:00"),
        ("measured_at", ""),
    ],
)
def test_what_cannot_be_a_measurement_is_measured_again(
    measured: list[Code], tmp_path: Path, field: str, value: Any
) -> None:
    measured_code(CODE)
    [(key, figures)] = kept(tmp_path).items()
    cache(tmp_path).write_text(json.dumps({key: {**figures, field: value}}))
    sound = measured_code(CODE)
    assert measured == [CODE, CODE]
    assert sound is not None
    assert kept(tmp_path)[key]["measured_at"] == sound.measured_at


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}', b" " * 5_000_001]
)
def test_a_damaged_cache_is_replaced(measured: list[Code], tmp_path: Path, content: bytes) -> None:
    cache(tmp_path).parent.mkdir()
    cache(tmp_path).write_bytes(content)
    measured_code(CODE)
    measured_code(CODE)
    assert measured == [CODE]
    assert len(kept(tmp_path)) == 1


def test_a_cache_that_cannot_be_written_is_done_without(
    measured: list[Code], tmp_path: Path
) -> None:
    (tmp_path / "storeff").write_text("a file where the directory should be")
    for _ in range(2):
        assert measured_code(CODE) is not None
    assert measured == [CODE, CODE]


def test_a_cache_that_is_a_pipe_is_not_waited_for(measured: list[Code], tmp_path: Path) -> None:
    cache(tmp_path).parent.mkdir()
    os.mkfifo(cache(tmp_path))
    measured_code(CODE)
    assert len(kept(tmp_path)) == 1


def test_nothing_is_left_beside_the_cache(measured: list[Code], tmp_path: Path) -> None:
    measured_code(CODE)
    assert list(cache(tmp_path).parent.iterdir()) == [cache(tmp_path)]


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_cache_home_it_is_in_the_users_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert measured_codes.cache_path() == tmp_path / ".cache" / "storeff" / "codes.json"


def test_a_code_that_is_not_run_is_not_kept(measured: list[Code], tmp_path: Path) -> None:
    assert measured_code(Code("replica", 1, 2)) is None
    assert measured == []
    assert not cache(tmp_path).exists()
