"""storeff compare as people see it."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from support.cli import storeff
from support.golden import GOLDEN, assert_golden

REPORTS = GOLDEN / "reports" / "2.0"
NAMES = sorted(path.name for path in REPORTS.glob("*.json"))


def run(folder: Path, *words: str) -> "tuple[int, str, str]":
    done = storeff("compare", *words, cwd=folder, env=os.environ | {"COLUMNS": "80"})
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `size` makes of a scan, and of it for more data at another price."""
    made = tmp_path_factory.mktemp("compare")
    (made / "before.json").write_bytes((REPORTS / "scan.json").read_bytes())
    own = made / "own"
    own.mkdir()
    (own / "drives.toml").write_text("[qlc-122]\nprice = 31000\n")
    layouts = ("--layout", "vast-146-4", "--layout", "ceph-ec-8-3", "--durability", "none")
    for name, words in (
        ("base.json", ("--target", "50EB")),
        ("after.json", ("--target", "80EB", "--data", "own")),
    ):
        done = storeff("size", "before.json", *words, *layouts, "-o", name, cwd=made)
        assert done.returncode == 0, done.stderr
    return made


def test_what_changed_and_why_is_the_golden_text(folder: Path) -> None:
    code, shown, _ = run(folder, "base.json", "after.json")
    assert code == 0
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert_golden("compare.txt", shown)


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_report_can_be_compared(folder: Path, name: str) -> None:
    for words in ((REPORTS / name, REPORTS / name), (REPORTS / "scan.json", REPORTS / name)):
        code, shown, said = run(folder, *map(str, words))
        assert (code, said) == (0, "")
        no_change = "No change that the measurements show." in shown
        assert no_change == (words[0] == words[1])


def test_json_is_whole_and_follows_its_schema(folder: Path) -> None:
    code, text, _ = run(folder, "base.json", "after.json", "base.json", "--json")
    assert code == 0
    document = json.loads(text)
    schema = json.loads(storeff("schema", "compare").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    changed, same = document["comparisons"]
    assert (changed["differs"], same["differs"]) == (True, False)
    why = changed["attribution"]
    assert sum(cause["raw_bytes"] for cause in why["causes"]) == why["raw_bytes"]


def test_a_report_alone_is_a_usage_error(folder: Path) -> None:
    code, shown, _ = run(folder, "base.json")
    assert (code, shown) == (2, "")


def test_hostile_text_stays_text(folder: Path) -> None:
    report = json.loads((folder / "base.json").read_text())
    report["scan"]["sources"] = ["/data/\x1b[31m\u202e"]
    report["run"]["versions"]["storeff"] = "\x1b[2J\n0 rules failed"
    report["assumptions"][0]["path"] = "drives.\x1b]0;x\x07.price"
    hostile = folder / "\x1b[31mname.json"
    hostile.write_text(json.dumps(report))
    code, shown, _ = run(folder, "base.json", hostile.name)
    assert code == 0
    assert not set("\x1b\x07\u202e") & set(shown)
    assert "\n0 rules failed" not in shown
    code, text, _ = run(folder, "base.json", hostile.name, "--json")
    assert not set("\x1b\x07\u202e") & set(text)
