"""Buckets of a server of this machine, as a source."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores
from storeff.testing import Key
from support.s3_server import S3, serving

# Failures are to show at once: a client's own patience is its own affair.
QUICK = Access(retries=2, answer_seconds=1.0)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """A server, where the environment sends whoever names s3://."""
    with serving() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def stored(s3: S3, objects: Mapping[str, bytes], access: Access = QUICK) -> ObjectStores:
    """The bucket, with ``objects`` in it, as a source."""
    for key, content in objects.items():
        s3.put(key, content)
    return ObjectStores(["s3://bucket"], access)


def contents_of(source: ObjectStores, objects: Mapping[str, bytes]) -> dict[Key, bytes]:
    """``objects`` as check_source wants them."""
    place = source._roots[0].place
    return {(0, place.path_of(key)): content for key, content in objects.items()}


def upload(s3: S3, folder: Path, prefix: str) -> None:
    """The files below ``folder`` as objects below ``prefix``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            s3.put(f"{prefix}{path.relative_to(folder)}", path.read_bytes())


def mixed(folder: Path) -> Path:
    """Copies, versions, text, and files of more than an extent."""
    source = random.Random(5)
    shared = source.randbytes(5 << 18)
    words = [source.randbytes(4).hex().encode() for _ in range(500)]
    for i in range(12):
        below = folder / f"d{i % 3}" / "in"
        below.mkdir(exist_ok=True, parents=True)
        (below / "same.bin").write_bytes(shared)
        (below / f"text-{i}.txt").write_bytes(b" ".join(source.choices(words, k=9_000)))
        (below / f"part-{i}.bin").write_bytes(shared[: i << 15] + source.randbytes(150_000))
    return folder
