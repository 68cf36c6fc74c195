"""A report that contradicts itself is refused in one line; one that storeff wrote never is."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cells import as_written
from support.cli import storeff
from support.golden import GOLDEN

from storeff.report.check import contradictions
from storeff.report.earlier import to_present
from storeff.report.model import SCHEMA_VERSION, Report

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("report") / "r.json"
    sources = sorted(SAMPLES.iterdir())
    done = storeff("scan", *sources, "--target", "1EB", "--layout", "weka-16-2", "-q", "-o", path)
    assert done.returncode == 0, done.stderr
    return as_written(json.loads(path.read_bytes()))


def refused(report: Any, folder: Path) -> str:
    """What `size` says of ``report``; empty if it accepts it. Never a traceback."""
    path = folder / "edited.json"
    path.write_text(json.dumps(report))
    done = storeff("size", path, "--target", "1EB", "--layout", "weka-16-2")
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if done.stderr else 0)
    return done.stderr


def quantities(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if value.keys() == {"value", "low", "high", "origin"}:
            yield path, value
        else:
            for key, each in value.items():
                yield from quantities(each, f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from quantities(each, f"{path}[{index}]")


def test_a_report_that_storeff_wrote_is_accepted(written: Any, tmp_path: Path) -> None:
    assert refused(written, tmp_path) == ""


def head(report: Any) -> Any:
    return report["reduction"]["headline"]


EDITS: dict[str, tuple[Callable[[Any], object], str]] = {
    "a point outside its interval": (
        lambda r: head(r)["ratio"].update(low=9, high=9),
        "reduction.headline.ratio does not hold low <= value <= high",
    ),
    "nothing left of the data": (
        lambda r: [
            c["physical_bytes"].update(value=0, low=0, high=0) for c in r["reduction"]["combined"]
        ],
        "leaves no byte of",
    ),
    "a ratio that its bytes do not give": (
        lambda r: r["reduction"]["dedup"][0]["ratio"].update(value=3.0, low=3.0, high=3.0),
        "reduction.dedup[0].ratio is not reduction.data_bytes over unique_bytes",
    ),
    "a headline that no row gives": (
        lambda r: head(r)["ratio"].update(value=9.0, low=9.0, high=9.0),
        "reduction.headline is not the row",
    ),
    "more read than was listed": (
        lambda r: r["scan"].update(read_bytes=10**12),
        "are more than scan.logical_bytes",
    ),
    "more covered than was read": (
        lambda r: r["scan"].update(read_bytes=r["scan"]["read_bytes"] // 2),
        "scan.coverage is more than",
    ),
    "files that the sizes do not sum to": (
        lambda r: r["scan"].update(files=1),
        "scan.file_sizes sums to",
    ),
    "classes that do not sum to the data": (
        lambda r: r["reduction"]["by_stratum"][0].update(data_bytes=1),
        "reduction.by_stratum sums to",
    ),
    "compressed chunks larger than the chunks": (
        lambda r: r["reduction"]["dedup"].__setitem__(1, r["reduction"]["dedup"][1] | left(r, 100)),
        "is more than its chunks before compression",
    ),
    "more left than there is": (
        lambda r: r["reduction"]["dedup"][0].update(left(r, 10**9)),
        "leaves more than reduction.data_bytes",
    ),
    "a negative number of bytes": (
        lambda r: r["reduction"].update(data_bytes=-5),
        "reduction.data_bytes is below zero",
    ),
    "a negative seed": (lambda r: r["run"].update(seed=-1), "run.seed is below zero"),
    "a number with four hundred digits": (
        lambda r: r["reduction"].update(data_bytes=10**400),
        "is impossibly large",
    ),
    "a target of nothing": (lambda r: r["target"].update(bytes=0), "target.bytes is not above"),
    "a waterfall with a gap": (
        lambda r: r["layouts"][0]["waterfall"][3]["before_bytes"].update(four(5)),
        "does not begin where",
    ),
    "raw bytes that the waterfall does not give": (
        lambda r: r["layouts"][0]["raw_bytes"].update(four(5)),
        "layouts[0].raw_bytes is not what layouts[0].waterfall ends with",
    ),
    "drives that do not sum": (
        lambda r: r["layouts"][0]["bill"]["spares"].update(four(10**6)),
        "layouts[0].bill.spares sums to",
    ),
    "bounds of raw bytes that the waterfall does not give": (
        lambda r: r["layouts"][0]["raw_bytes"].update(high=10**20),
        "layouts[0].raw_bytes is not what layouts[0].waterfall ends with",
    ),
    "a waterfall without a step": (
        lambda r: r["layouts"][0].update(waterfall=[]),
        "layouts[0].waterfall has no step",
    ),
    "a factor that its bytes do not give": (
        lambda r: r["layouts"][0]["waterfall"][3]["factor"].update(four(3.0)),
        "does not multiply its bytes by its factor",
    ),
    "less without duplicates than with them": (
        lambda r: r["layouts"][0]["floor"]["raw_bytes"].update(four(5)),
        "layouts[0].floor.raw_bytes is less than raw_bytes",
    ),
    "chunks that compress better where none is found again": (
        lambda r: r["reduction"]["combined"][0].update(
            compression_only_bytes=four(r["reduction"]["data_bytes"] / 100),
            compression_only_ratio=four(100),
        ),
        "compression_only_bytes is less than physical_bytes",
    ),
    "a compression-only ratio that its bytes do not give": (
        lambda r: r["reduction"]["combined"][0]["compression_only_ratio"].update(four(100)),
        "reduction.combined[0].compression_only_ratio is not reduction.data_bytes over",
    ),
    "bytes without a ratio": (
        lambda r: r["reduction"]["combined"][0]["ratio"].update(value=None),
        "reduction.combined[0].ratio is known, or physical_bytes is, but not both",
    ),
    "a headline whose interval no row gives": (
        lambda r: head(r)["ratio"].update(low=1.0),
        "reduction.headline is not the row",
    ),
    "classes of more bytes than were listed": (
        lambda r: r["scan"]["strata"][0].update(logical_bytes=10**15),
        "scan.strata have more bytes than scan.logical_bytes",
    ),
    "a share of more than all": (
        lambda r: r["reduction"]["scope"]["growth"][0].update(share=1.5),
        "reduction.scope.growth[0].share is above one",
    ),
    "less than no chunk": (
        lambda r: r["reduction"]["dedup"][0].update(chunks=-1),
        "reduction.dedup[0].chunks is below zero",
    ),
    "a reference that was not sized": (
        lambda r: r.update(reference_layout="rs-20-4"),
        "reference_layout is none of layouts",
    ),
    "complete, and yet not": (
        lambda r: r.update(incomplete_because=["it was interrupted"]),
        "complete and incomplete_because say different things",
    ),
    "nines that the probability of loss does not give": (
        lambda r: r["layouts"][0]["durability"].update(nines=30.0),
        "layouts[0].durability.nines are not those of",
    ),
    "nines below the least": (
        lambda r: r["layouts"][0]["durability"].update(nines_low=25.0),
        "layouts[0].durability does not hold nines_low <= nines <= nines_high",
    ),
    "a loss that is more than certain": (
        lambda r: r["layouts"][0]["durability"].update(fleet_loss_probability_per_year=1.1),
        "layouts[0].durability.fleet_loss_probability_per_year is above one",
    ),
    "a year twice": (
        lambda r: r["layouts"][0]["bill"]["opex_by_year"][1].update(year=1),
        "layouts[0].bill.opex_by_year is not of each year once",
    ),
    "a cost of what has no price": (
        lambda r: r["layouts"][0]["bill"]["capex"]["racks"].update(four(None)),
        "layouts[0].bill.capex.total is known, or a part of it is, but not both",
    ),
    "the same row twice": (
        lambda r: r["reduction"]["dedup"].append(r["reduction"]["dedup"][0]),
        "reduction.dedup has whole-file 2 times",
    ),
    "the same pair twice": (
        lambda r: r["reduction"]["combined"].append(r["reduction"]["combined"][0]),
        "reduction.combined has fixed-4KiB with lz4 2 times",
    ),
    "a layout twice": (
        lambda r: r["layouts"].append(r["layouts"][0]),
        "layouts has weka-16-2 2 times",
    ),
    "a class that leaves more than it has": (
        lambda r: r["reduction"]["by_stratum"][0]["unique_bytes"].update(four(10**12)),
        "reduction.by_stratum[0] leaves more than its data",
    ),
    "a class whose ratio its bytes do not give": (
        lambda r: r["reduction"]["by_stratum"][0]["ratio"].update(four(77)),
        "reduction.by_stratum[0].ratio is not data_bytes over physical_bytes",
    ),
    "a class that compresses to more than its chunks": (
        lambda r: r["reduction"]["by_stratum"][0]["unique_bytes"].update(four(1)),
        "reduction.by_stratum[0] is more than its chunks before compression",
    ),
    "a scope of another figure": (
        lambda r: r["reduction"]["scope"]["measured"].update(four(7)),
        "reduction.scope.measured is not reduction.headline",
    ),
    "compression only of other chunks": (
        lambda r: r["reduction"]["scope"]["floor"].update(four(1.01)),
        "reduction.scope.floor is not compression only of the chunks of the headline",
    ),
    "a layout for another target": (
        lambda r: r["target"].update(bytes=7),
        "layouts[0].waterfall does not begin with target.bytes",
    ),
    "a layout for other data": (
        lambda r: r.update(target=None),
        "layouts[0].waterfall does not begin with reduction.data_bytes",
    ),
    "layouts of which none is the reference": (
        lambda r: r.update(reference_layout=None),
        "reference_layout is none of layouts",
    ),
    "a waterfall that does not say how the data reduces": (
        lambda r: r["layouts"][0]["waterfall"][2].update(step="something"),
        "layouts[0].waterfall has no step data_reduction",
    ),
    "a reduction ratio that the waterfall does not have": (
        lambda r: r["layouts"][0]["reduction_ratio"].update(four(9)),
        "layouts[0].reduction_ratio is not one over the factor of data_reduction",
    ),
    "a drive that was not sized": (
        lambda r: r["layouts"][0].update(drive="another"),
        "layouts[0].drive is not that of layouts[0].bill",
    ),
    "a range that does not hold its cost": (
        lambda r: r["layouts"][0]["npv_range"].update(low=1e30 / 2),
        "layouts[0].npv_range does not hold the present value of cost",
    ),
    "a range of the cost without duplicates that does not hold it": (
        lambda r: r["layouts"][0]["floor"]["npv_range"].update(high=1),
        "layouts[0].floor.npv_range does not hold the present value of cost",
    ),
    "more reduction without duplicates": (
        lambda r: r["layouts"][0]["floor"].update(reduction_ratio=50.0),
        "layouts[0].floor.reduction_ratio is more than layouts[0].reduction_ratio",
    ),
    "something compressed for no figure": (
        lambda r: cells(r)[0].update(chunker="fixed-1KiB"),
        "reduction.method.cells[0] is for no row of reduction.combined or reduction.compression",
    ),
    "less reached than the figures say": (
        lambda r: cells(r)[1].update(reached=0.5, is_met=False),
        "reduction.method.cells[1].reached is not the half width of the figures",
    ),
    "nothing reached by figures that are known": (
        lambda r: cells(r)[1].update(reached=None, is_met=False),
        "reduction.method.cells[1].reached is not the half width of the figures",
    ),
    "a target that was met and is said not to be": (
        lambda r: cells(r)[0].update(is_met=False),
        "reduction.method.cells[0].is_met is not whether reached is at most target",
    ),
    "the same cell twice": (
        lambda r: cells(r).append(cells(r)[0]),
        "reduction.method.cells has fixed-4KiB with lz4 with distinct 2 times",
    ),
    "times of compressing that do not sum": (
        lambda r: r["scan"]["probe_cpu_seconds"][0].update(seconds=100.0),
        "scan.probe_cpu_seconds do not sum to scan.compress_cpu_seconds",
    ),
    "a time of compressing twice": (
        lambda r: r["scan"]["probe_cpu_seconds"].append(r["scan"]["probe_cpu_seconds"][0]),
        "scan.probe_cpu_seconds has fixed-4KiB with distinct 2 times",
    ),
    "a negative target": (
        lambda r: cells(r)[0].update(target=-0.01),
        "reduction.method.cells[0].target is below zero",
    ),
    "money that does not sum": (
        lambda r: r["layouts"][0]["bill"]["capex"]["racks"].update(four(1)),
        "layouts[0].bill.capex.total is",
    ),
}


def cells(report: Any) -> Any:
    return report["reduction"]["method"]["cells"]


def bought(kv: Any) -> Any:
    return kv["retention"]["rows"][0]


KV_EDITS: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "files that its kinds do not sum to": (
        "dumps",
        lambda kv: kv["survey"].update(dump_files=99),
        "kv.dumps sums to 8, kv.survey.dump_files is 99",
    ),
    "more measured than there is": (
        "dumps",
        lambda kv: kv["survey"].update(measured_files=9),
        "kv.survey.measured_files are more",
    ),
    "more keys than blocks": (
        "dumps",
        lambda kv: kv["survey"]["sharing"].update(unique_blocks=9),
        "kv.survey.sharing has more unique blocks",
    ),
    "more read than there is": (
        "dumps",
        lambda kv: kv["survey"]["measured"]["overall"][0].update(read_bytes=10**9),
        "kv.survey.measured.overall[0] has read more",
    ),
    "a ratio that its bytes do not give": (
        "dumps",
        lambda kv: kv["survey"]["measured"]["overall"][0]["lossless"][0]["ratio"].update(four(9)),
        "kv.survey.measured.overall[0].lossless[0].ratio is not",
    ),
    "a loss whose ratio its bytes do not give": (
        "dumps",
        lambda kv: kv["survey"]["measured"]["overall"][1]["lossy"][0]["ratio"].update(four(9)),
        "kv.survey.measured.overall[1].lossy[0].ratio is not",
    ),
    "more blocks than uses": (
        "trace",
        lambda kv: kv["trace"].update(unique_blocks=10**6),
        "kv.trace has more unique blocks",
    ),
    "a rate that its hits do not give": (
        "trace",
        lambda kv: kv["trace"]["ttls"][0]["traffic"].update(block_hit_rate=0.5),
        "kv.trace.ttls[0].traffic.block_hit_rate is not hit_blocks over blocks",
    ),
    "more hits than all": (
        "trace",
        lambda kv: bought(kv)["token_hit_rate"].update(four(1.5)),
        "kv.retention.rows[0].token_hit_rate is above one",
    ),
    "a rate that no row has": (
        "trace",
        lambda kv: kv["retention"].update(requests_per_second_at_target=[1.0]),
        "kv.retention.requests_per_second_at_target is not one for each",
    ),
    "a bill for no row": (
        "trace",
        lambda kv: kv["retention"].update(billed_ttl_seconds=1.0),
        "kv.retention.billed_ttl_seconds is of none of its rows",
    ),
    "less bought than the capacity takes": (
        "trace",
        lambda kv: bought(kv)["raw_bytes"].update(four(1)),
        "kv.retention.rows[0].raw_bytes is less than capacity_raw_bytes",
    ),
}


def four(value: float | None) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "origin": "measured"}


def left(report: Any, unique_bytes: int) -> dict[str, Any]:
    ratio = report["reduction"]["data_bytes"] / unique_bytes
    return {"unique_bytes": four(unique_bytes), "ratio": four(ratio)}


def said_of(report: Any) -> list[str]:
    return list(contradictions(msgspec.convert(report, Report)))


@pytest.mark.parametrize("name", EDITS)
def test_an_impossible_report_is_found_to_be_one(written: Any, name: str) -> None:
    edit, expected = EDITS[name]
    report = copy.deepcopy(written)
    edit(report)
    assert any(expected in each for each in said_of(report))


@pytest.mark.parametrize("name", KV_EDITS)
def test_an_impossible_report_of_kv_caches_is_found_to_be_one(name: str) -> None:
    kind, edit, expected = KV_EDITS[name]
    report = json.loads((GOLDEN / "reports" / "1.5" / f"kv-{kind}.json").read_bytes())
    to_present(report)
    assert said_of(report) == []
    edit(report["kv"])
    assert any(expected in each for each in said_of(report))


@pytest.mark.parametrize("name", ["layout", "runner_up_drive"])
def test_what_is_recommended_is_a_row_of_the_bench(name: str) -> None:
    report = json.loads((GOLDEN / "reports" / "2.2" / "bench.json").read_bytes())
    assert said_of(report) == []
    report["bench"]["recommendation"][name] = "another"
    assert any("is none of bench.rows" in each for each in said_of(report))


def test_what_contradicts_itself_is_refused_in_one_line_with_what_to_do(
    written: Any, tmp_path: Path
) -> None:
    report = copy.deepcopy(written)
    report["target"]["bytes"] = 0
    said = refused(report, tmp_path)
    assert "cannot be true: target.bytes is not above zero (and 1 more)" in said
    assert len(said.splitlines()) == 2


def test_a_wrong_value_is_told_with_the_nearest_right_one(written: Any, tmp_path: Path) -> None:
    report = copy.deepcopy(written)
    report["layouts"][0]["bill"]["rack_bound"] = "pwer"
    said = refused(report, tmp_path)
    assert "Invalid enum value 'pwer' - at `$.layouts[0].bill.rack_bound`" in said
    assert "did you mean 'power'?" in said


@pytest.mark.parametrize("version", ["3.0", "0.9", None, 1.5, "x"])
def test_a_report_of_another_major_version_is_refused(
    written: Any, tmp_path: Path, version: Any
) -> None:
    said = refused(copy.deepcopy(written) | {"schema_version": version}, tmp_path)
    assert f"has schema_version {version!r}, this storeff reads {SCHEMA_VERSION}" in said


@pytest.mark.parametrize("edit", [[], 3, {}, {"bill": 3}, {"bill": {"drive": 1}, "waterfall": [3]}])
def test_a_damaged_report_of_before_is_refused_as_any_other(tmp_path: Path, edit: Any) -> None:
    report = json.loads((GOLDEN / "reports" / "1.5" / "scan.json").read_bytes())
    report["layouts"] = [edit] if isinstance(edit, dict) else edit
    report["scan"].pop("set_aside")
    assert "is not a storeff report: " in refused(report, tmp_path)


def test_every_interval_is_looked_at(written: Any) -> None:
    for path, _ in quantities(written):
        report = copy.deepcopy(written)
        edited = dict(quantities(report))[path]
        if edited["value"] is None:
            continue
        edited["low"] = edited["value"] + 1
        assert any(s.startswith(f"{path[1:]} does not hold") for s in said_of(report)), path
