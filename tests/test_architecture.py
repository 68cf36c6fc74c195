"""Dependencies point one way, from sources to commands: see ROOMS."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "storeff"
ROOMS = [
    *(
        "sources",
        "scan",
        "estimate",
        "kv",
        "layout",
        "economics",
        "report",
        "analysis",
        "parts",
        "dry_run",
    ),
    "commands",
]
# Below kv/, in order. How a scan tells a dump goes the other way: it is handed a function.
KV_ROOMS = ["dumps", "models", "trace", "measure", "retention"]
FOUNDATIONS = {"errors", "units", "text", "quantity", "data", "files"}
SAMPLES = PACKAGE.parent / "samples" / "data" / "source"
MODULES = sorted(PACKAGE.rglob("*.py"))
FLAG = re.compile(r"(?<![\w-])--[a-z]")


def imported_rooms(path: Path, below: str = "storeff") -> set[str]:
    """Names directly under ``below`` that the module at ``path`` imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        inside = f"{below}."
        found |= {n.removeprefix(inside).split(".")[0] for n in names if n.startswith(inside)}
    return found


def allowed_rooms(path: Path) -> set[str]:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ROOMS:
        native = {"_native"} if room in ("sources", "scan", "kv") else set()
        left = set(ROOMS[: ROOMS.index(room) + 1])
        stopping = {"interrupts"} if room == "commands" else set()
        return FOUNDATIONS | left | native | stopping | {"__version__"}
    if room == "testing":
        return FOUNDATIONS | {"sources", "scan"}
    if room == "__init__":
        return {"analysis", "dry_run", "errors", "parts"}
    if room == "__main__":
        return {"commands", "errors", "interrupts", "streams", "text"}
    return FOUNDATIONS | ({"interrupts"} if room == "files" else set())


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_to_its_left(path: Path) -> None:
    assert imported_rooms(path) <= allowed_rooms(path)


@pytest.mark.parametrize("room", KV_ROOMS)
def test_a_room_of_kv_imports_only_from_those_before_it(room: str) -> None:
    paths = sorted((PACKAGE / "kv" / room).glob("*.py"))
    assert paths
    found = set().union(*(imported_rooms(path, "storeff.kv") for path in paths))
    assert found <= set(KV_ROOMS[: KV_ROOMS.index(room) + 1])


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


_MODULES_OF_A_SCAN = """
import sys
from storeff.__main__ import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def loaded_by_a_scan(*words: str) -> set[str]:
    command = [sys.executable, "-P", "-c", _MODULES_OF_A_SCAN, "scan", "-q", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(done.stderr.split())


def test_a_scan_loads_nothing_of_similarity_unless_it_is_asked_for() -> None:
    def loaded(*words: str) -> set[str]:
        names = loaded_by_a_scan(str(SAMPLES), *words)
        return {name for name in names if "similar" in name or "siblings" in name}

    assert not loaded()
    assert "storeff.scan.similar" in loaded("--similarity")


def test_a_small_scan_loads_only_what_it_needs() -> None:
    loaded = loaded_by_a_scan(str(SAMPLES))
    assert "storeff.sources.tree" in loaded
    assert not loaded & {
        *("storeff.sources.object_store", "storeff.sources.object_inventory"),
        *("storeff.sources.name_list", "storeff.sources.formats.hdf5"),
        # What takes 10 ms and more, and is no part of storeff.
        *("scipy", "numpy.ma", "subprocess"),
    }


def words_of_the_command_line(path: Path) -> list[str]:
    """Strings of the module at ``path`` that name a flag."""
    strings = (
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [string for string in strings if FLAG.search(string)]


def speaks_for_the_command_line(path: Path) -> bool:
    """The commands, and the first screen, which ends in the command to type next."""
    room, *rest = path.relative_to(PACKAGE).parts
    return room in ("commands", "__main__.py") or (room, *rest) == ("report", "summary.py")


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if not speaks_for_the_command_line(path)],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_only_the_command_line_speaks_of_its_flags(path: Path) -> None:
    assert words_of_the_command_line(path) == []


def test_a_flag_in_a_string_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('x = f"read {1}: --sample 100%"\ny = "a--b -- 1--2"\n')
    assert words_of_the_command_line(tmp_path / "a.py") == [": --sample 100%"]


def test_no_test_imports_a_test() -> None:
    for path in Path(__file__).parent.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) test_", path.read_text(), re.MULTILINE), path
