"""Conversations of many turns: what a turn costs that names them, beside the same words said one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from msgspec import structs

from events.codec import encode
from events.facts import ExampleCaptured
from projections.fold.projector import Projector

from ..office import Office
from ..place import Place
from .batches import messages

TURNS = 200
"""Turns of a conversation."""

BATCH = 500
"""Facts that are folded together."""

MOST = 10_000
"""Turns of a round at most."""


def folded(facts: list[ExampleCaptured]) -> dict[str, float]:
    """Microseconds of processor to fold a fact, and its bytes on the log."""
    with closing(Projector(None)) as projector:
        began = time.process_time()
        for start in range(0, len(facts), BATCH):
            projector.apply(messages(facts[start : start + BATCH], start))
        spent = time.process_time() - began
    return {"folding": 1e6 * spent / len(facts), "bytes": sum(len(encode(fact)) for fact in facts) / len(facts)}


@contextmanager
def whole(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Turns of conversations, each of which names its conversation and the turn before."""

    def turns(number: int) -> list[ExampleCaptured]:
        office = Office(f"c{number}")
        alone = [office.capture() for _ in range(place.load(MOST))]
        return [
            structs.replace(
                turn,
                conversation=f"thread-{n // TURNS}",
                follows=alone[n - 1].example_id if n % TURNS else None,
            )
            for n, turn in enumerate(alone)
        ]

    yield lambda number: folded(turns(number))


@contextmanager
def apart(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The same questions and answers as examples of their own."""

    def examples(number: int) -> list[ExampleCaptured]:
        office = Office(f"c{number}")
        return [office.capture() for _ in range(place.load(MOST))]

    yield lambda number: folded(examples(number))
