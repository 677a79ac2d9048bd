"""Webhooks: what somebody should know is posted to one address, once per occurrence, also over a restart.

The gateway sends them, as it alone sees queue, exporter, trainings and verifications. Requests are signed as
https://www.standardwebhooks.com has it. The address comes from the operator's settings, so it may be a private one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import logging
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from events.errors import RooflogError
from events.subjects import new_event_id

from .. import marks
from ..private_files import write_private
from ..settings import Settings

logger = logging.getLogger("rooflog.web")

LOOK_SECONDS = 5.0
"""Between two looks at what there is to tell, and at what is due."""

SEND_SECONDS = 10.0
"""How long the receiver may take to answer."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60 * 60.0
"""After a failure the next try waits, each time twice as long."""

ATTEMPTS = 15
"""Tries of one message, over about half a day; then it is dropped, and the log of the gateway says so."""

WAITING = 100
"""Messages that wait at most; a new one is dropped beyond them."""

AGAIN_BELOW = 0.8
"""The queue is told of again after it had fallen below this share of its limit: no flood while it sways around that."""

EXPORT_FAILURES = 3
"""Failed tries after which an export counts as failed: a volume that was away for seconds wakes nobody."""

Event = Literal["queue.long", "export.failed", "training.ended", "integrity.broken"]


class Occurrence(Struct, frozen=True):
    """Something to tell; what has the same key is the same, however often it is seen."""

    key: str
    event: Event
    text: str
    details: dict[str, Any]


class Seen(Struct, frozen=True, kw_only=True):
    """What was looked at: None where nobody answered."""

    queue: int | None = None
    export_failures: int | None = None
    export_error: str | None = None
    training: dict[str, Any] | None = None
    broken: marks.Mark | None = None


class Message(Struct, kw_only=True):
    """What waits to be sent; the receiver knows a repeated one by its id."""

    id: str
    event: Event
    at: str
    text: str
    details: dict[str, Any]
    attempts: int = 0
    due: float = 0.0


class Kept(Struct):
    """What must survive a restart: what lasts and was told, the last training and finding told, and what waits."""

    lasting: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    waiting: list[Message] = field(default_factory=list)


def occurrences(seen: Seen, limit: int) -> list[Occurrence]:
    """What there is to tell of what was seen."""
    happened = []
    if seen.queue is not None and limit and seen.queue > limit:
        details: dict[str, Any] = {"waiting": seen.queue, "limit": limit}
        happened.append(Occurrence("queue", "queue.long", f"{seen.queue:,} examples wait for review", details))
    if (seen.export_failures or 0) >= EXPORT_FAILURES:
        details = {"failures": seen.export_failures, "error": seen.export_error}
        happened.append(Occurrence("export", "export.failed", f"The export fails: {seen.export_error}", details))
    if seen.training and seen.training["outcome"] in ("succeeded", "failed"):
        training = seen.training
        digest, outcome = training["export_digest"], training["outcome"]
        details = {"export_digest": digest, "outcome": outcome, "detail": training.get("detail")}
        text = f"The training on the export {digest[:12]} has {outcome}"
        happened.append(Occurrence(f"{digest} {training['at']} {outcome}", "training.ended", text, details))
    if seen.broken:
        details = {"seq": seen.broken.seq, "found_at": seen.broken.at}
        text = "The log is not what it was: a verification has failed"
        happened.append(Occurrence(seen.broken.at, "integrity.broken", text, details))
    return happened


class Webhooks:
    """What one gateway tells; `look` sees what there is."""

    def __init__(self, settings: Settings, look: Callable[[], Awaitable[Seen]]) -> None:
        self._settings = settings
        self._look = look
        self._file = settings.data_dir / "webhooks.json"

    @contextlib.asynccontextmanager
    async def sent(self) -> AsyncIterator[None]:
        """Look and send while this is open; nothing where no address is set."""
        if not self._settings.webhook_url:
            yield
            return
        telling = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self) -> None:
        while True:
            try:
                await self.turn()
            except (RooflogError, OSError) as error:
                logger.warning("webhooks: %s", error)
            except Exception:  # a bug; the next look may do better
                logger.exception("telling by webhook")
            await asyncio.sleep(LOOK_SECONDS)

    async def turn(self) -> None:
        """Look once, keep what is new, and send what is due."""
        kept = self._read()
        seen = await self._look()
        if kept is None:  # whoever sets an address wants no news of what was before
            kept = Kept(told={one.event: one.key for one in occurrences(seen, 0) if one.event == "training.ended"})
            self._write(kept)
        if self._remember(kept, seen):
            self._write(kept)
        for message in [message for message in kept.waiting if message.due <= time.time()]:
            await self._deliver(kept, message)

    def _remember(self, kept: Kept, seen: Seen) -> bool:
        """Put what is new behind what waits; whether anything has changed."""
        limit = self._settings.webhook_queue
        before = msgspec.json.encode(kept)
        happened = occurrences(seen, limit)
        for one in happened:
            if one.key in kept.lasting or kept.told.get(one.event) == one.key:
                continue
            if one.event in ("queue.long", "export.failed"):
                kept.lasting.append(one.key)
            else:
                kept.told[one.event] = one.key
            if len(kept.waiting) >= WAITING:
                logger.error("webhooks: %d messages wait; dropped: %s", WAITING, one.text)
                continue
            at = datetime.now(UTC).isoformat(timespec="seconds")
            kept.waiting.append(Message(id=new_event_id(), event=one.event, at=at, text=one.text, details=one.details))
        if seen.queue is not None and seen.queue <= limit * AGAIN_BELOW and "queue" in kept.lasting:
            kept.lasting.remove("queue")
        if seen.export_failures == 0 and "export" in kept.lasting:
            kept.lasting.remove("export")
        return msgspec.json.encode(kept) != before

    async def _deliver(self, kept: Kept, message: Message) -> None:
        why = await asyncio.to_thread(post, self._settings, message)
        message.attempts += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (message.attempts - 1), LONGEST_PAUSE_SECONDS)
        message.due = time.time() + pause
        if why:
            logger.warning("webhook %s: %s; try %d of %d", message.event, why, message.attempts, ATTEMPTS)
        if not why or message.attempts >= ATTEMPTS:
            kept.waiting.remove(message)
            if why:
                logger.error("webhook %s was dropped after %d tries: %s", message.event, ATTEMPTS, message.text)
        self._write(kept)

    def _read(self) -> Kept | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise RooflogError(f"{self._file} cannot be read: {error}; remove it") from error

    def _write(self, kept: Kept) -> None:
        write_private(self._file, msgspec.json.encode(kept))


def body_of(settings: Settings, message: Message) -> bytes:
    """The body of a message: a text for Slack and what reads the same, or everything as JSON."""
    if settings.webhook_style == "slack":
        return msgspec.json.encode({"text": f"rooflog: {message.text}"})
    data = {"text": message.text, **message.details}
    return msgspec.json.encode({"type": message.event, "timestamp": message.at, "data": data})


def signature(secret: str, number: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 of id, moment and body, as Standard Webhooks has it; a secret `whsec_…` is base64."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        with contextlib.suppress(binascii.Error):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    signed = hmac.new(key, f"{number}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is signed for one address goes to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(settings: Settings, message: Message) -> str | None:
    """Send a message; why it was not taken, or None. The address may be a secret, so no error shows it."""
    url, body, now = settings.webhook_url or "", body_of(settings, message), int(time.time())
    headers = {"Content-Type": "application/json", "User-Agent": "rooflog", "webhook-id": message.id}
    headers["webhook-timestamp"] = str(now)
    if settings.webhook_secret:
        headers["webhook-signature"] = signature(settings.webhook_secret, message.id, now, body)
    host = urlsplit(url).hostname
    try:
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (settings take http alone)
        with _OPENER.open(request, timeout=SEND_SECONDS) as answer:
            return None if answer.status < HTTPStatus.MULTIPLE_CHOICES else f"{host} answers {answer.status}"
    except HTTPError as error:
        error.close()
        return f"{host} answers {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        return f"{host} cannot be reached: {reason}"
