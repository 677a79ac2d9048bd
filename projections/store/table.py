"""What a table is: its name, columns, kind and version, and which tables belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from .database import Connection

Kind = Literal["fact", "derived", "cache", "file"]


class Table(Struct, frozen=True, kw_only=True):
    """A table of the database; raise `version` when its columns change, or what is put into them.

    `kind` says where the rows come from: `fact` from the log alone, `derived` from other tables, `cache` from texts,
    dear to compute and the same for every text, `file` from the file itself. `key` orders the rows in a digest, and
    identifies one. Tables of one `group` follow from one another: whoever puts one back puts back all.
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
    """The name under which they enter it where the table has got another one: equal content keeps its digest."""
    text_key: str = ""
    """The column that says of which text of `examples` a row is; once no example has that text, the row is stale."""
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
