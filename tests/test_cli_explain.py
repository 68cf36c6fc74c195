"""storeff explain as people see it."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from support.cli import storeff
from support.golden import GOLDEN, assert_golden

REPORTS = GOLDEN / "reports" / "2.0"
SCAN = REPORTS / "scan.json"
# It keeps what its bills were computed from.
SIZED = GOLDEN / "reports" / "2.3" / "scan.json"


def run(field: str, *words: str, report: Path = SCAN) -> "tuple[int, str, str]":
    env = os.environ | {"COLUMNS": "80"}
    done = storeff("explain", field, report, *words, env=env)
    return done.returncode, done.stdout, done.stderr


def test_formula_inputs_and_lines_are_the_golden_text() -> None:
    fields = ("cost", "racks", "ratio", "layouts[reference].bill.capex.drives", "rebuild_hours")
    shown = "\n".join(run(field, report=SIZED)[1] for field in fields)
    assert all(len(line) <= 80 for line in shown.splitlines())
    # Lines move whenever a catalogue grows; that they are right is tested elsewhere.
    assert_golden("explain.txt", re.sub(r"(?<=\.toml:)\d+", "N", shown))


def test_json_follows_its_schema_and_adds_up() -> None:
    code, text, _ = run("capex", "--json", report=SIZED)
    assert code == 0
    document = json.loads(text)
    schema = json.loads(storeff("schema", "explain").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert document["agrees"] is True
    assert sum(each["value"] for each in document["inputs"]) == document["figure"]["value"]


@pytest.mark.parametrize(
    ("name", "field", "said"),
    [
        ("kv-trace.json", "hit_rate", "hit_tokens / tokens"),
        ("kv-trace.json", "kv.trace.dedup_ratio", "blocks / unique_blocks"),
        ("kv-dumps.json", "ratio", "data_bytes / stored_bytes"),
        ("part.json", "coverage", "what was read of the data"),
        ("part.json", "cost", "95 %: 2,000 replicates"),
        ("too-small.json", "ratio", "unknown"),
    ],
)
def test_every_kind_of_report_can_be_explained(name: str, field: str, said: str) -> None:
    code, shown, errors = run(field, report=REPORTS / name)
    assert (code, errors) == (0, "")
    assert said in shown


def test_an_unknown_field_names_the_nearest() -> None:
    code, shown, said = run("layouts[reference].bill.rack")
    assert (code, shown) == (2, "")
    assert "did you mean 'racks'?" in said


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    report = json.loads(SCAN.read_text())
    report["run"]["command"] = ["storeff", "--data", "/\x1b[31m\u202e"]
    for row in report["assumptions"]:
        row["source"] = "\x1b]0;x\x07\nwith values  1"
    hostile = tmp_path / "r.json"
    hostile.write_text(json.dumps(report))
    for field in ("capex.drives", "layouts[reference].bill.capex.drives", "drives.qlc-122.price"):
        _, shown, said = run(field, report=hostile)
        assert not set("\x1b\x07\u202e") & {*shown, *said}
        assert "\nwith values  1" not in shown
