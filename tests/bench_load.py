"""What the benchmarks say to the log, and the class that rooflog replaces."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from events.facts import ExampleCaptured, Fact, FeedbackGiven
from events.subjects import new_event_id, new_example_id
from tests.services.conftest import NOW

TOPICS = ("TPO seam", "EPDM flashing", "base flashing", "roof drain", "tapered insulation", "coping", "scupper", "curb")
ANSWER = "Follow the manufacturer's detail for the {topic}: clean and prime the membrane, extend it 8 inches above the "


class OldClass:
    """What rooflog replaces: a buffer of 100 in memory, appended to a JSONL file, unsynced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffer: list[dict[str, Any]] = []

    def capture(self, prompt: str, response: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%S")
        self.buffer.append({"id": new_event_id(), "timestamp": at, "prompt": prompt, "response": response,
                            "source": "chat_interaction", "quality": {"user_feedback": None}, "tags": []})  # fmt: skip
        if len(self.buffer) >= 100:
            with self.path.open("a") as file:
                file.writelines(json.dumps(example) + "\n" for example in self.buffer)
            self.buffer.clear()


def texts(number: int) -> tuple[str, str]:
    topic = TOPICS[number % len(TOPICS)]
    return f"How do we detail the {topic} at location {number}?", ANSWER.format(topic=topic) * 6 + f"deck ({number})."


def say(number: int) -> ExampleCaptured:
    prompt, response = texts(number)
    example_id = new_example_id(NOW)
    return ExampleCaptured(event_id=example_id, occurred_at=NOW, actor="bench", example_id=example_id, prompt=prompt,
                           response=response, source="chat_interaction", tags=("bench",))  # fmt: skip


def load(count: int) -> list[Fact]:
    """Four captures to one thumbs up."""
    facts: list[Fact] = []
    while len(facts) < count:
        captured = [say(len(facts) + n) for n in range(4)]
        liked = FeedbackGiven(event_id=new_event_id(), occurred_at=NOW, actor="bench",
                              example_id=captured[0].example_id, feedback="positive")  # fmt: skip
        facts += [*captured, liked]
    return facts
