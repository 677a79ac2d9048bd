"""What each role may do at a real NATS server: everything is tried; what came of it is the table of the reference."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import nats
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from events.errors import Forbidden
from events.facts import FACTS, ExampleApproved
from events.log import stream
from events.log.access import Access
from events.log.log import Log
from events.subjects import ROOT, STREAM
from services.access.roles import NAMES, ROLES, Name, filter_of
from services.runtime.nats_server import EmbeddedServer
from services.state.protocol import ASK, EXPORTER, MORE, MOVED, ROWS, RUN
from tests.deadlines import FAR_SECONDS

Outcome = Literal["allowed", "refused"]
Who = Name | Literal["nobody"]

WHO: tuple[Who, ...] = ("nobody", *NAMES)

SILENCE_SECONDS = 1.5
"""How long a request waits where the server neither answers nor refuses."""


def forgery(who: Name) -> str:
    """Where a reply or deliver subject would put a fact that the role may not say: an approval, else a tombstone."""
    kind = "erased" if who != "admin" and ExampleApproved in ROLES[who].says else "approved"
    return f"{ROOT}.example.{kind}.forged.forged"


class Attempt(Struct, frozen=True):
    """Something to be tried: a request on a subject, or, for `listen`, a subscription to it."""

    group: str
    subject: str
    data: bytes = b""
    does: Literal["ask", "listen"] = "ask"

    @property
    def name(self) -> str:
        """How the table calls it."""
        return self.subject if self.does == "ask" else f"listen to {self.subject}"


def _json(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


_CONFIG = {name: value for name, value in stream.wanted().items() if value not in (None, "")}
_PULL = {"ack_policy": "none", "name": "tried", "inactive_threshold": 10**9}

ATTEMPTS: tuple[Attempt, ...] = (
    *(Attempt("facts", filter_of(kind).replace(">", "tried.{who}"), b"{}") for kind in FACTS),
    *(
        Attempt("questions", subject)
        for subject in (
            f"{ASK}.stats",
            f"{ASK}.show",
            f"{ROWS}.training_set",
            MORE,
            f"{RUN}.rebuild",
            f"{EXPORTER}.status",
            f"{EXPORTER}.lineage",
            f"{EXPORTER}.export",
            f"{EXPORTER}.train",
        )
    ),
    Attempt("reads", f"$JS.API.STREAM.INFO.{STREAM}"),
    Attempt("reads", f"$JS.API.DIRECT.GET.{STREAM}", _json(seq=1)),
    Attempt("reads", f"$JS.API.DIRECT.GET.{STREAM}.{ROOT}.example.captured.first.first"),
    Attempt("reads", f"$JS.API.STREAM.MSG.GET.{STREAM}", _json(seq=1)),
    Attempt("reads", f"$JS.API.CONSUMER.CREATE.{STREAM}", _json(stream_name=STREAM, config=_PULL)),
    Attempt("reads", f"$JS.API.CONSUMER.CREATE.{STREAM}.tried", _json(stream_name=STREAM, config=_PULL)),
    Attempt("reads", f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.tried", _json(batch=1, no_wait=True)),
    Attempt("reads", f"$JS.API.CONSUMER.INFO.{STREAM}.tried"),
    Attempt("reads", f"$JS.API.CONSUMER.LIST.{STREAM}"),
    Attempt(
        "reads", f"$JS.API.STREAM.SNAPSHOT.{STREAM}", _json(deliver_subject="_INBOX.operator.tried", chunk_size=1024)
    ),
    Attempt("changes", f"$JS.API.STREAM.MSG.DELETE.{STREAM}", _json(seq=2)),
    Attempt("changes", f"$JS.API.CONSUMER.DELETE.{STREAM}.tried"),
    Attempt("changes", f"$JS.API.STREAM.CREATE.{STREAM}", _json(**_CONFIG)),
    Attempt("changes", f"$JS.API.STREAM.UPDATE.{STREAM}", _json(**_CONFIG)),
    Attempt("changes", f"$JS.API.STREAM.PURGE.{STREAM}"),
    Attempt("changes", f"$JS.API.STREAM.RESTORE.{STREAM}", b"{}"),
    Attempt("changes", "$JS.API.STREAM.CREATE.OTHER", _json(name="OTHER", subjects=["other.>"])),
    Attempt("changes", f"$KV.{stream.LEASES}.exports", b"me"),
    Attempt("changes", f"$KV.{stream.DESK}.tried", b"me"),
    Attempt("changes", f"$JS.API.STREAM.DELETE.{STREAM}"),
    *(
        Attempt("listens", subject, does="listen")
        for subject in (f"{ROOT}.>", f"{ASK}.>", f"{EXPORTER}.>", "$JS.API.>", MOVED, "_INBOX.>", ">")
    ),
)
"""Everything that is tried, the most harmful last; `{who}` stands for who tries."""


async def tried(who: Who, server: EmbeddedServer) -> dict[str, Outcome]:
    """What came of each attempt of one role."""
    outcomes: dict[str, Outcome] = {}
    if who == "nobody":
        outcome: Outcome = "allowed" if comes_in(Access.of(server.url)) else "refused"
        return {attempt.name.format(who="fact"): outcome for attempt in ATTEMPTS}
    log = await Log.connect(server.access(who), create=False)
    try:
        for attempt in ATTEMPTS:
            outcomes[attempt.name.format(who="fact")] = await _outcome(log, who, attempt)
    finally:
        await log.close()
    return outcomes


def comes_in(access: Access) -> bool:
    """Whether the server lets somebody in, as it says itself."""
    parts = urlsplit(access.servers[0])
    with socket.create_connection((parts.hostname or "", parts.port or 0), FAR_SECONDS) as connection:
        greeting = connection.makefile("rb")
        greeting.readline()
        connection.sendall(b"CONNECT " + _json(verbose=False, **access.login(None)) + b"\r\nPING\r\n")
        return greeting.readline().startswith(b"PONG")


async def _ignored(_: Exception) -> None:
    pass


async def _outcome(log: Log, who: Who, attempt: Attempt) -> Outcome:
    if attempt.does == "listen":
        log.problem = None
        subscription = await log.client.subscribe(attempt.subject)
        await log.client.flush()
        await asyncio.sleep(0.05)
        if subscription._closed or log.problem:
            return "refused"
        await subscription.unsubscribe()
        return "allowed"
    log.problem = None
    try:
        await log.request(attempt.subject.format(who=who), attempt.data, timeout=SILENCE_SECONDS)
    except (Forbidden, NoRespondersError):
        return "refused"
    except TimeoutError:  # a refusal comes before the answer to a ping, however busy the machine is
        await log.client.flush(int(FAR_SECONDS))
        return "refused" if "violation" in (log.problem or "").lower() else "allowed"
    return "allowed"


async def forged(who: Name, server: EmbeddedServer) -> list[str]:
    """The subjects of what a role has put on the log by naming it as reply or deliver subject."""
    admin = await Log.connect(server.access())
    target = forgery(who)
    push = {"deliver_subject": target, "ack_policy": "none", "deliver_policy": "all"}
    client = await nats.connect(**server.access(who).options(), error_cb=_ignored)
    for attempt in ATTEMPTS:
        if attempt.does == "ask" and attempt.group != "changes":
            subject = attempt.subject.format(who=f"forger_{who}")
            await client.publish(subject, attempt.data, reply=target, headers={"Nats-Trace-Dest": target})
    for name in (STREAM, f"{STREAM}.forger"):
        create = _json(stream_name=STREAM, config=push)
        await client.publish(f"$JS.API.CONSUMER.CREATE.{name}", create, reply=f"_INBOX.{who}")
    await client.publish(
        f"$JS.API.STREAM.SNAPSHOT.{STREAM}", _json(deliver_subject=target, chunk_size=1024), reply=target
    )
    await client.flush()
    await _answered(admin)
    await client.close()
    found = [message.subject for message in await admin.matching(target)]
    await admin.close()
    return found


async def _answered(admin: Log) -> None:
    """Wait until what was asked before has had its answer: the same, asked later, has got it.

    Whoever answers takes one question after the other; consumers and snapshots deliver in the order of their making.
    """
    inboxes = [admin.client.new_inbox() for _ in range(2)]
    delivered = [await admin.client.subscribe(inbox) for inbox in inboxes]
    push = {"deliver_subject": inboxes[0], "ack_policy": "none", "deliver_policy": "all"}
    snapshot = _json(deliver_subject=inboxes[1], chunk_size=1024)
    asked = [(f"{subject}.status", b"") for subject in (ASK, ROWS, RUN, EXPORTER)] + [
        (MORE, b""),
        (f"$JS.API.CONSUMER.CREATE.{STREAM}", _json(stream_name=STREAM, config=push)),
        (f"$JS.API.STREAM.SNAPSHOT.{STREAM}", snapshot),
    ]
    for subject, data in asked:
        await admin.client.request(subject, data, timeout=FAR_SECONDS)
    for subscription in delivered:
        await subscription.next_msg(FAR_SECONDS)


@asynccontextmanager
async def served() -> AsyncIterator[EmbeddedServer]:
    """A server with two facts, at which every question is answered."""
    with tempfile.TemporaryDirectory() as folder:
        server = await asyncio.to_thread(EmbeddedServer(Path(folder)).__enter__)
        answering: list[Client] = []
        try:
            for role, subjects in (
                ("projector", (f"{ASK}.*", f"{ROWS}.*", MORE, f"{RUN}.*")),
                ("exporter", (f"{EXPORTER}.*",)),
            ):
                client = await nats.connect(**server.access(role).options())  # type: ignore[arg-type]
                answering.append(client)
                for subject in subjects:
                    await client.subscribe(subject, cb=_answer)
                await client.flush()
            admin = await Log.connect(server.access())
            for number in ("first", "second"):
                await admin.client.jetstream().publish(f"{ROOT}.example.captured.{number}.{number}", b"{}")
            await admin.close()
            yield server
        finally:
            for client in answering:
                await client.close()
            await asyncio.to_thread(server.__exit__)


async def _answer(message: Msg) -> None:
    await message.respond(b"{}")


def table() -> dict[str, dict[Who, Outcome]]:
    """For each attempt what came of it, by who tried; each role has a server of its own, as some break it."""

    async def every() -> dict[str, dict[Who, Outcome]]:
        outcomes: dict[str, dict[Who, Outcome]] = {}
        for who in WHO:
            async with served() as server:
                for name, outcome in (await tried(who, server)).items():
                    outcomes.setdefault(name, {})[who] = outcome
        return outcomes

    return asyncio.run(every())
