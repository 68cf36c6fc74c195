"""The glossary defines each word that the screen uses, once."""

import re
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"
# Words of tables, notes and warnings on the terminal, as people read them.
ON_SCREEN = (
    *("coverage", "skipped", "ignored", "full scan", "hard link", "extent"),
    *("data reduction ratio", "compression only", "growth", "dedup domain"),
    *("exclusive bytes", "cross-source duplicates", "pooling saves", "similarity"),
    *("raw bytes", "nines", "expected loss", "maximum utilisation", "rebuild reserve"),
    *("padding", "contribution", "if one point worse", "reference layout", "power-limited"),
    *("5-year cost (present value)", "cost range", "price range", "out of date", "unknown"),
    *("from scenario", "95 % interval", "endurance-limited", "write amplification factor"),
    *("glance", "cell", "default table", "full table", "precision"),
    *("no change that the measurements show", "cause", "inconclusive"),
    *("offer", "take-or-pay", "early", "wait"),
    *("best method", "RMS error of values", "% of maximum", "GPU for recomputing", "TTL"),
)


def rows() -> list[tuple[str, str]]:
    found = re.findall(r"^\| (.+?) \| (.+) \|$", GLOSSARY.read_text(), re.MULTILINE)
    return [row for row in found if row != ("word", "meaning")]


@pytest.mark.parametrize("word", ON_SCREEN)
def test_a_word_of_the_screen_is_defined(word: str) -> None:
    assert word in [name for name, _ in rows()]


def test_no_word_is_defined_twice() -> None:
    names = [name.casefold() for name, _ in rows()]
    assert len(names) == len(set(names)) > len(ON_SCREEN)


def test_a_definition_is_more_than_its_word() -> None:
    assert [name for name, meaning in rows() if meaning.casefold() in name.casefold()] == []
