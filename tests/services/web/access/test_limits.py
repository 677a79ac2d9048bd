"""Limits: large bodies, bodies of another kind and hasty callers are refused, each in the one shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.types import Receive

from services.runtime.nats_server import EmbeddedServer
from services.web.access.auth import REFUSED_A_MINUTE
from services.web.access.limits import (
    BODIES_BYTES,
    BODIES_OF_ONE,
    BODY_BYTES,
    FREE_BYTES,
    SIGN_IN_BYTES,
    SMALL_BYTES,
    STREAMS_OF_ONE,
    Bodies,
)
from services.web.access.tokens import Role
from services.web.errors import Refusal
from tests.siege import ATTACKS, Socket, besiege, table

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
    text = '"' * 2**20  # two bytes each on the wire and on the log
    assert client.post("/api/v1/examples", json={"prompt": text, "response": text}).status_code == 201
    refused(client.post("/api/v1/examples", json={"prompt": f"{text}x", "response": text}), 422, "invalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_is_json_and_says_so(site: Site, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = site.client("publisher").post(
        "/api/v1/examples", content=b'{"prompt":"p","response":"r"}', headers=headers
    )
    refused(answer, 415, "unsupported_media_type")


def test_long_texts_do_not_hide_the_queue(site: Site) -> None:
    client = site.client("reviewer")
    long = "How high must base flashing be above the roof? " * 20_000
    for n in range(12):
        body = {"prompt": f"{n} {long}", "response": ANSWER, "tags": ["long"]}
        assert client.post("/api/v1/examples", json=body).status_code == 201
    until(lambda: client.get("/api/v1/queue", params={"tag": "long", "limit": 1}).json()["total"] == 12)
    for path in ("/api/v1/queue", "/api/v1/queue/tagged"):
        items = client.get(path, params={"tag": "long", "limit": 20}).json()["items"]
        assert 1 <= len(items) < 12
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
    auditor = site.client("auditor")
    before = auditor.get("/api/v1/status").json()["log"]["last_seq"]
    headers = {"content-type": "application/json"}
    answer = site.client("publisher").post("/api/v1/examples", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert auditor.get("/api/v1/status").json()["log"]["last_seq"] == before


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


def test_addresses_count_one_by_one_behind_our_proxies_only(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path):
        for proxies, statuses in (("", {401, 429}), ("10.0.0.0/8,127.0.0.1", {401})):
            site = Site(tmp_path, with_tokens=not proxies, ROOFLOG_WEB_PROXIES=proxies)
            try:
                site.start("web")
                client = site.client()
                client.headers["Authorization"] = "Bearer rooflog_wrong"
                answers = [
                    client.get("/api/v1/stats", headers={"X-Forwarded-For": f"10.0.0.{n}"})
                    for n in range(REFUSED_A_MINUTE + 5)
                ]
                assert {answer.status_code for answer in answers} == statuses
            finally:
                site.close()


def test_a_hasty_caller_is_told_to_wait_and_nobody_else(slow_lane: Site) -> None:
    hasty, other = slow_lane.client("publisher"), slow_lane.client("auditor")
    answers = [hasty.get("/api/v1/session") for _ in range(30)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    error = refused(late[0], 429, "too_many_requests")
    assert "wait" in error["message"]
    assert late[0].headers["retry-after"] == "1"
    assert other.get("/api/v1/session").status_code == 200
    assert 429 not in {hasty.get("/health").status_code for _ in range(30)}, "a monitor is never locked out"


def test_wrong_tokens_count_against_their_address(site: Site) -> None:
    stranger = site.client()
    stranger.headers["Authorization"] = "Bearer rooflog_wrong"
    wrong = [stranger.get("/api/v1/stats") for _ in range(REFUSED_A_MINUTE)]
    wrong += [site.client().post("/api/v1/session", json={"token": "rooflog_wrong"}) for _ in range(REFUSED_A_MINUTE)]
    late = [answer for answer in wrong if answer.status_code == 429]
    assert {answer.status_code for answer in wrong} == {401, 429}
    refused(late[-1], 429, "too_many_requests")
    assert site.client("auditor").get("/api/v1/session").status_code == 200, "a known token of the address comes in"


def test_streams_of_one_token_have_a_limit(site: Site) -> None:
    with ExitStack() as stack:
        streams = [
            stack.enter_context(site.client("publisher").stream("GET", "/api/v1/events")) for _ in range(STREAMS_OF_ONE)
        ]
        assert {stream.status_code for stream in streams} == {200}
        refused(site.client("publisher").get("/api/v1/events"), 429, "too_many_requests")
        assert site.client("publisher").get("/api/v1/stats").status_code == 200
        with site.client("auditor").stream("GET", "/api/v1/events") as other:
            assert other.status_code == 200


@pytest.mark.parametrize(
    ("path", "role", "body", "status"),
    [
        ("/api/v1/session", None, b'{"token": "' + b"x" * SIGN_IN_BYTES + b'"}', 413),
        ("/api/v1/past", "reviewer", b'{"seq": 1' + b" " * SMALL_BYTES + b"}", 413),
        ("/api/v1/trainings", "operator", b"{" + b" " * SMALL_BYTES + b"}", 413),
        ("/api/v1/examples", None, b"x" * 9_000_000, 401),
        ("/api/v1/examples", "auditor", b"x" * 9_000_000, 403),
        ("/api/v1/examples", "publisher", b"x" * 9_000_000, 413),
        ("/nothing", None, b"x" * 9_000_000, 404),
        ("/api/v1/stats", None, b"x" * 9_000_000, 405),
    ],
)
def test_a_refused_body_is_not_waited_for(site: Site, path: str, role: Role | None, body: bytes, status: int) -> None:
    client = site.client(role)
    headers = {"content-type": "application/json", "expect": "100-continue"}
    assert client.post(path, content=body, headers=headers).status_code == status
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in client.headers.items() if name == "authorization")
    waiting = Socket(site, head.encode() + b"\r\n")
    assert waiting.answer(waits=True) == str(status)
    waiting.close()


def test_a_get_takes_no_body(site: Site) -> None:
    answer = site.client("publisher").request("GET", "/api/v1/events", content=b"x")
    assert "takes no body" in refused(answer, 400, "malformed")["message"]


def test_an_encoded_body_is_refused(site: Site) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = site.client("publisher").post("/api/v1/examples", content=b"\x1f\x8b\0\0", headers=headers)
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b"[]," * 2_700_000, b"[" * 8_000_000, b'{"a":' * 1_500_000])
def test_a_body_of_many_lists_is_refused(site: Site, body: bytes) -> None:
    answer = site.client("publisher").post(
        "/api/v1/examples", content=body, headers={"content-type": "application/json"}
    )
    refused(answer, 400, "too_complex")


async def test_bodies_share_a_budget_and_small_ones_always_fit() -> None:
    bodies = Bodies()

    def taking(caller: str, size: int) -> Receive:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"x" * size, "more_body": True}

        return stack.enter_context(bodies.of(caller)).counted(receive)

    with ExitStack() as stack:
        for _ in range(BODIES_OF_ONE // BODY_BYTES):
            await taking("ann", BODY_BYTES)()
        with pytest.raises(Refusal, match="too many large bodies"):
            await taking("ann", BODY_BYTES)()
        await taking("ann", FREE_BYTES)()
        for _ in range((BODIES_BYTES - BODIES_OF_ONE) // BODY_BYTES):
            await taking("bob", BODY_BYTES)()
        with pytest.raises(Refusal, match="too many large bodies"):
            await taking("eve", BODY_BYTES)()
        await taking("eve", FREE_BYTES)()
    assert (bodies.held, bodies.held_by) == (0, {})


def test_a_client_that_leaves_amid_its_body_is_no_failure(site: Site) -> None:
    log = site.cli.data_dir / "web.err"
    head = f"POST /api/v1/examples HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.secrets['publisher']}\r\n"
    for framing in ("Content-Length: 500000", "Transfer-Encoding: chunked"):
        leaving = Socket(site, f"{head}Content-Type: application/json\r\n{framing}\r\n\r\n7a120\r\n{{".encode())
        leaving.close()
    until(lambda: site.client().get("/health").status_code == 200)
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_answered_during_a_siege(site: Site, name: str) -> None:
    outcome = besiege(site, name, ATTACKS[name][2], looks=1)
    assert outcome.is_well, table([outcome])


@pytest.mark.parametrize("path", ["/%0a2026-11-30%2000:00:00%20rooflog%20ERROR", "/%1b[31m", "/%e2%80%a8ERROR"])
def test_a_path_forges_no_line_of_the_log(site: Site, path: str) -> None:
    site.client().get(path)
    lines = (site.cli.data_dir / "web.err").read_text().splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ [a-z.]+ [A-Z]+ |    |ATTENTION: others may read ")
    assert [line for line in lines if not form.match(line)] == []
