"""Verdicts: for every example, is it trained on, and if not, every reason why; and its place in the review queue.

A verdict is a pure function of the tables of facts and the policy, so it never matters in how many batches the facts
arrived: whatever a batch touches is judged anew from the facts.

Statements hand rows on in temporary tables. A row is an example, but for `asked` and `same_best` (a question) and
`moved` (what is counted by). Columns `old_…` are those of the verdict that held before.

| table | rows | columns | written by | read by |
|---|---|---|---|---|
| `touched` | examples that a batch reaches | seq, example_id | `Projector` | evidence |
| `gathered` | evidence on `touched`, or on all | of the evidence | `update`, `_gather_and_judge` | the same |
| `asked` | questions to judge anew | cluster | `update`, `_judge_again` | both, `candidate` |
| `held` | verdicts in `asked` that contend | seq, question, judgement | `update` | `_judge_some` |
| `judged` | what was judged | seq, judgement, `old_…` | `_judge`, `_judge_some` | all that follow, previews |
| `same_best` | questions whose best answer stays | cluster | `_contradict` | `_contradict` |
| `contradicting` | answers that contradict another | seq, contradicts | contradictions | `_oppose` |
| `differing` | `judged` that is touched or changed | seq, judgement | `update` | `update` |
| `replaced`, `renewed` | verdicts before and after | of a verdict | `update` | `update` |
| `moved` | what is counted by | `counters.SEEN`, sign | `update` | counters |
| `recounted` | `judged` that is counted otherwise | `counters.SEEN`, `old_…` | `_follow` | counters |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..policy.policy import Policy, default
from ..store.database import Connection, first
from ..store.table import Table
from ..texts.analysis import analyser
from . import counters, evidence
from .judgement import (
    CONTENDING,
    FREED,
    JUDGEMENT,
    LOOKED_AT,
    OF_ITSELF,
    PLACES,
    PUT_FORWARD,
    beside_one_another,
    by_itself,
    parameters,
    question_of,
)
from .reasons import BIT

COLUMNS = evidence.COLUMNS | JUDGEMENT

VERDICTS = Table(
    name="verdicts", columns=COLUMNS, key="example_id", kind="derived", version=2, group="verdicts", in_digest=True
)
"""A verdict repeats its evidence, so that another policy judges anew without a join."""

JUDGING = Table(
    name="judging",
    columns={"terms": "VARCHAR", "question": "VARCHAR"},
    key="terms",
    kind="derived",
    group="verdicts",
    first_row=lambda: (terms(default()), "cluster"),
)
"""One row: the terms on which the evidence was gathered, and the column that examples shared that answer the same."""

_IDENTITY = ("seq", "kind", "cluster", "occurred_at", "decision")
"""The columns of evidence that `judged` repeats; copying lists and texts would cost more than judging."""

_CONTEST = ("seq", "cluster", "occurred_at", "decision")
"""The columns of evidence that decide which answer to a question is the best."""


def _judge(con: Connection, policy: Policy, relation: str, *, old: Sequence[str] = ()) -> None:
    """Judge the evidence of a relation into the temporary table `judged`, contradictions left out.

    `old` are columns of JUDGEMENT that the relation has and that are kept as `old_…`.
    """
    names = ", ".join([*evidence.COLUMNS, *(f"{name} AS old_{name}" for name in old)])
    kept = [*_IDENTITY, *(f"old_{name}" for name in old)]
    question = question_of(policy)
    alone = by_itself(f"(SELECT {names} FROM {relation})", dict.fromkeys([*kept, question]))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS {beside_one_another(alone, question, kept)}", parameters(policy)
    )


def _contradict(con: Connection, policy: Policy, *, is_again: bool) -> None:
    """Find contradictions in `judged`; where evidence is judged again, answers are compared with a new best one."""
    if not policy.duplicates.contradictions:
        return
    from ..texts import contradictions  # learns the vocabulary: not for those who only ask

    relation = "(SELECT *, false AS is_known, NULL::BIGINT AS old_contradicts FROM judged)"
    if is_again:
        old = CONTENDING.replace("reasons", "old_reasons")
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE same_best AS
                SELECT cluster FROM judged WHERE {CONTENDING} OR {old} GROUP BY cluster
                HAVING count(*) FILTER ({old}) <= {contradictions.MEMBERS} AND count(*) FILTER ({CONTENDING}) > 1
                AND arg_max(seq, {PLACES}) FILTER ({CONTENDING})
                  = arg_max(seq, {PLACES.replace(" rank", " old_rank")}) FILTER ({old})"""
        )
        relation = f"(SELECT *, {old} AND cluster IN (FROM same_best) AS is_known FROM judged)"
    disagreeing = contradictions.find(con, relation, CONTENDING)
    if disagreeing or is_again:
        _oppose(con, disagreeing)


def _contradict_some(con: Connection, policy: Policy) -> None:
    """Find contradictions of what was touched; answers that were `held` are compared with a new best one."""
    if not policy.duplicates.contradictions:
        return
    from ..texts import contradictions

    relation = f"""(
        SELECT *, NOT is_touched AND cluster IN (
            SELECT cluster FROM (
                SELECT cluster, arg_max(seq, {PLACES}) AS seq, arg_max(is_touched, {PLACES}) AS is_touched
                FROM judged WHERE {CONTENDING} GROUP BY cluster) SEMI JOIN (
                SELECT cluster, arg_max(seq, {PLACES}) AS seq FROM held
                GROUP BY cluster HAVING count(*) <= {contradictions.MEMBERS}) USING (cluster, seq)
            WHERE NOT is_touched) AS is_known FROM judged)"""
    disagreeing = contradictions.find(con, relation, CONTENDING)
    if disagreeing or first(con, "SELECT 1 FROM answering WHERE is_known AND old_contradicts IS NOT NULL LIMIT 1"):
        _oppose(con, disagreeing)


def _oppose(con: Connection, disagreeing: Sequence[int]) -> None:
    from ..texts import contradictions

    contradictions.oppose(con, disagreeing)
    con.execute(
        f"""UPDATE judged SET contradicts = c.contradicts, queue = {PUT_FORWARD}
           FROM contradicting c WHERE judged.seq = c.seq"""
    )


def update(con: Connection, policy: Policy) -> None:
    """Judge the examples of the table `touched` (one row an id) and those that contend with them for a question.

    Of the contending examples only the best answer beside them can have changed. So few of their columns are read, and
    only rows that change are written: a batch of 500 facts can touch 4,000 of them.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gathered AS {evidence.gathered('touched')}",
        {"analyser": analyser(policy.lexicon)},
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE asked AS SELECT DISTINCT cluster FROM (
             SELECT cluster FROM gathered UNION ALL SELECT cluster FROM verdicts SEMI JOIN gathered USING (seq))"""
    )
    names = ", ".join(dict.fromkeys([*_CONTEST, question_of(policy), *JUDGEMENT]))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE held AS
            SELECT {names} FROM verdicts SEMI JOIN asked USING (cluster) WHERE {CONTENDING}"""
    )
    _judge_some(con, policy)
    _contradict_some(con, policy)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE differing AS SELECT seq, {", ".join(JUDGEMENT)} FROM judged
            WHERE is_touched OR {_differ(JUDGEMENT)}"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE replaced AS SELECT * FROM verdicts SEMI JOIN differing USING (seq)")
    gathered = ", ".join(evidence.COLUMNS)
    place = f"CASE WHEN queue = {FREED} THEN {LOOKED_AT.format('approval')} ELSE queue END"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE renewed AS SELECT * REPLACE ({place} AS queue) FROM (
              SELECT {gathered} FROM gathered
              UNION ALL SELECT {gathered} FROM replaced ANTI JOIN gathered USING (seq)) JOIN differing USING (seq)"""
    )
    con.execute("DELETE FROM verdicts WHERE seq IN (SELECT seq FROM replaced)")
    con.execute("INSERT INTO verdicts BY NAME FROM renewed")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE moved AS SELECT {counters.SEEN}, sum(sign) AS sign FROM (
              SELECT {counters.SEEN}, -1 AS sign FROM replaced UNION ALL SELECT {counters.SEEN}, 1 FROM renewed)
            GROUP BY ALL HAVING sum(sign) <> 0"""
    )
    counters.move(con, "moved", policy.review.new_topic_below)
    _remember(con, policy)


def _judge_some(con: Connection, policy: Policy) -> None:
    """Judge what is `gathered`, and place the rest of `held` beside it without judging it again."""
    question = question_of(policy)
    kept = list(dict.fromkeys([*_CONTEST, question]))
    held = [*kept, "relevance", "approval", "rank", "is_borderline", *map("{0} AS old_{0}".format, JUDGEMENT)]
    alone = f"""
        SELECT *, true AS is_touched FROM ({by_itself("gathered", kept)})
        UNION ALL BY NAME
        SELECT {", ".join(held)}, reasons & ~{BIT["duplicate_of"]} AS own, false AS is_touched,
            CASE WHEN contradicts IS NOT NULL AND decision IS NULL AND queue = 4 THEN {FREED} ELSE queue END AS queue
        FROM held ANTI JOIN gathered USING (seq)"""
    kept = [*_CONTEST, "is_touched", *map("old_{}".format, JUDGEMENT)]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS {beside_one_another(alone, question, kept)}", parameters(policy)
    )


def judge_all(con: Connection, policy: Policy) -> None:
    """Judge every example under a new policy; only columns and rows that change are written."""
    if not gathers_the_same(con, policy):
        gather_all(con, policy)
        return
    _judge_again(con, policy)
    _follow(con, policy.review.new_topic_below)
    # What changes in few rows is written apart from what changes in many: a written row costs by its columns.
    for names in (
        ("duplicate_of", "contradicts"),
        ("reasons", "queue"),
        OF_ITSELF,
    ):
        assignments = ", ".join(f"{name} = j.{name}" for name in names)
        con.execute(
            f"""UPDATE verdicts SET {assignments} FROM (
                    SELECT seq, {", ".join(names)} FROM judged WHERE {_differ(names)}) j
                WHERE verdicts.seq = j.seq"""
        )
    con.execute("UPDATE judging SET question = ?", [question_of(policy)])
    _remember(con, policy)


def _follow(con: Connection, below: int) -> None:
    """Move the tallies along with what was judged again."""
    evidence = ", ".join(counters.EVIDENCE)
    judged = ", ".join(f"{name}, old_{name}" for name in counters.JUDGED)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE recounted AS SELECT {evidence}, {judged}
            FROM (SELECT {evidence} FROM verdicts)
            JOIN (SELECT seq, {judged} FROM judged WHERE {_differ(counters.JUDGED)}) USING (seq)"""
    )
    then = ", ".join(f"old_{name} AS {name}" for name in counters.JUDGED)
    now = ", ".join(counters.JUDGED)
    moved = f"""(SELECT {evidence}, {then}, -1 AS sign FROM recounted
                 UNION ALL SELECT {evidence}, {now}, 1 FROM recounted)"""
    counters.move(con, moved, below)
    counters.find_new(con, below)


def _differ(names: Iterable[str]) -> str:
    """The condition on judgements of which one of some columns has changed."""
    return " OR ".join(f"{name} IS DISTINCT FROM old_{name}" for name in names)


def gather_all(con: Connection, policy: Policy) -> None:
    """Gather the evidence on every example anew and judge it."""
    _gather_and_judge(con, policy)
    con.execute("DELETE FROM verdicts")
    con.execute(f"INSERT INTO verdicts BY NAME {_whole('gathered')}")
    con.execute("DROP TABLE gathered")
    con.execute("UPDATE judging SET terms = ?, question = ?", [terms(policy), question_of(policy)])
    counters.recount(con, policy.review.new_topic_below)
    _remember(con, policy)


def candidate(con: Connection, policy: Policy) -> str:
    """Judge every example under a policy into the temporary table `judged`, and change nothing.

    `judged` has the columns _IDENTITY of the evidence; the relation that is returned has every column of a verdict.
    """
    if gathers_the_same(con, policy):
        _judge_again(con, policy)
        names = ", ".join([*_IDENTITY, *JUDGEMENT])
        con.execute(f"INSERT INTO judged BY NAME SELECT {names} FROM verdicts ANTI JOIN asked USING (cluster)")
        return f"({_whole('verdicts')})"
    _gather_and_judge(con, policy)
    return f"({_whole('gathered')})"


def _judge_again(con: Connection, policy: Policy) -> None:
    """Judge the questions of which the policy judges an answer otherwise (`asked`) into `judged`.

    `judged` repeats the present verdicts as `old_…`.
    """
    names = ", ".join([*evidence.COLUMNS, *(f"{name} AS old_{name}" for name in JUDGEMENT)])
    kept = ["cluster", "decision", *map("old_{}".format, JUDGEMENT)]
    alone = by_itself(f"(SELECT {names} FROM verdicts)", kept)
    asks_otherwise = first(con, "SELECT 1 FROM judging WHERE question <> ?", [question_of(policy)]) is not None
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE asked AS SELECT DISTINCT cluster FROM ({alone})
            WHERE own <> old_reasons & ~{BIT["duplicate_of"]} OR {_differ(OF_ITSELF)} OR (own = 0 AND $asks_otherwise)
            OR CASE WHEN old_contradicts IS NULL THEN queue ELSE {PUT_FORWARD} END IS DISTINCT FROM old_queue""",
        parameters(policy) | {"asks_otherwise": asks_otherwise},
    )
    _judge(con, policy, "verdicts SEMI JOIN asked USING (cluster)", old=list(JUDGEMENT))
    _contradict(con, policy, is_again=True)


def _gather_and_judge(con: Connection, policy: Policy) -> None:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gathered AS {evidence.gathered()}",
        {"analyser": analyser(policy.lexicon)},
    )
    _judge(con, policy, "gathered")
    _contradict(con, policy, is_again=False)


def _whole(relation: str) -> str:
    """The SELECT of the verdicts whose evidence is in a relation and whose judgement is in `judged`."""
    names = [*(f"e.{name}" for name in evidence.COLUMNS), *(f"j.{name}" for name in JUDGEMENT)]
    return f"SELECT {', '.join(names)} FROM {relation} e JOIN judged j USING (seq)"


def _remember(con: Connection, policy: Policy) -> None:
    if policy.duplicates.contradictions:
        from ..texts import contradictions

        contradictions.keep(con)


def gathers_the_same(con: Connection, policy: Policy) -> bool:
    """Would the evidence of every verdict be the same under this policy?"""
    return first(con, "SELECT 1 FROM judging WHERE terms = ?", [terms(policy)]) is not None


def terms(policy: Policy) -> str:
    """What the evidence depends on, apart from the facts."""
    duplicates = policy.duplicates
    return f"{analyser(policy.lexicon)} {duplicates.threshold} {duplicates.contradictions}"
