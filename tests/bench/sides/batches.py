"""The processor time that a batch takes beside many examples: one feedback, one capture, 500 mixed facts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from events.codec import encode
from events.facts import Fact
from events.message import Message
from events.subjects import subject_of
from projections.fold.projector import Projector

from ..office import Office
from ..place import Place

SINGLE, MIXED, SIZE = 12, 3, 500
"""How often a round folds one fact, and a batch; the facts of a batch."""


def messages(facts: Sequence[Fact], after: int) -> list[Message]:
    """Facts as the log would deliver them after a sequence."""
    return [Message(seq, subject_of(fact), encode(fact)) for seq, fact in enumerate(facts, after + 1)]


def folding(projector: Projector, facts: Sequence[Fact]) -> float:
    """Milliseconds of processor, of all threads, that a batch takes."""
    batch = messages(facts, projector.checkpoint_seq)
    began = time.process_time()
    assert projector.apply(batch) == len(batch)
    return 1000 * (time.process_time() - began)


@contextmanager
def batches(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Medians of a round, with facts that no other round has."""
    prepared = place.prepared()
    projector = Projector(prepared.copy(place.scratch / "data", log=False))
    projector.warm()

    def measure(number: int) -> dict[str, float]:
        office = Office(f"b{number}", prepared.captures)
        feedback = [folding(projector, [office.feedback()]) for _ in range(SINGLE)]
        capture = [folding(projector, [office.capture()]) for _ in range(SINGLE)]
        said = office.mixed()
        mixed = [folding(projector, list(islice(said, SIZE))) for _ in range(MIXED)]
        return {"feedback": statistics.median(feedback), "capture": statistics.median(capture),
                "mixed": statistics.median(mixed)}  # fmt: skip

    measure(-1)  # the first batches compile expressions and read the index
    yield measure
    projector.close()
