"""The registry of all metrics: how each is called, what it means, how it is divided, and which process shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import disk_usage
from typing import Literal

from msgspec import Struct
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from events.client.metrics import METRICS as OF_CLIENT

Kind = Literal["gauge", "counter", "histogram"]
Process = Literal["projector", "exporter", "web", "client"]

PROJECTOR: Process = "projector"
EXPORTER: Process = "exporter"
WEB: Process = "web"
SERVICES: tuple[Process, ...] = (PROJECTOR, EXPORTER, WEB)
TABLES: tuple[Process, ...] = (PROJECTOR, WEB)
"""The figures of the tables come from the projector, which has them, and from the gateway, which asks it."""

EXPORTER_STATES = ("starting", "idle", "waiting", "exporting", "training", "failing")
OUTCOMES = ("intended", "started", "succeeded", "failed")


class Figure(Struct, frozen=True):
    """A metric; `labels` divide it, each with few values that no caller chooses."""

    kind: Kind
    processes: tuple[Process, ...]
    words: str
    labels: tuple[str, ...] = ()


def _gauge(processes: Sequence[Process], words: str, *labels: str) -> Figure:
    return Figure("gauge", tuple(processes), words, labels)


def _counter(processes: Sequence[Process], words: str, *labels: str) -> Figure:
    return Figure("counter", tuple(processes), words, labels)


def _histogram(processes: Sequence[Process], words: str, *labels: str) -> Figure:
    return Figure("histogram", tuple(processes), words, labels)


_ROUTE = ("app_name", "method", "path", "status_code")

METRICS: dict[str, Figure] = {
    "rooflog_up": _gauge(SERVICES, "1 while what the figures are taken from answers", "service"),
    "rooflog_ready": _gauge(SERVICES, "1 while the service answers 200 at /health/ready", "service"),
    "rooflog_build_info": _gauge(SERVICES, "1 for the version of rooflog", "version"),
    "rooflog_log_last_sequence": _gauge(TABLES, "Sequence of the last fact on the log"),
    "rooflog_checkpoint_sequence": _gauge(TABLES, "Sequence up to which the tables are folded"),
    "rooflog_behind_facts": _gauge(TABLES, "Facts that are not folded"),
    "rooflog_behind_seconds": _gauge(TABLES, "Age of the oldest fact that is not folded"),
    "rooflog_examples": _gauge(TABLES, "Examples in the tables"),
    "rooflog_training_set_examples": _gauge(TABLES, "Examples in the training set"),
    "rooflog_queue_examples": _gauge(
        TABLES, "Examples that wait for a reviewer, by the reason of their place", "reason"
    ),
    "rooflog_quarantined_messages": _gauge(TABLES, "Messages in quarantine, by category", "category"),
    "rooflog_export_age_seconds": _gauge(TABLES, "Age of the last export; absent before the first"),
    "rooflog_training": _gauge(TABLES, "1 for the outcome of the last training; absent before the first", "outcome"),
    "rooflog_facts_folded_total": _counter([PROJECTOR], "Facts that this process has folded live, by tag", "fact"),
    "rooflog_batch_seconds": _histogram([PROJECTOR], "How long a batch of facts took to be folded"),
    "rooflog_database_bytes": _gauge([PROJECTOR], "Size of the database and its segments"),
    "rooflog_verified_age_seconds": _gauge([PROJECTOR], "How long ago the log was last verified; absent if never"),
    "rooflog_backed_up_age_seconds": _gauge([PROJECTOR], "How long ago the log was last backed up; absent if never"),
    "rooflog_disk_free_bytes": _gauge([PROJECTOR, EXPORTER], "Free room of a file system", "place"),
    "rooflog_disk_size_bytes": _gauge([PROJECTOR, EXPORTER], "Size of a file system", "place"),
    "rooflog_question_seconds": _histogram(
        [PROJECTOR, EXPORTER], "How long a question took to be answered", "question"
    ),
    "rooflog_exporter_state": _gauge([EXPORTER], "1 for what the exporter does", "state"),
    "rooflog_exporter_failures": _gauge([EXPORTER], "Tries that have failed since the last that did not"),
    "rooflog_exporter_behind_facts": _gauge([EXPORTER], "Facts since the exporter looked at the tables"),
    "rooflog_changed_rows": _gauge([EXPORTER], "Rows that the next export changes"),
    "rooflog_export_waiting_seconds": _gauge([EXPORTER], "How long the oldest change has waited to be exported"),
    "rooflog_export_wait_limit_seconds": _gauge([EXPORTER], "How long a change may wait, by the policy"),
    "rooflog_trainings_uncertain": _gauge([EXPORTER], "Trainings of which nobody knows whether they run"),
    "rooflog_web_streams": _gauge([WEB], "Open streams of changes"),
    "rooflog_web_requests_total": _counter([WEB], "Total requests", *_ROUTE),
    "rooflog_web_requests_error_total": _counter([WEB], "Total errors in requests", *_ROUTE),
    "rooflog_web_request_duration_seconds": _histogram([WEB], "Request duration, in seconds", *_ROUTE),
    "rooflog_web_requests_in_progress": _gauge([WEB], "Total requests currently in progress", *_ROUTE),
    **{name: Figure(metric.kind, ("client",), metric.words) for name, metric in OF_CLIENT.items()},
}
"""Every metric by its name."""

PROCESS = {
    "process_start_time_seconds": "When the process began, in seconds since 1970",
    "process_resident_memory_bytes": "Memory of the process",
    "process_cpu_seconds_total": "Processor time of the process",
    "process_open_fds": "Open files of the process",
}
"""Metrics of every service that prometheus-client measures by itself."""


def is_of(process: str, metric: Metric) -> bool:
    """Whether a process shows a metric: its modules may have brought that of another one."""
    figure = METRICS.get(f"{metric.name}_total" if metric.type == "counter" else metric.name)
    return figure is None or process in figure.processes


def gauge(name: str, value: float, **labels: str) -> Metric:
    """A figure of this moment."""
    family = GaugeMetricFamily(name, METRICS[name].words, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def gauges(name: str, values: Mapping[str, float]) -> Metric:
    """A figure of this moment for each value of its label."""
    family = GaugeMetricFamily(name, METRICS[name].words, labels=METRICS[name].labels)
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def one_of(name: str, states: Sequence[str], now: str) -> Metric:
    """1 for the state that holds, and 0 for the others."""
    return gauges(name, {state: float(state == now) for state in states})


def of_disk(place: str, path: Path) -> list[Metric]:
    """The free room and the size of the file system that holds a path; nothing while the path is not there."""
    if not path.exists():
        return []
    usage = disk_usage(path)
    return [
        gauge("rooflog_disk_free_bytes", usage.free, place=place),
        gauge("rooflog_disk_size_bytes", usage.total, place=place),
    ]


def counter(name: str) -> Counter:
    """What this process counts."""
    return Counter(name.removesuffix("_total"), METRICS[name].words, METRICS[name].labels)


def kept_gauge(name: str) -> Gauge:
    """A figure that this process sets before it is read."""
    return Gauge(name, METRICS[name].words, METRICS[name].labels)


def histogram(name: str, buckets: Sequence[float]) -> Histogram:
    """Durations in seconds."""
    return Histogram(name, METRICS[name].words, METRICS[name].labels, buckets=buckets)
