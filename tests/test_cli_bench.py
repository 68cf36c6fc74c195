"""storeff bench as people use it: on a report, on data, on one screen, and what is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from support.cli import everything, storeff
from support.golden import assert_golden

from storeff.analysis import DURABILITY_NINES, POLICIES
from storeff.commands.parameters import NINES_MOST, REDUCTIONS

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
WORDS = ("--target", "50EB", "--drive", "qlc-122")
FEW = ("--layout", "reference-10-4", "--layout", "vast-146-4", "--layout", "ceph-ec-8-3-fast")
# Speeds and what rests on them differ from run to run.
TIMED = ("encode_gbps", "decode_gbps", "rebuild_gbps", "compress_gbps", "cpu_cores", "dram_bytes")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that `scan` wrote of everything that the layouts rest on."""
    path = tmp_path_factory.mktemp("report") / "r.json"
    done = storeff("scan", SAMPLES, "--target", "50EB", "--table", "full", "-o", path, "-q")
    assert done.returncode == 0, done.stderr
    return path


def bench(*words: str | Path, code: int = 0) -> Any:
    done = storeff("bench", *words, "-q", "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)["bench"]


def untimed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: each[key] for key in each if key not in TIMED} for each in rows]


@pytest.fixture(scope="module")
def made(scanned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that `bench` wrote of that report."""
    path = tmp_path_factory.mktemp("bench") / "bench.json"
    done = storeff("bench", scanned, *WORDS, *FEW, "-o", path, "-q")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def of_report(made: Path) -> Any:
    return json.loads(made.read_bytes())["bench"]


@pytest.fixture(scope="module")
def of_data() -> Any:
    return bench(SAMPLES, *WORDS, *FEW)


def test_a_report_and_the_data_it_is_of_give_the_same_rows(of_report: Any, of_data: Any) -> None:
    assert untimed(of_report["rows"]) == untimed(of_data["rows"])


def test_codecs_are_timed_on_the_data(of_report: Any, of_data: Any) -> None:
    assert not of_report["speeds"]
    speeds = of_data["speeds"]
    assert {"lz4", "zstd-1", "zstd-3"} <= set(speeds)
    assert all(each["compress_gbps"] > 0 for each in speeds.values())


def test_a_benchmark_can_be_made_again_from_its_own_report(made: Path, of_report: Any) -> None:
    assert untimed(bench(made, "--drive", "qlc-122", *FEW)["rows"]) == untimed(of_report["rows"])


def test_the_comparison_fits_one_screen_of_80_by_24_without_a_terminal(scanned: Path) -> None:
    done = storeff("bench", scanned, "-q", env={"COLUMNS": "80", "PATH": "/usr/bin:/bin"})
    lines = done.stdout.splitlines()
    assert len(lines) <= 24, done.stdout
    assert max(map(cell_len, lines)) <= 80
    assert "\x1b" not in done.stdout


def test_the_whole_comparison_of_the_samples_is_the_golden_one(scanned: Path) -> None:
    shown = everything("bench", scanned, *WORDS, "--quote", "ratio=2.5")
    lines = shown.split("What each takes")[0]
    assert_golden("bench.txt", lines)


def test_a_layout_that_cannot_run_on_a_drive_is_refused_with_the_reason(scanned: Path) -> None:
    done = storeff("bench", scanned, "--layout", "weka-16-2", "--drive", "hdd-30")
    assert done.returncode == 1
    assert "weka-16-2 cannot be built on hdd-30, hard disks: it runs on flash" in done.stderr
    assert "--drive" in done.stderr


def test_layouts_that_do_not_run_on_a_drive_are_left_out_if_none_is_named(scanned: Path) -> None:
    rows = bench(scanned, "--drive", "hdd-30")["rows"]
    assert rows
    assert "weka-16-2" not in {each["layout"] for each in rows}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--durability", "lots"), "write 11nines, or none"),
        (("--durability", "99"), f"is not from 1 to {NINES_MOST} nines"),
        (("--quote", "ratio=much"), "write ratio=2.5"),
        (("--quote", "0"), "is no data reduction ratio"),
        (("--ingest", "fast"), "size"),
        (("--reduction", "shiped"), "did you mean 'shipped'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(
    words: tuple[str, ...], message: str
) -> None:
    done = storeff("bench", "/nowhere", *words)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_source_that_is_not_there_is_named() -> None:
    done = storeff("bench", "/nowhere/at/all")
    assert done.returncode == 1
    assert "/nowhere/at/all" in done.stderr


def test_a_file_of_data_is_scanned_and_no_report(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b'{"a": 1}' + random.Random(1).randbytes(300_000))
    made = bench(path, "--drive", "qlc-122", "--layout", "minio-12-4")
    assert made["logical_bytes"] == path.stat().st_size


OWN = (
    '[ours-10-2]\ncode = { kind = "rs", k = 10, m = 2 }\nmetadata = 0.01\npadding = 0\n'
    "rebuild_reserve = 0.05\nfill_limit = 0.9\n"
)


def test_layouts_of_one_s_own_stand_beside_the_catalogue(scanned: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(OWN)
    names = {each["name"] for each in json.loads(scanned.read_bytes())["layouts"]}
    with_own = {each["layout"] for each in bench(scanned, *WORDS, "--layouts", own)["rows"]}
    assert with_own == {"ours-10-2", *names}


def test_two_files_of_own_layouts_are_one_too_many(scanned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    for path in (folder / "layouts.toml", tmp_path / "mine.toml"):
        path.write_text(OWN)
    words = ("--layouts", tmp_path / "mine.toml", "--data", folder)
    done = storeff("bench", scanned, *words)
    assert done.returncode == 2
    assert "both hold layouts of your own" in done.stderr
    assert "--layouts, --data" in done.stderr


def test_no_floor_takes_the_parity_of_the_catalogue(scanned: Path, of_report: Any) -> None:
    words = ("--drive", "qlc-122", "--layout", "minio-12-4", "--durability", "none")
    made = bench(scanned, *words)
    assert made["durability_nines"] is None
    assert [each["floor"] for each in made["rows"]] == [None]
    assert of_report["durability_nines"] == DURABILITY_NINES


def test_the_words_of_the_command_line_are_those_of_the_library() -> None:
    assert tuple(POLICIES) == REDUCTIONS
