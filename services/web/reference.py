"""The reference: an OpenAPI or AsyncAPI document as one page, all of it there without a script."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")

Schema = dict[str, Any]


def openapi_page(document: Schema) -> str:
    """The page of an OpenAPI document: every operation with parameters, body and answers, then the shapes."""
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]
    entries = [(title, operation.get("summary", ""), _operation(operation)) for title, operation in operations]
    return _page(document["info"], "openapi.json", entries, document["components"]["schemas"])


def asyncapi_page(document: Schema) -> str:
    """The page of an AsyncAPI document: every operation with its channel and messages, then the shapes."""
    entries = []
    for name, operation in document["operations"].items():
        channel = document["channels"][operation["channel"]["$ref"].rsplit("/", 1)[1]]
        messages = [
            document["components"]["messages"][message["$ref"].rsplit("/", 1)[1]]
            for message in channel["messages"].values()
        ]
        shown = "".join(f"<p>Message: {_type(message['payload'])}</p>" for message in messages)
        entries.append((f"{operation['action']} {channel['address']}", name, _text(channel["description"]) + shown))
    return _page(document["info"], "asyncapi.json", entries, document["components"]["schemas"])


def _page(info: Schema, source: str, entries: Iterable[tuple[str, str, str]], schemas: Schema) -> str:
    sections = "".join(
        f'<section><h2><code>{escape(title)}</code></h2><p class="summary">{escape(summary)}</p>{body}</section>'
        for title, summary, body in entries
    )
    shapes = "".join(
        f'<section id="{escape(name)}"><h3>{escape(name)}</h3>'
        f"{_text(schema.get('description'))}{_fields(schema)}</section>"
        for name, schema in sorted(schemas.items())
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} reference</title>"
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="/static/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/static/style.css"><link rel="stylesheet" href="/static/reference.css">'
        '<script src="/static/theme.js"></script></head>'
        '<body><main class="reference"><p><a href="/">To the pages</a></p>'
        f"<h1>{escape(info['title'])}</h1>{_text(info.get('description'))}"
        f'<p>The same for programs: <a href="/api/{source}">{source}</a></p>'
        f"{sections}<h2>Shapes</h2>{shapes}</main></body></html>\n"
    )


def _operation(operation: Schema) -> str:
    parts = [_text(operation.get("description"))]
    if parameters := operation.get("parameters"):
        given = [
            (p["name"], p["in"], _type(p["schema"]), "yes" if p.get("required") else "", p.get("description") or "")
            for p in parameters
        ]
        parts.append(_table(("parameter", "in", "type", "required", ""), given))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        parts.append(f"<p>Body: {_type(content['schema'])}</p>")
    rows = []
    for status, answer in sorted(operation["responses"].items()):
        shapes = {_type(content["schema"]) for content in answer.get("content", {}).values() if "schema" in content}
        rows.append((status, " ".join(sorted(shapes)), answer["description"]))
    parts.append(_table(("status", "answer", ""), rows))
    return "".join(parts)


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (name, _type(field), "yes" if name in required else "", field.get("description") or "")
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(("field", "type", "required", ""), rows) if rows else ""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; the column called `type` or `answer` is markup already."""
    ready = {n for n, head in enumerate(heads) if head in ("type", "answer")}
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell if n in ready else _words(cell)}</td>" for n, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _type(schema: Schema) -> str:
    """A type in a few words, as markup: links to shapes, limits, choices."""
    if ref := schema.get("$ref"):
        name = escape(ref.rsplit("/", 1)[1])
        return f'<a href="#{name}">{name}</a>'
    for many in ("oneOf", "anyOf", "allOf"):
        if many in schema:
            return " or ".join(_type(option) for option in schema[many])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kinds = schema.get("type", "anything")
    name = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if name == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minLength", "from"), ("maxLength", "to"), ("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    kind = schema.get("format") or name
    return escape(f"{kind} ({' '.join(limits)})" if limits else kind)


def _text(text: str | None) -> str:
    return "".join(f"<p>{_words(paragraph)}</p>" for paragraph in (text or "").split("\n\n") if paragraph)


def _words(text: str) -> str:
    """Text as markup, with code where it is between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
