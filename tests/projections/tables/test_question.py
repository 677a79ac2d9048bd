"""The question: which spellings of a prompt are one question."""

from __future__ import annotations

import random

import pytest

from projections.store.database import connect
from projections.tables.question import question


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Why ?!", "why"),
        ("A  b", "a b"),
        ("...", ""),
        (" \t", ""),
        ("“TPO’s”\u00a0seam\r\nwidth?", '"tpo\'s" seam width'),
        ("Cafe\u0301", "caf\u00e9"),
        ("ΟΔΟΣ ΣΟΦΙΑΣ", "οδοσ σοφιασ"),
        ("İSTANBUL", "istanbul"),
        ("a\0b", "a\0b"),
        ("?why", "?why"),
    ],
)
def test_spelling_makes_no_other_question(prompt: str, asked: str) -> None:
    assert question(prompt) == asked
    assert question(asked) == asked


def test_plain_questions_are_normalised_as_others_are() -> None:
    """A blank that is no ASCII takes the other way, and adds nothing."""
    chance = random.Random(7)
    for _ in range(20_000):
        prompt = "".join(chance.choices("aB7?!.,;:'\" ~", k=chance.randrange(9)))
        assert question(f"\xa0{prompt}") == question(prompt)


def test_every_character_has_the_case_of_unicode() -> None:
    with connect(None) as con:  # DuckDB knows the simple mappings of Unicode's character data
        characters = [chr(code) for code in range(0x21, 0x2FA20) if not 0xD800 <= code < 0xE000]
        lower_case = "SELECT lower(nfc_normalize(unnest($texts::VARCHAR[])))"
        lowered = con.execute(lower_case, {"texts": characters}).fetchall()
    differ = [
        each
        for each, (lower,) in zip(characters, lowered, strict=True)
        if question(f"a{each}a") != f"a{lower}a" and each.isalpha()
    ]
    assert differ == []
