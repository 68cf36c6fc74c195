"""What the erasure code really costs on this machine: overhead, decoding after losses, speed.

The library is ISA-L through pyeclib. Its ``isa_l_rs_vand`` is never used: that matrix is not MDS
with five parities, or with four from 22+4 up (20 of the 35,960 patterns of 28+4 do not decode). The
inverted one and that of Cauchy are; ``proof`` sees to it for each code.
"""

import contextlib
import ctypes
import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from storeff.layout.durability import tolerance
from storeff.layout.model import Code
from storeff.layout.proof import prove

SEGMENT_BYTES = 1 << 20
# In the field of 256 elements; liberasurecode 1.8 encodes 256 fragments and decodes none of them.
MAX_FRAGMENTS = 255
_SPEED_WORK = 30_000_000


class MeasuredCode(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on one thread in CPU time, best call; segments of ``segment_bytes``.

    ``proof`` says which share of the patterns of lost fragments was checked or decoded, and where
    that is a sample, with which confidence.
    ``measured_at`` is when, in UTC (empty in a report of before schema 1.6).

    ``overhead`` is the length of all fragments over the segment, the backend's own header of
    ``fragment_header_bytes`` each left out. Encode and decode count user bytes (decode with as
    many data fragments lost as the code always survives), rebuild the bytes of the one fragment
    rebuilt. A speed is null when the kernel was faulting pages in during every call.
    """

    backend: str
    proof: str
    segment_bytes: int
    overhead: float
    fragment_header_bytes: int
    encode_gbps: float | None
    decode_gbps: float | None
    rebuild_gbps: float | None
    measured_at: str = ""


def can_be_measured(code: Code) -> bool:
    """Whether the library runs ``code``: no replicas, no RAIDZ or dRAID (their code is that of
    ZFS), nothing opaque, no stripes without parity, not more than MAX_FRAGMENTS, no local groups of
    one."""
    return (
        code.kind in ("rs", "lrc") and code.k < code.fragments <= MAX_FRAGMENTS and code.k != code.l
    )


def measure_code(code: Code, seed: int = 0) -> MeasuredCode | None:
    """Encodes, loses, decodes and times ``code``.

    None if it cannot be measured. Raises StoreffError if a pattern that the code must survive does
    not decode.
    """
    if not can_be_measured(code):
        return None
    from pyeclib.ec_iface import ECDriver

    if code.kind == "lrc":
        backend = "isa_l_rs_lrc"
        driver = ECDriver(
            ec_type=backend, k=code.k, m=code.m + code.l, local_parity=code.l, chksum_type="none"
        )
    else:
        backend = "isa_l_rs_vand_inv"
        driver = ECDriver(ec_type=backend, k=code.k, m=code.m, chksum_type="none")
    source = random.Random(seed)
    segment = source.randbytes(SEGMENT_BYTES)
    fragments = driver.encode(segment)
    header_bytes = len(driver.encode(b"")[0])
    coded_bytes = sum(map(len, fragments)) - header_bytes * len(fragments)
    proof = prove(driver, code, header_bytes, source)
    lost = tolerance(code)
    calls = max(5, min(25, _SPEED_WORK // code.k**3))
    with _resident_heap():
        encode = _best_seconds(lambda: driver.encode(segment), calls)
        decode = _best_seconds(lambda: driver.decode(fragments[lost:]), calls) if lost else None
        rebuild = (
            _best_seconds(lambda: driver.reconstruct(fragments[1:], [0]), calls) if lost else None
        )
    fragment_bytes = len(fragments[0]) - header_bytes
    return MeasuredCode(
        backend=backend,
        proof=proof,
        segment_bytes=SEGMENT_BYTES,
        overhead=coded_bytes / SEGMENT_BYTES,
        fragment_header_bytes=header_bytes,
        encode_gbps=_gbps(SEGMENT_BYTES, encode),
        decode_gbps=_gbps(SEGMENT_BYTES, decode),
        rebuild_gbps=_gbps(fragment_bytes, rebuild),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _gbps(size_bytes: int, seconds: float | None) -> float | None:
    return None if seconds is None else size_bytes / seconds / 1e9


@contextlib.contextmanager
def _resident_heap() -> Iterator[None]:
    """Keeps freed memory in the process: else glibc returns and faults in a segment every call.

    That is 736 faults a call and 22 times the time at 4+2. Elsewhere than glibc nothing is set,
    and the fault count decides. Sizes are glibc's defaults again afterwards.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        yield
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    pinned = ((mmap_threshold, 32 << 20), (trim_threshold, 1 << 30), (top_pad, 64 << 20))
    defaults = ((mmap_threshold, 128 << 10), (trim_threshold, 128 << 10), (top_pad, 0))
    for option, size_bytes in pinned:
        libc.mallopt(option, size_bytes)
    try:
        yield
    finally:
        for option, size_bytes in defaults:
            libc.mallopt(option, size_bytes)


def _best_seconds(call: Callable[[], object], calls: int) -> float | None:
    best = None
    for _ in range(calls):
        faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        start = time.thread_time()
        call()
        seconds = time.thread_time() - start
        if resource.getrusage(resource.RUSAGE_THREAD).ru_minflt == faults:
            best = min(seconds, best or seconds)
    return best
