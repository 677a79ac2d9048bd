"""Changes: an open page knows within a second that the state has moved, and only for as long as it may."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx

from services.web.access.tokens import Tokens

from .conftest import Site, until


class Listener:
    """An open stream, read by a thread; `heard` are the checkpoints with the moment at which each came."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.heard: list[tuple[float, int]] = []
        self._socket: socket.socket | None = None
        self.ended = threading.Event()

    def listen(self) -> None:
        try:
            with self._client.stream("GET", "/api/v1/events") as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                for line in response.iter_lines():
                    if line.startswith("data: "):
                        self.heard.append((time.monotonic(), json.loads(line[6:])["checkpoint"]))
        except httpx.HTTPError:
            pass
        self.ended.set()

    def has_heard(self, seq: int) -> bool:
        return self.heard[-1][1] >= seq

    def leave(self) -> None:
        """As a browser does that closes its page."""
        if self._socket and not self.ended.is_set():
            self._socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening(client: httpx.Client) -> Iterator[Listener]:
    listener = Listener(client)
    thread = threading.Thread(target=listener.listen)
    thread.start()
    until(lambda: listener.heard)
    yield listener
    listener.leave()
    thread.join(20)
    assert not thread.is_alive()


def post(site: Site, **headers: str) -> dict[str, Any]:
    answer = site.client("publisher").post("/api/v1/examples", json={"prompt": "p", "response": "r"}, headers=headers)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def test_a_fact_is_told_without_being_asked_for(site: Site) -> None:
    with listening(site.client("reviewer")) as listener:
        for _ in range(5):
            seq = post(site)["seq"]
            until(partial(listener.has_heard, seq))
        site.stop("web")
        assert listener.ended.wait(10), "a stream ends with the service"
    site.start("web")
    site.until_answering()


def test_many_changes_are_told_in_few_events(site: Site) -> None:
    with listening(site.client("reviewer")) as listener:
        items = [{"prompt": "p", "response": "r"}] * 300
        for _ in range(5):
            site.client("publisher").post("/api/v1/examples/batch", json={"items": items})
        seq = post(site)["seq"]
        until(lambda: listener.heard[-1][1] >= seq)
        gaps = [b[0] - a[0] for a, b in zip(listener.heard, listener.heard[1:], strict=False)]
        assert min(gaps) > 0.1


def test_a_stream_ends_when_its_token_is_removed(site: Site) -> None:
    tokens = Tokens(site.tokens.path)
    client = site.client()
    client.headers["Authorization"] = f"Bearer {tokens.add('leaving', 'auditor')}"
    with listening(client) as listener:
        tokens.remove("leaving")
        post(site)
        assert listener.ended.wait(10)


def test_streams_that_are_left_are_forgotten(site: Site) -> None:
    with listening(site.client("reviewer")), listening(site.client("auditor")):
        until(lambda: "rooflog_web_streams 2.0" in site.client("auditor").get("/metrics").text)
    until(lambda: post(site) and "rooflog_web_streams 0.0" in site.client("auditor").get("/metrics").text)
