"""What a signal to stop does. Nothing slow is imported here: it is in force before all the rest.

The process is stopped at once, in the handler: an exception would go through imports, threads and
libraries, which may swallow it, wait for each other, or turn it into another one.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

EXIT_INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The signal, once there is one, for which the process is finishing what is in flight.
received: list[int] = []
# What must not be left behind: a file half written, a terminal without its cursor.
undo: list[Callable[[], None]] = []


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have ``handler`` called for each of STOPPING, but for a hangup that nohup has set aside."""
    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def ignore() -> None:
    """Take no notice of STOPPING any more: all is said, and the interpreter, which gives its own
    handlers up first when it ends, would let one of them decide the exit code."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def stop_at_once(signum: int, frame: FrameType | None) -> None:
    """End the process with a line and EXIT_INTERRUPTED."""
    for each in undo:
        each()
    say("storeff: interrupted")
    os._exit(EXIT_INTERRUPTED)


def say(line: str) -> None:
    """Write ``line`` to stderr from a handler, where its buffer must not be touched."""
    # The terminal may be gone, which is what a hangup says.
    with contextlib.suppress(OSError):
        start = "\r" if os.isatty(2) else ""
        os.write(2, f"{start}{line}\n".encode())
