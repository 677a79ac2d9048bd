"""The one language model that may be asked for suggestions: at the address of the settings, and at no other."""

from __future__ import annotations

from typing import Any

import httpx

from events.deadline import within

from ..settings import Settings
from .access.limits import Turns
from .errors import Refusal

SUGGEST_SECONDS = 60.0
"""How long a model may take for an answer."""

ANSWER_BYTES = 2**20
"""Bytes of an answer at most."""

AT_ONCE = 4
"""Questions to the model at a time, for all callers; one caller has one."""


class Suggester:
    """Asks the model; without an address in the settings there is none."""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.suggest_model if settings.suggest_url else None
        self._url = f"{(settings.suggest_url or '').rstrip('/')}/chat/completions"
        self._headers = {"Authorization": f"Bearer {settings.suggest_key}"} if settings.suggest_key else {}
        self._turns = Turns("suggestions", AT_ONCE, 1)

    async def ask(self, actor: str, document: dict[str, Any]) -> bytes:
        """What the model sends back. Raises Refusal: 429 for too many at a time, 503 where it does not answer."""
        with self._turns.taken(actor):
            try:
                return await within(SUGGEST_SECONDS, self._post(document))
            except (httpx.HTTPError, TimeoutError) as error:
                raise _silent(str(error) or type(error).__name__) from error

    async def _post(self, document: dict[str, Any]) -> bytes:
        async with (
            httpx.AsyncClient(timeout=SUGGEST_SECONDS, follow_redirects=False) as client,
            client.stream("POST", self._url, json=document, headers=self._headers) as response,
        ):
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > ANSWER_BYTES:
                    raise _silent(f"its answer is longer than {ANSWER_BYTES // 1024} KiB")
        if response.status_code != 200:
            raise _silent(f"it refused with {response.status_code}: {body[:300].decode(errors='replace')}")
        return body


def _silent(why: str) -> Refusal:
    return Refusal(503, f"the model for suggestions has not answered: {why}", code="model_unavailable")
