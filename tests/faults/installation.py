"""An installation of real processes: `rooflog up` with everything that it starts, and how all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import httpx

from events.errors import RooflogError
from events.log.log import Log
from services.exporter.client import ask as ask_exporter
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state
from services.web.access.tokens import Role, Tokens
from tests.bench.processes import kill_users, users_of
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port
from tests.services.conftest import Cli, address
from tests.services.exporter.test_service import adopted
from tests.services.forked import Forked

from .proxy import Proxy

SERVICES = ("projector", "exporter", "web")

LOOK_SECONDS = 0.05

RECOVER_SECONDS = 300.0
"""The deadline of an installation that comes back, on a machine that is busy with others."""

CHANGED_EXAMPLES = 20
"""So many changed rows are an export: several come in one play."""


class NotRun(Exception):
    """This machine cannot play the fault; the message says what is missing."""


class Installation:
    """The processes of one data directory; `server` is a lease of its own on the embedded nats-server."""

    def __init__(
        self,
        home: Path,
        *,
        nats_port: int = 0,
        network: Proxy | None = None,
        variables: Mapping[str, str] | None = None,
        may_drop: bool = False,
        outbox_bytes: int | None = None,
    ) -> None:
        """Nothing is started yet; `variables` are for the environment of services and assistants."""
        self.home = home
        self.data_dir = home / "data"
        self.outbox = home / "outbox"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.variables = dict(variables or {})
        self.may_drop = may_drop
        """Whether assistants may lose captures, as they say themselves."""
        self.outbox_bytes = outbox_bytes
        self.network = network
        """What lies between the log and everybody else, if anything."""
        self.nats_port = nats_port
        self.port = free_port()
        self.cli = Cli(self.data_dir)
        self.cli.environment |= {"ROOFLOG_WEB_PORT": str(self.port), "ROOFLOG_WEB_RATE": "100000"}
        self.server = EmbeddedServer(self.data_dir, nats_port)
        self.tokens: dict[str, str] = {}
        self.up: Forked | None = None
        self._log: Log | None = None
        self._started_at = 0

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
        self._started_at = len(self.words())
        environment = self.cli.environment | self.variables
        if self.network is not None:
            environment["ROOFLOG_NATS_URL"] = f"nats://127.0.0.1:{self.network.port}"
        with Path(os.devnull).open("r+b") as nothing, self._errors.open("ab") as errors:
            self.up = Forked(["-m", "services", "up"], environment, (nothing, nothing, errors))

    async def halt(self, *, with_server: bool = False) -> None:
        """End `rooflog up` as an admin does, and the server of the log where that is wanted."""
        assert self.up is not None
        self.up.terminate()
        await asyncio.to_thread(self.up.wait, FAR_SECONDS)
        if with_server:
            await self.log.close()
            await asyncio.to_thread(self.server.__exit__)

    async def start_again(self) -> None:
        """Start the server of the log and `rooflog up`, which `halt` has ended."""
        await asyncio.to_thread(self.server.__enter__)
        self._log = await Log.connect(self.server.access(), timeout=FAR_SECONDS)
        self.start_up()

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
        with contextlib.suppress(RooflogError):
            self.server.__exit__()
        kill_users(self.home)

    @property
    def log(self) -> Log:
        """A connection to the server of the log itself, whatever lies between it and the services."""
        assert self._log is not None
        return self._log

    @property
    def client_url(self) -> str:
        """Where assistants find the log, with their user and password."""
        url = address(self.server, "client")
        return url if self.network is None else url.replace(f":{self.nats_port}", f":{self.network.port}")

    @property
    def database(self) -> Path:
        """The projector's file."""
        return Settings(data_dir=self.data_dir).database

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
            timeout=60,
            trust_env=False,
        )

    async def until_answering(self) -> None:
        """Wait until a fact that is said now is in every answer, and the exporter answers. Raises AssertionError."""
        try:
            async with asyncio.timeout(RECOVER_SECONDS), self.web("operator") as web:
                while not await self._answers(web):
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"not everything answers after {RECOVER_SECONDS:.0f} s\n{self.last_words()}") from None

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

    @property
    def _errors(self) -> Path:
        return self.home / "up.err"

    def words(self) -> str:
        """Everything that `rooflog up` and its services have logged."""
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    @property
    def words_since_start(self) -> str:
        """What they have logged since `rooflog up` was started the last time."""
        return self.words()[self._started_at :]

    @property
    def is_projecting(self) -> bool:
        """Whether the projector has caught up since then."""
        return "projecting from sequence" in self.words_since_start

    def last_words(self) -> str:
        """The end of it."""
        return "\n".join(self.words().splitlines()[-15:])


async def until(condition: Callable[[], object], otherwise: str) -> None:
    """Wait for a condition. Raises AssertionError with what is the matter otherwise."""
    try:
        async with asyncio.timeout(FAR_SECONDS):
            while not condition():
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(otherwise) from None


def command_of(pid: int) -> str:
    """The arguments of a process, with zero bytes between; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
