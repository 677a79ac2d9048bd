"""A format of exports: which rows it holds, and how it writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
from msgspec import Struct

from events.errors import RooflogError

from ..rows import SPLITS, Rows


class WrongColumns(RooflogError):
    """A format gives other columns than its schema has."""


class Format(Struct, frozen=True, kw_only=True):
    """One format; each split of it is a file of JSON lines and a Parquet file of the same rows."""

    name: str
    title: str
    """What it holds, for the card of the dataset."""
    trainers: str
    """What trainers call it."""
    schema: pa.Schema
    """The Parquet columns, which are the keys of a line."""
    lines: Mapping[str, str]
    """The columns of the lineage that number its lines, and for each the mask of the rows it numbers.

    A mask is a column of `training_set.pages`: true where the row is for this use.

    A row that several masks hold is a line for each of them, in this order. Formats with the same rows share columns.
    """
    made: Callable[[Rows], pa.Table]
    """From the rows of a side those that the format holds: the columns of `schema`, and `json`, lines with their ends.
    """

    def table(self, rows: Rows) -> pa.Table:
        """What `made` gives. Raises WrongColumns where it has other columns than it should."""
        table, wanted = self.made(rows), [*self.schema.names, "json"]
        if table.column_names != wanted:
            given = ", ".join(table.column_names)
            raise WrongColumns(f"export format {self.name}: made gives the columns {given}; wanted {', '.join(wanted)}")
        return table

    @property
    def paths(self) -> dict[str, str]:
        """The paths of its files, without their ends, by split."""
        return {split: f"data/{self.name}/{split}" for split in SPLITS}
