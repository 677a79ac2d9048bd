"""`make bench`: what a capture costs its caller, and how fast facts get from a client to the acknowledged log."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from events import Rooflog
from events.codec import encode
from events.log.log import Access, Log
from services.runtime.nats_server import EmbeddedServer
from tests.bench_load import OldClass, say, texts
from tests.events.conftest import kill

CAPTURES = 40_000
NOBODY = "nats://127.0.0.1:1"

Row = tuple[str, str, str, str, str]


def costs(capture: Callable[[str, str], object], count: int = CAPTURES) -> tuple[float, float]:
    """Microseconds of the median call and of the 99th percentile, called one after the other without a pause."""
    took = []
    for number in range(count):
        prompt, response = texts(number)
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


def capture_rows(scratch: Path, server: EmbeddedServer) -> list[Row]:
    """One row for each state of the log, beside the old class."""
    old = costs(OldClass(scratch / "old.jsonl").capture)
    measured: dict[str, tuple[float, float]] = {}
    for state in ("up", "down", "restarting"):
        client = Rooflog(NOBODY if state == "down" else server.access("client"), outbox=scratch / state)
        client.flush(1 if state == "down" else 30)
        if state == "restarting":
            with restarting(server):
                measured[state] = costs(client.capture)
        else:
            measured[state] = costs(client.capture)
        stats = client.stats()
        assert (stats.said, stats.dropped) == (CAPTURES, 0)
        assert client.close(60 if state != "down" else 0) or state == "down"
    return [
        (
            f"client: capture, NATS {state}",
            f"{p50:.0f} µs, p99 {p99:.0f} µs",
            f"{old[0]:.0f} µs, p99 {old[1]:.0f} µs",
            f"{p50 / old[0]:.2f}",
            "old class: buffer and unsynced JSONL",
        )
        for state, (p50, p99) in measured.items()
    ]


async def one_by_one(access: Access, count: int) -> float:
    """Facts a second that nats-py publishes and has acknowledged one at a time."""
    log = await Log.connect(access)
    js = log.client.jetstream()
    await js.add_stream(name="BASELINE", subjects=["baseline.>"])
    began = time.perf_counter()
    for number in range(count):
        await js.publish(f"baseline.{number}", encode(say(number)))
    rate = count / (time.perf_counter() - began)
    await js.delete_stream("BASELINE")
    await log.close()
    return rate


def delivery_rows(scratch: Path, server: EmbeddedServer, count: int) -> list[Row]:
    """From the first capture to the last acknowledgement of a log that syncs before it acknowledges."""
    client = Rooflog(server.access("client"), outbox=scratch / "delivery")
    client.capture(*texts(0))
    client.flush(30)
    began = time.perf_counter()
    for number in range(count):
        client.capture(*texts(number))
    assert client.flush(600)
    ours = count / (time.perf_counter() - began)
    client.close()
    baseline = asyncio.run(one_by_one(server.access(), 2_000))
    old = OldClass(scratch / "old_delivery.jsonl")
    began = time.perf_counter()
    for number in range(count):
        old.capture(*texts(number))
    files = count / (time.perf_counter() - began)
    stage = "client: capture to synced log"
    return [
        (
            stage,
            f"{ours:,.0f}/s",
            f"{baseline:,.0f}/s",
            f"{ours / baseline:.2f}",
            "nats-py, one at a time, same server",
        ),
        (stage, f"{ours:,.0f}/s", f"{files:,.0f}/s", f"{ours / files:.2f}", "old class: unsynced JSONL, no server"),
    ]


def rows(count: int) -> list[Row]:
    """Every row, measured with a server of its own."""
    with tempfile.TemporaryDirectory() as name, EmbeddedServer(Path(name)) as server:
        return capture_rows(Path(name), server) + delivery_rows(Path(name), server, count)


if __name__ == "__main__":
    print(json.dumps(rows(int(sys.argv[1]))))
