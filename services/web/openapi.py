"""OpenAPI: the document of the API, for programs and as a page."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from inspect import isclass
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from . import reference
from .access.auth import COOKIE

DESCRIPTION = """Training data of a roofing assistant: say facts, review them, look at what follows.

Every call needs a token of a role (`Authorization: Bearer …`) or a signed-in browser; without a tokens file only this
machine is served. Every refusal has the shape `Problem`. A call with an `Idempotency-Key` may be repeated for ever
without being recorded twice. Facts are answered when they are on disk; 503 with `Retry-After` means that the log or the
projector is away, and that nobody keeps the fact for you."""


def configuration() -> OpenAPIConfig:
    """Where the document and the page are served, and how callers prove who they are."""
    return OpenAPIConfig(
        title="rooflog",
        version="1",
        description=DESCRIPTION,
        path="/api",
        render_plugins=[_Json(path="/openapi.json"), _Page(path="/")],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer"),
                "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie"),
            }
        ),
    )


def exact(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the shapes as msgspec checks them: Litestar leaves out limits and closed objects."""
    _, shapes = msgspec.json.schema_components(_shapes(), ref_template="#/components/schemas/{name}")
    components = document["components"]
    used = {name: shapes.get(name, schema) for name, schema in components["schemas"].items()}
    while missing := _named(used) - used.keys():
        used |= {name: shapes[name] for name in missing}
    return document | {"components": components | {"schemas": used}}


@cache
def _shapes() -> list[type[msgspec.Struct]]:
    """Every public shape that a module of the gateway defines."""
    package = __name__.rpartition(".")[0]
    names = [module.name for module in pkgutil.walk_packages([str(Path(__file__).parent)], f"{package}.")]
    return [
        thing
        for name in names
        for thing in vars(importlib.import_module(name)).values()
        if isclass(thing)
        and issubclass(thing, msgspec.Struct)
        and thing.__module__ == name
        and not thing.__name__.startswith("_")
    ]


def _named(thing: Any) -> set[str]:
    """The shapes that a part of the document refers to."""
    if isinstance(thing, dict):
        own = {thing["$ref"].rsplit("/", 1)[1]} if isinstance(thing.get("$ref"), str) else set()
        return own.union(*map(_named, thing.values()))
    return set().union(*map(_named, thing)) if isinstance(thing, list) else set()


class _Json(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, exact(openapi_schema))


class _Page(OpenAPIRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return reference.openapi_page(exact(openapi_schema)).encode()
