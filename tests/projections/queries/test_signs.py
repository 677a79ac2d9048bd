"""Signs of what waits: an example has and counts every one of them, whatever its place in the queue is."""

from __future__ import annotations

from typing import Any

import pytest

from events.errors import InputError
from projections.queries import examples, review_queue
from projections.verdicts.reasons import SIGNS

from ..given import ANSWER, SUPPLIER, captured, corrected, disliked, given

STORY = given(
    captured("mail", "Which TPO roof membrane does the supplier sell?", ANSWER + SUPPLIER),
    disliked("mail"),
    captured("low", "Which TPO roof slope does code want?", "The minimum slope is 1/4 inch per foot, by code, always."),
    captured("high", "Which TPO roof slope does code want?", "The minimum slope is 2 inch per foot, by code, always."),
    corrected(None, ANSWER + SUPPLIER, prompt="Which roof drain?"),
)


def page(**filters: Any) -> dict[str, Any]:
    return review_queue.waiting(STORY.reader, **filters)


def test_every_item_tells_all_of_its_signs() -> None:
    signs = {item["example_id"]: set(item["signs"]) for item in page()["items"]}
    (fix,) = set(signs) - {"mail", "low", "high"}
    assert signs == {
        "mail": {"negative_feedback", "personal_data", "new_topic"},
        "low": {"contradiction", "new_topic"},
        "high": {"contradiction", "new_topic"},
        fix: {"correction", "personal_data"},
    }


@pytest.mark.parametrize("sign", [sign.name for sign in SIGNS])
def test_a_filter_leaves_as_many_as_the_sign_counts(sign: str) -> None:
    filtered, whole = page(sign=sign), page()
    wanted = [item["example_id"] for item in whole["items"] if sign in item["signs"]]
    assert [item["example_id"] for item in filtered["items"]] == wanted
    assert (len(wanted), filtered["matching"]) == (whole["by_sign"][sign],) * 2
    assert filtered["by_sign"] == whole["by_sign"]
    assert [item["example_id"] for item in examples.queue(STORY.reader, sign=sign)["items"]] == wanted


def test_a_sign_goes_with_other_filters() -> None:
    assert [item["example_id"] for item in page(sign="personal_data", text="supplier sell")["items"]] == ["mail"]
    assert page(sign="contradiction", why="negative_feedback")["items"] == []


def test_an_unknown_sign_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no sign 'x'; there are correction"):
        page(sign="x")
