"""Exported turns: what came before the rows of an export as it stands, the system texts, and the facts behind both.

The temporary table `chained` holds the turns of all conversations, without texts, for the time of an export. What came
before a page follows from it by whole columns, and only the texts of the page are read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..policy.rules import Rules
from ..store.database import Connection, with_table
from ..tables import policies
from ..texts import personal_data
from ..texts.text_size import READ
from ..verdicts import contexts

Column = npt.NDArray[Any]
Chains = dict[str, Column]
"""The columns of `chained`, in the order of the log."""

TURN = pa.struct([("prompt", pa.string()), ("response", pa.string())])


def keep(con: Connection, chains: pa.Table) -> None:
    """Keep `contexts.chains` as the temporary table `chained`, with what the examples say beside it."""
    with_table(
        con,
        chains,
        """CREATE OR REPLACE TEMP TABLE chained AS
           SELECT i.*, coalesce(e.redacted_seq, 0) AS redacted_seq, e.system IS NOT NULL AS has_system
           FROM incoming i JOIN examples e USING (seq)""",
    )


def read(con: Connection) -> Chains:
    """What `keep` has kept."""
    return con.execute("FROM chained ORDER BY seq").fetchnumpy()


class Before(NamedTuple):
    """What came before the rows of a page: for each turn the number of its row, and the seq of the turn and its text.

    `systems` are for every row the seq of the earlier turn whose system text holds, 0 for none.
    """

    chains: Chains
    seqs: Column
    row: Column
    turn: Column
    text: Column
    systems: Column

    def facts(self) -> pa.Array:
        """A list a row: the sequences of the captures, corrections and redactions of its turns and system text."""
        of_system = np.flatnonzero((self.systems > 0) & (self.systems != self.seqs))
        rows = np.concatenate([self.row, self.row, of_system])
        facts = np.concatenate([self.turn, self.text, self.systems[of_system]])
        redactions = self.chains["redacted_seq"][np.searchsorted(self.chains["seq"], facts)]
        rows, facts = np.tile(rows, 2), np.concatenate([facts, redactions])
        order = np.lexsort((facts, rows))
        rows, facts = rows[order], facts[order]
        is_first = (np.diff(rows, prepend=-1) != 0) | (np.diff(facts, prepend=0) != 0)
        is_first &= facts > 0
        return pa.ListArray.from_arrays(self._ends(rows[is_first]), pa.array(facts[is_first], pa.int64()))

    def _ends(self, rows: Column) -> pa.Array:
        """Where the lists of the rows end, by the rows of their values."""
        counts = np.bincount(rows, minlength=len(self.seqs))
        return pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))

    def texts(self, con: Connection, own: pa.ChunkedArray) -> dict[str, pa.Array]:
        """`turns`, a list of TURN a row, the oldest first, and `system`, null where there is none; nothing for neither.

        `own` are the system texts that were captured with the rows. One with personal data goes nowhere.
        """
        if not len(self.row) and not self.systems.any() and own.null_count == len(own):
            return {}
        wanted = pa.table({"seq": np.unique(np.concatenate([self.text, self.systems]))})
        con.register("wanted", wanted)
        stored = con.sql("SELECT seq, prompt, response, system FROM examples SEMI JOIN wanted USING (seq) ORDER BY seq")
        texts = stored.to_arrow_table().combine_chunks()
        con.unregister("wanted")
        known = texts["seq"].to_numpy()
        turns = texts.select(["prompt", "response"]).take(pa.array(np.searchsorted(known, self.text)))
        lists = pa.ListArray.from_arrays(
            self._ends(self.row), turns.combine_chunks().to_struct_array().combine_chunks()
        )
        has_none = self.systems == 0
        earlier = texts["system"].take(pa.array(np.searchsorted(known, self.systems), mask=has_none))
        return {"turns": lists, "system": _public(pc.coalesce(own, earlier), policies.current(con).rules)}


def _public(texts: pa.ChunkedArray, rules: Rules) -> pa.ChunkedArray:
    """Texts without those that hold personal data or are longer than what is read: a verdict does not look at them."""
    private = [
        text
        for text in pc.unique(texts.drop_null()).to_pylist()
        if len(text) > READ
        or (personal_data.is_suspect(text) and not all(span.is_flag for span in personal_data.find(text, rules=rules)))
    ]
    return pc.if_else(pc.is_in(texts, pa.array(private, pa.string())), None, texts) if private else texts


def before(chains: Chains, seqs: Column) -> Before:
    """What came before the examples of some sequences; turns without a prompt or without an answer are left out."""
    at = np.searchsorted(chains["seq"], seqs)
    rows = np.flatnonzero(np.isin(seqs, chains["seq"]))
    at = at[rows]
    turns = contexts.turns(chains, at)
    row = np.repeat(rows, chains["turns"][at])
    turn, text = turns["turn_seq"].to_numpy(), turns["text_seq"].to_numpy()
    place = np.searchsorted(chains["seq"], turn)
    systems = np.zeros(len(seqs), np.int64)
    for row_of, turn_of in ((row, chains["turn"][place]), (rows, chains["turn"][at])):
        has_system = chains["has_system"][np.searchsorted(chains["seq"], turn_of)]
        systems[row_of[has_system]] = turn_of[has_system]  # of several of a row the last one, which is the nearest
    is_said = ~chains["is_silent"][place]
    return Before(chains, seqs, row[is_said], turn[is_said], text[is_said], systems)
