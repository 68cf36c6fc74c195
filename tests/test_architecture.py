"""Dependencies point one way: sources, scan, estimate, kv, layout, economics, report, commands."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "storeff"
ROOMS = ["sources", "scan", "estimate", "kv", "layout", "economics", "report", "commands"]
FOUNDATIONS = {"errors", "units", "text", "quantity", "data", "files"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """Names directly under storeff that the module at ``path`` imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {n.split(".")[1] for n in names if n.startswith("storeff.")}
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


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450
