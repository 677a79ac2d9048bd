"""The gateway when things are away: it says so in time, keeps nothing for later, and works again without a restart."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from events.facts import FeedbackGiven
from events.log.log import Log
from events.subjects import subject_of
from services.runtime.nats_server import EmbeddedServer

from ..conftest import ANSWER, NOW, capture
from .conftest import Site, until

BODY = {"prompt": "How high must base flashing be?", "response": ANSWER}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("away")) as server:
        yield server


@pytest.fixture
def site(server: EmbeddedServer) -> Iterator[Site]:
    running = Site(server._home.parent)
    try:
        running.start("projector")
        running.start("web")
        running.until_answering()
        yield running
    finally:
        running.close()


def unavailable(answer: httpx.Response, what: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == f"{what}_unavailable"
    assert int(answer.headers["retry-after"]) > 0


def test_a_log_that_is_gone_and_comes_back(site: Site, server: EmbeddedServer) -> None:
    client, key = site.client("operator"), {"Idempotency-Key": "k"}
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: client.get("/health").json()["status"] == "down")
    unavailable(client.post("/api/v1/examples", json=BODY, headers=key), "log")
    unavailable(client.post("/api/v1/examples/batch", json={"items": [BODY]}), "log")
    unavailable(client.post("/api/v1/examples/x/feedback", json={"feedback": "positive"}), "log")
    unavailable(client.post("/api/v1/examples/x/approve", json={"revision": 1}), "log")
    unavailable(client.get("/api/v1/examples/x/history"), "log")
    unavailable(client.get("/api/v1/stats"), "log")
    spans = client.post("/v1/traces", json={})
    assert (spans.status_code, spans.json()["code"], spans.headers["retry-after"]) == (503, 14, "2")
    assert client.get("/metrics").status_code == 200
    server.revive()
    until(lambda: client.post("/api/v1/examples", json=BODY, headers=key).status_code == 201)
    until(lambda: client.get("/api/v1/status").json()["log"]["last_seq"] == 1)
    until(lambda: client.get("/api/v1/stats").json()["total"] == 1)


def test_a_log_that_hangs_is_not_waited_for_for_ever(site: Site, server: EmbeddedServer) -> None:
    client, key = site.client("operator"), {"Idempotency-Key": "k"}
    assert client.post("/api/v1/examples", json=BODY).status_code == 201
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    stopped = Path(f"/proc/{server.pid}/stat")
    until(lambda: stopped.read_text().rpartition(")")[2].split()[0] == "T")
    try:
        answer = client.post("/api/v1/examples", json=BODY, headers=key)
        unavailable(answer, "log")
        assert "same Idempotency-Key" in answer.json()["error"]["message"]
        assert client.get("/api/v1/session").status_code == 200
    finally:
        os.kill(server.pid, signal.SIGCONT)
    until(lambda: client.post("/api/v1/examples", json=BODY, headers=key).status_code == 201)
    assert client.post("/api/v1/examples", json=BODY, headers=key).status_code == 201
    assert client.get("/api/v1/status").json()["log"]["last_seq"] == 2, "what timed out and its retries are one fact"


def test_without_a_projector_facts_are_taken_and_questions_are_not(site: Site) -> None:
    client = site.client("operator")
    site.stop("projector")
    seq = client.post("/api/v1/examples", json=BODY).json()["seq"]
    for path in ("stats", "queue", "examples/x", "status"):
        unavailable(client.get(f"/api/v1/{path}"), "projector")
    answer = client.get("/health")
    health = answer.json()
    assert (answer.status_code, health["status"], health["log"], health["projector"]) == (
        503,
        "down",
        {"connected": True, "last_seq": 1},
        None,
    )
    assert not (site.cli.data_dir / "rooflog.duckdb.wal").exists()
    site.start("projector")
    until(lambda: client.get("/api/v1/stats").status_code == 200)
    assert client.get("/api/v1/stats").json()["checkpoint"] == seq


async def test_garbage_on_subjects_stops_no_fact(site: Site, server: EmbeddedServer) -> None:
    log = await Log.connect(server.access())
    js = log.client.jetstream()
    junk = [b"", b"{", b"[]", b"\xff" * 100, b'{"type":"no.such.v1"}', b"[" * 100_000, b"\0" * 1000, b'{"type":1}']
    for n, data in enumerate(junk):
        for subject in (f"training.example.captured.x.j{n}", f"training.junk.{n}", f"training.a.b.c.d.e.{n}"):
            await js.publish(subject, data)
    wrong = FeedbackGiven(event_id="w", occurred_at=NOW, actor="u", example_id="a", feedback="positive")
    await js.publish(f"{subject_of(wrong)}x", b'{"type":"feedback.given.v1"}')
    await log.client.publish("rooflog.moved", b"garbage")
    await log.client.publish("rooflog.query.stats", b"garbage")
    await log.publish([capture(example_id="good")])
    await log.close()
    client = site.client("operator")
    until(lambda: client.get("/api/v1/examples/good").status_code == 200)
    until(lambda: client.get("/health").json()["status"] == "attention")
    assert sum(client.get("/api/v1/status").json()["quarantined"].values()) == 3 * len(junk) + 1
    assert client.post("/api/v1/examples", json=BODY).status_code == 201
