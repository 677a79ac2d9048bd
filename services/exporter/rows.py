"""Rows of the training set as formats take them, and what JSON lines and Parquet columns are put together from.

DuckDB escapes each text once; lines and columns are put together from whole Arrow arrays. So no text passes through
Python, and every step keeps the order of the rows.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from projections.store.database import Connection

SPLITS = ("train", "eval")

ENDS = ("", "_json")
"""What follows the name of a text in the columns of rows: nothing for the text, `_json` for it as JSON."""

_TEXTS = ("prompt", "response", "rejected")


class Rows(Struct, frozen=True):
    """Rows of one side of the split: a page's texts and which formats hold them, and the texts as JSON (`prompt_json`).

    `system` and `system_json` are the system text of all of them.
    """

    table: pa.Table
    system: str
    system_json: str

    def __getitem__(self, name: str) -> pa.Array:
        column = self.table.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def where(self, mask: pa.Array) -> Rows:
        """The rows for which the mask is true."""
        return self if pc.all(mask, min_count=0).as_py() else self.with_table(self.table.filter(mask))

    def with_table(self, table: pa.Table) -> Rows:
        """Other rows with the same system text."""
        return Rows(table, self.system, self.system_json)


def by_split(page: pa.Table, system: str, con: Connection) -> dict[str, Rows]:
    """The rows of a page (of `training_set.pages`) by their side, each text escaped once for all formats."""
    escaped = ", ".join(f"to_json({text})::VARCHAR AS {text}_json" for text in _TEXTS)
    [(system_json,)] = con.execute("SELECT to_json($1)::VARCHAR", [system]).fetchall()
    masks = [column.name for column in page.schema if pa.types.is_boolean(column.type)]
    rows = page.select([*masks, *_TEXTS])
    split = {}
    for side in SPLITS:
        table = rows.filter(pc.equal(page.column("side"), side))
        con.register("side", table)
        json = con.sql(f"SELECT {escaped} FROM side").to_arrow_table()
        for name in json.column_names:
            table = table.append_column(name, json.column(name))
        con.unregister("side")
        split[side] = Rows(table, system, system_json)
    return split


_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
CONVERSATION = pa.list_(_MESSAGE)
"""A list of messages as a column."""


def messages(rows: Rows, *turns: tuple[str, str]) -> pa.Array:
    """A list of messages a row, from the role and the text of each; `system` is the same in every row.

    The texts of a row, one after the other, are the characters of its messages: what is added is where each ends.
    """
    count = len(rows.table)
    texts = [rows.system if text == "system" else rows[text] for _, text in turns]
    lengths = np.column_stack(
        [np.full(count, len(t.encode())) if isinstance(t, str) else pc.binary_length(t).to_numpy() for t in texts]
    )
    ends = np.concatenate([[0], np.cumsum(lengths.ravel())]).astype(np.int32)
    joined = pc.binary_join_element_wise(*texts, "")
    contents = pa.StringArray.from_buffers(ends.size - 1, pa.py_buffer(ends), joined.buffers()[2])
    roles = pa.array([role for role, _ in turns]).take(pa.array(np.tile(np.arange(len(turns)), count)))
    lists = pa.array(np.arange(count + 1, dtype=np.int32) * len(turns))
    return pa.ListArray.from_arrays(lists, pa.StructArray.from_arrays([roles, contents], fields=list(_MESSAGE)))


def lines(template: str, rows: Rows) -> pa.Array:
    """JSON lines from a template: its text and, for each `<name>`, what that text of a row is as JSON."""
    pieces = re.split(r"<(\w+)>", template + "\n")
    values = [
        piece if n % 2 == 0 else rows.system_json if piece == "system" else rows[f"{piece}_json"]
        for n, piece in enumerate(pieces)
    ]
    return pc.binary_join_element_wise(*values, "")


ASKED = '{"role":"system","content":<system>},{"role":"user","content":<prompt>}'
SYSTEM_AND_USER = ("system", "system"), ("user", "prompt")


def answer(text: str) -> str:
    """The template of the assistant's message with this text of a row."""
    return f'{{"role":"assistant","content":<{text}>}}'
