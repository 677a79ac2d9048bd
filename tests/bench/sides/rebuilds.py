"""Rebuilds of a prepared log, and their baselines: nats-py, which throws away what it reads, and `eventsourcing`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from nats.js import api

from events.facts import ExampleCaptured, FeedbackGiven
from events.log.log import Log
from events.subjects import EVERYTHING, STREAM
from services.projector.rebuild import Plan, Rebuild
from services.state.owner import Owner

from ..office import Office
from ..place import Place, connect
from ..site import opened

BASELINE = 20_000
"""Facts of the baselines at most: their rate is the same for any number."""

READ = 20_000


@contextmanager
def ours(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Facts/s of each way to make the tables anew."""
    with opened(place) as site, asyncio.Runner() as runner:
        log = runner.run(connect(site.server))
        owner = Owner(site.data_dir / "rooflog.duckdb")

        async def rebuilt(plan: Plan) -> float:
            began = time.perf_counter()
            await Rebuild(log, owner.files, owner, asyncio.Lock(), plan).run()
            return owner.projector.checkpoint_seq / (time.perf_counter() - began)

        async def cold(file: Path) -> float:
            new, began = Owner(file), time.perf_counter()
            await new.catch_up(log)
            rate = new.projector.checkpoint_seq / (time.perf_counter() - began)
            new.close()
            new.files.remove(file)
            return rate

        async def read() -> float:
            began, count = time.perf_counter(), 0
            async for messages in log.read(0, batch=READ):
                count += len(messages)
            return count / (time.perf_counter() - began)

        def measure(number: int) -> dict[str, float]:
            taken_over = runner.run(rebuilt(Plan()))
            from_log = runner.run(rebuilt(Plan(from_log=True)))
            return {
                "taken_over": taken_over,
                "taken_over_library": taken_over,
                "from_log": from_log,
                "from_log_library": from_log,
                "verify": runner.run(rebuilt(Plan(verify=True))),
                "cold": runner.run(cold(place.scratch / f"cold{number}.duckdb")),
                "read": runner.run(read()),
            }

        yield measure
        owner.close()
        runner.run(log.close())


@contextmanager
def others(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Facts/s of nats-py's pull consumer on the same log, and of the library's replay of the same texts."""
    with opened(place) as site, asyncio.Runner() as runner:
        log = runner.run(connect(site.server))

        def measure(number: int) -> dict[str, float]:
            fetch = runner.run(fetched(log, BASELINE))
            library = replayed(place.load(BASELINE), place.scratch / f"library{number}.sqlite")
            named = dict.fromkeys(("taken_over", "from_log", "verify", "cold", "read"), fetch)
            return named | {"taken_over_library": library, "from_log_library": library}

        yield measure
        runner.run(log.close())


async def fetched(log: Log, count: int) -> float:
    """Messages/s of nats-py's pull consumer, thrown away."""
    count = min(count, await log.last_sequence())
    unacknowledged = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE)
    subscription = await log.client.jetstream().pull_subscribe(EVERYTHING, stream=STREAM, config=unacknowledged)
    began, got = time.perf_counter(), 0
    while got < count:
        got += len(await subscription.fetch(min(1_000, count - got)))
    rate = got / (time.perf_counter() - began)
    await subscription.unsubscribe()
    return rate


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
    examples: dict[str, Example] = {}
    for fact in islice(Office("library").mixed(), count):
        match fact:
            case ExampleCaptured(example_id=example_id):
                examples[example_id] = Example(fact.prompt, fact.response)
            case FeedbackGiven(example_id=example_id):
                examples[example_id].like()
    for start in range(0, len(examples), 100):
        app.save(*list(examples.values())[start : start + 100])
    replica: dict[Any, Example] = {}
    began, start, done = time.perf_counter(), 1, 0
    while notifications := app.recorder.select_notifications(start, 1_000):
        for notification in notifications:
            change: Any = app.mapper.to_domain_event(notification)
            replica[change.originator_id] = change.mutate(replica.get(change.originator_id))
        done += len(notifications)
        start = notifications[-1].id + 1
    seconds = time.perf_counter() - began
    app.close()
    assert len(replica) == len(examples)
    return done / seconds
