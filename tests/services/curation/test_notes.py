"""Notes find whom they name, and a blank one is refused."""

from __future__ import annotations

import pytest

from events.errors import InputError
from services.curation.notes import MOST_MENTIONS, mentions, note
from services.web.access.tokens import NAME


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ben look", ("ben",)),
        ("look, @Ben! and @ben, @ann.smith.", ("ben", "ann.smith")),
        ("(@bo-b)", ("bo-b",)),
        ("write to ann@example.com", ()),
        ("@ alone, @@ben, @", ()),
        ("@zoë", ("zoë",)),
        ("ask @ben@acme.com, or @Ann@acme.com.", ("ben@acme.com", "ann@acme.com")),
    ],
)
def test_a_name_stands_behind_an_at_sign(text: str, names: tuple[str, ...]) -> None:
    assert mentions(text) == names


@pytest.mark.parametrize("name", ["ben", "ben@acme.com", "a.b-c_d", "9", "architect-ai"])
def test_every_name_of_a_token_can_be_mentioned(name: str) -> None:
    assert NAME.fullmatch(name)
    assert mentions(f"look, @{name}: is that so?") == (name,)


def test_a_note_names_so_many_people_at_most() -> None:
    with pytest.raises(InputError, match="20 people at most"):
        mentions(" ".join(f"@p{n}" for n in range(MOST_MENTIONS + 1)))


def test_a_blank_note_is_refused() -> None:
    with pytest.raises(InputError, match="needs words"):
        note("a", " \n", actor="ann")
