"""Rows of the training set as formats take them, and what JSON lines and Parquet columns are put together from.

DuckDB escapes each text once; lines and columns are put together from whole Arrow arrays. So no text passes through
Python, and every step keeps the order of the rows.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
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

    `system` and `system_json` are the policy's system text. Where any row of the page has turns before it or a system
    text of its own, all of them have more columns: `turns`, `rules` (the system text that holds for the row),
    `before_json` (the messages before its question), and `transcript` (its question behind its turns, as one text).
    """

    table: pa.Table
    system: str
    system_json: str

    @property
    def in_context(self) -> bool:
        """Whether the rows have those columns."""
        return "turns" in self.table.column_names

    def __getitem__(self, name: str) -> pa.Array:
        column = self.table.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def json(self, name: str) -> pa.Array | str:
        """What a text of each row is as JSON, or of all of them."""
        if f"{name}_json" in self.table.column_names:
            return self[f"{name}_json"]
        return {"system": self.system_json, "before": "".join(_message("system", self.system_json))}[name]

    def where(self, mask: pa.Array) -> Rows:
        """The rows for which the mask is true."""
        return self if pc.all(mask, min_count=0).as_py() else self.with_table(self.table.filter(mask))

    def with_table(self, table: pa.Table) -> Rows:
        """Other rows with the same system text."""
        return Rows(table, self.system, self.system_json)


def by_split(page: pa.Table, system: str, con: Connection) -> dict[str, Rows]:
    """The rows of a page (of `training_set.pages`) by their side, each text escaped once for all formats."""
    [(system_json,)] = con.execute("SELECT to_json($1)::VARCHAR", [system]).fetchall()
    masks = [column.name for column in page.schema if pa.types.is_boolean(column.type)]
    before = [name for name in ("turns", "system") if name in page.column_names]
    rows = page.select([*masks, *_TEXTS, *before])
    split = {}
    for side in SPLITS:
        table = rows.filter(pc.equal(page.column("side"), side))
        if before:
            table = _in_context(table, system, con)
        escaped = _escaped(con, table.select([*_TEXTS, "transcript"] if before else _TEXTS))
        for name in escaped.column_names:
            table = table.append_column(name, escaped.column(name))
        split[side] = Rows(table, system, system_json)
    return split


def _escaped(con: Connection, texts: pa.Table) -> pa.Table:
    """Texts as JSON, in columns with `_json` behind their names."""
    columns = ", ".join(f"to_json({name})::VARCHAR AS {name}_json" for name in texts.column_names)
    con.register("texts", texts)
    json = con.sql(f"SELECT {columns} FROM texts").to_arrow_table()
    con.unregister("texts")
    return json


def _in_context(rows: pa.Table, system: str, con: Connection) -> pa.Table:
    """Rows with what follows from their turns and their system texts."""
    turns, prompts = _Turns.of(rows.column("turns")), rows.column("prompt").combine_chunks()
    asked = pc.binary_join_element_wise(
        turns.joined("User: ", turns.prompts, "\n\nAssistant: ", turns.responses, "\n\n"), "User: ", prompts, ""
    )
    rules = pc.fill_null(rows.column("system").combine_chunks(), system)
    spoken = _escaped(con, pa.table({"prompt": turns.prompts, "response": turns.responses})).combine_chunks()
    user, assistant = (spoken.column(name).combine_chunks() for name in ("prompt_json", "response_json"))
    before = pc.binary_join_element_wise(
        *_message("system", _escaped(con, pa.table({"rules": rules})).column(0).combine_chunks()),
        turns.joined(*_message("user", user), *_message("assistant", assistant)),
        "",
    )
    columns = {"rules": rules, "before_json": before, "transcript": pc.if_else(turns.is_any, asked, prompts)}
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows.drop_columns("system")


class _Turns(NamedTuple):
    """The turns before some rows, one after the other, and how many each row has."""

    counts: npt.NDArray[np.int64]
    prompts: pa.Array
    responses: pa.Array

    @classmethod
    def of(cls, lists: pa.ChunkedArray | pa.Array) -> _Turns:
        """From a list a row."""
        lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
        texts = lists.flatten()
        counts = pc.list_value_length(lists).to_numpy().astype(np.int64)
        return cls(counts, pc.struct_field(texts, "prompt"), pc.struct_field(texts, "response"))

    @property
    def is_any(self) -> pa.Array:
        return pa.array(self.counts > 0)

    def joined(self, *pieces: Any) -> pa.Array:
        """A text a row: pieces of every turn, one after the other."""
        ends = pa.array(np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(ends, pc.binary_join_element_wise(*pieces, "")), "")


_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
CONVERSATION = pa.list_(_MESSAGE)
"""A list of messages as a column."""


def messages(rows: Rows, *spoken: tuple[str, str]) -> pa.Array:
    """A list of messages a row, from the role and the text of each; the turns before a row follow on `system`.

    The texts of a row, one after the other, are the characters of its messages: what is added is where each ends.
    """
    if rows.in_context and spoken[0] == SYSTEM_AND_USER[0]:
        return _with_turns(rows, *spoken[1:])
    count = len(rows.table)
    texts = [rows.system if text == "system" else rows[text] for _, text in spoken]
    lengths = np.column_stack(
        [np.full(count, len(t.encode())) if isinstance(t, str) else pc.binary_length(t).to_numpy() for t in texts]
    )
    ends = np.concatenate([[0], np.cumsum(lengths.ravel())]).astype(np.int32)
    joined = pc.binary_join_element_wise(*texts, "")
    contents = pa.StringArray.from_buffers(ends.size - 1, pa.py_buffer(ends), joined.buffers()[2])
    roles = pa.array([role for role, _ in spoken]).take(pa.array(np.tile(np.arange(len(spoken)), count)))
    lists = pa.array(np.arange(count + 1, dtype=np.int32) * len(spoken))
    return pa.ListArray.from_arrays(lists, pa.StructArray.from_arrays([roles, contents], fields=list(_MESSAGE)))


def _with_turns(rows: Rows, *spoken: tuple[str, str]) -> pa.Array:
    """The same where rows have as many messages as they have: every text is taken to its place."""
    turns, count = _Turns.of(rows["turns"]), len(rows.table)
    columns = [("system", rows["rules"]), ("user", turns.prompts), ("assistant", turns.responses)]
    columns += [(role, rows[text]) for role, text in spoken]
    firsts = np.cumsum([0, *(len(column) for _, column in columns)])
    sizes = 1 + 2 * turns.counts + len(spoken)
    ends = np.cumsum(sizes)
    places, every, turn = np.empty(int(sizes.sum()), np.int64), np.arange(count), np.arange(len(turns.prompts))
    places[ends - sizes] = every
    number = turn - np.repeat(np.cumsum(turns.counts) - turns.counts, turns.counts)
    prompts = np.repeat(ends - sizes + 1, turns.counts) + 2 * number
    places[prompts], places[prompts + 1] = firsts[1] + turn, firsts[2] + turn
    for n in range(len(spoken)):
        places[ends - len(spoken) + n] = firsts[3 + n] + every
    contents = pa.concat_arrays([column for _, column in columns]).take(pa.array(places))
    kinds = np.searchsorted(firsts, places, side="right") - 1
    roles = pa.array([role for role, _ in columns]).take(pa.array(kinds))
    lists = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pa.ListArray.from_arrays(lists, pa.StructArray.from_arrays([roles, contents], fields=list(_MESSAGE)))


def lines(template: str, rows: Rows) -> pa.Array:
    """JSON lines from a template: its text and, for each `<name>`, what that text of a row is as JSON."""
    pieces = re.split(r"<(\w+)>", template + "\n")
    return pc.binary_join_element_wise(*(rows.json(p) if n % 2 else p for n, p in enumerate(pieces)), "")


def _message(role: str, content: Any) -> tuple[Any, ...]:
    """The pieces of a message that others follow, from its text as JSON."""
    return f'{{"role":"{role}","content":', content, "},"


ASKED = '<before>{"role":"user","content":<prompt>}'
SYSTEM_AND_USER = ("system", "system"), ("user", "prompt")


def answer(text: str) -> str:
    """The template of the assistant's message with this text of a row."""
    return f'{{"role":"assistant","content":<{text}>}}'
