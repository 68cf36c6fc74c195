"""storeff check as a pipeline sees it: one line a rule, and the exit code."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from support.cli import storeff
from support.golden import GOLDEN, assert_golden

from storeff.report.paths import ALIASES

SCAN = GOLDEN / "reports" / "2.0" / "scan.json"
POLICY = """
["cost of the reference layout"]
figure = "cost"
at_most = "2 M USD"

[raw]
figure = "raw"
layout = "ceph-ec-8-3"
at_most = "1 MB"
severity = "warn"

["cost with prices"]
figure = "cost_range"
at_most = "1 M USD"

["how far it reduces"]
figure = "ratio"
at_least = "1.5x"

[coverage]
figure = "coverage"
at_least = "99 %"

[hits]
figure = "hit_rate"
at_least = "70%"

[prices]
stale_prices_at_most = 0
"""


def run(tmp_path: Path, policy: str, *words: str, report: Path = SCAN) -> "tuple[int, str, str]":
    path = tmp_path / "policy.toml"
    path.write_text(policy)
    env = os.environ | {"COLUMNS": "80"}
    done = storeff("check", report, "--policy", path, *words, env=env)
    return done.returncode, done.stdout, done.stderr


def test_one_line_a_rule_is_the_golden_text(tmp_path: Path) -> None:
    code, shown, _ = run(tmp_path, POLICY)
    assert code in (4, 5)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert_golden("check.txt", shown)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ('figure = "ratio"\nat_least = 1', 0),
        ('figure = "ratio"\nat_least = 100', 4),
        ('figure = "ratio"\nat_least = 100\nseverity = "warn"', 0),
        ('figure = "hit_rate"\nat_least = 0', 5),
        ('figure = "ratoi"\nat_least = 0', 1),
    ],
)
def test_the_exit_code_is_the_answer(tmp_path: Path, rule: str, code: int) -> None:
    done = run(tmp_path, f"[r]\n{rule}")
    assert done[0] == code
    assert bool(done[1]) == (code != 1)
    assert "Traceback" not in done[2]


@pytest.mark.parametrize(("words", "code"), [((), 5), (("pass",), 0), (("fail",), 4)])
@pytest.mark.parametrize("severity", ["", '\nseverity = "warn"'])
def test_a_pipeline_chooses_what_the_exit_code_says_of_what_is_open(
    words: tuple[str, ...], code: int, severity: str, tmp_path: Path
) -> None:
    option = ["--inconclusive", *words] if words else []
    policy = f'[r]\nfigure = "hit_rate"\nat_least = 0{severity}'
    found, text, _ = run(tmp_path, policy, *option, "--json")
    assert found == (0 if severity else code)
    document = json.loads(text)
    assert document["status"] == ("pass" if severity else "inconclusive")
    assert document["rules"][0]["status"] == "inconclusive"


@pytest.mark.parametrize(("limit", "code"), [("1", 0), ("100", 4)])
@pytest.mark.parametrize("word", ["pass", "fail"])
def test_what_is_decided_is_not_chosen(word: str, limit: str, code: int, tmp_path: Path) -> None:
    policy = f'[r]\nfigure = "ratio"\nat_least = {limit}'
    assert run(tmp_path, policy, "--inconclusive", word)[0] == code
    both = f'{policy}\n[open]\nfigure = "hit_rate"\nat_least = 0'
    worst = max(code, {"pass": 0, "fail": 4}[word])
    assert run(tmp_path, both, "--inconclusive", word)[0] == worst


def test_another_word_for_what_is_open_is_refused(tmp_path: Path) -> None:
    code, _, stderr = run(tmp_path, POLICY, "--inconclusive", "fial")
    assert code == 2
    assert "fail" in stderr


def test_json_holds_figure_interval_and_limit(tmp_path: Path) -> None:
    code, text, _ = run(tmp_path, POLICY, "--json")
    document = json.loads(text)
    schema = json.loads(storeff("schema", "check").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert {"pass": 0, "fail": 4, "inconclusive": 5}[document["status"]] == code
    report = json.loads(SCAN.read_text())
    first = document["rules"][0]
    reference = next(x for x in report["layouts"] if x["name"] == report["reference_layout"])
    assert first["value"] == reference["bill"]["npv"]["value"]
    assert first["limit"] == 2_000_000


@pytest.mark.parametrize("name", ["kv-trace.json", "kv-dumps.json", "part.json", "too-small.json"])
def test_every_kind_of_report_can_be_checked(tmp_path: Path, name: str) -> None:
    code, shown, _ = run(
        tmp_path, POLICY.replace('layout = "ceph-ec-8-3"\n', ""), report=SCAN.parent / name
    )
    assert code in (0, 4, 5)
    assert "coverage" in shown


def test_a_report_and_a_policy_are_needed() -> None:
    assert storeff("check", SCAN).returncode == 2
    assert storeff("check", SCAN, "--policy", "/no/such/file").returncode == 1


DOCS = Path(__file__).parent.parent / "docs" / "compare.md"


def test_the_policy_of_the_documentation_is_one(tmp_path: Path) -> None:
    [policy] = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    code, shown, said = run(tmp_path, policy)
    assert (code in (0, 4, 5), said) == (True, "")
    assert "cost" in shown


def test_every_short_name_is_documented() -> None:
    text = DOCS.read_text()
    assert [name for name in ALIASES if f"`{name}`" not in text] == []


@pytest.mark.parametrize("command", ["compare", "check", "explain"])
def test_help_says_the_exit_codes(command: str) -> None:
    done = storeff(command, "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    assert ("5 inconclusive" in done.stdout) == (command == "check")
