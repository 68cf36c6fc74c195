"""The seal of a report: a digest of everything else in it, whatever its layout on the page.

The canonical form is that of RFC 8785 but for numbers, which that rounds to doubles: UTF-8, without
spaces, the keys of objects in the order of their code points, strings escaped no more than JSON
demands. An integer is written with all of its digits, a number with a point or an exponent as
Python writes the double that it is: the fewest digits that give it back, with ``e`` from 1e+16 on.
So ``1`` and ``1.0`` differ.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Where a report has its seal.
RUN, SEAL = "run", "sha256"


def canonical(document: Any) -> bytes:
    """``document``, of JSON, in its canonical form."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def seal_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of all of a report but its seal, in hexadecimal digits."""
    run = document.get(RUN)
    if isinstance(run, dict):
        document = {**document, RUN: {key: x for key, x in run.items() if key != SEAL}}
    return hashlib.sha256(canonical(document)).hexdigest()


def stated_seal(document: Mapping[str, Any]) -> Any:
    """The seal that ``document`` has, whatever it is; None if it has none."""
    run = document.get(RUN)
    return run.get(SEAL) if isinstance(run, dict) else None
