"""The projector: folds batches of the log into the tables, each in one transaction with its checkpoint.

What a batch reaches is handed on in temporary tables; verdicts.py goes on with `touched`.

| table | rows | columns | written by | read by |
|---|---|---|---|---|
| `portion` (a view) | examples of a stretch of the log | of examples | `judge` | analysis, links |
| `touched` | examples that a batch reaches | seq, example_id | `_find_touched`, `_link` | awaited, links, verdicts |
| `changed_prompts` | prompts of `touched` that are new or changed | seq, prompt | `_link` | links |
| `touched_texts` | examples of `touched` | analysis_key and the texts | `_judge` | analysis |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from events.digest_chain import START
from events.facts import (
    ABOUT_EXAMPLES,
    CorrectionRecorded,
    ExampleDescribed,
    ExampleErased,
    ExampleRedacted,
    Fact,
    PolicyAdopted,
)
from events.message import Message

from ..policy.policy import Policy
from ..store import database
from ..store.batch import Batch, decode
from ..store.checkpoint import Checkpoint, checkpoint
from ..store.database import Connection, DatabaseError, with_rows
from ..tables import awaited, erasures, policies, redactions, restatements
from ..tables.examples import compared, known
from ..texts import analysis, contradictions, near_links, private_places
from ..texts.reading import Reading, read
from ..verdicts import evidence, stored, verdicts
from ..verdicts.columns import Columns
from ..verdicts.judgement import CORRECTION
from ..verdicts.memory import Memory, Reader
from ..work.jobs import Run
from ..work.workers import MOST, workers
from . import tables

_UNTIDY, _TIDY = "SET max_vacuum_tasks = 0", "RESET max_vacuum_tasks"
"""DuckDB must not vacuum while facts arrive: every 10,000 facts it writes the write-ahead log into the file, and
rewrites row groups in which rows were replaced. That made one commit up to 1.4 s longer."""

Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

PORTION = 100_000
"""Sequences whose texts are read in one transaction when everything is judged: it bounds memory."""


_CHANGING: tuple[type[Fact], ...] = (ExampleRedacted, ExampleDescribed, ExampleErased)
"""The facts that change the evidence on an example that is there."""

_SELDOM = frozenset({redactions.REDACTIONS.name, erasures.ERASURES.name, awaited.AWAITED.name})
"""Tables that most batches need not ask: to ask an empty one takes 0.3 ms, of the 10 that a feedback takes."""


class Judged(NamedTuple):
    """The policy and the columns after a batch, and what changes those that others read once it is committed."""

    policy: Policy
    columns: Columns
    apply: verdicts.Apply


def prepare(messages: Sequence[Message]) -> Batch:
    """Decode messages that follow one another, and say what they bring to every table."""
    batch = decode(messages)
    for projection in tables.projections():
        if projection.concerns(batch) and projection.rows and (rows := projection.rows(batch)) is not None:
            batch.rows[projection.name] = rows
    return batch


class Projector:
    """The owner of one database; every other connection to it is a cursor of this one.

    `checkpoint_seq` is the last committed sequence, for readers that may not wait for the connection. `near` is the
    index of prompts in memory: whoever writes to their tables has to clear it.
    """

    def __init__(self, path: Path | None = None, *, memory_limit: str = database.MEMORY_LIMIT) -> None:
        """Open or create the database. Raises DatabaseError where it belongs to another process or version."""
        self.con: Connection = database.connect(path, memory_limit=memory_limit)
        self.checkpoint_seq = self._judged_seq = 0
        self._is_open = False  # the transaction
        self._log_digest: bytes | None = None  # at the last folded sequence; None where the table has to be asked
        self._empty: frozenset[str] | None = None  # those of _SELDOM that hold nothing; None as before
        self.folded: Counter[type[Fact]] = Counter()
        """The facts that were folded one by one, and not as rows of a segment."""
        self.near = near_links.Index()
        self.memory = Memory(self.con)
        self.con.execute(_UNTIDY)
        try:
            self._begin(path)
        except duckdb.Error as error:
            self.con.close()
            raise DatabaseError(
                f"{path} is damaged: {str(error).splitlines()[0]}; run `rooflog rebuild` to make it anew from the log"
            ) from error
        except BaseException:
            self.con.close()
            raise

    def _begin(self, path: Path | None) -> None:
        """Create the tables, or find where they stand and judge what was left unjudged."""
        if not database.first(self.con, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'checkpoint'"):
            self._create()
        elif different := tables.differences(self._fetch("SELECT versions FROM checkpoint")[0]):
            raise DatabaseError(
                f"{path} was written by another version of rooflog ({different}); "
                "run `rooflog rebuild` to make it anew from the log"
            )
        self.checkpoint_seq = self.checkpoint.seq
        self._judged_seq = int(self._fetch("SELECT judged_seq FROM checkpoint")[0])
        self.judge()

    def close(self) -> None:
        """Close the database; what is committed is safe whether or not this is called."""
        with suppress(duckdb.Error):  # it may have failed, or stand in a transaction that has
            self.con.execute(_TIDY)
        self.con.close()

    def warm(self) -> None:
        """Read the columns and the index of prompts into memory; the first fact and the first reader would wait."""
        self.memory.columns()
        self.near.read(self.con)

    def forget(self) -> None:
        """Forget what is kept in memory, because other rows were put into the tables."""
        self.near.clear()
        self.memory.drop()
        self._log_digest = self._empty = None

    def reader(self, cursor: Connection) -> Reader:
        """Begin to read one moment with a cursor of this database."""
        return self.memory.reader(cursor)

    def tidy(self) -> None:
        """Remove replaced rows from the file: two seconds at a million examples, in which nothing is folded.

        Readers go on. The rows that they read at this moment stay until the next call.
        """
        self.con.execute(_TIDY)
        try:
            self.con.execute("CHECKPOINT")
        finally:
            self.con.execute(_UNTIDY)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the tables stand."""
        return checkpoint(self.con)

    def apply(self, messages: Sequence[Message]) -> int:
        """Fold messages, in the order of the log, judge what they touch, and move the checkpoint, in one transaction.

        Those at or below the checkpoint are skipped. Returns how many were folded; raises what DuckDB raises, with
        nothing changed.
        """
        self.judge()
        fresh = [message for message in messages if message.seq > self.checkpoint_seq]
        if fresh:
            self.take(prepare(fresh))
        return len(fresh)

    def take(self, batch: Batch, reading: Reading | None = None) -> None:
        """Fold and judge a batch that follows the checkpoint, as `apply` does; `reading` is what its examples say."""
        self._transact(batch, partial(self._judge, reading=reading))

    def fold(self, batch: Batch, *, commit: bool = True) -> None:
        """Fold a batch as `apply` does, without judging it: for many batches that nobody reads before `judge`.

        The batch follows the checkpoint; it can be prepared while the batch before it is folded. Without `commit` the
        transaction stays open for the next batch: DuckDB writes one large transaction in a third of the time.
        """
        self._transact(batch, None, commit)

    def judge(self, progress: Progress | None = None, *, linked_through: int = 0, run: Run | None = None) -> None:
        """Judge everything that was folded since the last judgement.

        Texts are analysed and linked in portions, each in a transaction: after a kill the next call goes on there.
        `progress` is called with the texts read and how many there are. Links up to `linked_through` are there already.
        `run` works on the texts; without it the processes of this machine do, where there are many.
        """
        since, last = self._judged_seq + 1, self.checkpoint_seq
        if since > last:
            return
        self.memory.drop()  # what was folded without it is in the tables alone
        self._empty = None
        policy = policies.current(self.con)
        by = analysis.analyser(policy)
        wanted = workers(MOST, run) if run or last - since >= PORTION else nullcontext()
        with database.many_threads(self.con), wanted as working:
            self._read_texts(policy, since, last, linked_through, working, progress)
            with self._transaction():
                changed = f"SELECT * FROM examples WHERE redacted_seq >= {since} OR erased_seq >= {since}"
                analysis.analyse(
                    self.con, "examples" if since > 1 else f"({changed})", by, working
                )  # the policy may be new
                near_links.relink(self.con, policy.likeness, self.near, working)
                near_links.link(self.con, f"({_prompts(f'({changed})')})", policy.likeness, self.near, working)
                contradictions.forget(self.con)
                columns = verdicts.gather_all(self.con, policy, working or map)
                awaited.find(self.con)
                self.con.execute("UPDATE checkpoint SET judged_seq = seq")
        self._judged_seq = last
        self.memory.publish(policy, columns, last, lambda: None)

    def _read_texts(
        self, policy: Policy, since: int, last: int, linked_through: int, run: Run | None, progress: Progress | None
    ) -> None:
        """Analyse and link what was folded between two sequences, a portion in a transaction."""
        for first in range(since, last + 1, PORTION):
            end = min(first + PORTION - 1, last)
            with self._transaction():
                part = f"SELECT * FROM examples WHERE seq BETWEEN {first} AND {end}"
                self.con.execute(f"CREATE OR REPLACE TEMP VIEW portion AS {part}")
                analysis.analyse(self.con, "portion", analysis.analyser(policy), run)
                if end > linked_through:
                    prompts = f"({_prompts('portion')})"
                    near_links.link(self.con, prompts, policy.likeness, self.near, run)
            if progress:
                progress(end - since + 1, last - since + 1)

    def _transact(self, batch: Batch, judge: Callable[[Batch], Judged] | None, commit: bool = True) -> None:
        # What takes texts away or describes changes what is read of an example, not only its judgement.
        changes = bool(batch.erased or any(map(batch.of, _CHANGING)))
        with self.memory.changed if judge and changes else nullcontext():
            judged = None
            with self._transaction(commit):
                digest = batch.follow(self._log_digest or self.checkpoint.log_digest)
                batch.empty = self._empty = self._still_empty() - batch.rows.keys()
                if judge:
                    columns = self.memory.columns()
                    rows = evidence.rows_of(columns, _named(batch))
                    batch.known = {example_id: int(columns["seq"][row]) for example_id, row in rows.items()}
                erasures.set_aside_wrong(self.con, batch)
                restatements.set_aside_wrong(self.con, batch)
                for projection in tables.projections():
                    projection.apply(self.con, batch)
                if judge:
                    judged = judge(batch)
                self.con.execute(
                    "UPDATE checkpoint SET seq = ?, subject = ?, log_digest = ?, judged_seq = ?",
                    [batch.last, batch.last_subject, digest, batch.last if judge else self._judged_seq],
                )
                self._log_digest = digest
            if commit:
                self.checkpoint_seq = batch.last
            self.folded.update({kind: len(facts) for kind, facts in batch.facts.items()})
            if judge:
                self._judged_seq = batch.last
            if judged:
                try:
                    self.memory.publish(judged.policy, judged.columns, batch.last, judged.apply)
                except BaseException:
                    self.memory.drop()  # what is committed is read from the tables again
                    raise

    def _still_empty(self) -> frozenset[str]:
        if self._empty is None:
            held = {name for name in _SELDOM if database.first(self.con, f"SELECT 1 FROM {name} LIMIT 1")}
            return _SELDOM - held
        return self._empty

    @contextmanager
    def _transaction(self, commit: bool = True) -> Iterator[None]:
        if not self._is_open:
            self.con.execute("BEGIN TRANSACTION")
        self._is_open = True
        try:
            yield
            if commit:
                self.con.execute("COMMIT")
                self._is_open = False
        except BaseException:
            self._is_open = False
            self.forget()
            with suppress(duckdb.Error):  # a transaction that a full disk has ended is rolled back already
                self.con.execute("ROLLBACK")
            raise

    def _judge(self, batch: Batch, reading: Reading | None) -> Judged:
        """Judge what the batch touches, or every example where it adopts a policy."""
        adopts = bool(batch.of(PolicyAdopted))
        policy = policies.current(self.con) if adopts else self.memory.policy
        if self._is_ordinary(batch) and not (adopts and not verdicts.gathers_the_same(self.con, policy)):
            return self._judge_ordinary(batch, policy, adopts, reading)
        self._find_touched(batch, policy)
        is_touched = database.first(self.con, "SELECT 1 FROM touched LIMIT 1") is not None
        if is_touched:
            if adopts:  # what stands behind a text that goes is linked anew as it was worded
                near_links.relink(self.con, policy.likeness, self.near)
            self._link(policy, batch.first)
        if batch.gone or batch.facts[ExampleRedacted]:
            contradictions.forget(self.con)
        if batch.rekeyed or (adopts and not verdicts.gathers_the_same(self.con, policy)):
            with database.many_threads(self.con):
                analysis.analyse(self.con, "examples", analysis.analyser(policy))
                near_links.relink(self.con, policy.likeness, self.near)
                return Judged(policy, verdicts.gather_all(self.con, policy), lambda: None)
        if is_touched:
            self.con.execute(
                """CREATE OR REPLACE TEMP TABLE touched_texts AS
                   SELECT analysis_key, prompt, response, original_response
                   FROM examples SEMI JOIN touched USING (seq)"""
            )
            analysis.analyse(self.con, "touched_texts", analysis.analyser(policy))
            self.memory.saw_texts(analysis.analyser(policy))
        apply = verdicts.update(self.con, self.memory, policy, is_new_policy=adopts)
        return Judged(policy, self.memory.columns(), apply)

    def _is_ordinary(self, batch: Batch) -> bool:
        """Whether a batch takes no text away and describes nothing, and no fact came before an example of it."""
        if batch.erased or batch.gone or any(map(batch.of, _CHANGING)):
            return False
        if not batch.arrived or awaited.AWAITED.name in batch.empty:
            return True
        return not awaited.holds_any(self.con, batch.arrived["example_id"].to_pylist())

    def _judge_ordinary(self, batch: Batch, policy: Policy, adopts: bool, reading: Reading | None) -> Judged:
        """Judge what an ordinary batch touches, from the facts and the columns alone."""
        columns = self.memory.columns()
        arrived = batch.arrived
        ids = set(arrived["example_id"].to_pylist()) if arrived else set()
        if missing := _named(batch) - ids - (batch.known or {}).keys():
            self._await(missing)
        arrivals = self._arrivals(batch, arrived, policy, reading) if arrived else None
        apply = verdicts.update_ordinary(self.con, self.memory, policy, batch, arrivals, is_new_policy=adopts)
        return Judged(policy, columns, apply)

    def _arrivals(self, batch: Batch, arrived: pa.Table, policy: Policy, reading: Reading | None) -> evidence.Arrivals:
        """Analyse and link what has arrived."""
        seqs = arrived["seq"].to_pylist()
        by = analysis.analyser(policy)
        if reading is None or reading.analyser != by.name:
            reading = read(by, arrived)
        analyses, worded = reading.of(seqs)[2:]
        lookup, keys = self.memory.analysed(by), stored.halves(arrived["analysis_key"])[0]
        known = np.zeros(len(keys), np.bool_)
        known[lookup.find(keys)[0]] = True
        analysis.keep(self.con, arrived["analysis_key"], analyses, by, known)
        lookup.add(keys[~known], np.zeros(int((~known).sum()), np.int64))
        prompts = list(zip(seqs, arrived["prompt"].to_pylist(), strict=True))
        links = near_links.link_texts(self.con, prompts, policy.likeness, self.near, worded)
        clusters = [seq if (link := links.get(seq)) is None or link[0] is None else link[0] for seq in seqs]
        return evidence.Arrivals(arrived, clusters, analyses, private_places.in_training(batch, policy.rules))

    def _find_touched(self, batch: Batch, policy: Policy) -> None:
        """Make the table `touched`: what the batch names, whose answer it corrects, and what an erasure reaches."""
        named = _named(batch)
        seq_of = (batch.known or {}) | dict(
            self.con.execute("SELECT example_id, seq FROM examples WHERE seq >= ?", [batch.first]).fetchall()
        )
        if batch.gone - seq_of.keys():
            seq_of |= known(self.con, batch.gone)
        with_rows(
            self.con,
            {"seq": "BIGINT", "example_id": "VARCHAR"},
            [(seq, example_id) for example_id, seq in seq_of.items()],
            "CREATE OR REPLACE TEMP TABLE touched AS FROM incoming",
        )
        # A decision on an untrusted correction is one on what it corrects, and its erasure lets it stand.
        corrected = self.con.execute(
            "SELECT corrects FROM corrections SEMI JOIN touched USING (seq) WHERE corrects IS NOT NULL"
        ).fetchall()
        if corrected:
            with_rows(
                self.con,
                {"seq": "BIGINT", "example_id": "VARCHAR"},
                [(seq, example_id) for example_id, seq in known(self.con, {one for (one,) in corrected}).items()],
                "INSERT INTO touched FROM incoming ANTI JOIN touched USING (seq)",
            )
        keys = compared(policy)
        wrong = self.con.execute(f"SELECT {keys.replaced} FROM corrections SEMI JOIN touched USING (seq)").fetchall()
        if wrong:
            with_rows(
                self.con,
                {"key": "UUID"},
                wrong,
                f"""INSERT INTO touched
                   WITH wrong AS (FROM incoming)
                   SELECT seq, example_id FROM (
                       SELECT o.seq, o.example_id FROM examples o SEMI JOIN wrong ON o.{keys.now} = wrong.key
                       UNION SELECT o.seq, o.example_id FROM examples o SEMI JOIN wrong ON o.{keys.said} = wrong.key
                             WHERE o.redacted_seq IS NOT NULL  -- of all others it is the same
                   ) ANTI JOIN touched USING (seq)""",
            )
        # A turn that came before the one that it follows, and corrections of what is new or has lost its words.
        with_rows(
            self.con,
            {"seq": "BIGINT"},
            self._beside(batch),
            """INSERT INTO touched SELECT seq, example_id FROM examples SEMI JOIN incoming USING (seq)
               ANTI JOIN touched USING (seq)""",
        )
        awaited.remove_arrived(self.con)
        if batch.of(ExampleErased):  # its list may name what was said about others
            awaited.remove_unsaid(self.con)
        if missing := named - seq_of.keys():
            self._await(missing)

    def _await(self, missing: set[str]) -> None:
        awaited.add(self.con, missing)
        self._empty = self._still_empty() - {awaited.AWAITED.name}

    def _beside(self, batch: Batch) -> list[tuple[int]]:
        """The sequences of what follows or corrects examples of `touched`, and could not know that they come or go."""
        columns = self.memory.columns()
        named = self.con.execute("SELECT seq, example_id FROM touched").fetchall()
        rows = evidence.rows_of(columns, [example_id for _, example_id in named])
        erased = [row for row in rows.values() if columns["seq"][row] < batch.first]
        followers = columns.followers(np.array(erased, np.int64))
        beside = columns["seq"][followers[columns["kind"][followers] == CORRECTION]].tolist()
        if new := [example_id for seq, example_id in named if seq >= batch.first]:
            waiting = "SELECT seq FROM examples WHERE list_contains($new, follows) OR list_contains($new, corrects)"
            return [*((seq,) for seq in beside), *self.con.execute(waiting, {"new": new}).fetchall()]
        return [(seq,) for seq in beside]

    def _link(self, policy: Policy, since: int) -> None:
        """Link touched prompts that are new or changed since a sequence; what is linked anew becomes touched."""
        changed = f"""(SELECT * FROM examples SEMI JOIN touched USING (seq)
                       WHERE seq >= {since} OR redacted_seq >= {since} OR erased_seq IS NOT NULL)"""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE changed_prompts AS {_prompts(changed)}")
        linked = near_links.link(self.con, "changed_prompts", policy.likeness, self.near)
        if not linked or linked[0] >= since:  # what is new is touched
            return
        with_rows(
            self.con,
            {"seq": "BIGINT"},
            [(seq,) for seq in linked],
            """INSERT INTO touched SELECT seq, example_id FROM examples SEMI JOIN incoming USING (seq)
               ANTI JOIN touched USING (seq)""",
        )

    def _create(self) -> None:
        self.con.execute("BEGIN TRANSACTION")
        tables.create(self.con)
        self.con.execute("INSERT INTO checkpoint VALUES (0, '', ?, ?, 0)", [START, tables.versions()])
        self.con.execute("COMMIT")

    def _fetch(self, statement: str) -> tuple[str, ...]:
        row = database.first(self.con, statement)
        if row is None:
            raise DatabaseError("the database holds no checkpoint; run `rooflog rebuild` to make it anew")
        return row


def _prompts(examples: str) -> str:
    """The prompts of a relation of examples among which near-duplicates are found, NULL where they are erased."""
    return f"SELECT seq, CASE WHEN erased_seq IS NULL THEN prompt END AS prompt FROM {examples}"


def _named(batch: Batch) -> set[str]:
    ids: set[str] = set()
    for kind in ABOUT_EXAMPLES:
        ids.update(fact.about for _, fact in batch.of(kind))
    ids.update(fact.event_id for _, fact in batch.of(CorrectionRecorded))
    for message in batch.erased:
        ids.update(message.parts.ids)
    return ids | batch.gone
