"""`make cluster`: two of three servers die under captures and reviewers, the leader first; 1 where a fact is lost.

Servers, services and their configuration are those of an installation, as plain processes. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct, field

from events import Rooflog
from events.log.log import Log
from events.subjects import STREAM, new_event_id
from services.access.connect import access
from services.runtime.nats_server import binary
from services.settings import load
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port
from tests.services.conftest import ANSWER, Cli
from tests.services.forked import Forked

SERVICES = ("projector", "exporter", "web")
NODES = ("nats-1", "nats-2", "nats-3")
REVIEWERS = 3
PAUSE_SECONDS = 0.05

RATE = 1_000
"""Captures in a second: the harm comes in the middle of them."""

WITHOUT_QUORUM_SECONDS = 5.0
"""How long two of the three servers are away at one time; what is said meanwhile waits in the outbox."""


class Acknowledged(Struct):
    """What was promised to assistants and reviewers, and what they were refused."""

    captures: list[str] = []
    decisions: dict[int, str] = {}
    """Sequence -> example."""
    tried: Counter[str] = field(default_factory=Counter)
    """Decisions by example, each with a key of its own."""
    stale: int = 0
    again: Counter[int] = field(default_factory=Counter)
    """Answers after which the same decision was said again, by status; 0 where none came."""
    refused: list[str] = []
    """Anything else."""


class Outcome(Struct):
    """What a play has come to; `harm` are the servers that were killed."""

    acknowledged: Acknowledged
    harm: list[str]
    lost: int
    doubled: int
    folded: int
    verified: str

    @property
    def is_well(self) -> bool:
        """Is everything that was acknowledged there, once, and was nothing refused but by its revision?"""
        is_whole = self.folded == len(self.acknowledged.captures) and self.verified == "verified"
        return is_whole and not (self.lost or self.doubled or self.acknowledged.refused)


class Cluster:
    """Three servers, and services that know the addresses of all."""

    def __init__(self, home: Path) -> None:
        """Write the configuration of each, as `rooflog nats-config` makes it; nothing is started."""
        self.home = home
        self.cli = Cli(home / "data")
        self.cli.data_dir.mkdir()
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._services: dict[str, Forked] = {}
        routes = {name: free_port() for name in NODES}
        self.ports = {name: free_port() for name in NODES}
        for name in NODES:
            listen = ("--listen", f"127.0.0.1:{self.ports[name]}", "--cluster", f"127.0.0.1:{routes[name]}")
            others = [word for port in routes.values() for word in ("--route", f"nats://127.0.0.1:{port}")]
            files = ("--store", home / name, "--out", self._config(name))
            self.cli.run("nats-config", "--name", name, *listen, *others, *files)
        urls = ",".join(f"nats://127.0.0.1:{port}" for port in self.ports.values())
        self.cli.environment |= {"ROOFLOG_NATS_URL": urls, "ROOFLOG_REPLICAS": "3"}

    def _config(self, name: str) -> Path:
        return self.home / f"{name}.conf"

    def start(self, *names: str) -> None:
        """Start servers."""
        for name in names:
            command = [binary(), "--config", str(self._config(name)), "--log", str(self.home / f"{name}.log")]
            self._servers[name] = subprocess.Popen(command)

    def kill(self, name: str) -> None:
        """End a server as a power cut does, but for the disk."""
        server = self._servers.pop(name)
        server.kill()
        server.wait()

    def start_services(self) -> None:
        """Start every service."""
        self._services = {name: self.cli.start(name) for name in SERVICES}

    def words(self, service: str) -> str:
        """What a service has logged."""
        return (self.cli.data_dir / f"{service}.err").read_text()

    @property
    def web(self) -> httpx.AsyncClient:
        """A caller of the gateway, on this machine: the operator."""
        url = re.findall(r"serving on (http://\S+)", self.words("web"))[-1]
        return httpx.AsyncClient(base_url=url, timeout=FAR_SECONDS, trust_env=False)

    def access(self, role: Any) -> Any:
        """How a role reaches the log."""
        settings = load({}, self.cli.environment)
        return access(settings, settings.nats_url or "", role)

    def destroy(self) -> None:
        """End everything."""
        for service in self._services.values():
            service.terminate()
        for service in self._services.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(FAR_SECONDS)
            service.kill()
        for name in list(self._servers):
            self.kill(name)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(FAR_SECONDS):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(PAUSE_SECONDS)


async def play(count: int, home: Path) -> Outcome:
    """Start services with one server of three, then the others; kill two while captures are said, and start them."""
    cluster = Cluster(home)
    try:
        cluster.start(NODES[0])
        cluster.start_services()
        for service in SERVICES:
            await until(lambda service=service: "waiting for the log" in cluster.words(service))  # type: ignore[misc]
        cluster.start(*NODES[1:])
        await until(lambda: cluster.cli.run("stream", "--create", code=None).returncode == 0)
        for service in SERVICES:
            await until(lambda service=service: "the log is there after" in cluster.words(service))  # type: ignore[misc]
        log = await Log.connect(cluster.access("admin"), timeout=FAR_SECONDS)
        try:
            acknowledged, harm = await _under_load(cluster, log, count)
            return await _examined(cluster, log, acknowledged, harm)
        finally:
            await log.close()
    finally:
        await asyncio.to_thread(cluster.destroy)


async def _under_load(cluster: Cluster, log: Log, count: int) -> tuple[Acknowledged, list[str]]:
    acknowledged, over = Acknowledged(), asyncio.Event()
    async with Rooflog(cluster.access("client"), outbox=cluster.home / "outbox") as client, cluster.web as web:
        capturing = asyncio.create_task(_capture(client, count, acknowledged))
        reviewing = [asyncio.create_task(_review(web, acknowledged, over)) for _ in range(REVIEWERS)]
        harm = []
        for share in (0.2, 0.5):
            while len(acknowledged.captures) < share * count:
                await asyncio.sleep(PAUSE_SECONDS)
            leader = await _leader(log)
            cluster.kill(leader)
            harm.append(leader)
        await asyncio.sleep(WITHOUT_QUORUM_SECONDS)
        cluster.start(*harm)
        await capturing
        assert await client.aflush(FAR_SECONDS), client.stats()
        assert client.stats().dropped == client.stats().set_aside == 0
        while len(acknowledged.decisions) < REVIEWERS:  # on a busy machine they may not have come to it yet
            await asyncio.sleep(PAUSE_SECONDS)
        over.set()
        await asyncio.gather(*reviewing)
    return acknowledged, harm


async def _leader(log: Log) -> str:
    """The server that leads the stream, once there is one."""
    async with asyncio.timeout(FAR_SECONDS):
        while True:
            with contextlib.suppress(Exception):  # there is none at the moment
                info = await log.jetstream().stream_info(STREAM)
                if info.cluster and info.cluster.leader:
                    return info.cluster.leader
            await asyncio.sleep(PAUSE_SECONDS)


async def _capture(client: Rooflog, count: int, acknowledged: Acknowledged) -> None:
    for number in range(count):
        acknowledged.captures.append(client.capture(f"What is the minimum slope of roof {number}?", ANSWER))
        if number % (RATE // 20) == 0:
            await asyncio.sleep(1 / 20)


async def _review(web: httpx.AsyncClient, acknowledged: Acknowledged, over: asyncio.Event) -> None:
    """Decide on what is on top of the queue, as the others do, until it is over."""
    while not over.is_set():
        with contextlib.suppress(httpx.HTTPError):
            answer = await web.get("/api/v1/queue", params={"limit": 3})
            for example in answer.json()["items"] if answer.status_code == 200 else []:
                await _decide(web, example, acknowledged)
        await asyncio.sleep(PAUSE_SECONDS)


async def _decide(web: httpx.AsyncClient, example: dict[str, Any], acknowledged: Acknowledged) -> None:
    """Say one decision, with one key, until it is taken or refused."""
    example_id = example["example_id"]
    acknowledged.tried[example_id] += 1
    headers, body = {"Idempotency-Key": new_event_id()}, {"revision": example["revision"], "reason": "looked at"}
    while True:
        try:
            answer = await web.post(f"/api/v1/examples/{example_id}/approve", json=body, headers=headers)
        except httpx.HTTPError:
            acknowledged.again[0] += 1
            continue
        if answer.status_code == 201:
            acknowledged.decisions[answer.json()["seq"]] = example_id
        elif answer.status_code == 409:
            acknowledged.stale += 1
        elif answer.status_code in (429, 503):
            acknowledged.again[answer.status_code] += 1
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        else:
            acknowledged.refused.append(f"{answer.status_code} {answer.text}")
        return


async def _examined(cluster: Cluster, log: Log, acknowledged: Acknowledged, harm: list[str]) -> Outcome:
    held: Counter[str] = Counter()
    decided: dict[int, str] = {}
    async for messages in log.read(0):
        for message in messages:
            held[message.parts.event_id] += 1
            if message.parts.kind == "example.approved":
                decided[message.seq] = message.parts.about
    lost = sum(not held[capture] for capture in acknowledged.captures)
    lost += sum(decided.get(seq) != example for seq, example in acknowledged.decisions.items())
    per_example = Counter(decided.values())
    doubled = sum(count > 1 for count in held.values())
    doubled += sum(count > acknowledged.tried[example] for example, count in per_example.items())
    last = await log.last_sequence()
    await until(lambda: cluster.cli.json("status")["checkpoint"] >= last)
    status = cluster.cli.json("status")
    verified = cluster.cli.json("verify", code=None)["status"]
    return Outcome(acknowledged, harm, lost, doubled, status["examples"], verified)


def main(arguments: Sequence[str]) -> int:
    """Play, and show what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--captures", type=int, default=50_000)
    count: int = parser.parse_args(arguments).captures
    with tempfile.TemporaryDirectory(prefix="rooflog-cluster-") as home:
        outcome = asyncio.run(play(count, Path(home)))
    held, again = outcome.acknowledged, dict(outcome.acknowledged.again)
    print(f"killed: {', '.join(outcome.harm)} (each the leader), then both started again")
    print(f"captures acknowledged {len(held.captures):,}, decisions acknowledged {len(held.decisions):,}")
    print(f"lost {outcome.lost}, doubled {outcome.doubled}, examples folded {outcome.folded:,}, {outcome.verified}")
    print(f"decisions refused by their revision {held.stale}, otherwise {len(held.refused)}, said again {again}")
    for words in dict.fromkeys(held.refused):
        print(words)
    return 0 if outcome.is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
