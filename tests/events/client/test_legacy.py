"""The old names work after a change of import, and the migration page does what it says."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import events
from events.client.legacy import TrainingDataCollector
from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import address

from .test_client import only

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "migration.md"


@pytest.fixture
def collector(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TrainingDataCollector]:
    monkeypatch.setenv("ROOFLOG_NATS_URL", address(server, "client"))
    collector = TrainingDataCollector(tmp_path / "training_data")
    yield collector
    collector.close()


async def test_the_old_calls_say_the_facts(collector: TrainingDataCollector, log: Log) -> None:
    example_id = collector.capture(
        "Seam overlap?", "2 inches.", "production_query", "pm", "modal", 210, 9, 11, ["tpo"], "Depot"
    )
    assert collector.add_feedback(example_id, "negative")["request_correction"] is True
    correction_id = collector.record_correction("Seam overlap?", "2 inches.", "2.5 inches.", "incomplete", "pm")
    assert collector.flush()
    captured, disliked = [message.fact() for message in await log.history(example_id)]
    assert isinstance(captured, ExampleCaptured)
    assert isinstance(disliked, FeedbackGiven)
    assert (captured.metadata.skill_used, captured.metadata.tier_handled, captured.tags) == ("pm", "modal", ("tpo",))
    correction = await only(log, correction_id)
    assert isinstance(correction, CorrectionRecorded)
    assert (correction.reason, correction.corrector) == ("incomplete", "pm")


async def test_other_spellings_of_the_old_keywords_are_understood(collector: TrainingDataCollector, log: Log) -> None:
    example_id = collector.capture(
        "p", "r", tier="groq", project="Depot", metadata={"latency_ms": 5, "gpu": "a10"}, tags=None,
        conversation="thread 7", system="You are a roofer.",
    )  # fmt: skip
    assert collector.flush()
    fact: Any = await only(log, example_id)
    assert (fact.conversation, fact.system) == ("thread 7", "You are a roofer.")
    assert (fact.metadata.tier_handled, fact.metadata.latency_ms, fact.project_context) == ("groq", 5, "Depot")
    assert fact.details == {"metadata": {"gpu": "a10"}}


def test_statistics_tell_of_the_delivery_when_no_projector_runs(collector: TrainingDataCollector) -> None:
    collector.capture("p", "r")
    stats = collector.get_stats()
    assert stats["delivery"]["said"] == 1
    assert "no projector answers" in stats["unavailable"]


async def test_the_migration_page_runs_from_top_to_bottom(
    server: EmbeddedServer, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOFLOG_NATS_URL", address(server, "client"))
    monkeypatch.setitem(sys.modules, "rooflog", events)
    monkeypatch.setitem(sys.modules, "rooflog.legacy", importlib.import_module("events.legacy"))
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    import asyncio

    await asyncio.to_thread(exec, "\n".join(blocks), {"__name__": "migration"})
    said = [message.fact() async for batch in log.read(0) for message in batch]
    assert len(said) == 10
    assert not list((tmp_path / "training_data" / "outbox").iterdir())
