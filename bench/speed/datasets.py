"""The data sets of the benchmarks: seeded, made once from this machine's own files and noise.

At scale 1 they are about 2.4 GB. The same machine gives the same bytes again as long as its files
stay as they are; another machine gives others of the same kind.
"""

import random
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

MIXED_BYTES = 768 << 20
RANDOM_BYTES = 256 << 20
TENSOR_BYTES = 256 << 20
INSERT_EVERY_BYTES = 256 << 10
SMALL_FILES = 40_000

VERSIONS = 14
TREE_BYTES = 20 << 20
TREE_FILE_BYTES_MAX = 4 << 20
# What one version changes: a share of the directories, and shares of the files, the edited ones
# all in those directories. Work on a tree is not spread evenly over it.
WORKED_ON, EDITED, ADDED, REMOVED, RENAMED = 0.15, 0.05, 0.01, 0.005, 0.005


def make_data(folder: Path, scale: float, names: Iterable[str]) -> dict[str, Path]:
    """The data sets of these names, made if they are not there yet; sizes are times ``scale``."""
    places = {name: folder / (name if scale == 1 else f"{name}-{scale:g}") for name in names}
    for name, place in places.items():
        if not place.exists():
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=folder) as temp:
                part = Path(temp) / name
                part.mkdir()
                MAKERS[name](part, scale)
                part.rename(place)
    return places


def files_of(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def regular_files(*roots: Path) -> Iterator[tuple[Path, int]]:
    """Path and size of the files below ``roots``, without what Python writes as it runs."""
    for root in roots:
        for path in sorted(root.rglob("*")):
            if "__pycache__" not in path.parts and path.is_file() and not path.is_symlink():
                yield path, path.stat().st_size


def make_mixed(folder: Path, scale: float) -> None:
    """Programs, libraries and text of this machine, in one tar."""
    left = round(MIXED_BYTES * scale)
    with tarfile.open(folder / "mixed.tar", "w") as tar:
        for path, size_bytes in regular_files(
            Path(sys.prefix), Path("/usr/lib"), Path("/usr/share")
        ):
            if size_bytes <= left:
                tar.add(path, recursive=False)
                left -= size_bytes


def make_random(folder: Path, scale: float) -> None:
    (folder / "noise").write_bytes(np.random.default_rng(1).bytes(round(RANDOM_BYTES * scale)))


def make_tensors(folder: Path, scale: float) -> None:
    """bf16 normals, and a copy with a few bytes inserted every 256 KiB."""
    count = round(TENSOR_BYTES * scale) // 2
    floats = np.random.default_rng(1).standard_normal(count, np.float32)
    tensor = (floats.view(np.uint32) >> 16).astype("<u2").tobytes()
    (folder / "a.bin").write_bytes(tensor)
    with open(folder / "b.bin", "wb") as file:
        for start in range(0, len(tensor), INSERT_EVERY_BYTES):
            file.write(b"insert" + tensor[start : start + INSERT_EVERY_BYTES])


def make_small(folder: Path, scale: float) -> None:
    draw = random.Random(2)
    for i in range(round(SMALL_FILES * scale)):
        parent = folder / f"{i // 200:03}"
        parent.mkdir(exist_ok=True)
        (parent / f"{i}").write_bytes(draw.randbytes(draw.randrange(200, 6000)))


def make_versions(folder: Path, scale: float) -> None:
    """Successive versions of one tree of this machine's Python packages, each as two tars.

    ``releases`` are as git archive writes them: under the version's name, all files of one time.
    ``backups`` are of a tree that is worked in: a file keeps its name and time until it changes.
    """
    releases, backups = folder / "releases", folder / "backups"
    releases.mkdir()
    backups.mkdir()
    draw = random.Random(3)
    tree = python_tree(draw, round(TREE_BYTES * scale))
    # Held back, for later versions to add.
    unborn = {
        name: tree.pop(name)
        for name in draw.sample(sorted(tree), round(len(tree) * ADDED * (VERSIONS - 1)))
    }
    changed: dict[str, int] = {}
    before: dict[str, bytes] = {}
    for version in range(VERSIONS):
        if version:
            revise(tree, unborn, version, draw)
        changed |= {name: version for name in tree if tree[name] is not before.get(name)}
        before = dict(tree)
        write_archive(releases / f"{version:02}.tar", tree, f"tree-{version}", {}, version)
        write_archive(backups / f"{version:02}.tar", tree, "tree", changed, 0)


def python_tree(draw: random.Random, total_bytes: int) -> dict[str, bytes]:
    """Texts and binaries of the standard library and the installed packages, drawn at random."""
    library, packages = (Path(sysconfig.get_path(name)) for name in ("stdlib", "platlib"))
    found = [
        (path, path.relative_to(root).as_posix(), size_bytes)
        for root in (library, packages)
        for path, size_bytes in regular_files(root)
        if size_bytes <= TREE_FILE_BYTES_MAX
    ]
    draw.shuffle(found)
    tree: dict[str, bytes] = {}
    for path, name, size_bytes in found:
        if size_bytes <= total_bytes and name not in tree:
            tree[name] = path.read_bytes()
            total_bytes -= size_bytes
    return tree


def revise(
    tree: dict[str, bytes], unborn: dict[str, bytes], version: int, draw: random.Random
) -> None:
    """Turn ``tree`` into its next version."""
    files = len(tree)
    directories = sorted({str(PurePosixPath(name).parent) for name in tree})
    worked_on = {*draw.sample(directories, round(len(directories) * WORKED_ON))}
    candidates = [name for name in sorted(tree) if str(PurePosixPath(name).parent) in worked_on]
    edited = round(files * EDITED)
    for name in draw.sample(candidates, min(edited, len(candidates))):
        edit = edited_binary if b"\0" in tree[name][:8192] else edited_text
        tree[name] = edit(tree[name], draw)
    for name in draw.sample(sorted(tree), round(files * REMOVED)):
        del tree[name]
    for name in draw.sample(sorted(tree), round(files * RENAMED)):
        path = PurePosixPath(name)
        tree[str(path.with_name(f"v{version}_{path.name}"))] = tree.pop(name)
    for name in sorted(unborn)[: round(files * ADDED)]:
        tree[name] = unborn.pop(name)


def edited_text(data: bytes, draw: random.Random) -> bytes:
    """A few stretches of lines inserted, deleted or replaced; new lines mix the words of old."""
    lines = data.split(b"\n")
    for _ in range(draw.randint(1, 8)):
        count = draw.randint(1, 12)
        words = b" ".join(draw.choices(lines, k=count)).split() if lines else []
        fresh = [b"    " + b" ".join(draw.sample(words, len(words) // 2)) for _ in range(count)]
        at = draw.randrange(len(lines) + 1)
        old, new = draw.choice(((0, fresh), (count, []), (count, fresh)))
        lines[at : at + old] = new
    return b"\n".join(lines)


def edited_binary(data: bytes, draw: random.Random) -> bytes:
    """A few stretches inserted, deleted or replaced, as rebuilding a program does."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 20)):
        length = draw.randint(4, 512)
        fresh = draw.randbytes(length)
        at = draw.randrange(len(changed) + 1)
        old, new = draw.choice(((0, fresh), (length, b""), (length, fresh)))
        changed[at : at + old] = new
    return bytes(changed)


def write_archive(
    path: Path, tree: dict[str, bytes], top: str, changed: dict[str, int], version: int
) -> None:
    """``changed`` is the version that last changed a file, ``version`` that of those not in it."""
    with tarfile.open(path, "w") as tar:
        for name, data in sorted(tree.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(data)
            entry.mtime = 1_700_000_000 + changed.get(name, version) * 604_800
            tar.addfile(entry, BytesIO(data))


MAKERS: dict[str, Callable[[Path, float], None]] = {
    "mixed-tar": make_mixed,
    "random": make_random,
    "tensor-inserts": make_tensors,
    "versions": make_versions,
    "small-files": make_small,
}
