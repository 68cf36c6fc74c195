"""Temporary files that may be large, have no name, and are gone when they are closed."""

import os
import tempfile
from typing import BinaryIO, cast

# Where large files that do not outlive a run belong: /tmp is often in memory.
_LARGE = "/var/tmp"
ROOM = "set TMPDIR to a directory with room"


def place() -> str:
    """The directory that they are in: TMPDIR, if that is set."""
    given = os.environ.get("TMPDIR")
    return given or (_LARGE if os.access(_LARGE, os.W_OK) else tempfile.gettempdir())


def temporary_file() -> BinaryIO:
    """An empty one. Raises OSError."""
    return cast(BinaryIO, tempfile.TemporaryFile(dir=place()))
