"""The library as a notebook uses it: the figures of the command, and errors that say what to do."""

import dataclasses
import inspect
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click import Command
from support.cli import PARTLY
from support.cli import storeff as run

import storeff
from storeff.commands import FLAGS, cli, explained
from storeff.commands.parameters import Choice
from storeff.errors import UsageError
from storeff.estimate import cost
from storeff.report.model import Report
from storeff.report.storage import TABLES
from storeff.testing import MemorySource

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
ONE = storeff.Storage(["ceph-ec-8-3"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 files, each of which is there twice."""
    root = tmp_path_factory.mktemp("tree")
    source = random.Random(5)
    for i in range(500):
        content = source.randbytes(2000 + 28 * i)
        for copy in "ab":
            (root / f"{copy}{i}").write_bytes(content)
    return root


@pytest.fixture(scope="module")
def reduced() -> storeff.Reduced:
    return storeff.reduce(storeff.measure(SAMPLES), target_bytes=10**18)


def figures(report: Report) -> Any:
    """``report`` as JSON without what differs from run to run."""
    made = msgspec.to_builtins(report)
    del made["run"]
    for name in ("seconds", "cpu_seconds", "compress_cpu_seconds", "probe_cpu_seconds"):
        del made["scan"][name]
    return made


@pytest.fixture
def everything_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a part is read also of little."""
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)


@pytest.mark.usefixtures("everything_is_dear")
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_any_source_can_be_measured(tree: Path, share: float) -> None:
    """The same objects in memory and in files have the same figures, all of them and a sample."""
    source = MemorySource()
    for path in tree.iterdir():
        source.put(os.fsencode(path.name), path.read_bytes())
    sampling = storeff.Sampling(share=share)
    in_memory, in_files = (
        storeff.reduce(storeff.measure(each, sampling=sampling)) for each in (source, tree)
    )
    assert in_memory.reduction == in_files.reduction
    assert in_memory.scan is not None
    assert in_memory.scan.sources == ["memory:"]


@pytest.mark.usefixtures("everything_is_dear")
@pytest.mark.parametrize(
    ("words", "sampling"),
    [((), {}), (("--sample", "30%"), {"share": 0.3}), (("--sample", "1MB"), {"size_bytes": 10**6})],
)
def test_the_figures_are_those_of_the_command(
    tree: Path, tmp_path: Path, words: tuple[str, ...], sampling: dict[str, Any]
) -> None:
    sizing = ("--target", "1EB", "--layout", "ceph-ec-8-3")
    done = run("scan", tree, *words, *sizing, "-q", "-o", tmp_path / "r.json", before=PARTLY)
    assert done.returncode == (3 if "1MB" in words else 0), done.stderr
    measured = storeff.measure([tree], sampling=storeff.Sampling(**sampling), storage=ONE)
    found = storeff.reduce(measured, target_bytes=10**18)
    sized = storeff.size(found, ONE)
    report = storeff.build_report(found, sized)
    assert figures(report) == figures(storeff.read_report(tmp_path / "r.json"))


def test_similarity_is_measured_with_the_rest() -> None:
    report = storeff.build_report(storeff.reduce(storeff.measure(SAMPLES, similarity=True)))
    assert report.reduction is not None
    assert report.reduction.similarity is not None


def test_a_report_is_read_again_and_sized_for_another_target(
    reduced: storeff.Reduced, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(storeff.to_json(storeff.build_report(reduced, storeff.size(reduced, ONE))))
    earlier = storeff.read_report(path)
    again = storeff.Reduced.of_report(earlier)
    assert again.target_bytes == 10**18
    assert storeff.size(again, ONE).layouts == tuple(earlier.layouts)
    twice = storeff.Reduced.of_report(earlier, target_bytes=2 * 10**18)
    [layout] = storeff.size(twice, ONE).layouts
    assert layout.raw_bytes.value is not None
    assert earlier.layouts[0].raw_bytes.value is not None
    assert layout.raw_bytes.value == pytest.approx(2 * earlier.layouts[0].raw_bytes.value)


def test_without_a_target_the_measured_bytes_are_sized(reduced: storeff.Reduced) -> None:
    own = dataclasses.replace(reduced, target_bytes=None)
    [layout] = storeff.size(own, ONE).layouts
    assert layout.waterfall[0].after_bytes.value == reduced.reduction.data_bytes


def test_all_layouts_are_sized_if_none_is_named(reduced: storeff.Reduced) -> None:
    storage = storeff.Storage()
    assert {each.name for each in storeff.size(reduced).layouts} == {
        each.layout.name for each in storage.scenarios
    }


def test_a_scenario_is_sized_without_a_measurement() -> None:
    sized = storeff.size_scenario(Path(__file__).parent / "golden" / "ex50.toml")
    report = storeff.build_report(None, sized, command=["by", "hand"])
    assert report.complete
    assert report.run.command == ["by", "hand"]
    with pytest.raises(storeff.StoreffError) as error:
        storeff.Reduced.of_report(report)
    assert "--scenario" in explained(error.value)[1]


def test_values_are_frozen(reduced: storeff.Reduced) -> None:
    sized = storeff.size(reduced, ONE)
    measured = storeff.measure(Path(__file__))
    for value in (storeff.Sampling(), ONE, measured, measured.decision, reduced, sized):
        assert value is not None
        name = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)


def test_one_path_is_a_source_not_its_letters(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data" * 1000)
    for source in (str(tmp_path), bytes(tmp_path), tmp_path, [tmp_path]):
        assert storeff.measure(source).scan.files == 1


def test_a_stop_before_anything_was_read_says_so(tree: Path) -> None:
    stop = threading.Event()
    stop.set()
    measured = storeff.measure(tree, stop=stop)
    assert measured.scan.interrupted == "listing"
    assert measured.decision is None
    assert not storeff.build_report(storeff.reduce(measured)).complete


def test_progress_is_told(tree: Path) -> None:
    seen: list[Any] = []
    measured = storeff.measure(tree, on_progress=seen.append)
    assert seen[-1].done_bytes == measured.scan.read_bytes == 8_986_000


@pytest.mark.usefixtures("everything_is_dear")
def test_where_too_little_was_read_layouts_are_sized_by_compression_alone(tree: Path) -> None:
    found = storeff.reduce(storeff.measure(tree, sampling=storeff.Sampling(size_bytes=1)))
    assert found.reduction.headline.ratio.value is None
    assert found.reduction.scope.floor.value is not None
    sizing = storeff.size(found, ONE)
    report = storeff.build_report(found, sizing)
    assert not report.complete
    assert any("single figure" in each for each in report.incomplete_because)
    assert sizing.layouts[0].raw_bytes.value is not None


def test_no_data_is_not_sized(tmp_path: Path) -> None:
    with pytest.raises(storeff.StoreffError, match="nothing to size"):
        storeff.size(storeff.reduce(storeff.measure(tmp_path)), ONE)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: storeff.Storage(["raid0"]), "layout"),
        (lambda: storeff.measure(SAMPLES, kernel="mmx"), "kernel"),
        (lambda: storeff.measure(SAMPLES, table="ful"), "table"),
        (lambda: storeff.measure(SAMPLES, precision=0.0009), "precision"),
        (lambda: storeff.measure(SAMPLES, precision=0.21), "precision"),
        (lambda: storeff.measure(SAMPLES, precision=float("nan")), "precision"),
        (
            lambda: storeff.measure(
                SAMPLES, similarity=True, sampling=storeff.Sampling(seconds=1.0)
            ),
            "similarity",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_code_of_its_flag(call: Any, code: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert error.value.code == code
    message, remedy, exit_code = explained(error.value)
    assert FLAGS[code] in remedy
    assert exit_code == 2
    assert "--" not in message


def test_every_flag_of_a_remedy_is_one() -> None:
    known = {
        option
        for name in ("scan", "bench", "kv", "size", "commit")
        for parameter in command(name).params
        for option in parameter.opts
    }
    words = " ".join(FLAGS.values()).replace(",", "").split()
    assert {word for word in words if word.startswith("--")} <= known


def test_the_command_line_has_the_defaults_of_the_library() -> None:
    parameters = {parameter.name: parameter for parameter in command("scan").params}
    assert parameters["drive"].default == ONE.drive
    assert parameters["site"].default == ONE.site
    ours = inspect.signature(storeff.measure).parameters
    table, precision = parameters["table"], parameters["precision"]
    assert table.default == ours["table"].default
    assert precision.type.convert(precision.default, None, None) == ours["precision"].default
    assert isinstance(table.type, Choice)
    assert [*table.type.choices] == [*TABLES]


def command(name: str) -> Command:
    context = cli.make_context("storeff", [name], resilient_parsing=True)
    found = cli.get_command(context, name)
    assert found is not None
    return found


def test_importing_the_package_imports_nothing_heavy() -> None:
    probe = (
        "import sys, storeff\n"
        "assert 'Storage' in dir(storeff)\n"
        "print([m for m in ('numpy', 'msgspec', 'click', 'rich') if m in sys.modules])\n"
        "storeff.measure\n"
        "print([m for m in ('scipy', 'pyeclib', 'click', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr


def test_a_scan_of_one_small_file_loads_no_library_that_it_has_no_use_for() -> None:
    probe = (
        "import sys; from storeff.commands import cli\n"
        f"cli.main(['scan', {str(Path(__file__))!r}, '-q'], standalone_mode=False)\n"
        "print([m for m in ('scipy', 'pyeclib', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_name_that_the_package_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        storeff.frobnicate  # noqa: B018
