"""The metrics of a client: Prometheus reads them, and they are of this moment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from events import Rooflog
from events.client import metrics
from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from tests.services.test_metrics import absent, strange
from tests.services.web.conftest import until


def figures(client: Rooflog) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(client.metrics())
        for sample in family.samples
    }


async def test_they_are_what_the_registry_says(client: Rooflog) -> None:
    assert client.metrics().endswith("\n")
    assert strange(client.metrics(), "client") == []
    assert absent(client.metrics(), "client") == set()
    assert figures(client).keys() == metrics.figures(client.stats()).keys()


async def test_facts_that_came_out_are_counted(client: Rooflog, log: Log) -> None:
    client.capture("Minimum slope?", "1/4 inch per foot.")
    assert await client.aflush(60)
    shown = figures(client)
    assert shown["rooflog_outbox_said_total"] == shown["rooflog_outbox_published_total"] == 1
    assert shown["rooflog_outbox_waiting_facts"] == shown["rooflog_outbox_held_up_seconds"] == 0
    assert shown["rooflog_outbox_connected"] == 1


def test_without_a_log_facts_wait_and_then_are_dropped(tmp_path: Path, server: EmbeddedServer) -> None:
    """Given no log and a small outbox, then what waits, for how long, and what was dropped is told until it is back."""
    with Rooflog(server.access("client"), outbox=tmp_path / "outbox", max_bytes=8_192) as client:
        os.kill(server.pid or 0, signal.SIGKILL)
        client.capture("a", "b")
        until(lambda: figures(client)["rooflog_outbox_held_up_seconds"] > 0)
        for _ in range(3):
            client.capture("Minimum slope?", "x" * 3_000)
        shown = figures(client)
        assert shown["rooflog_outbox_waiting_facts"] >= 1
        assert shown["rooflog_outbox_dropped_total"] >= 1
        assert 0 < shown["rooflog_outbox_bytes"] <= shown["rooflog_outbox_limit_bytes"] == 8_192
        until(server.revive)
        until(lambda: figures(client)["rooflog_outbox_waiting_facts"] == 0)
        assert figures(client)["rooflog_outbox_held_up_seconds"] == 0
