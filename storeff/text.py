"""Text from outside, such as names in files, made safe to print."""


def escaped(text: str) -> str:
    r"""``text`` with every character that is not printable as ``\xNN``, ``\uNNNN``, ``\UNNNNNNNN``.

    Control and bidirectional characters, line breaks and other invisible ones could move the cursor
    or reorder what stands beside them. ``\xNN`` is a byte that was not UTF-8 (a surrogate escape).
    A backslash stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else escape(c) for c in text)


def escape(character: str) -> str:
    """The escape that stands for ``character``."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
