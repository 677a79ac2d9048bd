"""`make starts`: `rooflog status` against servers that are away, half-open or slow, on a busy machine; 1 if one hangs.

The starts are processes of their own, some at a time, while others keep every core busy. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from services.runtime.nats_server import EmbeddedServer
from tests.deadlines import FAR_SECONDS
from tests.ports import free_port
from tests.relay import Relay
from tests.services.conftest import Cli, address
from tests.services.forked import Forked

AT_ONCE = 64

LIMIT_SECONDS = 2 * FAR_SECONDS
"""The end of a start that hangs: every deadline of the command is over by then, on a busy machine too."""

PONG_SECONDS = 3.0
SLOW_SECONDS = 0.2


class Outcome(Struct):
    """What came of the starts against one kind of server; `hung` were killed in the end."""

    kind: str
    codes: Counter[int]
    hung: int = 0
    slowest: float = 0.0
    unclear: list[str] = []

    @property
    def is_well(self) -> bool:
        """Did each end, with an answer or with one sentence?"""
        return not self.hung and not self.unclear and set(self.codes) <= {0, 1}


async def play(count: int, home: Path) -> list[Outcome]:
    """Start so many commands against servers of each kind in turn."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(home / "log"))
        port = int(server.url.rpartition(":")[2])
        started = Cli(home / "log").start("projector")
        stack.callback(started.wait, FAR_SECONDS)
        stack.callback(started.terminate)
        relays = {
            "silent": Relay(None),
            "half-open": Relay(port, lambda piece: piece if piece.startswith(b"INFO") else b""),
            "slow ping": Relay(port, delay=lambda piece: PONG_SECONDS if piece.startswith(b"PONG") else 0.0),
            "slow": Relay(port, delay=lambda _: SLOW_SECONDS),
        }
        ports = {"away": free_port()} | {
            kind: (await stack.enter_async_context(relay.running())).port for kind, relay in relays.items()
        }
        outcomes = {kind: Outcome(kind, Counter()) for kind in ports}
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            kind = list(ports)[number % len(ports)]
            async with turns:
                await _start(outcomes[kind], address(server).replace(str(port), str(ports[kind])), home / str(number))

        with busy():
            await asyncio.gather(*map(one, range(count)))
        return list(outcomes.values())


async def _start(outcome: Outcome, url: str, data_dir: Path) -> None:
    data_dir.mkdir()
    cli = Cli(data_dir)
    cli.environment["ROOFLOG_NATS_URL"] = url
    process, began = _forked(cli), time.monotonic()
    while (code := process.poll()) is None and time.monotonic() - began < LIMIT_SECONDS:
        await asyncio.sleep(0.1)
    outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    if code is None:
        outcome.hung += 1
        process.kill()
        return
    outcome.codes[code] += 1
    answer, errors = ((data_dir / name).read_text() for name in ("out", "err"))
    if errors or not isinstance(json.loads(answer).get("status"), str):
        outcome.unclear.append(f"{answer}{errors}")


def _forked(cli: Cli) -> Forked:
    out, err = (cli.data_dir / name for name in ("out", "err"))
    with Path(os.devnull).open("rb") as nothing, out.open("wb") as answer, err.open("wb") as errors:
        return Forked(["-m", "services", "status", "--json"], cli.environment, (nothing, answer, errors))


@contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy while this is open."""
    spinning = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()


def _spin() -> None:
    while os.getppid() > 1:
        sum(range(100_000))


def main(arguments: Sequence[str]) -> int:
    """Play, and show what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.starts", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    count: int = parser.parse_args(arguments).count
    with tempfile.TemporaryDirectory(prefix="rooflog-starts-") as home:
        outcomes = asyncio.run(play(count, Path(home)))
    print(f"{'server':<10} {'starts':>7} {'answered':>9} {'told why':>9} {'hung':>5} {'unclear':>8} {'slowest':>9}")
    for outcome in outcomes:
        print(
            f"{outcome.kind:<10} {sum(outcome.codes.values()) + outcome.hung:>7} {outcome.codes[0]:>9} "
            f"{outcome.codes[1]:>9} {outcome.hung:>5} {len(outcome.unclear):>8} {outcome.slowest:>7.1f} s"
        )
    return 0 if all(outcome.is_well for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
