"""Metrics: what a monitor wants to know, in the words of Prometheus."""

from __future__ import annotations

from litestar import Response, get
from litestar.middleware import DefineMiddleware
from litestar.plugins.prometheus import PrometheusConfig
from prometheus_client import CONTENT_TYPE_LATEST

from ..metrics import WEB, kept_gauge
from ..monitor import measured
from .access.auth import may
from .gateway import Gate

STREAMS = kept_gauge("rooflog_web_streams")

_TEXT = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""Litestar adds the character set itself."""


def counting() -> DefineMiddleware:
    """Counts requests and measures how long their answers take, by route and not by path: ids are no labels."""
    return PrometheusConfig(app_name="rooflog", prefix="rooflog_web", group_path=True).middleware


@get("/metrics", summary="Metrics for Prometheus", tags=["state"], media_type=_TEXT, guards=[may(None)])
async def metrics(gateway: Gate) -> Response[bytes]:
    """Requests by route, what waits for reviewers, how far the projector is, and the age of the last export.

    Nothing is what it was before: while the projector is silent `rooflog_up` is 0, and its figures are absent.
    """
    STREAMS.set(gateway.changes.listeners)
    return Response(await measured(WEB, gateway.why_not, gateway.measure), media_type=_TEXT)
