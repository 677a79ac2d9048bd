"""Facts outside of any process: made, published to a log that syncs, and folded from nothing in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import duckdb

from events.codec import encode
from events.facts import Fact
from events.message import Message
from projections.fold.projector import Projector
from services.runtime.nats_server import EmbeddedServer

from ..office import Office
from ..old_class import OldClass
from ..place import Place, connect
from ..texts import Texts
from .batches import messages
from .clients import PUBLISHED, one_by_one

MADE, SAID, FOLDED, INSERTED = 20_000, 100_000, 20_000, 1_000
"""Facts of each measurement at most."""

SMALL, LARGE = 1_000, 20_000
"""Facts of a batch."""


@contextmanager
def ours(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Microseconds of processor to make a fact, facts/s published, and facts/s folded in small and large batches."""
    with EmbeddedServer(place.scratch / "data") as server, asyncio.Runner() as runner:

        async def published(facts: list[Fact]) -> float:
            log, began = await connect(server), time.perf_counter()
            assert len((await log.publish(facts)).new) == len(facts)
            rate = len(facts) / (time.perf_counter() - began)
            await log.close()
            return rate

        def measure(number: int) -> dict[str, float]:
            facts = list(islice(Office(f"facts{number}").mixed(), place.load(SAID)))
            batch = messages(facts[:FOLDED], 0)
            return {
                "made": _made(place.load(MADE), number),
                "published": runner.run(published(facts)),
                "folded_small": _folded(batch, SMALL, place.scratch / f"small{number}.duckdb"),
                "folded_large": _folded(batch, LARGE, place.scratch / f"large{number}.duckdb"),
            }

        yield measure


def _made(count: int, number: int) -> float:
    office = Office(f"made{number}")
    facts = [office.capture() for _ in range(count)]
    kind = type(facts[0])
    fields = [{name: getattr(fact, name) for name in fact.__struct_fields__} for fact in facts]
    began = time.process_time()
    for each in fields:
        encode(kind(**each))
    return 1e6 * (time.process_time() - began) / count


def _folded(batch: Sequence[Message], size: int, file: Path) -> float:
    projector = Projector(file)
    began = time.perf_counter()
    for start in range(0, len(batch), size):
        projector.apply(batch[start : start + size])
    rate = len(batch) / (time.perf_counter() - began)
    projector.close()
    file.unlink()
    return rate


@contextmanager
def others(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The old class's call, nats-py one at a time, and DuckDB that inserts facts one by one and folds nothing."""
    with EmbeddedServer(place.scratch / "data") as server, asyncio.Runner() as runner:

        def measure(number: int) -> dict[str, float]:
            inserted = _inserted(place.load(INSERTED), number, place.scratch / f"plain{number}.duckdb")
            return {
                "made": _buffered(place.load(MADE), number, place.scratch / f"old{number}.jsonl"),
                "published": runner.run(one_by_one(server, place.load(PUBLISHED), number)),
                "folded_small": inserted,
                "folded_large": inserted,
            }

        yield measure


def _buffered(count: int, number: int, file: Path) -> float:
    old, texts = OldClass(file), Texts(f"made{number}")
    pairs = [(texts.question(), texts.answer()) for _ in range(count)]
    began = time.process_time()
    for prompt, response in pairs:
        old.capture(prompt, response)
    return 1e6 * (time.process_time() - began) / count


def _inserted(count: int, number: int, file: Path) -> float:
    batch = messages(list(islice(Office(f"inserted{number}").mixed(), count)), 0)
    con = duckdb.connect(str(file))
    con.execute("CREATE TABLE facts (seq BIGINT, data VARCHAR)")
    began = time.perf_counter()
    for message in batch:
        con.execute("INSERT INTO facts VALUES (?, ?)", [message.seq, message.data.decode()])
    rate = count / (time.perf_counter() - began)
    con.close()
    return rate
