"""Erasure codes measured once per machine: what was measured is kept in the user's cache."""

import contextlib
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import storeff
from storeff.errors import StoreffError
from storeff.files import read_bounded, replace_file
from storeff.layout.code import MeasuredCode, can_be_measured, measure_code
from storeff.layout.model import Code
from storeff.scan.machine import cpu_name

# A code takes 500 bytes here; ten thousand of them are more than anybody sizes.
CACHE_BYTES_MAX = 5_000_000
KEY_FORMAT = "2"
TEXT_CHARACTERS_MAX = 300


def measured_code(code: Code, *, again: bool = False) -> MeasuredCode | None:
    """What ``code`` costs on this machine: from the cache, or measured now and kept there.

    ``again`` measures now in any case. What is not in the cache, is damaged there, or was measured
    by another version of storeff or of the library, or on another CPU, is measured; a cache that
    cannot be written is done without. None, and StoreffError, as ``measure_code``.
    """
    if not can_be_measured(code):
        return None
    path, key = cache_path(), _key(code)
    if not again:
        kept = _read(path).get(key)
        if kept is not None and _is_sound(kept):
            return kept
    measured = measure_code(code)
    if measured is not None:
        # Read again: another process may have measured other codes meanwhile.
        _write(path, {**_read(path), key: measured})
    return measured


def cache_path() -> Path:
    """Where measured codes are kept. A relative XDG_CACHE_HOME is ignored, as its specification
    (XDG Base Directory 0.8) demands."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path(os.path.expanduser("~/.cache"))
    return base / "storeff" / "codes.json"


def _key(code: Code) -> str:
    """The code, and all that its figures depend on."""
    from pyeclib.ec_iface import LIBERASURECODE_VERSION, __version__

    return " | ".join(
        (
            KEY_FORMAT,
            f"{code.kind} {code.k}+{code.m}+{code.l}",
            f"storeff {storeff.__version__}",
            f"pyeclib {__version__}",
            f"liberasurecode {LIBERASURECODE_VERSION}",
            cpu_name(),
        )
    )


def _read(path: Path) -> dict[str, MeasuredCode]:
    """The codes in the cache; none if there is no cache, or what is there is not one."""
    try:
        text = read_bounded(path, CACHE_BYTES_MAX, "cache of measured codes")
        return msgspec.json.decode(text, type=dict[str, MeasuredCode])
    except (StoreffError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _is_sound(kept: MeasuredCode) -> bool:
    """Whether ``kept`` can be the outcome of a measurement."""
    speeds = (kept.encode_gbps, kept.decode_gbps, kept.rebuild_gbps)
    texts = (kept.backend, kept.proof)
    try:
        measured_at = datetime.fromisoformat(kept.measured_at)
    except ValueError:
        return False
    return (
        measured_at.tzinfo is not None
        and measured_at <= datetime.now(UTC)
        and all(text.isprintable() and len(text) <= TEXT_CHARACTERS_MAX for text in texts)
        and kept.segment_bytes > 0
        and kept.fragment_header_bytes >= 0
        and 1 <= kept.overhead < math.inf
        and all(speed is None or 0 < speed < math.inf for speed in speeds)
    )


def _write(path: Path, codes: dict[str, MeasuredCode]) -> None:
    """Replace the cache with ``codes``, all at once; without a word if it cannot be written."""
    document = msgspec.json.format(msgspec.json.encode(codes), indent=1)
    if len(document) > CACHE_BYTES_MAX:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(str(path), document)
