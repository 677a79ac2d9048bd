"""What monitors ask of a service over HTTP: whether it lives, whether it is ready, and its metrics.

The door is closed unless a port is given. It shows counts and ages, never a text, and needs no token: it belongs into
the network of the monitors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from itertools import chain
from typing import Any

import msgspec
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from events.deadline import within
from events.errors import RooflogError

from .listener import listen
from .metrics import gauge, is_of
from .settings import Settings

logger = logging.getLogger("rooflog.monitor")

LIVE, READY, METRICS = "/health/live", "/health/ready", "/metrics"

ANSWER_SECONDS = 5.0
"""How long a look may take; a service that needs longer is not ready."""

CONNECTIONS = 64
"""Requests at a time; more are answered with 503."""

IDLE_SECONDS = 5
"""How long an open connection may be silent."""

Look = Callable[[], Awaitable[list[str]]]
"""Why a service is not ready, in words; empty where it is."""

Measure = Callable[[], Awaitable[list[Metric]]]
"""Figures of this moment."""


class Now(Collector):
    """What a service has counted, and figures that hold at this moment: none is ever what it was before."""

    def __init__(self, who: str, figures: Iterable[Metric]) -> None:
        self._who = who
        self._figures = tuple(figures)

    def collect(self) -> Iterator[Metric]:
        """All of them, as Prometheus takes them."""
        yield from (metric for metric in REGISTRY.collect() if is_of(self._who, metric))
        yield from self._figures


def exposition(who: str, figures: Iterable[Metric]) -> bytes:
    """All metrics of a service as text."""
    return generate_latest(Now(who, figures))


async def why_not(look: Look) -> list[str]:
    """Why a service is not ready; a look that fails or takes too long is a reason."""
    try:
        return await within(ANSWER_SECONDS, look())
    except TimeoutError:
        return [f"no answer within {ANSWER_SECONDS:.0f} seconds"]
    except (RooflogError, OSError) as error:
        return [str(error) or type(error).__name__]
    except Exception as error:  # a bug, or a database that fails: whoever asks is told, whatever it is
        logger.exception("looking")
        return [f"{type(error).__name__}: {error}".splitlines()[0]]


async def measured(who: str, look: Look, *measures: Measure) -> bytes:
    """The metrics of a service; what a measure cannot give in time is absent, and `rooflog_up` is then 0."""
    looking = asyncio.create_task(why_not(look))
    figures = await asyncio.gather(*map(_in_time, measures))
    reasons = await looking
    of_service = [
        gauge("rooflog_up", None not in figures, service=who),
        gauge("rooflog_ready", not reasons, service=who),
        gauge("rooflog_build_info", 1, version=version("rooflog-server")),
    ]
    return await asyncio.to_thread(exposition, who, [*of_service, *chain.from_iterable(f or () for f in figures)])


async def _in_time(measure: Measure) -> list[Metric] | None:
    try:
        return await within(ANSWER_SECONDS, measure())
    except (TimeoutError, RooflogError, OSError) as error:
        logger.warning("measuring: %s", str(error) or type(error).__name__)
    except Exception:  # as above
        logger.exception("measuring")
    return None


class _Server(uvicorn.Server):
    """A server beside a service, which has the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the service."""
        yield


@asynccontextmanager
async def monitored(settings: Settings, who: str, look: Look, *measures: Measure) -> AsyncIterator[None]:
    """Answer monitors while this is open, where a port is set. Raises OSError where that is taken."""
    if settings.monitor_port is None:
        yield
        return
    listener = listen(settings.monitor_host, settings.monitor_port, "--monitor-port")
    config = uvicorn.Config(
        _application(who, look, measures),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    address = f"{settings.monitor_host}:{listener.getsockname()[1]}"
    logger.info("%s answers monitors at http://%s", who, address)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _application(who: str, look: Look, measures: Sequence[Measure]) -> AsgiFastStream:
    @get(include_in_schema=False)
    async def live(_: Any) -> AsgiResponse:
        return _json(200, {"status": "live", "service": who})

    @get(include_in_schema=False)
    async def ready(_: Any) -> AsgiResponse:
        reasons = await why_not(look)
        return _json(503 if reasons else 200, readiness(reasons) | {"service": who})

    @get(include_in_schema=False)
    async def metrics(_: Any) -> AsgiResponse:
        return AsgiResponse(await measured(who, look, *measures), headers={"content-type": CONTENT_TYPE_LATEST})

    return AsgiFastStream(asgi_routes=[(LIVE, live), (READY, ready), (METRICS, metrics)], logger=logger)


def readiness(reasons: list[str]) -> dict[str, Any]:
    """What is answered to whoever asks whether a service is ready."""
    return {"status": "not ready" if reasons else "ready", "reasons": reasons}


def _json(status: int, body: dict[str, Any]) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(body), status, {"content-type": "application/json"})
