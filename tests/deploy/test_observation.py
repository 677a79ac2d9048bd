"""What is deployed to watch an installation: each alert fires on its fault, and every name that is used exists."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from events.facts import TrainingTriggered
from events.log.log import Log
from events.subjects import STREAM, new_event_id
from services import marks
from services.metrics import METRICS, PROCESS, SERVICES
from services.runtime.nats_server import EmbeddedServer
from tests.deadlines import FAR_SECONDS
from tests.docs import ROOT
from tests.docs.pages import read
from tests.ports import free_port
from tests.services.conftest import ANSWER, capture, log, server
from tests.services.exporter.test_exporter import liked
from tests.services.volume.modal.standin import StandIn

from .alerting import OBSERVATION, RULES, Scrape, fired, tool
from .watched import Watched

__all__ = ["log", "server"]

DASHBOARD = OBSERVATION / "grafana-dashboard.json"
RUNBOOK = ROOT / "docs" / "guide" / "runbook.md"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}

Broken = Callable[[Watched, Path], Awaitable[list[Scrape]]]
"""Breaks something, waits until it shows, and scrapes it a few times."""

LARGE = "x" * 14_000


async def twice(site: Watched) -> list[Scrape]:
    first = await site.scraped()
    await asyncio.sleep(1)  # Prometheus asks again after a while; what grows has grown
    return [first, await site.scraped()]


async def _projector_killed(site: Watched, _: Path) -> list[Scrape]:
    site.kill("projector")
    await site.until(lambda: site.figures("web")["rooflog_ready{web}"] == 0)
    return await twice(site)


async def _exporter_killed(site: Watched, _: Path) -> list[Scrape]:
    site.kill("exporter")
    return await twice(site)


async def _log_killed(site: Watched, _: Path) -> list[Scrape]:
    site.kill_log()
    site.client.capture("Minimum slope for TPO?", ANSWER)
    for name in ("projector", "exporter", "web"):
        await site.until(lambda name=name: site.figures(name)[f"rooflog_ready{{{name}}}"] == 0)  # type: ignore[misc]
    await site.until(lambda: site.client.stats().held_up_seconds > 0)
    return await twice(site)


async def _requests_fail(site: Watched, _: Path) -> list[Scrape]:
    site.kill_log()
    body = {"prompt": "Minimum slope for TPO?", "response": ANSWER}
    await site.until(lambda: site.post(body) == 503)
    await site.until(lambda: site.figures("web")["rooflog_ready{web}"] == 0)
    first = await site.scraped()
    statuses = [await asyncio.to_thread(site.post, body) for _ in range(5)]
    assert statuses == [503] * 5
    return [first, await site.scraped()]


async def _consumer_paused(site: Watched, _: Path) -> list[Scrape]:
    (durable,) = [info.name for info in await site.log.jetstream().consumers_info(STREAM)]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    request = msgspec.json.encode({"pause_until": until})
    answer = await site.log.request(f"$JS.API.CONSUMER.PAUSE.{STREAM}.{durable}", request, timeout=60)
    assert json.loads(answer.data)["paused"]
    await site.log.publish([capture()])
    await site.until(lambda: site.figures("projector")["rooflog_behind_seconds"] > 0)
    return await twice(site)


async def _garbage_published(site: Watched, _: Path) -> list[Scrape]:
    await site.log.jetstream().publish("training.example.captured.x.bad", b"{")
    await site.until(lambda: site.figures("projector").get("rooflog_quarantined_messages{malformed}") == 1)
    return await twice(site)


async def _volume_full(site: Watched, volume: Path) -> list[Scrape]:
    await asyncio.to_thread(_fill, volume / "filler")
    await liked(site.log, 3, start=100)
    await site.until(lambda: site.figures("exporter")["rooflog_exporter_failures"] > 0)
    return await twice(site)


KEPT: tuple[marks.Deed, ...] = ("verified", "backed_up")


def _fill(file: Path) -> None:
    """Write until no space is left."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


async def _nothing_kept(site: Watched, _: Path) -> list[Scrape]:
    for deed in KEPT:
        marks.path(site.cli.data_dir, deed).unlink()
    return await twice(site)


async def _kept_long_ago(site: Watched, _: Path) -> list[Scrape]:
    long_ago = (datetime.now(UTC) - timedelta(days=10)).isoformat(timespec="seconds")
    for deed in KEPT:
        mark = marks.last(site.cli.data_dir, deed)
        assert mark
        marks.path(site.cli.data_dir, deed).write_bytes(msgspec.json.encode(msgspec.structs.replace(mark, at=long_ago)))
    return await twice(site)


def _training(digest: str, outcome: Any) -> TrainingTriggered:
    at = datetime.now(UTC)
    return TrainingTriggered(
        event_id=new_event_id(), occurred_at=at, actor="exporter", export_digest=digest, outcome=outcome
    )


async def _last_export(site: Watched) -> str:
    exports = await asyncio.to_thread(site.cli.json, "exports")
    return str(exports["exports"][0]["export_digest"])


async def _training_fails(site: Watched, _: Path) -> list[Scrape]:
    digest = await _last_export(site)
    await site.log.publish([_training(digest, outcome) for outcome in ("intended", "started", "failed")])
    await site.until(lambda: site.figures("projector").get("rooflog_training{failed}") == 1)
    return await twice(site)


async def _killed_before_the_start_was_noted(site: Watched, folder: Path) -> list[Scrape]:
    """Given an intent without a call, when the trainer cannot tell whether it was started, then nobody knows."""
    await site.log.publish([_training(await _last_export(site), "intended")])
    site.kill("exporter")
    standin = StandIn(folder / "modal")
    async with standin.running():
        site.cli.environment |= standin.environment | {"ROOFLOG_SINK": "modal"}
        site.start("exporter")
        await site.until(lambda: "latest.json" in standin.files() and _is_uncertain_and_idle(site.figures("exporter")))
        return await twice(site)


def _is_uncertain_and_idle(figures: dict[str, float]) -> bool:
    return figures["rooflog_trainings_uncertain"] == 1 and figures["rooflog_export_waiting_seconds"] == 0


async def _outbox_full(site: Watched, _: Path) -> list[Scrape]:
    site.kill_log()
    await site.until(lambda: [site.client.capture("?", LARGE) for _ in range(5)] and site.client.stats().dropped)
    for name in ("projector", "exporter", "web"):
        await site.until(lambda name=name: site.figures(name)[f"rooflog_ready{{{name}}}"] == 0)  # type: ignore[misc]
    first = await site.scraped()
    site.client.capture("?", LARGE)
    return [first, await site.scraped()]


async def _fact_too_large(site: Watched, _: Path) -> list[Scrape]:
    config = (await site.log.jetstream().stream_info(STREAM)).config
    config.max_msg_size = 10_000
    await site.log.jetstream().update_stream(config)
    site.client.capture("?", LARGE)
    await site.until(lambda: site.client.stats().set_aside)
    return await twice(site)


async def _killed_again_and_again(site: Watched, _folder: Path) -> list[Scrape]:
    scrapes = []
    for _ in range(4):
        site.kill("exporter")
        begun = (site.cli.data_dir / "exporter.err").read_text().count("answers monitors")
        site.start("exporter")
        errors = site.cli.data_dir / "exporter.err"
        await site.until(lambda: errors.read_text().count("answers monitors") > begun)  # noqa: B023
        await site.until(lambda: site.figures("exporter")["rooflog_ready{exporter}"] == 1)
        scrapes.append(await site.scraped())
    return [*scrapes, await site.scraped()]


FAULTS: dict[str, tuple[Broken, set[str]]] = {
    "projector killed": (_projector_killed, {"RooflogServiceDown", "RooflogNotReady"}),
    "exporter killed": (_exporter_killed, {"RooflogServiceDown"}),
    "log killed": (_log_killed, {"RooflogNotReady", "RooflogOutboxHeldUp"}),
    "requests fail": (_requests_fail, {"RooflogNotReady", "RooflogGatewayErrors"}),
    "consumer paused": (_consumer_paused, {"RooflogBehind"}),
    "garbage published": (_garbage_published, {"RooflogQuarantine"}),
    "volume full": (_volume_full, {"RooflogDiskNearlyFull", "RooflogExporterFailing", "RooflogExportOverdue"}),
    "nothing kept": (_nothing_kept, {"RooflogBackupOld", "RooflogVerifyOld"}),
    "kept long ago": (_kept_long_ago, {"RooflogBackupOld", "RooflogVerifyOld"}),
    "training fails": (_training_fails, {"RooflogTrainingFailed"}),
    "start not noted": (_killed_before_the_start_was_noted, {"RooflogTrainingUncertain"}),
    "outbox full": (
        _outbox_full,
        {"RooflogOutboxDropping", "RooflogOutboxFilling", "RooflogOutboxHeldUp", "RooflogNotReady"},
    ),
    "fact too large": (_fact_too_large, {"RooflogOutboxSetAside"}),
    "killed again and again": (_killed_again_and_again, {"RooflogRestarting"}),
}
"""Faults, how each is made, and the alerts that fire on it: no others do."""


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small file system; without the right to mount any a folder."""
    place = tmp_path / "volume"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", place], check=False, capture_output=True
    )
    yield place
    if mounted.returncode == 0:
        subprocess.run(["umount", place], check=True)


@pytest.fixture
async def watched(tmp_path: Path, server: EmbeddedServer, log: Log, volume: Path) -> AsyncIterator[Watched]:
    site = Watched(tmp_path, server, log, ROOFLOG_VOLUME_DIR=str(volume))
    try:
        await site.begin()
        yield site
    finally:
        await site.end()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
async def test_an_alert_fires_on_its_fault_alone(name: str, watched: Watched, volume: Path, tmp_path: Path) -> None:
    """Given a sound installation, then no alert fires for an hour; with a fault those fire that are about it."""
    tool("promtool")
    if name == "volume full" and not volume.is_mount():
        pytest.skip("only root mounts a small file system")
    cause, expected = FAULTS[name]
    well = await watched.scraped()
    broken = await cause(watched, volume if name == "volume full" else tmp_path)
    before, after = await asyncio.to_thread(fired, well, broken, tmp_path)
    assert before == set()
    assert after == expected


def test_every_alert_has_a_fault_that_it_fires_on() -> None:
    assert set.union(*(alerts for _, alerts in FAULTS.values())) == set(ALERTS)


def _expressions() -> dict[str, str]:
    """Every expression of the rules and the dashboard, by where it stands."""
    rules = {name: rule["expr"] for name, rule in ALERTS.items()}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = {f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel["targets"]}
    return rules | shown


@pytest.mark.parametrize(("place", "expression"), _expressions().items(), ids=list(_expressions()))
def test_rules_and_dashboard_use_metrics_that_exist(place: str, expression: str) -> None:
    """Given a name, then the registry has it, as a histogram where it is a part of one, and its labels."""
    for name, selector in re.findall(r"\b(rooflog_[a-z_]+|process_[a-z_]+)(?:\{([^}]*)\})?", expression):
        whole = re.sub(r"_(bucket|sum|count)$", "", name)
        figure = METRICS.get(name) or METRICS.get(whole)
        assert figure or name in PROCESS, f"{place}: nothing shows {name}"
        assert name == whole or (figure and figure.kind == "histogram"), f"{place}: {whole} is no histogram"
        labels = set(re.findall(r"(\w+)=", selector)) - {"job", "instance"}
        assert labels <= set(figure.labels if figure else ()), f"{place}: {name} has no such labels"


def test_every_label_that_divides_exists() -> None:
    known = {label for figure in METRICS.values() for label in figure.labels} | {"job", "instance", "le"}
    by = {label.strip() for text in _expressions().values() for group in re.findall(r"by \(([^)]*)\)", text)
          for label in group.split(",")}  # fmt: skip
    assert by <= known


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_its_section_in_the_runbook(name: str) -> None:
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    assert section
    assert re.search(r"\*\*Cause\.\*\*.*\*\*Cure\.\*\*", section[1], re.DOTALL)
    page, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    assert (ROOT / page, anchor) == (RUNBOOK, name.lower())
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket"}


def test_the_runbook_tells_of_no_other_alert() -> None:
    sections = {heading for _, heading in read(RUNBOOK).headings if heading.startswith("Rooflog")}
    assert sections == set(ALERTS)


def test_rules_are_what_prometheus_reads() -> None:
    done = subprocess.run([tool("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], str]]:
    """Start Prometheus with the shipped configuration, other targets and shorter pauses; its address."""
    started: list[subprocess.Popen[bytes]] = []

    def run(targets: dict[str, str]) -> str:
        config = yaml.safe_load((OBSERVATION / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(RULES)]
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [targets.pop(job["job_name"])]}]
        assert targets == {}, "the configuration has a job for every service"
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        command = [tool("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--web.listen-address={address}"]
        command.append(f"--storage.tsdb.path={tmp_path}/tsdb")
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return f"http://{address}"

    yield run
    for process in started:
        process.terminate()
        process.wait(FAR_SECONDS)


@pytest.mark.slow
async def test_prometheus_reads_all_services_as_configured(
    watched: Watched, prometheus: Callable[[dict[str, str]], str], tmp_path: Path
) -> None:
    """Given the shipped configuration, then every service is up, and one that is killed is about to raise its alert."""
    (tmp_path / "rooflog-token").write_text(watched.secret("auditor"))
    url = prometheus({f"rooflog-{name}": watched.address(name) for name in SERVICES})

    def asked(path: str) -> Any:
        answer = httpx.get(f"{url}/api/v1/{path}", timeout=FAR_SECONDS, trust_env=False)
        return answer.raise_for_status().json()["data"]

    def up() -> dict[str, str]:
        return {one["metric"]["job"]: one["value"][1] for one in asked("query?query=up")["result"]}

    await watched.until(lambda: up() == {f"rooflog-{name}": "1" for name in SERVICES})
    assert asked("alerts")["alerts"] == []
    watched.kill("exporter")
    await watched.until(lambda: asked("alerts")["alerts"])
    (alert,) = asked("alerts")["alerts"]
    assert (alert["labels"]["alertname"], alert["labels"]["job"]) == ("RooflogServiceDown", "rooflog-exporter")
    assert alert["annotations"]["summary"].startswith("rooflog-exporter at 127.0.0.1:")
