"""Where tasks run: any concurrent.futures.Executor, by its name on the command line.

``processes:N`` are of this machine. ``dask:ADDRESS`` is a scheduler of dask.distributed, and
``dask:FILE`` one that wrote this file. ``module:factory`` is any callable that returns an Executor,
such as one for MPI, Parsl or Ray.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from storeff.errors import StoreffError, UsageError
from storeff.scan.machine import number_of
from storeff.scan.tasks import Done

# An executor that does not say how many workers it has is taken to have so many.
UNKNOWN_SLOTS = 16
# How often one that can grow is asked how many it has by now, and a worker whether it is orphaned.
ASK_SECONDS = 2.0


@dataclass
class Workers:
    """Executors of one kind. ``open`` gives one, and another after that is broken; ``slots`` says
    how many tasks it can run at a time by now; ``close`` leaves one, whatever is in flight.

    Where ``gather`` is not None, what comes of a task stays there until that brings it, of several
    tasks together, as it is or ``united``.
    """

    name: str
    open: Callable[[], Executor]
    slots: Callable[[Executor], int]
    close: Callable[[Executor], None]
    gather: Callable[[Executor, Sequence[Any]], Future[list[Done]]] | None = None


def workers_of(name: str) -> Workers:
    """The workers that ``name`` stands for. Raises UsageError if it is none that there is."""
    kind, colon, rest = name.partition(":")
    if not colon or not rest:
        raise UsageError(
            f"{name!r} names no executor",
            "write processes:4, dask:tcp://host:8786, dask:FILE or module:factory",
            "executor",
        )
    if kind == "processes":
        return _processes(number_of(kind, rest))
    if kind == "dask":
        from storeff.scan import dask_workers

        return dask_workers.workers_of(rest)
    return _made_by(kind, rest)


def _processes(count: int) -> Workers:
    return Workers(
        f"{count} processes",
        partial(
            ProcessPoolExecutor,
            count,
            # A process that forks while it has threads may be locked for ever.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(os.getpid(),),
        ),
        lambda executor: count,
        _shut_down,
    )


def _shut_down(executor: Executor) -> None:
    executor.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """What a process of a pool does first: it leaves interrupts to its parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ASK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _made_by(module: str, name: str) -> Workers:
    try:
        factory = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"there is no {name} in a module {module}: {error}",
            "name a callable that returns an executor, in a module that can be imported here",
            "executor",
        ) from error

    def open_() -> Executor:
        made = factory()
        if not isinstance(made, Executor):
            raise StoreffError(
                f"{module}:{name} gives a {type(made).__name__}, which is no Executor",
                "have it return a concurrent.futures.Executor",
                "executor",
            )
        return made

    return Workers(f"{module}:{name}", open_, _slots, _shut_down)


def _slots(executor: Executor) -> int:
    return int(getattr(executor, "_max_workers", UNKNOWN_SLOTS))
