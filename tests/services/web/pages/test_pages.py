"""The pages in a real browser: what people see, what they do by keyboard, and what can never happen to them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from projections.policy.explained import sections
from projections.policy.policy import default
from services.runtime.nats_server import EmbeddedServer
from services.web.gateway import HISTORY

from ..browser import ANSWER, PAGES, PHONE, Visitor, capture, publish_raw, sideways
from ..conftest import Site, until

HOSTILE = {
    "script": "<script>window.hacked = true; alert(1)</script> How high must base flashing be on a roof?",
    "image": '<img src=x onerror="window.hacked = true"> Which roof membrane? {{7*7}} ${window.hacked=true}',
    "link": 'javascript:window.hacked=true "onmouseover=window.hacked=true // roof flashing and membrane?',
    "right to left": "\u202eכמה גבוה צריך להיות ציפוי הגג?\u202c Roof membrane flashing",
    "emoji": "👷🏽‍♀️🏠 Which TPO roof membrane for 🌧️ and ❄️?" + "👩‍👩‍👧‍👦" * 40,
    "long word": "Roof flashing " + "membrane" * 600,
}

MOMENT = {"seq": 7, "phase": "replaying", "done": 3, "total": 7, "error": None, "by": "auditor", "seconds": 1.0}
"""What the server says on the way back: one day is replayed too fast to be caught at it."""


def test_signing_in_leads_back_to_the_wanted_page(visit: Callable[..., Visitor], day: Site) -> None:
    page = visit(None).open("/review?why=correction")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Freview"))
    page.get_by_label("Your token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This token is not known; it may have been removed.")
    page.get_by_label("Your token").fill(day.secrets["ann"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/review\?why=correction$"))
    expect(page.locator(".person")).to_contain_text("ann")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_signing_in_leads_to_no_other_site(visit: Callable[..., Visitor], day: Site) -> None:
    page = visit(None).open("/sign-in?next=https://elsewhere.example/x")
    page.get_by_label("Your token").fill(day.secrets["ann"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(day.url + "/")


def test_a_role_that_may_not_look_is_told_so(visit: Callable[..., Visitor]) -> None:
    page = visit("publisher").open("/review")
    expect(page.get_by_text("publisher is publisher: this role says facts and looks at nothing.")).to_be_visible()


class TestDashboard:
    def test_it_shows_the_numbers_of_the_day(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("auditor").open("/")
        stats = day.client("auditor").get("/api/v1/stats").json()
        expect(page.locator(".headline strong")).to_have_text(f"{stats['funnel']['unique']:,}")
        expect(page.locator(".share")).to_contain_text(f"of {stats['training_goal']:,} · {stats['total']:,} collected")
        rows = page.locator(".funnel-list li")
        for reason, words in {"too_short": "too short", "superseded_by": "answer was corrected"}.items():
            row = rows.filter(has_text=words)
            expect(row.locator(".n")).to_have_text(f"−{stats['funnel']['lost'][reason]:,}")
        expect(page.locator(".sources").get_by_text("user correction")).to_contain_text("high value")
        expect(page.locator(".correction-list li")).to_have_count(6)
        expect(page.get_by_role("link", name="Review queue")).to_contain_text(f"{stats['review_queue']:,}")
        expect(page.locator(".health-list")).to_contain_text("up to date")

    def test_every_loss_of_the_funnel_leads_to_its_examples(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit().open("/")
        lost = day.client("auditor").get("/api/v1/stats").json()["funnel"]["lost"]["too_short"]
        page.locator(".funnel-list").get_by_role("link", name="too short").click()
        expect(page).to_have_url(re.compile(r"/examples\?reason=too_short$"))
        expect(page.locator(".example-row")).to_have_count(lost)

    def test_an_open_dashboard_shows_what_is_said_without_polling(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        visitor = visit()
        visitor.page.add_init_script("window.setInterval = () => 0")
        page = visitor.open("/")
        expect(page.locator(".liveness")).to_have_attribute("data-state", "live")
        client = day.client("operator")
        for n in range(3):
            total = client.get("/api/v1/stats").json()["total"]
            expect(page.locator(".share")).to_contain_text(f"{total:,} collected")
            body = {"prompt": f"Live TPO roof {n}?", "response": ANSWER, "project": "live"}
            assert client.post("/api/v1/examples", json=body).status_code == 201
            expect(page.locator(".share")).to_contain_text(f"{total + 1:,} collected")

    def test_only_an_operator_exports_and_what_is_missing_is_said(self, visit: Callable[..., Visitor]) -> None:
        page = visit("ann").open("/")
        expect(page.locator("#export-why")).to_have_text("only an operator may")
        page = visit("operator").open("/")
        expect(page.locator("#export-why")).to_have_text("no exporter is running")
        page.get_by_role("button", name="Export data").dispatch_event("click")  # the page may draw it anew
        expect(page.locator("#toasts")).to_have_text("Export data: no exporter is running.")

    def test_another_span_of_time_has_other_steps(self, visit: Callable[..., Visitor]) -> None:
        page = visit().open("/")
        for name, steps in {"48 hours": 48, "30 days": 30, "12 months": 12}.items():
            page.get_by_role("button", name=name).click()
            expect(page.locator(".column")).to_have_count(steps)


class TestHostile:
    @pytest.mark.parametrize("kind", HOSTILE)
    @pytest.mark.parametrize("field", ["prompt", "response"])
    def test_a_text_is_shown_as_written_and_never_runs(
        self, visit: Callable[..., Visitor], day: Site, kind: str, field: str
    ) -> None:
        text = HOSTILE[kind]
        project = f"hostile {kind} {field}"
        other = {"response": f"{text} {ANSWER}"} if field == "response" else {}
        prompt = f"Roof question about {kind}?" if field == "response" else text
        (example,) = capture(day, project, prompt, **other)
        phone = visit("ann", viewport=PHONE)
        for path in (f"/review?project={project}", f"/examples/{example}", f"/examples?project={project}", "/"):
            page = phone.open(path)
            expect(page.locator(".stage-title, .example-row, .hero .ready").first).to_be_visible()
            assert sideways(page) == 0, path
            assert page.evaluate("window.hacked") is None
        page = phone.review(project)
        shown = page.locator(".stage-card").evaluate("card => card.textContent")
        assert text[:280] in shown

    def test_two_hundred_kilobytes_are_cut_until_somebody_wants_them(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        text = " ".join(f"roof{n} membrane" for n in range(14_000))
        assert len(text) > 200_000
        capture(day, "long", "How long may an answer about a roof be?", response=text)
        page = visit("ann").review("long")
        block = page.locator(".stage-card .text")
        assert len(block.inner_text()) < 10_000
        block.get_by_role("button", name=re.compile("Show all of it")).click()
        expect(block).to_contain_text("roof13999 membrane")
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")

    def test_the_page_lets_no_text_become_markup(self, visit: Callable[..., Visitor]) -> None:
        visitor = visit("ann")
        page = visitor.open("/")
        for attempt in (
            "document.body.innerHTML = '<img src=x onerror=window.hacked=1>'",
            "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
            "document.createElement('script').text = 'window.hacked = 1'",
        ):
            assert (
                page.evaluate(f"() => {{ try {{ {attempt}; return 'done' }} catch (e) {{ return e.name }} }}")
                == "TypeError"
            )
        visitor.complaints.clear()


class TestDiff:
    def test_the_runs_of_a_diff_are_both_texts_again(self, visit: Callable[..., Visitor]) -> None:
        words = ["roof", "TPO", "2.5", "in", "—", "\n", " ", "  ", "(EPDM)", "👷🏽‍♀️", "flashing,", "ё", "\u202e"]
        chance = random.Random(7)
        pairs = []
        for _ in range(300):
            before = [chance.choice(words) for _ in range(chance.randrange(40))]
            after = [word for word in before if chance.random() > 0.2]
            for _ in range(chance.randrange(6)):
                after.insert(chance.randrange(len(after) + 1), chance.choice(words))
            glue = chance.choice(["", " "])
            pairs.append([glue.join(before), glue.join(after)])
        page = visit("ann").open("/")
        runs = page.evaluate(
            """async pairs => {
                 const { diff } = await import("/static/diff.js");
                 return pairs.map(([before, after]) => diff(before, after));
               }""",
            pairs,
        )
        for (old, new), pieces in zip(pairs, runs, strict=True):
            assert "".join(p["text"] for p in pieces if p["kind"] != "new") == old
            assert "".join(p["text"] for p in pieces if p["kind"] != "gone") == new
            assert all(one["kind"] != other["kind"] for one, other in pairwise(pieces))

    def test_one_changed_number_is_all_that_is_marked(self, visit: Callable[..., Visitor]) -> None:
        page = visit("ann").open("/")
        runs = page.evaluate(
            """async () => (await import("/static/diff.js")).diff("Lap the seam 2 inches at least.",
                                                                  "Lap the seam 2.5 inches at least.")"""
        )
        assert runs == [
            {"kind": "same", "text": "Lap the seam "},
            {"kind": "gone", "text": "2"},
            {"kind": "new", "text": "2.5"},
            {"kind": "same", "text": " inches at least."},
        ]

    def test_beyond_its_limits_a_comparison_counts_all_as_replaced(self, visit: Callable[..., Visitor]) -> None:
        page = visit("ann").open("/")
        kinds = page.evaluate(
            """async () => {
                 const { diff } = await import("/static/diff.js");
                 const word = (n, seed) => `w${(seed * (n + 1)) % 9973}`;
                 const text = (seed, length) => Array.from({ length }, (_, n) => word(n, seed)).join(" ");
                 return [9000, 18000].map((n) => diff(text(7919, n), text(104729, n)).map(({ kind }) => kind));
               }"""
        )
        assert kinds == [["gone", "new"], ["gone", "new"]]


class TestOtherPages:
    def test_an_example_tells_its_history_and_its_lineage_both_ways(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        (example,) = capture(day, "lineage", "How wide is a TPO roof seam?")
        client = day.client("operator")
        body = {
            "example_id": example,
            "corrected_response": f"{ANSWER} Weld it 1.5 inches wide.",
            "reason": "too short",
        }
        correction = client.post("/api/v1/corrections", json=body).json()["correction_id"]
        until(lambda: client.get(f"/api/v1/examples/{correction}").status_code == 200)
        page = visit("auditor").open(f"/examples/{example}")
        expect(page.locator(".chips")).to_contain_text("answer was corrected")
        expect(page.locator(".lineage")).to_contain_text("Corrected by")
        page.locator(".history").get_by_role("link", name="the correction").click()
        expect(page).to_have_url(re.compile(correction))
        expect(page.locator(".stage-card ins")).to_contain_text("Weld it 1.5 inches wide.")
        expect(page.locator(".lineage")).to_contain_text("It corrects")

    def test_a_turn_tells_its_conversation_and_what_came_with_it(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        (first,) = capture(day, "turns", "Which slope does a TPO roof need?", conversation="thread 7")
        (second,) = capture(
            day, "turns", "And what about an EPDM roof?", conversation="thread 7", system="You are a <b>roofer</b>.",
            tools=[{"name": "find", "arguments": {"a": 1}, "result": "figure 4-8"}, {"name": "look"}],
            attachments=[{"kind": "image", "address": "https://example.com/roof.jpg"}], model="gpt-4o-mini",
        )  # fmt: skip
        page = visit("auditor").open(f"/examples/{second}")
        expect(page.locator(".bubble.is-system")).to_contain_text("You are a <b>roofer</b>.")
        tools = page.locator(".bubble.is-tool")
        expect(tools).to_have_text(['Tool find Given {"a":1} Result figure 4-8', "Tool look"], use_inner_text=True)
        expect(page.locator(".attachments li")).to_contain_text("image")
        address = page.locator(".attachments").get_by_role("link", name="https://example.com/roof.jpg")
        expect(address).to_have_attribute("rel", "noopener noreferrer")
        expect(page.locator(".facts").first).to_contain_text("gpt-4o-mini")
        technical = page.locator(".technical")
        expect(technical.get_by_text("thread 7")).to_be_hidden()
        technical.locator("summary").click()
        expect(technical.get_by_text("thread 7")).to_be_visible()
        technical.get_by_role("link", name=first).click()
        expect(page).to_have_url(re.compile(first))

    def test_a_long_history_goes_on_at_a_click(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "long history", "How thick is a TPO roof membrane?")
        with day.client("operator") as client:
            for n in range(HISTORY + 5):
                said = {"feedback": "positive", "comment": f"comment {n}"}
                assert client.post(f"/api/v1/examples/{example}/feedback", json=said).status_code == 201
        page = visit().open(f"/examples/{example}")
        entries = page.locator(".history > li")
        expect(entries).to_have_count(HISTORY)
        page.get_by_role("button", name="Show more").click()
        expect(entries).to_have_count(HISTORY + 6)
        expect(entries.last).to_contain_text(f"comment {HISTORY + 4}")
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)

    def test_an_auditor_is_offered_no_change(self, visit: Callable[..., Visitor]) -> None:
        visitor = visit("auditor")
        for path, shown in (("/policies", "Goal"), ("/replay", "One on")):
            page = visitor.open(path)
            expect(page.locator("main")).to_contain_text(shown)
            expect(page.get_by_role("button", name=re.compile("Preview|See everything|Reset"))).to_have_count(0)

    def test_an_example_that_does_not_exist_is_said_so(self, visit: Callable[..., Visitor]) -> None:
        page = visit().open("/examples/ghost")
        expect(page.get_by_text("The log holds no example ghost.")).to_be_visible()

    def test_a_policy_is_previewed_and_then_adopted_by_an_operator(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        page = visit("ann").open("/policies")
        page.get_by_label("Shortest answer (characters)").fill("60")
        page.get_by_role("button", name="Preview the change").click()
        expect(page.locator(".preview")).to_contain_text("Only an operator may adopt it.")
        page = visit("operator").open("/policies")
        page.get_by_label("Goal of the dashboard").fill("3000")
        page.get_by_role("button", name="Preview the change").click()
        expect(page.locator(".preview")).to_contain_text("0 examples would enter, 0 would leave")
        page.get_by_placeholder("Why? It stays on the log.").fill("we want more")
        page.get_by_role("button", name="Adopt this policy").click()
        expect(page.locator(".history")).to_contain_text("adopted by operator")
        expect(page.locator(".history")).to_contain_text("we want more")
        assert day.client("auditor").get("/api/v1/stats").json()["training_goal"] == 3000
        page.get_by_label("Goal of the dashboard").fill("2000")
        page.get_by_role("button", name="Preview the change").click()
        page.get_by_placeholder("Why? It stays on the log.").fill("back")
        page.get_by_role("button", name="Adopt this policy").click()
        expect(page.locator(".history")).to_contain_text("Goal of the dashboard: 3000 → 2000")

    def test_every_setting_and_the_lexicon_are_edited_with_their_words(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        page = visit("operator").open("/policies")
        for section in sections():
            for setting in section.settings:
                expect(page.get_by_text(setting.text, exact=True)).to_have_count(1)
        page.get_by_label("Part of the policy").first.uncheck()
        page.get_by_label("Synonyms").fill("thermoplastic polyolefin = tpo")
        page.get_by_text("Lexicon", exact=True).click()
        page.get_by_role("searchbox").fill("flashing")
        page.get_by_role("button", name="Take away flashing", exact=True).click()
        page.get_by_label("Word", exact=True).fill("zinc trim")
        page.get_by_label("Tags", exact=True).fill("metal")
        page.get_by_role("button", name="Add the word").click()
        page.get_by_label("Word", exact=True).fill("wedding hat")
        page.get_by_label("Weight").select_option("of another field")
        page.get_by_label("Word", exact=True).press("Enter")
        changes = page.get_by_role("list", name="Changes")
        expect(changes).to_contain_text("zinc trim (3)")
        expect(changes).to_contain_text("− flashing")
        expect(changes).to_contain_text("wedding hat, of another field")
        changes.get_by_role("listitem").filter(has_text="− flashing").get_by_role("button").click()
        with page.expect_response("**/policies/preview") as answer:
            page.get_by_role("button", name="Preview the change").click()
        candidate, held = answer.value.json()["document"], json.loads(msgspec.json.encode(default()))
        added = {"term": "zinc trim", "weight": 3, "tags": ["metal"], "also": [], "plural": True}
        added |= {"ambiguous": False, "neutral": False}
        assert candidate["lexicon"]["terms"] == [*held["lexicon"]["terms"], added]
        assert candidate["lexicon"]["rivals"] == [*held["lexicon"]["rivals"], "wedding hat"]
        assert candidate["tags"]["synonyms"] == {"thermoplastic polyolefin": "tpo"}
        assert "conversations" not in candidate
        same = {name for name in held if candidate.get(name) == held[name]}
        assert same == held.keys() - {"conversations", "tags", "lexicon"}
        assert day.client("auditor").get("/api/v1/policies").json()["digest"] == default().digest

    def test_an_older_policy_is_shown_and_adopted_again(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("operator").open("/policies")
        page.get_by_label("Goal of the dashboard").fill("2500")
        page.get_by_role("button", name="Preview the change").click()
        page.get_by_placeholder("Why? It stays on the log.").fill("for a while")
        page.get_by_role("button", name="Adopt this policy").click()
        expect(page.locator(".history > li").first).to_contain_text("Goal of the dashboard: 2000 → 2500")
        expect(page.locator(".history")).to_contain_text("Holds now, adopted by operator")
        shipped = page.locator(".history > li").last
        shipped.get_by_text("The whole policy").click()
        expect(shipped.locator("pre")).to_contain_text('"goal": 2000')
        shipped.get_by_role("button", name="Preview going back").click()
        expect(page.locator(".preview")).to_contain_text("0 examples would enter, 0 would leave")
        page.get_by_placeholder("Why? It stays on the log.").fill("as it was")
        page.get_by_role("button", name="Adopt this policy").click()
        expect(page.locator(".history")).to_contain_text("Goal of the dashboard: 2500 → 2000")
        until(lambda: day.client("auditor").get("/api/v1/stats").json()["training_goal"] == 2000)

    def test_a_policy_that_cannot_be_is_refused_in_words(self, visit: Callable[..., Visitor]) -> None:
        page = visit("operator").open("/policies")
        page.get_by_label("Medium from (score)").fill("99")
        page.get_by_role("button", name="Preview the change").click()
        expect(page.get_by_role("alert")).to_contain_text("is below relevance.medium (99)")

    def test_replay_goes_back_in_time(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("auditor").open("/replay?seq=10")
        expect(page.locator(".moment")).to_contain_text("Fact 10 of")
        expect(page.locator(".log li")).to_have_count(10)
        page.get_by_role("button", name="One back").click()
        expect(page.locator(".log li")).to_have_count(9)
        expect(page).to_have_url(re.compile(r"/replay\?seq=9$"))
        last = day.client("auditor").get("/api/v1/log", params={"limit": 1}).json()["last_seq"]
        at = day.client("auditor").get("/api/v1/log/moment", params={"at": "2999-01-01T00:00:00Z"}).json()
        assert at["seq"] == last
        then = day.client("auditor").get("/api/v1/log/moment", params={"at": "2000-01-01T00:00:00Z"}).json()
        assert then["seq"] == 0

    def test_everything_is_shown_as_it_stood_at_a_moment(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("ann").open("/replay?seq=30")
        page.get_by_role("button", name="See everything as it stood").click()
        expect(page).to_have_url(re.compile(r"/\?as_of=30$"))
        expect(page.locator(".then")).to_contain_text("Everything as it stood after fact 30,")
        expect(page.locator(".funnel-list")).to_be_visible()
        client = day.client("reviewer")
        then = client.get("/api/v1/stats", params={"as_of": 30}).json()
        assert then["total"] < client.get("/api/v1/stats").json()["total"]
        expect(page.locator(".share")).to_contain_text(f"{then['total']:,} collected")
        expect(page.locator(".operations")).to_have_count(0)
        page.get_by_role("link", name="Training set").click()
        expect(page).to_have_url(re.compile(r"/examples\?stage=training&as_of=30$"))
        expect(page.locator(".example-row")).to_have_count(then["funnel"]["unique"])
        page.locator(".example-row").first.click()
        expect(page).to_have_url(re.compile(r"/examples/[^?]+\?as_of=30$"))
        expect(page.locator(".stage-title")).to_be_visible()
        page.get_by_role("button", name="Back to now").click()
        expect(page.locator(".operations")).to_be_visible()
        assert 30 not in [moment["seq"] for moment in client.get("/api/v1/past").json()["items"]]

    def test_the_way_back_can_be_given_up(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = visit("ann").page
        page.route(
            "**/api/v1/past", lambda route: route.fulfill(json=MOMENT) if route.request.method == "POST" else None
        )
        page.route("**/api/v1/past/7", lambda route: route.fulfill(json=MOMENT))
        page.goto("/?as_of=7")
        expect(page.get_by_role("heading", name="Going back to fact 7")).to_be_visible()
        expect(page.locator(".back-words")).to_have_text("Replaying the log: 3 of 7 facts")
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "21")
        page.get_by_role("button", name="Give up").click()
        expect(page).to_have_url(re.compile(r"/replay\?seq=7$"))

    def test_lineage_is_shown_from_examples_and_from_lines(self, visit: Callable[..., Visitor], day: Site) -> None:
        day.start("exporter")
        client = day.client("operator")
        until(lambda: client.get("/api/v1/exporter").status_code == 200)
        digest = client.get("/api/v1/exports").json()["exports"][0]["export_digest"]
        row = client.get("/api/v1/lineage", params={"of": digest, "limit": 1}).json()["rows"][0]
        page = visit("auditor").open(f"/examples/{row['example_id']}")
        expect(page.locator(".contained")).to_contain_text(digest[:12])
        expect(page.locator(".contained")).to_contain_text("data/sft/")
        page.locator(".contained").get_by_role("link", name=digest[:12]).click()
        expect(page).to_have_url(re.compile(rf"/exports#{digest}$"))
        expect(page.locator(".trace")).to_contain_text(row["example_id"])
        page.get_by_label("A line of a file, an example, or an export").fill("training_conversations.jsonl:1")
        page.keyboard.press("Enter")
        expect(page.locator(".trace h3").first).to_have_text("data/sft/train.jsonl:1")
        expect(page.locator(".trace .facts-behind").first).to_contain_text("Captured by")
        page.get_by_label("A line of a file, an example, or an export").fill("training_conversations.jsonl:4711")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("has no line 4711")
        day.stop("exporter")
        page = visit("auditor").open(f"/examples/{row['example_id']}")
        expect(page.locator(".contained")).to_contain_text("The exporter does not run")

    def test_a_damaged_message_is_in_quarantine_for_everybody_to_see(
        self, visit: Callable[..., Visitor], day: Site
    ) -> None:
        page = visit("auditor").open("/quarantine")
        expect(page.get_by_text("The quarantine is empty")).to_be_visible()
        publish_raw(day, "training.example.captured.a.bad", b"<script>alert(1)</script> \xff")
        expect(page.locator(".quarantined")).to_contain_text("malformed")
        page.get_by_text("Its bytes").click()
        expect(page.locator("pre")).to_contain_text("<script>alert(1)</script>")
        expect(page.locator("#menu .badge.is-bad")).to_have_text("1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/?as_of=20", "example"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    visit: Callable[..., Visitor], day: Site, path: str, scheme: str
) -> None:
    if path == "example":
        item = day.client("auditor").get("/api/v1/review", params={"why": "correction"}).json()["items"][0]
        path = f"/examples/{item['example_id']}"
    for viewport in ({"width": 1280, "height": 900}, PHONE):
        visitor = visit("operator", color_scheme=scheme, viewport=viewport, bypass_csp=True)
        page = visitor.open(path)
        settled(page, path)
        assert sideways(page) == 0
        assert violations(page) == []


def test_axe_would_find_something(visit: Callable[..., Visitor]) -> None:
    page = visit("ann", bypass_csp=True).open("/quarantine")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [one.split(":")[0] for one in violations(page)] == ["image-alt"]


def test_axe_finds_nothing_in_what_opens_on_the_desk(visit: Callable[..., Visitor]) -> None:
    page = visit("ann", bypass_csp=True).open("/review")
    expect(page.locator(".stage-title")).to_be_visible()
    for keys in (["r"], ["Escape", "e"], ["Escape", "?"], ["Escape", "b"]):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(100)  # an open dialog is still fading in
        assert violations(page) == [], keys


def test_the_menu_works_by_keyboard_and_on_a_phone(visit: Callable[..., Visitor]) -> None:
    page = visit("ann", viewport=PHONE).open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Examples", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Examples", exact=True).click()
    expect(page.get_by_role("heading", name="Examples")).to_be_visible()


def test_a_refused_request_behind_a_choice_is_told(visit: Callable[..., Visitor]) -> None:
    page = visit("ann").open("/examples")
    expect(page.locator(".example-row").first).to_be_visible()
    refusal = {"error": {"code": "too_many_requests", "message": "Too many requests.", "details": {}}}
    page.route("**/api/v1/examples?stage=**", lambda route: route.fulfill(status=429, json=refusal))
    page.get_by_label("stage").select_option("training")
    expect(page.locator(".toast.is-bad")).to_have_text("Too many requests.")


def test_colours_follow_the_system_until_somebody_chooses(visit: Callable[..., Visitor]) -> None:
    page = visit("ann", color_scheme="dark").open("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Colours: system").click()
    assert page.evaluate(paper) != dark
    page.reload()
    assert page.evaluate(paper) != dark
    page.get_by_role("button", name="Colours: light").click()
    assert page.evaluate(paper) == dark


def test_a_queue_of_thousands_is_shown_page_by_page(visit: Callable[..., Visitor], day: Site) -> None:
    client = day.client("operator")
    for batch in range(4):
        items = [
            {"prompt": f"Which roof fastener for lot {batch}-{n}?", "response": f"{ANSWER} {n}", "project": "thousands"}
            for n in range(500)
        ]
        assert client.post("/api/v1/examples/batch", json={"items": items}).json()["captured"] == 500
    page = visit("ann").review("thousands")
    expect(page.locator(".queue-count")).to_contain_text("2,000 waiting")
    expect(page.locator(".queue-item")).to_have_count(50)
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.locator(".queue-item")).to_have_count(100)
    page.keyboard.press("/")
    page.keyboard.type("lot 3-77?")
    page.keyboard.press("Enter")
    expect(page.locator(".queue-item")).to_have_count(1)
    expect(page.locator(".stage-title")).to_have_text("Which roof fastener for lot 3-77?")


def test_an_empty_log_has_calm_pages(browser: Browser, tmp_path: Any) -> None:
    with EmbeddedServer(tmp_path):
        empty = Site(tmp_path, with_tokens=False)
        try:
            empty.start("projector")
            empty.start("web")
            empty.until_answering()
            visitor = Visitor(browser, empty, None)
            page = visitor.open("/")
            expect(page.get_by_text("Nothing is captured yet")).to_be_visible()
            expect(page.get_by_text("Nothing has been captured yet")).to_be_visible()
            expect(page.locator(".headline strong")).to_have_text("0")
            page = visitor.open("/review")
            expect(page.get_by_text("The queue is empty")).to_be_visible()
            for path in PAGES[2:]:
                visitor.open(path)
            page = visitor.open("/replay")
            expect(page.get_by_text("Nothing had been said yet")).to_be_visible()
            assert [c for c in visitor.complaints if "503" not in c] == []
            visitor.close()
        finally:
            empty.close()


def settled(page: Page, path: str) -> None:
    """Wait until a page shows what it is for."""
    shown = {
        "/": ".correction-list",
        "/?as_of=20": ".funnel-list",
        "/review": ".stage-title",
        "/examples": ".example-row",
        "/replay": ".log li",
    }
    expect(page.locator(shown.get(path, "h1")).first).to_be_attached()


def violations(page: Page) -> list[str]:
    """What axe has against a page: the rule and the first element that breaks it."""
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {json.dumps(one['nodes'][0]['any'][:1])[:300]}"
        for one in found.response["violations"]
    ]
