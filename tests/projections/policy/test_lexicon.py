"""Relevance: what lifts a text, what does not, and that a plain model agrees."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec
import pytest

from projections.policy import lexicon
from projections.policy.alternations import key, plural
from projections.policy.lexicon import Lexicon, Term
from projections.policy.policy import PolicyError, default, from_document
from projections.texts import analysis
from projections.texts.text_filters import Text, judge_texts
from tests.evaluation.__main__ import labelled

LEXICON = default().lexicon
SMALL: dict[str, Any] = {
    "terms": [
        {"term": "tpo", "weight": 3, "tags": ["tpo"]},
        {"term": "flashing", "weight": 2, "tags": ["flashing"]},
        {"term": "drain", "weight": 1, "tags": ["drains"], "ambiguous": True},
        {"term": "07 ## ##", "weight": 2, "tags": ["specs"]},
    ],
    "rivals": ["firmware"],
    "ignored": ["drain pan"],
}

Rating = tuple[int, str, list[str], list[str]]


def load_lexicon(document: dict[str, Any]) -> Lexicon:
    return from_document(default().document() | {"lexicon": document}).lexicon


def rate(texts: list[tuple[str, str]], lexicon: Lexicon = LEXICON) -> list[Rating]:
    policy = msgspec.structs.replace(default(), lexicon=lexicon)
    judged = judge_texts([Text(prompt, response) for prompt, response in texts], policy)
    return [(one["score"], one["relevance"], one["terms"], one["tags"]) for one in judged]


def plainly(words: Lexicon, prompt: str, response: str) -> tuple[int, int, list[str], list[str]]:
    """Score, context, matched words and tags of one text, as one would say it."""
    meaning: dict[str, Term | str] = {key(form): term for term in words.terms for form in term.forms}
    meaning |= {key(form): word for word in words.rivals for form in (word, plural(word))}
    rated = lexicon.said(prompt, response).decode()
    found = matched(words.pattern, rated)
    meant = [meaning.get(key(match)) for _, match in found]
    terms = {term.term: term for term in meant if isinstance(term, Term)}.values()
    said: dict[str, str] = {}
    for (_, match), meaning_of in zip(found, meant, strict=True):
        if isinstance(meaning_of, Term):
            said.setdefault(re.sub(r"[-\s&./:']|s\Z", "", match), re.sub(r"\s", " ", match))
    strength = sum(term.weight for term in terms if term.weight > 1)
    strength -= lexicon.RIVAL_COST * len({word for word in meant if isinstance(word, str)})
    company = any(term.weight == 1 and not term.neutral for term in terms)
    tags = {tag for term in terms if strength >= 2 or not term.ambiguous for tag in term.tags}
    return sum(term.weight for term in terms), strength + company, [*said.values()], sorted(tags)


def matched(pattern: str, text: str) -> list[tuple[int, str]]:
    """Where and what, by Python's `re`, whose white space would have one character more than RE2's."""
    found = compiled(pattern.replace(r"[\s-]", r"[\t\n\f\r -]"), re.ASCII).finditer(text)
    return [(match.start(), match[0]) for match in found]


compiled = cache(re.compile)


def test_texts_are_rated_as_one_would_say_it() -> None:
    texts = [(row["prompt"], row["response"]) for name in ("relevance", "tags") for row in labelled(name)]
    texts += [(a[0] + " " + b[0], c[0]) for a, b, c in zip(texts[::5], texts[7:], texts[31:], strict=False)]
    texts = texts[::20]
    texts += [("İSTANBUL ROOFS\vTPO\u00a0seam mod\vbit", "STRASSE ẞ flashing\x0bdrain 07\u20035400 \u0660\u0667 54 00")]
    rated = analysis.of([analysis.Texts(*text) for text in texts], analysis.Analyser(LEXICON, 1))
    found = rated.select(["score", "context", "tags"]).to_pylist()
    matched_words = [analysis.terms(*text, LEXICON) for text in texts]
    assert [
        (row["score"], row["context"], words, row["tags"]) for row, words in zip(found, matched_words, strict=True)
    ] == [plainly(LEXICON, *text) for text in texts]


def test_rating_is_deterministic() -> None:
    texts = [(row["prompt"], row["response"]) for row in labelled("relevance")]
    assert rate(texts) == rate(texts)


BESIDE_ROOFS = {"waterproofing", "coatings", "sealants", "fall_protection", "estimating", "mixed"}
"""Groups of questions of a roofing contractor that often name no roof."""


@pytest.mark.parametrize("half", ["tune", "held_out"])
def test_quality_does_not_fall(half: str) -> None:
    rows = [row for row in labelled("relevance") if row["split"] == half]
    tiers = [rating[1] for rating in rate([(row["prompt"], row["response"]) for row in rows])]
    judged = [(row["group"], row["tier"] != "low", tier) for row, tier in zip(rows, tiers, strict=True)]
    hard = {"dry", *BESIDE_ROOFS}
    unrelated = [tier for group, is_related, tier in judged if not is_related and group != "exam"]
    related = [tier for group, is_related, tier in judged if is_related and group not in hard]
    beside = [tier for group, is_related, tier in judged if is_related and group in BESIDE_ROOFS]
    dry = [tier for group, _, tier in judged if group == "dry"]
    exam = [tier for group, _, tier in judged if group == "exam"]
    assert unrelated.count("low") / len(unrelated) >= 0.99
    assert related.count("low") / len(related) <= 0.06
    assert exam.count("low") / len(exam) <= 0.10
    assert exam.count("high") / len(exam) >= 0.65
    assert beside.count("low") / len(beside) <= 0.20
    assert beside.count("high") / len(beside) >= 0.60
    assert dry.count("low") / len(dry) <= 0.55  # stems written to hold as few of roofing's own words as they can


@pytest.mark.parametrize(
    "text",
    [
        "membrane",
        "flashing",
        "The valley below the ridge",
        "slate tablet",
        "drain, detail, spec, curb",
        "iso eps deck",
        "A gutter in a comic",
        "SPF record",
        "6 inches",
        "wind and waves",
        "a copper kettle",
        "raise the roof",
    ],
)
def test_a_lone_or_everyday_word_stays_low(text: str) -> None:
    assert rate([(text, "")])[0][1] == "low"


@pytest.mark.parametrize(
    "text",
    [
        "TPO seam",
        "scupper height",
        "mod-bit",
        "mod bit",
        "Base-flashing at the parapets",
        "membrane, 60 inches",
        "nailed to the rafter____",
        "Purlins carry",
        "two flat lock seams, cleats",
        "the king post",
    ],
)
def test_a_short_roofing_text_is_above_low(text: str) -> None:
    assert rate([(text, "")])[0][1] != "low"


def test_words_of_another_field_take_the_context_away() -> None:
    lexicon = load_lexicon(SMALL)
    rated = rate([("TPO", ""), ("TPO firmware", "")], lexicon)
    assert [rating[:2] for rating in rated] == [(3, "medium"), (3, "low")]


def test_a_term_counts_once_and_ignored_phrases_not_at_all() -> None:
    assert rate([("tpo TPO tpos drain pan", "TPO")], load_lexicon(SMALL))[0] == (3, "medium", ["tpo"], ["tpo"])


def test_an_ambiguous_term_gives_its_tag_only_near_roofing() -> None:
    rated = rate([("drain", ""), ("drain", "tpo")], load_lexicon(SMALL))
    assert [row[3] for row in rated] == [["general"], ["drains", "tpo"]]


@pytest.mark.parametrize("text", ["07 54 00", "07-54-00", "075400"])
def test_a_digit_stands_for_any_digit(text: str) -> None:
    assert rate([(text, "")], load_lexicon(SMALL))[0][2] == [text]


def test_terms_are_the_words_of_the_text_in_order() -> None:
    document = SMALL | {"terms": [*SMALL["terms"], {"term": "mod bit", "weight": 3, "also": ["sump"]}]}
    text = "Sumps: 07 54 00, mod-bit\ndrain pan, TPO; mod  bit, firmware, Mod\nBit, sump and 07 62 00"
    terms = ["sumps", "07 54 00", "mod-bit", "tpo", "07 62 00"]
    assert rate([(text, "")], load_lexicon(document))[0][2] == terms


def test_no_more_words_are_told_than_people_read() -> None:
    text = " ".join(f"07 {n // 100:02} {n % 100:02}" for n in range(1_000))
    assert len(rate([(text, "")], load_lexicon(SMALL))[0][2]) == lexicon.MOST_MATCHED


def test_a_phrase_does_not_span_prompt_and_response() -> None:
    assert "roof drain" not in rate([("the roof", "drain")])[0][2]


def test_an_empty_text_is_low_and_general() -> None:
    assert rate([("", "")]) == [(0, "low", [], ["general"])]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terms": []}, "terms"),
        ({"terms": [{"term": "tpo", "weight": 4}]}, r"weight.*'tpo'"),
        ({"terms": [{"term": "TPO", "weight": 3}]}, "matching regex.*'TPO'"),
        ({"terms": [{"term": "tpo", "weight": 3, "tags": ["Roof!"]}]}, "tags"),
        ({"terms": [{"term": "tpo", "weight": 3, "wieght": 3}]}, "wieght"),
        ({"terms": [{"term": "mod bit", "weight": 3}, {"term": "modbit", "weight": 2}]}, "'modbit' belongs to both"),
        ({"rivals": ["tpo"]}, "belongs to both 'tpo' and 'rivals'"),
    ],
)
def test_a_wrong_document_is_refused_with_the_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_lexicon(SMALL | change)
