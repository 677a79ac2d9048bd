"""What monitors are told by every service: whether it lives, whether it is ready and why not, and its metrics."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from events.errors import RooflogError, Unreachable
from events.log.log import Log
from services import marks, monitor
from services.metrics import EXPORTER, PROJECTOR, gauge
from services.monitor import LIVE, METRICS, READY, measured, monitored, why_not
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from tests.deadlines import FAR_SECONDS

from .conftest import Cli, address, capture
from .forked import Forked
from .test_metrics import absent, strange
from .web.conftest import until

Start = Callable[..., Forked]


class Door:
    """A caller of the door of a service that was started as a process."""

    def __init__(self, cli: Cli, service: str) -> None:
        errors, pattern = cli.data_dir / f"{service}.err", re.compile(rf"{service} answers monitors at (http://\S+)")
        until(lambda: pattern.search(errors.read_text()))
        self.url = pattern.findall(errors.read_text())[-1]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=FAR_SECONDS, trust_env=False)

    def reasons(self) -> list[str]:
        answer = self.get(READY)
        reasons: list[str] = answer.json()["reasons"]
        assert answer.status_code == (503 if reasons else 200)
        return reasons

    def figures(self) -> dict[str, float]:
        return sampled(self.get(METRICS).text)


def sampled(text: str) -> dict[str, float]:
    """The figures without labels, and those with a label under NAME{VALUE}."""
    return {
        sample.name + (f"{{{','.join(sample.labels.values())}}}" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def monitored_cli(cli: Cli, server: EmbeddedServer) -> Cli:
    cli.environment |= {"ROOFLOG_MONITOR_PORT": "0", "ROOFLOG_NATS_URL": address(server)}
    return cli


async def test_without_a_port_the_door_is_closed() -> None:
    async def never() -> list[str]:
        raise AssertionError("nobody can ask")

    async with monitored(Settings(), "projector", never, never):  # type: ignore[arg-type]
        pass


async def test_a_look_that_fails_or_hangs_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails() -> list[str]:
        raise Unreachable("the log is away")

    async def breaks() -> list[str]:
        raise duckdb.IOException("IO Error: no space left\nmore of it")

    async def hangs() -> list[str]:
        await asyncio.Event().wait()
        return []

    assert await why_not(fails) == ["the log is away"]
    assert await why_not(breaks) == ["IOException: IO Error: no space left"]
    shown = await measured("web", breaks, breaks)  # type: ignore[arg-type]
    assert b'rooflog_up{service="web"} 0.0' in shown
    assert b'rooflog_ready{service="web"} 0.0' in shown
    monkeypatch.setattr(monitor, "ANSWER_SECONDS", 0.01)
    assert await why_not(hangs) == ["no answer within 0 seconds"]


async def test_what_cannot_be_measured_is_absent() -> None:
    """Given a figure of before, when it cannot be measured now, then it is not told as if it were of now."""

    async def measures() -> list[Metric]:
        return [gauge("rooflog_checkpoint_sequence", 7)]

    async def fails() -> list[Metric]:
        raise RooflogError("silent")

    async def well() -> list[str]:
        return []

    before, after = await measured("projector", well, measures), await measured("projector", well, fails)
    assert b'rooflog_up{service="projector"} 1.0' in before
    assert b'rooflog_ready{service="projector"} 1.0' in before
    assert b"rooflog_checkpoint_sequence 7.0" in before
    assert b"rooflog_checkpoint_sequence" not in after
    assert b'rooflog_up{service="projector"} 0.0' in after


async def test_a_projector_is_ready_and_counts(monitored_cli: Cli, log: Log, start: Start) -> None:
    await log.publish([capture(example_id=f"e{n}") for n in range(3)])
    await log.client.jetstream().publish("training.example.captured.x.bad", b"{")
    marks.set_mark(monitored_cli.data_dir, "backed_up", 4, "")
    start("projector")
    door = Door(monitored_cli, "projector")
    until(lambda: not door.reasons() and door.figures().get("rooflog_checkpoint_sequence") == 4)
    figures = door.figures()
    assert figures["rooflog_behind_facts"] == figures["rooflog_behind_seconds"] == 0
    assert figures["rooflog_quarantined_messages{malformed}"] == 1
    assert figures["rooflog_examples"] == 3
    assert sum(value for name, value in figures.items() if name.startswith("rooflog_queue_examples{")) == 3
    assert figures["rooflog_database_bytes"] > 0
    assert 0 <= figures["rooflog_backed_up_age_seconds"] < FAR_SECONDS
    assert "rooflog_verified_age_seconds" not in figures
    await log.publish([capture(example_id="one_more")])
    until(lambda: door.figures().get("rooflog_facts_folded_total{example.captured.v1}") == 1)
    assert strange(door.get(METRICS).text, PROJECTOR) == []
    assert absent(door.get(METRICS).text, PROJECTOR) == {"rooflog_export_age_seconds", "rooflog_training"} | {
        "rooflog_verified_age_seconds"
    }
    assert door.get("/").status_code == 404


async def test_an_exporter_says_what_keeps_it(monitored_cli: Cli, log: Log, start: Start) -> None:
    """Given no projector, then the exporter waits for it and says so; with one it is ready."""
    start("exporter")
    door = Door(monitored_cli, "exporter")
    assert door.reasons() == ["it has not looked at the tables yet"]
    monitored_cli.environment["ROOFLOG_MONITOR_PORT"] = "0"
    start("projector")
    until(lambda: not door.reasons())
    figures = door.figures()
    assert figures["rooflog_exporter_state{idle}"] == 1
    assert figures["rooflog_exporter_failures"] == 0
    assert strange(door.get(METRICS).text, EXPORTER) == []
    assert absent(door.get(METRICS).text, EXPORTER) == set()


@pytest.mark.slow
async def test_a_log_that_is_away_is_told_by_all(
    monitored_cli: Cli, server: EmbeddedServer, log: Log, start: Start
) -> None:
    """Given a server that is stopped, then no service is ready or shows figures; all live, and come back with it."""
    start("projector")
    start("exporter")
    doors = [Door(monitored_cli, name) for name in ("projector", "exporter")]
    until(lambda: not any(door.reasons() for door in doors))
    pid = server.pid or 0
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        for door in doors:
            assert door.reasons()
            figures = door.figures()
            assert 0 in (figures.get(f"rooflog_up{{{name}}}") for name in ("projector", "exporter"))
            assert "rooflog_checkpoint_sequence" not in figures
            assert door.get(LIVE).json()["status"] == "live"
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: not any(door.reasons() for door in doors))


def test_a_taken_port_ends_the_service(cli: Cli, tmp_path: Path) -> None:
    from services.listener import listen

    with listen("127.0.0.1", 0, "--monitor-port") as taken:
        port = taken.getsockname()[1]
        with EmbeddedServer(tmp_path) as server:
            cli.environment["ROOFLOG_NATS_URL"] = address(server)
            ended = cli.run("projector", "--monitor-port", str(port), code=1)
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr
