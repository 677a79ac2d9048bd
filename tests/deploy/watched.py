"""A watched installation: log, projector, exporter, gateway and a client, as processes that Prometheus would ask."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from events import Rooflog
from events.log.log import Log
from services.metrics import SERVICES
from services.runtime.nats_server import EmbeddedServer
from services.web.access.tokens import Tokens
from tests.services.conftest import ANSWER, Cli, address
from tests.services.exporter.test_exporter import liked
from tests.services.exporter.test_service import adopted
from tests.services.forked import Forked
from tests.services.test_monitor import Door, sampled
from tests.services.web.conftest import until

from .alerting import Get, Scrape, scrape

OUTBOX_BYTES = 64 * 2**10


class Watched:
    """The processes of one data directory, and what each shows."""

    def __init__(self, folder: Path, server: EmbeddedServer, log: Log, **settings: str) -> None:
        self.cli = Cli(folder)
        self.server, self.log = server, log
        self.cli.environment |= {"ROOFLOG_MONITOR_PORT": "0", "ROOFLOG_NATS_URL": address(server)} | settings
        self.client = Rooflog(server.access("client"), outbox=folder / "outbox", max_bytes=OUTBOX_BYTES)
        tokens = Tokens(folder / "tokens.json")
        self._secrets: dict[str, str] = {role: tokens.add(role, role) for role in ("auditor", "publisher")}
        self.processes: dict[str, Forked] = {}

    async def begin(self) -> None:
        """Start everything, and let it do what it does on a good day."""
        await self.log.publish([adopted(max_age_minutes=1, changed_examples=2)])
        await liked(self.log, 3)
        for name in SERVICES:
            self.start(name)
        self.client.capture("Minimum slope for TPO?", ANSWER)
        assert await self.client.aflush(60)
        await self.until(lambda: self.figures("projector")["rooflog_export_age_seconds"] >= 0)
        for command in (["backup", str(self.cli.data_dir / "kept")], ["verify"]):
            await asyncio.to_thread(self.cli.run, *command)
        await self.until(self._is_well)

    def _is_well(self) -> bool:
        shown = {name: self.figures(name) for name in SERVICES}
        is_ready = all(shown[name][f"rooflog_ready{{{name}}}"] == 1 for name in SERVICES)
        return is_ready and "rooflog_verified_age_seconds" in shown["projector"]

    async def end(self) -> None:
        await asyncio.to_thread(self.client.close, 0)
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, name: str) -> None:
        self.processes[name] = self.cli.start(name)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def kill_log(self) -> None:
        os.kill(self.server.pid or 0, signal.SIGKILL)

    def post(self, body: Mapping[str, Any]) -> int:
        """Capture something over HTTP; the status."""
        headers = {"Authorization": f"Bearer {self._secrets['publisher']}"}
        url = f"{self._web()}/api/v1/examples"
        return httpx.post(url, json=dict(body), headers=headers, timeout=60, trust_env=False).status_code

    def show(self, name: str) -> str:
        """The metrics of a service."""
        if name == "web":
            headers = {"Authorization": f"Bearer {self._secrets['auditor']}"}
            answer = httpx.get(f"{self._web()}/metrics", headers=headers, timeout=60, trust_env=False)
            return answer.raise_for_status().text
        return Door(self.cli, name).get("/metrics").raise_for_status().text

    def address(self, name: str) -> str:
        """Where a service shows its metrics."""
        return (self._web() if name == "web" else Door(self.cli, name).url).removeprefix("http://")

    def secret(self, role: str) -> str:
        """A token of the gateway."""
        return self._secrets[role]

    def figures(self, name: str) -> dict[str, float]:
        return sampled(self.show(name))

    def targets(self) -> dict[str, Get]:
        services: dict[str, Get] = {f"rooflog-{name}": partial(self.show, name) for name in SERVICES}
        return services | {"assistant": self.client.metrics}

    async def scraped(self) -> Scrape:
        return await asyncio.to_thread(scrape, self.targets())

    async def until(self, condition: Callable[[], Any]) -> None:
        await asyncio.to_thread(until, condition)

    def _web(self) -> str:
        words = (self.cli.data_dir / "web.err").read_text().rpartition("serving on ")[2].split()
        if not words:
            raise OSError("the gateway does not serve yet")
        return words[0]
