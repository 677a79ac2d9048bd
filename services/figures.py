"""The figures of the tables for Prometheus, the same from the projector and from the gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prometheus_client.metrics_core import Metric

from .monitor import gauge, gauges
from .state.lag import Lag


def of_tables(measured: dict[str, Any], lag: Lag) -> list[Metric]:
    """What the question `measured` answers, and how far the tables are behind."""
    figures = [
        gauge("log_last_sequence", "Sequence of the last fact on the log", lag.last),
        gauge("checkpoint", "Sequence up to which the tables are folded", measured["checkpoint"]),
        gauge("behind_facts", "Facts that are not folded", lag.behind),
        gauge("behind_seconds", "Age of the oldest fact that is not folded", lag.seconds),
        gauge("examples", "Examples in the tables", measured["examples"]),
        gauge("training_set", "Examples in the training set", measured["unique"]),
        gauges("queue", "Examples that wait for a reviewer, by the reason of their place", "reason", measured["queue"]),
        gauges("quarantined", "Messages in quarantine, by category", "category", measured["quarantined"]),
    ]
    if at := measured["exported_at"]:
        age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
        figures.append(gauge("export_age_seconds", "Age of the last export", max(0.0, age)))
    if outcome := measured["training"]:
        figures.append(gauges("training", "1 for the outcome of the last training", "outcome", {outcome: 1}))
    return figures
