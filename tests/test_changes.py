"""What changed between reports and why: parts that sum, and no change that is only chance."""

from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.golden import GOLDEN

from storeff import analysis
from storeff.economics.attribution import CAUSES_MAX, rounded_to, shared_out
from storeff.quantity import Quantity
from storeff.report.changes import compare
from storeff.report.changes_model import Comparison, verdict
from storeff.report.explain import explain
from storeff.report.model import Report, read_report
from storeff.report.policy import check
from storeff.report.why import OTHERS, REDUCTION, REMAINDER, TARGET

REPORTS = sorted((GOLDEN / "reports").glob("*/*.json"))
SCAN = GOLDEN / "reports" / "2.0" / "scan.json"
LAYOUTS = ("vast-146-4", "ceph-ec-8-3")


def compared(a: Report, b: Report) -> Comparison:
    [found] = compare([("a", a), ("b", b)]).comparisons
    return found


def sized(
    target: int = 50 * 10**18,
    layouts: tuple[str, ...] = LAYOUTS,
    drive: str = "qlc-122",
    catalogues: Path | None = None,
) -> Report:
    reduced = analysis.Reduced.of_report(read_report(SCAN), target_bytes=target)
    storage = analysis.Storage(layouts, drive, catalogues=catalogues, durability_nines=None)
    return analysis.build_report(reduced, analysis.size(reduced, storage), command=["storeff"])


@pytest.fixture(scope="module")
def base() -> Report:
    return sized()


def with_own(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.toml").write_text(text)
    return folder


def assert_sums(found: Comparison) -> None:
    """To the byte, the drive and the cent."""
    why = found.attribution
    assert why is not None
    assert why.npv is not None
    assert sum(cause.raw_bytes for cause in why.causes) == why.raw_bytes
    assert sum(cause.drives for cause in why.causes) == why.drives
    cents = [round(Fraction(str(cause.npv)) * 100) for cause in why.causes]
    assert sum(cents) == round(Fraction(str(why.npv)) * 100)


# ---- what is a change ----


@pytest.mark.parametrize("path", REPORTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_report_does_not_differ_from_itself(path: Path) -> None:
    report = read_report(path)
    found = compared(report, report)
    assert not found.differs
    assert {figure.verdict for figure in found.figures} <= {"same"}
    assert (found.facts, found.inputs, found.attribution) == ((), (), None)


ends = st.lists(st.integers(1, 1000), min_size=3, max_size=3).map(sorted)


@given(a=ends, b=ends)
def test_intervals_that_overlap_are_no_change(a: list[int], b: list[int]) -> None:
    before, after = (Quantity(v, low, high, "measured") for low, v, high in (a, b))
    found = verdict(before, after, same_measurement=False)
    overlap = a[0] <= b[2] and b[0] <= a[2]
    assert found == ("same" if a == b else "within" if overlap else "changed")
    assert verdict(after, before, same_measurement=False) == found


@given(a=st.integers(1, 10**6), b=st.integers(1, 10**6))
def test_exact_figures_that_differ_are_a_change(a: int, b: int) -> None:
    exact = verdict(Quantity.exact(a), Quantity.exact(b), same_measurement=False)
    assert exact == ("same" if a == b else "changed")


def test_what_rests_on_one_measurement_differs_by_what_was_assumed() -> None:
    wide, wider = Quantity(10, 5, 15, "derived"), Quantity(11, 5.5, 16.5, "derived")
    assert verdict(wide, wider, same_measurement=False) == "within"
    assert verdict(wide, wider, same_measurement=True) == "changed"


def test_an_interval_that_is_unknown_says_nothing() -> None:
    bare = Quantity(10, None, None, "measured")
    assert verdict(bare, Quantity.exact(11), same_measurement=False) == "unknown"
    assert verdict(None, Quantity.exact(11), same_measurement=False) == "unknown"


def test_another_measurement_of_the_same_data_is_no_change() -> None:
    def with_ratio(*q: float) -> Report:
        report = read_report(SCAN)
        assert report.reduction is not None
        ratio = Quantity(q[1], q[0], q[2], "measured")
        head = msgspec.structs.replace(report.reduction.headline, ratio=ratio)
        reduction = msgspec.structs.replace(report.reduction, headline=head)
        return msgspec.structs.replace(report, reduction=reduction)

    found = compared(with_ratio(1.9, 2.0, 2.1), with_ratio(1.95, 2.05, 2.15))
    assert not found.is_same_measurement
    assert [x.verdict for x in found.figures if x.name == "data reduction"] == ["within"]
    assert not found.differs


# ---- who is answerable ----


def test_two_factors_share_what_both_do_alike() -> None:
    """The Shapley value of a product of two: each has its own change times the mean of the other,
    as in index decomposition (B. W. Ang, Energy Policy 32, 2004)."""
    before, after = {"a": 2, "b": 3}, {"a": 5, "b": 7}

    def figures(changed: frozenset[str]) -> tuple[Fraction, ...]:
        now = {name: (after if name in changed else before)[name] for name in before}
        return (Fraction(now["a"] * now["b"]),)

    assert shared_out(["a", "b"], figures) == {"a": (Fraction(15),), "b": (Fraction(14),)}


@given(st.data())
def test_shares_sum_and_what_does_nothing_has_none(data: st.DataObject) -> None:
    names = [f"n{i}" for i in range(data.draw(st.integers(1, 5)))]
    table: dict[frozenset[str], Fraction] = {}

    def figures(changed: frozenset[str]) -> tuple[Fraction, ...]:
        acting = changed - {"n0"}
        if acting not in table:
            table[acting] = data.draw(st.fractions(-1000, 1000))
        return (table[acting],)

    shares = shared_out(names, figures)
    total = figures(frozenset(names))[0] - figures(frozenset())[0]
    assert sum(share[0] for share in shares.values()) == total
    assert shares["n0"] == (Fraction(0),)


@given(shares=st.lists(st.fractions(-1000, 1000), min_size=1), off=st.integers(-1, 1))
def test_whole_shares_sum_to_their_total(shares: list[Fraction], off: int) -> None:
    total = round(sum(shares, Fraction(0))) + off
    found = rounded_to(shares, total)
    assert sum(found) == total
    assert all(abs(a - b) <= 2 for a, b in zip(found, shares, strict=True))


def test_a_report_that_keeps_no_scenario_is_said_not_to() -> None:
    """Schemas of before 2.3."""
    older = read_report(SCAN)
    layouts = older.layouts[1:2]
    other = msgspec.structs.replace(older, layouts=layouts, reference_layout=layouts[0].name)
    found = compared(older, other).attribution
    assert found is not None
    assert found.raw_bytes
    assert found.causes == ()
    name = older.reference_layout
    assert found.because == f"a report of schema 2.0 does not keep what the bill of {name} rests on"


@pytest.mark.parametrize(
    "names", [LAYOUTS, ("weka-16-2", "hdfs-replica-3"), ("onefs-16-2", LAYOUTS[0])]
)
def test_any_two_layouts_can_be_told_apart(names: tuple[str, str]) -> None:
    """By their own scenarios, cell by cell and code by code."""
    found = compared(*(sized(layouts=(name,)) for name in names))
    assert found.attribution is not None
    assert REMAINDER not in [cause.name for cause in found.attribution.causes]
    assert found.attribution.because is None
    assert_sums(found)


def test_a_target_and_a_price_are_told_apart(base: Report, tmp_path: Path) -> None:
    own = with_own(tmp_path, "drives", "[qlc-122]\nprice = 31000\n")
    found = compared(base, sized(80 * 10**18, catalogues=own))
    assert found.attribution is not None
    causes = {cause.name: cause for cause in found.attribution.causes}
    assert {*causes} == {TARGET, "drives.qlc-122.price"}
    assert causes["drives.qlc-122.price"].raw_bytes == 0
    assert causes[TARGET].raw_bytes == found.attribution.raw_bytes
    # Every drive of either at the other price: the mean of both orders.
    bills = [x for report in (base, sized(80 * 10**18)) for x in report.layouts[:1]]
    drives = sum(layout.bill.drives.value or 0 for layout in bills) / 2
    # With freight of a hundredth, support of a tenth for five years at 8 %, and less the twentieth
    # that hardware is sold for after them.
    [before] = [x.value for x in base.assumptions if x.path == "drives.qlc-122.price"]
    each = (31000 - (before or 0)) * (
        1.01 + sum(0.1 / 1.08**year for year in range(1, 6)) - 0.05 / 1.08**5
    )
    assert causes["drives.qlc-122.price"].npv == pytest.approx(each * drives, abs=0.01)
    assert [x.path for x in found.inputs] == ["drives.qlc-122.price"]
    assert_sums(found)


def test_another_drive_is_one_cause_and_its_figures_stand_beside_the_old(base: Report) -> None:
    found = compared(base, sized(drive="qlc-245"))
    assert found.attribution is not None
    assert [x.name for x in found.attribution.causes] == ["drive"]
    price = next(x for x in found.inputs if x.path.endswith(".price"))
    assert (price.path_before, price.path) == ("drives.qlc-122.price", "drives.qlc-245.price")
    assert_sums(found)


def test_another_layout_is_told_by_the_steps_of_the_waterfall(base: Report) -> None:
    found = compared(base, sized(layouts=LAYOUTS[::-1]))
    assert found.attribution is not None
    causes = {cause.name: cause for cause in found.attribution.causes}
    assert {REDUCTION, "redundancy", "padding"} <= {*causes}
    assert REMAINDER not in causes
    assert causes[REDUCTION].verdict == "changed"
    assert_sums(found)


def test_many_changes_are_told_as_few_causes(base: Report, tmp_path: Path) -> None:
    text = "[default]\n" + "".join(
        f"{name} = {value}\n"
        for name, value in {
            "years": 7,
            "discount_rate": 0.05,
            "drive_swap_labour": 300,
            "hardware_support": 0.2,
            "hardware_warranty_years": 1,
        }.items()
    )
    own = with_own(tmp_path, "finance", text)
    with_own(tmp_path, "racks", "[default]\nkilowatts = 30\nprice = 9000\nswitch_price = 10\n")
    found = compared(base, sized(60 * 10**18, catalogues=own))
    assert found.attribution is not None
    names = [cause.name for cause in found.attribution.causes]
    assert len(names) == CAUSES_MAX
    assert {TARGET, OTHERS} <= {*names}
    assert_sums(found)


@given(cents=st.integers(-(10**9), 10**9), kilowatts=st.sampled_from([17, 10, 40]))
def test_what_cannot_be_told_is_a_cause_of_its_own(
    base: Report, cents: int, kilowatts: int
) -> None:
    """A report whose bill is not what its scenario makes of it."""
    layout = base.layouts[0]
    assert layout.bill.npv.value is not None
    npv = Quantity.exact(round(layout.bill.npv.value + cents / 100, 2), "derived")
    bill = msgspec.structs.replace(layout.bill, npv=npv)
    rows = [
        msgspec.structs.replace(row, value=kilowatts)
        if row.path == "racks.default.kilowatts"
        else row
        for row in base.assumptions
    ]
    layouts = [msgspec.structs.replace(layout, bill=bill), *base.layouts[1:]]
    found = compared(base, msgspec.structs.replace(base, layouts=layouts, assumptions=rows))
    if cents == 0:
        assert found.attribution is None
        return
    assert_sums(found)
    assert found.attribution is not None
    named = [cause.name for cause in found.attribution.causes]
    assert named[-1] == REMAINDER
    assert named == ([REMAINDER] if kilowatts == 17 else ["racks.default.kilowatts", REMAINDER])


def test_formulas_of_another_version_are_named_as_the_cause(base: Report) -> None:
    layout = base.layouts[0]
    assert layout.bill.npv.value is not None
    npv = Quantity.exact(layout.bill.npv.value + 1e6, "derived")
    layouts = [
        msgspec.structs.replace(layout, bill=msgspec.structs.replace(layout.bill, npv=npv)),
        *base.layouts[1:],
    ]
    versions = base.run.versions | {"storeff": "9.9"}
    run = msgspec.structs.replace(base.run, versions=versions)
    found = compared(base, msgspec.structs.replace(base, layouts=layouts, run=run))
    assert found.attribution is not None
    assert [x.name for x in found.attribution.causes] == [
        f"storeff {base.run.versions['storeff']} -> 9.9"
    ]


def test_other_currencies_are_not_subtracted(base: Report) -> None:
    found = compared(base, msgspec.structs.replace(sized(80 * 10**18), currency="EUR"))
    assert found.attribution is not None
    assert found.attribution.npv is None
    assert found.attribution.causes
    assert all(cause.npv is None for cause in found.attribution.causes)
    assert [x.verdict for x in found.figures if x.name == "cost"] == ["unknown"]


def test_an_unknown_price_leaves_bytes_and_drives_to_be_told(base: Report) -> None:
    found = compared(base, sized(drive="qlc-122-kioxia"))
    assert found.attribution is not None
    assert found.attribution.npv is None
    assert "unknown" in (found.attribution.because or "")


def test_layouts_that_come_and_go_are_named(base: Report) -> None:
    found = compared(base, sized(layouts=("vast-146-4", "weka-16-2")))
    assert (found.layouts_gone, found.layouts_new) == (("ceph-ec-8-3",), ("weka-16-2",))
    assert [x.layout for x in found.layouts] == ["vast-146-4"]


# ---- comparisons of layouts ----


@pytest.fixture(scope="module")
def benches() -> list[Report]:
    """Layouts beside each other, for two targets."""
    made = []
    for target in (50 * 10**18, 80 * 10**18):
        reduced = analysis.Reduced.of_report(read_report(SCAN), target_bytes=target)
        storages = [analysis.Storage(LAYOUTS, drive) for drive in ("qlc-122", "qlc-245")]
        found = analysis.bench(reduced, storages)
        made.append(analysis.build_report(reduced, compared=found, command=["storeff"]))
    return made


def test_rows_of_a_bench_are_compared_by_layout_and_drive(benches: list[Report]) -> None:
    found = compared(*benches)
    assert {(x.layout, x.drive) for x in found.layouts} == {
        (layout, drive) for layout in LAYOUTS for drive in ("qlc-122", "qlc-245")
    }
    assert {x.npv.verdict for x in found.layouts} == {"changed"}
    assert found.inputs == ()
    assert found.attribution is not None
    assert [cause.name for cause in found.attribution.causes] == [TARGET]
    assert_sums(found)
    assert not compared(benches[0], benches[0]).differs


def test_a_bench_is_checked_and_explained_by_what_it_recommends(
    benches: list[Report], tmp_path: Path
) -> None:
    bench = benches[0].bench
    assert bench is not None
    best = bench.rows[0]
    policy = tmp_path / "p.toml"
    policy.write_text(
        '[a]\nfigure = "cost"\nat_most = 1\n[b]\nfigure = "raw"\nat_least = "1B"\n'
        f'layout = "{best.layout},{best.drive}"\n'
    )
    cost, raw = check(benches[0], policy).rules
    assert (cost.value, cost.status) == (best.npv.value, "fail")
    assert (raw.value, raw.status) == (best.raw_bytes.value, "pass")
    assert explain(
        benches[0], f"bench.rows[{best.layout},{best.drive}].raw_per_logical_byte"
    ).agrees
    assert explain(benches[0], "cost").figure == best.npv
