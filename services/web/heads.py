"""HEAD: every address that answers GET answers it too, with the same headers and no body."""

from __future__ import annotations

from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send


class Heads:
    """An application that takes HEAD for GET; the server sends no body after the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        taken: Any = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        await self._app(taken, receive, send)
