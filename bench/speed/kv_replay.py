"""Reading and replaying a trace of ten million block references, beside a cache kept in Python.

    python bench/speed/kv_replay.py [--blocks 10000000] [--python-blocks 500000] [--rounds 3]
        [-o results/DATE-kv_replay.json]

Two made-up traces (seed 1): ``turns``, conversations whose prompts repeat all before and begin with
one of a few popular openings, and ``single``, requests of one block each drawn from a Zipf
distribution, in which nothing can be taken a stretch at a time. The peer keeps one LRU cache of
one capacity in an OrderedDict; a replay gives every capacity, eight times to live and a FIFO
cache. Both must agree on the hits. Peaks are of a process that reads the file and replays it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from timing import Row, here, machine, take_rounds

from storeff.kv.trace.read import Trace, read_trace
from storeff.kv.trace.replay import Caches, replay

SEED = 1
BLOCK_TOKENS = 64
TTLS_SECONDS = (10, 30, 60, 300, 600, 1800, 3600, 86_400)
I64 = npt.NDArray[np.int64]

CHILD = """
import json, sys
from storeff.kv.trace.replay import Caches, replay
from storeff.kv.trace.read import read_trace

def peak_bytes():
    # ru_maxrss would begin with that of the process that started this one.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

before = peak_bytes()
trace = read_trace(sys.argv[1], block_tokens=%d)
read = peak_bytes()
replay(Caches(trace), capacities_blocks=[1000], fifo_capacities_blocks=[1000], ttls_seconds=%r)
json.dump({"before_bytes": before, "read_bytes": read, "peak_bytes": peak_bytes()}, sys.stdout)
"""


def turns(blocks: int) -> tuple[I64, I64]:
    """Block ids and offsets of about ``blocks`` references: conversations of growing prompts."""
    random = np.random.default_rng(SEED)
    requests = blocks // 72
    conversations = max(requests // 6, 1)
    of = random.zipf(1.3, requests) % conversations
    opening = random.zipf(1.5, conversations) % 200
    lengths = np.zeros(conversations, np.int64)
    sizes = np.empty(requests, np.int64)
    for request, conversation in enumerate(of):
        grown = lengths[conversation] + random.integers(1, 9)
        lengths[conversation] = grown if grown < 120 else 1
        sizes[request] = 20 + lengths[conversation]
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    # The first 20 blocks are the opening's, the others the conversation's.
    shared = np.repeat(opening[of], sizes) * 20 + place
    own = 10_000 + np.repeat(of, sizes) * 128 + place
    return np.where(place < 20, shared, own), offsets


def single(blocks: int) -> tuple[I64, I64]:
    """Requests of one block each."""
    ids = np.random.default_rng(SEED).zipf(1.1, blocks) % (blocks // 2)
    return ids.astype(np.int64), np.arange(blocks + 1)


def write(path: Path, ids: I64, offsets: I64) -> None:
    gaps = np.random.default_rng(SEED).exponential(20_000_000 / len(offsets), len(offsets))
    times = np.cumsum(gaps).astype(np.int64).tolist()
    values = ids.tolist()
    with open(path, "w") as file:
        for r, (begin, end) in enumerate(pairwise(offsets.tolist())):
            tokens = (end - begin) * BLOCK_TOKENS - r % BLOCK_TOKENS
            file.write(
                f'{{"timestamp": {times[r]}, "input_length": {tokens}, "output_length": 100, '
                f'"hash_ids": {values[begin:end]}}}\n'
            )


def ordered_dict_hits(trace: Trace, capacity: int) -> int:
    """Hit blocks of one LRU cache: the same rules, a block at a time."""
    cache: OrderedDict[int, None] = OrderedDict()
    keys, offsets = trace.keys.tolist(), trace.offsets.tolist()
    hits = 0
    for begin, end in pairwise(offsets):
        blocks = keys[begin:end]
        for key in blocks:
            if key not in cache:
                break
            hits += 1
        for key in reversed(blocks):
            if key in cache:
                cache.move_to_end(key)
            else:
                cache[key] = None
                if len(cache) > capacity:
                    cache.popitem(last=False)
    return hits


def peaks(path: Path) -> dict[str, int]:
    words = [sys.executable, "-c", CHILD % (BLOCK_TOKENS, TTLS_SECONDS), str(path)]
    found: dict[str, int] = json.loads(
        subprocess.run(words, check=True, capture_output=True).stdout
    )
    return found


def read(path: Path) -> Trace:
    # Requests of one block do not tell its size.
    return read_trace(path, block_tokens=BLOCK_TOKENS)


def figures(trace: Trace) -> None:
    replay(
        Caches(trace),
        capacities_blocks=[1000],
        fifo_capacities_blocks=[trace.unique // 10],
        ttls_seconds=TTLS_SECONDS,
    )


def measure(large: Path, small: Path, rounds: int) -> dict[str, Any]:
    trace, part = read(large), read(small)
    capacity = part.unique // 10
    rows = {
        "read": Row("read", lambda: here(lambda: read(large)), rounds),
        "replay": Row("replay", lambda: here(lambda: figures(trace)), rounds),
        "lru": Row("every LRU capacity", lambda: here(lambda: Caches(trace).lru()), rounds),
        "part": Row("the same, part", lambda: here(lambda: Caches(part).lru()), rounds),
        "peer": Row(
            "OrderedDict, part", lambda: here(lambda: ordered_dict_hits(part, capacity)), rounds
        ),
    }
    take_rounds(list(rows.values()))
    if Caches(part).lru_point(capacity).traffic.hit_blocks != ordered_dict_hits(part, capacity):
        raise click.ClickException("the replay and the OrderedDict disagree")
    return {
        "requests": trace.requests,
        "blocks": trace.blocks,
        "unique": trace.unique,
        "file_bytes": large.stat().st_size,
        "peer_blocks": part.blocks,
        "peer_capacity": capacity,
        "blocks_per_second": {
            name: round(blocks / rows[name].cpu_seconds)
            for name, blocks in [
                ("read", trace.blocks),
                ("replay", trace.blocks),
                ("lru", trace.blocks),
                ("part", part.blocks),
                ("peer", part.blocks),
            ]
        },
        "peer_over_every_capacity": rows["peer"].cpu_seconds / rows["part"].cpu_seconds,
        "times": {name: row.result() for name, row in rows.items()},
        "memory": peaks(large),
    }


@click.command()
@click.option("--blocks", default=10_000_000, show_default=True)
@click.option("--python-blocks", default=500_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(blocks: int, python_blocks: int, rounds: int, output: Path | None) -> None:
    made = machine(os.getloadavg(), "numpy", "msgspec")
    made |= {"seed": SEED, "ttls_seconds": TTLS_SECONDS, "rounds": rounds, "results": {}}
    with tempfile.TemporaryDirectory() as temp:
        large, small = Path(temp) / "large.jsonl", Path(temp) / "small.jsonl"
        for make in (turns, single):
            write(large, *make(blocks))
            write(small, *make(python_blocks))
            found = measure(large, small, rounds)
            made["results"][make.__name__] = found
            speeds = found["blocks_per_second"]
            click.echo(
                f"{make.__name__}: {found['blocks']:,} blocks, {found['unique']:,} unique; millions"
                f" a second: read {speeds['read'] / 1e6:.1f}, replay {speeds['replay'] / 1e6:.1f},"
                f" every LRU capacity {speeds['lru'] / 1e6:.1f}; an OrderedDict takes"
                f" {found['peer_over_every_capacity']:.1f} times as long for one; peak"
                f" {found['memory']['peak_bytes'] / 1e6:.0f} MB"
                f" ({found['memory']['before_bytes'] / 1e6:.0f} before)"
            )
    if output:
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
