"""Large files in parts: ranges that threads measure apart, and the file they make up again."""

import threading
from dataclasses import dataclass

from storeff import _native
from storeff.sources.piece import Piece


@dataclass
class Part:
    """Bytes [start, end) of a file, and what became of them.

    ``key`` is that of a whole file of just these bytes. ``reason`` says why something is missing.
    """

    start: int
    end: int
    content_class: str | None = None
    key: bytes = b""
    data_bytes: int = 0
    hole_bytes: int = 0
    reason: str | None = None


class PartedFile:
    """A file and its parts of ``part_bytes``, each measured by whichever thread takes it."""

    def __init__(self, piece: Piece, part_bytes: int) -> None:
        self.piece = piece
        starts = range(0, max(piece.size_bytes, 1), part_bytes)
        self.parts = [Part(s, min(s + part_bytes, piece.size_bytes)) for s in starts]
        self.unfinished = len(self.parts)
        self.lock = threading.Lock()

    def finish_part(self) -> bool:
        """Whether the part that is finished now was the last one."""
        with self.lock:
            self.unfinished -= 1
            return not self.unfinished

    @property
    def content_class(self) -> str | None:
        """By the file's first data; None if nothing could be read."""
        return next((p.content_class for p in self.parts if p.content_class), None)

    @property
    def reason(self) -> str | None:
        """Why the first part that is not complete is not; None if all are."""
        return next((p.reason for p in self.parts if p.reason), None)

    @property
    def data_bytes(self) -> int:
        return sum(p.data_bytes for p in self.parts)

    @property
    def missing_bytes(self) -> int:
        return self.piece.size_bytes - self.data_bytes - sum(p.hole_bytes for p in self.parts)

    @property
    def key(self) -> bytes:
        """The whole file's key: the fingerprint of its parts' keys, or that of the only one."""
        keys = [p.key for p in self.parts]
        return keys[0] if len(keys) == 1 else _native.fingerprint(b"".join(keys))
