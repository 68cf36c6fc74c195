"""File names as text. A name is any bytes but NUL and '/', and may be hostile to a terminal."""

from storeff.text import escaped


def printable(path: bytes) -> str:
    r"""``path`` as valid Unicode without control, bidirectional or other invisible characters.

    They are escaped as ``storeff.text`` does, and a backslash as ``\\``: two paths never look the
    same by way of the escapes.
    """
    return escaped(path.decode("utf-8", "surrogateescape").replace("\\", "\\\\"))
