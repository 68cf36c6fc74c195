"""A report that contradicts itself is refused in one line; one that storeff wrote never is."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import storeff

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("report") / "r.json"
    sources = sorted(SAMPLES.iterdir())
    done = storeff("scan", *sources, "--target", "1EB", "--layout", "weka-16-2", "-q", "-o", path)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_bytes())


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
        "reduction.dedup[0]: its ratio is not",
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
        "layouts[0].floor.raw_bytes, without any duplicate, is less than raw_bytes",
    ),
    "chunks that compress better where none is found again": (
        lambda r: r["reduction"]["combined"][0].update(
            compression_only_bytes=four(r["reduction"]["data_bytes"] / 100),
            compression_only_ratio=four(100),
        ),
        "compression_only_bytes, without any duplicate, is less than physical_bytes",
    ),
    "a compression-only ratio that its bytes do not give": (
        lambda r: r["reduction"]["combined"][0]["compression_only_ratio"].update(four(100)),
        "reduction.combined[0].compression_only_bytes: its ratio is not",
    ),
    "bytes without a ratio": (
        lambda r: r["reduction"]["combined"][0]["ratio"].update(value=None),
        "reduction.combined[0]: its ratio is known, or its bytes are, but not both",
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
    "a year twice": (
        lambda r: r["layouts"][0]["bill"]["opex_by_year"][1].update(year=1),
        "layouts[0].bill.opex_by_year is not of each year once",
    ),
    "a cost of what has no price": (
        lambda r: r["layouts"][0]["bill"]["capex"]["racks"].update(four(None)),
        "layouts[0].bill.capex.total is known, or a part of it is, but not both",
    ),
    "money that does not sum": (
        lambda r: r["layouts"][0]["bill"]["capex"]["racks"].update(four(1)),
        "layouts[0].bill.capex.total is",
    ),
}


def four(value: float | None) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "origin": "measured"}


def left(report: Any, unique_bytes: int) -> dict[str, Any]:
    ratio = report["reduction"]["data_bytes"] / unique_bytes
    return {"unique_bytes": four(unique_bytes), "ratio": four(ratio)}


@pytest.mark.parametrize("name", EDITS)
def test_an_impossible_report_is_refused_in_one_line(
    written: Any, tmp_path: Path, name: str
) -> None:
    edit, expected = EDITS[name]
    report = copy.deepcopy(written)
    edit(report)
    said = refused(report, tmp_path)
    assert "cannot be true: " in said
    assert expected in said
    assert len(said.splitlines()) == 2  # what is wrong, and what to do


def test_every_interval_is_looked_at(written: Any) -> None:
    import msgspec

    from storeff.report.check import contradictions
    from storeff.report.model import Report

    for path, _ in quantities(written):
        report = copy.deepcopy(written)
        edited = dict(quantities(report))[path]
        if edited["value"] is None:
            continue
        edited["low"] = edited["value"] + 1
        decoded = msgspec.convert(report, Report)
        said = list(contradictions(decoded))
        assert any(s.startswith(f"{path[1:]} does not hold") for s in said), path
