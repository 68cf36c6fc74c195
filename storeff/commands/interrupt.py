"""What an interrupt does: the work in flight is finished, and what was measured is reported."""

import signal
import threading
import time
from types import FrameType

from storeff.interrupts import handle, received, say, stop_at_once

# `timeout` sends its signal to the process and to its group: that is one request, not two. Nobody
# presses a key twice as fast.
ONE_REQUEST_SECONDS = 0.1


def stop_on_interrupt(stop: threading.Event) -> None:
    """The first SIGINT, SIGTERM or SIGHUP sets ``stop``, a second one ends the process.

    A hangup is told by the kernel and by the shell, so that further ones say nothing new.
    """

    def first(signum: int, frame: FrameType | None) -> None:
        asked_at = time.monotonic()

        def second(signum: int, frame: FrameType | None) -> None:
            same = time.monotonic() - asked_at < ONE_REQUEST_SECONDS
            if signum != signal.SIGHUP and not same:
                stop_at_once(signum, frame)

        received.append(signum)
        stop.set()
        handle(second)
        say("storeff: finishing what is in flight; interrupt again to stop now")

    handle(first)
