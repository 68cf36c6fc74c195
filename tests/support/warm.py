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

SECONDS = 120

_TESTS = str(Path(__file__).parents[1])
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["support.preloaded", __name__])


@cache
def _start() -> None:
    """Have the process that is forked import what is installed, and not what lies where it is
    started, which may be sources that are not built."""
    path = os.pathsep.join(filter(None, [_TESTS, os.environ.get("PYTHONPATH")]))
    with mock.patch.dict(os.environ, {"PYTHONSAFEPATH": "1", "PYTHONPATH": path}):
        forkserver.ensure_running()


def finished(
    words: Sequence[str], cwd: str | Path | None, env: Mapping[str, str] | None, before: str
) -> "subprocess.CompletedProcess[str]":
    """``storeff`` with ``words``, run in ``cwd`` with the environment ``env``, after the code
    ``before``."""
    _start()
    with tempfile.TemporaryDirectory() as folder:
        streams = [os.devnull, f"{folder}/stdout", f"{folder}/stderr"]
        given = (words, os.fspath(cwd or os.getcwd()), dict(env or os.environ), streams, before)
        process = _FORKS.Process(target=_run, args=given)
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([*words], SECONDS)
        stdout, stderr = (Path(path).read_text() for path in streams[1:])
    return subprocess.CompletedProcess([*words], process.exitcode, stdout, stderr)


def _run(
    words: Sequence[str], cwd: str, env: Mapping[str, str], streams: Sequence[str], before: str
) -> None:
    from storeff.__main__ import main

    # What cannot be imported is left to each command, without a word.
    assert "support.preloaded" in sys.modules
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_CREAT | os.O_WRONLY if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["storeff", *words]
    exec(before)
    main()
