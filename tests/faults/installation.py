"""An installation of real processes: `rooflog up` with everything that it starts, and how all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any, get_args

import httpx

from events.errors import RooflogError
from events.log.log import Log
from services.exporter.client import ask as ask_exporter
from services.runtime.nats_server import EmbeddedServer, _free_port
from services.settings import Settings
from services.state.client import open_state
from services.web.access.tokens import Role, Tokens
from tests.bench.processes import kill_users, users_of
from tests.deadlines import FAR_SECONDS
from tests.services.conftest import Cli, address
from tests.services.exporter.test_service import adopted
from tests.services.forked import Forked

SERVICES = ("projector", "exporter", "web")

LOOK_SECONDS = 0.05

CHANGED_EXAMPLES = 20
"""So many changed rows are an export: several come in one play."""


class NotRun(Exception):
    """This machine cannot play the fault; the message says what is missing."""


class Installation:
    """The processes of one data directory; `server` is a lease of its own on the embedded nats-server."""

    def __init__(self, home: Path, **settings: str) -> None:
        """Nothing is started yet. `settings` are more variables of the services' environment."""
        self.home = home
        self.data_dir = home / "data"
        self.outbox = home / "outbox"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.cli = Cli(self.data_dir)
        self.cli.environment |= {"ROOFLOG_WEB_PORT": str(self.port), "ROOFLOG_WEB_RATE": "100000"}
        self.settings = settings
        self.server = EmbeddedServer(self.data_dir)
        self.tokens: dict[str, str] = {}
        self.up: Forked | None = None
        self._log: Log | None = None

    async def start(self) -> None:
        """Start everything, and wait until all of it answers."""
        await asyncio.to_thread(self.server.__enter__)
        tokens = Tokens(self.data_dir / "tokens.json")
        self.tokens = {role: tokens.add(role, role) for role in get_args(Role)}
        self._log = await Log.connect(self.server.access(), timeout=FAR_SECONDS)
        await self._log.publish([adopted(changed_examples=CHANGED_EXAMPLES)])
        self.start_up()
        await self.until_answering()

    def start_up(self) -> None:
        """Start `rooflog up`, once the one before is gone."""
        if self.up is not None:
            self.up.wait(FAR_SECONDS)
        environment = self.cli.environment
        self.cli.environment = environment | self.settings
        self.up = self.cli.start("up")
        self.cli.environment = environment

    async def stop(self) -> list[str]:
        """End everything as an admin does; what did not end as it should, in words."""
        problems = []
        if self._log is not None:
            await self._log.close()
        if self.up is not None:
            self.up.terminate()
            code = await asyncio.to_thread(self.up.wait, FAR_SECONDS)
            problems += [f"rooflog up ended with {code}"] if code else []
        await asyncio.to_thread(self.server.__exit__)
        left = {pid: command_of(pid) for pid in users_of(self.home)}
        problems += [f"left running: {words}" for words in left.values()]
        return problems

    def destroy(self) -> None:
        """Whatever happened, no process of the installation lives on."""
        if self.up is not None:
            self.up.kill()
            self.up.wait(FAR_SECONDS)
        kill_users(self.home)

    @property
    def log(self) -> Log:
        """A connection to the server of the log itself, whatever lies between it and the services."""
        assert self._log is not None
        return self._log

    @property
    def client_url(self) -> str:
        """Where assistants find the log, with their user and password."""
        return address(self.server, "client")

    def pids(self, kind: str) -> list[int]:
        """The processes of a kind: `up`, `nats`, a service, or `client`."""
        if kind == "up":
            return [self.up.pid] if self.up is not None and self.up.poll() is None else []
        mark = {"nats": "nats-server", "client": "tests.events.client.caller"}.get(kind, f"services\0{kind}")
        return [pid for pid in users_of(self.home) if mark in command_of(pid)]

    def kill(self, kind: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to every process of a kind."""
        for pid in self.pids(kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def web(self, role: str) -> httpx.AsyncClient:
        """A caller of the gateway."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.tokens[role]}"},
            timeout=20,
            trust_env=False,
        )

    async def until_answering(self) -> None:
        """Wait until a fact that is said now is in every answer, and the exporter answers. Raises AssertionError."""
        try:
            async with asyncio.timeout(FAR_SECONDS), self.web("operator") as web:
                while not await self._answers(web):
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"not everything answers after {FAR_SECONDS:.0f} s\n{self.last_words()}") from None

    async def _answers(self, web: httpx.AsyncClient) -> bool:
        try:
            captured = await web.post("/api/v1/examples", json={"prompt": "Is a TPO roof white?", "response": "Yes."})
            if captured.status_code != 201:
                return False
            shown = await web.get(f"/api/v1/examples/{captured.json()['example_id']}")
            return shown.status_code == 200 and await ask_exporter(self.log, "status") is not None
        except (httpx.HTTPError, RooflogError):
            return False

    async def asked(self, question: str, **args: Any) -> Any:
        """What the projector answers."""
        async with open_state(Settings(data_dir=self.data_dir), self.log) as state:
            return await state.ask(question, **args)

    def words(self) -> str:
        """Everything that `rooflog up` and its services have logged."""
        file = self.data_dir / "up.err"
        return file.read_text(errors="replace") if file.exists() else ""

    def last_words(self) -> str:
        """The end of it."""
        return "\n".join(self.words().splitlines()[-15:])


def command_of(pid: int) -> str:
    """The arguments of a process, with zero bytes between; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
