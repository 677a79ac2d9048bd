"""Checks of what listens: the gateway and its tokens, and the ports."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import AsyncIterator, Iterator

from ..listener import listen
from ..runtime import processes
from ..settings import Settings
from ..web.access.auth import LOOPBACK
from ..web.access.tokens import Tokens, TokensError
from .check import Trouble, of
from .installation import Installation

ANSWER_SECONDS = 5.0


async def gateway(seen: Installation) -> AsyncIterator[Trouble]:
    """The tokens can be read, and where other machines are served there is one: without any nobody is let in."""
    tokens, host = Tokens(seen.settings.tokens_file), seen.settings.web_host
    try:
        if tokens.is_open and host not in LOOPBACK:
            cure = "make a token with `rooflog token add NAME --role operator`"
            yield Trouble(f"the gateway is to serve other machines at {host} and has no tokens: nobody comes in", cure)
        elif not tokens.is_open:
            tokens.all()
    except TokensError as error:
        yield of(error, "")


async def ports(seen: Installation) -> AsyncIterator[Trouble]:
    """Those that the services of this machine take are free, or are theirs."""
    for host, port, setting in _wanted(seen.settings):
        with contextlib.suppress(OSError):
            listen(host, port, setting).close()
            continue
        if not await asyncio.to_thread(_is_ours, host, port):
            who = processes.described(await asyncio.to_thread(processes.listener_at, port))
            yield Trouble(f"port {port} is taken by {who}", f"end that process, or choose another {setting}")


def _wanted(settings: Settings) -> Iterator[tuple[str, int, str]]:
    """Host, port and setting of every fixed port."""
    if settings.web_port:
        yield settings.web_host, settings.web_port, "--web-port"
    if settings.monitor_port:
        yield settings.monitor_host, settings.monitor_port, "--monitor-port"


def _is_ours(host: str, port: int) -> bool:
    """Does a service of rooflog listen there?"""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        return answer.status == 200 and b'"live"' in answer.read(1_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
