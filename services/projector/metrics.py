"""What a projector counts, and the figures of its data directory."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

from prometheus_client.metrics_core import Metric

from events.facts import Fact
from projections.store.compaction import wal_of

from .. import marks
from ..metrics import counter, gauge, histogram, of_disk
from ..settings import Settings

FOLDED = counter("rooflog_facts_folded_total")
BATCH = histogram("rooflog_batch_seconds", (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30))


def count(before: Counter[type[Fact]], after: Counter[type[Fact]]) -> None:
    """Count what was folded between two looks at `Projector.folded`."""
    for kind, number in (after - before).items():
        FOLDED.labels(kind.__struct_config__.tag).inc(number)


def of_files(settings: Settings) -> list[Metric]:
    """Figures of the data directory: sizes, and how long ago something was last done."""
    figures = [gauge("rooflog_database_bytes", _size(settings.database)), *of_disk("data", settings.database.parent)]
    for deed in marks.DEEDS:
        if mark := marks.last(settings.data_dir, deed):
            figures.append(gauge(f"rooflog_{deed}_age_seconds", mark.age_seconds))
    return figures


def _size(database: Path) -> int:
    """Bytes of a database, its write-ahead log and its segments; files come and go meanwhile."""
    total = 0
    for part in (database, wal_of(database), *database.with_suffix(".segments").glob("*")):
        with suppress(FileNotFoundError):
            total += part.stat().st_size
    return total
