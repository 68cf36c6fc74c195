"""The laboratory of similar chunks: what is found, what of it an estimate from few groups says, and
what that costs.

    PYTHONPATH=bench/speed python bench/accuracy/similarity.py [--corpora DIR]... [--seeds 300]
        [-o results.json]

A corpus is a folder of DIR; besides these one is made of tensors that change a little, and one in
which nothing is alike. Each is cut in full, as the product cuts it.

Detection: resemblance.py.

Estimates: under each seed the groups that the product would keep are given to
storeff.estimate.similarity. ``bias`` is the mean error, ``rmse`` the root mean square one, both
relative to the truth, which is the exact figure for all groups, none cut short; ``coverage`` is how
often low..high holds it, ``width`` the median half width. ``naive`` draws as many distinct chunks
at random and scales what they save among each other.
"""

import json
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from datasets import files_of
from resemblance import Corpus, Key, corpus_of, detection, make_distinct, make_tensors
from timing import machine

from storeff import _native
from storeff.estimate.siblings import estimated_pairs
from storeff.estimate.similarity import saved_bytes
from storeff.quantity import Quantity
from storeff.scan import siblings
from storeff.scan.plan import Plan, Similarity
from storeff.scan.run import scan
from storeff.scan.similar import (
    Deltas,
    GroupDelta,
    distinct_chunks,
)
from storeff.sources.tree import LocalTree

SHARES = (1, 2, 4, 8, 16)
NAIVE_SEEDS = 40
MANY_SEEDS = 5000
# Draws of the blocks of a pair of siblings.
DRAWS = 1000
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

Floats = npt.NDArray[np.float64]


# ---- estimates ----


@dataclass(frozen=True, eq=False)
class Population:
    """Every group: its name, how many of its chunks are kept, and what the product makes of it."""

    names: npt.NDArray[np.uint64]
    kept: npt.NDArray[np.int64]
    bytes: Floats
    deltas: list[GroupDelta]
    truth: int
    distinct_bytes: int
    largest_bytes: int
    plain: Quantity


def population(corpus: Corpus) -> Population:
    names, kept, sizes, deltas = [], [], [], []
    truth = 0
    for name, members in corpus.groups.items():
        first = members[: _native.GROUP_MEMBERS_MAX]
        rest = members[_native.GROUP_MEMBERS_MAX :]
        saved = corpus.savings_in(first)
        truth += corpus.saved_in(members) if rest else sum(saved)
        beyond = sum(corpus.references[k] for k in rest)
        distinct = distinct_chunks(len(first), beyond, int.from_bytes(first[-1][:8], "big"))
        names.append(name)
        kept.append(len(first))
        sizes.append(sum(len(corpus.chunks[k]) for k in first) * distinct / len(first))
        deltas.append(GroupDelta(len(first), beyond, distinct, saved))
    plain = sum(corpus.plain.values())
    return Population(
        names=np.array(names, np.uint64),
        kept=np.array(kept),
        bytes=np.array(sizes),
        deltas=deltas,
        truth=truth,
        distinct_bytes=sum(map(len, corpus.chunks.values())),
        largest_bytes=max(map(len, corpus.chunks.values())),
        plain=Quantity.exact(plain),
    )


def mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * MIX[0]
    x = (x ^ (x >> np.uint64(27))) * MIX[1]
    return x ^ (x >> np.uint64(31))


def kept_under(whole: Population, entries: int, seed: int) -> tuple[npt.NDArray[np.int64], int]:
    """The groups that the product keeps under ``seed``, in its order, and its tau."""
    seed_mix = mix(np.array([seed], np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    ranks = mix(whole.names ^ seed_mix) >> np.uint64(1)
    order = np.argsort(ranks)
    held = np.cumsum(whole.kept[order])
    count = int(np.searchsorted(held, entries, side="right"))
    tau = int(ranks[order[count]]) if count < len(order) else _native.GROUP_RANKS
    return order[:count], tau


def deltas_of(whole: Population, rows: npt.NDArray[np.int64], tau: int) -> Deltas:
    return Deltas(
        similarity=Similarity(),
        inclusion=tau / _native.GROUP_RANKS,
        chunks=int(whole.kept[rows].sum()),
        group_count=len(rows),
        distinct_bytes=float(whole.bytes[rows].sum()),
        largest_bytes=whole.largest_bytes,
        groups=[whole.deltas[i] for i in rows if whole.kept[i] > 1],
        skipped=[],
    )


def check_kept(files: Sequence[Path], whole: Population, entries: int, seed: int) -> None:
    """Raises ClickException unless a scan keeps what ``kept_under`` says it keeps."""
    plan = Plan(seed=seed, similarity=Similarity(entries=entries))
    similar = scan(LocalTree(files), plan, threads=2).similar
    rows, tau = kept_under(whole, entries, seed)
    assert similar is not None
    groups = list(dict.fromkeys(similar.members["group"].tolist()))
    if (groups, similar.tau) != (whole.names[rows].tolist(), tau):
        raise click.ClickException("the groups are not those that a scan keeps")


def estimates(name: str, corpus: Corpus, whole: Population, seeds: int) -> list[dict[str, Any]]:
    rows = []
    for share in SHARES:
        entries = int(whole.kept.sum()) // share
        made = []
        for seed in range(seeds):
            kept = deltas_of(whole, *kept_under(whole, entries, seed))
            saved, effective = saved_bytes(kept, whole.distinct_bytes, whole.plain)
            made.append((saved, effective, sum(any(g.saved_bytes) for g in kept.groups)))
        row = {
            "corpus": name,
            "share": 1 / share,
            "entries": entries,
            "truth_bytes": whole.truth,
            "truth_of_plain": whole.truth / float(whole.plain.value or 1),
            "saving_groups": float(np.mean([m[2] for m in made])),
            "effective_groups": float(np.median([m[1] or 0 for m in made])),
            "ranges": float(np.mean([(m[1] or 99) < 10 for m in made])),
            **judged([m[0] for m in made], whole.truth),
        }
        if whole.truth:
            row |= bias_of_design(whole, entries) | naive(corpus, entries, whole.truth)
        click.echo(
            json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
        )
        rows.append(row)
    return rows


def bias_of_design(whole: Population, entries: int) -> dict[str, float]:
    """The mean error over many more seeds, against the same figure of all groups as they are kept:
    apart from what keeping only a part of large groups does."""
    saved = np.array(
        [sum(g.saved_bytes) / max(1, len(g.saved_bytes)) * g.distinct for g in whole.deltas]
    )
    errors = np.empty(MANY_SEEDS)
    for i in range(MANY_SEEDS):
        rows, tau = kept_under(whole, entries, 1_000_000 + i)
        errors[i] = saved[rows].sum() / (tau / _native.GROUP_RANKS) / saved.sum() - 1
    return {
        "bias_of_design": float(errors.mean()),
        "bias_of_design_standard_error": float(errors.std(ddof=1) / MANY_SEEDS**0.5),
    }


def judged(found: Sequence[Quantity], truth: int) -> dict[str, float | None]:
    values, low, high = (
        np.array([getattr(q, field) for q in found], np.float64)
        for field in ("value", "low", "high")
    )
    held = float(((low <= truth) & (truth <= high)).mean())
    if not truth:
        return {
            "coverage": held,
            "largest_value": values.max(),
            "median_high": float(np.median(high)),
        }
    errors = values / truth - 1
    return {
        "bias": float(errors.mean()),
        "bias_standard_error": float(errors.std(ddof=1) / len(errors) ** 0.5),
        "rmse": float((errors**2).mean() ** 0.5),
        "coverage": held,
        "width": float(np.median((high - low) / 2 / truth)),
    }


def naive(corpus: Corpus, entries: int, truth: int) -> dict[str, float]:
    """The saving among as many distinct chunks drawn at random, scaled to all of them."""
    keys = list(corpus.chunks)
    group_of = {key: name for name, members in corpus.groups.items() for key in members}
    errors = []
    for seed in range(NAIVE_SEEDS):
        drawn = random.Random(seed).sample(keys, entries)
        groups = defaultdict(list)
        for key in sorted(drawn):
            groups[group_of[key]].append(key)
        saved = 0
        for members in groups.values():
            bases: list[Key] = []
            for key in members:
                equal = [
                    np.count_nonzero(corpus.features[key] == corpus.features[b]) for b in bases
                ]
                gain = corpus.saved(key, bases[int(np.argmax(equal))]) if bases else 0
                if gain > 0:
                    saved += gain
                else:
                    bases.append(key)
        errors.append(saved * len(keys) / entries / truth - 1)
    return {
        "naive_bias": float(np.mean(errors)),
        "naive_rmse": float(np.mean(np.square(errors)) ** 0.5),
    }


# ---- siblings ----


def sibling_estimates(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Coverage of the figures of each pair of ``files``, against all of its blocks."""
    plan = Plan(similarity=Similarity())
    similar = scan(LocalTree(files), plan, threads=2).similar
    assert similar is not None
    pairs = siblings.sibling_pairs(LocalTree(files), similar.tensors)
    rows = []
    for base, file in pairs:
        limit, siblings.BLOCKS_MAX = siblings.BLOCKS_MAX, 1 << 20
        whole = siblings.measure_siblings(LocalTree(files), [base, file], 1).pairs[0]
        siblings.BLOCKS_MAX = limit
        draw = np.random.default_rng(3)
        row: dict[str, Any] = {
            "file": os.path.basename(file.entry.path).decode(),
            "blocks": len(whole.sizes),
        }
        taken = min(limit, len(whole.sizes) // 2)
        found: dict[str, list[Quantity]] = defaultdict(list)
        for _ in range(DRAWS):
            rows_ = draw.choice(len(whole.sizes), taken, replace=False)
            part = siblings.PairSample(
                whole.file,
                whole.base,
                whole.file_bytes,
                whole.item_bytes,
                whole.all_blocks,
                whole.data_bytes,
                whole.sizes[rows_],
                whole.changed[rows_],
                whole.planes[rows_],
                whole.xor[rows_],
            )
            [pair] = estimated_pairs(siblings.Siblings([part], [], 0))
            for field in ("changed_bytes", "planes_bytes", "xor_bytes"):
                found[field].append(getattr(pair, field))
        truths = (whole.sizes * whole.changed, whole.planes, whole.xor)
        for (field, values), truth in zip(found.items(), truths, strict=True):
            row[field] = {"truth": int(truth.sum()), **judged(values, int(truth.sum()))}
        click.echo(json.dumps(row))
        rows.append(row)
    return rows


# ---- cost ----


def costs(data: bytes) -> list[dict[str, Any]]:
    """Features against the fingerprint of the same chunks, kernel by kernel, best of five."""
    chunks = [data[i : i + (64 << 10)] for i in range(0, len(data), 64 << 10)]
    rows = []
    for kernel in _native.kernels():
        best: dict[str, float] = {}
        for _ in range(5):
            for name, call in (
                ("fingerprint", _native.fingerprint),
                ("features", _native.features),
            ):
                started = time.thread_time()
                for chunk in chunks:
                    call(chunk, kernel)
                took = time.thread_time() - started
                best[name] = min(best.get(name, took), took)
        rows.append(
            {
                "kernel": kernel,
                "features_gb_per_s": len(data) / best["features"] / 1e9,
                "of_fingerprint": best["fingerprint"] / best["features"],
            }
        )
        click.echo(json.dumps(rows[-1]))
    return rows


def scan_costs(files: Sequence[Path]) -> dict[str, float]:
    """CPU seconds of a scan with similarity over one without, alternately, median of five."""
    ratios = []
    for _ in range(5):
        taken = [
            scan(LocalTree(files), plan, threads=1)
            for plan in (Plan(), Plan(similarity=Similarity()))
        ]
        without, with_ = (m.cpu_seconds for m in taken)
        ratios.append(with_ / without)
    made = {"scan_cpu_with_over_without": float(np.median(ratios))}
    click.echo(json.dumps(made))
    return made


@click.command()
@click.option("--corpora", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=300, show_default=True)
@click.option("--pairs", type=click.Path(exists=True, path_type=Path), help="Sibling checkpoints.")
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(corpora: tuple[Path, ...], seeds: int, pairs: Path | None, output: Path | None) -> None:
    made: dict[str, Any] = machine(os.getloadavg(), "zstandard", "numpy") | {"seeds": seeds}
    made |= {"detection": [], "estimates": [], "siblings": []}
    with tempfile.TemporaryDirectory() as temp:
        own = {"tensors": make_tensors, "distinct": make_distinct}
        for name, make in own.items():
            (Path(temp) / name).mkdir()
            make(Path(temp) / name)
        folders = [f for c in corpora for f in sorted(c.iterdir()) if f.is_dir()]
        for folder in [*folders, *(Path(temp) / name for name in own)]:
            files = files_of(folder)
            for chunker in (Similarity().chunker, "cdc-8KiB"):
                corpus = corpus_of(files, chunker)
                made["detection"].append(detection(folder.name, chunker, corpus))
                if chunker == Similarity().chunker:
                    whole = population(corpus)
                    check_kept(files, whole, int(whole.kept.sum()) // 4, 7)
                    made["estimates"] += estimates(folder.name, corpus, whole, seeds)
        folders = [Path(temp) / "tensors"] + ([pairs] if pairs else [])
        for folder in folders:
            made["siblings"] += sibling_estimates(files_of(folder))
        data = b"".join(path.read_bytes() for path in files_of(Path(temp) / "tensors"))[: 64 << 20]
        made["cost"] = costs(data)
        made |= scan_costs(files_of(Path(temp) / "tensors"))
    if output:
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
