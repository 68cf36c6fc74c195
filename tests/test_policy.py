"""Rules on a report: what holds, what fails, and what the measurement leaves open."""

import ast
import contextlib
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.golden import GOLDEN

from storeff.data.toml import write_value
from storeff.errors import StoreffError, UsageError
from storeff.quantity import Quantity
from storeff.report import incomplete, kv, price_notes, warn
from storeff.report.figure_kinds import kind_of
from storeff.report.model import Report, Skipped, Warned, read_report
from storeff.report.paths import ALIASES, find, known_names
from storeff.report.policy import CODES, check
from storeff.report.policy_model import Checked

REPORTS = sorted((GOLDEN / "reports").glob("*/*.json"))
SCAN = read_report(GOLDEN / "reports" / "2.0" / "scan.json")


def checked(tmp_path: Path, text: str, report: Report = SCAN) -> Checked:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return check(report, path)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(StoreffError) as caught:
        checked(tmp_path, text)
    return caught.value.message.split("\n")


def with_ratio(q: Quantity) -> Report:
    """A report with ``q`` as its headline; nothing else of it is looked at."""
    assert SCAN.reduction is not None
    head = msgspec.structs.replace(SCAN.reduction.headline, ratio=q)
    reduction = msgspec.structs.replace(SCAN.reduction, headline=head)
    return msgspec.structs.replace(SCAN, reduction=reduction)


# ---- paths ----


@pytest.mark.parametrize("path", REPORTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_figure_of_a_report_is_found_by_its_path(path: Path) -> None:
    report = read_report(path)
    names = [name for name in known_names(report) if name not in ALIASES]
    assert names
    for name in names:
        assert find(report, name).path == name


@pytest.mark.parametrize("name", ALIASES)
def test_a_short_name_is_a_path_that_some_report_has(name: str) -> None:
    for path in ALIASES[name]:
        assert find(SCAN, path).path


def test_rows_are_named_or_counted() -> None:
    assert SCAN.reduction is not None
    for row in SCAN.reduction.combined:
        path = f"reduction.combined[{row.chunker},{row.codec}].ratio"
        assert find(SCAN, path).value == row.ratio
    assert find(SCAN, "layouts[0].name").value == SCAN.layouts[0].name
    year = find(SCAN, "layouts[0].bill.opex_by_year[year=2].total")
    assert year.value == SCAN.layouts[0].bill.opex_by_year[1].total
    assert find(SCAN, "layouts[reference].name").value == SCAN.reference_layout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cosst", "did you mean 'cost'?"),
        ("reduction.headlin.ratio", "did you mean 'headline'?"),
        ("layouts[refrence].bill.npv", "layouts has no 'refrence'"),
        ("layouts[reference].bill.npv.valu", "did you mean 'value'?"),
        ("layouts.bill", "layouts is a list"),
        ("scan.files[0]", "no list"),
        ("layouts[99].bill", "no 99"),
        ("a..b", "no path"),
        ("", "no path"),
        ("\x1b[31m", "no path"),
        ("x" * 10_000, "no path"),
        # Absent from this report, and still not a name.
        ("bench.rows[0].nvp", "did you mean 'npv'?"),
    ],
)
def test_a_wrong_path_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(SCAN, name)
    assert said in caught.value.message
    assert "\x1b" not in caught.value.message


def test_what_a_report_does_not_hold_is_no_wrong_path() -> None:
    found = find(SCAN, "kv.trace.blocks")
    assert (found.value, found.missing) == (None, "the report has no kv")


# ---- limits ----


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("layouts[a].raw_bytes", "40 EB", 40 * 10**18),
        ("layouts[a].bill.npv", "9.5 B USD", 9_500_000_000),
        ("layouts[a].bill.capex.total", "9.5MUSD", 9_500_000),
        ("layouts[a].bill.npv", 17, 17),
        ("layouts[a].bill.facility_mw_peak", "500 kW", Fraction(1, 2)),
        ("layouts[a].durability.rebuild_hours", "2 d", 48),
        ("layouts[a].durability.nines", "11 nines", 11),
        ("scan.coverage", "99.5%", Fraction(995, 1000)),
        ("reduction.headline.ratio", "2.5x", Fraction(5, 2)),
        ("layouts[a].bill.drives", "1_000", 1000),
    ],
)
def test_a_limit_is_written_in_the_unit_of_its_figure(
    path: str, text: str | int, value: Fraction | int
) -> None:
    assert kind_of(path, "USD").read(text) == value


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("layouts[a].raw_bytes", 40),
        ("layouts[a].raw_bytes", "40E"),
        ("layouts[a].bill.npv", "9 B EUR"),
        ("layouts[a].bill.facility_mw_peak", 17),
        ("scan.coverage", "5x"),
        ("scan.coverage", True),
        ("layouts[a].bill.drives", "9" * 100_000),
        ("layouts[a].bill.drives", "1e99999"),
        ("layouts[a].bill.drives", "1e99"),
        ("layouts[a].bill.drives", 10**399),
        ("layouts[a].raw_bytes", "9" * 60 + "EB"),
        ("layouts[a].bill.drives", ["\x1b"]),
    ],
)
def test_a_limit_in_no_such_unit_is_refused(path: str, text: object) -> None:
    with pytest.raises(StoreffError):
        kind_of(path, "USD").read(text)


# ---- rules ----

numbers = st.integers(1, 10**6).map(lambda n: n / 1000)


@given(ends=st.tuples(numbers, numbers, numbers), limits=st.lists(numbers, min_size=2))
def test_a_rule_goes_from_fail_over_inconclusive_to_pass_as_its_limit_rises(
    tmp_path_factory: pytest.TempPathFactory,
    ends: tuple[float, float, float],
    limits: list[float],
) -> None:
    low, value, high = sorted(ends)
    report = with_ratio(Quantity(value, low, high, "measured"))
    folder = tmp_path_factory.mktemp("policy")
    order = ["fail", "inconclusive", "pass"]
    for key, rising in (("at_most", True), ("at_least", False)):
        text = "\n".join(
            f'[r{i}]\nfigure = "ratio"\n{key} = {limit:.3f}'
            for i, limit in enumerate(sorted(limits, reverse=not rising))
        )
        found = [order.index(rule.status) for rule in checked(folder, text, report).rules]
        assert found == sorted(found)


@pytest.mark.parametrize(
    ("limit", "status"), [("0.5x", "fail"), ("1.5x", "inconclusive"), ("3x", "pass")]
)
def test_the_whole_interval_decides(tmp_path: Path, limit: str, status: str) -> None:
    report = with_ratio(Quantity(1.4, 1.0, 2.0, "measured"))
    text = f'[r]\nfigure = "ratio"\nat_most = "{limit}"'
    found = checked(tmp_path, text, report)
    assert (found.status, found.rules[0].status) == (status, status)
    assert (found.rules[0].because is None) == (status != "inconclusive")


def test_a_limit_that_is_met_exactly_is_kept(tmp_path: Path) -> None:
    report = with_ratio(Quantity.exact(0.3))
    for key in ("at_most", "at_least"):
        assert checked(tmp_path, f'[r]\nfigure = "ratio"\n{key} = 0.3', report).status == "pass"


@pytest.mark.parametrize(
    "q", [Quantity(None, None, None, "measured"), Quantity(1.0, None, None, "measured")]
)
def test_what_is_unknown_is_inconclusive(tmp_path: Path, q: Quantity) -> None:
    found = checked(tmp_path, '[r]\nfigure = "ratio"\nat_most = 5', with_ratio(q))
    assert found.status == "inconclusive"
    assert "unknown" in (found.rules[0].because or "")


def test_a_warning_changes_no_status(tmp_path: Path) -> None:
    text = '[r]\nfigure = "ratio"\nat_most = 0.001\nseverity = "warn"'
    found = checked(tmp_path, text)
    assert (found.status, found.rules[0].status) == ("pass", "fail")


def test_a_failure_counts_for_more_than_what_is_open(tmp_path: Path) -> None:
    text = '[a]\nfigure = "kv.trace.blocks"\nat_most = 5\n[b]\nfigure = "ratio"\nat_most = 0.001'
    assert checked(tmp_path, text).status == "fail"


def test_a_rule_is_about_the_layout_that_it_names(tmp_path: Path) -> None:
    for layout in SCAN.layouts:
        text = f'[r]\nfigure = "cost"\nlayout = "{layout.name}"\nat_most = 1'
        assert checked(tmp_path, text).rules[0].value == layout.bill.npv.value


def test_codes_of_warnings_are_forbidden(tmp_path: Path) -> None:
    code = SCAN.warnings[0].code
    assert checked(tmp_path, f'[r]\nforbid_warnings = ["{code}"]').status == "fail"
    other = next(each for each in CODES if each not in {w.code for w in SCAN.warnings})
    assert checked(tmp_path, f'[r]\nforbid_warnings = ["{other}"]').status == "pass"


def test_stale_prices_are_counted_and_undated_ones_leave_it_open(tmp_path: Path) -> None:
    def with_stale(*stale: bool | None) -> Report:
        price = next(row for row in SCAN.assumptions if row.unit == "USD")
        rows = [msgspec.structs.replace(price, stale=each) for each in stale]
        return msgspec.structs.replace(SCAN, assumptions=rows)

    text = "[r]\nstale_prices_at_most = 1"
    assert checked(tmp_path, text, with_stale(True, False)).status == "pass"
    assert checked(tmp_path, text, with_stale(True, True)).status == "fail"
    open_ = checked(tmp_path, text, with_stale(True, None))
    assert open_.status == "inconclusive"
    assert "without a date" in (open_.rules[0].because or "")


def test_what_is_true_or_false_is_checked_so(tmp_path: Path) -> None:
    assert checked(tmp_path, '[r]\nfigure = "complete"\nis = true').status == "pass"
    assert checked(tmp_path, '[r]\nfigure = "complete"\nis = false').status == "fail"


@pytest.mark.parametrize("share", ["0%", "50%"])
def test_what_was_skipped_is_a_share_of_what_was_listed(tmp_path: Path, share: str) -> None:
    assert SCAN.scan is not None
    for size, status in ((SCAN.scan.logical_bytes // 4, "pass"), (None, "inconclusive")):
        row = Skipped(reason="unreadable", files=1, bytes=size, remedy="", examples=[])
        scan = msgspec.structs.replace(SCAN.scan, skipped=[row])
        report = msgspec.structs.replace(SCAN, scan=scan)
        wanted = status if share == "50%" or size is None else "fail"
        text = f'[r]\nskipped_share_at_most = "{share}"'
        assert checked(tmp_path, text, report).status == wanted


def test_every_mistake_is_told_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
[a]
figur = "cost"
[b]
figure = "cosst"
at_most = 3
[c]
figure = "raw"
at_most = "3EB"
at_least = "4EB"
[d]
figure = "raw"
at_most = "3e"
[e]
forbid_warnings = ["unknwon-price"]
[f]
figure = "cost"
at_most = 1
layout = "no-such"
severity = "warm"
""",
    )
    text = "\n".join(found)
    for said in (
        "8 mistakes",
        "a.figur is not a key (did you mean 'figure'?)",
        "b.figure: no figure 'cosst' (did you mean 'cost'?)",
        "c has at_most and at_least",
        "d.at_most: size '3e'",
        "did you mean 'unknown-price'?",
        "did you mean 'warn'?",
    ):
        assert said in text
    assert len(found) == 9


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    text = '["\\u001b[31m\\u202e"]\nfigure = "\\u001b[2J"\nat_most = 1'
    assert "\x1b" not in "\n".join(mistakes(tmp_path, text))


def test_an_empty_policy_is_refused(tmp_path: Path) -> None:
    assert "nothing would be checked" in mistakes(tmp_path, "")[0]


def test_the_codes_are_those_of_the_warnings_that_there_are() -> None:
    """Codes stand first in tuples that are yielded."""
    found = set()
    for module in (warn, price_notes, incomplete, kv):
        assert module.__file__ is not None
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            value = node.value if isinstance(node, ast.Yield) else None
            if isinstance(value, ast.Tuple):
                first = value.elts[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
                elif isinstance(first, ast.Name):
                    found.add(getattr(module, first.id))
    assert found == {*CODES}
    assert Warned.__struct_fields__[0] == "code"


@given(
    key=st.sampled_from(["at_most", "at_least", "is", "figure", "layout", "severity", "x"]),
    value=st.one_of(
        st.integers(-(10**40), 10**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
        st.lists(st.integers(0, 9), max_size=2),
    ),
)
def test_whatever_a_policy_says_is_checked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    keys = {"figure": "cost", "at_most": 5, key: value}
    path = tmp_path_factory.mktemp("policy") / "p.toml"
    lines = (f"{name} = {write_value(given_)}" for name, given_ in keys.items())
    path.write_text("[r]\n" + "\n".join(lines), "utf-8")
    with contextlib.suppress(StoreffError):
        assert len(check(SCAN, path).rules) == 1
