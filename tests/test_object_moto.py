"""Against moto, a server of others: what storeff takes S3 for is not only what its own tests do."""

import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from support.buckets import contents_of
from support.contents import many_formats
from support.s3_server import S3

from storeff.analysis import measure
from storeff.dry_run import foresee
from storeff.errors import StoreffError
from storeff.sources import object_listing
from storeff.sources.object_store import ObjectStores
from storeff.sources.source import entries
from storeff.testing import check_change, check_source

pytestmark = pytest.mark.skipif(
    find_spec("moto") is None, reason="moto is not installed: pip install 'storeff[s3-test]'"
)

PAGE_KEYS = 20
NOISE = random.Random(3).randbytes(3 << 20)
OBJECTS = {
    "a": b"hello",
    "d/e": NOISE[:70_000],
    "d/empty": b"",
    "d/f g+h%2f": b"what a URL would mean something by",
    "d//x": b"an empty component",
    "large": NOISE,
    "\u00fc": b"not ASCII",
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of a server in a process of its own."""
    code = (
        "from moto.server import ThreadedMotoServer\n"
        "import time\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)\n"
        "server.start()\n"
        "print(server.get_host_and_port()[1], flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE_KEYS)},
    ) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            yield url
        finally:
            server.kill()


@pytest.fixture
def client(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a server that holds nothing but an empty bucket."""
    import botocore.session

    for name, value in S3(url=moto).environment.items():
        monkeypatch.setenv(name, value)
    for _ in range(50):
        try:
            reset = urllib.request.Request(f"{moto}/moto-api/reset", method="POST")
            urllib.request.urlopen(reset).close()
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    made = botocore.session.Session().create_client("s3", endpoint_url=moto)
    made.create_bucket(Bucket="bucket")
    return made


def stored(client: Any, objects: dict[str, bytes]) -> ObjectStores:
    for key, content in objects.items():
        client.put_object(Bucket="bucket", Key=key, Body=content)
    return ObjectStores(["s3://bucket"])


def test_the_contract_is_kept(client: Any) -> None:
    source = stored(client, OBJECTS)
    check_source(source, contents_of(source, OBJECTS))


def test_a_change_is_noticed(client: Any) -> None:
    source = stored(client, OBJECTS)
    contents = contents_of(source, OBJECTS)

    def change() -> None:
        client.put_object(Bucket="bucket", Key="d/e", Body=b"new")

    check_change(source, contents, (0, b"d/e"), change)


def test_several_pages_are_listed(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_listing, "PAGES_TOGETHER", 1)
    keys = [f"{folder}/{i:02}" for folder in "abc" for i in range(30)]
    source = stored(client, dict.fromkeys(keys, b"x"))
    assert sorted(each.path.decode() for each in entries(source)) == keys


def test_a_bucket_that_is_not_there_is_refused(client: Any) -> None:
    with pytest.raises(StoreffError, match="NoSuchBucket"):
        ObjectStores(["s3://another"])


def test_an_object_is_a_root(client: Any) -> None:
    stored(client, OBJECTS)
    [entry] = entries(ObjectStores(["s3://bucket/d/e"]))
    assert (entry.path, entry.size_bytes) == (b"e", 70_000)


def test_a_scan_asks_no_more_than_a_dry_run_says(client: Any) -> None:
    stored(client, many_formats())
    said, done = foresee("s3://bucket"), measure("s3://bucket").scan.requests
    assert done is not None
    for span, made in (
        (said.list_requests, done.list),
        (said.get_requests, done.get),
        (said.fetched_bytes, done.fetched_bytes),
    ):
        assert span is not None
        assert span.low <= made <= span.high
