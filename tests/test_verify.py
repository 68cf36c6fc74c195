"""A report against its own inputs: every changed digit is noticed, and no unchanged one."""

import json
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from support import kv_cli
from support.golden import GOLDEN
from support.scenarios import scenario
from support.sized import TODAY, report_on

import storeff
from storeff.analysis import Reduced, Storage
from storeff.data import Assumption, AssumptionRow, catalogue
from storeff.data.assumption import ShelfLife, row_of
from storeff.economics.agreements import choose_terms
from storeff.errors import StoreffError
from storeff.report.commitment import with_commitment
from storeff.report.guarantee import with_guarantee
from storeff.report.model import Report, document_json, read_report, to_json
from storeff.report.plan import with_plan
from storeff.report.rederived import Rederived, rederived
from storeff.report.seal import seal_of
from storeff.report.services import with_services
from storeff.report.staleness import judged_again
from storeff.report.verify import (
    Verified,
    again_leaves,
    derived_of,
    differing,
    leaves_of,
    verify,
    verify_schema,
)

SAMPLES = Path(__file__).parents[1] / "samples" / "data"
TARGET_BYTES = 10**19
PLAN = GOLDEN / "plan"
EARLIER = sorted((GOLDEN / "reports").glob("[12].[012]/*.json"))


@pytest.fixture(scope="module")
def reduced() -> Reduced:
    return storeff.reduce(storeff.measure(SAMPLES), target_bytes=TARGET_BYTES)


@pytest.fixture(scope="module")
def sized(reduced: Reduced) -> Report:
    """A report of a layout that deduplicates, and all that can be asked of one."""
    made = storeff.build_report(reduced, storeff.size(reduced, Storage(("vast-146-4",))))
    made = with_guarantee(with_commitment(made, choose_terms(None)), Fraction(2))
    made = with_plan(made, PLAN / "demand.toml", PLAN / "offers.toml", today=TODAY)
    return with_services(made, target_margin=Fraction(2, 5))


@pytest.fixture(scope="module")
def benched(reduced: Reduced) -> Report:
    layouts = ("ceph-ec-8-3", "weka-16-2")
    storages = [Storage(layouts), Storage(layouts, drive="qlc-245")]
    compared = storeff.bench(
        reduced, storages, ingest_bytes_per_second=10**12, quote=Fraction(5, 2)
    )
    return storeff.build_report(reduced, compared=compared)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report of KV caches: dumps that were sampled, a trace with a line that is none."""
    folder = tmp_path_factory.mktemp("kv")
    trace, config, path = (folder / name for name in ("t.jsonl", "config.json", "report.json"))
    trace.write_text(kv_cli.TRACE + "no line of a trace\n")
    config.write_text(json.dumps(kv_cli.CONFIG))
    words: list[str | Path] = [
        "--model",
        config,
        "--ttl",
        "20s,10m",
        "--lossless",
        "--sample",
        "300KB",
    ]
    done = kv_cli.run(kv_cli.SAMPLES, trace, *words, "--target", "1PB", "-o", path)
    assert done.returncode == 3, done.stderr
    return read_report(path)


@pytest.fixture(scope="module", params=["sized", "benched", "cached"])
def report(request: pytest.FixtureRequest) -> Report:
    found: Report = request.getfixturevalue(request.param)
    return found


def document_of(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(report))
    return found


def written(path: Path, document: dict[str, Any], *, seal: bool = True) -> Path:
    """``document`` in a file, with a seal of its own if ``seal``."""
    if seal:
        document["run"]["sha256"] = seal_of(document)
    path.write_text(json.dumps(document))
    return path


def checked(tmp_path: Path, document: dict[str, Any], *, seal: bool = True) -> Verified:
    return verify(written(tmp_path / "report.json", document, seal=seal))


# ---- what agrees ----


def test_a_report_agrees_with_what_comes_out_of_it(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report))
    found = verify(path)
    assert (found.agrees, found.seal, found.differences) == (True, "whole", 0)
    assert found.first is None
    assert found.derived == sum(part.derived for part in found.parts) > 1000
    jsonschema.validate(json.loads(document_json(found)), verify_schema())


@pytest.mark.parametrize("nines", [None, 20.0])
def test_a_report_of_scenarios_agrees_at_any_parity(nines: float | None) -> None:
    report = report_on(*map(scenario, ("ceph-ec-8-3", "zfs-raidz2-8-2")), nines=nines)
    assert first_difference(report, rederived(report)) is None


def test_it_takes_no_catalogue(sized: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    bare = msgspec.structs.replace(sized, commitment=None, services=None)
    monkeypatch.setattr(catalogue, "read_toml", refused)
    assert first_difference(bare, rederived(bare)) is None


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_earlier_report_is_verified_as_far_as_it_goes(path: Path) -> None:
    found = verify(path)
    assert (found.agrees, found.seal, found.sha256) == (True, "absent", None)
    assert any(part.because for part in found.parts)


# ---- what does not ----


def test_every_single_change_breaks_the_seal() -> None:
    whole = report_on(scenario("ceph-ec-8-3"))
    document = document_of(msgspec.structs.replace(whole, scenarios=None, assumptions=[]))
    seal = document["run"].pop("sha256")
    assert seal_of(document) == seal
    changes = 0
    for holder, key, value in mutated(document):
        kept, holder[key] = holder[key], value
        assert seal_of(document) != seal
        holder[key] = kept
        changes += 1
    assert changes > 500
    assert seal_of(document) == seal


# Of every part of a report some, where the report has that part.
DERIVED = {
    "layouts[0].durability.rebuild_hours",
    "uncertainty.simulation.together.npv.p90",
    "sensitivity.tornado[1].npv_at_high",
    "guarantee.missed_probability",
    "commitment.best_expected_cost",
    "services.services[0].margins[1].margin.value",
    "reduction.by_stratum[1].ratio.value",
    "kv.survey.measured.overall[1].lossy[0].ratio.value",
    "kv.survey.measured.by_layer[2].winner.stored_bytes.value",
    "kv.survey.sharing.byte_dedup_ratio",
    "kv.chunks[1].dedup_ratio",
    "kv.trace.ttls[1].share_of_max",
    "kv.retention.requests_per_second_at_target[1]",
    "warnings[0].remedy",
    "incomplete_because[0]",
    "bench.chunking[3].npv.low",
    "bench.quoted.npv_quoted.value",
}


def test_every_change_of_a_derived_figure_is_named_though_the_seal_was_made_again(
    report: Report,
) -> None:
    again = rederived(report)
    told, derived = leaves_of(report), again_leaves(again)
    is_derived = derived_of(again)
    names = {name: is_derived(name) for name in told}
    chance = random.Random(1)
    others = {
        name: msgspec.json.encode(another(msgspec.json.decode(text), chance))
        for name, text in told.items()
        if names[name]
    }
    assert differing(told, derived, names) == []
    assert differing({**told, **others}, derived, names) == [*others]
    assert len(others) > 1000
    assert DERIVED & told.keys() <= others.keys()
    looked_for = re.compile(
        r"by_stratum\[\d\]\.ratio|survey.*(loss\w+\[\d+\]\.ratio|winner)|warnings|^assumptions.*stale$"
    )
    assert [name for name in told if looked_for.search(name) and name not in others] == []


@pytest.mark.parametrize(
    ("which", "path"),
    [
        ("sized", "layouts[0].bill.opex_by_year[2].energy.value"),
        ("sized", "layouts[0].npv_range.high"),
        ("sized", "plan.waits[0].cost.holding"),
        ("sized", "reduction.combined[0].ratio.value"),
        ("cached", "kv.survey.measured.overall[0].lossless[3].ratio.low"),
        ("cached", "kv.retention.requests_per_second"),
        ("cached", "warnings[0].message"),
        ("benched", "bench.rows[1].nines"),
        ("benched", "bench.recommendation.flips[0].now"),
    ],
)
def test_a_forger_who_seals_again_is_told_which_figure(
    which: str, path: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    document = document_of(request.getfixturevalue(which))
    holder, key = at(document, path)
    stated = holder[key]
    is_double = isinstance(stated, float)
    holder[key] = stated * (1 + 1e-12) if is_double else another(stated, random.Random(1))
    found = checked(tmp_path, document)
    assert (found.agrees, found.seal) == (False, "whole")
    assert found.first is not None
    assert (found.first.path, found.first.derived) == (path, stated)
    assert found.first.stated == holder[key]
    assert found.differences == 1


def test_a_changed_input_refutes_what_rests_on_it(tmp_path: Path, sized: Report) -> None:
    document = document_of(sized)
    row = next(x for x in document["assumptions"] if x["path"] == "drives.qlc-122.price")
    row["value"] = row["value"] * 0.9
    found = checked(tmp_path, document)
    assert found.differences > 100
    assert found.first is not None
    assert found.first.path.startswith("layouts[0].")


@pytest.mark.parametrize("seal", [True, False], ids=["sealed again", "without a seal"])
@pytest.mark.parametrize("path", ["memory.default.module_price", "enclosures.flash-2u-24.price"])
def test_a_price_that_is_called_fresh_and_is_not_is_named(
    path: str, seal: bool, tmp_path: Path, sized: Report
) -> None:
    document = document_of(sized)
    paths = [row["path"] for row in document["assumptions"]]
    row = document["assumptions"][paths.index(path)]
    assert row["stale"] is True
    row["stale"] = False
    if not seal:
        del document["run"]["sha256"]
    found = checked(tmp_path, document, seal=seal)
    assert (found.agrees, found.seal) == (False, "whole" if seal else "absent")
    assert found.first is not None
    assert found.first.path == f"assumptions[{paths.index(path)}].stale"
    assert (found.first.stated, found.first.derived) == (False, True)
    assert found.differences == 1


def test_the_age_at_which_figures_go_stale_is_that_of_most_flags() -> None:
    report = report_on(scenario("ceph-ec-8-3"))
    days = [*range(0, 100, 10)]
    for life in (-1, 35, 1000):
        flags = [age > life for age in days]
        rows = [priced(age, stale) for age, stale in zip(days, flags, strict=True)]
        for wrong in (None, 1, 8):
            told = [
                msgspec.structs.replace(row, stale=(i == wrong) != flags[i])
                for i, row in enumerate(rows)
            ]
            again, _ = judged_again(msgspec.structs.replace(report, assumptions=told))
            assert [row.stale for row in again.assumptions] == flags


def priced(age_days: int, stale: bool) -> AssumptionRow:
    assumed = Assumption(
        path=f"drives.d{age_days}.price",
        value=Fraction(1),
        unit="USD",
        true_on=TODAY - timedelta(days=age_days),
    )
    life = ShelfLife(
        price_days=Assumption(value=Fraction(1)), other_days=Assumption(value=Fraction(1))
    )
    return msgspec.structs.replace(row_of(assumed, TODAY, life), stale=stale)


def test_a_row_that_was_taken_out_is_missed(tmp_path: Path, sized: Report) -> None:
    document = document_of(sized)
    taken = document["sensitivity"]["tornado"].pop()
    found = checked(tmp_path, document)
    assert found.differences == len(taken)
    assert found.first is not None
    assert found.first.path.startswith("sensitivity.tornado[")
    assert (found.first.stated, found.first.derived) == (None, taken["path"])


def test_a_changed_measurement_breaks_the_seal_alone(tmp_path: Path, sized: Report) -> None:
    document = document_of(sized)
    document["scan"]["seconds"] += 1
    found = checked(tmp_path, document, seal=False)
    assert (found.agrees, found.seal, found.differences) == (False, "broken", 0)


def test_inputs_that_contradict_each_other_are_refused(tmp_path: Path, sized: Report) -> None:
    document = document_of(sized)
    document["scan"]["coverage"] = 2.0
    with pytest.raises(StoreffError, match=r"cannot be true: scan\.coverage.*seal is broken"):
        checked(tmp_path, document, seal=False)


def test_a_report_that_is_written_again_is_sealed_again(tmp_path: Path, sized: Report) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(sized))
    assert to_json(read_report(path)) == path.read_bytes()


# ---- what is changed ----


def first_difference(report: Report, again: Rederived) -> str | None:
    told, derived = leaves_of(report), again_leaves(again)
    is_derived = derived_of(again)
    wrong = differing(told, derived, {name: is_derived(name) for name in told | derived})
    return wrong[0] if wrong else None


def mutated(document: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every leaf, by what holds it and its key, with another value."""
    chance, waiting = random.Random(1), [document]
    while waiting:
        holder = waiting.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(value, dict | list) and value:
                waiting.append(value)
            else:
                yield holder, key, another(value, chance)


def another(value: Any, chance: random.Random) -> Any:
    """``value`` with another digit, letter or kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        text = repr(value)
        digits = [m.start() for m in re.finditer(r"\d", text.partition("e")[0])]
        while True:
            i = chance.choice(digits)
            digit = chance.choice("123456789")
            other = type(value)(f"{text[:i]}{digit}{text[i + 1 :]}")
            # A double has seventeen digits at most; some of more are the same one.
            if other != value:
                return other
    if isinstance(value, str):
        return f"{value[:-1]}{'x' if value[-1:] != 'x' else 'y'}"
    return 0 if value is None else [0]


def at(document: Any, path: str) -> tuple[Any, Any]:
    """What holds the figure at ``path``, and its key there."""
    found = re.findall(r"\[(\d+)\]|(\w+)", path)
    keys = [int(n) if n else name for n, name in found]
    for key in keys[:-1]:
        document = document[key]
    return document, keys[-1]
