"""Workers of dask.distributed, which keep what tasks give until it is merged there.

A scheduler unpickles what it is sent. What is to be done is pickled beforehand, so that there it is
only bytes: the scheduler imports nothing for it and need not have storeff.
"""

import contextlib
import operator
import os
import pickle
import time
import uuid
import weakref
from collections.abc import Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Any

from storeff.errors import StoreffError
from storeff.scan.executor import ASK_SECONDS, Workers
from storeff.scan.remote import GATHER_TASKS
from storeff.scan.tasks import Done, united

# How long a scheduler has to answer.
CONNECT_SECONDS = 30


def workers_of(where: str) -> Workers:
    """Those of the scheduler at the address ``where``, or of one that wrote the file of that
    name."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise StoreffError(
            "dask.distributed is not installed here", "pip install 'storeff[dask]'"
        ) from error
    client: Any = None
    asked_at, slots = 0.0, 0

    def open_() -> Executor:
        nonlocal client
        try:
            if client is None:
                is_file = os.path.exists(where)
                given = {"scheduler_file": where} if is_file else {"address": where}
                client = distributed.Client(timeout=CONNECT_SECONDS, set_as_default=False, **given)
        except (OSError, TimeoutError, ValueError) as error:
            raise StoreffError(
                f"no scheduler of dask answers at {where}: {error}",
                "start one (dask scheduler), and give its address, or the file that it wrote",
                "executor",
            ) from error
        return _Keeping(client)

    def slots_(executor: Executor) -> int:
        nonlocal asked_at, slots
        if time.monotonic() >= asked_at + ASK_SECONDS:
            asked_at, slots = time.monotonic(), sum(client.nthreads().values())
        return slots

    def close(executor: Executor) -> None:
        nonlocal client
        # The scheduler may be gone, and with it what is in flight.
        with contextlib.suppress(OSError, TimeoutError, CancelledError):
            executor.shutdown(wait=False)
        client.close(timeout=ASK_SECONDS)
        client = None

    return Workers(f"dask at {where}", open_, slots_, close, _gather)


class _Keeping(Executor):
    """Runs what is submitted on the workers of ``client``. What comes of it stays there: here only
    a name of it is known, and it is forgotten when nobody holds that."""

    def __init__(self, client: Any) -> None:
        self.client = client
        # What was asked of these is done when it is here.
        self.pool = ThreadPoolExecutor(1)
        self.fetching: Any = client.get_executor(pure=False)
        self.held: weakref.WeakSet[Any] = weakref.WeakSet()

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        pipe, work = import_module("toolz").pipe, _pickled(partial(function, *args, **kwargs))
        key = f"{function.__name__}-{uuid.uuid4()}"
        remote = self.client.submit(pipe, work, pickle.loads, operator.call, key=key)
        here: Future[Any] = Future()
        self.held.add(remote)

        def tell(remote: Any) -> None:
            if remote.status in ("cancelled", "lost"):
                here.cancel()
            if not here.set_running_or_notify_cancel():
                return
            if remote.status == "error":
                here.set_exception(remote.exception())
            else:
                here.set_result(remote)

        def cancel(here: Future[Any]) -> None:
            if here.cancelled() and remote.status != "cancelled":
                remote.cancel()

        here.add_done_callback(cancel)
        remote.add_done_callback(tell)
        return here

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.fetching.shutdown(wait=wait)
        self.client.cancel([*self.held])


def _gather(executor: Executor, results: Sequence[Any]) -> Future[list[Done]]:
    """What the tasks that gave ``results`` have found. Much is merged by a worker before it goes
    on; for little nobody waits until one is free."""
    assert isinstance(executor, _Keeping)
    if len(results) < GATHER_TASKS:
        return executor.pool.submit(executor.client.gather, [*results])
    there = executor.client.submit(pickle.loads, _pickled(united), priority=1, pure=False)
    future: Future[list[Done]] = executor.fetching.submit(
        operator.call, there, [*results], priority=1
    )
    return future


def _pickled(work: Any) -> bytes:
    """What workers can call, of anything that dask could send them."""
    made: bytes = import_module("distributed.protocol.pickle").dumps(work)
    return made
