"""Routes of downloads: the files of an export, and lists of examples as CSV, JSON lines or Parquet."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from litestar import Router, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from events.errors import RooflogError, TooLarge

from ...volume import checked, open_volume
from ..access.auth import may
from ..downloads import MEDIA, Kind, Row, pieces, written
from ..errors import Refusal
from ..gateway import Gate, Gateway
from .examples import Reason, Stage, Text
from .facts import Call
from .operations import ask_exporter
from .state import Filter, Like, Sign, Since, Until, Why

logger = logging.getLogger("rooflog.web")

PAGE = 100
"""Examples that are asked for and written at a time."""

Digest = Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$")]
Format = Annotated[Kind, QueryParameter(description="The format of the file.")]


class Files(Struct, frozen=True):
    """The files of an export and their sizes in bytes."""

    files: dict[str, int]


class Difference(Struct, frozen=True):
    """Examples that came into an export, left it, or changed, since one before it."""

    came: int
    left: int
    changed: int


@get("/downloads/examples", summary="A list of examples as a file")
async def examples(
    gateway: Gate,
    request: Call,
    format: Format = "csv",  # noqa: A002 (the name that callers expect)
    reason: Annotated[Reason | None, QueryParameter(description="The first reason that keeps it out.")] = None,
    stage: Annotated[Stage | None, QueryParameter(description="Where it stands.")] = None,
    source: Filter = None,
    tag: Filter = None,
    project: Filter = None,
    relevance: Annotated[Literal["low", "medium", "high"] | None, QueryParameter()] = None,
    like: Like = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
) -> Stream:
    """With the filters of `GET /examples`, whole texts, the newest first.

    In CSV a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    filters = {"source": source, "tag": tag, "project": project, "relevance": relevance, "text": text}
    filters |= {"like": like, "since": since, "until": until}
    return await _list(gateway, request, format, "found", "before", {"reason": reason, "stage": stage} | filters)


@get("/downloads/review", summary="The review queue as a file")
async def review(
    gateway: Gate,
    request: Call,
    format: Format = "csv",  # noqa: A002
    why: Why = None,
    sign: Sign = None,
    tag: Filter = None,
    source: Filter = None,
    project: Filter = None,
    like: Like = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
) -> Stream:
    """With the filters of `GET /review`, whole texts, the most urgent first."""
    filters = {"why": why, "sign": sign, "tag": tag, "source": source, "project": project, "text": text}
    filters |= {"like": like, "since": since, "until": until}
    return await _list(gateway, request, format, "waiting", "after", filters)


@get("/exports/{digest:str}/files", summary="The files of an export")
async def files(gateway: Gate, digest: Digest) -> Files:
    """By their names below the export. 404 where the volume does not hold it any more."""
    return Files(await _files(gateway, digest))


@get("/exports/{digest:str}/files/{name:path}", summary="A file of an export")
async def file(
    gateway: Gate, request: Call, digest: Digest, name: Annotated[str, PathParameter(max_length=400)]
) -> Stream:
    """Its bytes as they are, which the manifest has the SHA-256 of."""
    path = name.removeprefix("/")
    if path not in await _files(gateway, digest):
        raise Refusal(404, f"this export has no file {path!r}", code="unknown_file")
    logger.info("%s downloads %s of export %s", request.user.name, path, digest[:12])
    whole = gateway.settings.volume / checked(f"exports/{digest}/{path}")
    return Stream(pieces(whole), media_type="application/octet-stream", headers=_named(PurePosixPath(path).name))


@get("/exports/{digest:str}/changes", summary="How an export differs from one before it")
async def changes(
    gateway: Gate, digest: Digest, since: Annotated[str, QueryParameter(pattern="^[0-9a-f]{64}$")]
) -> Difference:
    """Compared by the exporter from the lineage of both, without any text."""
    try:
        answer: dict[str, int] = await ask_exporter(gateway, "compare", digest=digest, before=since)
    except RooflogError as error:
        raise Refusal(404, str(error), code="unknown_export") from error
    return Difference(**answer)


async def _files(gateway: Gateway, digest: str) -> dict[str, int]:
    settings = gateway.settings
    if settings.sink != "local":
        raise Refusal(409, f"exports go to the sink {settings.sink}, which the gateway does not read", code="no_volume")
    volume = open_volume(settings)
    home = f"exports/{digest}/"
    sizes = {path.removeprefix(home): size for path, size in (await volume.listing(home.rstrip("/"))).items()}
    if not sizes:
        message = f"{volume.name} holds no export {digest[:12]}; it was removed, or the gateway does not see the volume"
        raise Refusal(404, message, code="unknown_export")
    return sizes


async def _list(
    gateway: Gateway, request: Call, kind: Kind, question: str, cursor: str, filters: dict[str, Any]
) -> Stream:
    """The first page is asked for before the answer begins, so that a refusal is one."""
    actor = request.user.name
    first: dict[str, Any] = await gateway.ask(actor, question, **filters, limit=PAGE, **{cursor: None})
    logger.info("%s downloads %s as %s", actor, question, kind)

    async def pages() -> AsyncIterator[list[Row]]:
        page = first
        while True:
            yield await _rows(gateway, actor, [item["example_id"] for item in page["items"]])
            if page[cursor] is None:
                return
            page = await gateway.ask(actor, question, **filters, limit=PAGE, **{cursor: page[cursor]})

    name = "examples" if question == "found" else "queue"
    return Stream(written(kind, pages()), media_type=MEDIA[kind], headers=_named(f"{name}.{kind}"))


async def _rows(gateway: Gateway, actor: str, ids: list[str]) -> list[Row]:
    """The rows of some examples; half of them at a time, again and again, where their texts are long."""
    if not ids:
        return []
    try:
        return [Row.of(example) for example in await gateway.ask(actor, "whole", ids=ids)]
    except TooLarge:
        if len(ids) == 1:
            raise
        half = len(ids) // 2
        return await _rows(gateway, actor, ids[:half]) + await _rows(gateway, actor, ids[half:])


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


ROUTES = Router("", route_handlers=[examples, review, files, file, changes], guards=[may("look")], tags=["downloads"])
