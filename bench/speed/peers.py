"""Other tools that read every byte and look for duplicates or hash it: how each is run.

Commands are timed from their start; hf_xet runs as a library, without the start of Python.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from timing import Missing, Times, child

# Timed once its threads run and its buffers are in memory: the first call in a process takes up to
# three times the CPU of the next ones (825 MB: 2.2 s, then 0.6 s; 2026-11-21).
HF_XET = """
import sys, time, hf_xet
paths = sys.stdin.buffer.read().decode().split("\\0")[:-1]
hf_xet.hash_files(paths[:64])
wall, cpu = time.perf_counter(), time.process_time()
hf_xet.hash_files(paths)
print(time.process_time() - cpu, time.perf_counter() - wall)
"""
HF_XET_VERSION = "from importlib.metadata import version; print('hf_xet', version('hf_xet'))"
HF_XET_LABEL = "hf_xet hash_files"


@dataclass(frozen=True)
class Peer:
    """A tool, and the commands that show its version and have it read everything.

    They are split at spaces; then {place} is the data, {temp} a fresh directory, and see ``WORDS``.
    The paths of all files are on stdin, each ended by a zero byte.
    """

    label: str
    version: str
    command: str
    prepare: str = ""
    """Run before, and not timed."""
    only_equal_sizes: bool = False
    """It does not read files of a size that no other file has."""
    prints_times: bool = False


WORDS = {"python": sys.executable, "hash": HF_XET, "version": HF_XET_VERSION}
PEERS = (
    # It takes as many threads as it likes (its pool for blocking work has no limit that can be
    # set): its CPU time is what compares with one thread.
    Peer(HF_XET_LABEL, "{python} -c {version}", "{python} -c {hash}", prints_times=True),
    Peer(
        "duperemove -b 8K",
        "duperemove --version",
        "duperemove -r -q -b 8K --io-threads=1 --hashfile={temp}/hashes {place}",
    ),
    Peer(
        "borg create, written, 2 MiB chunks",
        "borg --version",
        "borg create -C none {temp}/repo::a {place}",
        prepare="borg init -e none {temp}/repo",
    ),
    Peer(
        "restic backup, written, 1 MiB chunks",
        "restic version",
        "restic -q --no-cache -r {temp}/repo backup --compression off {place}",
        prepare="restic -q --no-cache -r {temp}/repo init",
    ),
    Peer("xxhsum -H2", "xxhsum --version", "xargs -0 xxhsum -H2"),
    Peer("b3sum, one thread", "b3sum --version", "xargs -0 b3sum --num-threads 1"),
    Peer("jdupes", "jdupes --version", "jdupes -r -q -m {place}", only_equal_sizes=True),
    Peer(
        "rdfind",
        "rdfind --version",
        "rdfind -dryrun true -makeresultsfile false {place}",
        only_equal_sizes=True,
    ),
    Peer(
        "rmlint",
        "rmlint --version",
        "rmlint -T df -o json:/dev/null {place}",
        only_equal_sizes=True,
    ),
)

# Backups as they are made by default: all of it compressed and stored.
BACKUPS = (
    Peer(
        "borg create",
        "borg --version",
        "borg create {temp}/repo::a {place}",
        prepare="borg init -e none {temp}/repo",
    ),
    Peer(
        "restic backup",
        "restic version",
        "restic -q --no-cache -r {temp}/repo backup {place}",
        prepare="restic -q --no-cache -r {temp}/repo init",
    ),
)


def split(command: str, **names: str) -> list[str]:
    return [word.format_map(WORDS | names) for word in command.split()]


def peer_version(peer: Peer) -> str | None:
    """What the tool says of itself; None if it is not installed."""
    try:
        asked = subprocess.run(
            split(peer.version),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    said = re.sub(r"\x1b\[[0-9;]*m", "", asked.stdout).strip().splitlines()
    return said[0].strip() if said and not asked.returncode else None


def run_peer(
    peer: Peer, place: Path, files: Sequence[Path], folder: Path, timeout_seconds: float
) -> Times:
    """Have the tool read ``files``, all those below ``place``.

    Raises Missing if it fails, would not read them, or runs into the time limit.
    """
    if peer_version(peer) is None:
        raise Missing("not installed")
    if peer.only_equal_sizes and len({path.stat().st_size for path in files}) > len(files) / 2:
        raise Missing("skipped: reads only files of equal sizes")
    with tempfile.TemporaryDirectory(prefix="peer.", dir=folder) as temp:
        env = {
            "BORG_BASE_DIR": temp,
            "RESTIC_PASSWORD": "benchmark",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_XET_TELEMETRY_ENABLED": "0",
        }

        def run(command: str, stdin: bytes = b"", prints_times: bool = False) -> Times:
            return child(
                split(command, place=str(place), temp=temp),
                timeout_seconds=timeout_seconds,
                stdin=stdin,
                cwd=Path(temp),
                env=env,
                prints_times=prints_times,
            )

        if peer.prepare:
            run(peer.prepare)
        names = b"".join(os.fsencode(path) + b"\0" for path in files)
        return run(peer.command, names, peer.prints_times)
