"""Texts of a roofing office as they vary: lengths, numbers, near-duplicates, other trades, names, other scripts."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence

from .words import (
    ANSWERS,
    BLANKS,
    CONTEXT,
    ELSEWHERE,
    FOREIGN,
    OPENINGS,
    PERSONAL,
    QUESTIONS,
    SYLLABLES,
)

SHORTEST, LONGEST = 40, 4_000
"""Characters of a text."""

QUESTION_CHARS, ANSWER_CHARS = (140, 0.6), (550, 0.8)
"""Median and sigma of the log-normal lengths."""

FEW, MANY = (0.03, 2, 20), (0.0003, 200, 200)
"""Clusters of near-duplicates: the share of new questions that begin one, its smallest and its largest size."""

AGAIN = 0.33
"""The share of questions that go into a cluster that has begun, while there is one."""

OTHER_TRADES, PERSONAL_DATA, NON_ASCII = 0.06, 0.04, 0.05
"""The shares of texts about something else, with personal data, and with characters beyond ASCII."""

Part = Callable[["Texts"], str]


class Texts:
    """Questions and answers without end; the same seed gives the same ones."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self.chance = self._random.random
        self._names = ["".join(self._random.choices(SYLLABLES, k=3)).title() for _ in range(4_000)]
        self._begun: list[tuple[str, int]] = []

    def pick(self, choices: Sequence[str]) -> str:
        """One of some texts."""
        return choices[int(self.chance() * len(choices))]

    def question(self) -> str:
        """A question, alone in its cluster or worded like an earlier one."""
        if self._begun and self.chance() < AGAIN:
            return self._reworded()
        text = self._text(QUESTION_CHARS, _QUESTIONS, _CONTEXT)
        share = self.chance()
        for begins, smallest, largest in (MANY, FEW):
            if share < begins:
                self._begun.append((text, self._random.randint(smallest, largest) - 1))
                break
        return text

    def answer(self) -> str:
        """An answer to any question."""
        return self._text(ANSWER_CHARS, _ANSWERS, _ANSWERS)

    def name(self) -> str:
        """A made-up name."""
        return self.pick(self._names)

    def _reworded(self) -> str:
        n = int(self.chance() * len(self._begun))
        text, left = self._begun[n]
        if left > 1:
            self._begun[n] = text, left - 1
        else:
            self._begun[n] = self._begun[-1]
            self._begun.pop()
        way = self.chance()
        if way < 0.25:
            return text
        if way < 0.5:
            return text.lower()
        if way < 0.75 and len(text) > SHORTEST:
            place = int(self.chance() * (len(text) - 1))
            return text[:place] + text[place + 1 :]
        return (self.pick(OPENINGS) + text)[:LONGEST]

    def _text(self, chars: tuple[int, float], first: Sequence[list[Part]], more: Sequence[list[Part]]) -> str:
        """Sentences up to a length; what is beyond it is cut off."""
        length = min(LONGEST, max(SHORTEST, int(self._random.lognormvariate(math.log(chars[0]), chars[1]))))
        if self.chance() < OTHER_TRADES:
            first = more = _ELSEWHERE
        parts = [self._sentence(first)]
        if self.chance() < PERSONAL_DATA:
            parts.append(self._sentence(_PERSONAL))
        if self.chance() < NON_ASCII:
            parts.append(self._sentence(_FOREIGN))
        size = sum(map(len, parts))
        while size < length:
            parts.append(self._sentence(more))
            size += len(parts[-1]) + 1
        return " ".join(parts)[: max(length, SHORTEST)]

    def _sentence(self, sentences: Sequence[list[Part]]) -> str:
        return "".join([part(self) for part in sentences[int(self.chance() * len(sentences))]])


def _number(digits: int) -> Part:
    if digits:
        return lambda texts: f"{int(texts.chance() * 10**digits):0{digits}}"
    return lambda texts: str(2 + int(texts.chance() ** 2 * 400))


def _size(texts: Texts) -> str:
    return f"{1 + int(texts.chance() * 120)}{texts.pick((' mil', ' inch', '-1/2 inch', '.5 inch', ' ft'))}"


def _blank(name: str, digits: int) -> Part:
    if name == "number":
        return _number(digits)
    if name in ("name", "size"):
        return Texts.name if name == "name" else _size
    return lambda texts: texts.pick(BLANKS[name])


def _fixed(text: str) -> Part:
    return lambda _: text


def _parsed(sentences: Sequence[str]) -> list[list[Part]]:
    """Sentences as the functions that make their parts."""
    parsed = []
    for sentence in sentences:
        pieces = re.split(r"\{(\w+)(?::0(\d))?\}", sentence)
        parts: list[Part] = [_fixed(pieces[0])]
        for name, digits, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            parts += [_blank(name, int(digits or 0)), _fixed(text)]
        parsed.append(parts)
    return parsed


_QUESTIONS, _CONTEXT, _ANSWERS = _parsed(QUESTIONS), _parsed(CONTEXT), _parsed(ANSWERS)
_ELSEWHERE, _PERSONAL, _FOREIGN = _parsed(ELSEWHERE), _parsed(PERSONAL), _parsed(FOREIGN)
