"""What a projector counts, and the figures of its moment."""

from __future__ import annotations

from shutil import disk_usage

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import Metric

from .. import marks
from ..monitor import gauge
from ..settings import Settings

FOLDED = Counter("rooflog_facts_folded", "Facts that were folded by this process")
BATCH = Histogram(
    "rooflog_batch_seconds",
    "How long a batch of facts took to be folded",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def of_files(settings: Settings) -> list[Metric]:
    """Figures of the data directory: sizes, and how long ago something was last done."""
    database = settings.database
    parts = [database, database.with_suffix(f"{database.suffix}.wal"), *database.with_suffix(".segments").glob("*")]
    size = sum(part.stat().st_size for part in parts if part.is_file())
    figures = [
        gauge("database_bytes", "Size of the database and its segments", size),
        gauge("disk_free_bytes", "Free room where the database is", disk_usage(database.parent).free),
    ]
    for deed in marks.DEEDS:
        if mark := marks.last(settings.data_dir, deed):
            words = f"How long ago the log was last {deed.replace('_', ' ')}"
            figures.append(gauge(f"{deed}_age_seconds", words, mark.age_seconds))
    return figures
