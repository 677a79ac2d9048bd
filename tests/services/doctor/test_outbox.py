"""Troubles of outboxes: facts that wait, that the log refused, or that have no room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from events import Rooflog
from events.client.outbox import Outbox
from services.runtime.nats_server import EmbeddedServer
from tests.fixtures.served import delivered

from ..conftest import Cli
from .conftest import admin, breaks, examined, settings, troubles


@breaks("outbox")
async def test_a_fact_that_waits_long(sound: Cli, running: EmbeddedServer, tmp_path: Path) -> None:
    box, now = tmp_path / "outbox", datetime.now(UTC)
    client = Rooflog("nats://127.0.0.1:1", outbox=box)
    client.capture("How high?", "8 inches.", at=now - timedelta(days=400))
    client.close(timeout=0)
    assert await examined(settings(sound), now, box) == []
    [(check, what)] = await examined(settings(sound), now + timedelta(minutes=16), box)
    assert (check, f"a fact has waited in {box} since" in what) == ("outbox", True)
    delivered(admin(sound, running), box, 1)
    assert await examined(settings(sound), now + timedelta(minutes=16), box) == []


def test_a_fact_that_was_refused(sound: Cli, tmp_path: Path) -> None:
    box = Outbox(tmp_path / "outbox")
    box.set_aside("training.example.captured.x.y", b"{}", "too large")
    box.close()
    assert troubles(sound, "--outbox", box.directory) == [
        ("outbox", f"the log refused facts for good: 1 in {box.set_aside_path}")
    ]
    box.set_aside_path.rename(tmp_path / "looked_at.jsonl")
    assert troubles(sound, "--outbox", box.directory) == []


def test_an_outbox_that_is_missing(sound: Cli, tmp_path: Path) -> None:
    sound.environment["ROOFLOG_OUTBOX_DIR"] = str(tmp_path / "none")
    assert troubles(sound) == [("outbox", f"there is no outbox {tmp_path / 'none'}")]
