"""When a scan first says, with an interval, what compression alone gives: one run, ended there.

    python bench/speed/first_answer.py PLACE STARTED

STARTED is the monotonic clock when this was started. Prints JSON: the answers until then, each with
its label, ratio (low, value, high) and the seconds since STARTED.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from storeff import analysis
from storeff.estimate.answer import COMPRESSION_ONLY, Answer


def answers(place: Path, started: float) -> list[dict[str, Any]]:
    """The answers that a default scan of ``place`` gives until one is of compression only and
    has an interval: then the last one ``is_wanted``."""
    stop = threading.Event()
    found: list[dict[str, Any]] = []

    def note(answer: Answer) -> None:
        if stop.is_set():
            return
        ratio = answer.ratio
        seconds = time.monotonic() - started
        is_wanted = answer.label == COMPRESSION_ONLY and None not in (ratio.low, ratio.high)
        found.append(
            {
                "label": answer.label,
                "seconds": seconds,
                "ratio": [ratio.low, ratio.value, ratio.high],
                "is_wanted": is_wanted,
            }
        )
        if is_wanted:
            stop.set()

    analysis.measure(place, stop=stop, on_answer=note)
    return found


if __name__ == "__main__":
    json.dump({"answers": answers(Path(sys.argv[1]), float(sys.argv[2]))}, sys.stdout)
