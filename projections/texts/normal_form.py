"""The normal form of a prompt, in which surface edits vanish, and its facts, which no edit may change.

The normal form is a line of canonical words. Words that carry no fact (articles, courtesies, auxiliaries) are gone;
spelling, inflection, units, abbreviations and the field's synonyms are settled; digits carry their unit ("60mil").
Facts are a function of the normal form (see `word_facts`), so two prompts with one normal form always have the same.
Each version of the rules has its own normal form.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..policy.rules import FIRST, LATEST, Rules
from .vocabulary import Phrase, vocabulary

PRODUCTS = {"tpo", "epdm", "pvc", "kee", "modbit", "sbs", "app", "polyiso", "eps", "xps", "mineralwool"}
"""Membranes and insulations, of which one is never another."""
_QUESTION = {"what", "which", "how", "where", "when", "why", "who"}
_WHETHER = {"am", "are", "can", "could", "do", "does", "is", "may", "must", "should", "will", "would"}
MODAL = {"can", "should", "must"}
_ASKED_WHETHER = {"require": "must", "allow": "can"}
"""What "is it required" and "are they allowed" ask, in the words of "must it" and "can they"."""
_PAST = {"did", "was", "were", "had"}
ASKED = {"howmany", "howmuch", "howlong", "how", "why", "where", "who", "when"}
_MEASURED = {"cost", "weight", "thickness", "width", "depth", "height", "size"}
_ADDRESSED = {"you", "i", "anyone", "anybody", "someone", "somebody"}
"""Who "can you tell me" and its like ask: what they ask is said behind them."""
_CLAUSES = {"when", "where"}
_SUBJECTS = {"i", "we", "you", "one", "it", "they"}


def normalise(prompt: str, rules: Rules = LATEST) -> str:
    """The normal form: canonical words of two letters or more, one space apart; never empty."""
    known = vocabulary(rules)
    words = known.base_words(prompt)
    phrases = known.phrased(words)
    asked = words
    if rules != FIRST:
        if any(not phrase.canonical and _is_courtesy(phrase) for phrase in phrases):
            asked = [word for phrase in phrases if not _is_courtesy(phrase) for word in phrase.words]
        if not _CLAUSES.isdisjoint(words) and (
            len(_QUESTION.intersection(asked)) > 1 or not _WHETHER.isdisjoint(asked)
        ):
            phrases = list(_without_clauses(phrases))
    kept = [word for phrase in phrases if (word := known.canonical.get(phrase.canonical, phrase.canonical))]
    if _QUESTION.isdisjoint(asked) and not (_WHETHER | _PAST).isdisjoint(asked):
        kept = [_ASKED_WHETHER.get(word, word) for word in kept]
        if not _PAST.isdisjoint(asked):
            kept.append("did")
    else:
        # "What slope should I use" and "what is the slope" ask the same; "should I" and "can I" do not.
        kept = [word for word in kept if word not in MODAL]
    if "howmuch" in kept and not _MEASURED.isdisjoint(kept):
        kept.remove("howmuch")
    kept = kept or [word if len(word) > 1 else f"#{word}" for word in words or prompt.lower().split()]
    return " ".join(kept) or "##"


def _is_courtesy(phrase: Phrase) -> bool:
    words = phrase.words
    return not phrase.canonical and len(words) > 1 and words[0] in _WHETHER and words[1] in _ADDRESSED


def _without_clauses(phrases: list[Phrase]) -> Iterator[Phrase]:
    """Phrases without "when" and "where" at the start of a clause: "when it rains", but not "when do I"."""
    for n, phrase in enumerate(phrases):
        if phrase.canonical in _CLAUSES:
            behind = [word for following in phrases[n + 1 : n + 3] for word in following.words][:2]
            if behind and behind[0] in _SUBJECTS:
                behind = behind[1:]
            if not behind or behind[0] not in _WHETHER | _PAST | {"to"}:
                continue
        yield phrase
