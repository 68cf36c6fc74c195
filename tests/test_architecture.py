"""Dependencies point one way: sources, scan, estimate, kv, layout, economics, report, commands."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "storeff"
ROOMS = ["sources", "scan", "estimate", "kv", "layout", "economics", "report", "commands"]
# Below kv/, in order. How a scan tells a dump goes the other way: it is handed a function.
KV_ROOMS = ["dumps", "models", "trace", "measure", "retention"]
FOUNDATIONS = {"errors", "units", "text", "quantity", "data", "files"}
SAMPLES = PACKAGE.parent / "samples" / "data" / "source"
MODULES = sorted(PACKAGE.rglob("*.py"))


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
        return FOUNDATIONS | {"sources"}
    if room == "__main__":
        return {"commands", "errors", "interrupts", "streams", "text"}
    return FOUNDATIONS


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
    found = {name for name in sys.modules if name.startswith("storeff.")}
    print(*sorted(found), file=sys.stderr)
"""


def test_a_scan_loads_nothing_of_similarity_unless_it_is_asked_for() -> None:
    def loaded(*words: str) -> set[str]:
        command = [sys.executable, "-c", _MODULES_OF_A_SCAN, "scan", str(SAMPLES), "-q", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        names = done.stderr.split()
        return {name for name in names if "similar" in name or "siblings" in name}

    assert not loaded()
    assert "storeff.scan.similar" in loaded("--similarity")
