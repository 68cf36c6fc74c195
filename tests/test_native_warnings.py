"""csrc compiles without a single warning."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[1] / "csrc").glob("*.c"))
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wvla", "-Werror"]


def test_there_are_sources() -> None:
    assert SOURCES


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc)")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_warnings(source: Path, tmp_path: Path) -> None:
    command = ["cc", *STRICT, "-O2", "-c", str(source), "-o", str(tmp_path / "object.o")]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
