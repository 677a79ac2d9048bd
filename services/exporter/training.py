"""Training: started once per export, whatever is killed when, and followed to its end.

The intent is a fact whose subject only one publisher can win, so one exporter alone may start a training. What cannot
be made exactly-once is the start itself, which takes no key: between it and the fact that records it a kill leaves an
intent without a call. So the intent notes the trainer's newest call before it. Afterwards a newer call that no fact
names is the call that was started. A list without a newer call proves something only where it holds a call that was
certainly made: then, after `SETTLE_SECONDS`, nothing was started, and the training starts now. Else the training is
`uncertain`, and only a person starts it again. A training never starts on an export that is no longer in the root file.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from events.errors import RooflogError
from events.facts import TrainingTriggered
from events.log.log import Log

from ..state.client import State
from ..volume import Call, LostAnswer, Trainer, VolumeError

SETTLE_SECONDS = 60.0
"""A start that was under way at a kill is among the trainer's calls after this time at the latest."""

HOLD_SECONDS = 120.0
"""So long at most the next export waits for an intent: it would replace the root file that the training reads."""

ENDED = ("succeeded", "failed")


class Attempt(msgspec.Struct, kw_only=True):
    """One training on an export as the log tells it; `before` is the trainer's newest call before the intent."""

    export_digest: str
    number: int
    intended_seq: int
    intended_at: datetime
    outcome: Literal["intended", "started", "succeeded", "failed"]
    call_id: str | None = None
    before: str | None = None
    detail: str | None = None


class Before(msgspec.Struct):
    """The trainer's newest call, as the intent notes it; no call at all is the time 0."""

    created_at: float = 0.0
    call_id: str | None = None


class Trainings:
    """The trainings of one trainer, by what the log says about them."""

    def __init__(self, log: Log, state: State, trainer: Trainer, actor: str) -> None:
        self._log = log
        self._state = state
        self._actor = actor
        self._unstarted: set[tuple[str, int]] = set()
        self._first_seen: dict[int, float] = {}
        self.trainer = trainer
        self.uncertain: dict[str, str] = {}

    async def attempts(self) -> list[Attempt]:
        """Every training, in the order in which they were intended."""
        exports = (await self._state.ask("exports"))["exports"]
        trainings = [
            training | {"export_digest": export["export_digest"]}
            for export in exports
            for training in export["trainings"]
        ]
        return sorted(msgspec.convert(trainings, list[Attempt]), key=lambda attempt: attempt.intended_seq)

    async def is_settling(self) -> bool:
        """Is it open whether a training was started? True for `HOLD_SECONDS` at most."""
        now = time.monotonic()
        intents = [
            attempt.intended_seq
            for attempt in await self.attempts()
            if attempt.outcome == "intended" and attempt.export_digest not in self.uncertain
        ]
        self._first_seen = {seq: self._first_seen.get(seq, now) for seq in intents}
        return any(now - seen < HOLD_SECONDS for seen in self._first_seen.values())

    async def follow(self, latest: str | None, timeout: float = 0.0) -> list[Attempt]:
        """Settle open intents and record the ends of trainings; the trainings as they then are.

        `latest` is the export that a training started now would read. Waits up to `timeout` seconds for a running
        training to end. Raises VolumeError.
        """
        attempts = await self.attempts()
        self.uncertain = {}
        for attempt in _unsettled(attempts):
            await self._settle(attempt, attempts, latest)
        for attempt in attempts:
            if attempt.outcome == "started" and attempt.call_id:
                outcome, detail = await self.trainer.outcome(attempt.call_id, timeout)
                if outcome != "running":
                    await self._say(attempt, outcome, detail)
        return attempts

    async def start(self, digest: str, number: int = 1, actor: str | None = None) -> Attempt | None:
        """Start training number `number` on an export, for an actor; None where another process has the intent.

        Raises VolumeError where the trainer does not start; `follow` then settles the intent.
        """
        calls = await self.trainer.calls()
        before = None if calls is None else _newest(calls)
        detail = None if before is None else msgspec.json.encode(before).decode()
        attempt = Attempt(
            export_digest=digest,
            number=number,
            intended_seq=0,
            intended_at=datetime.now(UTC),
            outcome="intended",
            before=detail,
        )
        if not await self._say(attempt, "intended", detail, actor):
            return None
        await self._spawn(attempt)
        return attempt

    async def _settle(self, attempt: Attempt, attempts: list[Attempt], latest: str | None) -> None:
        """Find out whether an intent without a call was started, and start it where it was not."""
        if (attempt.export_digest, attempt.number) not in self._unstarted and not await self._is_unstarted(
            attempt, attempts
        ):
            return
        if attempt.export_digest == latest:
            await self._spawn(attempt)
        else:
            await self._say(attempt, "failed", "it was not started before another export took its place")

    async def _is_unstarted(self, attempt: Attempt, attempts: list[Attempt]) -> bool:
        """Is it proven that nothing was started? Records a call that it finds, and trainings that stay uncertain."""
        calls = None if attempt.before is None else await self.trainer.calls()
        if calls is not None and attempt.before is not None:
            before = msgspec.json.decode(attempt.before, type=Before)
            known = {known_attempt.call_id for known_attempt in attempts} | {before.call_id}
            newer = [call for call in calls if call.created_at >= before.created_at and call.call_id not in known]
            if newer:
                attempt.call_id = min(newer, key=lambda call: call.created_at).call_id
                await self._say(attempt, "started", "found among the trainer's calls after a restart")
                return False
            if (datetime.now(UTC) - attempt.intended_at).total_seconds() < SETTLE_SECONDS:
                return False
            if any(call.call_id in known for call in calls):
                return True
        self.uncertain[attempt.export_digest] = (
            f"training {attempt.number} was about to start when the exporter ended, and {self.trainer.name} cannot "
            "tell whether it did; look there, and `rooflog train --force` starts another one"
        )
        return False

    async def _spawn(self, attempt: Attempt) -> None:
        key = attempt.export_digest, attempt.number
        self._unstarted.discard(key)
        try:
            attempt.call_id = await self.trainer.spawn()
        except VolumeError as error:
            if not isinstance(error, LostAnswer):  # not started for sure, so this process may simply do it again
                self._unstarted.add(key)
            raise
        await self._say(attempt, "started", None)

    async def _say(self, attempt: Attempt, outcome: Any, detail: str | None, actor: str | None = None) -> bool:
        """Publish the outcome of a training; True where the log did not have it. A training ends once."""
        key = f"{outcome} {attempt.export_digest} {attempt.number}"
        if outcome in ENDED:
            key = f"ended {attempt.export_digest} {attempt.number}"
        published = await self._log.publish(
            [
                TrainingTriggered(
                    event_id=hashlib.sha256(key.encode()).hexdigest()[:32],
                    occurred_at=datetime.now(UTC),
                    actor=actor or self._actor,
                    export_digest=attempt.export_digest,
                    outcome=outcome,
                    call_id=attempt.call_id,
                    detail=detail[:2_000] if detail else None,
                )
            ]
        )
        for _, reason in published.refused:
            raise RooflogError(f"the log refused that training is {outcome}: {reason}")
        attempt.outcome = outcome
        return bool(published.new)


def _newest(calls: list[Call]) -> Before:
    newest = max(calls, key=lambda call: call.created_at, default=None)
    return Before() if newest is None else Before(newest.created_at, newest.call_id)


def _unsettled(attempts: list[Attempt]) -> list[Attempt]:
    """The open intents: the newest training of an export where it is only intended."""
    newest = {attempt.export_digest: attempt for attempt in attempts}
    return [attempt for attempt in newest.values() if attempt.outcome == "intended"]


def last_trained(attempts: list[Attempt]) -> str | None:
    """The export of the last training that did not fail."""
    return next((attempt.export_digest for attempt in reversed(attempts) if attempt.outcome != "failed"), None)


def is_running(attempts: list[Attempt]) -> bool:
    """Is a training under way?"""
    return any(attempt.outcome == "started" for attempt in attempts)


def why_not(examples: int, new: int, at: int, wanted: int) -> str | None:
    """Why a training is not wanted yet by the policy's numbers, or None where it is."""
    if examples < at:
        return f"{examples:,} examples, a training needs {at:,}"
    if new < wanted:
        return f"{new:,} examples that the last training has not seen, the next one needs {wanted:,}"
    return None
