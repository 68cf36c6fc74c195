"""Measuring a shard of a source, and merging what shards found as if it were one scan."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from storeff.errors import StoreffError, UsageError
from storeff.estimate.probing import compress, glance, wanted_of_part
from storeff.estimate.reading import EVERYTHING, NOTHING_ASKED, Decision, Sampling, everything
from storeff.estimate.shards import WINDOWS_MOST, replay_shards
from storeff.estimate.steps import OnPhase, Read
from storeff.scan.inside import Looks, look_into
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement, merged
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.replay import Replay
from storeff.scan.run import Shard, of_shard, scan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.scan_part import Coded, ScanPart, Tally, Tree
from storeff.scan.shards import ShardCode, ShardProbe, probe_shards
from storeff.scan.windows import Drawing
from storeff.sources.census import Census, LeftOut
from storeff.sources.listed_once import ListedOnce
from storeff.sources.object_client import meter_of
from storeff.sources.source import Found, Source

# More than any sketch keeps, or windows there are.
ALL = 1 << 40


def check_sampling(sampling: Sampling) -> None:
    """Raises UsageError if ``sampling`` is none that shards can agree on beforehand."""
    if sampling.half_width is not None or sampling.seconds is not None:
        goal = "an interval" if sampling.half_width is not None else "a time"
        raise UsageError(
            f"a scan that is divided cannot read towards {goal}: how much that takes shows only "
            "while all of it is read together",
            "ask for a share or an amount",
            "share",
        )


def measure_shard(
    source: Source,
    plan: Plan,
    shard: Shard,
    tree: Tree,
    sampling: Sampling,
    *,
    codes: Sequence[ShardCode],
    engine: dict[str, Any],
    on_phase: OnPhase,
) -> ScanPart | None:
    """``shard`` of ``source``, with all that merging may ask of it; None after a stop. Where
    nothing else is asked for everything is read.

    ``engine`` is as for storeff.estimate.steps.read.
    """
    check_sampling(sampling)
    if plan.similarity:
        raise UsageError(
            "similar chunks are compared with those of all shards, which none has at hand",
            "ask for similarity without shards",
            "similarity",
        )
    started, clock = datetime.now(UTC), time.monotonic()
    # In the one listing that the scan makes, what all shards hold is counted and windows are drawn.
    tally, drawing = Tally(), Drawing(source, plan.seed, shard)

    def watch(found: Found) -> None:
        tally.add(found)
        drawing.add(found)

    # A sample is chosen by the ranks of everything; else all that follows is of the shard alone.
    is_full = sampling in (NOTHING_ASKED, EVERYTHING)
    source = ListedOnce(source, watch, lambda found: of_shard(shard if is_full else None, found))
    if is_full:
        data = scan(source, plan, shard=shard, **engine)
    else:
        data = _sampled(source, plan, shard, sampling, engine)
    if engine["stop"].is_set():
        return None
    prober = Prober(
        source,
        plan,
        threads=engine["threads"],
        bytes_per_second=engine["bytes_per_second"],
        stop=engine["stop"],
        shard=shard,
    )
    phase = "compressing samples of what was read"
    on_phase(phase)
    prober.count_for(lambda done, wanted: on_phase(phase, done, wanted))
    data = _probed(prober, data)
    windows = drawing.windows()
    every = prober.occurrences(windows, dict.fromkeys(plan.occurrence_columns, ALL))
    probes = [ShardProbe(code, windows, WINDOWS_MOST) for code in codes]
    probe_shards(probes, [WINDOWS_MOST] * len(probes), prober.rereader)
    on_phase("looking into objects")
    looks = look_into(
        source,
        windows,
        is_kv=engine["is_kv"],
        bytes_per_second=engine["bytes_per_second"],
        stop=engine["stop"],
    )
    meter = meter_of(source)
    if engine["stop"].is_set():
        return None
    return ScanPart(
        tree=tree,
        divided=shard[1],
        shards=(shard,),
        listed=tally.listed(),
        measurement=replace(data, occurrences=every),
        is_probed=True,
        codes=tuple(Coded.of(probe) for probe in probes),
        looks=looks,
        requests=meter.asked if meter else None,
        probe_seconds=dict(prober.cpu_seconds),
        started=started,
        seconds=time.monotonic() - clock,
    )


def _sampled(
    source: Source, plan: Plan, shard: Shard, sampling: Sampling, engine: dict[str, Any]
) -> Measurement:
    """What ``shard`` has of a sample of all, at the rate that is asked for."""
    design = SamplingDesign(seed=plan.seed)
    rate = sampling.rate_of(1)
    if sampling.size_bytes is not None:
        whole = Listing(source, design)
        whole.count(engine["stop"], engine["on_progress"])
        rate = sampling.rate_of(whole.sampled_bytes)
    listing = Listing(source, design, shard)
    listing.count(engine["stop"], engine["on_progress"])
    partial = PartialScan(listing, plan, **engine)
    partial.extend(rate)
    return partial.result()


def _probed(prober: Prober, data: Measurement) -> Measurement:
    """``data`` with as many distinct chunks compressed as merging may ask for."""
    plan = prober.plan
    if data.sampling is not None:
        return prober.distinct(data, wanted_of_part(plan))
    wanted = {
        (each.chunker, column): ALL
        for each in plan.probed
        if not each.per_occurrence
        for column in each.columns
    }
    return prober.distinct(data, wanted)


# ---- merging ----


def merge_parts(parts: Sequence[tuple[str, ScanPart]], codes: Iterable[ShardCode] = ()) -> Read:
    """What one scan of all that ``parts`` are of would have found; of each the name that errors
    call it by. What ``codes`` leave is given as far as all parts know it.

    The result depends neither on the order of the parts nor on whether one is given twice. Shards
    that are missing are skipped as "shard-missing"; where shards were listed to hold other files,
    something "changed".

    Raises StoreffError if parts are not of one scan, or only count.
    """
    every = _distinct(parts)
    measured = [part for _, part in every]
    try:
        replay = Replay(merged([part.measurement for part in measured]))
    except ValueError as error:
        raise StoreffError(
            f"the parts do not go together: {error}", "merge parts that were measured alike"
        ) from error
    windows, glanced = glance(replay)
    data = compress(replay, replace(replay.counted(), occurrences=glanced), windows)
    known = [
        [coded for part in measured for coded in part.codes if coded.code == code]
        for code in dict.fromkeys(codes)
    ]
    coded = [Coded.joined(found) for found in known if len(found) == len(measured)]
    shards = replay_shards(coded, windows, data.plan.precision)
    seconds: defaultdict[tuple[str, bool], float] = defaultdict(float)
    for part in measured:
        for name, taken in part.probe_seconds.items():
            seconds[name] += taken
    _count_missing(data.census, measured)
    looks = Looks.joined([part.looks for part in measured if part.looks is not None])
    decision = _decision(measured[0].tree, data)
    return Read(data, decision, None, seconds, shards, None, looks)


def _decision(tree: Tree, data: Measurement) -> Decision:
    goals: dict[str, Any] = dict(tree.asked)
    asked = Sampling(**goals)
    if data.sampling is not None:
        return Decision(asked, asked, "asked")
    stored = data.census.allocated_bytes
    size_bytes = data.census.size_bytes
    return everything(asked, min(stored, size_bytes) if stored else size_bytes, data.census.files)


def _distinct(parts: Sequence[tuple[str, ScanPart]]) -> list[tuple[str, ScanPart]]:
    """``parts`` in the order of their shards, each once. Raises StoreffError as ``merge_parts``."""
    if not parts:
        raise StoreffError("there are no parts to merge", "name the files that shards wrote")
    every = sorted(parts, key=lambda each: (sorted(each[1].shards), each[0]))
    first_name, first = every[0]
    by_shard: dict[Shard, tuple[str, ScanPart]] = {}
    for name, part in every:
        if not part.is_probed:
            raise StoreffError(
                f"{name} is of a checkpoint, and only counts: nothing was compressed of it yet",
                "resume the scan that made it",
            )
        differences = _differences(first, part)
        if differences:
            raise StoreffError(
                f"{first_name} and {name} are not of one scan: {'; '.join(differences)}",
                "merge parts that were measured alike",
            )
        [shard] = part.shards
        other_name, other = by_shard.setdefault(shard, (name, part))
        if other.measurement.tasks != part.measurement.tasks:
            raise StoreffError(
                f"{other_name} and {name} are both shard {shown(shard)}, and differ: the data has "
                "changed between them",
                "leave one out",
            )
    return [by_shard[shard] for shard in sorted(by_shard)]


def shown(shard: Shard) -> str:
    """``shard`` as people count: 1/7 to 7/7."""
    return f"{shard[0] or shard[1]}/{shard[1]}"


def missing(parts: Sequence[ScanPart]) -> list[Shard]:
    """The shards that none of ``parts`` is of, all of which are of one scan."""
    present = {shard for part in parts for shard in part.shards}
    left = {(i, part.divided) for part in parts[:1] for i in range(part.divided)} - present
    return sorted(left, key=lambda each: each[0] or each[1])


def _differences(one: ScanPart, other: ScanPart) -> list[str]:
    """How ``other`` is of another scan than ``one``."""
    found = _unlike(_asked_of(one), _asked_of(other))
    plans = [part.measurement.plan for part in (one, other)]
    if plans[0] != plans[1] and not found:
        found = [f"plan {plans[0].digest()} and {plans[1].digest()}"]
    designs = [p.measurement.sampling and p.measurement.sampling.design for p in (one, other)]
    if designs[0] != designs[1] and not found:
        found = ["one is a sample, one of everything, or they were sampled otherwise"]
    return found


def _asked_of(part: ScanPart) -> Mapping[str, Any]:
    """What must be equal, in the words that people gave it in."""
    plan, tree = part.measurement.plan, part.tree
    sources = [*tree.names, *(tree.roots if tree.roots != tree.names else ())]
    return {
        "sources": ", ".join(name.decode("utf-8", "replace") for name in sources),
        "shards": part.divided,
        "seed": plan.seed,
        "precision": f"{plan.precision * 100:g} %",
        "compressed": [msgspec.structs.astuple(each) for each in plan.probed],
        "reading": ", ".join(tree.reading) or "everything",
        "sampling": tree.asked or "none",
    }


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [f"{name} {one[name]} and {other[name]}" for name in one if one[name] != other[name]]


def _count_missing(census: Census, parts: Sequence[ScanPart]) -> None:
    """Add to ``census`` what no part is of, by what all of them were listed to hold."""
    absent = missing(parts)
    if len({part.listed.digest for part in parts}) > 1:
        census.skipped.setdefault("changed", LeftOut()).add(
            LeftOut(1, 0, 1, list(parts[0].tree.names[:1]))
        )
        rest = Census()
        unknown = len(absent)
    else:
        rest, unknown = parts[0].listed.census.less(census), 0
    if absent:
        examples = [f"shard {shown(shard)}".encode() for shard in absent]
        left = LeftOut(max(rest.files, len(absent)), rest.size_bytes, unknown, examples)
        census.skipped["shard-missing"] = LeftOut()
        census.skipped["shard-missing"].add(left)
        census.merge(rest)
