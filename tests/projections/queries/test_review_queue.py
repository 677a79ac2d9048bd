"""The reviewer's pages: a queue with filters and a search that pauses, bulk previews, lists, lineage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.errors import InputError
from projections.queries import examples, review_queue

from ..given import (
    ANSWER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Story,
    approved,
    captured,
    corrected,
    disliked,
    given,
    rejected,
)


def waiting(story: Story, **filters: Any) -> list[str]:
    """The ids of the queue that match, from as many pages as there are."""
    found: list[str] = []
    after = None
    while True:
        page = review_queue.waiting(story.reader, **filters, after=after)
        found += [item["example_id"] for item in page["items"]]
        if (after := page["after"]) is None:
            return found


QUEUE = given(
    captured("plain", PROMPT, project_context="Tower A"),
    captured("mail", "Which roof membrane does the supplier sell?", ANSWER + SUPPLIER, source="production_query"),
    captured("bad", OTHER_PROMPT),
    disliked("bad"),
    corrected(None, prompt="Which roof drain?"),
)


MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)

DAYS = given(
    captured("first", PROMPT, occurred_at=MIDNIGHT - timedelta(seconds=1)),
    captured("second", OTHER_PROMPT, ANSWER + " And more words than others have.", occurred_at=MIDNIGHT),
    captured("third", "Which roof drain?", occurred_at=MIDNIGHT + timedelta(hours=36)),
    approved("first"),
    rejected("third"),
    approved("second"),
)


def listed(**filters: Any) -> list[str]:
    """The ids of a list, from pages of one."""
    ids: list[str] = []
    where: dict[str, Any] = {}
    while True:
        page = review_queue.found(DAYS.reader, **filters, **where, limit=1)
        ids += [item["example_id"] for item in page["items"]]
        where = {name: page[name] for name in ("before", "after") if page[name] is not None}
        if not where:
            return ids


class TestSorted:
    def test_days_are_whole_and_both_ends_count(self) -> None:
        assert listed(since="2026-01-31") == ["third", "second"]
        assert listed(until="2026-01-31") == ["second", "first"]
        assert listed(since="2026-01-31", until="2026-01-31") == ["second"]
        assert review_queue.found(DAYS.reader, since="2026-02-01")["matching"] == 1

    def test_a_list_has_the_order_asked_for(self) -> None:
        assert listed(sort="oldest") == ["first", "second", "third"]
        assert listed(sort="newest") == ["third", "second", "first"]
        assert listed(sort="longest")[0] == "second"
        assert listed(sort="decided") == ["second", "third", "first"]
        assert listed(sort="decided", since="2026-01-31") == ["second", "third"]

    def test_the_queue_has_the_order_asked_for(self) -> None:
        for sort in ("newest", "oldest", "longest"):
            ids = [i["example_id"] for i in examples.queue(QUEUE.reader, sort=sort)["items"]]
            assert sorted(ids) == sorted(waiting(QUEUE))
            assert waiting(QUEUE, sort=sort, limit=1) == ids == waiting(QUEUE, sort=sort)
        whys = {item["example_id"]: item["why"] for item in review_queue.waiting(QUEUE.reader)["items"]}
        assert {i["example_id"]: i["why"] for i in review_queue.waiting(QUEUE.reader, sort="oldest")["items"]} == whys

    def test_equal_keys_are_shown_once_each(self) -> None:
        same = given(*[captured(f"same-{n}", f"Which roof drain is number {n}?") for n in range(5)])
        assert len(set(waiting(same, sort="longest", limit=2))) == 5

    @pytest.mark.parametrize(
        "filters",
        [{"sort": "nicest"}, {"since": "yesterday"}, {"until": "2026-02-30"}, {"text": "a", "sort": "oldest"}],
    )
    def test_what_cannot_be_is_refused(self, filters: dict[str, Any]) -> None:
        with pytest.raises(InputError):
            review_queue.waiting(QUEUE.reader, **filters)
        with pytest.raises(InputError):
            review_queue.found(QUEUE.reader, **filters)

    def test_a_match_far_from_the_beginning_is_shown(self) -> None:
        far = given(captured("far", PROMPT, "Words. " * 100 + "Then the Coverstrip, and " + "more words. " * 50))
        (item,) = review_queue.waiting(far.reader, text="coverstrip roof")["items"]
        assert item["response"].startswith("…")
        assert "Then the Coverstrip, and" in item["response"]
        assert item["prompt"] == PROMPT[: review_queue.BEGINNING]


class TestWaiting:
    def test_it_has_the_order_and_numbers_of_the_queue(self) -> None:
        whole = examples.queue(QUEUE.reader)
        page = review_queue.waiting(QUEUE.reader)
        assert [(i["example_id"], i["why"]) for i in page["items"]] == [
            (i["example_id"], i["why"]) for i in whole["items"]
        ]
        assert (page["by_reason"], page["total"], page["matching"]) == (whole["by_reason"], 4, 4)
        assert page["after"] is None

    def test_page_by_page_it_shows_everything_once(self) -> None:
        ids, after = [], None
        while True:
            page = review_queue.waiting(QUEUE.reader, limit=1, after=after)
            ids += [item["example_id"] for item in page["items"]]
            after = page["after"]
            if after is None:
                break
        assert ids == waiting(QUEUE)

    def test_filters_leave_what_matches_all_of_them(self) -> None:
        assert waiting(QUEUE, why="negative_feedback") == ["bad"]
        assert waiting(QUEUE, project="Tower A") == ["plain"]
        assert waiting(QUEUE, source="production_query") == ["mail"]
        assert waiting(QUEUE, source="production_query", project="Tower A") == []

    def test_words_are_found_in_any_case_and_signs_are_literal(self) -> None:
        assert waiting(QUEUE, text="SUPPLIER membrane") == ["mail"]
        assert waiting(QUEUE, text="supplier nowhere") == []
        assert waiting(QUEUE, text="%") == []

    def test_a_long_search_pauses_and_goes_on_where_it_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(review_queue, "WINDOW", 1)
        monkeypatch.setattr(review_queue, "SEARCH_SECONDS", 0.0)
        found, after, pages = [], None, 0
        while True:
            page = review_queue.waiting(QUEUE.reader, text="roof", after=after)
            found += [item["example_id"] for item in page["items"]]
            pages += 1
            after = page["after"]
            if after is None:
                break
        monkeypatch.undo()
        assert pages > 1
        assert found == waiting(QUEUE, text="roof")
        assert found

    def test_a_cursor_that_nobody_gave_is_refused(self) -> None:
        with pytest.raises(InputError, match="take it from the page before"):
            review_queue.waiting(QUEUE.reader, after="x")


def test_one_example_is_told_with_the_reason_for_its_place() -> None:
    for item in examples.queue(QUEUE.reader)["items"]:
        shown = review_queue.considered(QUEUE.reader, example_id=item["example_id"])
        assert shown is not None
        assert shown == item | {"earlier": []} | {name: shown[name] for name in ("found", "comments", "after_approval")}
    decided = QUEUE.when(approved("plain"))
    shown = review_queue.considered(decided.reader, example_id="plain")
    assert shown is not None
    assert "why" not in shown
    assert review_queue.considered(QUEUE.reader, example_id="nobody") is None


def test_facets_count_what_waits() -> None:
    facets = review_queue.facets(QUEUE.reader)
    assert {row["name"]: row["waiting"] for row in facets["projects"]}["Tower A"] == 1
    assert sum(row["waiting"] for row in facets["sources"]) == 4


class TestFound:
    def test_examples_of_a_reason_are_those_the_funnel_counts(self) -> None:
        story = QUEUE.when(captured("short", "Hi", "Hello."), rejected("bad"))
        lost = story.funnel["lost"]
        assert set(lost) >= {"too_short", "rejected", "personal_data"}
        for reason, n in lost.items():
            found = review_queue.found(story.reader, reason=reason)
            assert (len(found["items"]), found["matching"]) == (n, n), reason

    @pytest.mark.parametrize(
        ("stage", "number"), [("training", "unique"), ("filtered", "filtered"), ("approved", "approved")]
    )
    def test_examples_of_a_stage_are_those_the_funnel_counts(self, stage: str, number: str) -> None:
        story = QUEUE.when(approved("plain"))
        assert review_queue.found(story.reader, stage=stage)["matching"] == story.funnel[number]

    @pytest.mark.parametrize(
        "filters",
        [
            {},
            {"tag": "deck"},
            {"tag": "nothing like that"},
            {"source": "production_query"},
            {"project": "general"},
            {"relevance": "high"},
            {"stage": "waiting"},
            {"stage": "corrections"},
            {"tag": "deck", "source": "chat_interaction"},
            {"reason": "not_approved", "relevance": "high"},
        ],
        ids=str,
    )
    def test_as_many_match_as_all_pages_show(self, filters: dict[str, str]) -> None:
        found = review_queue.found(QUEUE.reader, **filters)  # type: ignore[arg-type]
        assert found["matching"] == len(found["items"])

    def test_the_newest_come_first_and_pages_meet(self) -> None:
        first = review_queue.found(QUEUE.reader, limit=2)
        rest = review_queue.found(QUEUE.reader, limit=10, before=first["before"])
        seqs = [item["seq"] for item in first["items"] + rest["items"]]
        assert seqs == sorted(seqs, reverse=True)
        assert len(seqs) == first["matching"] == 4

    def test_words_and_filters_go_together(self) -> None:
        found = review_queue.found(QUEUE.reader, text="supplier", source="production_query")
        assert [item["example_id"] for item in found["items"]] == ["mail"]
        assert review_queue.found(QUEUE.reader, text="supplier", source="chat_interaction")["items"] == []

    def test_what_does_not_exist_is_refused(self) -> None:
        with pytest.raises(InputError, match="no reason 'x'"):
            review_queue.found(QUEUE.reader, reason="x")
        with pytest.raises(InputError, match="no stage 'x'; there are training, waiting"):
            review_queue.found(QUEUE.reader, stage="x")


def test_lineage_goes_both_ways_and_to_answers_beside_it() -> None:
    story = given(captured("a"), captured("b"), corrected("a"))
    fix = next(i["example_id"] for i in examples.queue(story.reader)["items"] if i["kind"] == "correction")
    of_a = review_queue.related(story.reader, example_id="a")
    assert [item["example_id"] for item in of_a["corrections"]] == [fix]
    assert "b" in [item["example_id"] for item in of_a["same_question"]]
    assert [item["example_id"] for item in review_queue.related(story.reader, example_id=fix)["corrects"]] == ["a"]
    assert review_queue.related(story.reader, example_id="nobody")["same_question"] == []
