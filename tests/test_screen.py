"""What a person sees: the answer first, whole figures at any width, and nothing that steers."""

import contextlib
import json
import os
import random
import re
import shutil
import struct
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from support import cli
from support.hostile_report import STEERING

from storeff.report.model import Report, Skipped, read_report, to_json
from storeff.report.terminal import print_report

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
# A figure with its unit, as every screen writes them.
FIGURE = re.compile(r"\d[\d,.]*(?:x|(?: (?:%|[kMGTPEZ]?B|[kMG]?W|[kMB] USD))(?!\w))")
WIDTHS = (60, 80, 100, 120)
KINDS = ("whole", "part", "too-small", "kv-dumps", "kv-trace")

Screen = Callable[[Report, int], str]


def storeff(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    before = cli.PARTLY if "--sample" in words else ""
    return cli.storeff(*words, before=before, env=os.environ | environment)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of each kind, as its command wrote it."""
    root = tmp_path_factory.mktemp("reports")
    weights = random.Random(2).randbytes(4 << 20)
    tensor = {"dtype": "F32", "shape": [1 << 20], "data_offsets": [0, 4 << 20]}
    header = json.dumps({"weights": tensor}).encode()
    for step in ("step-1000", "step-2000"):
        (root / "training-run" / step).mkdir(parents=True)
        (root / "training-run" / step / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + weights
        )
        weights = weights[:1_000_000] + random.Random(3).randbytes(3_194_304)
    source = random.Random(4)
    (root / "noise").mkdir()
    for i in range(2000):
        content = source.randbytes(2000 + 7 * i)
        for copy in "ab":
            (root / "noise" / f"{copy}{i}").write_bytes(content)
    target, trace = ("--target", "50EB"), SAMPLES / "traces" / "chat.jsonl"
    model = ("--model", "llama-3.1-70b")
    layouts = ("--layout", "vast-146-4", "--layout", "ceph-ec-8-3")
    commands: dict[str, tuple[str | Path, ...]] = {
        "whole": ("scan", SAMPLES, root / "training-run", *target, "--similarity"),
        "part": ("scan", root / "noise", *target, *layouts, "--sample", "30%"),
        "too-small": ("scan", root / "noise", *target, *layouts, "--sample", "4%"),
        "kv-dumps": ("kv", SAMPLES / "kv", *model),
        "kv-trace": ("kv", trace, *model, "--ttl", "10m,1d", "--target", "1PB"),
    }
    for kind, words in commands.items():
        done = storeff(*words, "-q", "-o", root / f"{kind}.json")
        assert done.returncode == (3 if kind == "too-small" else 0), done.stderr
    return {kind: root / f"{kind}.json" for kind in commands}


@pytest.fixture
def screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Screen:
    """All that a person can see of a report in so many columns."""

    def see(report: Report, columns: int) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        print_report(report, full=True)
        return capsys.readouterr().out

    return see


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", WIDTHS)
def test_every_screen_fits_with_every_figure_whole(
    reports: dict[str, Path], screen: Screen, kind: str, columns: int
) -> None:
    report = read_report(reports[kind])
    wide, narrow = screen(report, 200), screen(report, columns)
    assert max(map(cell_len, narrow.splitlines())) <= columns
    assert max(map(cell_len, wide.splitlines())) <= 200
    # A source is a name, which may lose its middle.
    sources = "".join(row.source or "" for row in report.assumptions)
    figures = set(FIGURE.findall(wide)) - set(FIGURE.findall(sources))
    assert len(figures) > 10
    assert figures <= set(FIGURE.findall(narrow))


def test_files_compared_with_siblings_are_named_at_any_width(
    reports: dict[str, Path], screen: Screen
) -> None:
    for columns in (80, 100, 200):
        shown = screen(read_report(reports["whole"]), columns)
        assert "training-run/" in shown
        assert re.search(r"\n  step-2000\S+tensors +step-1000\S+tensors +[\d.]+ MB", shown)


@pytest.mark.parametrize("columns", [20, 40])
def test_the_narrowest_terminal_shows_all_that_it_can(
    reports: dict[str, Path], screen: Screen, columns: int
) -> None:
    shown = screen(read_report(reports["whole"]), columns)
    assert max(map(cell_len, shown.splitlines())) <= columns
    assert "weka-16-2" in shown


def texts_of(value: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The path of each string in ``value``, what holds it, and its key there."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, str):
            yield f"{at}.{key}", value, key
        elif isinstance(inner, dict | list):
            yield from texts_of(inner, f"{at}.{key}")


def may_be_any_text(document: Any) -> list[tuple[str, Any, Any]]:
    """Of ``texts_of`` those that a report may have in place of its own."""
    found = []
    for path, holder, key in [*texts_of(document)]:
        if LINKS.fullmatch(path):
            continue
        own, holder[key] = holder[key], STEERING
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert(document, Report)
            found.append((path, holder, key))
        holder[key] = own
    return found


# What the report refers to itself by: changed alone, there is no such layout or step.
LINKS = re.compile(r"\.reference_layout|\.layouts\.\d+\.(name|waterfall\.\d+\.step)")


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_a_report_reaches_the_terminal_raw(
    reports: dict[str, Path], screen: Screen, kind: str
) -> None:
    report = read_report(reports[kind])
    # Of rows that are alike a few show what all do.
    layouts = [
        each
        for number, each in enumerate(report.layouts)
        if number < 2 or each.name == report.reference_layout
    ]
    found = report.scenarios
    if found is not None:
        # Parts that are alike too.
        parts = {"spares": found.parts["spares"]}
        found = msgspec.structs.replace(found, parts=parts, layouts=[])
    report = msgspec.structs.replace(
        report,
        layouts=layouts,
        assumptions=report.assumptions[:12],
        scenarios=found,
    )
    if report.scan is not None:
        skipped = [Skipped(reason="io-error", files=2, bytes=7, remedy="wait", examples=["/x"])]
        report = msgspec.structs.replace(
            report,
            complete=False,
            incomplete_because=["interrupted"],
            scan=msgspec.structs.replace(report.scan, skipped=skipped),
        )
    document = json.loads(to_json(report))
    texts = may_be_any_text(document)
    # Some at a time, far from each other.
    screens, shown = len(texts) // 8 + 1, 0
    for some in (texts[i::screens] for i in range(screens)):
        own = [holder[key] for _, holder, key in some]
        for _, holder, key in some:
            holder[key] = STEERING + holder[key]
        text = screen(msgspec.convert(document, Report), 80)
        paths = [path for path, *_ in some]
        assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text), paths
        assert max(map(cell_len, text.splitlines())) <= 80, paths
        shown += text.count("owned")
        for (_, holder, key), said in zip(some, own, strict=True):
            holder[key] = said
    assert shown > 8


def test_a_hostile_name_of_a_layout_is_escaped_wherever_it_is_shown(
    reports: dict[str, Path], screen: Screen
) -> None:
    report = read_report(reports["whole"])
    renamed = json.loads(
        to_json(report).decode().replace(f'"{report.reference_layout}"', json.dumps(STEERING))
    )
    shown = screen(msgspec.convert(renamed, Report), 100)
    assert shown.count("owned") >= 2
    assert all(c == "\n" or c.isprintable() for c in shown)


def test_json_on_stdout_shows_all_it_holds(reports: dict[str, Path], tmp_path: Path) -> None:
    document = json.loads(reports["whole"].read_bytes())
    document["scan"]["sources"] = [STEERING]
    (tmp_path / "r.json").write_text(json.dumps(document))
    done = storeff("size", tmp_path / "r.json", "--json")
    assert json.loads(done.stdout)["scan"]["sources"] == [STEERING]
    assert all(c == "\n" or c.isprintable() for c in done.stdout)


def without_target(report: Report) -> Report:
    return msgspec.structs.replace(report, target=None, layouts=[], assumptions=[], warnings=[])


def test_without_a_target_the_first_lines_say_what_the_data_saves(
    reports: dict[str, Path], screen: Screen
) -> None:
    lines = screen(without_target(read_report(reports["part"])), 100).splitlines()
    assert re.fullmatch(
        r"36.0 MB would take 18.\d MB ±[\d.]+ %: "
        r"data reduction ratio 2\.\d\dx \[[\d.]+, [\d.]+\] \(logical : stored\)",
        lines[0],
    )
    assert re.match(r"  Data reduction  2\.\d\dx .* by cdc-64KiB dedup \+ zstd-3", lines[2])
    assert re.match(r" +compression only: 1.00x", lines[3])
    assert re.match(r"  Saves +18.\d MB ±[\d.]+ % \((49|50)\.\d %\)", lines[4])
    assert not re.search(r"drives|racks| [kM]?W\b", "\n".join(lines))


def test_without_a_target_a_range_is_answered_by_a_range(
    reports: dict[str, Path], screen: Screen
) -> None:
    shown = screen(without_target(read_report(reports["too-small"])), 120)
    assert shown.startswith("INCOMPLETE: rests on 4.")
    lines = shown[shown.index("36.0 MB would take") :].splitlines()
    assert re.match(r"36.0 MB would take [\d.]+ ([kM]B )?to [\d.]+ MB: data reduction", lines[0])
    ratio, *_ = (line for line in lines if "Data reduction  " in line)
    assert "too small for a single figure" in ratio
    [saves] = (line for line in lines if "Saves  " in line)
    assert re.match(r"  Saves +[\d.]+ (MB )?to [\d.]+ MB", saves)


def test_where_too_little_was_read_the_answer_is_what_compression_alone_leaves(
    tmp_path: Path,
) -> None:
    for name, seed in (("f", 1), ("g", 2)):
        (tmp_path / name).write_bytes(random.Random(seed).randbytes(5_000_000))
    done = storeff("scan", tmp_path, "--sample", "1%", "-q")
    assert done.returncode == 3
    first, _, answer = done.stdout.partition("\n\n")
    assert first.startswith("INCOMPLETE")
    assert answer.startswith(
        "10.0 MB would take 10.0 MB without deduplication; what that would save is unknown"
    )
    assert "compression only: 1.00x" in answer


def test_layouts_asked_for_without_a_target_are_for_the_data_itself(
    reports: dict[str, Path], screen: Screen
) -> None:
    report = msgspec.structs.replace(read_report(reports["whole"]), target=None)
    lines = screen(report, 100).splitlines()
    assert re.match(r"50.0 EB \(.*\) of this data, on \S+ with \S+ drives", lines[0])
    needs = r"  Raw storage +[\d.]+ EB( at [\d.]+x)?, [\d,]+ drives, "
    assert any(re.match(needs, line) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_an_incomplete_report_says_so_first_and_claims_nothing_whole(
    reports: dict[str, Path], screen: Screen, kind: str
) -> None:
    report = read_report(reports[kind])
    scan = report.scan
    if scan is not None:
        scan = msgspec.structs.replace(scan, coverage=0.17321, choice="full scan")
    report = msgspec.structs.replace(
        report, complete=False, incomplete_because=["interrupted"], scan=scan
    )
    shown = screen(report, 100)
    share = "" if scan is None else "rests on 17.32 % of the listed bytes; "
    assert shown.splitlines()[0] == f"INCOMPLETE: {share}interrupted"
    for claim in ("(exact)", "full scan", "overage: complete"):
        assert claim not in shown


def test_incomplete_of_all_listed_bytes_is_not_said_to_be_all(
    reports: dict[str, Path], screen: Screen
) -> None:
    because = ["12 directories could not be listed"]
    report = msgspec.structs.replace(
        read_report(reports["whole"]), complete=False, incomplete_because=because
    )
    shown = screen(report, 100)
    assert shown.splitlines()[0] == "INCOMPLETE: 12 directories could not be listed"
    assert "coverage" not in shown.lower()


def test_a_figure_of_unknown_interval_is_about_right(
    reports: dict[str, Path], screen: Screen
) -> None:
    document = json.loads(reports["part"].read_bytes())
    for row in document["reduction"]["combined"]:
        for name in ("ratio", "physical_bytes"):
            row[name] |= {"low": None, "high": None}
    document["reduction"]["headline"]["ratio"] |= {"low": None, "high": None}
    report = without_target(msgspec.convert(document, Report))
    lines = screen(report, 120).splitlines()
    assert re.match(r"36.0 MB would take about 18.\d MB: .* about 2\.\d\dx \(", lines[0])
    assert "interval unknown" in lines[2]


def test_nines_are_counted_and_layouts_stay_in_their_order(
    reports: dict[str, Path], screen: Screen
) -> None:
    report = read_report(reports["whole"])
    layouts = list(reversed(report.layouts))
    durability = msgspec.structs.replace(layouts[0].durability, nines=9.96)
    layouts[0] = msgspec.structs.replace(layouts[0], durability=durability)
    shown = screen(msgspec.structs.replace(report, layouts=layouts), 300)
    lines = shown.split("would need")[1].splitlines()
    head = next(i for i, line in enumerate(lines) if " nines " in line and "layout" in line)
    first = next(i for i in range(head, len(lines)) if set(lines[i].strip()) == {"─"}) + 1
    at, rows = lines[head].index("nines"), lines[first : first + len(layouts)]
    assert [row.split()[0] for row in rows] == [layout.name for layout in layouts]
    assert rows[0][: at + len("nines")].split()[-1] == "9.9"


def test_growth_is_shown_and_its_scenario_is_not(reports: dict[str, Path], screen: Screen) -> None:
    report = read_report(reports["whole"])
    shown = screen(report, 120)
    assert "(a history, no bound)" in shown
    assert "ceiling" not in shown
    assert "floor:" not in shown


def test_compression_only_stands_beside_what_it_is_of(
    reports: dict[str, Path], screen: Screen
) -> None:
    document = json.loads(reports["whole"].read_bytes())
    only = {"value": 1.77, "low": 1.77, "high": 1.77, "origin": "measured"}
    for row in document["reduction"]["combined"]:
        row["compression_only_ratio"] = only if row["codec"] == "zstd-3" else None
    shown = screen(msgspec.convert(document, Report), 120)
    assert "compression only: 1.77x" in shown
    assert re.search(r"cdc-64KiB( +[\d.]+x)+ +1\.77x\n", shown)
    assert re.search(r"64 KiB, no dedup, 4 KiB units +[\d.]+x", shown)
    document["reduction"]["combined"] = [
        {key: value for key, value in row.items() if not key.startswith("compression_only")}
        for row in document["reduction"]["combined"]
    ]
    document["reduction"]["method"]["cells"] = []
    assert "zstd-3 only" not in screen(msgspec.convert(document, Report), 120)


def test_a_cost_that_is_unknown_is_said_once(
    reports: dict[str, Path], screen: Screen, tmp_path: Path
) -> None:
    layouts = ("--layout", "vast-146-4", "--layout", "minio-12-4")
    words = (*layouts, "--target", "50EB", "--drive", "qlc-122-kioxia", "-o", tmp_path / "r.json")
    assert storeff("size", reports["whole"], *words).returncode == 0
    shown = screen(read_report(tmp_path / "r.json"), 200)
    head = shown.split("\n\n")[0]
    assert re.search(r"5-year cost +unknown, as a price is\n", head)
    assert re.search(r"compression only: [\d.]+ EB, if no duplicate is found", head)
    assert head.count("unknown") == 1
    assert "5-year cost  " not in shown.split("would need")[1].split("\n\n")[0]


def test_sources_that_share_nothing_save_nothing(tmp_path: Path, screen: Screen) -> None:
    for seed, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(random.Random(seed).randbytes(10_000))

    def scanned() -> str:
        storeff("scan", tmp_path / "a", tmp_path / "b", "-q", "-o", tmp_path / "r.json")
        return screen(read_report(tmp_path / "r.json"), 100)

    none = "Pooling saves nothing: no cdc-64KiB chunk is in more than one source."
    assert none in scanned()
    (tmp_path / "b" / "g").write_bytes((tmp_path / "a" / "f").read_bytes())
    assert "Pooling saves 10.0 kB: the cross-source duplicates" in scanned()


def test_one_drive_is_one_drive(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(random.Random(1).randbytes(100_000))
    shown = storeff("scan", tmp_path, "--target", "1TB", "--layout", "ceph-replica-3", "-q").stdout
    assert re.search(r"Raw storage +[\d.]+ TB.*, \d+ drives, 1 rack, [\d.]+ kW", shown)
    assert "1 file," in shown


def test_a_path_of_900_characters_leaves_the_rest_readable(
    reports: dict[str, Path], screen: Screen
) -> None:
    report = read_report(reports["whole"])
    assert report.scan is not None
    path = "/begin/" + "/".join(["n" * 240] * 4) + "/end"
    skipped = [Skipped(reason="fifo", files=1, bytes=0, remedy="nothing to do", examples=[path])]
    scan = msgspec.structs.replace(report.scan, skipped=skipped)
    for columns in (80, 110):
        shown = screen(msgspec.structs.replace(report, scan=scan), columns)
        [row] = [line for line in shown.splitlines() if line.startswith("  fifo") and "1" in line]
        assert re.search(r"fifo +1 +0 B +nothing to do", row)
        assert re.search(r"/begin/n+\.\.\.n+/end", shown)


def test_many_sources_of_long_names_are_told_apart(tmp_path: Path, screen: Screen) -> None:
    roots = []
    for i in range(12):
        root = tmp_path / ("x" * 200) / f"source-{i}" / ("x" * 200)
        root.mkdir(parents=True)
        shutil.copy(SAMPLES / "images" / "noise.png", root)
        roots.append(root)
    storeff("scan", *roots, "-q", "-o", tmp_path / "r.json")
    shown = screen(read_report(tmp_path / "r.json"), 80)
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert "source-7/xxx" in shown
    assert "and 4 more sources" in shown
    assert re.search(r"\n +12: source-\d+/x+\.\.\.x+ +[\d.]+ kB", shown)
    assert "further pairs in the JSON report" in shown
