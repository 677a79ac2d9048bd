"""A real browser and its pages: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import nats
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, expect, sync_playwright

from services.runtime.nats_server import EmbeddedServer
from tests.deadlines import FAR_SECONDS
from tests.services.conftest import address

from .conftest import Site, until

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""Without these chromium looks for its maker's servers at every start."""

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}

PAGES = (
    "/",
    "/review",
    "/examples",
    "/exports",
    "/policies",
    "/quarantine",
    "/imports",
    "/proofs",
    "/people",
    "/notes",
    "/replay",
)

ANSWER = "Extend the base flashing at least 8 inches above the finished roof membrane and terminate it under a reglet."

expect.set_options(timeout=FAR_SECONDS * 1000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """Somebody in front of a browser: signed in, with everything that the browser complained about."""

    def __init__(self, browser: Browser, site: Site, name: str | None, **options: Any) -> None:
        self.site = site
        self.context = browser.new_context(base_url=site.url, **({"viewport": DESKTOP} | options))
        self.context.set_default_timeout(FAR_SECONDS * 1000)
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismiss)
        if name is not None:
            answer = self.context.request.post(
                "/api/v1/session", data={"token": site.secrets[name]}, headers={"X-Rooflog-Page": "1"}
            )
            assert answer.ok, answer.text()

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def _complain(self, message: ConsoleMessage) -> None:
        is_known = any(part in message.location["url"] for part in ("/api/v1/exporter", "/api/v1/lineage"))
        if message.type in ("error", "warning") and not is_known:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        """The page once it has been drawn."""
        self.page.goto(path)
        expect(self.page.locator("main > :not(noscript, .reading)").first).to_be_attached()
        return self.page

    def review(self, project: str, **filters: str) -> Page:
        """The review queue of one project, with an example on the desk."""
        query = "&".join(f"{name}={quote(value)}" for name, value in ({"project": project} | filters).items())
        page = self.open(f"/review?{query}")
        expect(page.locator(".stage-title")).to_be_visible()
        return page

    def close(self) -> None:
        self.context.close()


def capture(site: Site, project: str, *prompts: str, **fields: Any) -> list[str]:
    """Capture examples and wait until they are in the tables; their ids in the order of the prompts."""
    client = site.client("operator")
    ids = []
    for prompt in prompts:
        body = {"prompt": prompt, "response": ANSWER, "project": project} | fields
        answer = client.post("/api/v1/examples", json=body)
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["example_id"])
    until(lambda: client.get(f"/api/v1/examples/{ids[-1]}").status_code == 200)
    return ids


def facts(site: Site, example_id: str) -> list[dict[str, Any]]:
    """What `rooflog history` tells about an example: kind, actor, reason."""
    told = site.cli.json("history", example_id)["facts"]
    return [line["fact"] for line in told]


def said(site: Site, example_id: str) -> list[tuple[str, str]]:
    """Who said what about an example, in order."""
    return [(fact["type"].removesuffix(".v1"), fact["actor"]) for fact in facts(site, example_id)]


def publish_raw(site: Site, subject: str, data: bytes) -> None:
    """Put bytes on the log that no client of ours would."""

    async def publish(url: str) -> None:
        client = await nats.connect(url)
        await client.jetstream().publish(subject, data)
        await client.close()

    with EmbeddedServer(site.cli.data_dir) as server, ThreadPoolExecutor() as other:
        other.submit(asyncio.run, publish(address(server))).result()  # Playwright's loop runs in this thread


def sideways(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
