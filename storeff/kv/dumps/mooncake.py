"""Mooncake store's buckets on an SSD: <id>.bucket with many values, <id>.meta with their keys.

docs/source/design/store/ssd-offload.md of Mooncake: a bucket is up to 256 MB or 500 keys; the
values are whatever the inference system put, and the store does not know their layout.
"""

import re

from storeff.kv.dumps.dump import Candidate, Dump, opaque

ORDER = 100

_NAME = re.compile(rb"(\d{1,20})\.bucket")
# 500 keys of some hundred bytes each, many times over.
_META_BYTES_MAX = 4 << 20


def recognise(candidate: Candidate) -> Dump | None:
    """A bucket that has its metadata beside it; None for anything else.

    The metadata itself is not KV, and a bucket without it is lost to Mooncake too.
    """
    match = _NAME.fullmatch(candidate.name)
    if not match or not candidate.size_bytes:
        return None
    if not candidate.beside(match[1] + b".meta", _META_BYTES_MAX):
        return None
    why = "a Mooncake bucket: the layout of its values is known only to the system that put them"
    return opaque("mooncake", why)
