"""Holdings: words are found in every string that a fact declares, and in what is no fact."""

from __future__ import annotations

from events.log.log import Log
from services.integrity.holdings import held

from ...events.quoting import fields, marker, quoting
from ..conftest import capture


async def test_words_are_found_in_every_field_of_every_fact(log: Log) -> None:
    facts = quoting("a", "said by {field} today")
    assert not (await log.publish([capture(example_id="a"), *facts])).refused
    for field in fields():
        places = await held(log, f"BY\u00a0{marker(*field)}\nToday")
        assert [place.field for place in places] == [field[1]], field


async def test_what_is_no_fact_and_nothing_are_told(log: Log) -> None:
    await log.client.jetstream().publish("training.example.noticed.a.x", b"{Kowalczyk77")
    (place,) = await held(log, "kowalczyk77")
    assert (place.seq, place.ids, place.field) == (1, ("a",), "the whole message")
    assert await held(log, "nobody") == await held(log, " ") == []
