"""The model for suggestions: a server on this machine that speaks chat completions, well and badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from services.runtime.nats_server import EmbeddedServer
from services.web.suggester import ANSWER_BYTES

from ..conftest import ANSWER, address
from .browser import Visitor, chromium
from .conftest import Site

WRONG = "Extend the base flashing at least 4 inches above the finished roof membrane."
BETTER = "Extend it at least 8 inches above the membrane, and terminate it under a counterflashing."


class Model:
    """A server that answers every chat completion in the way that a test has chosen."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        self.answers: Callable[[BaseHTTPRequestHandler], None] = well
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.asked.append((self.path, self.headers["Authorization"], body))
                model.answers(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def well(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, json.dumps({"choices": [{"message": {"content": BETTER}}]}).encode())


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.server.shutdown()
    model.server.server_close()


@pytest.fixture(autouse=True)
def _well(model: Model) -> None:
    model.asked.clear()
    model.answers = well


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[Site]:
    """Log, projector and web, which knows the model and its key."""
    data_dir: Path = tmp_path_factory.mktemp("site")
    with EmbeddedServer(data_dir) as server:
        running = Site(data_dir, ROOFLOG_SUGGEST_URL=model.url, ROOFLOG_SUGGEST_KEY="sesame")
        running.server = address(server)
        try:
            running.start("projector")
            running.start("web")
            running.until_answering()
            yield running
        finally:
            running.close()


def captured(site: Site, prompt: str, response: str = ANSWER) -> str:
    body = {"prompt": prompt, "response": response}
    example_id: str = site.client("reviewer").post("/api/v1/examples", json=body).json()["example_id"]
    return example_id


def test_a_suggestion_says_nothing_and_its_correction_names_it(site: Site, model: Model) -> None:
    example_id = captured(site, "How high must the flashing be? Write to ann@example.com")
    reviewer = site.client("reviewer")
    assert reviewer.get("/api/v1/suggestions").json() == {"model": "gpt-4.1"}
    answer = reviewer.post(f"/api/v1/examples/{example_id}/suggestion", json={})
    assert answer.status_code == 200
    suggested = answer.json()
    assert (suggested["response"], suggested["model"]) == (BETTER, "gpt-4.1")
    [(path, key, document)] = model.asked
    assert (path, key, document["model"]) == ("/v1/chat/completions", "Bearer sesame", "gpt-4.1")
    assert "ann@example.com" not in json.dumps(document)
    shown = reviewer.get(f"/api/v1/examples/{example_id}").json()
    assert shown["revision"] == suggested["revision"]
    edit = {"revision": shown["revision"], "response": BETTER, "proposed_by": suggested["model"]}
    assert reviewer.post(f"/api/v1/examples/{example_id}/edit", json=edit).status_code == 201
    history = reviewer.get(f"/api/v1/examples/{example_id}/history").json()
    assert "as gpt-4.1 had suggested" in json.dumps(history)


def redirects(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 307, b"", Location="http://127.0.0.1:1/elsewhere")


def refuses(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 401, b'{"error": "wrong key"}')


def says_too_much(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b" " * (ANSWER_BYTES + 1))


def says_nothing(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"{}")


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        (redirects, "refused with 307"),
        (refuses, "wrong key"),
        (says_too_much, "longer than"),
        (says_nothing, "chat completions"),
        (hangs_up, "has not answered"),
    ],
)
def test_a_model_that_fails_is_told_and_harms_nothing(
    site: Site, model: Model, answers: Callable[[BaseHTTPRequestHandler], None], word: str
) -> None:
    example_id = captured(site, "How wide is the seam?")
    model.answers = answers
    answer = site.client("reviewer").post(f"/api/v1/examples/{example_id}/suggestion", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert word in answer.json()["error"]["message"]
    assert site.client("reviewer").get(f"/api/v1/examples/{example_id}").status_code == 200


def test_a_caller_asks_one_question_at_a_time(site: Site, model: Model) -> None:
    first, second = (captured(site, f"How wide is seam {n}?") for n in range(2))
    begun, go_on = threading.Event(), threading.Event()

    def waits(handler: BaseHTTPRequestHandler) -> None:
        begun.set()
        go_on.wait()
        well(handler)

    model.answers = waits
    answers: list[int] = []
    reviewer = site.client("reviewer")
    asking = threading.Thread(
        target=lambda: answers.append(reviewer.post(f"/api/v1/examples/{first}/suggestion", json={}).status_code)
    )
    asking.start()
    begun.wait()
    refused = site.client("reviewer").post(f"/api/v1/examples/{second}/suggestion", json={})
    go_on.set()
    asking.join()
    assert (refused.status_code, answers) == (429, [200])


def test_a_reviewer_takes_a_suggestion_over_by_hand(site: Site) -> None:
    example_id = captured(site, "How high must the suggested flashing be?", WRONG)
    with chromium() as browser:
        visitor = Visitor(browser, site, "reviewer")
        page = visitor.page
        visitor.open(f"/review?example={example_id}")
        expect(page.locator(".stage-title")).to_contain_text("suggested flashing")
        page.keyboard.press("e")
        page.get_by_role("button", name="Have an answer suggested").click()
        expect(page.locator(".suggestion")).to_contain_text("counterflashing")
        expect(page.get_by_label("The answer as it should be")).to_have_value(WRONG)
        page.get_by_role("button", name="Take it over").click()
        expect(page.get_by_label("The answer as it should be")).to_have_value(BETTER)
        page.get_by_role("button", name="Save and approve").click()
        expect(page.locator("#toasts")).to_contain_text("approved", ignore_case=True)
        visitor.close()
    history = site.client("reviewer").get(f"/api/v1/examples/{example_id}/history").json()
    assert "as gpt-4.1 had suggested" in json.dumps(history)
