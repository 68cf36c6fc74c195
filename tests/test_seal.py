"""The canonical form of a report and its seal."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.report.seal import canonical, seal_of, stated_seal

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab\n\x7f€é"), inner),
    max_leaves=12,
)


@given(JSON)
def test_the_canonical_form_is_the_same_document(document: Any) -> None:
    assert json.loads(canonical(document)) == document
    assert canonical(json.loads(canonical(document))) == canonical(document)


@pytest.mark.parametrize(
    ("document", "form"),
    [
        ({"b": 1, "a": [True, None, "x"]}, b'{"a":[true,null,"x"],"b":1}'),
        # RFC 8785, 3.2.2.2: no more is escaped than must be.
        ({"": '\u20ac$\u000f\nA\'B"\\\\"/'}, '{"":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()),
        # Of RFC 8785 it keeps the fewest digits, but writes integers in full.
        ([4.5, 2e-3, 1e30, 0.1 + 0.2], b"[4.5,0.002,1e+30,0.30000000000000004]"),
        (50 * 10**21 + 1, b"50000000000000000000001"),
        ([1, 1.0, -0.0], b"[1,1.0,-0.0]"),
    ],
)
def test_what_the_canonical_form_looks_like(document: Any, form: bytes) -> None:
    assert canonical(document) == form


def test_the_seal_is_the_digest_of_everything_but_itself() -> None:
    document = {"b": 2, "run": {"sha256": "whatever", "seed": 1}}
    assert seal_of(document) == hashlib.sha256(b'{"b":2,"run":{"seed":1}}').hexdigest()
    assert stated_seal(document) == "whatever"
    assert document["run"] == {"sha256": "whatever", "seed": 1}


@pytest.mark.parametrize("document", [{}, {"run": None}, {"run": {"seed": 1}}])
def test_a_document_without_a_seal_has_none(document: dict[str, Any]) -> None:
    assert stated_seal(document) is None
    assert len(seal_of(document)) == 64
