"""How much sooner several streams list a bucket than one, and what finding their parts costs.

    python bench/speed/listing_streams.py [-o bench/results/DATE-listing-streams.json]

The store is keys in memory, of which a request gives a page after a wait that stands for the
network. So requests are counted as they would be made, and time is that of requests in a row: one
stream takes the wait for each page, and nothing else. Beside it stands what the pages of S3 take to
be read and sorted out, which one core does for all streams.
"""

import json
import os
import random
import time
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import click
from timing import machine

from storeff.sources.entry import Entries
from storeff.sources.object_client import Access, Bucket, Listed, Meter
from storeff.sources.object_listing import Root, Walk
from storeff.sources.object_s3 import parsed
from storeff.sources.object_url import Place

PAGE_KEYS = 20
WAIT_SECONDS = 0.02
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon")


class Keys(Bucket):
    """A bucket of these keys."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__("gs", "bucket", Access(), Meter(None))
        self.keys = [Listed(key, 1, "") for key in sorted(keys)]

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Listed]]:
        at = bisect_right(self.keys, after, key=lambda each: each.key)
        while at < len(self.keys):
            self.meter.lists()
            time.sleep(WAIT_SECONDS)
            yield self.keys[at : at + PAGE_KEYS]
            at += PAGE_KEYS


def buckets() -> dict[str, set[str]]:
    """Keys of 3,000 pages in some forms, and of fewer."""
    source, count = random.Random(1), 3000 * PAGE_KEYS
    return {
        "flat, numbered": {f"obj-{i:09}" for i in range(count)},
        "flat, random": {f"{source.getrandbits(128):032x}" for _ in range(count)},
        "20 folders": {f"day={i % 20:02}/part-{i // 20:05}.parquet" for i in range(count)},
        "6,000 small folders": {f"x/{i // 10:06}/{i % 10}" for i in range(count)},
        "dates": {
            f"p/2024-{1 + i % 12:02}-{1 + i // 12 % 28:02}/h{i // 336 % 24:02}/{i}.json"
            for i in range(count)
        },
        "deep, few words": {
            "/".join(source.choices(WORDS, k=6)) + f"/{source.random()}" for _ in range(count)
        },
        "300 letters": {f"x/{chr(0x4E00 + i % 300)}/{i}" for i in range(count)},
        "flat, 500 pages": {f"obj-{i:09}" for i in range(500 * PAGE_KEYS)},
        "flat, 100 pages": {f"obj-{i:09}" for i in range(100 * PAGE_KEYS)},
        "flat, 16 pages": {f"obj-{i:09}" for i in range(16 * PAGE_KEYS)},
    }


def streams(keys: set[str]) -> dict[str, float]:
    """What one listing takes."""
    bucket = Keys(keys)
    begun = time.monotonic()
    walk = Walk([Root(0, Place("gs", "bucket", ""), bucket)], None)
    listed = sum(len(each) for each in walk.run() if isinstance(each, Entries))
    seconds = time.monotonic() - begun
    assert listed == len(keys)
    pages = -(-len(keys) // PAGE_KEYS)
    return {
        "pages": pages,
        "requests_per_page": round(bucket.meter.asked.list / pages, 3),
        "times_one_stream": round(pages * WAIT_SECONDS / seconds, 2),
    }


def reading_microseconds() -> float:
    """CPU time an object of reading and sorting out a page of S3 of a thousand, least of some."""
    contents = "".join(
        f"<Contents><Key>data/set-{i // 100:05}/part-{i:09}-0123456789abcdef.parquet</Key>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag>"
        f"<Size>{i}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for i in range(1000)
    )
    document = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType>{contents}</ListBucketResult>"
    ).encode()
    root = Root(0, Place("s3", "bucket", ""), Bucket("s3", "bucket", Access(), Meter(None)))
    walk, took = Walk([root], None), []
    for _ in range(100):
        begun = time.process_time()
        listed = sum(
            1
            for part in walk.sorted_out(root, parsed(document)[0])
            if isinstance(part, Entries)
            for _ in part
        )
        took.append(time.process_time() - begun)
        assert listed == 1000
    return min(took) * 1000


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False))
def main(output: Path | None) -> None:
    """Print requests and speed of each form."""
    result = machine(os.getloadavg())
    result |= {"wait_seconds": WAIT_SECONDS, "page_keys": PAGE_KEYS, "buckets": {}}
    for name, keys in buckets().items():
        found = result["buckets"][name] = streams(keys)
        click.echo(
            f"{name:20} {found['pages']:5} pages, {found['requests_per_page']:.2f} requests each, "
            f"{found['times_one_stream']:5.1f} times the speed of one stream"
        )
    each = result["s3_reading_microseconds"] = round(reading_microseconds(), 1)
    click.echo(f"to read and sort out what S3 lists takes {each:.1f} us of CPU an object")
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
