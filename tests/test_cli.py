"""The command line as people use it: what is on stdout, what is on stderr, and the exit code."""

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.cli import PARTLY, everything, shown, storeff
from support.golden import assert_golden

from storeff.report.doctor import checks

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
GOLDEN = Path(__file__).parent / "golden"
# One that deduplicates, one whose parity is compressed below its code, and a plain one.
NAMES = ("vast-146-4", "ceph-ec-8-3", "rs-20-4")
LAYOUTS = tuple(word for name in NAMES for word in ("--layout", name))
SIZED = ("--target", "50EB", *LAYOUTS)


def report_of(*words: str | Path, code: int = 0, before: str = "") -> Any:
    done = storeff(*words, "--json", before=before)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sample_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "r.json"
    done = storeff("scan", SAMPLES, *SIZED, "-o", path, "-q")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def unsized_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unsized") / "r.json"
    assert storeff("scan", SAMPLES, "-o", path, "-q").returncode == 0
    return path


def without_times(report: Any) -> Any:
    """``report`` without what differs from run to run: times, memory, the command, codec speeds."""
    for key in ("command", "started", "seconds", "peak_rss_bytes", "sha256"):
        del report["run"][key]
    for key in ("seconds", "cpu_seconds", "compress_cpu_seconds", "probe_cpu_seconds"):
        del report["scan"][key]
    for layout in report["layouts"]:
        for key in [k for k in layout["codec"] or {} if k.endswith(("_gbps", "_at"))]:
            del layout["codec"][key]
    return report


def test_help_has_examples_and_exit_codes() -> None:
    for words in (["--help"], ["scan", "--help"], ["size", "--help"]):
        done = storeff(*words)
        assert done.returncode == 0
        assert "Example" in done.stdout
        assert "Exit codes" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys; from storeff.commands import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'scipy', 'rich', 'msgspec', 'pyeclib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_scan_answers_on_stdout_and_says_nothing_else() -> None:
    done = storeff("scan", SAMPLES, "--target", "50EB")
    assert done.returncode == 0
    assert done.stderr == ""
    for part in (
        "50.0 EB (43.4 EiB)",
        "cdc-64KiB",
        "with qlc-122 drives",
        "5-year cost",
        "coverage: complete",
    ):
        assert part in done.stdout
    assert "\x1b" not in done.stdout


def test_json_alone_is_on_stdout() -> None:
    report = report_of("scan", SAMPLES)
    assert report["scan"]["logical_bytes"] == sample_bytes()


def sample_bytes() -> int:
    return sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file())


def test_without_a_target_nothing_is_sized(unsized_report: Path) -> None:
    report = json.loads(unsized_report.read_bytes())
    assert report["target"] is None
    assert report["layouts"] == []
    assert report["reference_layout"] is None
    assert report["reduction"]["headline"]["ratio"]["value"] > 1
    assert report["complete"] is True
    assert report["incomplete_because"] == []


def test_a_layout_without_a_target_is_sized_for_the_scanned_bytes(unsized_report: Path) -> None:
    (layout,) = report_of("scan", SAMPLES, "--layout", "rs-20-4")["layouts"]
    assert layout["waterfall"][0]["before_bytes"]["value"] == sample_bytes()
    again = report_of("size", unsized_report, "--layout", "rs-20-4")
    assert again["layouts"][0]["raw_bytes"] == layout["raw_bytes"]


def test_a_report_without_a_target_is_sized_for_one_that_is_given(unsized_report: Path) -> None:
    done = storeff("size", unsized_report)
    assert done.returncode == 2
    assert "give --target" in done.stderr
    assert len(report_of("size", unsized_report, "--target", "1EB")["layouts"]) >= 8


def test_the_report_matches_its_own_schema(sample_report: Path) -> None:
    schema = json.loads(storeff("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(sample_report.read_text()), schema)


def test_the_same_data_gives_the_same_report(sample_report: Path) -> None:
    again = report_of("scan", SAMPLES, *SIZED, "--threads", "3", "-q")
    assert without_times(again) == without_times(json.loads(sample_report.read_text()))


def test_size_repeats_what_scan_answered_without_the_data(sample_report: Path) -> None:
    again = report_of("size", sample_report, *LAYOUTS)
    assert without_times(again) == without_times(json.loads(sample_report.read_text()))


def test_size_answers_for_another_target_and_layout(sample_report: Path) -> None:
    report = report_of("size", sample_report, "--target", "100EB", "--layout", "rs-20-4")
    before = json.loads(sample_report.read_text())
    one = next(item for item in before["layouts"] if item["name"] == "rs-20-4")
    assert [item["name"] for item in report["layouts"]] == ["rs-20-4"]
    doubled = report["layouts"][0]["raw_bytes"]["value"]
    assert abs(doubled - 2 * one["raw_bytes"]["value"]) <= 2


def test_every_waterfall_closes_to_zero_bytes(sample_report: Path) -> None:
    for layout in json.loads(sample_report.read_text())["layouts"]:
        steps = layout["waterfall"]
        logical, raw = steps[0]["before_bytes"]["value"], layout["raw_bytes"]["value"]
        assert sum(step["share_bytes"]["value"] for step in steps) == raw - logical
        for earlier, later in itertools.pairwise(steps):
            assert earlier["after_bytes"] == later["before_bytes"]


def test_own_figures_replace_the_built_in(tmp_path: Path, sample_report: Path) -> None:
    (tmp_path / "drives.toml").write_text((GOLDEN / "own-drive.toml").read_text())
    report = report_of(
        "size", sample_report, "--data", tmp_path, "--drive", "ours", "--layout", "rs-20-4"
    )
    bill = report["layouts"][0]["bill"]
    assert bill["drive"] == "ours"
    assert bill["capex"]["drives"]["value"] == bill["drives"]["value"] * 1000


def test_the_worked_example_comes_out_to_the_byte_and_the_cent() -> None:
    report = report_of("size", "--scenario", GOLDEN / "ex50.toml")
    expected = json.loads((GOLDEN / "ex50.json").read_text())
    layout = report["layouts"][0]
    assert layout["raw_bytes"]["value"] == expected["raw_bytes"]
    for name, figure in expected["bill"].items():
        ours = layout["bill"][name]
        if name == "rack_bound":
            assert ours == figure
        elif name == "capex":
            for part, money in figure.items():
                assert ours[part]["value"] == pytest.approx(money, abs=0.0051, rel=0)
        elif name == "opex_by_year":
            for year, expected_year in zip(ours, figure, strict=True):
                assert year["year"] == expected_year.pop("year")
                for part, money in expected_year.items():
                    assert year[part]["value"] == pytest.approx(money, abs=0.0051, rel=0)
        elif isinstance(figure, int):
            assert ours["value"] == figure
        elif name in ("opex_total", "tco", "npv"):
            assert ours["value"] == pytest.approx(figure, abs=0.0051, rel=0)
        else:
            assert ours["value"] == pytest.approx(figure, rel=1e-9)


def test_the_terminal_view_of_the_worked_example_is_the_golden_one() -> None:
    words = ("size", "--scenario", GOLDEN / "ex50.toml")
    screen = storeff(*words, env=os.environ | {"COLUMNS": "80"}).stdout
    assert_golden("ex50.txt", f"{screen}\n{everything(*words)}")


def test_an_unknown_price_leaves_the_total_unknown(sample_report: Path) -> None:
    report = report_of("size", sample_report, "--drive", "qlc-122-kioxia", "--layout", "rs-20-4")
    bill = report["layouts"][0]["bill"]
    assert bill["drives"]["value"] > 0
    assert bill["capex"]["total"]["value"] is None
    assert bill["npv"]["value"] is None
    assert "unknown-price" in [w["code"] for w in report["warnings"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["scan", SAMPLES, "--target", "50e"], 2, "50e"),
        (["scan", SAMPLES, "--target", "50"], 2, "unit"),
        (["scan", SAMPLES, "--target", "9" * 5000 + "EB"], 2, "5,002 characters"),
        (["scan", SAMPLES, "--target", "1000000001ZB"], 2, "at most a billion ZB"),
        (["scan"], 2, "SOURCES"),
        (["scan", "/no/such/place"], 1, "cannot be scanned"),
        (["scan", SAMPLES, "--sample", "ci=0%"], 2, "above 0 %"),
        (["scan", SAMPLES, "--sample", "64"], 2, "unit"),
        (["scan", SAMPLES, "--time-budget", "20"], 2, "10m"),
        (["scan", SAMPLES, "--precision", "0.5"], 2, "write 1% or 0.5%"),
        (["scan", SAMPLES, "--precision", "1%5"], 2, "'1%5' is not a percentage"),
        (["scan", SAMPLES, "--precision", "0.01%"], 2, "ask for 0.1 % to 20 %: --precision"),
        (["scan", SAMPLES, "--precision", "nan%"], 2, "a precision of nan % cannot be asked for"),
        (["scan", SAMPLES, "--table", "ful"], 2, "did you mean 'full'?"),
        (["scan", SAMPLES, "--layout", "raid0"], 2, "ceph-ec-8-3"),
        (["scan", SAMPLES, "--drive", "floppy"], 1, "qlc-122"),
        (["scan", SAMPLES, "--kernel", "mmx"], 2, "scalar"),
        (["scan", SAMPLES, "--exclude", ""], 2, "--exclude"),
        (["scan", SAMPLES, "--similarity", "--time-budget", "1s"], 2, "--similarity"),
        (["report", GOLDEN / "no.json"], 2, "Choose from:\n  csv,\n  cyclonedx,"),
        (["size"], 2, "--scenario"),
        (["size", "--scenario", GOLDEN / "ex50.toml", "--drive", "qlc-245"], 2, "--drive"),
        (["size", SAMPLES / "images" / "noise.png"], 1, "not a storeff report"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_a_wrong_word_is_explained(words: list[str | Path], code: int, said: str) -> None:
    done = storeff(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_something_not_covered_is_exit_3(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data" * 1000)
    report = report_of("scan", tmp_path, "/proc/version", code=3)
    assert [s["reason"] for s in report["scan"]["skipped"]] == ["pseudo-filesystem"]
    assert report["scan"]["skipped"][0]["remedy"]
    assert report["scan"]["coverage"] < 1


def test_what_stores_no_bytes_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data" * 1000)
    os.mkfifo(tmp_path / "pipe")
    report = report_of("scan", tmp_path)
    assert [a["reason"] for a in report["scan"]["ignored"]] == ["fifo"]
    assert report["scan"]["coverage"] == 1


def test_a_fifo_as_a_source_is_an_error_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = storeff("scan", tmp_path / "pipe")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path}/pipe cannot be scanned: it is a FIFO" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_source_of_links_alone_is_not_covered_and_says_where_they_lead(tmp_path: Path) -> None:
    for name in ("blobs", "snapshot"):
        (tmp_path / name).mkdir()
    (tmp_path / "blobs" / "abc").write_bytes(random.Random(1).randbytes(30_000))
    (tmp_path / "snapshot" / "model").symlink_to("../blobs/abc")
    report = report_of("scan", tmp_path / "snapshot", code=3)
    [skipped] = report["scan"]["skipped"]
    assert (skipped["bytes"], skipped["examples"]) == (30_000, [str(tmp_path / "blobs")])
    sources = (tmp_path / "snapshot", tmp_path / "blobs")
    followed = report_of("scan", *sources, "--follow-links")
    assert followed["scan"]["logical_bytes"] == 30_000
    assert [v["data_bytes"] for v in followed["reduction"]["sharing"]["volumes"]] == [30_000] * 2
    [aside] = followed["scan"]["ignored"]
    assert (aside["reason"], aside["files"]) == ("followed-link", 1)


def test_what_is_excluded_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data" * 1000)
    os.mkfifo(tmp_path / "pipe")
    report = report_of("scan", tmp_path, "--exclude", "pipe")
    assert [a["reason"] for a in report["scan"]["ignored"]] == ["excluded"]


@pytest.mark.parametrize("names", [(), ("data.bin",)])
def test_a_directory_without_dumps_is_said_to_be_one(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"data" * 1000)
    report = report_of("kv", tmp_path, code=3)
    assert not report["complete"]
    assert [w["code"] for w in report["warnings"]] == ["no-data"]
    done = storeff("kv", tmp_path, "-q")
    assert done.stdout.startswith("INCOMPLETE: no KV dump was found among")


def test_a_tree_without_data_is_said_to_be_one(tmp_path: Path) -> None:
    report = report_of("scan", tmp_path, "--target", "1PB", code=3)
    assert report["layouts"] == []
    assert report["reduction"]["headline"]["ratio"]["value"] is None
    assert "no-data" in [w["code"] for w in report["warnings"]]
    assert report["complete"] is False
    assert report["incomplete_because"] == ["no data was read, so there is no data reduction ratio"]


def test_hostile_names_reach_neither_terminal_nor_json_raw(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\x1b[31m\xff\xe2\x80\xae[bold]pipe")
    (tmp_path / "links").mkdir()
    os.symlink(next(tmp_path.glob("*pipe")), tmp_path / "links" / "link")
    tmp_path /= "links"
    text = everything("scan", tmp_path, columns=400)
    assert "\x1b" not in text
    assert "\\xff\\u202e[bold]pipe" in text
    assert report_of("scan", tmp_path, code=3)["scan"]["skipped"][0]["examples"]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thousands of small files, each twice."""
    root = tmp_path_factory.mktemp("noise")
    source = random.Random(4)
    for i in range(2000):
        content = source.randbytes(2000 + 7 * i)
        (root / f"a{i}").write_bytes(content)
        (root / f"b{i}").write_bytes(content)
    return root


def test_a_sample_gives_an_interval_that_holds_the_truth(noise: Path) -> None:
    words = ("scan", noise, "--sample", "30%", "--layout", "vast-146-4", "-q")
    report = report_of(*words, before=PARTLY)
    assert 0.2 < report["scan"]["coverage"] < 0.4
    assert report["scan"]["choice"] == "a sample, as was asked"
    method = report["reduction"]["method"]
    assert method["estimator"] == "unseen species by least squares, calibrated by re-thinning"
    assert method["sampling"]["rate"] == 0.3
    ratio = report["reduction"]["headline"]["ratio"]
    assert ratio["low"] <= 2.0 <= ratio["high"]
    assert ratio["value"] is not None
    now, *more = report["uncertainty"]["more_reading"]
    assert now["read_bytes"] == report["scan"]["read_bytes"]
    assert all(later["interval_width"] <= now["interval_width"] for later in more)
    assert all(later["npv_width"] <= now["npv_width"] for later in more)
    drives = report["uncertainty"]["quantity"]["drives"]
    assert now["drives_width"] == drives["high"] - drives["low"]
    assert report["warnings"][0]["code"] == "sampled"


def test_a_sample_too_small_for_deduplication_is_sized_without(noise: Path, tmp_path: Path) -> None:
    words = ("scan", noise, "--sample", "4%", "--layout", "vast-146-4", "--target", "1EB", "-q")
    path = tmp_path / "r.json"
    assert storeff(*words, "-o", path, before=PARTLY).returncode == 3
    report = json.loads(path.read_text())
    head = report["reduction"]["headline"]["ratio"]
    assert head["value"] is None
    assert head["low"] <= 2.0 <= head["high"]
    assert report["warnings"][0]["code"] == "no-dedup-point"
    assert report["incomplete_because"] == [report["warnings"][0]["message"]]
    [step] = [s for s in report["layouts"][0]["waterfall"] if s["step"] == "data_reduction"]
    assert step["factor"]["value"] == pytest.approx(1.0)
    # What is not known of duplicates is what more reading would tell, in money too.
    now, *more = report["uncertainty"]["more_reading"]
    assert now["npv_width"] > 0.2 * report["layouts"][0]["bill"]["npv"]["value"]
    assert all(later["npv_width"] < now["npv_width"] for later in more)
    text = shown(path)
    assert "the sample is too small for a single figure" in text
    assert "Left open: " in text


def test_a_report_says_why_everything_was_read(unsized_report: Path) -> None:
    choice = json.loads(unsized_report.read_bytes())["scan"]["choice"]
    assert choice == "full scan, the default up to 4.29 GB and 65,536 files"


def test_all_of_it_as_a_sample_is_an_ordinary_scan(sample_report: Path) -> None:
    report = report_of("scan", SAMPLES, *SIZED, "--sample", "100%", "-q")
    assert report["scan"]["choice"] is None
    assert report["reduction"] == json.loads(sample_report.read_text())["reduction"]


@pytest.mark.parametrize(
    "words", [("--sample", "1GiB"), ("--sample", "ci=1%"), ("--time-budget", "1h")]
)
def test_what_suffices_for_everything_counts_everything(
    noise: Path, words: tuple[str, str]
) -> None:
    report = report_of("scan", noise, *words, "--layout", "vast-146-4", "-q")
    ratio = report["reduction"]["dedup"][0]["ratio"]
    assert ratio["low"] == ratio["high"] == 2.0


def test_layouts_and_drives_are_listed_with_their_sources() -> None:
    layouts = json.loads(storeff("layouts", "--json").stdout)
    assert len(layouts) >= 8
    assert "146+4" in storeff("layouts").stdout
    drives = json.loads(storeff("drives", "--json").stdout)
    assert all(d["capacity_bytes"]["source"] for d in drives.values())
    assert "unknown" in storeff("drives").stdout


def test_a_scenario_is_not_mended_by_a_catalogue() -> None:
    report = report_of("size", "--scenario", GOLDEN / "ex50.toml")
    assert "--data" not in " ".join(w["remedy"] for w in report["warnings"])


def test_doctor_says_what_fails_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder() -> None:
        raise FileNotFoundError(2, "no usable temporary directory")

    monkeypatch.setattr("tempfile.TemporaryDirectory", no_folder)
    monkeypatch.setitem(sys.modules, "rich", None)
    found = {name: (passed, detail) for name, passed, detail in checks()}
    assert found["kernel scalar"][0] is False
    assert "no usable temporary directory" in found["kernel scalar"][1]
    assert found["rich"][0] is False
    assert found["click"][0] is True


def test_an_enclosure_that_fits_no_rack_is_noticed_before_reading(tmp_path: Path) -> None:
    rack = """[default]
height_u = {value = 42, kind = "assumption"}
reserved_u = {value = 2, kind = "assumption"}
kilowatts = {value = 0.1, kind = "assumption"}
switch_watts = {value = 50, kind = "assumption"}
floor_m2 = {value = 1, kind = "assumption"}
"""
    (tmp_path / "racks.toml").write_text(rack)
    done = storeff("scan", SAMPLES, "--read-rate", "100B", "--data", tmp_path)
    assert done.returncode == 1
    assert "cannot hold" in done.stderr


def test_doctor_uses_every_part() -> None:
    done = storeff("doctor")
    assert done.returncode == 0, done.stdout
    assert "kernel scalar" in done.stdout
    assert "165 patterns" in done.stdout
    assert "FAILED" not in done.stdout
