"""Corpora of chunks, some alike, and what of that alikeness different features find.

Detection: what deltas save if a chunk looks for its base by the product's one feature (the
smallest window hash), by three super-features of four N-transform features over a Gear hash (P.
Shilane et al., FAST 2012), or by 16 features and an index of everything; and, of a sample of
chunks, what the best of all chunks would save as a base.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.codecs import codec
from storeff.scan.plan import CUTTINGS, Similarity
from storeff.scan.similar import delta_bytes, group_savings

CODEC = "zstd-3"
# Targets whose best base is looked for among all chunks, so many at most.
BEST_OF_TARGETS, BEST_OF_CHUNKS = 40, 1200
TENSOR_BYTES, CHECKPOINTS, CHANGES = 24 << 20, 5, 400

Key = bytes


@dataclass(eq=False)
class Corpus:
    """The distinct chunks of one corpus, by fingerprint in ascending order, and their groups."""

    chunks: dict[Key, bytes]
    references: Counter[Key]
    plain: dict[Key, int]
    features: dict[Key, npt.NDArray[np.uint32]]
    groups: dict[int, list[Key]]
    delta: dict[tuple[Key, Key], int]

    def saved(self, chunk: Key, base: Key) -> int:
        if (chunk, base) not in self.delta:
            self.delta[chunk, base] = delta_bytes(self.chunks[chunk], self.chunks[base], CODEC)
        return self.plain[chunk] - self.delta[chunk, base]

    def saved_in(self, members: Sequence[Key]) -> int:
        return sum(self.savings_in(members))

    def savings_in(self, members: Sequence[Key]) -> list[int]:
        return group_savings(
            [self.chunks[k] for k in members],
            [self.plain[k] for k in members],
            np.array([self.features[k] for k in members]),
            CODEC,
        )


def corpus_of(files: Sequence[Path], chunker: str) -> Corpus:
    kernel = _native.kernels()[0]
    sizes = next(c for c in CUTTINGS if c.name == chunker)
    found: dict[Key, bytes] = {}
    references: Counter[Key] = Counter()
    for path in files:
        data = path.read_bytes()
        for offset, length, run in _native.cut(data, sizes.min_bytes, sizes.max_bytes, kernel):
            if not run:
                chunk = data[offset : offset + length]
                key = _native.fingerprint(chunk, kernel)
                found.setdefault(key, chunk)
                references[key] += 1
    chunks = {key: found[key] for key in sorted(found)}
    plain = dict(zip(chunks, codec(CODEC)(list(chunks.values())), strict=True))
    features, groups = {}, defaultdict(list)
    for key, chunk in chunks.items():
        group, features[key] = _native.features(chunk, kernel) or (
            int.from_bytes(key[8:], "big"),
            np.full(16, 2**32 - 1, np.uint32),
        )
        groups[group].append(key)
    return Corpus(chunks, references, plain, features, dict(groups), {})


# ---- made up ----


def make_tensors(folder: Path) -> None:
    """bf16 normals, and checkpoints that each change short stretches of the one before."""
    draw = np.random.default_rng(5)
    count = TENSOR_BYTES // 2
    items = (draw.standard_normal(count, np.float32).view(np.uint32) >> 16).astype("<u2")
    for number in range(CHECKPOINTS):
        (folder / f"step-{number}.bin").write_bytes(items.tobytes())
        for start in draw.integers(0, count - 2048, CHANGES):
            items[start : start + draw.integers(16, 2048)] ^= 1


def make_distinct(folder: Path) -> None:
    (folder / "noise").write_bytes(np.random.default_rng(6).bytes(TENSOR_BYTES))


# ---- detection ----


def greedy(
    corpus: Corpus, candidate: Callable[[Key], Key | None], keep: Callable[[Key], None]
) -> int:
    """Saved if each chunk in turn is a delta of its candidate, or a base for those to come."""
    saved = 0
    for key in corpus.chunks:
        base = candidate(key)
        gain = corpus.saved(key, base) if base is not None else 0
        if gain > 0:
            saved += gain
        else:
            keep(key)
    return saved


def by_super_features(corpus: Corpus) -> int:
    draw = np.random.default_rng(0)
    gear = draw.integers(0, 2**32, 256, np.uint32)
    a, b = draw.integers(0, 2**32, (2, 12), np.uint32)
    index: list[dict[tuple[int, ...], Key]] = [{}, {}, {}]
    made: dict[Key, list[tuple[int, ...]]] = {}

    def candidate(key: Key) -> Key | None:
        hashes = gear[np.frombuffer(corpus.chunks[key], np.uint8)]
        # The Gear hash of the last 32 bytes, by doubling.
        for step in (1, 2, 4, 8, 16):
            shifted = hashes.copy()
            shifted[step:] += hashes[:-step] << np.uint32(step)
            hashes = shifted
        maxima = [int((hashes * x + y).max()) for x, y in zip(a | np.uint32(1), b, strict=True)]
        made[key] = [tuple(maxima[i : i + 4]) for i in (0, 4, 8)]
        return next((t[f] for t, f in zip(index, made[key], strict=True) if f in t), None)

    def keep(key: Key) -> None:
        for table, feature in zip(index, made[key], strict=True):
            table.setdefault(feature, key)

    return greedy(corpus, candidate, keep)


def by_all_features(corpus: Corpus) -> int:
    index: defaultdict[tuple[int, int], list[Key]] = defaultdict(list)

    def named(key: Key) -> list[tuple[int, int]]:
        return [(i, f) for i, f in enumerate(corpus.features[key].tolist()) if f != 2**32 - 1]

    def candidate(key: Key) -> Key | None:
        agree = Counter(base for feature in named(key) for base in index[feature])
        return agree.most_common(1)[0][0] if agree else None

    def keep(key: Key) -> None:
        for feature in named(key):
            if len(index[feature]) < 64:
                index[feature].append(key)

    return greedy(corpus, candidate, keep)


def best_of(corpus: Corpus) -> dict[str, float]:
    """Of sampled chunks: what the best base among all saves, and what their group's best does."""
    keys = list(corpus.chunks)
    if len(keys) > BEST_OF_CHUNKS:
        keys = random.Random(1).sample(keys, BEST_OF_CHUNKS)
    within = set(keys)
    groups = {k: [m for m in g if m in within] for g in corpus.groups.values() for k in g}
    targets = random.Random(2).sample(keys, min(BEST_OF_TARGETS, len(keys)))
    best = found = 0
    for target in targets:
        best += max(0, *(corpus.saved(target, k) for k in keys if k != target))
        found += max([0, *(corpus.saved(target, k) for k in groups[target] if k != target)])
    return {
        "best_of_all": best,
        "best_of_group": found,
        "plain": sum(corpus.plain[t] for t in targets),
    }


def detection(name: str, chunker: str, corpus: Corpus) -> dict[str, Any]:
    plain = sum(corpus.plain.values())
    one = sum(corpus.saved_in(m) for m in corpus.groups.values() if len(m) > 1)
    row = {
        "corpus": name,
        "chunker": chunker,
        "chunks": len(corpus.chunks),
        "plain_bytes": plain,
        "smallest_hash": one / plain,
        "super_features": by_super_features(corpus) / plain,
        "all_features": by_all_features(corpus) / plain,
    }
    if chunker == Similarity().chunker:
        row |= best_of(corpus)
    click.echo(json.dumps(row))
    return row
