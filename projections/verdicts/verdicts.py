"""Verdicts: for every example, is it trained on, and if not, every reason why; and its place in the review queue.

A verdict is a pure function of the tables of facts and the policy, so it never matters in how many batches the facts
arrived. The columns in memory are what the tables hold (see `memory`).

| temporary table | rows | columns | written by | read by |
|---|---|---|---|---|
| `touched` | those of a batch, or a portion of all | seq, example_id | `Projector`, `_gather` | `stored.gathered` |
| `gathered` | evidence on `touched`, or on all | of `stored.gathered` | `update`, `_gather` | `stored` |
| `tag_names` | tags that the policy calls otherwise | written, name | `descriptions` | `stored.gathered` |
| `supposed` | examples judged under another policy | of `judged` | `relation` | who asked |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from msgspec import UNSET, json

from ..policy.policy import Policy, default
from ..store.batch import Batch
from ..store.database import Connection, first, many_threads, with_table
from ..store.table import Table
from ..tables.examples import compared
from ..texts.analysis import analyser
from ..work.jobs import Run
from . import contexts, counters, descriptions, evidence, judgement, stored
from .columns import CONTEXT, Columns, Rows
from .evidence import Arrivals
from .judgement import JUDGEMENT, Contest, contends, contest
from .memory import Memory
from .names import Column

Apply = Callable[[], None]

GATHERED = 250_000
"""Examples of which evidence is gathered in one statement at most: for a million one takes a gigabyte of memory, and in
four portions half of that and a third more time."""

JUDGING = Table(
    name="judging",
    columns={"terms": "VARCHAR"},
    key="terms",
    kind="derived",
    group="verdicts",
    first_row=lambda: (terms(default()),),
)
"""One row: the terms on which the evidence was gathered and answers were compared."""


class Standing(NamedTuple):
    """How some questions stand before something is said about them: the questions in order, the row of the best answer
    to each, and how many answers contend."""

    questions: Column
    best: Rows
    sizes: Rows

    def stays(self, questions: Column, best: Rows) -> Column:
        """Whether the best answers to questions are the same, where all that contended were compared with them."""
        from ..texts.contradictions import MEMBERS  # learns the vocabulary: not for those who only ask

        if not len(self.questions):
            return np.zeros(len(questions), np.bool_)
        at = np.minimum(np.searchsorted(self.questions, questions), len(self.questions) - 1)
        stay: Column = (self.questions[at] == questions) & (self.best[at] == best) & (self.sizes[at] <= MEMBERS)
        return stay


NOTHING = Standing(np.empty(0, np.uint64), *(np.empty(0, np.int64),) * 2)


def update(con: Connection, memory: Memory, policy: Policy, *, is_new_policy: bool = False) -> Apply:
    """Judge the examples of the table `touched` (one row an id) and those that contend with them for a question.

    Under a new policy, whose terms are the same, every example is judged. Returns what changes the columns that others
    read, for `Memory.publish`.
    """
    columns = memory.columns()
    descriptions.find_tag_names(con, policy, "touched")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gathered AS {stored.gathered(compared(policy), policy.rules, 'touched')}",
        {"analyser": analyser(policy).name},
    )
    page = con.sql(f"SELECT {stored.READ_EVIDENCE} FROM gathered ORDER BY seq").to_arrow_table()
    touched = columns.rows(page["seq"].to_numpy())
    behind = columns.union(touched, columns.followers(touched))
    asked = columns.union(columns["cluster"][behind], columns.rows(page["cluster"].to_numpy()))
    held = np.arange(columns.count) if is_new_policy else columns.members(asked.astype(np.int64))
    standing, before = _standing(columns, held), columns.of(touched, counters.SEEN)
    with memory.changed:
        rows = stored.take_in(columns, page)
    con.execute("DELETE FROM evidence WHERE seq IN (SELECT seq FROM gathered)")
    con.execute(f"INSERT INTO evidence SELECT {', '.join(stored.EVIDENCE.columns)} FROM gathered")
    moved = _derive(columns, policy, rows, is_new_policy=is_new_policy)
    asked = columns.union(asked, columns["cluster"][columns.union(rows, moved)])
    among = np.arange(columns.count) if is_new_policy else columns.members(asked)
    judged = judge(con, columns, policy, among, columns.union(rows, moved), standing)
    return _replace(con, columns, among, judged, Touched(rows, moved, before))


def update_ordinary(
    con: Connection, memory: Memory, policy: Policy, batch: Batch, arrivals: Arrivals | None, *, is_new_policy: bool
) -> Apply:
    """The same for a batch of ordinary facts, from the columns and what has arrived alone."""
    columns = memory.columns()
    counted = columns.count
    arrived = late = np.empty(0, np.int64)
    with memory.changed:
        if arrivals:
            arrived, late = evidence.arrive(con, columns, arrivals, policy)
    touched = columns.union(evidence.said(columns, batch, arrived), late)
    behind = columns.union(touched, columns.followers(touched))
    among = np.arange(columns.count) if is_new_policy else _contending(columns, behind)
    standing, before = _standing(columns, among), columns.of(touched[touched < counted], counters.SEEN)
    moved = _derive(columns, policy, touched, is_new_policy=is_new_policy)
    judged = judge(con, columns, policy, among, columns.union(touched, moved), standing)
    return _replace(con, columns, among, judged, Touched(touched, moved, before))


def _contending(columns: Columns, rows: Rows) -> Rows:
    """All rows whose prompts are near-duplicates of those of some rows."""
    return columns.members(columns.union(columns["cluster"][rows]))


def _derive(columns: Columns, policy: Policy, touched: Rows, *, is_new_policy: bool) -> Rows:
    """Derive the contexts of what was touched and of all that follows; the rows among the latter that have another."""
    behind = np.arange(columns.count) if is_new_policy else columns.followers(touched)
    before = columns.of(behind, CONTEXT)
    contexts.derive(columns, columns.union(behind, touched), _rules(columns, policy))
    moved = np.zeros(len(behind), np.bool_)
    for name, values in before.items():
        moved |= values != columns[name][behind]
    return np.setdiff1d(behind[moved], touched)


def _rules(columns: Columns, policy: Policy) -> judgement.Rules:
    return judgement.rules(policy, columns.sources.numbers, columns.uses.numbers)


def judge(
    con: Connection, columns: Columns, policy: Policy, among: Rows, touched: Rows, standing: Standing,
    keep: bool = True, run: Run = map,
) -> dict[str, Column]:  # fmt: skip
    """JUDGEMENT of rows that hold every answer to their questions; the columns stay as they are.

    Of rows that were not touched, those that were compared with a best answer that stays are not compared again.
    """
    rules = _rules(columns, policy)
    evidence = columns.of(among, judgement.READ)
    judged = judgement.judge(evidence, rules)
    if rules.contradictions:
        asked = judgement.questions(evidence, near=True)
        held = contest(asked, judged["rank"], evidence["occurred_at"], evidence["seq"], contends(judged["reasons"]))
        stays = standing.stays(asked[held.rows], among[held.best])
        _contradict(con, columns, among, np.isin(among, touched), held, judged, stays, keep, run)
        judgement.put_forward(judged, judgement.decision_of(evidence))
    return judged


def _contradict(
    con: Connection, columns: Columns, among: Rows, is_touched: Column, held: Contest, judged: dict[str, Column],
    stays: Column, keep: bool, run: Run,
) -> None:  # fmt: skip
    """Say of answers which one they contradict: the best, and of the best the next best that disagrees with it."""
    from ..texts.contradictions import MEMBERS  # learns the vocabulary: not for those who only ask

    looked_at = held.place < MEMBERS
    rows, place, best = held.rows[looked_at], held.place[looked_at], held.best[looked_at]
    if not len(rows):
        return
    was_held = contends(columns["reasons"][among[rows]]) & (columns["reasons"][among[rows]] >= 0)
    is_known = stays[looked_at] & was_held & ~is_touched[rows] & ~is_touched[best]
    is_other = place > 0
    opposes = is_other & is_known & (columns["contradicts"][among[rows]] != 0)
    compared = np.flatnonzero(is_other & ~is_known)
    opposes[compared] = _disagree(con, columns, among[rows[compared]], among[best[compared]], keep, run)
    opponents, against = rows[opposes], best[opposes]
    judged["contradicts"][opponents] = columns["seq"][among[against]]
    # In reverse, so that of several opponents of a best answer the first one stays.
    judged["contradicts"][against[::-1]] = columns["seq"][among[opponents[::-1]]]


def _disagree(con: Connection, columns: Columns, rows: Rows, best: Rows, keep: bool, run: Run) -> Column:
    from ..texts import contradictions

    disagree = np.zeros(len(rows), np.bool_)
    known: dict[tuple[contradictions.Claims, contradictions.Claims], bool] = {}  # many answers claim the same
    for start in range(0, len(rows), contradictions.PAGE):
        part = slice(start, start + contradictions.PAGE)
        ours, theirs = columns["seq"][rows[part]].tolist(), columns["seq"][best[part]].tolist()
        claims = contradictions.read(con, sorted({*ours, *theirs}), keep=keep, run=run)
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True), start):
            pair = claims[a], claims[b]
            if pair not in known:
                known[pair] = contradictions.claims_disagree(*pair)
            disagree[number] = known[pair]
    return disagree


def _standing(columns: Columns, among: Rows) -> Standing:
    """How the answers to some questions stand, all of whose rows are given."""
    of = columns.of(among, ("cluster", "asked_before", "rank", "occurred_at", "seq", "reasons"))
    asked = judgement.questions(of, near=True)
    eligible = contends(of["reasons"]) & (of["reasons"] >= 0)
    held = contest(asked, of["rank"], of["occurred_at"], of["seq"], eligible, least=1)
    is_best = held.place == 0
    sizes = np.diff(np.flatnonzero(is_best), append=len(held.rows))
    best = held.rows[is_best]
    return Standing(asked[best], among[best], sizes)


class Touched(NamedTuple):
    """Rows that facts are about, rows whose context has moved with theirs, and what was counted of the former before.

    Those that are new were not counted.
    """

    rows: Rows
    moved: Rows
    before: dict[str, Column]


def _replace(con: Connection, columns: Columns, among: Rows, judged: dict[str, Column], touched: Touched) -> Apply:
    """Store judgements in the place of those that hold; what has not changed and is not touched is not written."""
    is_other = ~np.isin(among, touched.rows)
    changed = ~is_other | np.isin(among, touched.moved)
    for name in JUDGEMENT:
        changed |= judged[name] != columns[name][among]
    rows, now = among[changed], {name: judged[name][changed] for name in JUDGEMENT}
    others = columns.of(among[changed & is_other], counters.SEEN)
    before = {name: np.concatenate([touched.before[name], others[name]]) for name in counters.SEEN}
    stored.write(con, columns, rows, now, replaced=before["seq"])

    def apply() -> None:
        for name, values in now.items():
            columns[name][rows] = values
        columns.counts.move(before, columns.of(rows, counters.SEEN))

    return apply


def gather_all(con: Connection, policy: Policy, run: Run = map) -> Columns:
    """Gather the evidence on every example anew and judge it; the columns that follow.

    `run` reads what answers claim.
    """
    columns = _gather(con, policy)
    con.execute("DELETE FROM evidence")
    con.execute(f"INSERT INTO evidence SELECT {', '.join(stored.EVIDENCE.columns)} FROM gathered")
    con.execute("DROP TABLE gathered")
    _suppose(con, columns, policy, NOTHING, keep=True, run=run)
    con.execute("DELETE FROM judged")
    every = np.arange(columns.count)
    stored.write(con, columns, every, columns.judged(every), replaced=columns["seq"][:0])
    con.execute("UPDATE judging SET terms = ?", [terms(policy)])
    return columns


def _gather(con: Connection, policy: Policy) -> Columns:
    """Gather the evidence on all examples, on so many at a time as fit into memory."""
    descriptions.find_tag_names(con, policy)
    into, whose = "CREATE OR REPLACE TEMP TABLE gathered AS", {"analyser": analyser(policy).name}
    keys = compared(policy)
    last: int = (first(con, "SELECT max(seq) FROM examples") or (None,))[0] or 0
    if last <= GATHERED:
        con.execute(f"{into} {stored.gathered(keys, policy.rules)}", whose)
    else:
        for start in range(0, last, GATHERED):
            among = f"SELECT seq, example_id FROM examples WHERE seq > {start} AND seq <= {start + GATHERED}"
            con.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {among}")
            con.execute(f"{into} {stored.gathered(keys, policy.rules, 'touched')}", whose)
            into = "INSERT INTO gathered BY NAME"
        con.execute("DROP TABLE touched")
    return stored.read_gathered(con)


def _suppose(
    con: Connection, columns: Columns, policy: Policy, standing: Standing, *, keep: bool, run: Run = map
) -> None:
    """Judge all rows of columns that nobody else reads."""
    every = np.arange(columns.count)
    contexts.derive(columns, every, _rules(columns, policy))
    for name, values in judge(con, columns, policy, every, every[:0], standing, keep, run).items():
        columns[name][:] = values
    columns.recount()


def candidate(con: Connection, held: Columns, policy: Policy) -> tuple[Columns, str]:
    """Columns with every example judged under a policy, and the relation that holds their evidence; changes nothing.

    `held` is a snapshot of the columns at the moment of the connection; it may be the one that is returned.
    """
    if gathers_the_same(con, policy):
        _suppose(con, held, policy, _standing(held, np.arange(held.count)), keep=False)
        return held, stored.EVIDENCE.name
    return supposed_anew(con, policy)


def supposed_anew(con: Connection, policy: Policy) -> tuple[Columns, str]:
    """The same with all evidence gathered anew."""
    with many_threads(con):
        columns = _gather(con, policy)
        _suppose(con, columns, policy, NOTHING, keep=False)
    return columns, "gathered"


def relation(con: Connection, columns: Columns, evidence: str) -> str:
    """The relation of the verdicts of columns that were judged under another policy, for this connection."""
    with_table(con, stored.as_table(columns, slice(None)), "CREATE OR REPLACE TEMP TABLE supposed AS FROM incoming")
    return f"({stored.whole('supposed', evidence)})"


def gathers_the_same(con: Connection, policy: Policy) -> bool:
    """Would the evidence of every verdict be the same under this policy, and as much of it be compared?"""
    return first(con, "SELECT 1 FROM judging WHERE terms = ?", [terms(policy)]) is not None


def terms(policy: Policy) -> str:
    """What the evidence depends on, apart from the facts."""
    duplicates = policy.duplicates
    names = "" if policy.tags is UNSET else f" {json.encode(policy.tags, order='sorted').decode()}"
    return f"{analyser(policy).name} {duplicates.threshold} {duplicates.contradictions} {compared(policy).now}{names}"
