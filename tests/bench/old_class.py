"""What rooflog replaces, as a baseline: the class with a buffer in memory, its filter and its export."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from events.subjects import new_event_id

BUFFER = 100

TERMS = (
    "roof", "membrane", "tpo", "epdm", "pvc", "flashing", "drain", "curb", "penetration", "insulation", "polyiso",
    "spec", "07 ", "submittal", "rfi", "detail", "coping", "parapet", "scupper", "cricket", "tapered", "fastener",
)  # fmt: skip


class OldClass:
    """A buffer of 100 examples in memory, appended to a JSONL file, unsynced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffer: list[dict[str, Any]] = []

    def capture(self, prompt: str, response: str) -> None:
        """Buffer an example."""
        self.append({"id": new_event_id(), "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S"), "prompt": prompt,
                     "response": response, "source": "chat_interaction", "quality": {"user_feedback": None},
                     "tags": []})  # fmt: skip

    def append(self, example: dict[str, Any]) -> None:
        """Buffer an example that is made."""
        self.buffer.append(example)
        if len(self.buffer) >= BUFFER:
            with self.path.open("a") as file:
                file.writelines(json.dumps(example) + "\n" for example in self.buffer)
            self.buffer.clear()


def relevance(prompt: str, response: str) -> int:
    """How many of its terms are in a text: all its analysis."""
    text = (prompt + response).lower()
    return sum(term in text for term in TERMS)


def export(store: Path, target: Path) -> int:
    """Read JSONL, filter, leave out equal prompts, write one format; how many are kept."""
    seen: set[str] = set()
    kept = 0
    with store.open() as lines, target.open("w") as out:
        for example in map(json.loads, lines):
            prompt = example["prompt"].lower()
            if prompt in seen or relevance(example["prompt"], example["response"]) < 1:
                continue
            seen.add(prompt)
            out.write(json.dumps(example | {"system": "You are an expert."}) + "\n")
            kept += 1
    return kept


def write(store: Path, pairs: Iterable[tuple[str, str]], label: str) -> None:
    """A file as the class leaves it, of questions and answers."""
    with store.open("w") as file:
        for number, (prompt, response) in enumerate(pairs):
            example = {"id": f"{label}_{number:08}", "timestamp": "2025-01-15T14:30:00", "source": "chat_interaction",
                       "prompt": prompt, "response": response}  # fmt: skip
            file.write(json.dumps(example) + "\n")
