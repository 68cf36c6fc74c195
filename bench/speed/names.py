"""What it takes to look at the files that a list names, beside a walk of the same: one process.

    python bench/speed/names.py [--folders 1000] [--repeat 5] [-o bench/results/DATE-names.json]

Folders of 200 files each. ``walk`` lists them; the others take their names from a list: ``sorted``
as LC_ALL=C sort has them, ``found`` as the file system does, folder by folder, ``shuffled`` in no
order. The times are CPU microseconds a file, medians over rounds, with what a list takes before
anything is listed: it is read once, and again if it is in no ascending order.
"""

import json
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from timing import Row, here, machine, take_rounds

from storeff.sources.entry import Entries
from storeff.sources.name_list import NameList
from storeff.sources.named import listed_source
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree

FOLDER_FILES = 200


def make_files(place: Path, folders: int) -> list[bytes]:
    """Their paths, in the order of the file system."""
    for i in range(folders):
        folder = place / f"{i // 20:03}" / f"{i % 20:02}"
        folder.mkdir(parents=True)
        for j in random.Random(i).sample(range(10**8), FOLDER_FILES):
            (folder / f"part-{j:08}.bin").write_bytes(b"x" * 100)
    found = os.walk(bytes(place))
    return [os.path.join(folder, name) for folder, _, names in found for name in names]


def list_all(source: Callable[[], Source], files: int) -> None:
    listed = sum(len(some) for some in source().list() if isinstance(some, Entries))
    if listed != files:
        raise click.ClickException(f"{listed:,} of {files:,} files were listed")


def named(path: Path) -> Source:
    return listed_source(NameList(path))


def orders(found: Sequence[bytes]) -> dict[str, Sequence[bytes]]:
    shuffled = random.Random(1).sample(found, len(found))
    return {"sorted": sorted(found), "found": found, "shuffled": shuffled}


@click.command()
@click.option("--folders", default=1000, show_default=True, help="So many, of 200 files each.")
@click.option("--repeat", default=5, show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def main(folders: int, repeat: int, output: Path | None) -> None:
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "files")
        found = make_files(place, folders)
        sources: dict[str, Callable[[], Source]] = {"walk": partial(LocalTree, [place])}
        for label, names in orders(found).items():
            path = Path(scratch, label)
            path.write_bytes(b"\n".join(names))
            sources[label] = partial(named, path)
        rows = [
            Row(label, partial(here, partial(list_all, source, len(found))), repeat)
            for label, source in sources.items()
        ]
        take_rounds(rows)
    result: dict[str, Any] = {**machine(load_before), "files": len(found), "microseconds": {}}
    for row in rows:
        each = result["microseconds"][row.label] = round(row.cpu_seconds / len(found) * 1e6, 2)
        click.echo(f"{row.label:9} {each:6.2f} us a file, {row.ratio(rows[0]):5.2f} of the walk")
    if output:
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
