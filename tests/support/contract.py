"""Objects that a source is to keep its contract for."""

from collections.abc import Sequence

from storeff.sources.source import HOLE_BYTES
from storeff.testing import Key, Segment


def content_of(segments: Sequence[Segment]) -> bytes:
    return b"".join(bytes(s) if isinstance(s, int) else s for s in segments)


VICTIM = (0, b"dir/a")
OBJECTS: dict[Key, list[Segment]] = {
    VICTIM: [b"victim" * 100],
    (0, b"b"): [b"b" * 300],
    (0, b"dir/in/c"): [b"x" * 5000, 3 * HOLE_BYTES, b"y"],
    (1, b"dir/a"): [b"another" * 100],
}
CONTENTS = {key: content_of(segments) for key, segments in OBJECTS.items()}
