"""The texts of the benchmarks: the same for a seed, as varied as they say, with clusters of all sizes."""

from __future__ import annotations

from collections import Counter

from .texts import LONGEST, SHORTEST, Texts


def test_a_seed_gives_the_same_texts() -> None:
    first, again, other = ([texts.question() + texts.answer() for _ in range(50)] for texts in map(Texts, "aab"))
    assert first == again != other


def test_lengths_vary_between_their_bounds() -> None:
    texts = Texts("lengths")
    lengths = [len(text) for _ in range(3_000) for text in (texts.question(), texts.answer())]
    assert SHORTEST <= min(lengths) < 60
    assert 3_000 < max(lengths) <= LONGEST


def test_most_questions_are_alone_and_few_in_large_clusters() -> None:
    texts = Texts("clusters")
    sizes = Counter(texts.question().lower() for _ in range(20_000)).values()
    assert sum(size == 1 for size in sizes) > 0.8 * len(sizes)
    assert max(sizes) > 50


def test_texts_hold_numbers_names_and_other_scripts() -> None:
    texts = Texts("kinds")
    every = [texts.answer() for _ in range(1_000)]
    assert any("@" in text and ".example" in text for text in every)
    assert 0.02 < sum(not text.isascii() for text in every) / len(every) < 0.1
    assert sum(any(map(str.isdigit, text)) for text in every) > 0.8 * len(every)
