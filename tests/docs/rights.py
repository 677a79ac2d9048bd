"""The table of rights: every route of the running gateway, asked by every kind of caller."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import httpx
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec import Struct

from services.runtime.nats_server import EmbeddedServer
from tests.services.web.conftest import Site

Caller = Literal["nobody", "publisher", "trusted publisher", "reviewer", "operator", "auditor"]
CALLERS: tuple[Caller, ...] = ("nobody", "publisher", "trusted publisher", "reviewer", "operator", "auditor")

REFUSED = (401, 403)

PARAMETERS = {"int": "0", "path": "style.css"}
"""What stands for a parameter of a path by its type; `UNKNOWN` for a text."""

UNKNOWN = "00000000"

OTHER_CORRECTOR = {"original_prompt": "p", "original_response": "r", "corrected_response": "s", "corrector": "Somebody"}


class Asked(Struct, frozen=True):
    """A call, and the status that every kind of caller got."""

    method: str
    path: str
    claim: str
    statuses: dict[Caller, int]

    def may(self, caller: Caller) -> bool:
        """Was this caller let in, whatever came of it?"""
        return self.statuses[caller] not in REFUSED


def routes(app: Litestar) -> Iterator[tuple[str, str]]:
    """Method and path of every route in the application's own table."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from ((method, route.path) for method in sorted(route.methods - {"HEAD", "OPTIONS"}))


def ask(site: Site, app: Litestar) -> list[Asked]:
    """Every route of a running gateway, asked by everybody; nothing but empty bodies is sent."""
    secret = site.tokens.add("trusted", "publisher", trusted=True)
    secrets = {"trusted publisher": secret} | site.secrets
    headers = {caller: {"Authorization": f"Bearer {secrets[caller]}"} for caller in CALLERS if caller in secrets}
    with httpx.Client(base_url=site.url, timeout=60, trust_env=False) as client:

        def asked(method: str, path: str, claim: str = "", body: dict[str, Any] | None = None) -> Asked:
            filled = re.sub(r"{\w+:(\w+)}", lambda found: PARAMETERS.get(found[1], UNKNOWN), path)
            content: dict[str, Any] = {"json": body or {}} if method == "POST" else {}
            statuses = {}  # as a stream, since some answers have no end
            for caller in CALLERS:
                with client.stream(method, filled, headers=headers.get(caller, {}), **content) as answer:
                    statuses[caller] = answer.status_code
            return Asked(method, path, claim, statuses)

        table = [asked(method, path) for method, path in routes(app)]
        table.append(asked("POST", "/api/v1/corrections", "with another corrector", OTHER_CORRECTOR))
    return sorted(table, key=lambda one: (one.path, one.method, one.claim))


@cache
def found() -> tuple[Asked, ...]:
    """What a gateway of its own answers, beside a log that holds nothing."""
    from .generated import application

    with tempfile.TemporaryDirectory() as directory, EmbeddedServer(Path(directory)):
        site = Site(Path(directory))
        try:
            site.start("web")
            return tuple(ask(site, application()))
        finally:
            site.close()


def page() -> str:
    """The table as a page."""
    note = "`make docs` writes this page from what a running gateway answers to every kind of caller; do not edit it."
    words = "A number is the status of a refusal. `yes` means that the caller is let in, whatever comes of the call."
    claims = "What a token that is not trusted claims is recorded and approves nothing: see the guide."
    head = ["| call | " + " | ".join(CALLERS) + " |", "|---|" + "---|" * len(CALLERS)]
    return "\n\n".join(["# Rights", note, words, claims, "\n".join(head + [_row(one) for one in found()])]) + "\n"


def _row(one: Asked) -> str:
    path = re.sub(r":\w+}", "}", one.path)
    cells = ["yes" if one.may(caller) else str(one.statuses[caller]) for caller in CALLERS]
    return f"| `{one.method} {path}`{f' {one.claim}' * bool(one.claim)} | {' | '.join(cells)} |"
