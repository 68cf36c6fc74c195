"""Texts that are kept, so that each line of output that changes is seen in a review."""

import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """``text`` is that of tests/golden/``name``, or becomes it with STOREFF_WRITE_GOLDEN set."""
    path = GOLDEN / name
    if os.environ.get("STOREFF_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        pytest.skip(f"{name} was written, not compared")
    assert text == path.read_text()
