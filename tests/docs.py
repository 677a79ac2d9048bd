"""`make docs`: the documents that are generated from the code, kept beside what people wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client

from events.log.log import Access, Log
from events.schemas import schemas
from services import asyncapi
from services.settings import Settings
from services.web.access.tokens import Tokens
from services.web.app import create
from services.web.gateway import Gateway
from services.web.openapi import exact

DOCS = Path(__file__).parent.parent / "docs"


def openapi() -> dict[str, Any]:
    """The OpenAPI document of the gateway, made without any connection."""
    app = create(
        Gateway(Settings(actor="docs"), Log(Client(), Access("nats://localhost:4222")), "nats://localhost:4222"),
        Tokens(Path("/nowhere/tokens.json")),
        asyncapi.document,
    )
    return exact(app.openapi_schema.to_schema())


DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "openapi.json": openapi,
    "asyncapi.json": asyncapi.document,
    **{f"schemas/{name}.json": partial(schemas().__getitem__, name) for name in schemas()},
}


def rendered(name: str) -> bytes:
    """A document as it lies in docs/."""
    return msgspec.json.format(msgspec.json.encode(DOCUMENTS[name](), order="sorted"), indent=2) + b"\n"


if __name__ == "__main__":
    (DOCS / "schemas").mkdir(parents=True, exist_ok=True)
    for name in DOCUMENTS:
        (DOCS / name).write_bytes(rendered(name))
