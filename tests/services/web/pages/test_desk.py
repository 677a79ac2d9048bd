"""The desk where something fails: requests that are lost, slow or refused leave the page at work, and are told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Route, expect

from ..browser import ANSWER, Visitor, capture, facts, said
from ..conftest import Site


class TestDesk:
    def test_every_request_lost_once_leaves_the_page_at_work(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "lossy", *[f"Which TPO seam for the lossy roof number {n}{n}?" for n in range(4)])
        visitor = visit("ann")
        page, lost = visitor.page, Counter[str]()

        def lose_first(route: Route) -> None:
            name = f"{route.request.method} {urlsplit(route.request.url).path}"
            lost[name] += 1
            if lost[name] == 1 and not name.endswith("/events"):
                return route.abort()
            return route.continue_()

        page.route("**/api/v1/**", lose_first)
        visitor.review("lossy")
        for n in range(4):
            expect(page.locator(".queue-count")).to_contain_text(f"{4 - n} waiting")
            expect(page.locator(".stage-title")).to_contain_text("lossy roof")
            page.keyboard.press("a")
        expect(page.get_by_text("Nothing waits behind these filters")).to_be_visible()
        assert [said(day, example)[1:] for example in ids] == [[("example.approved", "ann")]] * 4
        visitor.complaints.clear()

    def test_a_note_is_found_by_whom_it_names(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "noted", "Which TPO seam for the noted roof?")
        page = visit("ann").open("/review?project=noted")
        expect(page.locator(".stage-title")).to_contain_text("noted roof")
        page.keyboard.press("n")
        page.get_by_label("What do the others have to know?").fill("is that the code of 2024, @ben?")
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("Noted")
        expect(page.locator(".history")).to_contain_text("is that the code of 2024, @ben?")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")
        inbox = visit("ben").open("/notes")
        expect(inbox.get_by_role("region", name="Notes")).to_contain_text("is that the code of 2024, @ben?")
        inbox.get_by_role("link", name="noted roof").click()
        expect(inbox).to_have_url(re.compile(example))
        expect(visit("ann").open("/notes").locator("main")).to_contain_text("Nobody has named you")

    def test_an_example_that_cannot_be_read_can_be_tried_again(self, visit: Callable[..., Visitor], day: Site) -> None:
        ids = capture(day, "unread", "Which TPO seam for the unread roof?", "Which EPDM seam for the unread roof?")
        visitor = visit("ann")
        page = visitor.page
        page.route(re.compile("/api/v1/review/train_"), lambda route: route.abort())
        visitor.open("/review?project=unread")
        refusal = page.locator(".stage-card [role=alert]")
        expect(refusal).to_contain_text("The example could not be read.")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("The example could not be read")
        page.keyboard.press("j")
        expect(page.locator(".queue-item").nth(1)).to_have_attribute("aria-current", "true")
        expect(page.locator(".stage-card")).to_contain_text("Reading the example")
        expect(refusal).to_be_visible()
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".stage-title")).to_contain_text("unread roof")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")
        assert sum(kind == "example.approved" for example in ids for kind, _ in said(day, example)) == 1
        visitor.complaints.clear()

    def test_a_key_on_an_example_still_being_read_says_so(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "slow", "Which TPO seam for the slow roof?")
        page = visit("ann").page
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route(re.compile("/api/v1/review/train_"), hold, times=1)
        page.goto("/review?project=slow")
        expect(page.locator(".stage-card")).to_contain_text("Reading the example")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_have_text("The example is still being read.")
        held[0].continue_()
        expect(page.locator(".stage-title")).to_contain_text("slow roof")
        assert said(day, example) == [("example.captured", "operator")]

    def test_an_approval_that_filters_outweigh_is_told(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "outweighed", "Which TPO roof seam?", response="Weld it.")
        client = day.client("operator")
        client.post(f"/api/v1/examples/{example}/feedback", json={"feedback": "negative"})
        page = visit("ann").review("outweighed")
        expect(page.locator(".stage-card")).to_contain_text("An approval alone does not bring it in: too short.")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved, and still kept out: too short")

    def test_the_next_example_is_there_before_the_key(self, visit: Callable[..., Visitor], day: Site) -> None:
        capture(day, "ahead", *[f"Which TPO seam for roof {n}{n} ahead?" for n in range(3)])
        page = visit("ann").review("ahead")
        first = page.locator(".queue-item").nth(1).get_attribute("data-id")
        read: list[str] = []
        page.on("request", lambda request: read.append(request.url))
        page.keyboard.press("a")
        expect(page.locator(".queue-item[aria-current=true]")).to_have_attribute("data-id", str(first))
        expect(page.locator(".queue-count")).to_contain_text("2 waiting")
        assert not [url for url in read if url.endswith(f"/review/{first}")]


class TestSession:
    def test_a_session_that_ends_keeps_what_was_written(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "ended", "Which TPO seam at the end of a session?")
        visitor = visit("ann")
        page = visitor.review("ended")
        page.keyboard.press("e")
        better = f"{ANSWER} Weld it 1.5 inches wide."
        page.get_by_label("The answer as it should be").fill(better)
        visitor.context.clear_cookies()
        page.keyboard.press("Control+Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Your session has ended")
        page.keyboard.press("Escape")
        page.get_by_label("Your token").fill("wrong")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text("This token is not known")
        page.get_by_label("Your token").fill(day.secrets["ann"])
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("Edited and approved")
        fact = next(fact for fact in facts(day, example) if fact["type"] == "correction.recorded.v1")
        assert fact["corrected_response"] == better

    def test_a_session_that_has_ended_is_told_at_the_door(self, visit: Callable[..., Visitor], day: Site) -> None:
        visitor = visit(None)
        page = visitor.open("/sign-in")
        expect(page.get_by_text("Your session has ended")).to_have_count(0)
        page.get_by_label("Your token").fill(day.secrets["ann"])
        page.keyboard.press("Enter")
        expect(page.locator(".person")).to_contain_text("ann")
        page.goto("/sign-in")
        expect(page).to_have_url(day.url + "/")
        visitor.context.clear_cookies()
        page.goto("/review")
        expect(page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()

    def test_a_publisher_gets_no_menu(self, visit: Callable[..., Visitor]) -> None:
        page = visit("publisher").open("/")
        expect(page.get_by_text("Nothing to see here")).to_be_visible()
        expect(page.locator("#menu")).to_have_count(0)


class TestAddresses:
    def test_an_unknown_address_is_a_page_with_its_status(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("ann").page
        answer = page.goto("/nowhere")
        assert answer is not None
        assert (answer.status, answer.headers["content-type"].split(";")[0]) == (404, "text/html")
        expect(page.get_by_role("heading", name="No such page")).to_be_visible()
        page.get_by_role("link", name="To the dashboard").click()
        expect(page).to_have_url(re.compile(r"/$"))
        for path in ("/api/v1/nowhere", "/static/nowhere.js"):
            program = day.client("auditor").get(path, headers={"Accept": "text/html"})
            assert (program.status_code, program.json()["error"]["code"]) == (404, "not_found")

    def test_a_dark_page_marks_words_in_its_own_colours(self, visit: Callable[..., Visitor], day: Site) -> None:
        capture(day, "dark", "Whom do I call at 312-555-0147 about the TPO roof?")
        page = visit("ann", color_scheme="dark").review("dark")
        mark = page.locator(".stage-title mark")
        expect(mark).to_have_count(1)
        assert mark.evaluate("mark => getComputedStyle(mark).backgroundColor") != "rgb(255, 255, 0)"
