"""A listing that is too large for memory, in a temporary file that nobody else can open."""

import contextlib
import os
import pickle
import shutil
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path

from storeff.sources.source import Found

# Of what is free where it lies it takes no more than this.
FREE_SHARE = 0.25
# Where large files that do not outlive a run belong: the usual place is often in memory.
_LARGE = Path("/var/tmp")


class Spool:
    """What was put in, in that order, as often as it is asked for. One thread at a time puts and
    reads."""

    def __init__(self) -> None:
        """Raises OSError if no file can be made."""
        folder = os.environ.get("TMPDIR") or (_LARGE if os.access(_LARGE, os.W_OK) else None)
        # It has no name, and is gone when this is.
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __del__
        free_bytes = shutil.disk_usage(folder or tempfile.gettempdir()).free
        self.room_bytes = int(FREE_SHARE * free_bytes)
        self.ends = array("q", [0])

    def put(self, found: Found) -> None:
        """Raises OSError if there is no room."""
        data = pickle.dumps(found, protocol=5)
        if self.ends[-1] + len(data) > self.room_bytes:
            raise OSError(f"there is no room for more than {self.room_bytes} bytes")
        self.file.write(data)
        self.ends.append(self.ends[-1] + len(data))

    def __iter__(self) -> Iterator[Found]:
        """Raises OSError if it cannot be read."""
        self.file.flush()
        descriptor = self.file.fileno()
        for start, end in zip(self.ends, self.ends[1:], strict=False):
            yield pickle.loads(os.pread(descriptor, end - start, start))

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self.file.close()
