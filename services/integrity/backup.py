"""Backups of the log while it runs: JetStream's own snapshot, beside a manifest that proves what is in it.

A snapshot keeps every sequence, subject and time, and the gaps of what was erased. It is checked twice when it is
restored: its bytes before, and the running digest of the log that came out of it after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from events import digest_chain
from events.deadline import within
from events.errors import InputError, RooflogError, Unreachable
from events.log import stream
from events.log.log import Log
from events.subjects import STREAM

from ..private_files import sync
from ..state.protocol import Progress
from . import ledger

SNAPSHOT = "stream.snapshot"
MANIFEST = "backup.json"

CHUNK = 2**18
WAIT_SECONDS = 60.0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds: the log from 1 to `last_seq`, of which `log_digest` is the running digest.

    `missing` are sequences that were not there and that no tombstone explains.
    """

    format: int = 1
    software: str
    at: str
    last_seq: int
    messages: int
    log_digest: str
    missing: list[int] = []
    bytes: int
    sha256: str
    config: dict[str, Any]
    state: dict[str, Any]


class _Answer(msgspec.Struct):
    error: dict[str, Any] | None = None
    config: dict[str, Any] = {}
    state: dict[str, Any] = {}
    deliver_subject: str = ""


async def backup(log: Log, folder: Path, report: Progress | None = None) -> Manifest:
    """Write a snapshot of the log into an empty or new folder, its manifest last.

    Raises InputError where the folder is not empty, RooflogError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(file.name != SNAPSHOT for file in folder.iterdir()):  # that one was broken off
        raise InputError(f"{folder} is not empty; give every backup a folder of its own")
    target = folder / SNAPSHOT
    answer, size, digest = await _snapshot(log, target, report)
    last: int = answer.state["last_seq"]
    log_digest, missing = await digest_of(log, last)
    manifest = Manifest(
        software=f"rooflog {version('rooflog-server')}",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        last_seq=last,
        messages=answer.state["messages"],
        log_digest=log_digest,
        missing=missing,
        bytes=size,
        sha256=digest,
        config=answer.config,
        state=answer.state,
    )
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    sync(folder)
    return manifest


async def _snapshot(log: Log, target: Path, report: Progress | None) -> tuple[_Answer, int, str]:
    """Have the server send the stream's snapshot, chunk by chunk, each acknowledged once it is written."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = log.client.new_inbox()
    size, sha = 0, hashlib.sha256()
    try:
        wanted = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": CHUNK, "jsck": True}
        async with log.subscribed(inbox, arrived.put):
            answer = await _ask(log, f"{log.api}.STREAM.SNAPSHOT.{STREAM}", msgspec.json.encode(wanted))
            with target.open("wb") as file:
                while True:
                    message = await within(WAIT_SECONDS, arrived.get())
                    if not message.data:
                        _raise_for(message)
                        break
                    file.write(message.data)
                    sha.update(message.data)
                    size += len(message.data)
                    if message.reply:
                        await log.send((message.reply, b"", None))
                    if report:
                        report(size, max(size, answer.state["bytes"]))
                file.flush()
                os.fsync(file.fileno())
    except (NatsError, TimeoutError) as error:
        target.unlink(missing_ok=True)
        raise RooflogError(f"the server broke off the snapshot: {error or type(error).__name__}") from error
    return answer, size, sha.hexdigest()


def _raise_for(message: Msg) -> None:
    headers = message.headers or {}
    if headers.get("Status", "204") != "204":
        raise RooflogError(f"the server broke off the snapshot: {headers['Status']} {headers.get('Description', '')}")


async def restore(log: Log, folder: Path, replicas: int = 1, report: Progress | None = None) -> Manifest:
    """Make the log anew from a backup, and prove that it is the one that was backed up.

    `ledger.erase_again` has to follow at once: a restore that was interrupted between both goes on there.
    Raises RooflogError, with the server as it was, where it already holds facts or the backup is damaged or altered.
    """
    manifest = load(folder)
    _refuse(manifest.config, "the stream in", folder)
    await asyncio.to_thread(check, folder, manifest)
    ledger.read(ledger.beside(folder))  # before anything is there that it must erase
    if await _is_interrupted(log, manifest, folder):
        return manifest
    await _make_room(log)
    wanted = msgspec.json.encode({"config": stream.wanted(replicas), "state": manifest.state})
    try:
        await _send(log, wanted, folder / SNAPSHOT, report)
        _refuse(await stream.held(log), "the stream that came out of", folder)
        digest, _ = await digest_of(log, manifest.last_seq)
    except (NatsError, TimeoutError) as error:
        await _remove(log)
        raise RooflogError(f"the server did not take the backup: {error or type(error).__name__}") from error
    except RooflogError:
        await _remove(log)
        raise
    if digest != manifest.log_digest:
        await _remove(log)
        raise RooflogError(
            f"what came out of {folder} has the running digest {digest}, but {manifest.log_digest} was backed up; "
            "nothing was kept, use another backup"
        )
    return manifest


def _refuse(config: dict[str, Any], what: str, folder: Path) -> None:
    """Raise RooflogError where a stream is not configured as the code has it: others may have altered the backup."""
    if wrong := stream.differences(config):
        raise RooflogError(f"{what} {folder} has {', '.join(wrong)}; nothing was kept, use another backup")


async def _send(log: Log, wanted: bytes, source: Path, report: Progress | None) -> None:
    answer = await _ask(log, f"{log.api}.STREAM.RESTORE.{STREAM}", wanted)
    sent, size = 0, source.stat().st_size
    async for chunk in _chunks(source):
        reply = await log.request(answer.deliver_subject, chunk, timeout=WAIT_SECONDS)
        if reply.data:
            _checked(msgspec.json.decode(reply.data, type=_Answer))
        sent += len(chunk)
        if report:
            report(sent, size)
    await _ask(log, answer.deliver_subject, b"")


async def _chunks(source: Path) -> AsyncIterator[bytes]:
    with source.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


def load(folder: Path) -> Manifest:
    """The manifest of a backup. Raises InputError where there is none, RooflogError where it is damaged."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no complete backup: {MANIFEST} is missing") from error
    except msgspec.MsgspecError as error:
        raise RooflogError(f"{folder / MANIFEST} is damaged: {error}; use another backup") from error


def check(folder: Path, manifest: Manifest) -> None:
    """Read a snapshot and compare its digest. Raises InputError where it is missing, RooflogError where it differs."""
    try:
        with (folder / SNAPSHOT).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no complete backup: {SNAPSHOT} is missing") from error
    if digest != manifest.sha256:
        raise RooflogError(
            f"{folder / SNAPSHOT} was changed after the backup: its digest is {digest}, not {manifest.sha256}; "
            "use another backup"
        )


async def _is_interrupted(log: Log, manifest: Manifest, folder: Path) -> bool:
    """Whether the log came out of this backup, and what was erased since is still there: only that is left to do."""
    try:
        if await log.last_sequence() < manifest.last_seq or not await ledger.pending(log, ledger.beside(folder)):
            return False
    except Unreachable:  # there is no stream
        return False
    return (await digest_of(log, manifest.last_seq))[0] == manifest.log_digest


async def _make_room(log: Log) -> None:
    """Take an empty stream away. Raises RooflogError where it holds facts."""
    js = log.jetstream()
    try:
        last = (await within(WAIT_SECONDS, js.stream_info(STREAM))).state.last_seq
    except NotFoundError:
        return
    if last:
        raise RooflogError(
            f"the server already holds a log up to sequence {last:,}, and a restore overwrites nothing; "
            "restore into a data directory or a server of its own"
        )
    await within(WAIT_SECONDS, js.delete_stream(STREAM))


async def _remove(log: Log) -> None:
    with contextlib.suppress(NatsError, TimeoutError):
        await within(WAIT_SECONDS, log.jetstream().delete_stream(STREAM))


async def digest_of(log: Log, last: int) -> tuple[str, list[int]]:
    """The running digest of the log up to a sequence, from its messages, and what is missing from it."""
    running, missing = digest_chain.START, []
    async for messages in log.read(0, last):
        for message in messages:
            if message.is_missing:
                missing.append(message.seq)
            else:
                running = digest_chain.link(running, message.seq, message.entry)
    return running.hex(), missing


async def _ask(log: Log, subject: str, data: bytes) -> _Answer:
    reply = await log.request(subject, data, timeout=WAIT_SECONDS)
    return _checked(msgspec.json.decode(reply.data, type=_Answer))


def _checked(answer: _Answer) -> _Answer:
    if answer.error is not None:
        raise RooflogError(f"the server refused: {answer.error.get('description', answer.error)}")
    return answer
