"""Parts of a scan: however it is divided, merged they give the report of one scan."""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cli import PARTLY, shell, started, storeff, wait_until_read
from support.reports import timeless
from support.scans import assert_same, fill

from storeff import parts, read_report
from storeff.analysis import Sampling, Storage, build_report, measure, reduce
from storeff.errors import StoreffError, UsageError
from storeff.estimate import parts as estimate
from storeff.estimate.inside import inside_of
from storeff.estimate.reading import EVERYTHING, NOTHING_ASKED
from storeff.estimate.reduction import reduce as reduction_of
from storeff.estimate.steps import read
from storeff.scan import inside, occurrences
from storeff.scan.plan import Chunker, Plan, Probed
from storeff.scan.scan_part import ScanPart, Tree
from storeff.scan.shards import ShardCode
from storeff.sources import listed_once, spool
from storeff.sources.source import Found, Source
from storeff.sources.tree import LocalTree

# Small sketches, with what is summed up by.
SMALL = Plan(
    chunkers=(
        Chunker("whole-file", "whole", 0, 0, 8),
        Chunker("fixed-4KiB", "fixed", 4 << 10, 4 << 10, 300),
        Chunker("cdc-64KiB", "content-defined", 40 << 10, 88 << 10, 100),
    ),
    probed=(
        Probed("fixed-4KiB", False, ("lz4", "zstd-1")),
        Probed("cdc-64KiB", False, ("lz4", "zstd-1", "zstd-3")),
        Probed("fixed-4KiB", True, ("lz4",)),
        Probed("cdc-64KiB", True, ("lz4", "zstd-3")),
    ),
)
RS42 = ShardCode(4, 2, 0, 4096, "lz4", 8192)


def in_words(count: int, seed: int) -> bytes:
    choose = random.Random(seed)
    words = [choose.randbytes(4).hex().encode()[: choose.randrange(2, 9)] for _ in range(2000)]
    return b" ".join(choose.choices(words, k=count))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text and noise, some of it twice, a link, a sparse file, and one that is not to be opened."""
    root = fill(tmp_path_factory.mktemp("tree") / "data")
    for i in range(12):
        (root / f"text{i}").write_bytes(in_words(60_000, seed=i // 2))
    (root / "link").symlink_to("text1")
    (root / "text0").chmod(0o600)
    with open(root / "sparse", "wb") as file:
        file.write(b"x" * 300_000)
        file.truncate(9 << 20)
    return root


@pytest.fixture(scope="module")
def files(tree: Path) -> int:
    return measure([tree]).scan.files


def engine(**others: Any) -> dict[str, Any]:
    import threading

    return {
        "threads": 1,
        "kernel": None,
        "is_kv": None,
        "bytes_per_second": None,
        "stop": threading.Event(),
        "on_progress": lambda progress: None,
    } | others


def told(name: str, done: int = 0, wanted: int = 0) -> None:
    """Nobody listens."""


def of_shards(
    source: Source, plan: Plan, count: int, sampling: Sampling = NOTHING_ASKED
) -> list[ScanPart]:
    made = []
    tree = Tree((b"source",), tuple(source.roots), (), {})
    for i in range(count):
        part = estimate.measure_shard(
            source, plan, (i, count), tree, sampling, codes=[RS42], engine=engine(), on_phase=told
        )
        assert part is not None
        made.append(ScanPart.from_bytes(part.to_bytes()))
    return made


# ---- the same figures ----


@settings(max_examples=8)
@given(
    count=st.integers(1, 7),
    exact_bytes=st.sampled_from([1, 16 << 20]),
    windows_max=st.sampled_from([150, 1 << 14]),
    looked_into=st.sampled_from([5, 60, 512]),
    precision=st.sampled_from([0.005, 0.2]),
    order=st.randoms(use_true_random=False),
)
def test_shards_in_any_order_are_estimated_as_one_scan(
    tree: Path,
    count: int,
    exact_bytes: int,
    windows_max: int,
    looked_into: int,
    precision: float,
    order: random.Random,
) -> None:
    plan = msgspec.structs.replace(SMALL, precision=precision)
    source = LocalTree([tree])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
        patch.setattr(occurrences, "WINDOWS_MAX", windows_max)
        patch.setattr(inside, "WINDOWS_LOOKED_INTO", looked_into)
        whole = read(
            source,
            plan,
            EVERYTHING,
            0.0,
            codes=[RS42],
            engine=engine(),
            on_answer=None,
            on_phase=told,
        )
        named = [(str(i), part) for i, part in enumerate(of_shards(source, plan, count))]
        order.shuffle(named)
        found = estimate.merge_parts(named, [RS42])
    one, other = (
        replace(each.data, cpu_seconds=0.0, tasks=frozenset()).to_bytes() for each in (found, whole)
    )
    assert one == other
    expected = msgspec.json.encode(reduction_of(whole.data, whole.shards))
    assert msgspec.json.encode(reduction_of(found.data, found.shards)) == expected
    assert found.looks is not None
    assert whole.looks is not None
    assert inside_of(found.looks) == inside_of(whole.looks)


@pytest.mark.parametrize(
    ("count", "words", "before"),
    [
        (3, (), ""),
        (2, ("--target", "50EB", "--layout", "ceph-ec-8-3", "--layout", "rs-20-4"), ""),
        (3, ("--sample", "40%"), PARTLY),
        (2, ("--sample", "9MB", "--seed", "5"), PARTLY),
    ],
)
def test_shards_give_the_report_of_one_scan(
    tree: Path, tmp_path: Path, count: int, words: tuple[str, ...], before: str
) -> None:
    whole = storeff("scan", tree, *words, "-o", tmp_path / "whole", before=before)
    for i in range(count):
        shard = ("--shard", f"{i}/{count}", "-q", "-o", tmp_path / f"p{i}")
        done = storeff("scan", tree, *words, *shard, before=before)
        assert done.returncode == 0, done.stderr
    named = sorted(tmp_path.glob("p*"), reverse=True)
    sizing = words if "--target" in words else ()
    merged = storeff("merge", *named, *sizing, "-o", tmp_path / "merged")
    assert merged.returncode == whole.returncode, merged.stderr
    assert timeless(tmp_path / "merged") == timeless(tmp_path / "whole")
    assert timeless(tmp_path / "merged")["reduction"]["inside"]["rows"]
    if "--sample" in words:
        assert read_report(tmp_path / "merged").reduction.method.sampling  # type: ignore[union-attr]


def test_what_a_layout_leaves_below_its_code_is_measured_without_naming_it(tree: Path) -> None:
    storage = Storage(["ceph-ec-8-3"])
    made = {str(i): parts.measure_shard([tree], (i, 2)) for i in range(2)}
    named = {name: part for name, part in made.items() if part is not None}
    found = parts.merge(named, storage=storage)
    whole = measure([tree], storage=storage)
    assert found.shards
    assert reduce(found).reduction == reduce(whole).reduction
    assert not parts.merge(named).shards


def test_a_shard_without_files_is_a_part(tmp_path: Path) -> None:
    (tmp_path / "only").write_bytes(in_words(40_000, 1))
    source = LocalTree([tmp_path])
    made = of_shards(source, SMALL, 5)
    assert sorted(part.measurement.census.files for part in made) == [0, 0, 0, 0, 1]
    found = estimate.merge_parts([(str(i), part) for i, part in enumerate(made)])
    whole = read(source, SMALL, EVERYTHING, 0.0, engine=engine(), on_answer=None, on_phase=told)
    assert reduction_of(found.data) == reduction_of(whole.data)


class Counting:
    """Local files that count how often they are listed."""

    def __init__(self, root: Path) -> None:
        self.source = LocalTree([root])
        self.listings = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def list(self) -> Iterator[Found]:
        self.listings += 1
        yield from self.source.list()


@pytest.mark.parametrize(
    ("sampling", "held_bytes", "share", "listings"),
    [
        (EVERYTHING, listed_once.HELD_BYTES, 0.0, 1),
        (EVERYTHING, 1, 0.0, 2),
        (EVERYTHING, 1, spool.FREE_SHARE, 1),
        (Sampling(share=0.5), listed_once.HELD_BYTES, 0.0, 1),
        (Sampling(share=0.5), 1, 0.0, 4),
        (Sampling(share=0.5), 1, spool.FREE_SHARE, 1),
        (Sampling(size_bytes=9 << 20), 1, 0.0, 6),
    ],
)
def test_a_shard_lists_no_more_often_than_it_must(
    tree: Path,
    files: int,
    monkeypatch: pytest.MonkeyPatch,
    sampling: Sampling,
    held_bytes: int,
    share: float,
    listings: int,
) -> None:
    """What is listed is held, as far as there is room; else what was scanned is sought in another
    listing to be compressed, and a sample is looked for in some more."""
    whole = parts.measure_shard(LocalTree([tree]), (0, 2), sampling=sampling)
    monkeypatch.setattr(listed_once, "HELD_BYTES", held_bytes)
    monkeypatch.setattr(spool, "FREE_SHARE", share)
    source = Counting(tree)
    part = parts.measure_shard(source, (0, 2), sampling=sampling)
    assert part is not None
    assert whole is not None
    assert_same(part.measurement, whole.measurement)
    assert part.listed.census.files == files
    assert source.listings == listings


# ---- missing, twice, of something else ----


@pytest.fixture(scope="module")
def made(tree: Path) -> dict[str, ScanPart]:
    found = {str(i): parts.measure_shard([tree], (i, 4)) for i in range(4)}
    return {name: part for name, part in found.items() if part is not None}


def test_a_part_that_is_given_twice_counts_once(made: dict[str, ScanPart], tree: Path) -> None:
    again = parts.measure_shard([tree], (1, 4))
    assert again is not None
    assert again.timeless().to_bytes() == made["1"].timeless().to_bytes()
    once, twice = parts.merge(made), parts.merge(made | {"again": again})
    assert once.data.to_bytes() == replace(twice.data, cpu_seconds=once.data.cpu_seconds).to_bytes()


def test_shards_that_are_missing_are_named_and_what_they_hold_is_not_covered(
    made: dict[str, ScanPart],
) -> None:
    some = {name: part for name, part in made.items() if name not in ("0", "3")}
    found, whole = parts.merge(some), parts.merge(made)
    assert parts.missing_shards(some.values()) == ["3/4", "4/4"]
    scan = found.scan
    assert (scan.files, scan.logical_bytes) == (whole.scan.files, whole.scan.logical_bytes)
    assert scan.file_sizes == whole.scan.file_sizes
    [skipped] = scan.skipped
    absent = [made[name].measurement for name in ("0", "3")]
    assert skipped.reason == "shard-missing"
    assert skipped.bytes == sum(each.census.size_bytes for each in absent)
    assert skipped.files == sum(each.census.files for each in absent)
    assert skipped.examples == ["shard 3/4", "shard 4/4"]
    assert scan.coverage < 1
    assert not build_report(reduce(found)).complete


def test_merging_with_a_shard_missing_exits_3_and_says_which(
    made: dict[str, ScanPart], tmp_path: Path
) -> None:
    for name in ("0", "1", "3"):
        (tmp_path / name).write_bytes(made[name].to_bytes())
    done = storeff("merge", *sorted(tmp_path.iterdir()), "-q")
    assert done.returncode == 3
    # Counted from 1, as 4/4 is 0/4: what is missing is 2/4.
    assert "missing shards: 2/4" in done.stderr


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda tree: parts.measure_shard([tree], (1, 4), seed=2), "seed 1 and 2"),
        (lambda tree: parts.measure_shard([tree], (1, 3)), "shards 4 and 3"),
        (lambda tree: parts.measure_shard([tree / "d0"], (1, 4)), "sources .* and .*/d0"),
        (lambda tree: parts.measure_shard([tree], (1, 4), precision=0.02), "precision 1 % and 2 %"),
        (lambda tree: parts.measure_shard([tree], (1, 4), exclude=["*.tmp"]), "without \\*.tmp"),
        (lambda tree: parts.measure_shard([tree], (1, 4), table="full"), "compressed "),
        (
            lambda tree: parts.measure_shard([tree], (1, 4), sampling=Sampling(share=0.5)),
            "sampling none and {'share': 0.5}",
        ),
    ],
)
def test_parts_of_different_scans_are_refused_with_what_differs(
    made: dict[str, ScanPart], tree: Path, other: Callable[[Path], ScanPart], what: str
) -> None:
    with pytest.raises(StoreffError, match=f"0 and other are not of one scan: .*{what}"):
        parts.merge({"0": made["0"], "other": other(tree)})


def test_two_parts_of_one_shard_that_differ_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(in_words(1000, 1))
    before = parts.measure_shard([tmp_path], (0, 1))
    (tmp_path / "a").write_bytes(in_words(1000, 2))
    after = parts.measure_shard([tmp_path], (0, 1))
    assert before is not None
    assert after is not None
    with pytest.raises(StoreffError, match="after and before are both shard 1/1, and differ"):
        parts.merge({"before": before, "after": after})


def test_files_that_came_between_two_shards_are_said_to_have_changed(tmp_path: Path) -> None:
    for i in range(8):
        (tmp_path / f"f{i}").write_bytes(in_words(1000, i))
    one = parts.measure_shard([tmp_path], (0, 2))
    (tmp_path / "late").write_bytes(b"late" * 1000)
    other = parts.measure_shard([tmp_path], (1, 2))
    assert one is not None
    assert other is not None
    found = parts.merge({"one": one, "other": other})
    assert [(row.reason, row.bytes) for row in found.scan.skipped] == [("changed", None)]


# ---- what cannot be divided ----


@pytest.mark.parametrize("sampling", [Sampling(half_width=0.02), Sampling(seconds=60)])
def test_goals_that_only_show_while_reading_are_refused(tree: Path, sampling: Sampling) -> None:
    with pytest.raises(UsageError, match="cannot read towards"):
        parts.measure_shard([tree], (0, 2), sampling=sampling)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--shard", "3/2", "-o", "p"), "there is no shard 3 of 2"),
        (("--shard", "3", "-o", "p"), "is no shard; write 3/7"),
        (("--shard", "1/2"), "name one file for it with -o"),
        (("--shard", "1/2", "-o", "p", "--json"), "a shard gives a part, and no report"),
        (("--shard", "1/2", "-o", "p", "--similarity"), "similar chunks"),
        (("--shard", "1/2", "-o", "p", "--rewrites"), "what rewriting leaves"),
        (("--shard", "1/2", "-o", "p", "--dry-run"), "a dry run is of everything"),
        (("--shard", "1/2", "-o", "p", "--time-budget", "9s"), "cannot read towards a time"),
    ],
)
def test_the_command_line_refuses_what_a_shard_cannot_do(
    tree: Path, tmp_path: Path, words: tuple[str, ...], what: str
) -> None:
    done = storeff("scan", tree, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert what in done.stderr
    assert not [*tmp_path.iterdir()]


def test_an_interrupted_shard_writes_no_part(tree: Path, tmp_path: Path) -> None:
    words = ("scan", tree, "--shard", "1/1", "--read-rate", "10MB", "-o", tmp_path / "part")
    with started(*words) as process:
        wait_until_read(process.pid, 42 << 20)
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "run this shard again" in stderr
    assert not [*tmp_path.iterdir()]


# ---- the file ----


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda data: data[:-1], "cut short, or changed"),
        (lambda data: data[:40], "cut short, or changed"),
        (lambda data: data + b"x", "cut short, or changed"),
        (lambda data: data[:200] + b"\0" + data[201:], "cut short, or changed"),
        (lambda data: b"", "no part of a scan"),
        (lambda data: b"{}" + data, "no part of a scan"),
        (lambda data: data[:16] + b"\x09" + data[17:], "has format 9, and this storeff reads 1"),
    ],
)
def test_what_is_not_a_part_is_refused_by_its_name(
    made: dict[str, ScanPart], tmp_path: Path, spoil: Callable[[bytes], bytes], what: str
) -> None:
    path = tmp_path / "spoilt.part"
    path.write_bytes(spoil(made["0"].to_bytes()))
    with pytest.raises(StoreffError, match=f"spoilt.part: .*{what}"):
        parts.read_part(path)


def signed(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The part in ``data`` with a head that was changed, and a digest that is right."""
    at = 16 + 4 + 8
    end = at + int.from_bytes(data[at - 8 : at], "little")
    head = msgspec.json.decode(data[at:end])
    change(head)
    encoded = msgspec.json.encode(head)
    body = data[: at - 8] + len(encoded).to_bytes(8, "little") + encoded + data[end:-32]
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.update(shards=[]),
        lambda head: head.update(shards=[[4, 4]]),
        lambda head: head.update(divided=0),
        lambda head: head.update(divided=5),
        lambda head: head.update(started=None),
        lambda head: head.update(started="2026-11-26T12:00:00"),
        lambda head: head.update(measurement_bytes=-5),
        lambda head: head.update(measurement_bytes=1 << 60),
        lambda head: head["tree"].update(asked={"half_width": 0.1}),
        lambda head: head["tree"].update(names=[]),
        lambda head: head["codes"][0].update(rows=1 << 40),
        lambda head: head["codes"][0].update(rows=-1),
        lambda head: head["codes"][0].update(code=[0, 0, 0, 0, "lz4", 0]),
        lambda head: head.pop("listed"),
        lambda head: head.update(looks=None),
        lambda head: head["looks"].update(rows=1 << 40),
        lambda head: head["looks"].update(tau=1e-30),
        lambda head: head["looks"]["looks"].append([5, ["text", ["none", 1.0, {}], ""]]),
        lambda head: head["looks"]["looks"][0][1].__setitem__(0, "no class"),
        lambda head: head["looks"]["looks"][0][1][1].__setitem__(1, -1.0),
        lambda head: head["looks"]["looks"][0][1][1].__setitem__(2, {"text": -1}),
    ],
)
def test_a_head_that_says_what_cannot_be_is_refused(
    made: dict[str, ScanPart], change: Callable[[dict[str, Any]], None]
) -> None:
    with pytest.raises(StoreffError, match="the part of a scan is wrong"):
        ScanPart.from_bytes(signed(made["0"].to_bytes(), change))


def test_a_part_is_read_as_it_was_written(made: dict[str, ScanPart]) -> None:
    for part in made.values():
        assert ScanPart.from_bytes(part.to_bytes()).to_bytes() == part.to_bytes()


# ---- the jobs of docs/cluster.md ----

PAGE = Path(__file__).parent.parent / "docs" / "cluster.md"


def job(language: str, marker: str) -> str:
    """The block of the documentation in ``language`` that holds ``marker``."""
    blocks = PAGE.read_text().split("```")
    [found] = [each for each in blocks if each.startswith(f"{language}\n") and marker in each]
    return found.removeprefix(f"{language}\n")


def test_the_jobs_for_slurm_and_kubernetes_do_what_they_say(tree: Path, tmp_path: Path) -> None:
    slurm, merging = job("bash", "--array"), job("bash", "storeff-merge")
    here = {"SRC": str(tree), "PARTS": str(tmp_path)}
    for i in (1, 2):
        array = {
            "SLURM_ARRAY_TASK_ID": str(i),
            "SLURM_ARRAY_TASK_COUNT": "3",
            "SLURM_CPUS_PER_TASK": "1",
        }
        done = shell(assigned(here | array) + slurm, tmp_path)
        assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in job("yaml", "JOB_COMPLETION_INDEX").splitlines()]
    container = lines[lines.index("- |") + 1 : lines.index("volumeMounts:")]
    script = "\n".join(container).replace("/parts", str(tmp_path)).replace("/data", str(tree))
    script = script.replace("/64", "/3")
    done = shell(assigned({"JOB_COMPLETION_INDEX": "0"}) + script, tmp_path)
    assert done.returncode == 0, done.stderr
    done = shell(assigned(here) + merging, tmp_path)
    assert done.returncode == 0, done.stderr
    report = read_report(tmp_path / "report.json")
    assert report.complete
    assert report.scan == replace_times(report.scan, measure([tree]).scan)


def assigned(variables: dict[str, str]) -> str:
    return "".join(f"export {name}={value}\n" for name, value in variables.items())


def replace_times(of: Any, scan: Any) -> Any:
    """``scan`` with the times of the report section ``of``."""
    times = ("seconds", "cpu_seconds", "compress_cpu_seconds", "probe_cpu_seconds")
    return msgspec.structs.replace(scan, **{name: getattr(of, name) for name in times})
