"""Links of stored prompts are those of one pass over all of them, however the prompts arrive."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from projections.policy.policy import Likeness
from projections.tables.question import question
from projections.texts import near_duplicates, near_index, near_links
from projections.texts.near_duplicates import LIKENESS, cluster
from projections.texts.near_links import NEAR_BUCKETS, NEAR_TEXTS, Index, link, link_texts, relink
from projections.texts.normal_form import normalise
from tests.evaluation.prompts import prompts

SLOPE = "What is the minimum slope for a TPO roof?"
DRAIN = "How often is a roof drain cleaned?"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as connection:
        for table in (NEAR_TEXTS, NEAR_BUCKETS):
            table.create(connection)
        yield connection


def say(
    con: duckdb.DuckDBPyConnection, texts: Sequence[tuple[int, str | None]], index: Index | None = None
) -> list[int]:
    columns = [pa.array([seq for seq, _ in texts], pa.int64()), pa.array([text for _, text in texts], pa.string())]
    con.register("said", pa.table(columns, names=["seq", "prompt"]))
    con.execute("BEGIN")
    changed = link(con, "said", index=index)
    con.execute("COMMIT")
    con.unregister("said")
    return changed


def links(con: duckdb.DuckDBPyConnection) -> list[tuple[int | None, float]]:
    return con.execute("SELECT representative, similarity FROM near_texts ORDER BY seq").fetchall()


def one_pass(prompts: Sequence[str], likeness: Likeness = LIKENESS) -> list[tuple[int | None, float]]:
    return cluster(list(map(question, prompts)), likeness)


@pytest.mark.parametrize("sizes", [[1], [2, 3, 50], [1, 400, 7], [1000]])
def test_any_batches_give_the_links_of_one_pass(con: duckdb.DuckDBPyConnection, sizes: list[int]) -> None:
    texts = list(enumerate(prompts(300 if sizes == [1] else 1000)))
    index = Index()
    first = 0
    while first < len(texts):
        size = sizes[first % len(sizes)]
        say(con, texts[first : first + size], index)
        if first % 5 == 0:
            index.clear()
        first += size
    assert links(con) == one_pass([text for _, text in texts])


def test_full_buckets_give_the_same_links_in_any_batches(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "BUCKET", 2)
    monkeypatch.setattr(near_duplicates, "CANDIDATES", 3)
    monkeypatch.setattr(near_index, "CANDIDATES", 3)
    texts = [(n, text) for n, text in enumerate(prompts(6000)) if "warranty of the TPO roof" in text]
    index = Index()
    for first in range(0, len(texts), 37):
        say(con, texts[first : first + 37], index)
    position = {n: seq for n, (seq, _) in enumerate(texts)}
    expected = [(None if r is None else position[r], near) for r, near in one_pass([text for _, text in texts])]
    assert links(con) == expected
    assert con.execute("SELECT count(*) > 0 FROM near_buckets WHERE absent > 0").fetchall() == [(True,)]


@pytest.mark.parametrize("bucket", [2, 16])
def test_worker_processes_store_what_one_process_stores(
    con: duckdb.DuckDBPyConnection, bucket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares in this process, as a worker has the numbers of the modules; then in workers."""
    monkeypatch.setattr(near_duplicates, "BUCKET", bucket)
    monkeypatch.setattr(near_links, "TOGETHER", 700)
    texts = list(enumerate(prompts(4_000, seed=bucket)))
    late = [texts.pop(n) for n in (3, 50, 900)]
    stored = []
    for many in ("one process", "shares", *["workers"] * (bucket == 16)):
        with monkeypatch.context() as patched:
            if many == "shares":
                patched.setattr(near_links, "workers", lambda *_: nullcontext(partial(map)))
            elif many == "workers":
                patched.setattr("os.cpu_count", lambda: 2)
                patched.setattr(near_links, "MANY", 1_000)
            index = Index()
            say(con, texts[:2_500], index)
            say(con, late, index)
            say(con, texts[2_500:], index)
            con.execute("UPDATE near_texts SET made = made || ' before'")
            relink(con, Likeness(0.6, 2), index)
        stored.append(
            [con.execute(f"FROM {table} ORDER BY seq").fetchall() for table in ("near_texts", "near_buckets")]
        )
        for table in ("near_texts", "near_buckets"):
            con.execute(f"DELETE FROM {table}")
    assert all(each == stored[0] for each in stored)
    assert any(absent for *_, absent in stored[0][1])


def test_a_second_delivery_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    texts = list(enumerate(prompts(300)))
    assert say(con, texts) == list(range(300))
    before = con.execute("SELECT * FROM near_buckets ORDER BY seq").fetchall()
    assert say(con, texts[100:]) == say(con, []) == []
    assert con.execute("SELECT * FROM near_buckets ORDER BY seq").fetchall() == before
    assert links(con) == one_pass([text for _, text in texts])


def test_forgotten_changed_and_late_texts_leave_right_links(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erasing a representative, redacting a prompt and a late arrival: as if it had always been so."""
    monkeypatch.setattr(near_index, "LEVELS", ((100, 64), (1_000, 16)))
    index = Index()
    texts: dict[int, str | None] = dict(enumerate(prompts(1200)))
    rng = random.Random(5)
    late = rng.sample(range(1200), 200)
    say(con, [(seq, text) for seq, text in texts.items() if seq not in late], index)
    for seq in late:
        say(con, [(seq, texts[seq])], index)
    representatives = [
        seq for (seq,) in con.execute("SELECT DISTINCT representative FROM near_texts").fetchall() if seq
    ]
    for seq in rng.sample(sorted(representatives), 30):
        texts[seq] = None
        assert seq in say(con, [(seq, None)], index)
    for seq in rng.sample(range(1200), 50):
        if texts[seq] is not None:
            texts[seq] = SLOPE
            say(con, [(seq, SLOPE)], index)
    left = [(seq, text) for seq, text in texts.items() if text is not None]
    expected = [(None if r is None else left[r][0], near) for r, near in one_pass([text for _, text in left])]
    assert links(con) == expected


def test_texts_behind_all_others_read_nothing(con: duckdb.DuckDBPyConnection) -> None:
    asked = list(prompts(120))
    index = Index()
    said: list[str] = []

    class Heard:
        """The connection, with what it is asked."""

        def execute(self, statement: str, *parameters: Any) -> Any:
            said.append(statement.split(maxsplit=1)[0])
            incoming = sys._getframe(1).f_locals.get("incoming")  # noqa: F841 -- where DuckDB looks for it
            return con.execute(statement, *parameters)

        def __getattr__(self, name: str) -> Any:
            return getattr(con, name)

    heard: Any = Heard()
    link_texts(heard, list(enumerate(asked[:50])), LIKENESS, index)
    said.clear()
    changed = link_texts(heard, list(enumerate(asked[50:], 50)), LIKENESS, index)
    assert said == ["INSERT", "INSERT"]
    assert changed == dict(enumerate(one_pass(asked)[50:], 50))


def test_a_text_that_is_gone_has_no_link(con: duckdb.DuckDBPyConnection) -> None:
    index = Index()
    link_texts(con, [(1, SLOPE), (2, SLOPE), (3, DRAIN)], LIKENESS, index)
    assert link_texts(con, [(1, None), (3, DRAIN)], LIKENESS, index) == {1: None, 2: (None, 0.0)}
    assert link_texts(con, [(1, None)], LIKENESS, index) == link_texts(con, [], LIKENESS, index) == {}


def test_words_of_a_forgotten_text_are_not_kept_in_memory(con: duckdb.DuckDBPyConnection) -> None:
    index = Index()
    say(con, [(1, SLOPE), (2, DRAIN)], index)
    kept = normalise(SLOPE).encode(), normalise(DRAIN).encode()
    assert all(words in index._normals for words in kept)
    say(con, [(1, None)], index)
    assert [words in index._normals for words in kept] == [False, True]
    say(con, [(3, SLOPE)], index)
    assert links(con) == [(None, 0.0), (None, 0.0)]


def test_what_is_reported_as_changed_is_what_changed(con: duckdb.DuckDBPyConnection) -> None:
    say(con, [(1, SLOPE), (2, SLOPE.upper()), (3, "Why does EPDM shrink?")])
    assert say(con, [(1, None)]) == [1, 2]
    assert say(con, [(0, "minimum slope, TPO roof")]) == [0, 2]
    assert links(con) == [(None, 0.0), (0, 1.0), (None, 0.0)]


def test_a_rollback_leaves_no_trace(con: duckdb.DuckDBPyConnection) -> None:
    say(con, [(1, SLOPE)])
    con.execute("BEGIN")
    con.execute("CREATE TEMP TABLE said AS SELECT 2 AS seq, 'Why does EPDM shrink?' AS prompt")
    link(con, "said")
    con.execute("ROLLBACK")
    assert links(con) == [(None, 0.0)]
    assert con.execute("SELECT count(*) FROM near_buckets").fetchall() == [(1,)]


def test_another_threshold_links_anew_what_is_stored(con: duckdb.DuckDBPyConnection) -> None:
    long = "How do we terminate base flashing at a masonry parapet wall below the counter flashing"
    texts = [long, f"{long} downtown", "Where do scuppers go?", "Where do the scuppers go, please?"]
    say(con, list(enumerate(texts)))
    found = set()
    for threshold in (1.0, 0.5, 1.0):
        relink(con, Likeness(threshold, 2))
        assert links(con) == one_pass(texts, Likeness(threshold, 2))
        found.add(tuple(links(con)))
    assert len(found) == 2


def test_other_rules_word_the_prompts_of_examples_anew(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["How far apart should drains be?", "Howdy, how far apart should drains be? Cheers, Tom", "Why a cricket?"]
    say(con, list(enumerate(texts)))
    con.execute("CREATE TABLE examples (seq BIGINT, prompt VARCHAR)")
    con.executemany("INSERT INTO examples VALUES (?, ?)", list(enumerate(texts)))
    seen = [links(con)]
    for rules in (1, 2):
        relink(con, Likeness(0.7, rules))
        assert links(con) == one_pass(texts, Likeness(0.7, rules))
        seen.append(links(con))
    assert seen[0] == seen[2] != seen[1]
