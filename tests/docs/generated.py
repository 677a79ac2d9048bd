"""`make docs`: everything in docs/reference/, made from the code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar

from events.log.log import Access, Log
from events.schemas import schemas
from services import asyncapi
from services.settings import Settings
from services.web.access.tokens import Tokens
from services.web.app import create
from services.web.gateway import Gateway
from services.web.openapi import exact

from . import REFERENCE, in_the_browser, reference, rights


def application() -> Litestar:
    """The gateway's application, made without any connection."""
    return create(
        Gateway(Settings(actor="docs"), Log(Access()), "nats://localhost:4222"),
        Tokens(Path("/nowhere/tokens.json")),
        asyncapi.document,
    )


def openapi() -> dict[str, Any]:
    """The OpenAPI document of the gateway."""
    return exact(application().openapi_schema.to_schema())


def _json(document: Callable[[], Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document(), order="sorted"), indent=2) + b"\n"


def _markdown(page: Callable[[], str]) -> bytes:
    return page().encode()


DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "README.md": partial(_markdown, reference.index_page),
    "commands.md": partial(_markdown, reference.command_page),
    "in-the-browser.md": partial(_markdown, in_the_browser.page),
    "limits.md": partial(_markdown, reference.limits_page),
    "policy.md": partial(_markdown, reference.policy_page),
    "metrics.md": partial(_markdown, reference.metrics_page),
    "settings.md": partial(_markdown, reference.settings_page),
    "nats-access.md": partial(_markdown, reference.nats_access_page),
    "rights.md": partial(_markdown, rights.page),
    "openapi.json": partial(_json, openapi),
    "asyncapi.json": partial(_json, asyncapi.document),
    **{f"schemas/{name}.json": partial(_json, partial(schemas().__getitem__, name)) for name in schemas()},
}
"""Everything in docs/reference/, by its name there."""


def write() -> None:
    """Write all of them, and remove what no code stands for any more."""
    for path in REFERENCE.rglob("*.*"):
        if path.relative_to(REFERENCE).as_posix() not in DOCUMENTS:
            path.unlink()
    for name, made in DOCUMENTS.items():
        (REFERENCE / name).parent.mkdir(parents=True, exist_ok=True)
        (REFERENCE / name).write_bytes(made())
