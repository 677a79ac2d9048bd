"""Processes that are killed with SIGKILL, each kind alone and all at once."""

from __future__ import annotations

import asyncio
import random
import signal

from ..installation import SERVICES, Installation
from ..registry import fault


@fault("projector killed")
async def projector(site: Installation, rng: random.Random) -> None:
    site.kill("projector")


@fault("exporter killed")
async def exporter(site: Installation, rng: random.Random) -> None:
    site.kill("exporter")


@fault("gateway killed")
async def gateway(site: Installation, rng: random.Random) -> None:
    site.kill("web")


@fault("clients killed")
async def clients(site: Installation, rng: random.Random) -> None:
    site.kill("client")


@fault("nats-server killed")
async def server(site: Installation, rng: random.Random) -> None:
    site.kill("nats")


@fault("nats-server restarted")
async def restart(site: Installation, rng: random.Random) -> None:
    site.kill("nats", signal.SIGTERM)


@fault("nats-server frozen")
async def freeze(site: Installation, rng: random.Random) -> None:
    site.kill("nats", signal.SIGSTOP)
    await asyncio.sleep(rng.uniform(1, 12))
    site.kill("nats", signal.SIGCONT)


@fault("supervisor killed")
async def supervisor(site: Installation, rng: random.Random) -> None:
    site.kill("up")
    site.start_up()


@fault("everything killed", is_short=True)
async def everything(site: Installation, rng: random.Random) -> None:
    """As if the machine had stopped, apart from its disk."""
    for kind in ("up", *SERVICES, "client", "nats"):
        site.kill(kind)
    site.start_up()
