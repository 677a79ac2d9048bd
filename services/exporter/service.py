"""The exporter service: a FastStream application that keeps the volume current and starts trainings."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from faststream import FastStream
from faststream.nats import NatsMessage
from prometheus_client.metrics_core import Metric

from events.errors import InputError, NotRunning, RooflogError
from events.log.log import Log
from events.requests import Question
from events.subjects import new_event_id
from events.traceparent import HEADER, current
from projections.policy.policy import Relevance

from .. import tracing
from ..access.connect import access
from ..metrics import EXPORTER_STATES, gauge, of_disk, one_of
from ..monitor import monitored
from ..responder import WORKERS, broker, respond, run, undecoded
from ..settings import Settings
from ..standby import Standby
from ..state import arguments
from ..state.client import State
from ..state.protocol import EXPORTER, MOVED, Progress, bug
from .client import ask
from .training import is_running
from .workflow import Steps, opened

ACTOR = WHO = "exporter"

logger = logging.getLogger(f"rooflog.{WHO}")

CHECK_SECONDS = 1.0
CHECK_SHARE = 10
"""A look is followed by a pause that commands alone cut short: `CHECK_SECONDS`, or so many times what it took."""

FOLLOW_SECONDS = 15.0
"""How often a running training is looked at."""

PROJECTOR_SECONDS = 60.0
"""How long the exporter waits for a projector that starts with it before it calls that a failure."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 15 * 60.0
"""After a failure the next try waits, each time twice as long."""

FAILING_SECONDS = 60.0
"""An exporter whose tries have failed for so long is not ready."""

JOBS_KEPT = 100

MOVED_CHANNEL, ASKED_CHANNEL = "exporter-moved", "exporter"
"""The names of what the service listens to, in its AsyncAPI document."""


class Job(msgspec.Struct, kw_only=True):
    """A command that somebody gave; `result` once it is done, with `status` = `error` where it failed."""

    kind: Literal["export", "train"]
    args: dict[str, Any]
    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    parent: str = ""
    """The trace in which it was given."""


class Condition(msgspec.Struct, kw_only=True):
    """How the exporter is; times are UTC in ISO 8601."""

    state: Literal["starting", "idle", "waiting", "exporting", "training", "failing"] = "starting"
    since: str = ""
    volume: str = ""
    trainer: str | None = None
    checked_seq: int = 0
    changed_rows: int = 0
    examples: int = 0
    due_at: str | None = None
    last_export: str | None = None
    last_exported_seq: int = 0
    training: str | None = None
    uncertain: dict[str, str] = {}
    failures: int = 0
    error: str | None = None
    retry_at: str | None = None


class ExporterService:
    """One running exporter: it follows the projector, takes commands, and does one thing at a time."""

    def __init__(self, settings: Settings, log: Log, steps: Steps) -> None:
        self._settings = settings
        self._log = log
        self._steps = steps
        self._has_moved = asyncio.Event()
        self._has_job = asyncio.Event()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._folds: list[str] = []
        """The traces of what was folded since the last export began."""
        self._age_from: float | None = None
        self._wait_limit = math.inf
        self._failing_since: float | None = None
        self._look_seconds = 0.0
        self._waiting_since: float | None = None
        self.condition = Condition(since=_moment(), volume=steps.volume, trainer=steps.trainer)
        self.broker = broker(log.access, WHO)
        self.app = FastStream(self.broker, logger=None)

    async def run(self) -> int:
        """Keep the volume current until a signal comes; the exit code."""
        self.declare()
        working = asyncio.create_task(self._work())
        working.add_done_callback(lambda _: self.app.exit())
        logger.info("exporting to %s", self.condition.volume)
        try:
            await run(self.app, logger)
        finally:
            working.cancel()
            ended = (await asyncio.gather(working, return_exceptions=True))[0]
        if isinstance(ended, Exception):
            logger.error("the exporter ended", exc_info=ended)
            return 1
        return 0

    async def why_not(self) -> list[str]:
        """Why the service is not ready. Raises Unreachable where the log is away."""
        await self._log.last_sequence()
        if self.condition.state == "starting":
            return ["it has not looked at the tables yet"]
        if self._failing_since is not None and (age := time.monotonic() - self._failing_since) > FAILING_SECONDS:
            return [f"it has failed for {age:.0f} seconds: {self.condition.error}"]
        return []

    async def measure(self) -> list[Metric]:
        """How far the exporter is behind. Raises Unreachable where the log is away."""
        return [gauge("rooflog_exporter_behind_facts", await self._log.last_sequence() - self.condition.checked_seq)]

    async def measure_itself(self) -> list[Metric]:
        """The figures that need no log."""
        settings, now = self._settings, self.condition
        waiting = 0.0 if self._age_from is None else time.monotonic() - self._age_from
        return [
            one_of("rooflog_exporter_state", EXPORTER_STATES, now.state),
            gauge("rooflog_exporter_failures", now.failures),
            gauge("rooflog_changed_rows", now.changed_rows),
            gauge("rooflog_export_waiting_seconds", waiting),
            gauge("rooflog_export_wait_limit_seconds", self._wait_limit),
            gauge("rooflog_trainings_uncertain", len(now.uncertain)),
            *of_disk("exports", settings.data_dir),
            *(of_disk("volume", settings.volume) if settings.sink == "local" else ()),
        ]

    def declare(self) -> None:
        """Say what the service listens to: that the tables have moved, questions and commands."""
        self.broker.subscriber(MOVED, title=MOVED_CHANNEL, decoder=undecoded, no_reply=True)(self._moved)
        respond(
            self.broker,
            self._log,
            EXPORTER,
            self._answer,
            names=QUESTIONS,
            who=WHO,
            title=ASKED_CHANNEL,
            description="Answer at once; what takes long becomes a job that is asked for again.",
            workers=WORKERS,  # a lineage may have to be fetched from the volume
        )

    async def _moved(self, message: NatsMessage) -> None:
        """The tables moved on: there may be something to export."""
        self._folds = tracing.distinct([*self._folds, message.headers.get(HEADER)])
        self._has_moved.set()

    async def _answer(self, name: str, question: Question) -> Any:
        """Answer at once; what takes long becomes a job that is asked for again."""
        answer = arguments.chosen("question", QUESTIONS, name)
        return await answer(self, **arguments.checked(f"question {name!r}", answer, question.args))

    async def status(self) -> Condition:
        """How the exporter is."""
        return self.condition

    async def lineage(self, *, of: str, limit: int = 20, after: int = 0) -> dict[str, Any]:
        """Where a row comes from, or where an example went (`Provenance.of_anything`)."""
        return await self._steps.lineage(of, limit, after)

    async def compare(self, *, digest: str, before: str) -> dict[str, int]:
        """How an export differs from one before it: examples that came, left or changed."""
        return await self._steps.compare(digest, before)

    async def job(self, *, job: str) -> dict[str, Any]:
        """How far a command is, and its result. Raises InputError where it is not known any more."""
        if job not in self._jobs:
            raise InputError("the exporter has forgotten this command, it was started anew; say it again")
        kept = self._jobs[job]
        return {"done": kept.done, "total": kept.total, "result": kept.result}

    async def export(
        self, *, min_examples: int | None = None, min_quality: Relevance | None = None, actor: str | None = None
    ) -> dict[str, Any]:
        """Take the command to export; its number."""
        return self._take(
            Job(
                kind="export",
                args={"min_examples": min_examples, "min_quality": min_quality, "actor": actor},
                parent=current(),
            )
        )

    async def train(self, *, force: bool = False, actor: str | None = None) -> dict[str, Any]:
        """Take the command to train; its number."""
        return self._take(Job(kind="train", args={"force": force, "actor": actor}, parent=current()))

    def _take(self, job: Job) -> dict[str, Any]:
        """Put a command behind the others; the number by which it is asked for again."""
        number = new_event_id()
        self._jobs[number] = job
        while len(self._jobs) > JOBS_KEPT:
            self._jobs.popitem(last=False)
        self._has_job.set()
        return {"job": number}

    async def _work(self) -> None:
        """Do turn after turn; a failure is shown, and tried again after longer and longer pauses."""
        while True:
            self._has_job.clear()
            self._has_moved.clear()
            try:
                pause = await self._turn()
            except (RooflogError, OSError) as error:
                await _any(self._failed(error), self._has_job)
                continue
            self.condition.failures, self.condition.error, self.condition.retry_at = 0, None, None
            self._failing_since = None
            await _any(max(CHECK_SECONDS, CHECK_SHARE * self._look_seconds), self._has_job)
            await _any(pause, self._has_job, self._has_moved)

    def _failed(self, error: Exception) -> float:
        if self._is_waiting_for_projector(error):
            return CHECK_SECONDS
        pause: float = min(FIRST_PAUSE_SECONDS * 2**self.condition.failures, LONGEST_PAUSE_SECONDS)
        logger.warning("%s; the next try is in %.0f s", error, pause)
        self._is("failing")
        self._failing_since = self._failing_since or time.monotonic()
        self.condition.failures += 1
        self.condition.error = str(error)
        self.condition.retry_at = _moment(pause)
        return pause

    def _is_waiting_for_projector(self, error: Exception) -> bool:
        """Has the projector not come up yet? Both are started together, so that is no failure, and told once."""
        if self.condition.state != "starting" or not isinstance(error, NotRunning):
            return False
        if self._waiting_since is None:
            logger.info("waiting for the projector")
            self._waiting_since = time.monotonic()
        return time.monotonic() - self._waiting_since < PROJECTOR_SECONDS

    async def _turn(self) -> float | None:
        """Do a command, or what the policy says is due; how long nothing else is, None until something moves.

        No export is made while it is open whether a training on the last one was started: it may have to be yet.
        """
        is_settling = await self._steps.is_settling()
        for job in [job for job in self._jobs.values() if job.result is None]:
            if job.kind == "train" or not is_settling:
                await self._do(job)
        pause = FOLLOW_SECONDS if is_settling else await self._keep_current()
        attempts = await self._steps.follow()
        if attempts is not None:
            started = await self._steps.train_if_due(attempts)
            running = is_running(attempts) or started
            self.condition.training = next(
                (f"{attempt.outcome} on {attempt.export_digest[:12]}" for attempt in reversed(attempts)), None
            )
            self.condition.uncertain = self._steps.uncertain
            if running or any(attempt.outcome == "intended" for attempt in attempts):
                self._is("training" if running else "waiting")
                pause = min(pause or FOLLOW_SECONDS, FOLLOW_SECONDS)
        return 0.0 if is_settling and not await self._steps.is_settling() else pause

    async def _keep_current(self) -> float | None:
        """Export if enough has changed or long enough ago; how long until then, None if nothing has changed."""
        began = time.monotonic()
        look = await self._steps.look()
        self._look_seconds = time.monotonic() - began
        self.condition.checked_seq, self._wait_limit = look.checkpoint, look.max_age_seconds
        self.condition.changed_rows, self.condition.examples = look.rows, look.examples
        self.condition.last_export, self.condition.last_exported_seq = look.last_export, look.last_seq
        if look.is_same or look.examples < look.required:
            self._age_from, self.condition.due_at = None, None
            self._is("idle")
            return None
        if self._age_from is None:
            # What changed while no exporter ran may be as old as the last export.
            age = look.export_age if self.condition.state == "starting" else 0.0
            self._age_from = time.monotonic() - age
        seconds_left = self._age_from + look.max_age_seconds - time.monotonic()
        if look.is_due or seconds_left <= 0:
            self._is("exporting")
            answer = await self._export({}, None)
            logger.info("exported %s: %d examples", answer.get("export_digest", "-")[:12], look.examples)
            self._age_from, self.condition.due_at = None, None
            self.condition.changed_rows = 0
            self.condition.last_export = answer.get("export_digest")
            self._is("idle")
            return None
        self._is("waiting")
        self.condition.due_at = _moment(seconds_left)
        return seconds_left

    async def _export(self, args: dict[str, Any], progress: Progress | None, parent: str = "") -> dict[str, Any]:
        """Export what the folds so far have changed."""
        links, self._folds = self._folds, []
        return await self._steps.export(args, progress, parent=parent, links=links)

    async def _do(self, job: Job) -> None:
        def progress(done: int, total: int) -> None:
            job.done, job.total = done, total

        try:
            if job.kind == "export":
                self._is("exporting")
                job.result = await self._export(job.args, progress, job.parent)
            else:
                self._is("training")
                job.result = await self._steps.train(job.args, job.parent)
        except (RooflogError, OSError) as error:
            job.result = {"status": "error", "error": str(error), "kind": type(error).__name__}
        except Exception as error:
            job.result = {"status": "error", "error": bug(job.kind, error, who=WHO).error, "kind": type(error).__name__}
        self._is("idle")

    def _is(self, state: Any) -> None:
        if self.condition.state != state:
            self.condition.state, self.condition.since = state, _moment()


QUESTIONS: dict[str, Callable[..., Awaitable[Any]]] = {
    "status": ExporterService.status,
    "lineage": ExporterService.lineage,
    "compare": ExporterService.compare,
    "job": ExporterService.job,
    "export": ExporterService.export,
    "train": ExporterService.train,
}
"""Questions and commands by name; each takes the service, and the arguments by keyword."""


async def _any(seconds: float | None, *events: asyncio.Event) -> None:
    """Wait for one of the events, or so long."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _moment(later: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=later)).isoformat(timespec="seconds")


async def serve(settings: Settings, url: str) -> int:
    """Run the exporter until it is told to stop; the exit code. Raises RooflogError where it cannot start."""
    standby = Standby(WHO)
    async with monitored(settings, WHO, standby.why_not, standby.measure, standby.measure_itself):
        return await standby.served(Log(access(settings, url, "exporter")), settings, _run)


async def _run(settings: Settings, log: Log, standby: Standby) -> int:
    if await ask(log, "status") is not None:
        raise RooflogError("another exporter already runs at this NATS server; one is enough")
    async with opened(settings, log, State(log, None, None), ACTOR) as steps:
        standby.service = service = ExporterService(settings, log, steps)
        return await service.run()
