"""Conversations that were approved: two of an office, and many that nobody had."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from events.facts import ExampleApproved

from ..conftest import ANSWER, NOW, capture
from .test_exporter import feedback

FOLLOW_UPS = Path(__file__).parent / "follow_ups.jsonl"
"""Two conversations with the same follow-up question, as chats are imported."""

FIRST = ["How high is the base flashing at {}?", "Which TPO membrane lies on {}?", "What slope has the roof of {}?"]
NEXT = ["And for EPDM?", "How is it fastened at the curb?", "What does the manufacturer of the membrane want?"]


def approved(example_id: str) -> ExampleApproved:
    return ExampleApproved(
        event_id=f"approved-{example_id}", occurred_at=NOW, actor="ana", example_id=example_id, revision=0
    )


def generated(count: int, seed: int = 1) -> Iterator[Any]:
    """Conversations of 1 to 12 turns that were liked; their turns come in between those of others."""
    some = random.Random(seed)
    turns = {f"c{n}": some.randint(1, 12) for n in range(count)}
    asked = dict.fromkeys(turns, 0)
    going = list(turns)
    while going:
        name = some.choice(going)
        turn = asked[name]
        example_id = f"{name}-{turn}"
        question = some.choice(NEXT) if turn else some.choice(FIRST).format(f"building {some.randint(1, count)}")
        more = {"follows": f"{name}-{turn - 1}"} if turn and some.random() < 0.5 else {}
        yield capture(question, f"{example_id}: {ANSWER}", example_id=example_id, conversation=name, **more)
        yield feedback(example_id)
        asked[name] += 1
        if asked[name] == turns[name]:
            going.remove(name)
