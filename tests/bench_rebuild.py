"""Rebuilds beside their baselines: `make bench` runs this in a process of its own, on a log of its own.

The baselines read the same log with nats-py and throw it away, and replay events of the same texts with the
`eventsourcing` library, from a SQLite file in its own process into aggregates in memory: no server, nothing judged.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from nats.js import api

from events.log.log import Log
from events.subjects import EVERYTHING, STREAM
from projections.store.segments import SIZE
from services.projector.rebuild import Plan, Rebuild
from services.runtime.nats_server import EmbeddedServer
from services.state.owner import Owner
from tests.bench_load import load, texts

BASELINE = 20_000
"""Events of the baselines at most: their rate is the same for any number."""


PORTION = 50_000
"""Facts that are made at a time: they are not to count as the memory of a rebuild."""


class Example(Aggregate):
    """What the library calls an aggregate: one example, captured and maybe liked."""

    @event("Captured")
    def __init__(self, prompt: str, response: str) -> None:
        self.prompt, self.response, self.likes = prompt, response, 0

    @event("Liked")
    def like(self) -> None:
        self.likes += 1


def replayed(count: int, file: Path) -> float:
    """Events/s of the library's replay: every event of its recorder, decoded, and applied to its aggregate."""
    app: Application[Any] = Application(
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file), "SQLITE_LOCK_TIMEOUT": "10"}
    )
    for number in range(0, count, 5):
        captured = [Example(*texts(number + n)) for n in range(4)]
        captured[0].like()
        app.save(*captured)
    examples: dict[Any, Example] = {}
    began, start, done = time.perf_counter(), 1, 0
    while notifications := app.recorder.select_notifications(start, 1_000):
        for notification in notifications:
            said: Any = app.mapper.to_domain_event(notification)
            examples[said.originator_id] = said.mutate(examples.get(said.originator_id))
        done += len(notifications)
        start = notifications[-1].id + 1
    seconds = time.perf_counter() - began
    app.close()
    assert (done, sum(example.likes for example in examples.values())) == (count, count // 5)
    return count / seconds


async def fetched(log: Log, count: int) -> float:
    """Messages/s of nats-py's pull consumer, thrown away."""
    unacknowledged = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE)
    subscription = await log.client.jetstream().pull_subscribe(EVERYTHING, stream=STREAM, config=unacknowledged)
    began, got = time.perf_counter(), 0
    while got < count:
        got += len(await subscription.fetch(1_000))
    rate = got / (time.perf_counter() - began)
    await subscription.unsubscribe()
    return rate


async def rebuilt(log: Log, owner: Owner, plan: Plan) -> float:
    """Facts/s of a rebuild, from its first step to the exchange."""
    began = time.perf_counter()
    await Rebuild(log, owner.files, owner, asyncio.Lock(), plan).run()
    return owner.projector.checkpoint_seq / (time.perf_counter() - began)


async def main(count: int) -> list[tuple[str, ...]]:
    """Rows for the table of `make bench`."""
    with tempfile.TemporaryDirectory() as name, EmbeddedServer(Path(name)) as server:
        log = await Log.connect(server.access())
        for said in range(0, count, PORTION):
            await log.publish(load(min(PORTION, count - said)))
        began, got = time.perf_counter(), 0
        async for messages in log.read(0, batch=20_000):
            got += len(messages)
        read = got / (time.perf_counter() - began)
        fetch = await fetched(log, min(count, BASELINE))
        owner = Owner(Path(name) / "rooflog.duckdb")
        await owner.catch_up(log)
        from_log = await rebuilt(log, owner, Plan(from_log=True))
        taken_over = await rebuilt(log, owner, Plan())
        owner.close()
        await log.close()
        library = replayed(min(count, BASELINE), Path(name) / "library.sqlite")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = f"nats-py, pull fetch of 1,000; read and thrown away ({count:,} facts)"
    rows = [("read a long stretch of the log", read, fetch, what)]
    source = "segments" if count >= SIZE else "the log"
    stages = {f"rebuild from {source}, texts taken over": taken_over, "rebuild, every text read again": from_log}
    for stage, rate in stages.items():
        rows += [
            (stage, rate, fetch, "nats-py: the same"),
            ("", rate, library, "eventsourcing: its replay from SQLite into aggregates in memory"),
        ]
    table = [
        (stage, f"{ours:,.0f}/s", f"{other:,.0f}/s", f"{ours / other:.2f}", what) for stage, ours, other, what in rows
    ]
    return [
        *table,
        (
            "  memory of that process",
            f"{peak:,.0f} MiB",
            "",
            "",
            "two databases, batches of the log and Python, without those that decode",
        ),
    ]


if __name__ == "__main__":
    json.dump(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)), sys.stdout)
