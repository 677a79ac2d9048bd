"""Redactions as facts: what the rules find, or spans that a reviewer chose, replaced in every text of an example.

A text is named by its place (`events.places`), such as `response`, `tools.0.result`, `details.2` or `comments.4711`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, convert

from events.errors import InputError, InvalidFact
from events.facts import ABOUT_EXAMPLES, Attachment, ExampleRedacted, NewComment, PersonalData, ToolTurn
from events.places import replaced, strings
from events.traits import loose
from projections.texts import personal_data
from projections.texts.personal_data import Span
from projections.texts.text_size import READ

from .decisions import Unchanged, envelope
from .facts import Example

OF_ITSELF = ("prompt", "response", "original_response", "original_prompt", "system")
"""The texts of an example that are one string."""

ALWAYS = OF_ITSELF[:3]
"""The texts that every redaction says, changed or not."""

_TRAITS = {(path[0], trait) for kind in ABOUT_EXAMPLES for path, trait in loose(kind)}
_NAMES = {field for field, _ in _TRAITS} - {field for field, trait in _TRAITS if trait != "name"}
"""The fields of facts that hold names and nothing else."""

_COMMENTS = "comments."


class WrongSpan(InputError):
    """A span that no text of the example has, or a name that cannot stand for one."""


class Chosen(Struct, frozen=True):
    """Code points `start` to `end` of the text at the place `field`, to be replaced by a placeholder."""

    field: str
    start: int
    end: int
    name: str

    @classmethod
    def parse(cls, text: str, name: str) -> Chosen:
        """A span in the form FIELD:START-END. Raises WrongSpan."""
        parts = re.fullmatch(r"(\S+):(\d{1,9})-(\d{1,9})", text)
        if parts is None:
            raise WrongSpan(f"{text!r} is no span: give FIELD:START-END, such as response:10-24")
        return cls(parts[1], int(parts[2]), int(parts[3]), name)


class Proposal(Struct, frozen=True):
    """A redaction before it is said: `texts` by place, `replaced` are the spans in their place.

    `spans` are all that the rules found, also guesses, which only a reviewer can judge.
    """

    spans: list[Span]
    texts: dict[str, str]
    replaced: tuple[PersonalData, ...]


def texts_of(example: Example) -> dict[str, str]:
    """Every text of an example that can be replaced, by its place."""
    texts: dict[str, str] = {name: example[name] for name in OF_ITSELF if example.get(name) is not None}
    for name, value in _parts(example).items():
        texts |= {place: text for place, text in strings(value, name) if not place.endswith(".digest")}
    return texts | {f"{_COMMENTS}{comment['seq']}": comment["text"] for comment in example.get("comments", ())}


def _parts(example: Example) -> dict[str, Any]:
    return {
        "tools": convert(example.get("tools", []), tuple[ToolTurn, ...]),
        "attachments": convert(example.get("attachments", []), tuple[Attachment, ...]),
        "details": example.get("details", {}),
    }


def proposal(example: Example) -> Proposal:
    """What the rules find in every text of an example, and the texts with all that is certain replaced."""
    spans: list[Span] = []
    texts: dict[str, str] = {}
    for place, text in texts_of(example).items():
        here = personal_data.find_in(text[:READ], place) if personal_data.is_suspect(text) else []
        spans += here
        without = personal_data.redact(text, here)
        if without != text or place in ALWAYS:
            texts[place] = without
    certain = (PersonalData(kind=s.kind, field=s.field, start=s.start, end=s.end) for s in spans if not s.is_flag)
    return Proposal(spans, texts, tuple(certain))


def chosen(example: Example, spans: Iterable[Chosen]) -> Proposal:
    """The texts of an example with the given spans replaced.

    Raises WrongSpan for an unknown field, a span outside of its text, overlapping spans and a name of odd characters.
    """
    known, by_field = texts_of(example), dict[str, list[Chosen]]()
    for span in spans:
        if span.field not in known:
            raise WrongSpan(_unknown(span.field, known))
        by_field.setdefault(span.field, []).append(span)
    texts = {name: known[name] for name in ALWAYS if name in known}
    spots: list[PersonalData] = []
    for field, some in by_field.items():
        text, end, parts = known[field], 0, []
        for span in sorted(some, key=lambda span: (span.start, span.end)):
            here = f"{field}:{span.start}-{span.end}"
            if not span.start < span.end <= len(text):
                raise WrongSpan(f"{here} is no part of a text of {len(text):,} characters")
            if span.start < end:
                raise WrongSpan(f"{here} overlaps another span, which ends at {end}")
            parts += [text[end : span.start], placeholder(span.name)]
            end = span.end
            kind = placeholder(span.name)[1:-1].lower()
            spots.append(PersonalData(kind=kind, field=field, start=span.start, end=span.end))
        texts[field] = "".join([*parts, text[end:]])
    return Proposal([], texts, tuple(spots))


def placeholder(name: str) -> str:
    """What stands for words that were taken out, such as [NAME] for `name`. Raises WrongSpan."""
    word = re.sub(r"\s+", "_", name.strip().removeprefix("[").removesuffix("]").strip()).upper()
    if not re.fullmatch(r"\w{1,40}", word):
        raise WrongSpan(f"{name!r} cannot stand for what is replaced: give up to 40 letters, such as name or address")
    return f"[{word}]"


def _unknown(field: str, known: Mapping[str, str]) -> str:
    if field.partition(".")[0] in _NAMES:
        return f"{field} is a name, which other facts repeat; it cannot be redacted, but the example can be erased"
    return f"this example has no text {field!r}; it has {', '.join(known)}"


def redaction(
    example: Example,
    proposed: Proposal,
    texts: Mapping[str, str | None] = {},
    *,
    actor: str,
    event_id: str | None = None,
    at: datetime | None = None,
) -> ExampleRedacted:
    """Texts without personal data: those that are given by their place, else as proposed.

    Raises Unchanged where the texts stay as they are, InvalidFact for a text that the example does not have.
    """
    given = {name: text for name, text in texts.items() if text is not None}
    known = texts_of(example)
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidFact("invalid", f"this example has no {', '.join(unknown)}")
    wanted = {place: text for place, text in (proposed.texts | given).items() if text != known[place]}
    if not wanted:
        raise Unchanged("the texts are the same as before; there is nothing to redact")
    now = known | wanted
    parts: dict[str, Any] = {name: wanted.get(name) for name in ("system", "original_prompt")}
    for name, value in _parts(example).items():
        new = replaced(value, name, wanted)
        parts[name] = None if new == value else new
    comments = {int(place.removeprefix(_COMMENTS)): text for place, text in wanted.items() if _COMMENTS in place}
    return ExampleRedacted(
        **envelope(actor, event_id, at),
        example_id=example["example_id"],
        prompt=now["prompt"],
        response=now["response"],
        original_response=now.get("original_response"),
        found=proposed.replaced,
        comments=tuple(NewComment(seq=seq, comment=text) for seq, text in sorted(comments.items())),
        **parts,
    )
