"""storeff commit, guarantee and services as people use them: screens, JSON, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from rich.cells import cell_len
from support.cli import storeff
from support.golden import GOLDEN, assert_golden
from support.hostile_report import hostile
from support.sized import report_of

from storeff.report import formats
from storeff.report.model import Report, read_report, schema, to_json
from storeff.report.sections import sections
from storeff.report.terminal import laid_out

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
SCREEN = {"COLUMNS": "80", "PATH": "/usr/bin:/bin"}
COMMANDS = {
    "commit": ("--terms", "hpe-2026", "--commit", "40EB"),
    "guarantee": ("--promised", "2:1"),
    "services": ("--margin", "40%"),
}
PLAN = ("--demand", GOLDEN / "plan" / "demand.toml", "--offers", GOLDEN / "plan" / "offers.toml")


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on two layouts, for 50 EB that reduce 1.3-fold."""
    path = tmp_path_factory.mktemp("report") / "r.json"
    path.write_bytes(to_json(report_of("reference-10-4", "vast-146-4")))
    return path


@pytest.fixture(scope="module")
def whole(sized: Path) -> Report:
    """The same with everything asked of it, one command after the other."""
    path = sized
    for number, (command, words) in enumerate(COMMANDS.items()):
        made = sized.parent / f"{number}.json"
        done = storeff(command, path, *words, "-o", made)
        assert done.returncode == 0, done.stderr
        path = made
    return read_report(path)


def refusal(*words: str | Path) -> tuple[int, str]:
    done = storeff(*words)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_the_answer_fits_one_screen_of_80_by_24(command: str, sized: Path) -> None:
    words = COMMANDS[command] if command != "commit" else ()
    done = storeff(command, sized, *words, env=SCREEN)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) <= 24, done.stdout
    assert max(map(cell_len, lines)) <= 80
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_said_is_the_golden_text(command: str, whole: Report) -> None:
    named = {"commit": ("commitment", "burdens", "regret"), "guarantee": ("guarantee",)}
    names = named.get(command, ("services", "services-by-layout", "services-solved"))
    found = [each for each in sections(whole, full=True) if each.name in names]
    assert [each.name for each in found] == list(names)
    shown = "".join(f"{line}\n" for each in found for line, _ in laid_out(each, 80))
    assert_golden(f"terms/{command}.txt", shown)


def test_each_command_adds_to_the_report(whole: Report, sized: Path) -> None:
    before = read_report(sized)
    assert whole.layouts == before.layouts
    assert None not in (whole.commitment, whole.guarantee, whole.services)


def test_json_follows_the_schema(whole: Report) -> None:
    jsonschema.validate(json.loads(to_json(whole)), schema())


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_the_whole_report(command: str, sized: Path) -> None:
    done = storeff(command, sized, *COMMANDS[command], "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    name = {"commit": "commitment"}.get(command, command)
    assert document[name] is not None
    assert document["reference_layout"] == "reference-10-4"


@pytest.mark.parametrize("name", ["md", "html"])
def test_a_format_of_sections_has_all_of_them(name: str, whole: Report) -> None:
    document = formats.load(name).render(whole).decode()
    for text in ("Committing to drives", "guaranteed for", "What services earn"):
        assert text in document


def test_the_workbook_has_a_sheet_of_each(whole: Report, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "r.xlsx"
    path.write_bytes(formats.load("xlsx").render(whole))
    book = openpyxl.load_workbook(path)
    assert {"Commitment", "Guarantee", "Services"} <= set(book.sheetnames)
    cells = [row[0].value for row in book["Commitment"].iter_rows()]
    assert {"commitment", "outright", "take-or-pay", "lease"} <= set(cells)


def test_prometheus_gets_what_can_be_alerted_on(whole: Report) -> None:
    text = formats.load("prom").render(whole).decode()
    assert 'storeff_commitment_bytes{layout="reference-10-4",terms="hpe-2026"} 4' in text
    assert 'storeff_guarantee_missed_ratio{layout="reference-10-4",drive="qlc-122"} 1.0' in text
    assert 'storeff_service_margin_ratio{service="data-lake",layout="vast-146-4"}' in text


@pytest.fixture(scope="module")
def attacked(whole: Report) -> Report:
    """The same with hostile texts; without the scenario, whose numbers are texts."""
    return hostile(msgspec.structs.replace(whole, scenarios=None))


@pytest.mark.parametrize("name", ["md", "html", "prom", "csv"])
def test_no_name_can_steer_a_format(name: str, attacked: Report) -> None:
    document = formats.load(name).render(attacked).decode()
    assert not re.search("[\x1b\u202e]", document)
    if name in ("md", "html"):
        assert not re.search(r"(?<!\\)<script>alert", document)


def test_no_name_can_steer_a_terminal(attacked: Report) -> None:
    for section in sections(attacked, full=True):
        for line, _ in laid_out(section, 80):
            assert line.isprintable()
            assert cell_len(line) <= 80


def test_services_need_no_report(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    done = storeff("services", "-o", path, env=SCREEN)
    assert done.returncode == 0, done.stderr
    assert "Amazon S3 Standard" in done.stdout
    made = read_report(path)
    assert made.services is not None
    assert "services" in [each.name for each in sections(made, full=True)]
    for name in ("md", "html", "prom", "csv", "xlsx"):
        assert formats.load(name).render(made)


def test_a_figure_of_them_can_be_checked_by_a_policy(whole: Report, tmp_path: Path) -> None:
    report, policy = tmp_path / "r.json", tmp_path / "policy.toml"
    report.write_bytes(to_json(whole))
    policy.write_text(
        '[margin]\nfigure = "services.services[s3-standard].margins[vast-146-4].margin"\n'
        "at_least = 0.5\n"
        '[guarantee]\nfigure = "guarantee.missed_probability"\nat_most = 0.1\n'
    )
    done = storeff("check", report, "--policy", policy)
    assert done.returncode == 4, done.stderr
    assert "fail" in done.stdout.lower()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("commit", "{}", "--terms", "micron"), 2, "did you mean 'micron-2026'"),
        (("commit", "{}", "--terms", "none.toml"), 1, "cannot read none.toml"),
        (("commit", "{}", "--layout", "vast"), 2, "choose one of"),
        (("commit", "{}", "--commit", "40"), 2, "is not a number with a unit"),
        (("commit", "{}", "-o", "{}"), 1, "which is read"),
        (("guarantee", "{}"), 2, "Missing option '--promised'"),
        (("guarantee", "{}", "--promised", "much"), 2, "is not a ratio"),
        (("services", "{}", "--margin", "100%"), 2, "less than 100%"),
        (("services", "{}", "--cost", "1e99"), 2, "is not from"),
        (("services", "{}", "--cost", "free"), 2, "is not a cost"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(
    words: tuple[str, ...], code: int, said: str, sized: Path
) -> None:
    given = [each.replace("{}", str(sized)) for each in words]
    found, stderr = refusal(*given)
    assert found == code
    assert said in " ".join(stderr.split())


@pytest.mark.parametrize("command", ["commit", "guarantee", "plan"])
def test_a_report_without_layouts_is_refused(command: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    assert storeff("scan", SAMPLES, "-o", path, "-q").returncode == 0
    words = COMMANDS.get(command, PLAN)
    code, stderr = refusal(command, path, *words)
    assert code == 1
    assert "the report holds no sized layout" in stderr
