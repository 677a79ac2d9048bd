"""The load on an installation, and everything that it was acknowledged: captures, decisions and exports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct, field

from events import Rooflog
from events.subjects import new_event_id
from tests.deadlines import FAR_SECONDS
from tests.events.client.caller import dropped, returned
from tests.services.conftest import ANSWER

from .installation import Installation

CLIENTS = 2
"""Assistants that share an outbox."""

CAPTURES_PER_SECOND = 15
"""Of one assistant."""

PAUSE_SECONDS = 0.1
"""Between two calls of the gateway by one caller."""

FOR_EVER = 10**6


class Acknowledged(Struct):
    """What the installation has promised, and what it has refused."""

    captures: set[str] = field(default_factory=set)
    """Ids of examples, from the clients and from the gateway."""
    decisions: dict[int, str] = field(default_factory=dict)
    """Sequence -> example."""
    keys: Counter[str] = field(default_factory=Counter)
    """Decisions that were tried, by example: each with a key of its own, however often it was said again."""
    dropped: int = 0
    """Captures that a client has said to be lost."""
    stale: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Answers of the gateway that were no success, by status."""


class Load:
    """Assistants, a caller of the gateway and a reviewer, each at work until the load ends."""

    def __init__(self, site: Installation, rate: int = CAPTURES_PER_SECOND) -> None:
        self._site = site
        self._rate = rate
        self._clients: dict[Path, subprocess.Popen[bytes]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self.acknowledged = Acknowledged()

    def start(self) -> None:
        """Begin."""
        for _ in range(CLIENTS):
            self._start_client()
        self._tasks = [asyncio.create_task(work()) for work in (self._keep_clients, self._publish, self._review)]

    async def end(self) -> None:
        """Let everybody finish, and empty the outbox. Raises AssertionError where that takes too long."""
        self._is_over = True
        await asyncio.gather(*self._tasks)
        for client in self._clients.values():
            client.terminate()
        for client in self._clients.values():
            await asyncio.to_thread(client.wait, FAR_SECONDS)
        await self._empty_outbox()
        for ids in self._clients:
            self.acknowledged.captures.update(returned(ids))
            self.acknowledged.dropped += len(dropped(ids))

    async def abandon(self) -> None:
        """Stop at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients.values():
            client.kill()
            client.wait()

    def _start_client(self) -> None:
        ids = self._site.home / f"ids{len(self._clients)}"
        ids.touch()
        errors = ids.with_suffix(".err").open("wb")
        command = [sys.executable, "-m", "tests.events.client.caller", self._site.client_url, str(self._site.outbox)]
        command += [str(ids), str(FOR_EVER), str(FOR_EVER / self._rate)]
        command += [str(self._site.outbox_bytes)] if self._site.outbox_bytes else []
        with errors:
            self._clients[ids] = subprocess.Popen(command, stderr=errors, env=os.environ | self._site.variables)

    async def _keep_clients(self) -> None:
        """An assistant that is killed is started again."""
        while not self._is_over:
            running = sum(client.poll() is None for client in self._clients.values())
            for _ in range(CLIENTS - running):
                self._start_client()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _empty_outbox(self) -> None:
        """What the assistants left is published by the next process."""
        heir = Rooflog(self._site.server.access("client"), outbox=self._site.outbox)
        try:
            async with asyncio.timeout(FAR_SECONDS):
                while list(self._site.outbox.glob("*.facts")):
                    await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            raise AssertionError(f"the outbox was not emptied: {heir.stats()}") from None
        finally:
            await heir.aclose()
        assert not heir.stats().set_aside

    async def _publish(self) -> None:
        """Captures over HTTP, each said again with its key until it is acknowledged."""
        async with self._site.web("publisher") as web:
            while not self._is_over:
                body = {"prompt": f"What is the minimum slope of roof {new_event_id()}?", "response": ANSWER}
                answer = await self._insist(web, "/api/v1/examples", body)
                if answer is not None:
                    self.acknowledged.captures.add(answer["example_id"])
                await asyncio.sleep(PAUSE_SECONDS)

    async def _review(self) -> None:
        """Decide on what the queue has on top, each decision on the revision that was seen."""
        number = 0
        async with self._site.web("reviewer") as web:
            while not self._is_over:
                for example in await self._queue(web):
                    number += 1
                    example_id = example["example_id"]
                    call = "reject" if number % 4 == 0 else "approve"
                    body = {"revision": example["revision"], "reason": "looked at"}
                    self.acknowledged.keys[example_id] += 1
                    answer = await self._insist(web, f"/api/v1/examples/{example_id}/{call}", body)
                    if answer is not None:
                        self.acknowledged.decisions[answer["seq"]] = example_id
                await asyncio.sleep(PAUSE_SECONDS)

    async def _queue(self, web: httpx.AsyncClient) -> list[dict[str, Any]]:
        with contextlib.suppress(httpx.HTTPError):
            answer = await web.get("/api/v1/queue", params={"limit": 5})
            if answer.status_code == 200:
                examples: list[dict[str, Any]] = answer.json()["items"]
                return examples
            self.acknowledged.refused[str(answer.status_code)] += 1
        return []

    async def _insist(self, web: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Say something until it is acknowledged; None where it is stale, or the load is over."""
        headers = {"Idempotency-Key": new_event_id()}
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = await web.post(path, json=body, headers=headers)
                if answer.status_code == 201:
                    document: dict[str, Any] = answer.json()
                    return document
                if answer.status_code == 409:
                    self.acknowledged.stale += 1
                    return None
                self.acknowledged.refused[str(answer.status_code)] += 1
            if self._is_over:
                return None
            await asyncio.sleep(PAUSE_SECONDS)
