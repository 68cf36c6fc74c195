"""Text from outside on its way to a terminal: nothing in it may steer one, or be invisible."""

import re

# Characters that count as letters or marks, and of which nothing is seen: Unicode's default
# ignorable code points (DerivedCoreProperties 16.0) that str.isprintable() lets through.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NOT_ASCII = re.compile("[^\x00-\x7e]")


def escaped(text: str) -> str:
    r"""``text`` in one line of what can be seen.

    Control, bidirectional and other invisible characters and lone surrogates become ``\xNN``,
    ``\uNNNN`` or ``\UNNNNNNNN``, line breaks too: break lines before. All else is left as it is,
    a backslash as well, so that what is escaped already is not escaped again.
    """
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    return "".join(c if _seen(c) else _code(c) for c in text)


def escaped_json(document: bytes) -> bytes:
    r"""The same JSON with characters that cannot be seen, DEL included, written as ``\uNNNN``."""
    return _NOT_ASCII.sub(_json_code, document.decode()).encode()


def _seen(character: str) -> bool:
    return character.isprintable() and not _INVISIBLE.match(character)


def _code(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _json_code(match: re.Match[str]) -> str:
    if _seen(match[0]):
        return match[0]
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
