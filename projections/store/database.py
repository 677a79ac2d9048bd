"""The DuckDB file: opening it with every setting said, its schema, and putting rows into it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from events.errors import RooflogError

Connection = duckdb.DuckDBPyConnection

MEMORY_LIMIT = "1GB"
"""DuckDB's share of the projector's 2 GB; the rest is Python, Arrow batches and answers under way."""

MANY_THREADS = 2
"""Threads of a statement over all rows. All others have one: another has little to share in a batch or an answer, gets
into the way of those of other connections, and makes a fact folded alone a third dearer."""

AMONG = "SEMI JOIN (SELECT unnest($seqs::BIGINT[]) AS seq) USING (seq)"
"""Behind a table's name: its rows of the sequences in the parameter `seqs`. DuckDB reads only the vectors that hold any
of them; for `seq IN (…)` with more than a few constants it reads the whole table. What is joined takes `among`."""


def among(table: str) -> str:
    """A relation to join with others: the rows of a table of the sequences in the parameter `seqs`.

    It is whole before it is joined. DuckDB 2.0 takes the rows that a join gives to another join for the few values of
    the first of them, fails with an internal error where others follow, and closes the database (its issue 24807).
    """
    return f"(WITH kept AS MATERIALIZED (FROM {table} {AMONG}) FROM kept)"


NO_SPACE = os.strerror(errno.ENOSPC)
"""What stands in an error where a disk is full."""

TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT[]": pa.list_(pa.int64()),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "BLOB": pa.binary(),
    "UUID": pa.uuid(),
}


class DatabaseError(RooflogError):
    """The database file cannot be used; the message says why and what to do."""


@contextmanager
def many_threads(con: Connection) -> Iterator[None]:
    """Let statements of a database have many threads for a while."""
    con.execute(f"SET threads = {MANY_THREADS}")
    try:
        yield
    finally:
        con.execute("SET threads = 1")


@contextmanager
def errors_told() -> Iterator[None]:
    """Raise DatabaseError, which a user understands, for what DuckDB raises in the meantime."""
    try:
        yield
    except duckdb.Error as error:
        raise DatabaseError(f"the database failed: {told(error)}") from error


def is_of_disk(error: Exception) -> bool:
    """Whether a disk has failed or is full, and nothing is wrong with the statement."""
    return isinstance(error, duckdb.IOException) or NO_SPACE in str(error)


def told(error: Exception) -> str:
    """What an error says in its first line, and what to do where a disk is full."""
    words = next(iter(str(error).splitlines()), type(error).__name__)
    return f"{words}; give that disk more space" if NO_SPACE in words else words


def connect(path: Path | None, *, memory_limit: str = MEMORY_LIMIT, read_only: bool = False) -> Connection:
    """Open the file, or a database in memory for None. Raises DatabaseError where another process owns the file."""
    settings: dict[str, Any] = {
        "threads": 1,
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        settings["temp_directory"] = str(path.with_suffix(".spill"))
    try:
        connection = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=settings)
    except duckdb.Error as error:
        raise DatabaseError(
            f"{path} is in use by another process or is damaged: {str(error).splitlines()[0]}; "
            "stop the other process, or run `rooflog rebuild` to make it anew from the log"
        ) from error
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def insert(con: Connection, table: str, columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows to a table as one Arrow table; `columns` are names and SQL types in the order of the rows."""
    if rows:
        append(con, table, by_column(columns, rows))


def append(con: Connection, table: str, rows: pa.Table) -> None:
    """Append an Arrow table to the table of a name."""
    with_table(con, rows, f"INSERT INTO {table} BY NAME SELECT * FROM incoming")


def with_rows(con: Connection, columns: dict[str, str], rows: Sequence[tuple[Any, ...]], *statements: str) -> None:
    """Run statements that read the rows as the view `incoming`."""
    with_table(con, by_column(columns, rows), *statements)


def by_column(columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows as an Arrow table; `columns` are names and SQL types in the order of the rows."""
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return table(columns, dict(zip(columns, values, strict=True)))


def table(columns: dict[str, str], values: Mapping[str, Iterable[Any]]) -> pa.Table:
    """Values by column as an Arrow table of the given names and SQL types."""
    return pa.table({name: pa.array(list(values[name]), TYPES[kind]) for name, kind in columns.items()})


def schema(columns: dict[str, str]) -> pa.Schema:
    """The Arrow schema of names and SQL types."""
    return pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])


def with_table(con: Connection, incoming: pa.Table, *statements: str) -> None:  # noqa: ARG001 -- DuckDB reads it
    """Run statements that read an Arrow table as `incoming`, which DuckDB finds by the name of the variable.

    To register a view takes longer than to append a few rows.
    """
    for statement in statements:
        con.execute(statement)


def first(con: Connection, statement: str, parameters: object = None) -> tuple[Any, ...] | None:
    """The first row of a small result, or None; unlike DuckDB's `fetchone` it leaves no unfinished result behind."""
    rows = con.execute(statement, parameters).fetchall()
    return rows[0] if rows else None
