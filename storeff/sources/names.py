"""File names as text. A name is any bytes but NUL and '/', and may be hostile to a terminal."""


def printable(path: bytes) -> str:
    r"""``path`` as valid Unicode without control, bidirectional or other invisible characters.

    Bytes that are not UTF-8 become ``\xNN``, unprintable characters ``\uNNNN`` or ``\UNNNNNNNN``,
    a backslash ``\\``: two paths never look the same by way of the escapes.
    """
    text = path.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if c.isprintable() and c != "\\" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
