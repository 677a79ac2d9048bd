"""The network between the server of the log and everybody else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

from ..installation import Installation
from ..proxy import Proxy, proxied
from ..registry import fault


@contextmanager
def through_proxy(home: Path) -> Iterator[Installation]:
    """Services and assistants reach the log through a proxy."""
    port = free_port()
    with proxied(port) as network:
        yield Installation(home, nats_port=port, network=network)


def _network(site: Installation) -> Proxy:
    assert site.network is not None
    return site.network


@fault("network cut", install=through_proxy)
async def cut(site: Installation, rng: random.Random) -> None:
    _network(site).cut()
    await asyncio.sleep(rng.uniform(0.5, 8))
    _network(site).mend()


@fault("network half-open", install=through_proxy)
async def half_open(site: Installation, rng: random.Random) -> None:
    """Connections stay and carry nothing: nobody is told that the other side is gone."""
    _network(site).swallows = True
    await asyncio.sleep(rng.uniform(2, 20))
    _network(site).mend()


@fault("network flapping", install=through_proxy, is_short=True)
async def flapping(site: Installation, rng: random.Random) -> None:
    for _ in range(8):
        _network(site).cut()
        await asyncio.sleep(rng.uniform(0.05, 0.5))
        _network(site).mend()
        await asyncio.sleep(rng.uniform(0.05, 1))


@fault("network with 300 ms each way", install=through_proxy)
async def slow(site: Installation, rng: random.Random) -> None:
    _network(site).delay_seconds = 0.3
    await site.until_answering()
    await asyncio.sleep(rng.uniform(1, 5))
    _network(site).mend()


@fault("network with 50 kB/s", install=through_proxy)
async def narrow(site: Installation, rng: random.Random) -> None:
    _network(site).bytes_per_second = 50_000
    await asyncio.sleep(rng.uniform(3, 10))
    _network(site).mend()
