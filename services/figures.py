"""The figures of the tables for Prometheus, the same from the projector and from the gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prometheus_client.metrics_core import Metric

from .metrics import OUTCOMES, gauge, gauges, one_of
from .state.lag import Lag


def of_tables(measured: dict[str, Any], lag: Lag) -> list[Metric]:
    """What the question `measured` answers, and how far the tables are behind."""
    figures = [
        gauge("rooflog_log_last_sequence", lag.last),
        gauge("rooflog_checkpoint_sequence", measured["checkpoint"]),
        gauge("rooflog_behind_facts", lag.behind),
        gauge("rooflog_behind_seconds", lag.seconds),
        gauge("rooflog_examples", measured["examples"]),
        gauge("rooflog_training_set_examples", measured["unique"]),
        gauges("rooflog_queue_examples", measured["queue"]),
        gauges("rooflog_quarantined_messages", measured["quarantined"]),
    ]
    if at := measured["exported_at"]:
        age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
        figures.append(gauge("rooflog_export_age_seconds", max(0.0, age)))
    if outcome := measured["training"]:
        figures.append(one_of("rooflog_training", OUTCOMES, outcome))
    return figures
