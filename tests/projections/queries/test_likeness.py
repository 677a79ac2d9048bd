"""Which examples are like one: nearly the same question, or all of its tags."""

from __future__ import annotations

from typing import Any

import pytest

from events.errors import InputError
from projections.queries import coverage, examples, review_queue

from ..given import ANSWER, PROMPT, Story, approved, captured, given

OTHER = "Who signs the closeout papers of a job when the owner is away for a month or so?"

STORY = given(
    captured("a", PROMPT, tags=("deck", "lap")),
    captured("same", PROMPT, f"{ANSWER} See the details too."),
    captured("tagged", OTHER, tags=("lap", "deck", "third")),
    captured("half", "Which gutter hangs on a barn beside a lake in winter?", tags=("deck",)),
    approved("tagged"),
)


def ids(page: dict[str, Any]) -> set[str]:
    return {item["example_id"] for item in page["items"]}


def tags(story: Story, example_id: str) -> set[str]:
    (item,) = [item for item in review_queue.found(story.reader)["items"] if item["example_id"] == example_id]
    return set(item["tags"])


def test_like_is_the_same_question_or_all_tags() -> None:
    assert tags(STORY, "a") <= tags(STORY, "tagged")
    found = review_queue.found(STORY.reader, like="a")
    assert ids(found) == {"same", "tagged"}
    assert found["matching"] == 2


def test_every_list_takes_the_filter() -> None:
    waits = ids(examples.queue(STORY.reader)) & {"same", "tagged"}
    waiting = review_queue.waiting(STORY.reader, like="a")
    assert ids(waiting) == waits
    assert waiting["matching"] == len(waits)
    assert ids(review_queue.waiting(STORY.reader, like="a", sort="newest")) == waits
    assert ids(coverage.covered(STORY.reader, like="a")) == waits


def test_nothing_is_like_an_unknown_example() -> None:
    with pytest.raises(InputError, match="no example 'ghost'"):
        review_queue.found(STORY.reader, like="ghost")
