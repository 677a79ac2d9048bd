"""Out and in: an export of a prepared state in all formats, and an import of the old store; beside plain Python."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from events.facts import PolicyAdopted
from events.log.log import Log
from projections.policy.policy import default
from services.exporter import workflow
from services.imports import import_files
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import State
from services.state.owner import Owner

from .. import old_class
from ..office import SOURCES, Office
from ..place import Place, connect
from ..side import NOTE
from ..site import opened
from ..texts import Texts

IMPORTED = 50_000
"""Lines that are imported at most."""


@contextmanager
def exporting(place: Place) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Rows/s of an export under a policy that trusts every source, so that most examples are in it."""
    with opened(place) as site, asyncio.Runner() as runner:
        log = runner.run(connect(site.server))
        settings = Settings(data_dir=site.data_dir)
        owner = Owner(settings.database)
        runner.run(_trust(log))

        async def exported() -> tuple[int, float]:
            async with workflow.opened(settings, log, State(log, owner, None), "bench") as steps:
                began = time.perf_counter()
                answer = await steps.export({}, None)
            return int(answer["after_filtering"]), time.perf_counter() - began

        def measure(number: int) -> dict[str, Any]:
            runner.run(_change(log, owner, number))  # an export that is there is not written again
            rows, seconds = runner.run(exported())
            return {"export": rows / seconds, NOTE: f"{rows:,} rows of {place.count:,} examples"}

        yield measure
        owner.close()
        runner.run(log.close())


async def _trust(log: Log) -> None:
    usual = default()
    approval = msgspec.structs.replace(usual.approval, trusted_sources=SOURCES)
    policy = msgspec.structs.replace(usual, approval=approval)
    at = Office("trust").capture().occurred_at
    await log.publish([PolicyAdopted(event_id="policy_trust", occurred_at=at, actor="ann", policy=policy.document(),
                                     digest=policy.digest)])  # fmt: skip


async def _change(log: Log, owner: Owner, number: int) -> None:
    await log.publish([Office(f"export{number}").capture()])
    await owner.catch_up(log)


@contextmanager
def importing(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Lines/s of the old store that become facts on a log that syncs."""
    with EmbeddedServer(place.scratch / "data") as server, asyncio.Runner() as runner:

        async def imported(file: Path) -> float:
            log, began = await connect(server), time.perf_counter()
            report = await import_files(log, [file])
            seconds = time.perf_counter() - began
            assert report.new == report.lines, report.problems[:3]
            await log.close()
            return report.lines / seconds

        def measure(number: int) -> dict[str, float]:
            return {"import": runner.run(imported(_store(place, number, place.load(IMPORTED))))}

        yield measure


@contextmanager
def scripts(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The old class's export of as many examples, and its lines read and appended to another file of its own."""

    def measure(number: int) -> dict[str, float]:
        store = _store(place, number, place.count)
        began = time.perf_counter()
        kept = old_class.export(store, place.scratch / "export.jsonl")
        exported = kept / (time.perf_counter() - began)
        again = old_class.OldClass(place.scratch / f"again{number}.jsonl")
        began, count = time.perf_counter(), place.load(IMPORTED)
        with store.open() as lines:
            for _ in range(count):
                again.append(json.loads(lines.readline()))
        return {"export": exported, "import": count / (time.perf_counter() - began)}

    yield measure


def _store(place: Place, number: int, count: int) -> Path:
    store, texts = place.scratch / f"store{number}.jsonl", Texts(f"store{number}")
    old_class.write(store, ((texts.question(), texts.answer()) for _ in range(count)), f"old{number}")
    return store
