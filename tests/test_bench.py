"""Layouts beside each other: what a row rests on, the Pareto front, and which to buy."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import storeff
from storeff.analysis import DURABILITY_NINES, Reduced, Storage
from storeff.data import exact, map_numbers
from storeff.economics import bill_for
from storeff.errors import UsageError
from storeff.layout.number import inexact
from storeff.quantity import Quantity
from storeff.report import bench as benchmark
from storeff.report.bench import Workload, front
from storeff.report.bench_model import Bench, Row
from storeff.report.build import Candidate, size_one
from storeff.report.sizing import sized_for
from storeff.report.terminal import print_report
from storeff.scan.speeds import Speed

SAMPLES = Path(__file__).parents[1] / "samples" / "data"
TARGET_BYTES = 10**19
LAYOUTS = ("vast-146-4", "weka-16-2", "ceph-replica-3", "minio-12-4")


@pytest.fixture(scope="module")
def reduced() -> Reduced:
    return storeff.reduce(storeff.measure(SAMPLES), target_bytes=TARGET_BYTES)


@pytest.fixture(scope="module")
def compared(reduced: Reduced) -> Bench:
    return storeff.bench(reduced, [Storage(LAYOUTS), Storage(LAYOUTS, drive="qlc-245")]).bench


def row(compared: Bench, layout: str, drive: str = "qlc-122") -> Row:
    return next(each for each in compared.rows if (each.layout, each.drive) == (layout, drive))


def candidate(reduced: Reduced, layout: str, drive: str = "qlc-122") -> Candidate:
    (scenario,) = Storage([layout], drive=drive).scenarios
    sized = sized_for(reduced.reduction, TARGET_BYTES, scenario, 1, reduced.scan)
    return size_one(sized, nines=DURABILITY_NINES)


# ---- rows ----


def test_each_layout_on_each_kind_of_drive_is_a_row(compared: Bench) -> None:
    assert {(each.layout, each.drive) for each in compared.rows} == {
        (layout, drive) for layout in LAYOUTS for drive in ("qlc-122", "qlc-245")
    }


def test_rows_below_the_floor_come_last_and_the_others_by_cost(reduced: Reduced) -> None:
    storage = Storage(("zfs-raidz2-8-2", "minio-12-4", "vast-146-4"), durability_nines=14.5)
    rows = storeff.bench(reduced, [storage]).bench.rows
    assert [each.floor.is_reached for each in rows if each.floor] == sorted(
        [each.floor.is_reached for each in rows if each.floor], reverse=True
    )
    costs = [each.npv.value for each in rows if each.floor and each.floor.is_reached]
    assert costs == sorted(costs, key=lambda cost: cost or math.inf)


def test_a_row_says_what_storeff_size_says_of_its_layout(reduced: Reduced, compared: Bench) -> None:
    sized = storeff.size(reduced, Storage(LAYOUTS)).layouts
    for each in sized:
        found = row(compared, each.name)
        assert found.raw_bytes == each.raw_bytes
        assert found.npv == each.bill.npv
        assert found.nines == each.durability.nines


def test_the_factors_of_a_row_multiply_to_its_raw_bytes(compared: Bench) -> None:
    for each in compared.rows:
        assert each.raw_bytes.value is not None
        product = math.prod(each.factors.values()) * TARGET_BYTES
        assert product == pytest.approx(each.raw_bytes.value, rel=1e-9)


def test_cores_compress_all_that_comes_in_and_encode_what_is_left(reduced: Reduced) -> None:
    speeds = {"zstd-3": Speed(data_bytes=1, compress_gbps=0.5, decompress_gbps=None)}
    found = row(
        storeff.bench(reduced, [Storage(("vast-146-4",))], speeds=speeds).bench, "vast-146-4"
    )
    assert found.encode_gbps is not None
    assert found.reduction_ratio.value is not None
    wanted = 1000 / 0.5 + 1000 / found.reduction_ratio.value / found.encode_gbps
    assert found.cpu_cores == pytest.approx(wanted)


def test_cores_are_unknown_where_the_speed_of_the_codec_is(compared: Bench) -> None:
    assert row(compared, "vast-146-4").cpu_cores is None


def test_drive_writes_are_those_of_the_ingest_coded_and_amplified(reduced: Reduced) -> None:
    # 4 KiB fragments of stripes on an indirection unit of 16 KiB: each rewrites four times as much.
    (scenario,) = Storage(["minio-12-4"]).scenarios
    drive = msgspec.structs.replace(
        scenario.drive,
        indirection_unit_bytes=msgspec.structs.replace(
            scenario.drive.capacity_bytes, value=Fraction(16384)
        ),
    )
    changed = msgspec.structs.replace(scenario, drive=drive)
    sized = size_one(sized_for(reduced.reduction, TARGET_BYTES, changed, 1, None))
    work = Workload(TARGET_BYTES, reduced.reduction, None, 1, {}, 10**12)
    (found,) = benchmark.rows_of([sized], work)
    drives, ratio = sized.result.bill.drives_in_service.value, found.reduction_ratio.value
    assert drives is not None
    assert ratio is not None
    a_day = 10**12 * 86_400 / ratio * 16 / 12 * 4
    assert found.dwpd_required == pytest.approx(a_day / (drives * 122_880_000_000_000))


def test_a_unit_that_is_no_piece_on_a_drive_amplifies_nothing_that_is_known(
    compared: Bench,
) -> None:
    # WEKA allocates objects in 4 KiB, of which a sixteenth is no write to a drive.
    assert row(compared, "weka-16-2").write_amplification == 1


# The analytic form for over-provisioning of 7, 12, 20, 28 and 50 %.
@pytest.mark.parametrize(
    ("over_provisioning", "amplification"),
    [(0.07, 7.82), (0.12, 4.85), (0.20, 3.19), (0.28, 2.48), (0.50, 1.72)],
)
def test_garbage_collection_of_random_writes_is_the_published_form(
    over_provisioning: float, amplification: float
) -> None:
    assert benchmark.collected(over_provisioning) == pytest.approx(amplification, abs=0.005)


def test_without_over_provisioning_that_is_known_it_is_not() -> None:
    assert benchmark.collected(math.nan) is None


def test_without_an_ingest_drive_writes_are_unknown(compared: Bench) -> None:
    assert {each.dwpd_required for each in compared.rows} == {None}


# ---- the front ----

COSTS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12
)


def made(cost: tuple[int, int, int], like: Row) -> Row:
    npv, nines, read = cost
    return msgspec.structs.replace(
        like, npv=Quantity.exact(npv), nines=float(nines), rebuild_read_bytes_per_day=float(read)
    )


@given(costs=COSTS)
def test_a_row_is_on_the_front_unless_another_beats_it(
    compared: Bench, costs: list[tuple[int, int, int]]
) -> None:
    rows = [made(cost, compared.rows[0]) for cost in costs]

    def beats(a: tuple[int, int, int], b: tuple[int, int, int]) -> bool:
        return a != b and a[0] <= b[0] and a[1] >= b[1] and a[2] <= b[2]

    wanted = [cost for cost in costs if not any(beats(other, cost) for other in costs)]
    assert [made(cost, compared.rows[0]) for cost in wanted] == front(rows)


def test_what_is_unknown_of_a_row_keeps_it_off_the_front(compared: Bench) -> None:
    first = compared.rows[0]
    assert front([msgspec.structs.replace(first, nines=None), first]) == [first]


# ---- which to buy ----


def test_the_cheapest_at_the_floor_is_recommended(compared: Bench) -> None:
    chosen = compared.recommendation
    assert chosen is not None
    costs = {(each.layout, each.drive): each.npv.value or math.inf for each in compared.rows}
    assert costs[chosen.layout, chosen.drive] == min(costs.values())
    assert chosen.runner_up != chosen.layout


def test_what_flips_the_order_makes_both_cost_the_same(reduced: Reduced, compared: Bench) -> None:
    chosen = compared.recommendation
    assert chosen is not None
    assert chosen.runner_up is not None
    assert chosen.runner_up_drive is not None
    drives = {chosen.layout: chosen.drive, chosen.runner_up: chosen.runner_up_drive}
    rooms = {"reduction_ratio": "data", "price": "drive", "fill_limit": "layout"}
    tried = 0
    for flip in chosen.flips:
        if flip.at is None:
            continue
        tried += 1
        costs = []
        for name, drive in drives.items():
            scenario = map_numbers(candidate(reduced, name, drive).scenario, inexact)
            if name == flip.layout:
                room = rooms[flip.input]
                part = msgspec.structs.replace(getattr(scenario, room), **{flip.input: flip.at})
                scenario = msgspec.structs.replace(scenario, **{room: part})
            costs.append(bill_for(scenario, whole=False).npv)
        assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    assert tried


def test_nothing_is_recommended_where_no_layout_reaches_the_floor(reduced: Reduced) -> None:
    storage = Storage(("zfs-raidz2-8-2",), durability_nines=20)
    assert storeff.bench(reduced, [storage]).bench.recommendation is None


# ---- a vendor's promise ----


def test_a_quote_is_what_storeff_says_of_that_ratio(reduced: Reduced) -> None:
    storage = Storage(("vast-146-4",))
    found = storeff.bench(reduced, [storage], quote=Fraction(5, 2)).bench.quoted
    assert found is not None
    scenario = candidate(reduced, "vast-146-4").scenario
    data = msgspec.structs.replace(
        scenario.data,
        reduction_ratio=msgspec.structs.replace(
            scenario.data.reduction_ratio, value=Fraction(5, 2)
        ),
    )
    promised = bill_for(map_numbers(msgspec.structs.replace(scenario, data=data), exact))
    assert found.drives_quoted.value == promised.drives
    assert found.npv_quoted.value == pytest.approx(float(promised.npv), abs=0.01)


@pytest.mark.parametrize(("ratio", "probability"), [(Fraction(1), 1.0), (Fraction(50), 0.0)])
def test_what_was_measured_exactly_reaches_a_quote_or_does_not(
    reduced: Reduced, ratio: Fraction, probability: float
) -> None:
    found = storeff.bench(reduced, [Storage(("vast-146-4",))], quote=ratio).bench.quoted
    assert found is not None
    assert found.probability == probability


def test_a_quote_in_the_middle_of_the_interval_is_as_likely_as_not(reduced: Reduced) -> None:
    data_bytes = reduced.reduction.data_bytes
    left = Quantity(data_bytes // 2, data_bytes * 45 // 100, data_bytes * 55 // 100, "measured")
    combined = [
        msgspec.structs.replace(each, physical_bytes=left) for each in reduced.reduction.combined
    ]
    uncertain = replace(
        reduced, reduction=msgspec.structs.replace(reduced.reduction, combined=combined)
    )
    found = storeff.bench(uncertain, [Storage(("vast-146-4",))], quote=Fraction(2)).bench.quoted
    assert found is not None
    assert 0.4 < found.probability < 0.6


# ---- chunk sizes and codecs ----


def test_every_way_to_cut_and_compress_that_was_measured_is_on_the_reference(
    reduced: Reduced, compared: Bench
) -> None:
    found = {(each.dedup, each.codec) for each in compared.chunking}
    combined = {(each.chunker, each.codec) for each in reduced.reduction.combined}
    assert combined <= found
    assert ("none", "none") in found
    ratios = [each.reduction_ratio.value for each in compared.chunking]
    assert ratios == sorted(ratios, key=lambda ratio: -(ratio or 0))


# ---- one policy for all ----


def test_without_credit_no_layout_reduces(reduced: Reduced) -> None:
    rows = storeff.bench(reduced, [Storage(LAYOUTS, reduction="none")]).bench.rows
    assert {each.reduction_ratio.value for each in rows} == {1}


def test_as_shipped_a_system_does_not_reduce_by_what_is_off(reduced: Reduced) -> None:
    rows = storeff.bench(reduced, [Storage(LAYOUTS, reduction="shipped")]).bench.rows
    for each in rows:
        assert each.reduction_ratio.value == 1 or each.credit.as_shipped


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'shipped'"):
        Storage(reduction="shiped")  # type: ignore[arg-type]


# ---- the documentation ----

PAGE = Path(__file__).parents[1] / "docs" / "bench.md"
STEPS = {
    "data reduction": "data_reduction",
    "metadata": "metadata",
    "redundancy": "erasure_coding",
    "padding": "padding",
    "checksums": "checksums",
    "rebuild reserve": "rebuild_reserve",
    "maximum utilisation": "fill_limit",
    "imbalance": "imbalance",
}


def test_the_layouts_worked_by_hand_are_what_storeff_says_of_them() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
    ]
    head = next(i for i, cells in enumerate(rows) if cells[0] == "step")
    names = rows[head][1:]
    storage = Storage(names)
    measured = storeff.measure(SAMPLES, storage=storage)
    sized = storeff.size(storeff.reduce(measured, target_bytes=50 * 10**18), storage)
    by_name = {layout.name: layout for layout in sized.layouts}
    shown = {cells[0]: cells[1:] for cells in rows[head + 2 :]}
    for column, name in enumerate(names):
        layout = by_name[name]
        factors = {step.step: step.factor.value or 1 for step in layout.waterfall}
        for label, step in STEPS.items():
            factor = factors.pop(step, 1)
            assert shown[label][column] == ("" if factor == 1 else f"{factor:.4g}"), (name, label)
        # Nothing that is not in the table.
        assert set(factors.values()) == {1}
        drives = layout.bill.drives_in_service.value
        assert shown["drives in service: raw / 122.88 TB"][column] == f"{drives:,}"
        product = math.prod(float(shown[label][column] or 1) for label in STEPS)
        assert product == pytest.approx(
            float(shown["**raw for a logical byte**"][column]), rel=2e-3
        )


# ---- the first screen ----

GOLDEN_REPORT = Path(__file__).parent / "golden" / "reports" / "2.2" / "bench.json"


@pytest.mark.parametrize("name", ["x" * 300, "源" * 40, "\u202e\x1b[2J" * 30, "a b" * 50])
def test_the_comparison_fits_one_screen_whatever_layouts_are_called(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = GOLDEN_REPORT.read_text().replace("vast-146-4", json.dumps(name)[1:-1])
    path = tmp_path / "r.json"
    path.write_text(text.replace('"currency": "USD"', f'"currency": {json.dumps(name)}'))
    print_report(storeff.read_report(path))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80
