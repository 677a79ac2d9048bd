"""AsyncAPI: what the services listen to and say on NATS, generated from the services themselves."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from faststream.specification import AsyncAPI

from events.facts import FACTS, AnyFact
from events.log.log import Access, Log
from projections.policy.policy import Relevance

from .exporter import client
from .exporter.exporter import Exporter
from .exporter.service import ASKED_CHANNEL, MOVED_CHANNEL, ExporterService
from .exporter.workflow import Steps
from .projector.service import COMMANDS_CHANNEL, FACTS_CHANNEL, QUESTIONS_CHANNEL, ROWS_CHANNEL, ProjectorService
from .settings import Settings
from .state.client import MOVED, QUESTIONS, Answer, Owner, Question, State
from .volume import open_volume

_DESCRIPTION = (
    "The projector follows the facts on the stream TRAINING and answers questions about the state. "
    f"Questions are NATS requests to rooflog.query.<question>: {', '.join(sorted(QUESTIONS))}. "
    f"The exporter keeps the volume current and answers requests to {client.ASK}.<question>: status, lineage, job, and "
    "the commands export and train, which answer the number of a job at once."
)


class Moved(msgspec.Struct):
    """The tables have been folded up to this sequence of the log."""

    checkpoint: int


class ExporterQuestion(msgspec.Struct, omit_defaults=True):
    """What the exporter is asked or told; which fields count depends on the last token of the subject.

    `lineage` takes `of` (a row, an example or an export) and `limit`; `job` takes `job`; `export` and `train` the rest.
    """

    of: str | None = None
    limit: int | None = None
    job: str | None = None
    actor: str | None = None
    force: bool = False
    min_examples: int | None = None
    min_quality: Relevance | None = None


def document() -> dict[str, Any]:
    """The AsyncAPI 3 document of the services; equal versions of the code give equal documents."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        owner = Owner(settings.database)
        try:
            url = "nats://localhost:4222"
            log = Log(Access(url))
            projector = ProjectorService(settings, log, owner, url)
            exporter = Exporter(log, State(log, None, None), open_volume(settings), settings.data_dir, "exporter")
            services = (projector, ExporterService(settings, Steps(exporter, None), url))
            for service in services:
                service.declare()
            specification = AsyncAPI(
                *(service.broker for service in services),
                title="rooflog",
                version=version("rooflog-server"),
                description=_DESCRIPTION,
            )
            made: dict[str, Any] = msgspec.json.decode(specification.to_specification().to_json())
        finally:
            owner.close()
    return _sorted(_with_payloads(made))


def _with_payloads(made: dict[str, Any]) -> dict[str, Any]:
    """The document with the shapes of its messages, which FastStream can take from pydantic models only."""
    payloads, schemas = msgspec.json.schema_components(
        [AnyFact, Question, Answer, Moved, ExporterQuestion, *FACTS], ref_template="#/components/schemas/{name}"
    )
    fact, question, answer, moved, asked = payloads[:5]
    messages = made["components"]["messages"]
    for channel in (QUESTIONS_CHANNEL, COMMANDS_CHANNEL, ROWS_CHANNEL):
        messages[f"{channel}:SubscribeMessage"]["payload"] = question
    messages[f"{FACTS_CHANNEL}:SubscribeMessage"]["payload"] = fact
    messages[f"{ASKED_CHANNEL}:SubscribeMessage"]["payload"] = asked
    messages[f"{MOVED_CHANNEL}:SubscribeMessage"]["payload"] = moved
    messages |= {
        "answer": {"title": "answer", "payload": answer},
        "moved": {"title": "moved", "payload": moved},
    }
    made["channels"] |= {
        "answers": _channel("The inbox that a question names.", "answer", None),
        "moved": _channel("Said after every commit.", "moved", MOVED),
    }
    for channel in (QUESTIONS_CHANNEL, COMMANDS_CHANNEL, ASKED_CHANNEL):
        made["operations"][channel]["reply"] = {"channel": {"$ref": "#/channels/answers"}}
    made["operations"]["moved"] = {"action": "send", "channel": {"$ref": "#/channels/moved"}}
    made["components"]["schemas"] = schemas
    return made


def _channel(description: str, message: str, address: str | None) -> dict[str, Any]:
    messages = {message: {"$ref": f"#/components/messages/{message}"}}
    return {"address": address, "description": description, "messages": messages}


def _sorted(made: dict[str, Any]) -> dict[str, Any]:
    """The order of keys must not depend on the order in which the broker keeps its subscribers."""
    ordered: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made, order="sorted"))
    return ordered
