"""Dependencies point one way, from sources to commands: see ROOMS."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "storeff"
ROOMS = [
    *("sources", "scan", "estimate", "kv", "layout", "economics", "report", "analysis", "commands")
]
FOUNDATIONS = {"errors", "units", "text", "quantity", "data", "files"}
MODULES = sorted(PACKAGE.rglob("*.py"))
FLAG = re.compile(r"(?<![\w-])--[a-z]")


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
        native = {"_native"} if room in ("scan", "kv") else set()
        left = set(ROOMS[: ROOMS.index(room) + 1])
        stopping = {"interrupts"} if room == "commands" else set()
        return FOUNDATIONS | left | native | stopping | {"__version__"}
    if room == "__init__":
        return {"analysis", "errors"}
    if room == "__main__":
        return {"commands", "errors", "interrupts", "streams", "text"}
    return FOUNDATIONS | ({"interrupts"} if room == "files" else set())


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_to_its_left(path: Path) -> None:
    assert imported_rooms(path) <= allowed_rooms(path)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def words_of_the_command_line(path: Path) -> list[str]:
    """Strings of the module at ``path`` that name a flag."""
    strings = (
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [string for string in strings if FLAG.search(string)]


def speaks_for_the_command_line(path: Path) -> bool:
    """The commands, and what a terminal shows: its reader typed a command, and may type another."""
    room, *rest = path.relative_to(PACKAGE).parts
    return room in ("commands", "__main__.py") or (
        room == "report" and rest[0].startswith("terminal")
    )


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
