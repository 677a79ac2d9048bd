"""Limits: large bodies, bodies of another kind and hasty callers are refused, each in the one shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.runtime.nats_server import EmbeddedServer

from ...conftest import ANSWER
from ..conftest import Site, until


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert set(error) == {"code", "message", "details"}
    return error


def test_a_body_has_a_limit_with_or_without_length(site: Site) -> None:
    client, json = site.client("publisher"), {"content-type": "application/json"}
    large = b'{"prompt": "' + b"x" * (9 * 2**20) + b'"}'
    refused(client.post("/api/v1/examples", content=large, headers=json), 413, "too_large")
    chunks = (large[start : start + 65536] for start in range(0, len(large), 65536))
    refused(client.post("/api/v1/examples", content=chunks, headers=json), 413, "too_large")
    text = "x" * 3_900_000
    assert client.post("/api/v1/examples", json={"prompt": text, "response": text}).status_code == 201
    escaped = '"' * 2_100_000  # two bytes each on the log: together more than a message may have
    refused(client.post("/api/v1/examples", json={"prompt": escaped, "response": escaped}), 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_is_json_and_says_so(site: Site, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = site.client("publisher").post(
        "/api/v1/examples", content=b'{"prompt":"p","response":"r"}', headers=headers
    )
    refused(answer, 415, "unsupported_media_type")


def test_long_texts_do_not_hide_the_queue(site: Site) -> None:
    client = site.client("reviewer")
    long = "How high must base flashing be above the roof? " * 50_000
    for n in range(4):
        body = {"prompt": f"{n} {long}", "response": ANSWER, "tags": ["long"]}
        assert client.post("/api/v1/examples", json=body).status_code == 201
    until(lambda: client.get("/api/v1/queue", params={"tag": "long", "limit": 1}).json()["total"] == 4)
    for path in ("/api/v1/queue", "/api/v1/queue/tagged"):
        items = client.get(path, params={"tag": "long", "limit": 20}).json()["items"]
        assert 1 <= len(items) < 4
    assert "ask for fewer rows" in site.cli.json("queue", "--tag", "long", code=1)["error"]


GARBAGE = [
    (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[" * 200_000, 400), (b'{"a":' * 100_000, 400), (b"nul", 400),
    (b'{"prompt": "\\ud800", "response": "r"}', 400), (b'{"prompt": "p", "response": 1e999}', 400), (b"null", 422),
    (b"[]", 422), (b'"text"', 422), (b"12", 422), (b"{}", 422), (b'{"prompt": null, "response": "r"}', 422),
    (b'{"prompt": "p", "response": "r", "extra": 1}', 422), (b'{"prompt": "p", "response": "r", "tags": "x"}', 422),
    (b'{"prompt": "p", "response": "r", "latency_ms": -1}', 422),
    (b'{"prompt": "p", "response": "r", "tokens_in": 1e300}', 422),
    (b'{"prompt": "p", "response": "r", "occurred_at": "2025-03-18"}', 422),
    (b'{"prompt": "p", "response": "r", "occurred_at": "2025-03-18T12:00:00"}', 422),
    (b'{"prompt": "p", "response": "r", "occurred_at": "9999-12-31T23:59:59Z"}', 422),
    (b'{"prompt": "p", "response": "r", "source": ""}', 422),
    (b'{"prompt": "p", "response": "r", "details": {"a": ' + b"[" * 90 + b"]" * 90 + b"}}", 422),
]  # fmt: skip


@pytest.mark.parametrize(("content", "status"), GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused_with_a_reason(site: Site, content: bytes, status: int) -> None:
    before = site.client().get("/health").json()["log"]["last_seq"]
    headers = {"content-type": "application/json"}
    answer = site.client("publisher").post("/api/v1/examples", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert site.client().get("/health").json()["log"]["last_seq"] == before


def test_unknown_paths_and_methods_have_the_one_shape(site: Site) -> None:
    client = site.client("operator")
    refused(client.get("/nothing"), 404, "not_found")
    refused(client.get("/api/v1/nothing"), 404, "not_found")
    refused(client.get("/static/nothing.js"), 404, "not_found")
    refused(client.get("/static/../app.py"), 404, "not_found")
    refused(client.put("/api/v1/examples"), 405, "method_not_allowed")
    refused(client.get("/api/v1/examples/a.b"), 422, "invalid")
    refused(client.get("/api/v1/examples/a%0A"), 404, "unknown_example")
    refused(client.get("/api/v1/examples/" + "a" * 200), 422, "invalid")
    refused(client.post("/api/v1/examples/*/feedback", json={"feedback": "positive"}), 422, "invalid")


@pytest.fixture
def slow_lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("slow")
    with EmbeddedServer(data_dir):
        running = Site(data_dir, ROOFLOG_WEB_RATE="5")
        try:
            running.start("web")
            yield running
        finally:
            running.close()


def test_a_hasty_caller_is_told_to_wait_and_nobody_else(slow_lane: Site) -> None:
    hasty, other = slow_lane.client("publisher"), slow_lane.client("auditor")
    answers = [hasty.get("/api/v1/session") for _ in range(30)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    error = refused(late[0], 429, "too_many_requests")
    assert "wait" in error["message"]
    assert late[0].headers["retry-after"] == "1"
    assert other.get("/api/v1/session").status_code == 200
