"""Memory: the columns of a database for the one who folds and for those who read, and how they agree on a moment.

Who folds changes what is read of the columns in one go, once its transaction is committed. Who reads begins a
transaction of the same moment, reads the columns first and the tables after that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from ..policy.policy import Policy
from ..store.checkpoint import checkpoint
from ..store.database import Connection, DatabaseError
from ..tables import policies
from ..tables.examples import compared
from ..texts import analysis
from ..texts.analysis import Analyser
from . import contexts, judgement, stored
from .columns import Columns
from .lookup import Lookup

PUBLISHED_SECONDS = 30.0
"""How long a reader waits for a commit to be published, which takes milliseconds."""


class Memory:
    """The columns, the policy that holds, and the sequence up to which both are."""

    def __init__(self, con: Connection) -> None:
        """Of a database that is open; the columns are read when they are needed."""
        self._con = con
        self._columns: Columns | None = None
        self._policy: Policy | None = None
        self._analysed: tuple[str, Lookup] | None = None
        self._seq = 0
        self.changed = threading.Condition(threading.RLock())

    def analysed(self, by: Analyser) -> Lookup:
        """Halves of the keys of the texts that an analyser has seen, for the one who folds."""
        if self._analysed is None or self._analysed[0] != by.name:
            lookup = Lookup()
            for keys in analysis.keys(self._con, by):
                lookup.add(stored.halves(keys)[0], np.zeros(len(keys), np.int64))
            self._analysed = by.name, lookup
        return self._analysed[1]

    def saw_texts(self, by: Analyser) -> None:
        """Learn that the texts of the temporary table `touched_texts` were analysed."""
        keys = self._con.sql("SELECT analysis_key FROM touched_texts").to_arrow_table()["analysis_key"]
        self.analysed(by).add(stored.halves(keys)[0], np.zeros(len(keys), np.int64))

    def drop(self) -> None:
        """Forget everything, as a transaction was rolled back or other rows were put into the tables."""
        with self.changed:
            self._columns = self._policy = self._analysed = None

    def columns(self) -> Columns:
        """The columns for the one who folds, outside a transaction or at its beginning."""
        return self._read(self._con) if self._columns is None else self._columns

    def _read(self, con: Connection) -> Columns:
        with self.changed:
            self._policy, self._seq = policies.current(con), checkpoint(con).seq
            self._columns = stored.read(con, compared(self._policy))
            rules = judgement.rules(self._policy, self._columns.sources.numbers, self._columns.uses.numbers)
            contexts.derive(self._columns, np.arange(self._columns.count), rules)
            return self._columns

    @property
    def policy(self) -> Policy:
        """The policy that holds for the one who folds."""
        if self._policy is None:
            self._policy = policies.current(self._con)
        return self._policy

    @property
    def known_policy(self) -> Policy | None:
        """The same for everybody else; None where it has to be read from the tables."""
        return self._policy

    def publish(self, policy: Policy, columns: Columns, seq: int, apply: Callable[[], None]) -> None:
        """Let others see a commit: `apply` changes what they read."""
        with self.changed:
            apply()
            self._columns, self._policy, self._seq = columns, policy, seq
            columns.published = columns.count
            self.changed.notify_all()

    def reader(self, cursor: Connection) -> Reader:
        """Begin to read with a cursor of the same database."""
        self.changed.acquire()
        try:
            while True:
                cursor.execute("BEGIN TRANSACTION")
                seq = checkpoint(cursor).seq
                if self._columns is None:
                    self._read(cursor)
                if self._seq == seq and self._columns is not None and self._policy is not None:
                    return Reader(self, cursor, self._columns, self._policy)
                cursor.execute("ROLLBACK")  # a commit that is not published yet
                if not self.changed.wait(PUBLISHED_SECONDS):
                    raise DatabaseError(f"facts up to sequence {seq} are folded and not judged yet; ask again later")
        except BaseException:
            self.changed.release()
            raise


class Reader:
    """One moment: the columns until the tables are asked for the first time, then the tables."""

    def __init__(self, memory: Memory, cursor: Connection, columns: Columns, policy: Policy) -> None:
        self._memory, self._cursor, self._columns = memory, cursor, columns
        self._is_held = True
        self.policy = policy

    @property
    def columns(self) -> Columns:
        """The columns. Raises RuntimeError once the tables have been asked, because the columns have moved on."""
        if not self._is_held:
            raise RuntimeError("columns are read before the first statement")
        return self._columns

    @property
    def con(self) -> Connection:
        """The tables of the moment."""
        self.release()
        return self._cursor

    def release(self) -> None:
        """Let others go on."""
        if self._is_held:
            self._is_held = False
            self._memory.changed.release()
