"""Reading texts in a real browser: Markdown becomes elements that cannot run, and stays the text that was said."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.web.app import STATIC

from ..browser import PHONE, Visitor, capture, sideways
from ..conftest import Site, until
from .test_pages import violations

MARKDOWN = """## Steps
1. Clean the **TPO** sheet with `T-550`.
2. Weld at *1,000 °F*.
   - Probe every seam.

| Sheet | Weld | Width |
|:------|-----:|:-----:|
| TPO   | 1,000 | 1.5 in |
| <b>PVC</b> | 900 | 1.5 in |

> Never weld wet.

```python
print("<script>window.hacked = 1</script>")
```

See [the guide](https://example.com/guide "for welders") or <https://example.com/faq>.
![a seam](https://example.com/seam.png)
The load is $w = 0.7 * p * g$ and \\(a * b * c\\), for $5 or $6.
"""

REFUSED = [
    "javascript:window.hacked=1", "JaVaScRiPt:window.hacked=1", "java\tscript:window.hacked=1",
    "&#106;avascript:window.hacked=1", "data:text/html,window.hacked=1", "DATA:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)", "file:///etc/passwd", "blob:https://example.com/1", "//example.com/x", "/sign-in", "#main",
    "\x01javascript:window.hacked=1", "intent://x", "https:",
]  # fmt: skip
"""Addresses that no link of a page may have: they run, or lead to a page of ours."""

ALLOWED = ["http://example.com/a", "HTTPS://EXAMPLE.com/b", "mailto:a@example.com", "MailTo:b@example.com"]

TOO_DEEP = "its parts are too deep inside one another"


def show(visit: Callable[..., Visitor], day: Site, project: str, answer: str, **fields: Any) -> Page:
    """The page of an example that has this answer."""
    (example,) = capture(day, project, f"Which roof seam is right for {project}?", response=answer, **fields)
    page = visit("ann").open(f"/examples/{example}")
    expect(page.locator(".stage-title")).to_be_visible()
    return page


def table_of(kilobytes: int) -> str:
    row = "| Which roof | membrane |\n"
    return "| Roof | Membrane |\n|---|---|\n" + row * (kilobytes * 1000 // len(row) + 1)


class TestMarkdown:
    def test_it_is_rendered_as_elements(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "rendered", MARKDOWN)
        text = page.locator(".stage-card .text.is-rendered")
        expect(text.locator("h4")).to_have_text("Steps")
        expect(text.locator("ol > li")).to_have_count(2)
        expect(text.locator("ol ul > li")).to_have_text("Probe every seam.")
        expect(text.locator("strong")).to_have_text("TPO")
        expect(text.locator("td")).to_have_text(["TPO", "1,000", "1.5 in", "<b>PVC</b>", "900", "1.5 in"])
        expect(text.locator("td").nth(1)).to_have_css("text-align", "right")
        expect(text.locator("blockquote")).to_have_text("Never weld wet.")
        expect(text.locator("pre code")).to_have_text('print("<script>window.hacked = 1</script>")')
        expect(text).to_contain_text("The load is $w = 0.7 * p * g$ and \\(a * b * c\\), for $5 or $6.")
        link = text.get_by_role("link", name="the guide")
        expect(link).to_have_attribute("href", "https://example.com/guide")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(text).to_contain_text("the guide (for welders: https://example.com/guide)")
        expect(text.locator(".picture")).to_have_text("Picture: a seam https://example.com/seam.png")
        assert page.locator("main img, main script").count() == 0
        assert page.evaluate("window.hacked") is None

    def test_the_choice_of_raw_text_is_remembered(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "raw", MARKDOWN)
        raw = page.locator(".stage-card [data-field=response]")
        expect(page.locator(".is-rendered")).to_be_visible()
        button = page.get_by_role("button", name="Raw text")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_be_focused()
        expect(raw).to_have_text(MARKDOWN, use_inner_text=True)
        page.reload()
        expect(raw).to_have_text(MARKDOWN, use_inner_text=True)
        page.keyboard.press("m")
        expect(page.locator(".is-rendered")).to_be_visible()
        expect(raw).to_have_count(0)

    def test_an_address_that_could_run_is_no_link(self, visit: Callable[..., Visitor], day: Site) -> None:
        lines = [f"- **{n}** [link](<{address}>) ![it](<{address}>) <{address}>" for n, address in enumerate(REFUSED)]
        page = show(visit, day, "refused", "\n".join(lines))
        text = page.locator(".stage-card .text.is-rendered")
        expect(text.locator("strong")).to_have_count(len(REFUSED))
        assert text.locator("a, img").count() == 0
        assert text.inner_text().count("[link](") == len(REFUSED)
        assert page.evaluate("window.hacked") is None

    def test_addresses_of_other_sites_are_links(self, visit: Callable[..., Visitor]) -> None:
        answer = " ".join(f"[link {n}]({address})" for n, address in enumerate(ALLOWED))
        page = visit("ann").open("/")
        protocols = page.evaluate(
            """async text => {
                 const { content } = (await import("/static/markdown.js")).render(text, 6000);
                 return [...content.querySelectorAll("a")].map(link => `${link.protocol} ${link.rel}`);
               }""",
            answer,
        )
        assert protocols == [f"{name} noopener noreferrer" for name in ("http:", "https:", "mailto:", "mailto:")]

    def test_a_table_of_two_hundred_kilobytes_is_shown_raw(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "long table", table_of(200))
        expect(page.locator(".reading-note")).to_have_text("Shown as written: it is too long.")
        page.get_by_role("button", name=re.compile("Show all of it")).click()
        assert page.locator(".stage-card [data-field=response]").evaluate("text => text.textContent.length") > 200_000
        page.keyboard.press("a")
        expect(page.locator("#toasts")).to_contain_text("Approved")

    def test_a_long_table_is_rendered_on_demand(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "table", table_of(19))
        rows = page.locator(".is-rendered tbody tr")
        assert rows.count() < 400
        page.get_by_role("button", name=re.compile("Show all of it")).click()
        expect(rows).to_have_count(table_of(19).count("\n") - 2)

    @pytest.mark.parametrize(
        ("shape", "text", "why"),
        [
            ("quotes", ">" * 5_000 + " roof", TOO_DEEP),
            ("lists", "".join(" " * (2 * n) + "- roof\n" for n in range(60)), TOO_DEEP),
            ("cells", f"{'|a' * 900}|\n{'|-' * 900}|\n" + "|\n" * 900, "it has too many parts"),
        ],
    )  # fmt: skip
    def test_what_is_too_much_is_shown_raw(
        self, visit: Callable[..., Visitor], day: Site, shape: str, text: str, why: str
    ) -> None:
        page = show(visit, day, f"nested {shape}", text)
        expect(page.locator(".reading-note")).to_have_text(f"Shown as written: {why}.")
        expect(page.locator(".stage-card [data-field=response]")).to_be_visible()
        expect(page.locator(".is-rendered")).to_have_count(0)

    def test_a_hostile_text_ends(self, visit: Callable[..., Visitor]) -> None:
        page = visit("ann").open("/")
        units = ["[", "![a](", "*a_", "`", "\\(", "$ a", "<a ", "[a](<", "> - ", "|\n", "~~a", "&#", "**a *"]
        page.evaluate(
            """async texts => {
                 const { render } = await import("/static/markdown.js");
                 for (const text of texts) render(text, 6000);
               }""",
            [unit * (20_000 // len(unit)) for unit in units],
        )

    def test_marked_words_are_shown_raw(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "marked", f"{MARKDOWN}\nCall 312-555-0147.")
        expect(page.locator(".stage-card mark")).to_contain_text("312-555-0147")
        expect(page.locator(".stage-card .is-rendered")).to_have_count(0)

    def test_words_selected_in_rendered_text_are_redacted(self, visit: Callable[..., Visitor], day: Site) -> None:
        page = show(visit, day, "selected", "1. **Ask Roofer Bill** about the seam.\n2. Bill knows.")
        page.locator(".is-rendered strong").dblclick(position={"x": 12, "y": 8})
        page.get_by_role("button", name="Redact selection").click()
        expect(page.get_by_label("Words to replace")).to_have_value("Ask")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_in_rendered_text(self, visit: Callable[..., Visitor], day: Site, scheme: str) -> None:
        (example,) = capture(
            day, f"axe {scheme}", f"# Which roof?\n\n{MARKDOWN}", response=f"### Late\n# First\n{MARKDOWN}"
        )
        for viewport in ({"width": 1280, "height": 900}, PHONE):
            page = visit("ann", color_scheme=scheme, viewport=viewport, bypass_csp=True).open(f"/examples/{example}")
            expect(page.locator(".is-rendered")).to_have_count(2)
            assert sideways(page) == 0
            assert violations(page) == []


class TestConversation:
    def test_only_the_last_turns_of_a_conversation_are_open(self, visit: Callable[..., Visitor], day: Site) -> None:
        about = {"conversation": "talk 9"}
        long = " ".join(f"Seam {n} of the roof is welded." for n in range(80))
        for n in range(5):
            capture(day, "turns", f"Which seam does roof {n} need?", response=long if n == 3 else "Weld it.", **about)
        page = show(visit, day, "turns", "Weld it.", conversation="talk 9")
        turns = page.locator(".thread .turn")
        expect(turns).to_have_count(5)
        expect(turns.nth(1)).to_be_hidden()
        expect(turns.nth(2)).to_be_visible()
        page.get_by_text("The first 2").click()
        expect(turns.nth(0)).to_contain_text("Which seam does roof 0 need?")
        expect(turns.nth(3).locator(".who")).to_have_text(["User", "Assistant"])
        expect(turns.nth(3)).not_to_contain_text("Seam 79")
        turns.nth(3).get_by_role("button", name="Show all of it").click()
        expect(turns.nth(3)).to_contain_text("Seam 79")

    def test_only_addresses_of_the_web_are_linked(self, visit: Callable[..., Visitor], day: Site) -> None:
        addresses = ["https://example.com/roof.jpg", "s3://bucket/roof.jpg", "JavaScript:alert(1)", "mailto:a", "/"]
        attachments = [{"kind": "image", "name": "roof", "address": a, "digest": "ab" * 32} for a in addresses]
        page = show(visit, day, "attached", "Weld it.", attachments=attachments)
        items = page.locator(".attachments li")
        expect(items).to_contain_text(addresses)
        assert [item.locator("a").count() for item in items.all()] == [1, 0, 0, 0, 0]
        expect(items.first).to_contain_text("ab" * 32)

    def test_the_original_stays_in_sight_while_editing(self, visit: Callable[..., Visitor], day: Site) -> None:
        (example,) = capture(day, "original", "Which seam width does a TPO roof need?", response="Weld 1 inch.")
        correction = {
            "example_id": example,
            "corrected_response": "Weld **1.5** inches.",
            "reason": "the standard says so",
        }
        answer = day.client("operator").post("/api/v1/corrections", json=correction)
        assert answer.status_code == 201, answer.text
        visitor = visit("ann")
        until(lambda: day.client("operator").get(f"/api/v1/examples/{answer.json()['correction_id']}").is_success)
        page = visitor.open(f"/examples/{answer.json()['correction_id']}")
        expect(page.locator(".stage-title")).to_be_visible()
        page.keyboard.press("e")
        original = page.get_by_role("complementary", name="As it is now")
        expect(original.locator("del")).to_contain_text("1")
        expect(original).to_contain_text("the standard says so")
        expect(original.locator(".history")).to_contain_text("Corrected")


def highlighted(page: Page) -> list[str]:
    """The words that the browser marks, in the order of the page."""
    words: list[str] = page.evaluate(
        """[...(CSS.highlights.get("searched") ?? [])].map(
             range => range.startContainer.nodeValue.slice(range.startOffset, range.endOffset))"""
    )
    return words


class TestFinding:
    def test_words_of_a_search_are_marked_everywhere(self, visit: Callable[..., Visitor], day: Site) -> None:
        answer = f"{'Words before it. ' * 30}\n\n- Weld the **Coverstrip** of the roof (c.)"
        capture(day, "marks", "Which strip covers a roof seam?", response=answer)
        page = visit("ann").open("/examples?project=marks&text=coverstrip (C.)")
        expect(page.locator(".example-row .response")).to_contain_text("Weld the **Coverstrip** of")
        until(lambda: highlighted(page) == ["Coverstrip", "(c.)"])
        page.locator(".example-row").click()
        expect(page.locator(".is-rendered strong")).to_have_text("Coverstrip")
        until(lambda: highlighted(page) == ["Coverstrip", "(c.)"])
        page.keyboard.press("m")
        expect(page.locator("[data-field=response]")).to_be_visible()
        until(lambda: highlighted(page) == ["Coverstrip", "(c.)"])
        page.goto("/review?project=marks&text=roof")
        expect(page.locator(".stage-title")).to_be_visible()
        until(lambda: len(highlighted(page)) >= 3)
        page.get_by_label("Search the texts").fill("")
        page.keyboard.press("Enter")
        until(lambda: highlighted(page) == [])

    @pytest.mark.parametrize("path", ["/examples", "/review"])
    def test_day_and_order_are_in_the_address(self, visit: Callable[..., Visitor], day: Site, path: str) -> None:
        project = f"days {path[1:]}"
        for n, said in enumerate(["2026-03-01T12:00:00Z", "2026-03-03T12:00:00Z", "2026-03-02T12:00:00Z"]):
            capture(day, project, f"Which roof seam is number {n}?", occurred_at=said)
        page = visit("ann").open(f"{path}?project={project}&since=2026-03-02")
        prompts = page.locator(".example-row .prompt, .queue-item .prompt")
        newest = ["Which roof seam is number 2?", "Which roof seam is number 1?"]
        expect(prompts).to_have_text(newest)
        page.get_by_label("order").select_option("oldest")
        expect(prompts).to_have_text(newest[::-1])
        page.get_by_label("To").fill("2026-03-02")
        expect(prompts).to_have_text(newest[:1])
        expect(page).to_have_url(re.compile("since=2026-03-02.*until=2026-03-02.*sort=oldest"))
        page.reload()
        expect(prompts).to_have_text(newest[:1])

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_in_the_filters(self, visit: Callable[..., Visitor], day: Site, scheme: str) -> None:
        for path in ("/review?since=2020-01-01&sort=oldest", "/examples?text=roof&since=2020-01-01"):
            page = visit("ann", color_scheme=scheme, viewport=PHONE, bypass_csp=True).open(path)
            expect(page.locator(".example-row, .stage-title").first).to_be_visible()
            assert sideways(page) == 0
            assert violations(page) == []


def test_the_vendored_parser_is_the_pinned_one() -> None:
    published = Path(sys.prefix) / "node/node_modules/markdown-it/dist/browser/markdown-it.esm.min.mjs"
    vendored = STATIC / "vendor" / published.name
    assert vendored.read_bytes() == published.read_bytes(), f"copy {published.name} and its licences again"
