"""What reading small ranges of objects costs the client: storeff's source beside obstore alone.

    python bench/speed/object_store.py [--rounds 7] [-o bench/results/DATE-object-store.json]

Ranges of 64 KiB of one object, at random places that are too far apart to be read together, from a
minimal server of this machine in a process of its own, whose time is not counted. obstore asks for
one after the other (get_range), or for all of a batch in one call (get_ranges), which can carry no
condition; neither looks at a tag or copies anything. storeff asks for the object that was listed,
looks at the tag that comes back, and puts the bytes where the scan wants them, 16 at a time. Run it
on an otherwise idle machine.
"""

import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import obstore
from timing import Row, Times, here, machine, take_rounds

from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores
from storeff.sources.source import Range, Ranges, entries

RANGE_BYTES = 64 << 10
STEP_BYTES = 4 * RANGE_BYTES
OBJECT_BYTES = 1 << 30
ETAG = b'"0123456789abcdef"'
# Ranges of a call, as many as a scan reads of a batch.
BATCHES = (16, 64)
RANGES = 1600

_LISTING = b"""<?xml version="1.0"?><ListBucketResult><Contents><Key>object</Key>\
<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>%b</ETag><Size>%d</Size>\
</Contents></ListBucketResult>""" % (ETAG, OBJECT_BYTES)
_ANSWER = (
    b"HTTP/1.1 %b\r\nETag: %b\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Length: %d\r\n%b\r\n"
)


def serve() -> None:
    """Answer a listing and ranges until killed; the port is printed first."""
    content = memoryview(random.Random(1).randbytes(RANGE_BYTES))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        print(listening.getsockname()[1], flush=True)  # noqa: T201 - for who has started it
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection, content), daemon=True).start()


def _answer(connection: socket.socket, content: memoryview) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as asked:
        while line := asked.readline():
            wanted = None
            while (header := asked.readline()) not in (b"\r\n", b""):
                if header[:6].lower() == b"range:":
                    wanted = re.search(rb"(\d+)-(\d+)", header)
            if b"list-type" in line or wanted is None:
                connection.sendall(_ANSWER % (b"200 OK", ETAG, len(_LISTING), b"") + _LISTING)
                continue
            start, end = int(wanted[1]), int(wanted[2]) + 1
            of = b"Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, OBJECT_BYTES)
            connection.sendall(_ANSWER % (b"206 Partial Content", ETAG, end - start, of))
            connection.sendall(content[: end - start])


@contextmanager
def server() -> Iterator[str]:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
        finally:
            running.kill()


def starts(count: int, seed: int) -> list[int]:
    return [
        STEP_BYTES * n for n in random.Random(seed).sample(range(OBJECT_BYTES // STEP_BYTES), count)
    ]


def one_by_one(store: Any, batches: list[list[int]]) -> Times:
    def run() -> None:
        for batch in batches:
            for start in batch:
                got = obstore.get_range(store, "object", start=start, length=RANGE_BYTES)
                assert len(got) == RANGE_BYTES

    return here(run)


def by_obstore(store: Any, batches: list[list[int]]) -> Times:
    def run() -> None:
        for batch in batches:
            lengths = [RANGE_BYTES] * len(batch)
            got = obstore.get_ranges(store, "object", starts=batch, lengths=lengths, coalesce=0)
            assert len(got) == len(batch)

    return here(run)


def by_storeff(source: ObjectStores, batches: list[Ranges], buffer: memoryview) -> Times:
    def run() -> None:
        for batch in batches:
            reads = source.read_ranges(batch, buffer)
            assert len(reads) == len(batch)
            assert not reads.errors

    return here(run)


@click.command()
@click.option("--rounds", default=7, show_default=True)
@click.option("--serve", "is_server", is_flag=True, hidden=True)
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path))
def main(rounds: int, is_server: bool, output: Path | None) -> None:
    if is_server:
        serve()
    load = os.getloadavg()
    os.environ |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "none"}
    with server() as url:
        source = ObjectStores(["s3://bucket"], Access(endpoint=url))
        [entry] = entries(source)
        store = source._roots[0].bucket.store
        buffer = memoryview(bytearray(max(BATCHES) * RANGE_BYTES))
        places = starts(RANGES, 1)
        rows: list[Row] = []
        for size in BATCHES:
            batches = [places[i : i + size] for i in range(0, RANGES, size)]
            ranges = [Ranges.of(Range(entry, s, s + RANGE_BYTES) for s in b) for b in batches]
            rows.append(Row(f"get_range {size}", partial(one_by_one, store, batches), rounds))
            rows.append(Row(f"get_ranges {size}", partial(by_obstore, store, batches), rounds))
            rows.append(Row(f"storeff {size}", partial(by_storeff, source, ranges, buffer), rounds))
        take_rounds(rows)
    result: dict[str, Any] = machine(load, "obstore", "botocore")
    result |= {"ranges": RANGES, "range_bytes": RANGE_BYTES}
    result["runs"] = {row.label: row.result() for row in rows}
    for i, size in enumerate(BATCHES):
        single, batched, ours = rows[3 * i : 3 * i + 3]
        click.echo(
            f"{size:3} ranges a call: obstore.get_range {_each(single)}, get_ranges "
            f"{_each(batched)}, storeff {_each(ours)}: {ours.ratio(single):.2f} and "
            f"{ours.ratio(batched):.2f} times the CPU"
        )
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n")


def _each(row: Row) -> str:
    return f"{row.cpu_seconds / RANGES * 1e3:.3f} ms"


if __name__ == "__main__":
    main()
