"""The pages for people: one document for all of them, which holds nothing but names of scripts and styles."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from litestar import MediaType, Response, get

DOCUMENT = Path(__file__).parent / "static" / "page.html"

PATHS = (
    "/", "/sign-in", "/review", "/examples", "/examples/{example_id:str}", "/exports", "/policies", "/quarantine",
    "/notes", "/imports", "/proofs", "/people", "/replay",
)  # fmt: skip
"""Every page; static/main.js knows which module draws it."""


@get(list(PATHS), include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    """The document. It shows nothing by itself, so it needs no token: what it asks for does."""
    return Response(_document(), media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})


def unknown() -> Response[bytes]:
    """The document at an address where there is no page; it says so."""
    return Response(_document(), media_type=MediaType.HTML, status_code=404, headers={"Cache-Control": "no-cache"})


@cache
def _document() -> bytes:
    return DOCUMENT.read_bytes()
