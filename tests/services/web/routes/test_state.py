"""Looking over HTTP: the same answers as the command line gives, and how things are by age."""

from __future__ import annotations

import re
from typing import Any

from events import calls
from events.facts import FACTS
from events.log.log import Log
from services.metrics import WEB
from services.state.questions import QUESTIONS
from services.web.gateway import HISTORY, HISTORY_AT_ONCE
from services.web.health import OLDEST_SECONDS

from ...conftest import ANSWER
from ...test_metrics import absent, strange
from ..conftest import Site, until


def test_answers_are_those_of_the_command_line(site: Site) -> None:
    client = site.client("operator")
    bodies = [{"prompt": f"TPO seam overlap {n}?", "response": ANSWER, "tags": ["seam"]} for n in range(5)]
    example, *_ = [client.post("/api/v1/examples", json=body).json()["example_id"] for body in bodies]
    client.post(f"/api/v1/examples/{example}/feedback", json={"feedback": "negative"})
    client.get("/api/v1/stats")
    assert client.get("/api/v1/stats").json() == site.cli.json("stats")
    assert client.get("/api/v1/queue").json() == site.cli.json("queue")
    assert client.get(f"/api/v1/examples/{example}").json() == site.cli.json("show", example)
    history = client.get(f"/api/v1/examples/{example}/history").json()["facts"]
    told = site.cli.json("history", example)["facts"]
    assert [fact["fact"] for fact in history] == [fact["fact"] for fact in told]


def test_the_queue_has_every_filter_of_the_question(site: Site) -> None:
    client = site.client("reviewer")
    for n in range(3):
        body = {"prompt": f"Scupper number {n}?", "response": ANSWER, "tags": ["filters"], "source": "rfi_generation"}
        client.post("/api/v1/examples", json=body)
    listed = client.get("/api/v1/queue", params={"tag": "filters", "source": "rfi_generation", "limit": 2}).json()
    assert (listed["total"], len(listed["items"])) == (3, 2)
    why = listed["items"][0]["why"]
    assert client.get("/api/v1/queue", params={"tag": "filters", "why": why}).json()["total"] >= 1
    assert client.get("/api/v1/queue", params={"tag": "no such tag"}).json()["total"] == 0
    for wrong in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"why": "because"}, {"tag": ""}):
        assert client.get("/api/v1/queue", params=wrong).status_code == 422


async def test_a_long_history_comes_page_by_page(site: Site) -> None:
    client = site.client("operator")
    body = {"prompt": "How long is a history?", "response": ANSWER}
    example = client.post("/api/v1/examples", json=body).json()["example_id"]
    log = await Log.connect(site.server)
    for n in range(HISTORY):
        await log.give_feedback(calls.feedback(example, "positive", actor=f"user {n}", comment="x" * 100))
    await log.close()
    history, after, sizes = [], 0, []
    while after is not None:
        page = client.get(f"/api/v1/examples/{example}/history", params={"after": after}).json()
        history += page["facts"]
        sizes.append(len(page["facts"]))
        after = page["after"]
    assert sizes == [HISTORY, 1]
    assert [fact["seq"] for fact in history] == sorted({fact["seq"] for fact in history})
    first = client.get(f"/api/v1/examples/{example}/history", params={"limit": 3, "as_of": history[1]["seq"]}).json()
    assert (len(first["facts"]), first["after"]) == (2, None)
    stale = client.post(f"/api/v1/examples/{example}/approve", json={"revision": history[0]["seq"]})
    assert stale.status_code == 409
    assert len(stale.json()["error"]["details"]["since"]) == HISTORY


def test_a_page_of_long_messages_ends_early(site: Site) -> None:
    client = site.client("operator")
    body = {"prompt": "How long is a message?", "response": ANSWER}
    example = client.post("/api/v1/examples", json=body).json()["example_id"]
    for _ in range(2 * HISTORY_AT_ONCE):
        said = {"feedback": "negative", "comment": "x" * 60_000}
        assert client.post(f"/api/v1/examples/{example}/feedback", json=said).status_code == 201
    page = client.get(f"/api/v1/examples/{example}/history").json()
    assert len(page["facts"]) == HISTORY_AT_ONCE
    rest = client.get(f"/api/v1/examples/{example}/history", params={"after": page["after"]}).json()
    assert len(page["facts"]) + len(rest["facts"]) < 2 * HISTORY_AT_ONCE + 1


def test_what_there_is_not_is_said(site: Site) -> None:
    client = site.client("auditor")
    for path in ("ghost", "ghost/history"):
        answer = client.get(f"/api/v1/examples/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_example")


def test_health_is_told_by_age_and_needs_no_token(site: Site) -> None:
    seq = site.client("publisher").post("/api/v1/examples", json={"prompt": "p", "response": "r"}).json()["seq"]
    public = site.client()
    until(lambda: public.get("/health").json()["projector"]["checkpoint"] >= seq)
    answer = public.get("/health")
    health = answer.json()
    assert (answer.status_code, "state" in health) == (200, False)
    assert 0 <= health["age_seconds"] < OLDEST_SECONDS
    assert health["status"] == "ok"
    assert health["log"]["last_seq"] == health["projector"]["checkpoint"]
    assert health["projector"]["behind_seconds"] == 0.0
    assert 0 <= health["projector"]["moved_seconds_ago"] < 60
    status = site.client("publisher").get("/api/v1/status").json()
    assert status["state"]["checkpoint"] >= health["projector"]["checkpoint"]


def test_metrics_tell_routes_and_no_ids(site: Site) -> None:
    site.client("auditor").get("/api/v1/examples/some_id_of_mine")
    answer = site.client("auditor").get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'rooflog_up{service="web"} 1.0' in answer.text
    assert 'rooflog_ready{service="web"} 1.0' in answer.text
    assert 'path="/api/v1/examples/{example_id}"' in answer.text
    assert "some_id_of_mine" not in answer.text
    assert strange(answer.text, WEB) == []
    assert absent(answer.text, WEB) <= {"rooflog_export_age_seconds", "rooflog_training"} | {
        "rooflog_web_requests_error_total"  # which begins with the first error
    }


def test_no_caller_chooses_what_metrics_are_divided_by(site: Site) -> None:
    auditor = site.client("auditor")
    auditor.request("INVENTED", "/api/v1/stats")
    auditor.get("/nowhere/invented")
    auditor.get("/static/invented.js")
    assert "nvented" not in auditor.get("/metrics").text.lower()


def test_both_references_are_pages_that_need_nothing_from_elsewhere(site: Site) -> None:
    public = site.client()
    http, nats = public.get("/api"), public.get("/api/asyncapi")
    for page in (http, nats):
        assert page.headers["content-type"].startswith("text/html")
        assert "<script" not in page.text
        assert all(link.startswith(("/", "#")) for link in re.findall(r'(?:src|href)="([^"]*)"', page.text))
    assert "POST /api/v1/examples/{example_id}/feedback" in http.text
    assert "receive training.&gt;" in nats.text
    assert "receive rooflog.exporter.*" in nats.text
    assert public.get("/static/reference.css").status_code == 200
    document: dict[str, Any] = public.get("/api/asyncapi.json").json()
    schemas = document["components"]["schemas"]
    assert {fact.__name__ for fact in FACTS} <= schemas.keys()
    assert document["channels"]["questions"]["x-arguments"].keys() == QUESTIONS.keys()
