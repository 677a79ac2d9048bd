"""Near-duplicates: prompts that say the same, each linked to the earliest."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from projections.texts import near_duplicates
from projections.texts.near_duplicates import (
    ALGORITHMS,
    BANDS,
    buckets,
    cluster,
    facts_key,
    shares,
    signature,
    similarity,
    verified,
)
from projections.texts.normal_form import normalise
from tests.evaluation.__main__ import labelled, linked
from tests.evaluation.prompts import prompts

from .shapes import SHAPES


def test_labelled_pairs_keep_their_quality() -> None:
    """Of 100 surface edits at least 97 are linked, of 100 one-fact changes at most one, and nothing unrelated."""
    for split in ("tune", "held_out"):
        found = [(pair["kind"], linked(pair)) for pair in labelled("near_duplicates", split)]
        edits = [near for kind, near in found if kind == "surface_edit"]
        changes = [near for kind, near in found if kind == "one_fact"]
        assert sum(edits) >= 0.97 * len(edits)
        assert sum(changes) <= len(changes) / 100
        assert not any(near for kind, near in found if kind == "unrelated")


def test_similarity_is_symmetric_and_ignores_the_order_of_words() -> None:
    assert similarity("minimum slope tpo", "tpo minimum slope") == 1.0
    a, b = "minimum slope tpo", "minimum slope tpo membrane"
    assert similarity(a, b) == similarity(b, a) == 12 / 19


def test_signatures_are_golden() -> None:
    """The stored signatures stay those of ALGORITHMS: where this fails, raise their number."""
    assert signature(["minimum slope tpo"])[0, :6].tolist() == GOLDEN_SIGNATURE
    assert buckets(["minimum slope tpo"])[0, [0, 1, 23, 24]].tolist() == GOLDEN_BUCKETS
    assert ALGORITHMS[1].startswith("minhash-u32-120x24x5-1 wording-6-")
    assert ALGORITHMS[2].startswith("minhash-u32-120x24x5-1 wording-7-")


GOLDEN_SIGNATURE = [24186037, 11023710, 337957365, 308701283, 77304630, 107884208]
GOLDEN_BUCKETS = [3063871462, 772004764, 1827086003, 2298468021]


def test_signatures_estimate_the_similarity_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_several_processes_find_the_links_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    texts = list(prompts(2_000))
    assert cluster(texts, processes=2) == cluster(texts)


def test_shares_have_no_bucket_in_common() -> None:
    normals = list(map(normalise, prompts(3_000)))
    keys = np.array(list(map(facts_key, normals)), np.uint32)
    banded = buckets(normals)
    parts = shares(keys, banded, 7)
    assert sorted(row for part in parts for row in part) == list(range(3_000))
    assert all(part == sorted(part) for part in parts)
    in_part = [{(c, keys[row], banded[row, c]) for row in part for c in range(BANDS + 1)} for part in parts]
    assert len(set().union(*in_part)) == sum(map(len, in_part))
    assert len(parts) == 7
    assert shares(keys[:0], banded[:0], 7) == shares(keys[:0], banded[:0], 1) == []


def test_a_chain_of_texts_stays_in_one_share() -> None:
    order = random.Random(1).sample(range(500), 500)
    banded = np.arange(500 * (BANDS + 1), dtype=np.uint32).reshape(500, -1) + 1_000
    for n, (one, other) in enumerate(pairwise(order)):
        banded[[one, other], n % 2] = n
    assert shares(np.zeros(500, np.uint32), banded, 4) == [list(range(500))]


def test_a_cluster_hangs_on_its_earliest_text_without_chains() -> None:
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


def test_no_prompts_no_links() -> None:
    assert cluster([]) == []
    assert buckets([]).shape == (0, BANDS + 1)


def test_texts_of_one_letter_have_a_signature_of_their_own() -> None:
    """A one-letter word that the vocabulary knows, such as that of a T-joint, has no 4-gram."""
    alone = signature(["t"])
    assert (alone == signature(["roof drain", "t", "membrane"])[1]).all()
    assert similarity("t", "t t") == 1.0
    assert similarity("t", "roof") == 0.0
    assert cluster(["T", "t t", "Which roof drain?"]) == [(None, 0.0), (0, 1.0), (None, 0.0)]


def test_long_texts_are_as_alike_as_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given texts of every shape and their neighbours, then counting numbers and counting sets come to the same."""
    normals = [normalise(shape(600)) for shape in SHAPES.values()]
    pairs = [pair for n, normal in enumerate(normals) for pair in ((normal, f"{normal} tpo"), (normal, normals[n - 1]))]
    short = [similarity(a, b) for a, b in pairs]
    monkeypatch.setattr(near_duplicates, "LONG", 0)
    assert [similarity(a, b) for a, b in pairs] == short
    monkeypatch.setattr(near_duplicates, "_LETTERS", 1)
    assert [similarity(a, b) for a, b in pairs] == short
