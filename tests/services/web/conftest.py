"""A whole site per test module: a real nats-server, a projector and the web service as processes of their own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.runtime.nats_server import EmbeddedServer
from services.web.access.tokens import Role, Tokens
from tests.deadlines import FAR_SECONDS

from ..conftest import Cli, address
from ..forked import Forked

ROLES: tuple[Role, ...] = ("publisher", "reviewer", "operator", "auditor")


class Site:
    """The running services of one data directory, and callers of every role."""

    def __init__(self, data_dir: Path, *, with_tokens: bool = True, **settings: str) -> None:
        self.cli = Cli(data_dir)
        self.cli.environment |= {"ROOFLOG_WEB_PORT": "0", "ROOFLOG_WEB_RATE": "100000"} | settings
        self.tokens = Tokens(data_dir / "tokens.json")
        self.secrets: dict[str, str] = {role: self.tokens.add(role, role) for role in ROLES} if with_tokens else {}
        self.processes: dict[str, Forked] = {}
        self.url = ""
        self.server = ""
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, name: str) -> None:
        self.processes[name] = self.cli.start(name)
        if name == "web":
            self.url = f"http://127.0.0.1:{self._port()}"

    def stop(self, name: str) -> None:
        """End a service, which must end in order: where it does not, what it said of itself is shown."""
        process = self.processes.pop(name)
        process.terminate()
        assert process.wait(FAR_SECONDS) == 0, (self.cli.data_dir / f"{name}.err").read_text()[-5_000:]

    def client(self, role: Role | None = None, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.secrets[role]}"} if role else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=FAR_SECONDS, trust_env=False, **options)
        self._clients.append(client)
        return client

    def reviewer(self, name: str) -> httpx.Client:
        """A reviewer of a name of their own."""
        client = self.client()
        client.headers["Authorization"] = f"Bearer {self.tokens.add(name, 'reviewer')}"
        return client

    def trusted(self, name: str) -> httpx.Client:
        """A publisher of a new name whose claims count."""
        client = self.client()
        client.headers["Authorization"] = f"Bearer {self.tokens.add(name, 'publisher', trusted=True)}"
        return client

    def until_answering(self) -> None:
        client = self.client()
        until(lambda: client.get("/health").json()["status"] != "down")

    def _port(self) -> str:
        errors = self.cli.data_dir / "web.err"
        pattern = re.compile(rf"^.* serving on http://[^ ]+:(\d+) .*pid {self.processes['web'].pid}\)$", re.M)
        until(lambda: pattern.search(errors.read_text()))
        return str(pattern.findall(errors.read_text())[-1])


def until(condition: Callable[[], Any], seconds: float = FAR_SECONDS) -> None:
    """Wait for a condition, which may not be able to answer yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (OSError, httpx.HTTPError, KeyError):
            pass
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Log, projector and web, with a token of every role."""
    data_dir = tmp_path_factory.mktemp("site")
    with EmbeddedServer(data_dir) as server:
        running = Site(data_dir)
        running.server = address(server)
        try:
            running.start("projector")
            running.start("web")
            running.until_answering()
            yield running
            running.stop("web")
            running.stop("projector")
        finally:
            running.close()
