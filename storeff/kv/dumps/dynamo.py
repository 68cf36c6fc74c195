"""NVIDIA Dynamo's KV block manager: one headerless slab on a disk, allocated before it is used.

lib/llm/src/block_manager/storage/disk.rs: the slab is called dynamo-kvbm-disk-cache-XXXXXX and
made by fallocate(), so most of it may never have been written and reads as zeros. Such zeros
compress well and mean nothing, so that they have to be distinguished from data.
"""

import re
from collections.abc import Iterator

from storeff.kv.dumps.dump import Candidate, Dump, Kind, opaque

ORDER = 90

PREFIX = b"dynamo-kvbm-disk-cache-"
_NAME = re.compile(PREFIX + rb"[A-Za-z0-9]{6}")
NAMES = ((re.escape(PREFIX), _NAME.pattern),)
# 256 samples miss a written share of 1.2 % once in twenty slabs; they take a few ms to read.
_SAMPLES = 256
_SAMPLE_BYTES = 4096
_EXTENTS_MAX = 4096


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether a file at ``path`` has the name of a slab."""
    name = path[path.rfind(b"/") + 1 :]
    return name.startswith(PREFIX) and _NAME.fullmatch(name) is not None


def recognise(candidate: Candidate) -> Dump | None:
    """A slab by its name; "unwritten" if nothing that was looked at is anything but zeros."""
    if not _NAME.fullmatch(candidate.name):
        return None
    if not candidate.size_bytes:
        return _dump("unwritten", "it has no bytes")
    extents, whole = _data_extents(candidate)
    data_bytes = sum(end - start for start, end in extents)
    holes = f"{candidate.size_bytes - data_bytes} of {candidate.size_bytes} bytes are holes"
    if not data_bytes:
        return _dump("unwritten", holes)
    offsets = list(_spread(extents, data_bytes))
    zeros = sum(not candidate.read(at, _SAMPLE_BYTES).strip(b"\0") for at in offsets)
    looked = f"{zeros} of {len(offsets)} samples of {_SAMPLE_BYTES} bytes spread over the rest"
    if not whole:
        looked += (
            f", whose extents after the first {_EXTENTS_MAX} were not distinguished from holes,"
        )
    if zeros == len(offsets):
        return _dump("unwritten", f"{holes}, and {looked} are zeros")
    return _dump("opaque", f"{holes}, and {looked} are zeros; the layout is not written anywhere")


def _dump(kind: Kind, what: str) -> Dump:
    return opaque("dynamo", f"a Dynamo slab by its name; {what}", kind=kind)


def _data_extents(candidate: Candidate) -> tuple[list[tuple[int, int]], bool]:
    """What the file system says has been written, and whether it was asked to the end.

    A file system that keeps no such record calls everything written.
    """
    extents: list[tuple[int, int]] = []
    for offset, length, is_hole in candidate.reader.segments(0, candidate.size_bytes):
        if len(extents) == _EXTENTS_MAX:
            return [*extents, (offset, candidate.size_bytes)], False
        if not is_hole:
            extents.append((offset, offset + length))
    return extents, True


def _spread(extents: list[tuple[int, int]], data_bytes: int) -> Iterator[int]:
    """Offsets of the samples: evenly over the extents, as if these stood one after another."""
    samples = min(_SAMPLES, -(-data_bytes // _SAMPLE_BYTES))
    passed, index = 0, 0
    for sample in range(samples):
        at = sample * data_bytes // samples
        while at - passed >= extents[index][1] - extents[index][0]:
            passed += extents[index][1] - extents[index][0]
            index += 1
        yield extents[index][0] + at - passed
