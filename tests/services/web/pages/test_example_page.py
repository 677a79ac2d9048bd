"""The page of one example: all that the desk can do, also with what is decided or trained on already."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ..browser import ANSWER, PHONE, Visitor, capture, facts, said, sideways
from ..conftest import Site, until

NARROW = {"width": 320, "height": 640}


def trained_on(day: Site, project: str, prompt: str) -> str:
    """An example that a reviewer approved and that is in the training set."""
    (example,) = capture(day, project, prompt)
    client = day.client("reviewer")
    revision = client.get(f"/api/v1/examples/{example}").json()["revision"]
    assert client.post(f"/api/v1/examples/{example}/approve", json={"revision": revision}).status_code == 201
    until(lambda: client.get(f"/api/v1/examples/{example}").json()["verdict"]["in_training"])
    return example


def chips(page: Page, words: str) -> None:
    expect(page.get_by_role("article").locator(".chips")).to_contain_text(words)


class TestActions:
    def test_what_is_trained_on_is_decided_anew(self, visit: Callable[..., Visitor], day: Site) -> None:
        example = trained_on(day, "anew", "How wide is the lap of a TPO roof anew?")
        page = visit("ann").open(f"/examples/{example}")
        chips(page, "In the training set")
        page.keyboard.press("r")
        page.get_by_label("Why must it not be trained on?").fill("an old edition")
        page.keyboard.press("Enter")
        chips(page, "rejected by a reviewer")
        page.keyboard.press("u")
        chips(page, "not approved (yet)")
        page.keyboard.press("a")
        chips(page, "In the training set")
        page.get_by_role("button", name="Take back").click()
        chips(page, "not approved (yet)")
        page.keyboard.press("u")
        chips(page, "In the training set")
        verbs = ["captured", "approved", "rejected", "reopened", "approved", "reopened", "approved"]
        assert [kind.removeprefix("example.") for kind, _ in said(day, example)] == verbs

    def test_a_taken_back_rejection_comes_back_with_its_reason(self, visit: Callable[..., Visitor], day: Site) -> None:
        example = trained_on(day, "reason", "How wide is the lap of a TPO roof with a reason?")
        page = visit("ann").open(f"/examples/{example}")
        chips(page, "In the training set")
        page.keyboard.press("r")
        page.keyboard.press("1")
        chips(page, "rejected by a reviewer")
        page.keyboard.press("z")
        chips(page, "not approved (yet)")
        page.keyboard.press("u")
        chips(page, "rejected by a reviewer")
        assert facts(day, example)[-1]["reason"] == "Wrong or outdated"

    def test_it_is_edited_and_the_edit_is_undone(self, visit: Callable[..., Visitor], day: Site) -> None:
        example = trained_on(day, "edited", "How wide is the lap of an edited TPO roof?")
        page = visit("ann").open(f"/examples/{example}")
        chips(page, "In the training set")
        page.keyboard.press("e")
        page.get_by_label("The answer as it should be").fill(f"{ANSWER} Weld it 1.5 inches wide.")
        page.keyboard.press("Control+Enter")
        chips(page, "answer was corrected")
        expect(page.locator(".lineage")).to_contain_text("Corrected by")
        page.keyboard.press("u")
        expect(page.locator("#toasts")).to_contain_text("your answer waits for review again")
        expect(page).to_have_url(f"{day.url}/examples/{example}")

    def test_words_are_redacted_and_come_back(self, visit: Callable[..., Visitor], day: Site) -> None:
        example = trained_on(day, "words", "How wide does Erika Kleinmann lap a TPO roof?")
        page = visit("ann").open(f"/examples/{example}")
        chips(page, "In the training set")
        page.keyboard.press("w")
        page.get_by_label("Words to replace").fill("Erika Kleinmann")
        page.keyboard.press("Enter")
        expect(page.locator(".stage-title")).to_contain_text("[NAME]")
        page.keyboard.press("u")
        expect(page.locator(".stage-title")).to_contain_text("Erika Kleinmann")

    def test_an_exclusion_is_undone(self, visit: Callable[..., Visitor], day: Site) -> None:
        example = trained_on(day, "excluded", "How wide is the lap of an excluded TPO roof?")
        page = visit("ann").open(f"/examples/{example}")
        chips(page, "In the training set")
        page.keyboard.press("t")
        page.get_by_label("Tags, one on each line").fill("other tag")
        page.get_by_role("checkbox", name="It may be trained on").uncheck()
        page.keyboard.press("Control+Enter")
        chips(page, "excluded from training")
        page.keyboard.press("u")
        chips(page, "In the training set")
        expect(page.locator(".facts .tags")).not_to_contain_text("other tag")
        expect(page.locator(".facts .tags")).to_contain_text("tpo")


def test_what_is_like_an_example_is_a_queue(visit: Callable[..., Visitor], day: Site) -> None:
    prompts = ["Which parapet cap for a like roof?", "How is a coping joint of a like parapet sealed?"]
    example, other = capture(day, "like", *prompts, tags=["parapet", "liketag", "cap", "coping"])
    capture(day, "like", "Which drain for a roof that is otherwise?")
    page = visit("ann").open(f"/examples/{example}")
    page.get_by_role("link", name="More like this").click()
    expect(page.locator(".queue-item")).to_have_count(1)
    expect(page.locator(f'.queue-item[data-id="{other}"]')).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator(".queue-item").nth(2)).to_be_visible()
    page.goto(f"/examples?like={example}")
    expect(page.locator(".example-row")).to_have_count(1)
    expect(page.get_by_role("link", name="this example")).to_be_visible()


def test_a_change_by_somebody_else_is_announced(visit: Callable[..., Visitor], day: Site) -> None:
    (example,) = capture(day, "announced", "How wide is the lap of an announced TPO roof?")
    page = visit("ann").open(f"/examples/{example}")
    chips(page, "not approved (yet)")
    page.keyboard.press("e")
    other = visit("ben").open(f"/examples/{example}")
    chips(other, "not approved (yet)")
    other.keyboard.press("a")
    chips(other, "In the training set")
    expect(page.get_by_text("Changed while you look at it")).to_be_visible()
    expect(page.get_by_label("The answer as it should be")).to_be_visible()
    page.get_by_role("button", name="Show it as it is now").click()
    chips(page, "approved by ben")


def test_an_erased_example_offers_nothing(visit: Callable[..., Visitor], day: Site) -> None:
    (example,) = capture(day, "gone", "How wide is the lap of a gone TPO roof?")
    day.cli.run("erase", example, "--yes", "--reason", "wanted")
    page = visit("ann").open(f"/examples/{example}")
    expect(page.get_by_role("toolbar")).to_have_text("Its text was erased for good.")
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("erased for good")


def test_who_may_only_look_is_told_so(visit: Callable[..., Visitor], day: Site) -> None:
    (example,) = capture(day, "looked at", "How wide is the lap of a TPO roof looked at?")
    page = visit("auditor").open(f"/examples/{example}")
    expect(page.get_by_role("toolbar")).to_have_text("Your role looks and changes nothing.")
    page.keyboard.press("a")
    assert said(day, example) == [("example.captured", "operator")]


@pytest.mark.parametrize("viewport", [NARROW, PHONE, {"width": 1024, "height": 800}], ids=lambda v: str(v["width"]))
def test_axe_finds_nothing_in_what_opens(visit: Callable[..., Visitor], day: Site, viewport: dict[str, int]) -> None:
    example = trained_on(day, "axe", f"How wide is the lap of a TPO roof at {viewport['width']} px?")
    page = visit("ann", viewport=viewport, bypass_csp=True).open(f"/examples/{example}")
    chips(page, "In the training set")
    for keys in ([], ["r"], ["Escape", "e"], ["Escape", "w"], ["Escape", "?"]):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(100)  # an open dialog is still fading in
        assert sideways(page) == 0, keys
        assert Axe().run(page).response["violations"] == [], keys
