"""JSON Schemas of all facts, for clients in other languages; `make docs` writes them to docs/reference/schemas."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from .facts import FACTS, Fact


def schemas() -> dict[str, dict[str, Any]]:
    """By wire name (`example.captured.v1`), the schema (JSON Schema 2020-12) of what is published under it.

    `x-subject` is the NATS subject that the fact belongs on.
    """
    by_name = {}
    for fact in FACTS:
        name = str(fact.__struct_config__.tag)
        definitions = _portable(msgspec.json.schema(fact)["$defs"])
        schema = definitions.pop(fact.__name__) | {"title": name}
        schema["description"] = inspect.getdoc(fact)
        by_name[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{name}.json",
            "x-subject": f"training.{fact.noun}.{fact.verb}.<{_about(fact)}>.<event_id>",
            **schema,
            **({"$defs": definitions} if definitions else {}),
        }
    return by_name


def _portable(schema: Any) -> Any:
    """Patterns anchored as in ECMA-262, which JSON Schema speaks and Python does not."""
    if isinstance(schema, dict):
        return {key: _portable(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_portable(value) for value in schema]
    return schema.replace(r"\A", "^").replace(r"\Z", "$") if isinstance(schema, str) else schema


def _about(fact: type[Fact]) -> str:
    """The field that the last token but one of a fact's subject is taken from."""
    for field in msgspec.structs.fields(fact):
        if field.name in ("export_digest", "example_id"):
            return field.name if field.required else f"{field.name} or event_id"
    return "event_id"
