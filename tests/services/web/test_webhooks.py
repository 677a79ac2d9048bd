"""Webhooks: each occurrence is posted once, signed, over failures and restarts, to a real server on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.marks import Mark, set_mark
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings, SettingsError, load
from services.web import webhooks
from services.web.webhooks import Seen, Webhooks, signature

from .browser import capture
from .conftest import Site, until

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes long").decode()


class Receiver:
    """A server that keeps what is posted to it, and answers as it is told."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the class before)
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=hidden"

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.posts]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Told:
    """Webhooks of one data directory that see what a test says."""

    def __init__(self, data_dir: Path, url: str, **settings: Any) -> None:
        self.settings = Settings(data_dir=data_dir, webhook_url=url, webhook_queue=10, **settings)

    async def see(self, seen: Seen) -> None:
        """One turn of a service that has just been started."""

        async def look() -> Seen:
            return seen

        await Webhooks(self.settings, look).turn()


def training(outcome: str = "succeeded", at: str = "2025-03-18T10:00:00Z") -> dict[str, Any]:
    return {"export_digest": "ab" * 32, "outcome": outcome, "at": at, "detail": None}


async def test_an_occurrence_is_told_once_over_restarts(tmp_path: Path, receiver: Receiver) -> None:
    told = Told(tmp_path, receiver.url)
    for queue in (10, 11, 500, 9, 11):
        await told.see(Seen(queue=queue))
    assert receiver.events == ["queue.long"], "9 is no end of the queue yet"
    for queue in (8, 11, 12):
        await told.see(Seen(queue=queue))
    assert receiver.events == ["queue.long", "queue.long"]


async def test_a_failing_export_is_told_until_it_works_again(tmp_path: Path, receiver: Receiver) -> None:
    told = Told(tmp_path, receiver.url)
    for failures in (0, 1, 2, 3, 4, 0, 1, 2, 3):
        await told.see(Seen(export_failures=failures, export_error="no space"))
    assert receiver.events == ["export.failed", "export.failed"]


async def test_trainings_before_the_first_start_are_old_news(tmp_path: Path, receiver: Receiver) -> None:
    told = Told(tmp_path, receiver.url)
    await told.see(Seen(training=training()))
    assert receiver.events == []
    later = training("failed", "2025-03-19T10:00:00Z")
    for seen in (training("started", "2025-03-19T09:00:00Z"), later, later):
        await told.see(Seen(training=seen))
    assert receiver.events == ["training.ended"]
    assert json.loads(receiver.posts[0][1])["data"]["outcome"] == "failed"


async def test_a_broken_log_is_told_at_once(tmp_path: Path, receiver: Receiver) -> None:
    told = Told(tmp_path, receiver.url)
    for _ in range(2):
        await told.see(Seen(broken=Mark(7, "ab", "2025-03-18T10:00:00+00:00")))
    assert receiver.events == ["integrity.broken"]


async def test_the_receiver_can_check_the_signature(tmp_path: Path, receiver: Receiver) -> None:
    await Told(tmp_path, receiver.url, webhook_secret=SECRET).see(Seen(queue=11))
    headers, body = receiver.posts[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks."""
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (
        signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
        == expected
    )


async def test_slack_gets_a_text(tmp_path: Path, receiver: Receiver) -> None:
    await Told(tmp_path, receiver.url, webhook_style="slack").see(Seen(queue=1_234))
    assert json.loads(receiver.posts[0][1]) == {"text": "rooflog: 1,234 examples wait for review"}


async def test_what_was_refused_is_sent_again_with_its_id(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = [500, 302]
    told = Told(tmp_path, receiver.url)
    await told.see(Seen(queue=11))
    await told.see(Seen(queue=11))
    assert len(receiver.posts) == 1, "it waits before it tries again"
    monkeypatch.setattr(webhooks, "FIRST_PAUSE_SECONDS", 0.0)
    kept = json.loads((tmp_path / "webhooks.json").read_bytes())
    kept["waiting"][0]["due"] = 0.0
    (tmp_path / "webhooks.json").write_text(json.dumps(kept))
    for _ in range(3):
        await told.see(Seen(queue=11))
    assert len(receiver.posts) == 3, "a redirection is no answer, and nobody follows it"
    assert len({headers["webhook-id"] for headers, _ in receiver.posts}) == 1


async def test_what_waits_is_bounded_and_dropped_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "WAITING", 3)
    with receiving() as gone:
        url = gone.url
    told = Told(tmp_path, url)
    for n in range(6):
        await told.see(Seen(broken=Mark(n, "ab", f"2025-03-18T10:00:0{n}+00:00")))
    kept = json.loads((tmp_path / "webhooks.json").read_bytes())
    assert len(kept["waiting"]) == 3
    assert "hidden" not in caplog.text, "the address may be a secret"
    for message in kept["waiting"]:
        message.update(attempts=webhooks.ATTEMPTS - 1, due=0.0)
    (tmp_path / "webhooks.json").write_text(json.dumps(kept))
    await told.see(Seen())
    assert json.loads((tmp_path / "webhooks.json").read_bytes())["waiting"] == []


@pytest.mark.parametrize("url", ["ftp://example.com", "hook.example.com", "file:///etc/passwd", "https://"])
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match="ROOFLOG_WEBHOOK_URL = …: give an address"):
        load({}, {"ROOFLOG_WEBHOOK_URL": url})


def test_a_gateway_tells_once_and_not_again_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with EmbeddedServer(tmp_path):
        site = Site(tmp_path, ROOFLOG_WEBHOOK_URL=receiver.url, ROOFLOG_WEBHOOK_QUEUE="1")
        try:
            for name in ("projector", "web"):
                site.start(name)
            site.until_answering()
            capture(site, "told", "Which lap has a roof seam?", "Which nail holds a roof shingle?")
            until(lambda: receiver.events == ["queue.long"])
            site.stop("web")
            set_mark(tmp_path, "found_broken", 1, "ab")
            site.start("web")
            until(lambda: len(receiver.events) > 1)
            assert receiver.events == ["queue.long", "integrity.broken"]
        finally:
            site.close()
