"""The web service as a process: one connection to the log, one HTTP server, ended together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from ipaddress import ip_network
from types import FrameType
from typing import Any

import uvicorn

from events.log.log import Log

from ..access.connect import access
from ..listener import listen
from ..settings import Settings
from .access.auth import LOOPBACK
from .access.connections import HEAD_BYTES, Places, protocol, raise_open_files
from .access.tokens import Tokens
from .app import create
from .gateway import Gateway
from .heads import Heads

logger = logging.getLogger("rooflog.web")

BACKLOG = 2_048
"""Connections that wait to be accepted."""

DRAIN_SECONDS = 5
"""How long answers on their way may take when the service ends."""


class _Server(uvicorn.Server):
    """Ends open streams with the first signal: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._gateway.changes.close)
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end: also where waiting for the log mends nothing."""
        if self._gateway.failure:
            self._gateway.changes.close()
        return await super().on_tick(counter) or self._gateway.failure is not None


async def serve(settings: Settings, url: str, asyncapi: Callable[[], dict[str, Any]]) -> int:
    """Run the web service until it is told to stop; the exit code. Raises TokensError or Unreachable."""
    tokens = Tokens(settings.tokens_file)
    if not tokens.is_open:
        tokens.all()
    log = Log(access(settings, url, "gateway"))
    try:
        listener = listen(settings.web_host, settings.web_port, "--web-port", BACKLOG)
        most = raise_open_files()
        gateway = Gateway(settings, log, url)
        config = uvicorn.Config(
            Heads(create(gateway, tokens, asyncapi)),
            lifespan="on",
            backlog=BACKLOG,
            http=protocol(Places(most, proxies=[ip_network(proxy) for proxy in settings.web_proxies])),
            h11_max_incomplete_event_size=HEAD_BYTES,
            proxy_headers=bool(settings.web_proxies),
            forwarded_allow_ips=list(settings.web_proxies),
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        server = _Server(config, gateway)
        for signum in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises its signals again when it has ended
            asyncio.get_running_loop().add_signal_handler(signum, lambda: None)
        who, port = _served(settings, tokens), listener.getsockname()[1]
        logger.info("serving on http://%s:%d (%s; pid %d)", settings.web_host, port, who, os.getpid())
        await server.serve([listener])
        if gateway.failure:
            raise gateway.failure
        return 0 if server.started else 1
    finally:
        await log.close()


def _served(settings: Settings, tokens: Tokens) -> str:
    """Who is let in."""
    if not tokens.is_open:
        return f"tokens in {tokens.path}"
    if settings.web_host in LOOPBACK:
        return "only you on this machine, as the operator"
    return f"nobody yet: make a token with `rooflog token add NAME --role operator`, which is kept in {tokens.path}"
