"""Traces of a few requests, written and read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storeff.kv.trace.read import Trace, read_trace


def mooncake(timestamp: float, ids: Sequence[int | str], **fields: Any) -> dict[str, Any]:
    length = {"input_length": 512 * len(ids)} if ids else {"input_length": 100}
    return {"timestamp": timestamp, **length, "output_length": 7, "hash_ids": list(ids)} | fields


# Three blocks, the last of them partial.
REQUESTS = [
    mooncake(0, [1, 2, 3], input_length=1100),
    mooncake(500, [1, 2, 9], input_length=1536),
    mooncake(500, [4], input_length=400),
]
# The same in CSV, a list of blocks a row.
LISTS = """request_id,timestamp_ms,input_length,output_length,hash_ids
a,0,1100,7,"[1, 2, 3]"
b,500,1536,7,"[1, 2, 9]"
c,500,400,7,[4]
"""


def written(tmp_path: Path, lines: Sequence[object]) -> Path:
    path = tmp_path / "trace.jsonl"
    text = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("\n".join(text) + "\n")
    return path


def read(tmp_path: Path, lines: Sequence[object], **options: Any) -> Trace:
    return read_trace(written(tmp_path, lines), **options)


def read_csv(tmp_path: Path, text: str, **options: Any) -> Trace:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return read_trace(path, **options)
