"""The metrics of a client in the text format of Prometheus, for the application's own `/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from .delivery import Stats


class Metric(msgspec.Struct, frozen=True):
    """What a metric means, and where it is in the statistics."""

    kind: Literal["gauge", "counter"]
    words: str
    value: Callable[[Stats], float]


METRICS = {
    "rooflog_outbox_said_total": Metric("counter", "Facts that came into the outbox", lambda s: s.said),
    "rooflog_outbox_waiting_facts": Metric(
        "gauge", "Facts of this process that the log has not acknowledged", lambda s: s.waiting
    ),
    "rooflog_outbox_published_total": Metric("counter", "Facts that were new on the log", lambda s: s.published),
    "rooflog_outbox_existing_total": Metric("counter", "Facts that were on the log already", lambda s: s.existing),
    "rooflog_outbox_dropped_total": Metric("counter", "Facts lost, as outbox or disk was full", lambda s: s.dropped),
    "rooflog_outbox_set_aside_total": Metric("counter", "Facts that the log refused for good", lambda s: s.set_aside),
    "rooflog_outbox_damaged_total": Metric("counter", "Stretches that held no whole fact", lambda s: s.damaged),
    "rooflog_outbox_adopted_total": Metric(
        "counter", "Segments taken over from processes that are gone", lambda s: s.adopted
    ),
    "rooflog_outbox_bytes": Metric("gauge", "Size of the outbox, all its processes together", lambda s: s.outbox_bytes),
    "rooflog_outbox_limit_bytes": Metric("gauge", "How large the outbox may become", lambda s: s.max_bytes),
    "rooflog_outbox_connected": Metric("gauge", "1 while the server of the log is connected", lambda s: s.is_connected),
    "rooflog_outbox_held_up_seconds": Metric(
        "gauge", "How long no fact has reached the log though some wait; 0 while none does", lambda s: s.held_up_seconds
    ),
}
"""Every metric of a client by its name."""


def figures(stats: Stats) -> dict[str, float]:
    """The metrics by name."""
    return {name: float(metric.value(stats)) for name, metric in METRICS.items()}


def exposition(stats: Stats) -> str:
    """The metrics as text, to be appended to other metrics of the same process."""
    lines = []
    for name, value in figures(stats).items():
        metric = METRICS[name]
        lines += [f"# HELP {name} {metric.words}.", f"# TYPE {name} {metric.kind}", f"{name} {value!r}"]
    return "\n".join([*lines, ""])
