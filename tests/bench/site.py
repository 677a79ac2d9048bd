"""A running rooflog of any version on a copy of prepared data: server, projector, gateway, and facts that arrive."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer

from .office import Office
from .place import Place, connect

BEAT_SECONDS = 0.05
"""How often some of the facts that arrive are published, as outboxes do."""

KEPT = 0.8
"""The share of a rate that has to be kept for a figure to mean something."""

READY_SECONDS = 600.0
"""How long a service may take until it answers."""


class Site:
    """The processes of one data directory; `captures` is how many the prepared office has made."""

    def __init__(self, data_dir: Path, server: EmbeddedServer, captures: int) -> None:
        self.data_dir = data_dir
        self.server = server
        self.captures = captures
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOFLOG_")} | {
            "ROOFLOG_DATA_DIR": str(data_dir),
            "ROOFLOG_NATS_PORT": "0",
            "ROOFLOG_WEB_PORT": "0",
            "ROOFLOG_WEB_RATE": "100000",
        }
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a module with its output in a file of the data directory; it ends with the site."""
        with (self.data_dir / f"{command[-1]}.err").open("a") as errors:
            process = subprocess.Popen([sys.executable, "-m", *command], env=self._environment, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=errors, text=True)  # fmt: skip
        self._processes.append(process)
        return process

    def projector(self) -> subprocess.Popen[str]:
        """Start the projector."""
        return self.start("services", "projector")

    def web(self) -> str:
        """Start the gateway; its address."""
        process = self.start("services", "web")
        deadline = time.monotonic() + READY_SECONDS
        while True:
            words = (self.data_dir / "web.err").read_text()
            if match := re.search(r"serving on http://[^ ]+:(\d+) ", words):
                return f"http://127.0.0.1:{match[1]}"
            assert process.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(0.05)

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(60)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    @contextmanager
    def arriving(self, rate: int, label: str) -> Iterator[None]:
        """Facts that arrive at a steady rate, from a process of its own."""
        loading = self.start("tests.bench.site", str(self.data_dir), str(rate), label, str(self.captures))
        assert loading.stdout is not None
        assert loading.stdout.readline() == "begun\n"
        began = time.monotonic()
        yield
        loading.terminate()
        arrived = int(loading.stdout.readline())
        loading.wait(60)
        kept = arrived / (time.monotonic() - began)
        assert kept > KEPT * rate, f"only {kept:,.0f} of {rate:,} facts/s arrived: the machine is too busy"


@contextmanager
def opened(place: Place) -> Iterator[Site]:
    """A server on a copy of the prepared data, and nothing else yet."""
    prepared, data_dir = place.prepared(), place.scratch / "data"
    prepared.copy(data_dir)
    with EmbeddedServer(data_dir) as server:
        site = Site(data_dir, server, prepared.captures)
        try:
            yield site
        finally:
            site.close()


async def ask(log: Log, name: str, after: int, **args: Any) -> Any:
    """What the projector answers about a state that holds a sequence. Raises AssertionError with its refusal."""
    question = msgspec.json.encode({"after": after, "args": args})
    reply = await log.client.request(f"rooflog.query.{name}", question, timeout=READY_SECONDS)
    answer = msgspec.json.decode(reply.data)
    assert answer.get("error") is None, answer
    return answer["value"]


async def until_answering(log: Log) -> None:
    """Wait until the projector answers about the whole log."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            await ask(log, "status", await log.last_sequence())
            return
        except Exception:
            assert time.monotonic() < deadline, "the projector does not answer"
            await asyncio.sleep(0.1)


async def publish(data_dir: Path, rate: int, label: str, captures: int) -> None:
    """Publish mixed facts at a rate until SIGTERM, then say how many they were."""
    with EmbeddedServer(data_dir) as server:
        log = await connect(server)
        said = Office(label, captures).mixed()
        print("begun", flush=True)
        began, count = time.monotonic(), 0
        try:
            while True:
                due = int((time.monotonic() - began) * rate) - count
                if due:
                    await log.publish(list(islice(said, due)))
                    count += due
                await asyncio.sleep(BEAT_SECONDS)
        except asyncio.CancelledError:
            print(count, flush=True)
            await log.close()


def load(*args: str) -> None:
    """Run `publish` until SIGTERM."""

    async def until_ended() -> None:
        task = asyncio.ensure_future(publish(Path(args[0]), int(args[1]), args[2], int(args[3])))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await task

    asyncio.run(until_ended())


if __name__ == "__main__":
    load(*sys.argv[1:])
