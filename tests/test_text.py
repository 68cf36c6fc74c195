"""Nothing from outside steers a terminal or hides on it, and what can be read stays as it is."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.text import escaped, escaped_json

# Surrogates too: names that are not UTF-8 hold them.
ANY = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 源 and 😀", "plain, naïve, 源 and 😀"),
        ("C:\\x1b", "C:\\x1b"),
        ("a\x1b]0;owned\x07b", "a\\u001b]0;owned\\u0007b"),
        ("\u202ec\x9b2J", "\\u202ec\\u009b2J"),
        ("one\r\n\ttwo\x00\x7f", "one\\u000d\\u000a\\u0009two\\u0000\\u007f"),
        ("\u2028\u2029\xa0\xad\ufeff\u200b", "\\u2028\\u2029\\u00a0\\u00ad\\ufeff\\u200b"),
        ("\ud800\udcff", "\\ud800\\xff"),
        ("\u3164\uffa0\u115f\u034f\ufe0f", "\\u3164\\uffa0\\u115f\\u034f\\ufe0f"),
        ("\U000e0041\U000e0100", "\\U000e0041\\U000e0100"),
    ],
)
def test_what_cannot_be_seen_is_written_by_its_number(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(ANY)
def test_what_is_left_is_in_one_line_without_control_or_format_characters(text: str) -> None:
    shown = escaped(text)
    assert shown.splitlines() in ([shown], [])
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    shown.encode()


@given(ANY)
def test_what_is_escaped_is_not_escaped_again(text: str) -> None:
    assert escaped(escaped(text)) == escaped(text)


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_stays_equal_and_shows_all_it_holds(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False).encode()
    shown = escaped_json(document)
    assert json.loads(shown) == value
    assert escaped(shown.decode()) == shown.decode()
