"""What tests that build with sanitizers share."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def runtime(name: str) -> str:
    """The path of a sanitizer's runtime; skips the test if there is none."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc to build with sanitizers")
    command = [compiler, f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(found):
        pytest.skip(f"gcc has no {name}")
    return found


def fixed_addresses() -> list[str]:
    """What to put before a command under ThreadSanitizer, whose shadow memory leaves no room for
    random addresses; skips the test if they cannot be fixed."""
    command = ["setarch", "--addr-no-randomize"]
    if shutil.which("setarch") is None:
        pytest.skip("no setarch (util-linux) to run ThreadSanitizer at fixed addresses")
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("setarch may not fix addresses here, as ThreadSanitizer needs them")
    return command


def run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    finished = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, (finished.stdout + finished.stderr)[-5000:]
