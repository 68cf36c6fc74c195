"""The one exception that is meant for the caller, and the nearest right name."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class StoreffError(Exception):
    """Bad input or an environment that cannot do the job: printed without a traceback, exit 1.

    ``message`` says what is wrong, where, and why; ``remedy`` says what to do about it, in words
    that are true for a library call too. ``code`` names what the remedy changes, such as
    "sampling": the command line adds its own flags for it. Anything else that escapes is a bug and
    gets a traceback.
    """

    def __init__(self, message: str, remedy: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code


class UsageError(StoreffError):
    """Arguments that cannot be what was meant, such as an unknown name: exit code 2."""


def pick(entries: Mapping[str, T], name: str, kind: str) -> T:
    """The entry called ``name``. Raises UsageError, with the nearest, if there is none;
    ``kind`` says what it is a name of, such as "layout", and is the code of the error."""
    if name not in entries:
        raise UsageError(
            f"unknown {kind} {name!r}{did_you_mean(name, entries)}",
            f"choose one of {', '.join(entries)}",
            kind,
        )
    return entries[name]


class ContradictionError(Exception):
    """A file contradicts itself. The message says how; who knows the file's name adds it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the one of ``known`` most like ``name``; or nothing."""
    from difflib import get_close_matches

    # The case of a letter is no difference in meaning; a long name is not worth the square of it.
    by_folded = {each.casefold(): each for each in known}
    nearest = get_close_matches(name[:100].casefold(), by_folded, 1)
    return f" (did you mean {by_folded[nearest[0]]!r}?)" if nearest else ""
