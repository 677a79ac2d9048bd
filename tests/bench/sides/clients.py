"""What a capture costs its caller, and how fast facts get from a client to the acknowledged log."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from events import Rooflog
from events.codec import encode
from services.runtime.nats_server import EmbeddedServer
from tests.events.conftest import kill

from ..office import Office
from ..old_class import OldClass
from ..place import Place, connect
from ..texts import Texts

CAPTURES, DELIVERED, PUBLISHED = 20_000, 100_000, 2_000
"""Captures of which each is timed, captures that are delivered, and facts that nats-py publishes, at most."""

NOBODY = "nats://127.0.0.1:1"

STATES = ("up", "down", "restarting")


def costs(capture: Callable[[str, str], object], count: int, label: str) -> tuple[float, float]:
    """Microseconds of the median call and of the 99th percentile, called one after the other without a pause."""
    texts, took = Texts(label), []
    for _ in range(count):
        prompt, response = texts.question(), texts.answer()
        began = time.perf_counter()
        capture(prompt, response)
        took.append(time.perf_counter() - began)
    took.sort()
    return took[count // 2] * 1e6, took[count * 99 // 100] * 1e6


@contextmanager
def restarting(server: EmbeddedServer) -> Iterator[None]:
    """The server is killed and started again, over and over."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            kill(server.pid)
            while not server.revive():
                stop.wait(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def ours(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The client beside a server that answers, one that is away, and one that restarts; then all the way to the log."""
    with EmbeddedServer(place.scratch / "data") as server:

        def measure(number: int) -> dict[str, float]:
            values: dict[str, float] = {}
            for state in STATES:
                p50, p99 = _capturing(place, server, state, number)
                values |= {f"{state}.p50": p50, f"{state}.p99": p99}
            return values | {"delivered": _delivering(place, server, number)}

        yield measure


def _capturing(place: Place, server: EmbeddedServer, state: str, number: int) -> tuple[float, float]:
    count, label = place.load(CAPTURES), f"{state}{number}"
    client = Rooflog(NOBODY if state == "down" else server.access("client"), outbox=place.scratch / label)
    client.flush(1 if state == "down" else 30)
    if state == "restarting":
        with restarting(server):
            measured = costs(client.capture, count, label)
    else:
        measured = costs(client.capture, count, label)
    stats = client.stats()
    assert (stats.said, stats.dropped) == (count, 0)
    assert client.close(0 if state == "down" else 60) or state == "down"
    return measured


def _delivering(place: Place, server: EmbeddedServer, number: int) -> float:
    """Captures/s from the first call to the last acknowledgement of a log that syncs before it acknowledges."""
    texts, count = Texts(f"delivered{number}"), place.load(DELIVERED)
    pairs = [(texts.question(), texts.answer()) for _ in range(count)]
    client = Rooflog(server.access("client"), outbox=place.scratch / f"delivered{number}")
    client.capture("Is it connected?", "It is.")
    client.flush(30)
    began = time.perf_counter()
    for prompt, response in pairs:
        client.capture(prompt, response)
    assert client.flush(600)
    rate = count / (time.perf_counter() - began)
    client.close()
    return rate


@contextmanager
def others(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The old class's calls, and nats-py that publishes one fact at a time to a server that syncs."""
    with EmbeddedServer(place.scratch / "data") as server, asyncio.Runner() as runner:

        def measure(number: int) -> dict[str, float]:
            old = OldClass(place.scratch / f"old{number}.jsonl")
            p50, p99 = costs(old.capture, place.load(CAPTURES), f"old{number}")
            values = {f"{state}.{name}": value for state in STATES for name, value in (("p50", p50), ("p99", p99))}
            return values | {"delivered": runner.run(one_by_one(server, place.load(PUBLISHED), number))}

        yield measure


async def one_by_one(server: EmbeddedServer, count: int, number: int) -> float:
    """Facts a second that nats-py publishes and has acknowledged one at a time."""
    log, office = await connect(server), Office(f"single{number}")
    data = [encode(office.capture()) for _ in range(count)]
    js = log.client.jetstream()
    await js.add_stream(name="BASELINE", subjects=["baseline.>"])
    began = time.perf_counter()
    for place, one in enumerate(data):
        await js.publish(f"baseline.{place}", one)
    rate = count / (time.perf_counter() - began)
    await js.delete_stream("BASELINE")
    await log.close()
    return rate
