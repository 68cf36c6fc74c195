"""storeff verify as people and pipelines see it, and that the same inputs give the same bytes."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from support.cli import storeff
from support.golden import GOLDEN

ENV = os.environ | {"COLUMNS": "80"}
SCENARIO = GOLDEN / "ex50.toml"
REPORT = GOLDEN / "reports" / "2.3" / "scan.json"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "report.json"
    done = storeff("size", "--scenario", SCENARIO, "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_a_report_that_agrees_is_exit_0(report: Path) -> None:
    done = storeff("verify", report, env=ENV)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Report verified: ")
    assert "seal  whole" in done.stdout
    assert re.search(r"[\d.]+ % of [\d,]+ figures were made again", done.stdout)
    assert re.search(r"scenarios +\d+ +0  inputs", done.stdout)
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_report_that_does_not_is_exit_1_with_the_first_figure(
    report: Path, tmp_path: Path
) -> None:
    document = json.loads(report.read_text())
    said = document["layouts"][0]["bill"]["racks"]["value"]
    document["layouts"][0]["bill"]["racks"] |= dict.fromkeys(("low", "value", "high"), said - 1)
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(document))
    done = storeff("verify", path, env=ENV)
    assert done.returncode == 1
    assert done.stdout.startswith("Report REFUTED: 3 of ")
    for line in (
        r"seal +BROKEN",
        r"first +layouts\[0\]\.bill\.racks\.value",
        rf"report says +{said - 1:,}",
        rf"comes out +{said:,}",
    ):
        assert re.search(line, done.stdout)


def test_json_is_whole_and_follows_its_schema(report: Path) -> None:
    done = storeff("verify", report, "--json")
    document = json.loads(done.stdout)
    schema = json.loads(storeff("schema", "verify").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert (document["agrees"], document["seal"], document["first"]) == (True, "whole", None)


def test_what_is_no_report_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}")
    done = storeff("verify", path)
    assert done.returncode == 1
    assert "schema_version" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["size", "--scenario", SCENARIO],
        ["size", REPORT, "--layout", "vast-146-4"],
        ["bench", REPORT, "--layout", "vast-146-4", "--drive", "qlc-122"],
    ],
    ids=["scenario", "size", "bench"],
)
def test_the_same_inputs_give_the_same_bytes(words: list[str | Path], tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        done = storeff(*words, "-o", "report.json", cwd=folder)
        assert done.returncode == 0, done.stderr
        text = (folder / "report.json").read_text()
        # When and how long it ran, and the seal of it all.
        of_run = r'"(started|seconds|peak_rss_bytes|sha256)": [^\n]*'
        texts.append(re.sub(of_run, "", text, count=4))
    assert texts[0] == texts[1]
