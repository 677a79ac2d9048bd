"""A real nats-server per test module, on a free port, with a store that is thrown away."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from events.facts import ExampleCaptured
from events.log.log import Log
from events.subjects import new_example_id
from services.runtime.nats_server import EmbeddedServer
from tests.deadlines import FAR_SECONDS

from .forked import Forked

SEEDS = range(int(os.environ.get("ROOFLOG_KILL_SEEDS", "2")))
"""How often each test that kills at random is played; give it more in an environment that has the time."""

NOW = datetime(2025, 3, 18, 12, 0, tzinfo=UTC)
ANSWER = "Extend the base flashing at least 8 inches above the finished roof membrane and terminate it under a reglet."


def capture(prompt: str = "How high must base flashing be?", response: str = ANSWER, **more: Any) -> ExampleCaptured:
    example_id = more.pop("example_id", None) or new_example_id(NOW)
    fields: dict[str, Any] = {"source": "chat_interaction", "occurred_at": NOW, "actor": "test"} | more
    return ExampleCaptured(event_id=example_id, example_id=example_id, prompt=prompt, response=response, **fields)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path) as server:
        yield server


@pytest.fixture
async def log(server: EmbeddedServer) -> AsyncIterator[Log]:
    log = await Log.connect(server.url)
    yield log
    await log.close()


class Cli:
    """`rooflog` as a user runs it: another process, one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOFLOG_")} | {
            "ROOFLOG_DATA_DIR": str(data_dir),
            "ROOFLOG_ACTOR": "tester",
            "ROOFLOG_NATS_PORT": "0",  # tests at the same time do not fight for the usual port
            "ROOFLOG_WEB_PORT": "0",
        }

    def run(self, *args: str | Path, code: int | None = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        with TemporaryFile("w+") as given, TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
            given.write(stdin)
            given.seek(0)
            process = Forked(["-m", "services", *map(str, args)], self.environment, (given, output, errors))
            try:
                returned = process.wait(FAR_SECONDS)
            finally:
                process.kill()
            output.seek(0)
            errors.seek(0)
            done = subprocess.CompletedProcess(args, returned, output.read(), errors.read())
        assert code is None or done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *args: str | Path, code: int | None = 0, stdin: str = "") -> Any:
        return json.loads(self.run(*args, "--json", code=code, stdin=stdin).stdout)

    def start(self, *args: str) -> Forked:
        return self.python(f"{args[0]}.err", "-m", "services", *args)

    def python(self, errors: str, *args: str) -> Forked:
        """Python that runs until it is ended, with its errors in a file of the data directory."""
        with Path(os.devnull).open("r+b") as nothing, (self.data_dir / errors).open("ab") as file:
            return Forked(args, self.environment, (nothing, nothing, file))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def start(cli: Cli) -> Iterator[Callable[..., Forked]]:
    """Start rooflog commands that run until the test ends."""
    started: list[Forked] = []

    def run(*args: str) -> Forked:
        started.append(cli.start(*args))
        return started[-1]

    yield run
    for process in started:
        process.terminate()
    for process in started:
        assert process.wait(FAR_SECONDS) is not None
