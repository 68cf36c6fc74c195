"""KV-cache dumps as inference systems write them: one module a family of formats.

Each module has ``looks_like(head, name, size_bytes)``, a test of the first bytes and the path that
a scan can afford for every file, and ``recognise(candidate)``, which reads the header.
"""

from storeff.kv.dumps import (
    arrays,
    dynamo,
    llamacpp,
    lmcache,
    lmcache_codec,
    mooncake,
    safetensors,
    sglang,
    torchzip,
    vllm,
)
from storeff.kv.dumps.dump import Candidate, Dump

# The most certain evidence first: a magic number, then a header that must agree with the size
# under a name of the system, then a path alone. Among safetensors files the exact tensor name and
# path come before names that merely say "key" and "value".
RECOGNISERS = (
    lmcache_codec.recognise,
    llamacpp.recognise,
    vllm.recognise,
    lmcache.recognise,
    safetensors.recognise,
    torchzip.recognise,
    arrays.recognise,
    sglang.recognise,
    dynamo.recognise,
    mooncake.recognise,
)
# One test of each for a file that is none of them: a call of each module costs 1 us (2026-11-21).
_MAGICS = (*lmcache_codec.MAGICS, *llamacpp.MAGICS, *arrays.MAGICS)
_SUFFIXES = (*vllm.SUFFIXES, *lmcache.SUFFIXES, *sglang.SUFFIXES)


_MODULES = (lmcache_codec, llamacpp, vllm, lmcache, sglang, torchzip, arrays, dynamo)


def recognise(candidate: Candidate) -> Dump | None:
    """What ``candidate`` holds, or None if it is not a known dump.

    Raises ContradictionError if it surely is one and contradicts itself, and OSError.
    """
    for recogniser in RECOGNISERS:
        dump = recogniser(candidate)
        if dump is not None:
            return dump
    return None


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether the file of that path and size that begins ``head`` is taken for a dump.

    What a scan is given to tell the content class "kv" (storeff.sources.content.classify).
    """
    if head[8:9] == b"{" and safetensors.looks_like(head, name, size_bytes):
        return True
    if not (head.startswith(_MAGICS) or name.endswith(_SUFFIXES) or dynamo.PREFIX in name):
        return False
    return any(module.looks_like(head, name, size_bytes) for module in _MODULES)
