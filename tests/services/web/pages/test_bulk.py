"""Several examples at once: selected or by filter, with a preview, and the way back as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ..browser import ANSWER, DESKTOP, Visitor, capture, facts, said, sideways
from ..conftest import Site, until

NARROW = {"width": 320, "height": 640}


def examples(page: Page, count: int) -> None:
    expect(page.locator("main .rows .pick")).to_have_count(count)


def outcome(page: Page, words: str) -> None:
    expect(page.locator(".bulk-bar [role=status]")).to_contain_text(words)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


class TestSelected:
    def test_some_are_approved_and_undone_as_one(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "some", *[f"Which parapet cap for roof {n}{n}?" for n in range(3)])
        page = visit("ann").open("/examples?project=some")
        examples(page, 3)
        for box in page.locator(".pick").all()[:2]:
            box.focus()
            page.keyboard.press("Space")
        expect(page.get_by_label("All that match")).to_be_visible()
        press(page, "Approve …")
        expect(page.locator(".effect")).to_contain_text("2 come into the training set.")
        press(page, "Approve 2")
        outcome(page, "Approved 2.")
        assert [said(day, example)[-1][0] for example in ids] == [
            "example.captured",
            "example.approved",
            "example.approved",
        ]
        press(page, "Undo all of it")
        outcome(page, "Undone: 2.")
        assert [said(day, example)[-1][0] for example in ids[1:]] == ["example.reopened"] * 2

    def test_what_somebody_changed_since_is_left_and_counted(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "since", "Which roof hatch for site one?", "Which roof hatch for site two?")
        page = visit("ann").open("/examples?project=since")
        examples(page, 2)
        page.get_by_label("All that match").check()
        press(page, "Approve …")
        press(page, "Approve 2")
        outcome(page, "Approved 2.")
        client = day.client("reviewer")
        until(lambda: client.get(f"/api/v1/examples/{ids[0]}").json()["decision"])
        body = {"revision": client.get(f"/api/v1/examples/{ids[0]}").json()["revision"], "reason": "not so"}
        assert client.post(f"/api/v1/examples/{ids[0]}/reject", json=body).status_code == 201
        press(page, "Undo all of it")
        outcome(page, "Undone: 1. 1 was left: somebody changed something meanwhile.")
        assert said(day, ids[0])[-1] == ("example.rejected", "reviewer")


class TestByFilter:
    def test_all_that_match_are_rejected_for_a_reason(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "filter", "Which scupper for a bulk of one?", tags=["bulk filter"])
        page = visit("ann").open("/examples?project=filter&tag=bulk filter")
        examples(page, 1)
        page.get_by_label("All that match").check()
        press(page, "Reject …")
        press(page, "Reject 1")
        expect(page.get_by_role("alert")).to_contain_text("A rejection needs a reason.")
        page.get_by_label("Why must they not be trained on?").fill("an old edition")
        page.keyboard.press("Enter")
        outcome(page, "Rejected 1.")
        assert (
            facts(day, example)[-1]["reason"] == "an old edition (in bulk: stage any, tag bulk filter, project filter)"
        )

    def test_tags_are_given_and_taken_back(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "tags", "Which edge metal for a bulk of tags?")
        client = day.client("reviewer")
        page = visit("ann").open("/examples?project=tags")
        examples(page, 1)
        page.get_by_label("All that match").check()
        press(page, "Tags, project …")
        page.get_by_label("Which", exact=True).fill("edge metal in bulk")
        page.get_by_label("Which", exact=True).blur()
        press(page, "Give the tag to 1")
        outcome(page, "Tagged 1.")
        until(lambda: "edge metal in bulk" in client.get(f"/api/v1/examples/{example}").json()["tags"])
        press(page, "Undo all of it")
        outcome(page, "Undone: 1.")
        until(lambda: "edge metal in bulk" not in client.get(f"/api/v1/examples/{example}").json()["tags"])

    def test_the_queue_leaves_out_what_needs_a_look(self, visit: Callable[..., Visitor], day: Site) -> None:
        fine = capture(day, "bulk", *[f"Which parapet cap for roof {n}{n}?" for n in range(3)])
        doubtful = capture(day, "bulk", "Who sells TPO?", response=f"{ANSWER} bo@example.com")
        page = visit("ann").review("bulk")
        page.keyboard.press("b")
        expect(page.get_by_label("Leave out 1 that needs a look")).to_be_checked()
        press(page, "Approve 3")
        expect(page.locator("#toasts")).to_contain_text("Approved 3.")
        expect(page.locator(".queue-item")).to_have_count(1)
        assert {said(day, example)[-1] for example in fine} == {("example.approved", "ann")}
        assert said(day, doubtful[0]) == [("example.captured", "operator")]
        page.keyboard.press("u")
        expect(page.locator("#toasts")).to_contain_text("Undone: 3.")
        expect(page.locator(".queue-item")).to_have_count(4)


def test_who_may_only_look_selects_nothing(visit: Callable[..., Visitor], day: Site) -> None:
    capture(day, "looks", "Which roof walkway for bulk?")
    page = visit("auditor").open("/examples?project=looks")
    expect(page.locator(".example-row")).to_have_count(1)
    expect(page.locator(".pick, .bulk-bar")).to_have_count(0)


@pytest.mark.parametrize("path", ["/examples", "/review"])
@pytest.mark.parametrize("viewport", [NARROW, DESKTOP], ids=lambda v: str(v["width"]))
def test_axe_finds_nothing_in_it(visit: Callable[..., Visitor], day: Site, path: str, viewport: dict[str, int]) -> None:
    capture(day, "bulk axe", f"Which lap is seen at {viewport['width']} px on {path}?")
    page = visit("ann", viewport=viewport, bypass_csp=True).open(f"{path}?project=bulk axe")
    page.get_by_label("All that match").check()
    for button in (None, "Approve …", "Tags, project …"):
        if button:
            press(page, button)
            expect(page.locator(".effect > *").first).to_be_visible()
        page.wait_for_timeout(100)  # an open dialog is still fading in
        assert sideways(page) == 0, button
        assert Axe().run(page).response["violations"] == [], button
        page.keyboard.press("Escape")
