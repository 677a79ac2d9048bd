"""Metrics: what a monitor wants to know, in the words of Prometheus."""

from __future__ import annotations

from litestar import Response, get
from litestar.middleware import DefineMiddleware
from litestar.plugins.prometheus import PrometheusConfig
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest

from .access.auth import may
from .gateway import Gate

LAST = Gauge("rooflog_log_last_sequence", "Sequence of the last fact on the log")
CHECKPOINT = Gauge("rooflog_checkpoint", "Sequence up to which the tables are folded")
BEHIND = Gauge("rooflog_behind_seconds", "Age of the oldest fact that is not folded")
QUARANTINED = Gauge("rooflog_quarantined", "Messages in quarantine")
UP = Gauge("rooflog_up", "1 while the log and the projector answer")
STREAMS = Gauge("rooflog_web_streams", "Open streams of changes")

_TEXT = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""Litestar adds the character set itself."""


def counting() -> DefineMiddleware:
    """Counts requests and measures how long their answers take, by route and not by path: ids are no labels."""
    return PrometheusConfig(app_name="rooflog", prefix="rooflog_web", group_path=True).middleware


@get("/metrics", summary="Metrics for Prometheus", tags=["state"], media_type=_TEXT, guards=[may(None)])
async def metrics(gateway: Gate) -> Response[bytes]:
    """Requests by route, how far the projector is, and how old the oldest unfolded fact is."""
    health = gateway.health.held()
    projector = health["projector"] or {}
    UP.set(bool(projector))
    STREAMS.set(gateway.changes.listeners)
    if "last_seq" in health["log"]:
        LAST.set(health["log"]["last_seq"])
    if projector:
        CHECKPOINT.set(projector["checkpoint"])
        BEHIND.set(projector["behind_seconds"])
        QUARANTINED.set(sum(health["quarantined"].values()))
    return Response(generate_latest(REGISTRY), media_type=_TEXT)
