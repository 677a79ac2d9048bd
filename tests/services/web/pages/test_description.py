"""Tags, project and exclusion changed on an example's page, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ..browser import Visitor, capture
from ..conftest import Site


def test_an_example_is_described_by_keyboard(visit: Callable[..., Visitor], day: Site) -> None:
    (example,) = capture(day, "lap", "How wide is the lap of a TPO roof membrane?")
    page = visit("ann").open(f"/examples/{example}")
    expect(page.get_by_role("article")).to_contain_text("TPO roof membrane")
    page.keyboard.press("t")
    expect(page.get_by_label("Tags, one on each line")).to_be_focused()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Tags, one on each line").fill("Seam  Tape\nlap")
    page.get_by_role("textbox", name="Project").fill("Depot")
    page.get_by_role("checkbox", name="It may be trained on").press("Space")
    page.keyboard.press("Control+Enter")
    article = page.get_by_role("article")
    expect(article.locator(".facts").first).to_contain_text("Depot")
    expect(article.locator(".facts .tags")).to_contain_text("seam tape")
    expect(article.locator(".facts .tags")).not_to_contain_text("tpo")
    expect(article.locator(".chips")).to_contain_text("excluded")
    expect(article.locator(".history")).to_contain_text("Described by ann")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_visitor_who_may_not_decide_describes_nothing(visit: Callable[..., Visitor], day: Site) -> None:
    (example,) = capture(day, "gravel", "How heavy is the gravel of a roof membrane?")
    page = visit("auditor").open(f"/examples/{example}")
    expect(page.get_by_role("article")).to_contain_text("gravel")
    page.keyboard.press("t")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Change tags")).to_have_count(0)
