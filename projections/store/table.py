"""What a table is: its name, columns, kind and version, and which tables belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from .database import Connection

Kind = Literal["fact", "derived", "cache", "file", "view"]


class Table(Struct, frozen=True, kw_only=True):
    """A table of the database; raise `version` when its columns or its content change.

    `kind` says where the rows come from: the log alone (`fact`), other tables (`derived`), texts (`cache`), the file
    itself (`file`), or a SELECT of other tables (`view`). `key` identifies a row, and orders the rows in a digest.
    Tables of one `group` are put back together.
    """

    name: str
    columns: dict[str, str]
    key: str
    kind: Kind
    version: int = 1
    group: str = ""
    in_digest: bool = False
    """Whether the rows enter the content digest."""
    formerly: str = ""
    """The name under which the rows enter it after the table was renamed: equal content keeps its digest."""
    text_key: str = ""
    """The column with the key of the text that a row describes. A row is stale once no example has that text."""
    first_row: Callable[[], tuple[Any, ...]] | None = None
    """The row that a new table begins with."""

    def create(self, con: Connection) -> None:
        """Create the table with its first row, if it has one."""
        con.execute(f"CREATE TABLE {self.name} ({', '.join(f'{name} {kind}' for name, kind in self.columns.items())})")
        if self.first_row is not None:
            con.execute(f"INSERT INTO {self.name} VALUES ({', '.join('?' * len(self.columns))})", self.first_row())

    @property
    def stale(self) -> str:
        """The condition on rows of texts that no example has any more."""
        if not self.text_key:
            return "false"
        # An erased example has no text: NOT IN is never true of a list with NULL in it.
        return f"{self.text_key} NOT IN (SELECT {self.text_key} FROM examples WHERE {self.text_key} IS NOT NULL)"


class View(Table, frozen=True, kw_only=True):
    """What a SELECT says of other tables, under a name."""

    kind: Kind = "view"
    select: str

    def create(self, con: Connection) -> None:
        """Create the view, once its tables are there."""
        con.execute(f"CREATE VIEW {self.name} AS {self.select}")
