"""A listing that is too large for memory, in a temporary file that nobody else can open."""

import contextlib
import os
import pickle
import shutil
from array import array
from collections.abc import Iterator

from storeff.sources.source import Found
from storeff.sources.temporary import place, temporary_file

# Of what is free where it lies it takes no more than this.
FREE_SHARE = 0.25


class Spool:
    """What was put in, in that order, as often as it is asked for. One thread at a time puts and
    reads."""

    def __init__(self) -> None:
        """Raises OSError if no file can be made."""
        self.file = temporary_file()
        self.room_bytes = int(FREE_SHARE * shutil.disk_usage(place()).free)
        self.ends = array("q", [0])

    def put(self, found: Found) -> None:
        """Raises OSError if there is no room."""
        data = pickle.dumps(found, protocol=5)
        if self.ends[-1] + len(data) > self.room_bytes:
            raise OSError(f"there is no room for more than {self.room_bytes} bytes")
        self.file.write(data)
        # Where there is no room it is said here.
        self.file.flush()
        self.ends.append(self.ends[-1] + len(data))

    def __iter__(self) -> Iterator[Found]:
        """Raises OSError if it cannot be read."""
        descriptor = self.file.fileno()
        for start, end in zip(self.ends, self.ends[1:], strict=False):
            yield pickle.loads(os.pread(descriptor, end - start, start))

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self.file.close()
