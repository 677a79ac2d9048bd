"""AsyncAPI: what the services listen to and say on NATS, generated from the services themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from faststream.specification import AsyncAPI

from events.facts import FACTS, AnyFact
from events.log.log import Access, Log
from events.requests import Answer, Question

from .exporter import service as exporter_service
from .exporter.exporter import Exporter
from .exporter.service import ASKED_CHANNEL, MOVED_CHANNEL, ExporterService
from .exporter.workflow import Steps
from .projector import service as projector_service
from .projector.service import (
    COMMANDS_CHANNEL,
    FACTS_CHANNEL,
    MORE_CHANNEL,
    QUESTIONS_CHANNEL,
    ROWS_CHANNEL,
    ProjectorService,
)
from .settings import Settings
from .state import arguments
from .state.client import State
from .state.owner import Owner
from .state.protocol import MOVED, Moved
from .state.questions import QUESTIONS, STREAMS
from .volume import open_volume

_DESCRIPTION = (
    "The projector follows the facts on the stream TRAINING and answers questions about the state. "
    "A question is a NATS request whose last token is its name; `x-arguments` of a channel has the arguments of each. "
    "The exporter keeps the volume current; its commands export and train answer the number of a job at once."
)


_ASKED: dict[str, Mapping[str, Callable[..., Any]]] = {
    QUESTIONS_CHANNEL: QUESTIONS,
    ROWS_CHANNEL: STREAMS,
    COMMANDS_CHANNEL: projector_service.COMMANDS,
    ASKED_CHANNEL: exporter_service.QUESTIONS,
}
"""What can be asked on each channel, by name."""


def document() -> dict[str, Any]:
    """The AsyncAPI 3 document of the services; equal versions of the code give equal documents."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        owner = Owner(settings.database)
        try:
            log = Log(Access())
            projector = ProjectorService(settings, log, owner)
            writer = Exporter(log, State(log, None, None), open_volume(settings), settings.data_dir, "exporter")
            services = (projector, ExporterService(settings, log, Steps(writer, None)))
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
    for channel, functions in _ASKED.items():
        shapes = [arguments.shape(name, function) for name, function in functions.items()]
        made["channels"][channel]["description"] += f" There are {', '.join(sorted(functions))}."
        made["channels"][channel]["x-arguments"] = {shape.__name__: _schema(shape) for shape in shapes}
    return _sorted(_with_payloads(made))


def _schema(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of arguments, in one piece: none of them has a type of its own."""
    schema: dict[str, Any] = msgspec.json.schema(shape)["$defs"][shape.__name__]
    return schema


def _with_payloads(made: dict[str, Any]) -> dict[str, Any]:
    """The document with the shapes of its messages, which FastStream can take from pydantic models only."""
    payloads, schemas = msgspec.json.schema_components(
        [AnyFact, Question, Answer, Moved, *FACTS], ref_template="#/components/schemas/{name}"
    )
    fact, question, answer, moved = payloads[:4]
    messages = made["components"]["messages"]
    for channel in (QUESTIONS_CHANNEL, COMMANDS_CHANNEL, ROWS_CHANNEL, ASKED_CHANNEL):
        messages[f"{channel}:SubscribeMessage"]["payload"] = question
    messages[f"{FACTS_CHANNEL}:SubscribeMessage"]["payload"] = fact
    messages[f"{MOVED_CHANNEL}:SubscribeMessage"]["payload"] = moved
    messages[f"{MORE_CHANNEL}:SubscribeMessage"]["payload"] = {"type": "string"}
    messages |= {
        "answer": {"title": "answer", "payload": answer},
        "moved": {"title": "moved", "payload": moved},
    }
    made["channels"] |= {
        "answers": _channel("The inbox that a question names.", "answer", None),
        "moved": _channel("Said after every commit.", "moved", MOVED),
    }
    for channel in (QUESTIONS_CHANNEL, COMMANDS_CHANNEL, ROWS_CHANNEL, ASKED_CHANNEL):
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
