"""Storeff in a process of its own that is forked from one which has imported it: to start afresh
takes longer than most of what a test asks for."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

import storeff.commands

SECONDS = 120

# The first sets what the libraries of the others are to find when they are imported.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "storeff.commands",
        *(f"storeff.commands.{name}" for name in storeff.commands.COMMANDS),
        *("storeff.analysis", "storeff.parts", "storeff.__main__"),
        *("storeff.report.terminal", "storeff.report.formats.json"),
    ]
)


@cache
def _start() -> None:
    """Have the process that is forked import what is installed, and not what lies where it is
    started, which may be sources that are not built."""
    with mock.patch.dict(os.environ, {"PYTHONSAFEPATH": "1"}):
        forkserver.ensure_running()


def finished(
    words: Sequence[str], cwd: str | Path | None, env: Mapping[str, str] | None
) -> "subprocess.CompletedProcess[str]":
    """``storeff`` with ``words``, run in ``cwd`` with the environment ``env``."""
    _start()
    with tempfile.TemporaryDirectory() as folder:
        streams = [os.devnull, f"{folder}/stdout", f"{folder}/stderr"]
        given = (words, os.fspath(cwd or os.getcwd()), dict(env or os.environ), streams)
        process = _FORKS.Process(target=_run, args=given)
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([*words], SECONDS)
        stdout, stderr = (Path(path).read_text() for path in streams[1:])
    return subprocess.CompletedProcess([*words], process.exitcode, stdout, stderr)


def _run(words: Sequence[str], cwd: str, env: Mapping[str, str], streams: Sequence[str]) -> None:
    from storeff.__main__ import main

    for number, path in enumerate(streams):
        opened = os.open(path, os.O_CREAT | os.O_WRONLY if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["storeff", *words]
    main()
