"""What monitors ask of a service over HTTP: whether it lives, whether it is ready, and its metrics.

The door is closed unless a port is given. It shows counts and ages, never a text, and needs no token: it belongs into
the network of the monitors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from events.deadline import within
from events.errors import RooflogError

from .listener import listen
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
    """The counters of this process, and figures that hold at this moment: none is ever what it was before."""

    def __init__(self, figures: Iterable[Metric]) -> None:
        self._figures = tuple(figures)

    def collect(self) -> Iterator[Metric]:
        """All of them, as Prometheus takes them."""
        yield from REGISTRY.collect()
        yield from self._figures


def gauge(name: str, words: str, value: float) -> Metric:
    """A figure called `rooflog_NAME`."""
    return GaugeMetricFamily(f"rooflog_{name}", words, value=value)


def gauges(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    """A figure for each value of a label."""
    family = GaugeMetricFamily(f"rooflog_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def exposition(figures: Iterable[Metric]) -> bytes:
    """All metrics as text."""
    return generate_latest(Now(figures))


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


async def measured(measure: Measure) -> bytes:
    """The metrics, with `rooflog_up` 0 and no figure of this moment where these cannot be measured in time."""
    try:
        figures: list[Metric] | None = await within(ANSWER_SECONDS, measure())
    except (TimeoutError, RooflogError, OSError) as error:
        logger.warning("measuring: %s", str(error) or type(error).__name__)
        figures = None
    except Exception:  # as above
        logger.exception("measuring")
        figures = None
    up = gauge("up", "1 while what the figures are taken from answers", figures is not None)
    return await asyncio.to_thread(exposition, [up, *(figures or ())])


class _Server(uvicorn.Server):
    """A server beside a service, which has the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the service."""
        yield


@asynccontextmanager
async def monitored(settings: Settings, who: str, look: Look, measure: Measure) -> AsyncIterator[None]:
    """Answer monitors while this is open, where a port is set. Raises OSError where that is taken."""
    if settings.monitor_port is None:
        yield
        return
    listener = listen(settings.monitor_host, settings.monitor_port, "--monitor-port")
    config = uvicorn.Config(
        _application(who, look, measure),
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


def _application(who: str, look: Look, measure: Measure) -> AsgiFastStream:
    @get(include_in_schema=False)
    async def live(_: Any) -> AsgiResponse:
        return _json(200, {"status": "live", "service": who})

    @get(include_in_schema=False)
    async def ready(_: Any) -> AsgiResponse:
        reasons = await why_not(look)
        return _json(503 if reasons else 200, readiness(reasons) | {"service": who})

    @get(include_in_schema=False)
    async def metrics(_: Any) -> AsgiResponse:
        return AsgiResponse(await measured(measure), headers={"content-type": CONTENT_TYPE_LATEST})

    return AsgiFastStream(asgi_routes=[(LIVE, live), (READY, ready), (METRICS, metrics)], logger=logger)


def readiness(reasons: list[str]) -> dict[str, Any]:
    """What is answered to whoever asks whether a service is ready."""
    return {"status": "not ready" if reasons else "ready", "reasons": reasons}


def _json(status: int, body: dict[str, Any]) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(body), status, {"content-type": "application/json"})
