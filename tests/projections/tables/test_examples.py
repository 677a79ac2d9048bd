"""Examples: the keys of their texts."""

from __future__ import annotations

import hashlib
from uuid import UUID

from projections.tables.examples import id_key

from ..given import captured, corrected, given, redacted

ODD = "Zwölf Rollen „TPO“ \U0001f3e0\0 \r\n ’’ \u2028"


def test_keys_are_those_of_the_text_as_it_is() -> None:
    told = given(
        captured("a", ODD, ODD),
        captured("b", "", ""),
        corrected("a", prompt=ODD, wrong="", right=ODD),
        corrected("b", id="c"),
        redacted("b", ODD, "x"),
        redacted("c", "p", ODD, original_response=ODD),
    )
    rows = told.con.execute(
        """SELECT prompt, response, original_response, text_key::VARCHAR, analysis_key::VARCHAR FROM examples"""
    ).fetchall()
    assert len(rows) == 4
    for prompt, response, original, text_key, analysis_key in rows:
        assert text_key == key(f"{prompt}\0{response}")
        assert analysis_key == key("\0".join([prompt, response, *([] if original is None else [original])]))


def key(text: str) -> str:
    """128 bits of SHA-256 as a UUID."""
    return str(UUID(hashlib.sha256(text.encode()).hexdigest()[:32]))


def test_an_id_without_utf8_has_a_key_of_its_own() -> None:
    """Subjects and arguments may hold any bytes, which Python keeps as lone surrogates."""
    keys = {id_key(example_id) for example_id in ("bad", "bad\udcff", "bad\udcfe", "bad�")}
    assert len(keys) == 4
