"""The review page in a real browser: decisions by keyboard, two reviewers at once, filters, what was said before."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import sleep

from playwright.sync_api import Page, Route, expect

from ..browser import ANSWER, Visitor, capture, facts, said
from ..conftest import Site


def select(page: Page, field: str, words: str) -> None:
    """Select words of a text as a mouse would."""
    page.locator(f"[data-field={field}]").evaluate(
        """(element, words) => {
            const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf(words);
                if (at >= 0) getSelection().setBaseAndExtent(node, at, node, at + words.length);
            }
        }""",
        words,
    )


class TestReview:
    def test_twenty_decisions_by_keyboard_are_on_the_log(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "twenty", *[f"Which fastener for TPO roof number {n}{n}{n}?" for n in range(20)])
        page = visit("ann").review("twenty")
        wanted: dict[str, str] = {}
        for n in range(20):
            expect(page.locator(".queue-count")).to_contain_text(f"{20 - n} waiting")
            current = page.locator(".queue-item[aria-current=true]")
            expect(current).to_have_count(1)
            example = current.get_attribute("data-id") or ""
            title = page.locator(".stage-title").inner_text()
            if n % 4 == 0:
                page.keyboard.press("r")
                page.keyboard.press("1")
                wanted[example] = "example.rejected"
            elif n % 4 == 1:
                page.keyboard.press("r")
                page.keyboard.type("units are wrong")
                page.keyboard.press("Enter")
                wanted[example] = "example.rejected"
            elif n % 4 == 2:
                page.keyboard.press("e")
                page.keyboard.press("Control+End")
                page.keyboard.type(" Check it against the roof drawings.")
                page.keyboard.press("Control+Enter")
                wanted[example] = "correction.recorded"
            else:
                page.keyboard.press("a")
                wanted[example] = "example.approved"
            if n < 19:
                expect(page.locator(".stage-title")).not_to_have_text(title)
        expect(page.get_by_text("Nothing waits behind these filters")).to_be_visible()
        assert set(wanted) == set(ids)
        decisions = {example: facts(day, example)[1] for example in wanted}
        assert {example: fact["type"].removesuffix(".v1") for example, fact in decisions.items()} == wanted
        assert {fact["actor"] for fact in decisions.values()} == {"ann"}
        reasons = {fact["reason"] for fact in decisions.values() if fact["type"] == "example.rejected.v1"}
        assert reasons == {"Wrong or outdated", "units are wrong"}

    def test_a_follow_up_stands_below_its_conversation(self, visit: Callable[..., Visitor], day: Site) -> None:
        (first,) = capture(day, "thread", "Which slope does a TPO roof need?", conversation="thread 8")
        (second,) = capture(day, "thread", "And what about an EPDM roof?", conversation="thread 8")
        page = visit("ann").review("thread")
        current = page.locator(".queue-item[aria-current=true]")
        expect(current).to_have_attribute("data-id", second)
        bubbles = page.locator(".thread .bubble .text")
        expect(bubbles).to_have_text(["Which slope does a TPO roof need?", ANSWER])
        expect(page.locator(".thread")).to_contain_text("1 earlier turn")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")
        context = day.cli.json("show", second)["context"]
        assert context is not None
        assert [facts(day, example)[-1].get("context") for example in (first, second)] == [None, context]

    def test_the_second_reviewer_sees_what_the_first_did(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "two", "Which edge metal for a TPO roof in wind?")
        ann, ben = visit("ann"), visit("ben")
        first, second = ann.review("two"), ben.review("two")
        second.keyboard.press("r")
        first.keyboard.press("a")
        expect(first.locator("#toasts")).to_contain_text("Approved")
        expect(second.locator(".notice")).to_contain_text(": approved by ann at ")
        second.keyboard.type("too vague")
        second.keyboard.press("Enter")
        dialog = second.get_by_role("dialog")
        expect(dialog).to_contain_text("Not rejected: somebody was faster")
        expect(dialog).to_contain_text("Approved by ann")
        assert said(day, example) == [("example.captured", "operator"), ("example.approved", "ann")]
        second.keyboard.press("Enter")
        expect(second.locator(".stage-card .chips")).to_contain_text("approved by ann")

    def test_an_edit_that_is_refused_keeps_its_draft(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "draft", "Which curb height for a TPO roof hatch?")
        ann, ben = visit("ann"), visit("ben")
        first, second = ann.review("draft"), ben.review("draft")
        second.keyboard.press("e")
        answer = second.get_by_label("The answer as it should be")
        answer.fill("At least 8 inches above the finished roof, says the membrane's maker.")
        first.keyboard.press("a")
        expect(first.locator("#toasts")).to_contain_text("Approved")
        second.keyboard.press("Control+Enter")
        expect(second.get_by_role("dialog")).to_contain_text("Not edited and approved: somebody was faster")
        second.keyboard.press("Enter")
        expect(second.locator(".stage-card .chips")).to_contain_text("approved by ann")
        second.keyboard.press("e")
        expect(answer).to_have_value("At least 8 inches above the finished roof, says the membrane's maker.")
        second.keyboard.press("Control+Enter")
        expect(second.locator("#toasts")).to_contain_text("Edited and approved")
        assert [kind for kind, _ in said(day, example)][-1] == "correction.recorded"

    def test_undo_is_a_fact_that_reopens_the_example(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "undo", "Which cover board under TPO?", "Which cover board under EPDM roofs?")
        page = visit("ann").review("undo")
        title = page.locator(".stage-title").inner_text()
        page.keyboard.press("a")
        expect(page.locator(".stage-title")).not_to_have_text(title)
        page.keyboard.press("u")
        expect(page.locator(".stage-title")).to_have_text(title)
        expect(page.locator(".history")).to_contain_text("Decision taken back by ann")
        expect(page.locator(".queue-count")).to_contain_text("2 waiting")
        kinds = [kind for example in ids for kind, actor in said(day, example) if actor == "ann"]
        assert kinds == ["example.approved", "example.reopened"]

    def test_skipping_keeps_an_example_for_later_and_can_be_undone(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        capture(day, "skip", "Which roof primer for EPDM?", "Which roof primer for TPO walls?")
        page = visit("ann").review("skip")
        title = page.locator(".stage-title").inner_text()
        page.keyboard.press("s")
        expect(page.locator(".stage-title")).not_to_have_text(title)
        page.keyboard.press("u")
        expect(page.locator(".stage-title")).to_have_text(title)
        page.keyboard.press("j")
        expect(page.locator(".stage-title")).not_to_have_text(title)
        page.keyboard.press("k")
        expect(page.locator(".stage-title")).to_have_text(title)

    def test_an_edit_shows_its_changes_and_can_be_undone(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "edit", "How high must TPO base flashing be at a roof curb?")
        page = visit("ann").review("edit")
        page.keyboard.press("e")
        expect(page.get_by_label("The answer as it should be")).to_be_focused()
        page.keyboard.press("Control+a")
        page.keyboard.type(ANSWER.replace("8 inches", "10 inches"))
        expect(page.locator(".edit-preview del")).to_contain_text("8")
        expect(page.locator(".edit-preview ins")).to_contain_text("10")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#toasts")).to_contain_text("Edited and approved")
        page.keyboard.press("u")
        expect(page.locator(".place")).to_contain_text("Correction")
        expect(page.locator(".stage-card del")).to_contain_text("8")
        correction = next(fact["event_id"] for fact in facts(day, example) if fact["type"] == "correction.recorded.v1")
        assert [kind for kind, _ in said(day, correction)][-2:] == ["example.approved", "example.reopened"]

    def test_personal_data_is_marked_and_redacted_by_key(self, visit: Callable[..., Visitor], day: Site) -> None:
        answer = f"👷🏽‍♀️ {ANSWER} Call the site trailer at 312-555-0147 or mail bo@example.com."
        (example,) = capture(day, "private", "Whom do I call 📞 about the TPO roof?", response=answer)
        page = visit("ann").review("private")
        expect(page.locator(".stage-card mark.personal")).to_have_count(2)
        marked = [mark.evaluate("m => m.lastChild.textContent") for mark in page.locator("mark.personal").all()]
        assert marked == ["312-555-0147", "bo@example.com"]
        page.keyboard.press("p")
        expect(page.locator(".stage-card .text").last).to_contain_text("[PHONE] or mail [EMAIL]")
        assert said(day, example)[-1] == ("example.redacted", "ann")
        page.keyboard.press("u")
        expect(page.locator(".stage-card .text").last).to_contain_text("312-555-0147")
        assert [kind for kind, _ in said(day, example)] == ["example.captured", "example.redacted", "example.redacted"]

    def test_selected_words_of_any_text_are_redacted(self, visit: Callable[..., Visitor], day: Site) -> None:
        answer = f"👷🏽‍♀️ {ANSWER} Maria Kowalczyk says so."
        system = "You work for Maria Kowalczyk."
        about = {"system": system, "details": {"site": {"owner": "Maria Kowalczyk"}}}
        (example,) = capture(day, "select", "Who owns the TPO roof, Maria?", response=answer, **about)
        page = visit("ann").review("select")
        select(page, "response", "Maria Kowalczyk")
        page.get_by_role("button", name="Redact selection").click()
        expect(page.get_by_label("Words to replace")).to_have_value("Maria Kowalczyk")
        expect(page.locator(".edit-preview ins")).to_contain_text(["[NAME]"])
        page.get_by_label("What stands for them").fill("owner")
        expect(page.locator(".edit-preview ins")).to_contain_text(["[OWNER]"])
        page.keyboard.press("Enter")
        expect(page.locator(".stage-card .text").last).to_contain_text("[OWNER] says so")
        expect(page.locator("[data-field=system]")).to_have_text(system)
        page.keyboard.press("w")
        page.keyboard.type("Maria Kowalczyk")
        expect(page.locator(".edit-preview")).to_contain_text("2 places in 2 texts")
        page.keyboard.press("Enter")
        expect(page.locator("[data-field=system]")).to_have_text("You work for [NAME].")
        expect(page.locator("[data-field='details.0.0']")).to_have_text("[NAME]")
        shown = day.cli.json("show", example)
        assert shown["response"] == answer.replace("Maria Kowalczyk", "[OWNER]")
        assert [kind for kind, _ in said(day, example)] == ["example.captured"] + ["example.redacted"] * 2
        page.keyboard.press("u")
        expect(page.locator("[data-field=system]")).to_have_text(system)
        expect(page.locator(".stage-card .text").last).to_contain_text("[OWNER] says so")

    def test_personal_data_is_marked_wherever_it_stands(self, visit: Callable[..., Visitor], day: Site) -> None:
        about = {"system": "Mail bo@example.com.", "details": {"site": {"call": "312-555-0147"}}}
        (example,) = capture(day, "marked", "Which cap for the TPO parapet?", **about)
        comment = {"feedback": "negative", "comment": "Ask ann@example.com"}
        day.client("operator").post(f"/api/v1/examples/{example}/feedback", json=comment)
        page = visit("ann").review("marked")
        expect(page.locator("mark.personal")).to_have_count(3)
        notice = page.locator(".notice.is-personal")
        expect(notice).to_contain_text("email in a comment")
        expect(notice).to_contain_text("phone in the details")
        expect(notice).to_contain_text("email in the system text")
        page.keyboard.press("p")
        expect(page.locator("mark.personal")).to_have_count(0)
        expect(page.locator(".history")).to_contain_text("Ask [EMAIL]")

    def test_the_question_can_be_edited_too(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "asked", "Which TPO roof has Maria's house?")
        page = visit("ann").review("asked")
        page.keyboard.press("e")
        page.get_by_label("The question as it should be").fill("Which TPO roof has a house?")
        expect(page.locator(".edit-preview del")).to_contain_text(["Maria's"])
        page.keyboard.press("Control+Enter")
        expect(page.locator("#toasts")).to_contain_text("Edited and approved")
        correction = next(fact for fact in facts(day, example) if fact["type"] == "correction.recorded.v1")
        assert (correction["corrected_prompt"], correction["corrected_response"]) == (
            "Which TPO roof has a house?",
            ANSWER,
        )
        page.keyboard.press("u")
        expect(page.locator(".stage-title")).to_have_text("Which TPO roof has a house?")
        expect(page.locator(".stage-card")).to_contain_text("The question was another one")

    def test_contradicting_answers_stand_side_by_side(self, visit: Callable[..., Visitor], day: Site) -> None:
        question = "What is the minimum slope of a new TPO roof at Harbor Court?"
        capture(day, "contra", question, response="The minimum slope is 1/4 inch per foot on a new TPO roof, by code.")
        capture(day, "contra", question, response="The minimum slope is 2 inch per foot on a new TPO roof, by code.")
        page = visit("ann").review("contra")
        sides = page.locator(".contradiction .sides > section")
        expect(sides).to_have_count(2)
        expect(sides.first.locator("mark.differs")).not_to_have_count(0)
        expect(page.locator(".contradiction")).to_contain_text("The other one")

    def test_filters_are_in_the_address_and_survive_a_reload(self, visit: Callable[..., Visitor], day: Site) -> None:
        capture(day, "filters", "Which roof scupper size?", "Which TPO seam width?", tags=["findme"])
        page = visit("ann").review("filters")
        expect(page.locator(".queue-item")).to_have_count(2)
        page.keyboard.press("/")
        page.keyboard.type("seam width")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"project=filters&text=seam\+width"))
        expect(page.locator(".queue-item")).to_have_count(1)
        page.reload()
        expect(page.locator(".queue-item")).to_have_count(1)
        expect(page.locator(".stage-title")).to_have_text("Which TPO seam width?")
        page.get_by_role("button", name="Clear the filters").click()
        expect(page).to_have_url(re.compile(r"/review$"))

    def test_the_keys_are_told_and_can_be_switched_off(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "keys", "Which roof hatch?")
        page = visit("ann").review("keys")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Reject, with a reason")
        page.get_by_label("Single keys act").uncheck()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("a")
        page.keyboard.press("?")
        page.get_by_label("Single keys act").check()
        page.keyboard.press("Escape")
        assert said(day, example) == [("example.captured", "operator")]
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")

    def test_who_may_only_look_has_no_way_to_decide(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "auditor", "Which roof walkway?")
        page = visit("auditor").review("auditor")
        expect(page.locator(".actions")).to_have_text("Your role looks and changes nothing.")
        page.keyboard.press("a")
        page.keyboard.press("e")
        expect(page.locator(".actions")).to_have_text("Your role looks and changes nothing.")
        assert len(said(day, example)) == 1

    def test_a_new_example_comes_into_an_empty_queue_by_itself(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("ann").open("/review?project=arrives")
        expect(page.get_by_text("Nothing waits behind these filters")).to_be_visible()
        capture(day, "arrives", "Which roof drain strainer?")
        expect(page.locator(".stage-title")).to_have_text("Which roof drain strainer?")

    def test_facts_that_arrive_while_drawing_are_shown(self, visit: Callable[..., Visitor], day: Site) -> None:
        capture(day, "meanwhile", "Which roof hatch for TPO?")
        page = visit("ann").page

        def held(route: Route) -> None:
            capture(day, "meanwhile", "Which roof ladder for EPDM?")
            sleep(1)  # the page hears of it while it still waits for this answer
            route.continue_()

        page.route("**/history", held, times=1)
        page.goto("/review?project=meanwhile")
        expect(page.locator(".queue-count")).to_contain_text("2 waiting")
