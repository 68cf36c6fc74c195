"""Text from outside, such as names in files, made safe to print."""

import re

# Characters that count as letters or marks, and of which nothing is seen: Unicode's default
# ignorable code points (DerivedCoreProperties 16.0) that str.isprintable() lets through.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NOT_ASCII = re.compile("[^\x00-\x7e]")


def escaped(text: str) -> str:
    r"""``text`` in one line, with all that cannot be seen as ``\xNN``, ``\uNNNN``, ``\UNNNNNNNN``.

    Control and bidirectional characters, line breaks and other invisible ones could move the cursor
    or reorder what stands beside them. ``\xNN`` is a byte that was not UTF-8 (a surrogate escape).
    A backslash stays as it is, so that what is escaped already is not escaped again.
    """
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    return "".join(c if _seen(c) else escape(c) for c in text)


def excerpt(text: str, characters: int = 200) -> str:
    """The first ``characters`` of ``text``, escaped: a hostile value in a message."""
    return escaped(text[:characters])


def escape(character: str) -> str:
    """The escape that stands for ``character``."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def escaped_json(document: bytes) -> bytes:
    r"""The same JSON with characters that cannot be seen, DEL included, written as ``\uNNNN``."""
    return _NOT_ASCII.sub(_json_escape, document.decode()).encode()


def _seen(character: str) -> bool:
    return character.isprintable() and not _INVISIBLE.match(character)


def _json_escape(match: re.Match[str]) -> str:
    if _seen(match[0]):
        return match[0]
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
