"""The registry: every table of the database. Creation, comparison, copies and repair iterate it."""

from __future__ import annotations

from events.errors import InputError

from ..store.checkpoint import CHECKPOINT
from ..store.compaction import COMPACTION
from ..store.database import Connection
from ..store.projection import Projection
from ..store.segments import SEGMENTS
from ..store.table import Table
from ..tables.awaited import AWAITED
from ..tables.examples import CORRECTIONS
from ..tables.fact_tables import FACT_TABLES
from ..texts.analysis import ANALYSIS
from ..texts.contradictions import CLAIMS
from ..texts.near_duplicates import ALGORITHMS
from ..texts.near_links import NEAR_BUCKETS, NEAR_TEXTS
from ..texts.private_places import PRIVATE_PLACES
from ..verdicts.stored import EVIDENCE, JUDGED, VERDICTS
from ..verdicts.verdicts import JUDGING

TABLES: tuple[Table, ...] = (
    *FACT_TABLES,
    PRIVATE_PLACES,
    EVIDENCE,
    JUDGED,
    JUDGING,
    CORRECTIONS,
    AWAITED,
    ANALYSIS,
    CLAIMS,
    NEAR_TEXTS,
    NEAR_BUCKETS,
    CHECKPOINT,
    COMPACTION,
    SEGMENTS,
    VERDICTS,
)
"""Every table, those of facts first. The order is the content digest's."""


def projections() -> tuple[Projection, ...]:
    """The tables of facts, in the order in which a batch is folded."""
    return tuple(table for table in TABLES if isinstance(table, Projection))


def caches() -> tuple[Table, ...]:
    """The tables of what texts say, which are dear to compute."""
    return tuple(table for table in TABLES if table.kind == "cache")


def repairable() -> tuple[Table, ...]:
    """The tables that can be put back: all but what a file says of itself, and views, which hold nothing."""
    return tuple(table for table in TABLES if table.kind not in ("file", "view"))


def belonging(name: str) -> tuple[Table, ...]:
    """The tables that are put back with a table: its group, and every derived table unless it is derived itself.

    Raises InputError where no table of that name can be put back.
    """
    table = next((table for table in TABLES if table.name == name and table.kind != "file"), None)
    if table is None:
        raise InputError(f"no projection {name!r}; there are {', '.join(table.name for table in repairable())}")
    return tuple(
        candidate
        for candidate in repairable()
        if candidate is table
        or (candidate.group and candidate.group == table.group)
        or (candidate.kind == "derived" and table.kind != "derived")
    )


def create(con: Connection) -> None:
    """Create every table."""
    for table in TABLES:
        table.create(con)


def versions() -> str:
    """The version of every table, as the checkpoint of a file keeps it."""
    by_table = [f"{table.name}={table.version}" for table in TABLES]
    return " ".join([*by_table, f"links={'|'.join(ALGORITHMS.values()).replace(' ', '+')}"])


def differences(theirs: str) -> str:
    """How the versions of a file differ from these, in words; empty where they are equal."""
    old, new = set(theirs.split()), set(versions().split())
    if old == new:
        return ""
    return f"it holds {' '.join(sorted(old - new)) or 'less'}; this one writes {' '.join(sorted(new - old)) or 'less'}"
