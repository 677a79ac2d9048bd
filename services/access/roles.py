"""Roles at the NATS server: what each may say, ask, read, answer and change; the server enforces it.

A reply or deliver subject counts as publishing, and no permission of a server covers it. So whoever must not write all
facts has an account of its own: there a reply reaches nothing but its own inboxes, as the account takes over nothing
but the subjects that the role may say or ask. The stream and its two keepers, projector and operator, are in the
account of the log. Whoever holds one of their secrets holds the log.

| role | who |
|---|---|
| admin | makes, restores and grows the stream |
| projector | folds the log, answers questions, finishes erasures |
| operator | the command line: decides, adopts policies, rebuilds, erases, backs up |
| exporter | keeps the volume current, starts trainings |
| gateway | the web service |
| client | an assistant, a trusted system that says what took place |
| auditor | looks at everything and changes nothing |
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from events.facts import (
    BY_CLIENTS,
    FACTS,
    ExampleApproved,
    ExampleDescribed,
    ExampleErased,
    ExampleNoted,
    ExampleRedacted,
    ExampleRejected,
    ExampleReopened,
    ExampleRestated,
    Fact,
    PolicyAdopted,
    TrainingSetExported,
    TrainingTriggered,
)
from events.log.stream import DESK, LEASES
from events.subjects import ROOT, STREAM

from ..state.protocol import ASK, EXPORTER, MORE, MOVED, ROWS, RUN

LOG = "ROOFLOG"
"""The account of the stream."""

_BUCKET = f"KV_{LEASES}"

_LOOKS = (f"$JS.API.STREAM.INFO.{STREAM}", f"$JS.API.DIRECT.GET.{STREAM}", f"$JS.API.DIRECT.GET.{STREAM}.>")

_CONSUMES = (
    f"$JS.API.CONSUMER.CREATE.{STREAM}",
    f"$JS.API.CONSUMER.CREATE.{STREAM}.>",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.>",
    f"$JS.API.CONSUMER.INFO.{STREAM}.>",
    f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.>",
    f"$JS.API.CONSUMER.DELETE.{STREAM}.>",
    f"$JS.ACK.{STREAM}.>",
    "$JS.FC.>",
)

_FOLLOWS = (*_CONSUMES, f"$JS.API.CONSUMER.RESET.{STREAM}.>")

_ERASES = (f"$JS.API.STREAM.MSG.DELETE.{STREAM}",)

_BACKS_UP = (f"$JS.API.STREAM.SNAPSHOT.{STREAM}", "$JS.SNAPSHOT.ACK.>")

_LEASES = (
    f"$KV.{LEASES}.>",
    f"$JS.API.STREAM.INFO.{_BUCKET}",
    f"$JS.API.STREAM.MSG.GET.{_BUCKET}",
    f"$JS.API.DIRECT.GET.{_BUCKET}.>",
)

_DESK = (f"$KV.{DESK}.>", f"$JS.API.DIRECT.GET.KV_{DESK}")

_QUESTIONS = (f"{ASK}.>", f"{ROWS}.>", MORE)

Name = Literal["admin", "projector", "operator", "exporter", "gateway", "client", "auditor"]

NAMES: tuple[Name, ...] = get_args(Name)


def filter_of(kind: type[Fact]) -> str:
    """The filter for every fact of a kind."""
    return f"{ROOT}.{kind.noun}.{kind.verb}.>"


class Role(Struct, frozen=True):
    """One role: the facts that it says, the subjects that it asks and answers, and those that it listens to."""

    name: Name
    does: str
    says: tuple[type[Fact], ...] = ()
    asks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()

    @property
    def account(self) -> str:
        """Its account: that of the log, or one of its own."""
        return LOG if self.name in ("admin", "projector", "operator") else f"ROOFLOG_{self.name.upper()}"

    @property
    def requests(self) -> tuple[str, ...]:
        """Every subject that it publishes on and that another one answers: facts, questions, the server's API."""
        return (*(filter_of(kind) for kind in self.says), *self.asks)


_OF_REVIEWERS = (
    ExampleApproved, ExampleRejected, ExampleReopened, ExampleRedacted, ExampleDescribed, ExampleNoted,
    PolicyAdopted,
)  # fmt: skip

ROLES: dict[Name, Role] = {
    role.name: role
    for role in (
        Role("admin", "makes, restores and grows the stream", tuple(FACTS), (">",), hears=(">",)),
        Role(
            "projector",
            "folds the log, answers questions and finishes erasures",
            (ExampleErased, ExampleRestated),
            (*_LOOKS, *_FOLLOWS, *_ERASES, *_LEASES, f"{ASK}.status"),  # is another one running?
            answers=(*_QUESTIONS, f"{RUN}.>"),
            tells=(MOVED,),
        ),
        Role(
            "operator",
            "decides, adopts policies, rebuilds, exports, erases and backs up from the command line",
            tuple(FACTS),
            (*_LOOKS, *_CONSUMES, *_ERASES, *_BACKS_UP, *_QUESTIONS, f"{RUN}.>", f"{EXPORTER}.>"),
            hears=(MOVED,),
        ),
        Role(
            "exporter",
            "keeps the volume current and starts trainings",
            (TrainingSetExported, TrainingTriggered),
            (*_LOOKS, *_LEASES, *_QUESTIONS, f"{EXPORTER}.status"),  # is another one running?
            answers=(f"{EXPORTER}.>",),
            hears=(MOVED,),
        ),
        Role(
            "gateway",
            "serves the pages and the HTTP API",
            (*BY_CLIENTS, *_OF_REVIEWERS),
            (*_LOOKS, *_QUESTIONS, *_DESK, f"{RUN}.>", f"{EXPORTER}.>"),
            hears=(MOVED, filter_of(ExampleErased)),  # a tombstone ends the past states that hold the text
        ),
        Role(
            "client",
            "says what took place: an assistant, a trusted system",
            BY_CLIENTS,
            (f"{ASK}.stats",),
        ),
        Role(
            "auditor",
            "looks at everything and changes nothing",
            (),
            (*_LOOKS, *_QUESTIONS, f"{EXPORTER}.status", f"{EXPORTER}.lineage"),
            hears=(MOVED,),
        ),
    )
}
"""Every role by its name."""

BEFORE = Role("client", "is a client of 0.1.0, which has no secret", BY_CLIENTS, (f"{ASK}.stats", *_LOOKS))
"""What whoever connects without a secret may do during the window for clients of 0.1.0."""
