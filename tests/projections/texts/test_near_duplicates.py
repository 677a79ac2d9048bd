"""Near-duplicates are linked to the earliest text that says the same, however the texts arrive."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from projections.texts import near_duplicates
from projections.texts.near_duplicates import (
    ALGORITHM,
    BANDS,
    NEAR_BUCKETS,
    NEAR_TEXTS,
    Index,
    buckets,
    cluster,
    link,
    relink,
    signature,
    similarity,
    verified,
)
from projections.texts.normal_form import facts, normalise, reworded
from tests.deadlines import assert_linear
from tests.evaluation.__main__ import labelled, linked
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


def test_labelled_pairs_keep_their_quality() -> None:
    """Of 100 surface edits at least 97 are linked, of 100 one-fact changes at most one, and nothing unrelated."""
    for split in ("tune", "held_out"):
        found = [(pair["kind"], linked(pair)) for pair in labelled("near_duplicates", split)]
        edits = [near for kind, near in found if kind == "surface_edit"]
        changes = [near for kind, near in found if kind == "one_fact"]
        assert sum(edits) >= 0.97 * len(edits)
        assert sum(changes) <= len(changes) / 100
        assert not any(near for kind, near in found if kind == "unrelated")


@pytest.mark.parametrize(
    ("prompt", "normal"),
    [
        (SLOPE, "minimum slope tpo"),
        ("hey, can you please tell me whats the min. slope for T.P.O. roofs??", "minimum slope tpo"),
        ("minumum slpoe for thermoplastic polyolefin", "minimum slope tpo"),
        ('½ inch, 1/2", .5 in., half an inch and a half-inch', "0.5in 0.5in 0.5in 0.5in 0.5in"),
        ('2½", 2-1/2 in, two and a half inches', "2.5in 2.5in 2.5in"),
        ("60 mil, 60-mil, 60mil or sixty mils", "60mil 60mil 60mil 60mil"),
        ("Okay, how do I flash a pipe?", "how flashing pipe"),
        ("Is OSB okay?", "osb can"),
        ("Is the crew allowed on the slate?", "crew can slate"),
        ("Can one walk on slate while it rains?", "can walk slate rain"),
        ("one layer of ISO per the National Roofing Contractors Association", "1layer polyiso nrca"),
        ("slopes over 21/12", "slope above pitch21"),
        ("a 150 sq. tear-off", "150sq tearoff"),
        ("Did the GC approve it?", "general contractor approve did"),
        ("60 and 80 mil", "60mil 80mil"),
        ("Section 07 54 00, 075400", "sec075400 sec075400"),
        ('1/4:12, 1/4" per foot, 1/4 in 12', "pitch0.25 pitch0.25 pitch0.25"),
        ("2 in a row", "#2 row"),
        ("down to -5 °F, minus 5 F", "down negative 5degf negative 5degf"),
        ("3-5 in., 3 - 5 in. and (-5 F)", "3in 5in 3in 5in negative 5degf"),
        ("FM 1-90", "fm #1 90"),
        ("Class A, class-a", "class0a class0a"),
        ("a vapour retarder, a vapor-retarder", "vaporretarder vaporretarder"),
        ("300 LF, 300 lineal feet or 300 linear foot", "300ft 300ft 300ft"),
        ("modified bitumen, mod-bit, modbit", "modbit modbit modbit"),
        ("can't, cannot, can not, cant", "can not can not can not can not"),
        ("w/o a skylight, without sky-lights", "without skylight without skylight"),
        ("i/o and and/or '' ' \"", "io"),
        ("1/0 inch", "#1 0in"),
        ("please", "please"),
        ("???", "???"),
        ("", "##"),
        ("\ud800", "#\ud800"),
        ("屋根の勾配", "屋根の勾配"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_the_normal_form(prompt: str, normal: str) -> None:
    assert normalise(prompt) == normal


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("over a 60 mil TPO", "over an 80 mil TPO"),
        ("is it allowed", "is it not allowed"),
        ("TPO over EPDM", "EPDM over TPO"),
        ("switch from TPO to PVC", "switch from PVC to TPO"),
        ("how many squares in a bundle", "how many bundles in a square"),
        ("why weld PVC", "where to weld PVC"),
        ("can I weld PVC", "should I weld PVC"),
        ("Class A", "Class B"),
        ("with insulation", "without insulation"),
        ("tie a new TPO roof in to an existing EPDM roof", "tie a new EPDM roof in to an existing TPO roof"),
    ],
)
def test_facts_that_differ(a: str, b: str) -> None:
    assert facts(normalise(a)) != facts(normalise(b))


def test_a_word_in_place_of_another_is_no_edit_but_a_misspelling_or_a_compound_is() -> None:
    assert reworded("letter owner warranty lincoln", "letter owner warranty jefferson")
    assert reworded("repair seam", "inspect seam")
    assert not reworded("letter owner jefferson", "letter owner jeffreson")
    assert not reworded("energyguard board", "energy guard board")
    assert not reworded("minimum slope", "minimum slope membrane")


def test_similarity_is_symmetric_and_one_for_the_same_words_in_any_order() -> None:
    assert similarity("minimum slope tpo", "tpo minimum slope") == 1.0
    a, b = "minimum slope tpo", "minimum slope tpo membrane"
    assert similarity(a, b) == similarity(b, a) == 12 / 19


def test_signatures_are_golden() -> None:
    """The stored signatures stay those of ALGORITHM: where this fails, raise its number."""
    assert signature(["minimum slope tpo"])[0, :6].tolist() == GOLDEN_SIGNATURE
    assert buckets(["minimum slope tpo"])[0, [0, 1, 23, 24]].tolist() == GOLDEN_BUCKETS
    assert ALGORITHM.startswith("minhash-u32-120x24x5-1 wording-6-")


GOLDEN_SIGNATURE = [24186037, 11023710, 337957365, 308701283, 77304630, 107884208]
GOLDEN_BUCKETS = [3063871462, 772004764, 1827086003, 2298468021]


def test_signatures_do_not_depend_on_the_block_and_estimate_the_similarity(monkeypatch: pytest.MonkeyPatch) -> None:
    normals = [normalise(prompt) for prompt in prompts(5000)]
    signatures = signature(normals)
    assert np.array_equal(signatures[4000:4100], signature(normals[4000:4100]))
    monkeypatch.setattr(near_duplicates, "PERMUTED", 7_000)
    assert np.array_equal(signatures[:300], signature(normals[:300]))
    rng = random.Random(3)
    errors = []
    for _ in range(2000):
        a, b = rng.sample(range(5000), 2)
        errors.append(float((signatures[a] == signatures[b]).mean()) - similarity(normals[a], normals[b]))
    assert abs(sum(errors) / len(errors)) < 0.01
    assert max(map(abs, errors)) < 0.25


def test_bands_find_nearly_all_that_would_be_verified() -> None:
    """Against comparing every pair: at most 1 in 50 texts has another link."""
    texts = list(prompts(1500))
    normals = [normalise(text) for text in texts]
    expected: list[int | None] = []
    for n, normal in enumerate(normals):
        candidates = (m for m in range(n) if expected[m] is None and verified(normal, normals[m]))
        expected.append(next(candidates, None))
    found = [representative for representative, _ in cluster(texts)]
    assert sum(a != b for a, b in zip(found, expected, strict=True)) <= len(texts) / 50
    assert sum(representative is not None for representative in expected) > 50


def test_several_processes_find_the_links_of_one() -> None:
    texts = list(prompts(2_000))
    assert cluster(texts, processes=2) == cluster(texts)


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
    assert links(con) == cluster([text for _, text in texts])


def test_full_buckets_give_the_same_links_in_any_batches(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "BUCKET", 2)
    monkeypatch.setattr(near_duplicates, "CANDIDATES", 3)
    texts = [(n, text) for n, text in enumerate(prompts(6000)) if "warranty of the TPO roof" in text]
    index = Index()
    for first in range(0, len(texts), 37):
        say(con, texts[first : first + 37], index)
    position = {n: seq for n, (seq, _) in enumerate(texts)}
    expected = [(None if r is None else position[r], near) for r, near in cluster([text for _, text in texts])]
    assert links(con) == expected
    assert con.execute("SELECT count(*) > 0 FROM near_buckets WHERE absent > 0").fetchall() == [(True,)]


def test_a_cluster_hangs_on_its_earliest_text_not_on_a_chain() -> None:
    steps = [
        "seal flashing around rooftop equipment",
        "seal flashing around rooftop equipment quickly",
        "seal flashing around rooftop equipment quickly afterwards",
        "seal flashing around rooftop equipment quickly afterwards yourself",
    ]
    found = cluster(steps)
    for n, (representative, near) in enumerate(found):
        assert representative is None or found[representative][0] is None
        assert near == (
            verified(normalise(steps[n]), normalise(steps[representative])) if representative is not None else 0
        )


def test_a_second_delivery_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    texts = list(enumerate(prompts(300)))
    assert say(con, texts) == list(range(300))
    before = con.execute("SELECT * FROM near_buckets ORDER BY seq").fetchall()
    assert say(con, texts[100:]) == say(con, []) == []
    assert con.execute("SELECT * FROM near_buckets ORDER BY seq").fetchall() == before
    assert links(con) == cluster([text for _, text in texts])


def test_forgotten_changed_and_late_texts_give_the_links_of_what_is_left(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erasing a representative, redacting a prompt and a late arrival: as if it had always been so."""
    monkeypatch.setattr(near_duplicates, "_LATE", 100)
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
    expected = [(None if r is None else left[r][0], near) for r, near in cluster([text for _, text in left])]
    assert links(con) == expected


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
    assert say(con, [(0, "minimum slope, TPO")]) == [0, 2]
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
        relink(con, threshold)
        assert links(con) == cluster(texts, threshold)
        found.add(tuple(links(con)))
    assert len(found) == 2


def test_no_prompts_no_links() -> None:
    assert cluster([]) == []
    assert buckets([]).shape == (0, BANDS + 1)


@pytest.mark.parametrize("unit", ["x", "a.", "from ", "over tpo under ", "12 in ", '"', "1/"])
def test_a_long_text_costs_no_more_than_its_length(unit: str) -> None:
    """One hostile capture must not stop the projector: ten times the text takes ten times as long, not a hundred."""
    assert_linear(lambda characters: facts(normalise(unit * (characters // len(unit)))), 40_000)
