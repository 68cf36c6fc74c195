"""Full reads of real corpora equal an independent exact computation, figure for figure.

Needs STOREFF_CORPORA (a directory of corpora) and STOREFF_TRUTH (JSON: corpora.<name>.fixed.<block
bytes> with unique_bytes and, per codec, min and uniq_min), computed by hashlib, python-zstandard
and lz4 with the same definition of a block. Skipped where they are not given.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.scans import probed

from storeff.estimate.reduction import Reduction, reduce
from storeff.scan.plan import Plan, table
from storeff.sources.tree import LocalTree

CORPORA = os.environ.get("STOREFF_CORPORA")
TRUTH = os.environ.get("STOREFF_TRUTH")

pytestmark = pytest.mark.skipif(
    not (CORPORA and TRUTH), reason="STOREFF_CORPORA and STOREFF_TRUTH are not set"
)

NAMES = ("versions", "weights", "js", "media", "random")
BLOCKS = {4 << 10: "4KiB", 8 << 10: "8KiB", 64 << 10: "64KiB", 128 << 10: "128KiB"}
CODECS = {"lz4": "lz4", "zstd1": "zstd-1", "zstd3": "zstd-3"}


PLAN = Plan(probed=table("full"))


@cache
def measured(name: str) -> Reduction:
    """Every distinct chunk is compressed; with its references that gives all occurrences."""
    source = LocalTree([Path(str(CORPORA)) / name])
    return reduce(probed(source, PLAN, windows=0, threads=2))


def truth(name: str) -> Any:
    return json.loads(Path(str(TRUTH)).read_text())["corpora"][name]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_and_whole_file_dedup(name: str) -> None:
    exact = truth(name)
    assert measured(name).data_bytes == exact["logical_bytes"]
    whole = next(d for d in measured(name).dedup if d.chunker == "whole-file")
    assert whole.unique_bytes.value == exact["wholefile"]["unique_bytes"]
    assert whole.chunks == exact["wholefile"]["files"] - exact["empty_files"]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("name", NAMES)
def test_fixed_block_dedup(name: str, block_bytes: int) -> None:
    exact = truth(name)["fixed"][str(block_bytes)]
    chunker = f"fixed-{BLOCKS[block_bytes]}"
    dedup = next(d for d in measured(name).dedup if d.chunker == chunker)
    unique = dedup.unique_bytes
    assert dedup.chunks == exact["blocks"]
    assert unique.low == unique.value == unique.high == exact["unique_bytes"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("block_bytes", [64 << 10, 128 << 10])
@pytest.mark.parametrize("name", NAMES)
def test_compression_alone_and_combined(name: str, block_bytes: int, codec: str) -> None:
    exact = truth(name)["fixed"][str(block_bytes)].get(codec)
    if exact is None:
        pytest.skip(f"the truth holds no {codec} at {block_bytes} bytes")
    reduction = measured(name)
    alone = next(
        c
        for c in reduction.compression
        if (c.codec, c.block_bytes, c.allocation_bytes) == (CODECS[codec], block_bytes, 1)
    )
    combined = next(
        c
        for c in reduction.combined
        if (c.chunker, c.codec) == (f"fixed-{BLOCKS[block_bytes]}", CODECS[codec])
    )
    assert alone.compressed_bytes.value == exact["min"]
    assert combined.physical_bytes.value == exact["uniq_min"]
    assert combined.compression_only_bytes == alone.compressed_bytes
