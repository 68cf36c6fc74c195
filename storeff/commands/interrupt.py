"""What an interrupt does: the work in flight is finished, and what was measured is reported."""

import signal
import threading

import click


def stop_on_interrupt(stop: threading.Event) -> None:
    """The first interrupt sets ``stop``; the next one acts as ever."""

    def first(signum: int, frame: object) -> None:
        stop.set()
        signal.signal(signum, signal.default_int_handler)
        click.echo("storeff: finishing what is in flight; interrupt again to stop now", err=True)

    signal.signal(signal.SIGINT, first)
    signal.signal(signal.SIGTERM, first)
