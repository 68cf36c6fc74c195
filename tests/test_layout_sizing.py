"""What a layout makes of a report: its own compression, its floor, and the files listed."""

import json
import random
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import cli
from support.cells import default_table
from support.scans import scenario_of

from storeff.commands import explained
from storeff.economics import SizedLayout, size
from storeff.errors import StoreffError
from storeff.estimate.reduction import Reduction, Scope
from storeff.layout import SystemReduction, load_layouts
from storeff.report.build import assemble, describe_run, size_all
from storeff.report.model import Report, Scan
from storeff.report.sizing import Sized, object_sizes, sized_for, supports_sizing

LAYOUTS = load_layouts()
DATA_BYTES = 10**9
TARGET_BYTES = 10**18


def quantity(value: int | None, low: int | None = None, high: int | None = None) -> dict[str, Any]:
    if value is not None:
        low, high = low or value, high or value
    return {"value": value, "low": low, "high": high, "origin": "measured"}


ONE = quantity(1)


def reduction(
    left: dict[str, Any] | None = None,
    only: dict[str, Any] | None = None,
    allocated: dict[str, Any] | None = None,
    plain: dict[str, Any] | None = None,
) -> Reduction:
    """A measured reduction whose every deduplicated figure is ``left``, and ``only`` without
    duplicates; of compressed blocks ``plain`` in bytes and ``allocated`` in units of 4 KiB."""
    left, plain = left or quantity(DATA_BYTES // 4), plain or quantity(DATA_BYTES // 2)
    chunkers = ("fixed-4KiB", "cdc-64KiB")
    blocks: list[dict[str, Any]] = [
        {"codec": codec, "block_bytes": block_bytes, "ratio": ONE}
        for codec in ("lz4", "zstd-1", "zstd-3")
        for block_bytes in (65536, 131072)
    ]
    compression: list[dict[str, Any]] = [each | {"compressed_bytes": plain} for each in blocks]
    if allocated is not None:
        units = {"allocation_bytes": 4096, "required_ratio": 0.875}
        compression += [each | {"compressed_bytes": allocated} | units for each in blocks]
    made = {
        "data_bytes": DATA_BYTES,
        "headline": {"chunker": "cdc-64KiB", "codec": "zstd-3", "ratio": ONE},
        "dedup": [
            {"chunker": c, "chunks": 1, "unique_bytes": left, "ratio": ONE, "run_bytes": 0}
            for c in chunkers
        ],
        "compression": compression,
        "combined": [
            {"chunker": c, "codec": codec, "physical_bytes": left, "ratio": ONE}
            | ({} if only is None else {"compression_only_bytes": only})
            for c in chunkers
            for codec in ("lz4", "zstd-1", "zstd-3")
        ],
        "similarity": None,
        "scope": {"floor": ONE, "measured": ONE},
        "by_stratum": [],
        "method": {
            "estimator": "x",
            "sketch_entries": {},
            "sampled_fraction": 1.0,
            "chunk_stream": "x",
        },
    }
    return msgspec.convert(made, Reduction)


def scan(*sizes: tuple[int, int, int], hole_bytes: int = 0, unread_bytes: int = 0) -> Scan:
    """A scan that listed files of these ``(below_bytes, files, logical_bytes)``."""
    logical_bytes = sum(size_bytes for _, _, size_bytes in sizes)
    made = {
        "sources": [],
        "files": sum(files for _, files, _ in sizes),
        "logical_bytes": logical_bytes,
        "allocated_bytes": logical_bytes,
        "read_bytes": logical_bytes - hole_bytes - unread_bytes,
        "hole_bytes": hole_bytes,
        "coverage": 1.0,
        "seconds": 1.0,
        "strata": [],
        "file_sizes": [
            {"below_bytes": below, "files": files, "logical_bytes": size_bytes}
            for below, files, size_bytes in sizes
        ],
        "skipped": [],
        "ignored": [],
    }
    return msgspec.convert(made, Scan)


def sized(name: str, found: Reduction, listed: Scan | None = None) -> Sized:
    return sized_for(found, TARGET_BYTES, scenario_of(LAYOUTS[name]), seed=1, scan=listed)


def result(name: str, found: Reduction, listed: Scan | None = None) -> SizedLayout:
    each = sized(name, found, listed)
    return size(each.scenario, each.draws, None, each.floor_ratio, each.floor_draws)


def report(found: Reduction, names: list[str], listed: Scan | None = None) -> Report:
    return assemble(
        describe_run(["storeff"], 1, datetime.now(UTC)),
        sizing=size_all(
            [sized(name, found, listed) for name in names],
            1,
            today=date(2026, 11, 25),
            reduction=found,
        ),
        target_bytes=TARGET_BYTES,
        scan=listed,
        reduction=found,
    )


@st.composite
def intervals(draw: st.DrawFn) -> dict[str, Any]:
    low, value, high = sorted(
        draw(st.lists(st.integers(10**6, DATA_BYTES), min_size=3, max_size=3))
    )
    return quantity(value, low, high)


@given(
    st.sampled_from(sorted(LAYOUTS)),
    intervals(),
    intervals(),
    st.sampled_from([None, scan((8192, 1000, 5_000_000), (1 << 30, 1, 995_000_000))]),
)
# Doubles make a byte less of this than exact numbers do.
@example("weka-16-2", quantity(1709176), quantity(10**6, 10**6, 10**6 + 1), None)
def test_without_duplicates_a_layout_never_needs_less(
    name: str, left: dict[str, Any], only: dict[str, Any], listed: Scan | None
) -> None:
    found = result(name, reduction(left, only, quantity(DATA_BYTES // 3)), listed)
    if found.floor is None:
        system = LAYOUTS[name].reduction
        assert system is not None
        assert system.dedup == "none"
        return
    for ours, floor in (
        (found.raw_bytes, found.floor.raw_bytes),
        (found.bill.drives, found.floor.drives),
        (found.bill.npv, found.floor.npv),
    ):
        for one, other in (
            (ours.low, floor.low),
            (ours.value, floor.value),
            (ours.high, floor.high),
        ):
            assert one is not None
            assert other is not None
            assert one <= other


def test_the_floor_is_compression_of_the_chunks_that_the_layout_cuts() -> None:
    # 64 KiB blocks leave a tenth; of 4 KiB chunks, compressed alone, half is left.
    found = reduction(only=quantity(DATA_BYTES // 2), plain=quantity(DATA_BYTES // 10))
    name = "ontap-raid-dp-22-2"
    floor = result(name, found).floor
    assert floor is not None
    assert floor.reduction_ratio == 2
    assert floor.raw_bytes.value == pytest.approx(2 * (result(name, found).raw_bytes.value or 0))


def test_a_floor_that_was_not_measured_is_unknown_and_not_left_out() -> None:
    floor = result("vast-146-4", reduction()).floor
    assert floor is not None
    figures = (floor.raw_bytes, floor.drives, floor.npv)
    assert floor.reduction_ratio is None
    assert {(each.value, each.low, each.high) for each in figures} == {(None, None, None)}


def test_a_layout_that_looks_for_no_duplicates_has_no_floor() -> None:
    assert result("minio-12-4", reduction()).floor is None


def test_blocks_are_counted_as_the_layout_allocates_them() -> None:
    # Zeros: a 64 KiB block is 4 KiB at least, however few bytes it compresses to.
    zeros = reduction(plain=quantity(DATA_BYTES // 245), allocated=quantity(DATA_BYTES // 16))
    each = sized("ceph-ec-8-3", zeros)
    assert each.scenario.data.reduction_ratio.value == 16
    assert each.scenario.data.allocation_bytes == 4096
    bytewise = msgspec.structs.replace(
        LAYOUTS["ceph-ec-8-3"],
        reduction=SystemReduction(dedup="none", codec="lz4", source="packs what it compresses"),
    )
    packed = sized_for(zeros, 1, scenario_of(bytewise), seed=1)
    assert packed.scenario.data.reduction_ratio.value == Fraction(DATA_BYTES, DATA_BYTES // 245)


def test_a_report_without_allocated_blocks_credits_none_and_reports_it() -> None:
    made = report(reduction(), ["ceph-ec-8-3", "minio-12-4"])
    ceph = next(each for each in made.layouts if each.name == "ceph-ec-8-3")
    [step] = [each for each in ceph.waterfall if each.step == "data_reduction"]
    assert (step.factor.value, step.factor.origin) == (1, "assumed")
    assert "no reduction" in (step.source or "")
    [warning] = [each for each in made.warnings if each.code == "no-reduction"]
    assert "ceph-ec-8-3" in warning.message
    assert "minio" not in warning.message
    assert "scan again" in warning.remedy


def test_too_little_read_for_any_figure_credits_none() -> None:
    nothing = quantity(None)
    found = reduction(left=nothing, only=nothing, allocated=nothing)
    for name in ("weka-16-2", "ceph-ec-8-3"):
        each = sized(name, found)
        assert each.scenario.data.reduction_ratio.value == 1
        assert each.floor_ratio is None


def test_too_little_read_for_duplicates_credits_compression_of_the_same_chunks() -> None:
    found = reduction(left=quantity(None, 10**7, 10**9), only=quantity(DATA_BYTES // 2))
    each = sized("weka-16-2", found)
    assert each.scenario.data.reduction_ratio.value == 2
    assert each.bounds is not None


def test_a_reduction_that_nothing_measures_is_an_error() -> None:
    found = msgspec.structs.replace(reduction(), combined=[])
    with pytest.raises(StoreffError) as error:
        sized("weka-16-2", found)
    told = "layout weka-16-2: the report does not hold fixed-4KiB + zstd-1, which was not measured"
    assert error.value.message == told
    assert explained(error.value)[1].endswith("storeff scan --table full, or with this --layout")


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_default_table_sizes_every_layout_of_the_catalogue_as_the_full_one(name: str) -> None:
    full = reduction(only=quantity(DATA_BYTES * 3 // 4), allocated=quantity(DATA_BYTES // 2))
    assert supports_sizing(default_table(full))
    assert sized(name, default_table(full)) == sized(name, full)


@pytest.mark.parametrize("known", [False, True])
def test_what_compression_leaves_of_the_headline_s_chunks_is_enough_to_size(known: bool) -> None:
    floor = quantity(2) if known else quantity(None, 1, 2)
    scope = msgspec.convert({"floor": floor, "measured": quantity(None, 1, 3)}, Scope)
    assert supports_sizing(msgspec.structs.replace(reduction(), scope=scope)) is known


def test_small_files_make_the_padding_and_the_waterfall_names_them() -> None:
    files = scan((8192, 200_000, DATA_BYTES))
    found = result("backblaze-17-3", reduction(), files)
    [step] = [each for each in found.waterfall if each.step == "padding"]
    assert step.factor.value == pytest.approx(68 * 1024 / 5000)
    assert step.factor.origin == "derived"
    assert "sizes of 200,000 files" in (step.source or "")
    assert "whole 68 KiB" in (step.source or "")
    assert result("backblaze-17-3", reduction()).raw_bytes.value == pytest.approx(
        (found.raw_bytes.value or 0) * 5000 / (68 * 1024) * 1.005
    )


def test_large_files_leave_the_padding_of_the_catalogue() -> None:
    found = result("minio-12-4", reduction(), scan((1 << 30, 1, DATA_BYTES)))
    assert found.raw_bytes == result("minio-12-4", reduction()).raw_bytes
    [step] = [each for each in found.waterfall if each.step == "padding"]
    assert step.factor.origin == "assumed"


def test_a_report_without_file_sizes_is_sized_as_before() -> None:
    listed = msgspec.structs.replace(scan((8192, 200_000, DATA_BYTES)), file_sizes=[])
    assert object_sizes(listed, reduction()) is None
    assert result("minio-12-4", reduction(), listed) == result("minio-12-4", reduction())


def test_the_data_of_listed_files_is_what_is_not_in_holes() -> None:
    files = (8192, 1000, 5_000_000), (1 << 40, 1, 1 << 39)
    sparse = object_sizes(scan(*files, hole_bytes=(1 << 39) - 10**6), reduction())
    assert sparse is not None
    assert sparse.data_bytes == 6_000_000
    # Half of the data could not be read: the files that hold it are padded all the same.
    unread = object_sizes(
        scan(*files, hole_bytes=(1 << 39) - 10**6, unread_bytes=3_000_000), reduction()
    )
    assert unread is not None
    assert unread.data_bytes == pytest.approx(3_000_000, rel=1e-4)


def test_layouts_come_cheapest_first_whatever_the_order_asked_for() -> None:
    names = sorted(LAYOUTS)[::3]
    made = report(reduction(allocated=quantity(DATA_BYTES // 2)), names)
    costs = [each.bill.npv.value for each in made.layouts]
    assert None not in costs
    assert costs == sorted(costs, key=lambda cost: cost or 0)
    assert made.reference_layout == made.layouts[0].name
    again = report(reduction(allocated=quantity(DATA_BYTES // 2)), names[::-1])
    assert [each.name for each in again.layouts] == [each.name for each in made.layouts]


def test_the_quantity_risk_and_the_waterfall_have_the_same_bytes() -> None:
    made = report(reduction(only=quantity(DATA_BYTES // 3)), ["vast-146-4"])
    assert made.uncertainty is not None
    assert made.uncertainty.quantity.raw_bytes == made.layouts[0].raw_bytes


def test_a_scenario_may_have_a_raidz(tmp_path: Path) -> None:
    from storeff.economics import load_scenario

    text = (Path(__file__).parent / "golden" / "ex50.toml").read_text()
    code = '{ kind = "raidz", k = 4, m = 2, block_bytes = 8192, sector_bytes = 4096 }'
    for old, new in (
        ('{ kind = "rs", k = 20, m = 4 }', code),
        ("reduction_ratio = 2.0", "reduction_ratio = 1"),
        ('"50EB"', '"1PB"'),
        ("metadata = 0.02", "metadata = 0"),
        ("padding = 0.005", "padding = 0"),
        ("rebuild_reserve = 0.03", "rebuild_reserve = 0"),
        ("fill_limit = 0.85", "fill_limit = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "s.toml").write_text(text)
    found = size(load_scenario(tmp_path / "s.toml"))
    assert found.raw_bytes.value == 3 * 10**15
    [step] = [each for each in found.waterfall if each.step == "erasure_coding"]
    assert step.label == "Redundancy, RAIDZ2 4+2, 8 KiB"
    assert "multiple of m + 1" in (step.source or "")


def storeff(*words: str | Path) -> Any:
    """The report that the command line prints for ``words``."""
    done = cli.storeff(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_small_objects_fill_drives_at_the_command_line(tmp_path: Path) -> None:
    source = random.Random(1)
    (tmp_path / "t").mkdir()
    for i in range(300):
        (tmp_path / "t" / f"{i}").write_bytes(source.randbytes(5000))
    names = ("ceph-ec-8-3", "ceph-replica-3", "minio-12-4")
    chosen = [word for name in names for word in ("--layout", name)]
    saved = tmp_path / "r.json"
    made = storeff("scan", tmp_path / "t", "--target", "1PB", "-q", *chosen, "-o", saved)
    raw = {each["name"]: each["raw_bytes"]["value"] for each in made["layouts"]}
    assert raw["ceph-ec-8-3"] >= 10.6e15
    assert raw["minio-12-4"] >= 15.4e15
    assert raw["ceph-replica-3"] >= 5.78e15
    assert made["layouts"][0]["name"] == "ceph-replica-3"
    again = storeff("size", saved, *chosen)
    assert {each["name"]: each["raw_bytes"]["value"] for each in again["layouts"]} == raw


def test_two_sites_are_built_twice_at_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "f").write_bytes(random.Random(1).randbytes(200_000))
    numbers = {"copies": 2, "metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}
    lines = [f'{k} = {{ value = {v}, kind = "assumption" }}' for k, v in numbers.items()]
    (tmp_path / "layouts.toml").write_text(
        "[two-site]\n"
        'code = { kind = "rs", k = 8, m = 3 }\n'
        'min_domains = { value = 11, unit = "enclosures", kind = "assumption" }\n'
        + "\n".join(lines)
        + '\n[two-site.reduction]\ndedup = "none"\ncodec = "none"\nsource = "none"\n'
    )
    words = ("scan", tmp_path / "t", "-q", "--target", "100TB", "--data", tmp_path)
    bill = storeff(*words, "--layout", "two-site")["layouts"][0]["bill"]
    built = [bill[name]["value"] for name in ("drives_in_service", "enclosures", "racks")]
    assert built == [22, 22, 2]


def test_much_padding_of_small_files_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    for i in range(50):
        (tmp_path / "small" / f"{i}").write_bytes(random.Random(i).randbytes(5000))
    (tmp_path / "large").write_bytes(random.Random(0).randbytes(3_000_000))
    words = ("--target", "1PB", "--layout", "minio-12-4", "--layout", "vast-146-4", "-q")
    for source, warned in (("small", True), ("large", False)):
        made = storeff("scan", tmp_path / source, *words)
        found = {w["code"]: w["message"] for w in made["warnings"]}
        assert ("small-objects" in found) == warned
    assert "vast" not in found.get("small-objects", "")
