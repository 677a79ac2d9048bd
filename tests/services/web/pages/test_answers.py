"""The types that the pages read are the types of real answers: answers.d.ts is compared with what the pages receive."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from ..browser import PAGES, Visitor, capture, publish_raw
from ..conftest import Site, until

TYPES = Path(__file__).parents[4] / "services" / "web" / "answers.d.ts"
TOOLS = Path(sys.prefix) / "node" / "node_modules"
API = "/api/v1"

SHOWN = {
    "/": ".health-list",
    "/review": ".stage-title",
    "/examples": ".example-row",
    "/exports": ".operations",
    "/policies": ".policy",
    "/quarantine": ".quarantined",
    "/imports": ".import-form",
    "/proofs": ".proof-form",
    "/people": ".person-item",
    "/notes": "section.card",
    "/replay": ".log li",
}
"""What a page shows last."""


class Request(NamedTuple):
    method: str
    path: str
    query: str = ""


class Recorder:
    """Keeps the answers that a visitor's pages receive, the last one of each method, path and query."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answers: dict[Request, Any] = {}
        page.route(f"**{API}/**", self._record)

    def _record(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        path = address.path.removeprefix(API)
        if path == "/events":
            return route.continue_()
        response = route.fetch()
        if response.ok:
            self.answers[Request(route.request.method, path, address.query)] = response.json()
        return route.fulfill(response=response)


def complaints(answers: dict[Request, Any], folder: Path) -> str:
    """What the TypeScript compiler has against the answers as values of the types that the pages read."""
    lines = [f'import type {{ Get, Post }} from "{TYPES}";', "declare const get: Get;", "declare const post: Post;"]
    for n, (request, body) in enumerate(answers.items()):
        (folder / f"{n}.json").write_text(json.dumps(body), "utf-8")
        path = json.dumps(request.path)
        call = f"get({path})" if request.method == "GET" else f"post({path}, {{}})"
        lines += [f'import answer{n} from "./{n}.json";', f"let type{n} = await {call};", f"type{n} = answer{n};"]
    (folder / "answers.ts").write_text("\n".join(lines), "utf-8")
    options = ["--noEmit", "--strict", "--resolveJsonModule", "--types", ""]
    options += ["--target", "es2023", "--module", "esnext", "--moduleResolution", "bundler"]
    command: list[str | Path] = [
        Path(sys.prefix) / "bin" / "node",
        TOOLS / "typescript" / "bin" / "tsc",
        *options,
        "answers.ts",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_the_answers_have_the_types_that_the_pages_read(
    visit: Callable[..., Visitor], day: Site, tmp_path: Path
) -> None:
    publish_raw(day, "training.example.captured.a.bad", b"no fact")
    question = "What is the minimum slope of a new TPO roof at Harbor Court?"
    first = "The minimum slope is 1/4 inch per foot on a new TPO roof, by code. Ask bo@example.com."
    second = "The minimum slope is 2 inch per foot on a new TPO roof, by code."
    turn: dict[str, Any] = {
        "conversation": "types", "system": "You are a roofer.", "tools": [{"name": "find", "result": "8"}],
        "attachments": [{"kind": "image", "address": "roof.jpg"}], "model": "m", "finish_reason": "stop",
    }  # fmt: skip
    capture(day, "types", question, response=first, tags=["types"], **turn)
    capture(day, "types", question, response=second, tags=["types"])
    client = day.client("operator")
    day.start("exporter")
    until(lambda: client.get("/api/v1/exporter").status_code == 200)
    page = visit("operator").page
    recorder = Recorder(page)
    for path in PAGES:
        page.goto(path)
        expect(page.locator(SHOWN[path]).first).to_be_visible()
    preview(page)
    decide(page)
    trace(page, client.get("/api/v1/exports").json()["exports"][0]["export_digest"])
    page.goto("/?as_of=30")
    expect(page.locator(".funnel-list")).to_be_visible(timeout=60_000)
    day.stop("exporter")

    assert len({request.path for request in recorder.answers}) > 25
    assert complaints(recorder.answers, tmp_path) == ""


def test_an_answer_of_another_type_is_found(tmp_path: Path) -> None:
    stats = {"total": 1, "funnel": {"captured": 1}, "by_source": [], "relevance": {}, "tags": [], "review_queue": 3}
    session = {"name": "ann", "role": "reviewer", "rights": ["look"], "is_open": "no"}
    answers = {"/stats": stats, "/session": session, "/elsewhere": {}}
    found = complaints({Request("GET", path): body for path, body in answers.items()}, tmp_path)
    assert "missing the following properties from type 'Funnel'" in found
    assert "'string' is not assignable to type 'boolean'" in found
    assert "No overload matches this call" in found


def preview(page: Page) -> None:
    page.goto("/policies")
    page.get_by_label("Shortest answer (characters)").fill("60")
    page.get_by_role("button", name="Preview the change").click()
    expect(page.locator(".preview")).to_be_visible()


def decide(page: Page) -> None:
    page.goto("/review?project=types")
    expect(page.locator(".stage-title")).to_be_visible()
    page.keyboard.press("b")
    page.get_by_role("button", name="Approve 1").click()
    expect(page.locator("#toasts")).to_contain_text("Approved 1.")
    expect(page.locator(".queue-item")).to_have_count(1)
    expect(page.locator(".notice.is-personal")).to_be_visible()
    for key, words in (("p", "Redacted"), ("a", "Approved"), ("u", "Undone.")):
        page.keyboard.press(key)
        expect(page.locator("#toasts")).to_contain_text(words)


def trace(page: Page, digest: str) -> None:
    page.goto(f"/exports#{digest}")
    page.locator(".trace .behind a").first.click()
    expect(page.locator(".contained .held").first).to_be_visible()
    page.goto("/exports")
    page.get_by_label("A line of a file, an example, or an export").fill("training_conversations.jsonl:1")
    page.keyboard.press("Enter")
    expect(page.locator(".trace .behind")).to_be_visible()
