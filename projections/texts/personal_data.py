"""Personal data and secrets in a text: where they are, and the text without them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter, itemgetter
from typing import Any

import re2
from msgspec import Struct

from ..policy.rules import LATEST, Rules
from .personal_data_checks import data_group
from .personal_data_rules import FLAG_ONLY, RULES, VERSIONS, Kind, Rule
from .text_size import READ

__all__ = ["VERSIONS", "Kind", "Span", "find", "find_in", "is_suspect", "redact"]


class Span(Struct, frozen=True, order=True):
    """Code points `start` to `end` (exclusive) of the string at the place `field`, and what they are."""

    field: str
    start: int
    end: int
    kind: Kind

    @property
    def is_flag(self) -> bool:
        """Whether this is a guess for a reviewer, which `redact` leaves alone."""
        return self.kind in FLAG_ONLY


def find(
    prompt: str, response: str | None = None, original_response: str | None = None, *, rules: Rules = LATEST
) -> list[Span]:
    """Spans of what is read of all fields, field by field in order; they never overlap."""
    texts = {"prompt": prompt, "response": response or "", "original_response": original_response or ""}
    return [span for field, text in texts.items() for span in find_in(text[:READ], field, rules)]


def find_in(text: str, field: str = "prompt", rules: Rules = LATEST) -> list[Span]:
    """Spans of one field in order, by the `RULES` of a version; where they overlap, the first one holds."""
    spans: list[Span] = []  # in order and apart, so that the last one before its end tells whether a match overlaps any
    lower = text.lower() if text.isascii() else None
    for rule in _hinted(text):
        if not rule.since <= rules <= rule.until:
            continue
        if rule.needs and lower is not None and not any(map(lower.__contains__, rule.needs)):
            continue
        fresh: list[Span] = []
        place = 0
        for match, start, end in _matches(rule, text):
            while place < len(spans) and spans[place].start < end:
                place += 1
            is_free = place == 0 or spans[place - 1].end <= start
            if is_free and rule.check(match):
                fresh.append(Span(field, start, end, rule.kind))
        spans = sorted(spans + fresh, key=_START)
    return spans


def is_suspect(*texts: str | None) -> bool:
    """Whether one of some texts may hold anything: most do not, and RE2 says so at once."""
    return _HINTS.Match("\n".join(text for text in texts if text is not None)) is not None


def _hinted(text: str) -> list[Rule]:
    """The rules whose hints a text satisfies, in their order.

    Python and RE2 have different letters and white space only outside of plain ASCII.
    """
    if text.isascii() and not _RARE_SPACE.search(text):
        return [RULES[number] for number in sorted(_HINTS.Match(text) or ())]
    return [rule for rule, hint in zip(RULES, _PYTHON_HINTS, strict=True) if hint.search(text)]


def _hints() -> Any:
    options = re2.Options()
    options.log_errors = False
    hints = re2.Set.SearchSet(options)
    for rule in RULES:
        hints.Add(rule.hint)
    hints.Compile()
    return hints


_HINTS = _hints()
_PYTHON_HINTS = tuple(re.compile(rule.hint) for rule in RULES)
_RARE_SPACE = re.compile("[\v\x1c-\x1f]")
_START = attrgetter("start")


def _matches(rule: Rule, text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """The matches of a rule, with the start and end of their data; they follow one another."""
    if rule.end is None:
        group = data_group(rule.pattern)
        for each in rule.pattern.finditer(text):
            yield each, *each.span(group)
        return
    ends = [match.span(1) for match in re.finditer(f"(?=({rule.end.pattern}))", text)]
    at = place = 0
    while match := rule.pattern.search(text, at):
        at = match.end()
        place = bisect_left(ends, at, place, key=itemgetter(0))
        if place < len(ends) and ends[place][0] <= at + rule.within:
            at = ends[place][1]
        yield match, match.start(), at


def redact(text: str, spans: Iterable[Span]) -> str:
    """The text with a placeholder such as [EMAIL] for each span; flags (name, street_address) stay.

    Raises ValueError if spans overlap or lie outside of the text: they belong to another text.
    """
    parts, at = [], 0
    for span in sorted((s for s in spans if not s.is_flag), key=lambda s: s.start):
        if not at <= span.start < span.end <= len(text):
            raise ValueError(
                f"{span.kind} at {span.start}:{span.end} overlaps or leaves a text of {len(text)} characters"
            )
        parts += [text[at : span.start], f"[{span.kind.upper()}]"]
        at = span.end
    return "".join(parts) + text[at:]
