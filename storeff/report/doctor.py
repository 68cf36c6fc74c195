"""What this machine has for the job, each part checked by doing with it what a scan does."""

import hashlib
import importlib
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from storeff.errors import StoreffError
from storeff.estimate.reduction import reduce
from storeff.layout import Code, measure_code
from storeff.scan.codecs import codec_versions
from storeff.scan.plan import Plan
from storeff.scan.run import kernels, scan
from storeff.sources.mounts import read_mounts
from storeff.sources.tree import LocalTree

Check = tuple[str, bool, str]


def checks() -> Iterator[Check]:
    """(what, whether it works, detail) for every part, in the order in which a scan needs them."""
    yield _mounts()
    for kernel in kernels():
        yield _kernel(kernel)
    for library, number in codec_versions().items():
        yield f"codec {library}", True, f"library {number}"
    yield _erasure_code()
    for name in ("numpy", "scipy", "msgspec", "rich", "click"):
        yield _package(name)


def _mounts() -> Check:
    try:
        mounts = read_mounts()
    except StoreffError as error:
        return "mount table", False, f"{error.message}; {error.remedy}"
    return "mount table", True, f"{len(mounts.by_point)} mounted file systems"


def _kernel(kernel: str) -> Check:
    """Two files of the same 256 KiB must come out as one, whatever the chunker."""
    content = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(8192))
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a", "b"):
                (Path(folder) / name).write_bytes(content)
            reduction = reduce(scan(LocalTree([folder]), Plan(), kernel=kernel))
    except OSError as error:
        return f"kernel {kernel}", False, f"no temporary file for it can be made: {error.strerror}"
    except StoreffError as error:
        return f"kernel {kernel}", False, error.message
    wrong = [d.chunker for d in reduction.dedup if d.unique_bytes.value != len(content)]
    detail = f"miscounts {', '.join(wrong)}" if wrong else "cuts, fingerprints and counts"
    return f"kernel {kernel}", not wrong, detail


def _package(name: str) -> Check:
    try:
        importlib.import_module(name)
        return name, True, version(name)
    except ImportError as error:
        return name, False, str(error)


def _erasure_code() -> Check:
    try:
        code = measure_code(Code("rs", 8, 3))
    except (ImportError, StoreffError) as error:
        return "erasure code 8+3", False, str(error)
    assert code is not None
    speed = "" if code.encode_gbps is None else f", encodes {code.encode_gbps:.1f} GB/s a core"
    return "erasure code 8+3", True, f"{code.backend}: {code.proof}{speed}"
