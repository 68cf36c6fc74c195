"""SGLang's HiCache pages on a file system: named by a hash of their tokens, without a header.

Names as in srt/mem_cache/hicache_storage.py and hicache_key_scheme.py of SGLang 0.5.23:

    <hash>[.<pool>]_<model>[_<tp rank>_<tp size>][_<pp size>_<pp rank>][_cp<rank>_<size>].bin
    <hash>[.<pool>]_ukv1-<16 hex digits>_L<first>-<end>[_H<head group>].bin

The hash is a SHA-256 over the page's tokens and the previous page's hash. MLA models leave the
tensor-parallel part out. A file being written ends in .bin.tmp.<pid>.<thread>.<uuid>.
"""

import re

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import Candidate, Dump, opaque
from storeff.sources.names import printable

ORDER = 80

_NAME = re.compile(
    rb"([0-9a-f]{64})(?:\.([a-z0-9_]{1,64}?))?_"
    rb"(?:(ukv\d{1,4}-[0-9a-f]{16})_L(\d{1,6})-(\d{1,6})(?:_H(\d{1,6}))?"
    rb"|(.{0,200}?)(?:_(\d{1,6})_(\d{1,6}))?(?:_(\d{1,6})_(\d{1,6}))?"
    rb"(?:_cp(\d{1,6})_(\d{1,6}))?)"
    rb"\.bin(\.tmp\.\d+\.\d+\.[0-9a-f]{32})?",
    re.DOTALL,
)
NAMES = ((rb"\.bin(?<=[^\0]{65}\.bin)", rb"[0-9a-f]{64}[_.].*\.bin"),)
_PAGE = "a HiCache page by its name:"
_NOT_KV_POOLS = {"mamba"}
_INFER = (
    "pages have no header: dtype and layout need the model's layers, heads and head size, "
    "or an inference from the data"
)


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether a file at ``path`` has the name of a HiCache page."""
    name = path[path.rfind(b"/") + 1 :]
    # The cheap test first: a scan asks this of every file.
    return name[64:65] in (b"_", b".") and _NAME.fullmatch(name) is not None


def recognise(candidate: Candidate) -> Dump | None:
    """A page, whose bytes no one explains; None if the name is not one of SGLang's.

    Raises ContradictionError if the page is empty or its name gives an impossible range of layers.
    """
    match = _NAME.fullmatch(candidate.name)
    if not match:
        return None
    key, pool_name, namespace, first, end, head_group, model, *rest = match.groups()
    pool = pool_name.decode() if pool_name else "kv"
    if rest.pop() is not None:
        why = f"{_PAGE} still being written, or left by a crash"
        return opaque("sglang", why, key.decode(), kind="temporary")
    if not candidate.size_bytes:
        raise ContradictionError("a HiCache page by its name, but an empty one")
    if namespace:
        if int(first) >= int(end):
            raise ContradictionError(
                f"a HiCache page by its name, but of layers {int(first)} to {int(end)}"
            )
        heads = f", head group {int(head_group)}" if head_group else ""
        where = f"layers {int(first)} to {int(end) - 1}{heads} in name space {namespace.decode()}"
    else:
        where = _rank(rest)
    is_kv = pool not in _NOT_KV_POOLS
    content = _INFER if is_kv else "state that is not KV"
    part = "" if pool == "kv" else f"pool {pool}, "
    name = printable(model) if model else None
    ranks = _ranks(rest) if is_kv and not namespace else None
    why = f"{_PAGE} {part}{where}; {content}"
    return opaque("sglang", why, key.decode(), model=name, ranks=ranks)


def _ranks(numbers: list[bytes | None]) -> int | None:
    """Tensor-parallel ranks by a name; None if pipeline ranks hold only some of the layers."""
    tp_rank, tp_size, pp_size, *_ = (int(n) if n else None for n in numbers)
    if pp_size is not None and pp_size > 1:
        return None
    return tp_size if tp_size and tp_rank is not None and tp_rank < tp_size else 1


def _rank(numbers: list[bytes | None]) -> str:
    """What the numbers at the end of a name say; a model's own name may end in numbers too."""
    tp_rank, tp_size, pp_size, pp_rank, cp_rank, cp_size = (int(n) if n else None for n in numbers)
    parts = []
    if tp_rank is not None and tp_size is not None and tp_rank < tp_size:
        parts.append(f"tensor-parallel rank {tp_rank} of {tp_size}")
    if pp_rank is not None and pp_size is not None and pp_rank < pp_size:
        parts.append(f"pipeline rank {pp_rank} of {pp_size}")
    if cp_rank is not None:
        parts.append(f"context-parallel rank {cp_rank} of {cp_size}")
    return ", ".join(parts) or "no tensor-parallel part in its name, as MLA models write it"
