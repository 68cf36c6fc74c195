"""A directory in which a scan keeps what it has measured, so that it can be resumed after any end.

It holds one part of the scan (storeff.scan.scan_part), which grows by the tasks that are done. That
is replaced whole, so that at any time it is there as it was before or after; what was measured
since is measured again. The order in which tasks are merged does not matter, nor which are measured
again.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storeff.errors import StoreffError, UsageError
from storeff.files import read_bounded, replace_file
from storeff.scan.measurement import Measurement
from storeff.scan.plan import Plan
from storeff.scan.run import Shard
from storeff.scan.scan_part import PART_BYTES_MAX, WHAT, Listed, ScanPart, Tree
from storeff.scan.sketch import Limits
from storeff.sources.census import Census
from storeff.text import escaped

NAME = "scan.part"
# It is written again when so much time has passed, and so many times what writing it took before.
SECONDS, TIMES = 2.0, 20.0


class Checkpoint:
    """What is done of a scan of ``tree``, ``divided`` into so many shards: the ``measurement`` of
    ``shards``. It is kept in the file ``path``; None: nowhere. Made by ``kept_in``."""

    def __init__(
        self, path: Path | None = None, tree: Tree | None = None, part: ScanPart | None = None
    ) -> None:
        self.path = path
        self.tree = tree
        self.divided = part.divided if part else None
        self.measurement = part.measurement if part else None
        self.shards: set[Shard] = set(part.shards) if part else set()
        self.due_at = 0.0
        self.is_written = True

    @property
    def limits(self) -> Limits:
        """Those of what is done."""
        if self.measurement is None:
            return {}
        seed = self.measurement.plan.seed
        return {name: sketch.limit(seed) for name, sketch in self.measurement.sketches.items()}

    def divide(self, count: int) -> int:
        """Into how many shards the scan is divided: ``count``, if nothing is done of it yet."""
        self.divided = self.divided or count
        return self.divided

    def add(self, shards: Iterable[Shard], measurement: Measurement) -> None:
        """Take note that ``shards`` are done, which hold what ``measurement`` says. Raises
        StoreffError if that cannot be written."""
        self.shards.update(shards)
        before = self.measurement
        self.measurement = measurement if before is None else before.merge(measurement)
        self.is_written = False
        if time.monotonic() >= self.due_at:
            self.write()

    def write(self) -> None:
        """Have the directory hold all that is done. Raises StoreffError if it cannot."""
        if self.path is None or self.tree is None or self.measurement is None or self.is_written:
            return
        assert self.divided is not None
        started = time.monotonic()
        part = ScanPart(
            tree=self.tree,
            divided=self.divided,
            shards=tuple(self.shards),
            listed=Listed(Census(), ""),
            measurement=self.measurement,
            is_probed=False,
        )
        try:
            replace_file(os.fspath(self.path), part.to_bytes())
        except OSError as error:
            raise StoreffError(
                f"cannot write the checkpoint {escaped(os.fspath(self.path))}: {error.strerror}",
                "make room there, or resume from another place",
            ) from error
        self.is_written = True
        now = time.monotonic()
        self.due_at = now + max(SECONDS, TIMES * (now - started))


@contextmanager
def kept_in(folder: Path, tree: Tree, plan: Plan, *, resume: bool) -> Iterator[Checkpoint]:
    """The checkpoint in ``folder``, which is made if it is not there, and is no other's meanwhile.
    What it holds is gone on with, if that is to be ``resume``d; there may be nothing yet.

    Raises StoreffError if it cannot be used, or is of another scan, UsageError if it holds
    something that is not to be resumed.
    """
    shown = escaped(os.fspath(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreffError(
            f"cannot keep a checkpoint in {shown}: {error.strerror}", "name another directory"
        ) from error
    try:
        _lock(descriptor, shown)
        for left in folder.glob(".storeff-*"):
            # Half written when a process was killed.
            with contextlib.suppress(FileNotFoundError):
                left.unlink()
        path = folder / NAME
        part = None
        if path.exists():
            if not resume:
                raise UsageError(
                    f"{shown} holds a checkpoint",
                    "resume it, remove it, or name another directory",
                    "resume",
                )
            part = _of_scan(path, tree, plan)
        yield Checkpoint(path, tree, part)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, shown: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some file systems know no locks.
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            return
        raise StoreffError(
            f"another scan keeps its checkpoint in {shown}",
            "wait for it, or name another directory",
        ) from error


def _of_scan(path: Path, tree: Tree, plan: Plan) -> ScanPart:
    """The part in ``path``. Raises StoreffError if it is of another scan."""
    part = ScanPart.from_bytes(read_bounded(path, PART_BYTES_MAX, WHAT))
    differences = [
        f"its {name} is not that of this scan"
        for name, is_other in (
            ("source", part.tree != tree),
            ("plan", part.measurement.plan != plan),
        )
        if is_other
    ]
    if part.is_probed:
        differences = ["it is a part to be merged"]
    if differences:
        raise StoreffError(
            f"{escaped(os.fspath(path))} cannot be resumed: {', '.join(differences)}",
            "give the options that it was begun with, or name another directory",
        )
    return part
