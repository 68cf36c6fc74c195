"""Text from outside is printed so that it can do nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.text import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("na\u00efve \u65e5\u672c \U0001f600", "na\u00efve \u65e5\u672c \U0001f600"),
        ("\x1b[31m", r"\u001b[31m"),
        ("a\nb\r\tc", r"a\u000ab\u000d\u0009c"),
        ("\u202eright\u2066", r"\u202eright\u2066"),
        ("\udcff", r"\xff"),
        ("\U000e0001", r"\U000e0001"),
        ("C:\\temp", "C:\\temp"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_what_is_printed_is_printable_and_says_the_same(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    if "\\" not in text:
        back = re.sub(r"\\u(....)|\\U(........)", lambda m: chr(int(m[1] or m[2], 16)), shown)
        assert back == text
