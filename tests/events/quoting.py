"""Facts about one example whose comments say a text: one for every comment field of every fact there is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import structs, to_builtins
from msgspec.json import encode as encode_json

from events.codec import decode
from events.errors import InvalidFact
from events.facts import ABOUT_EXAMPLES, ExampleErased, Fact
from events.traits import Path, Trait, paths

from .samples import SAID


def quoting(example_id: str, comment: str) -> list[Fact]:
    """The facts in the order of `fields`; `{field}` in the comment stands for the fact's own marker."""
    samples = {type(fact): fact for fact in reversed(SAID) if fact.trace_id is None}
    return [
        structs.replace(
            samples[kind],
            event_id=f"{kind.__name__}-{field}",
            example_id=example_id,
            **{field: comment.replace("{field}", marker(kind, field))},
        )
        for kind, field in fields()
        if kind in samples
    ]


Marked = tuple[str, Fact]


def marked(example_id: str) -> list[Marked]:
    """Facts about one example, each with a word of its own in one declared text, comment or data.

    Left out are ids and digests, which hold no words, and the data of tombstones.
    """
    facts: list[Marked] = []
    for kind in ABOUT_EXAMPLES:
        traits: list[Trait] = ["comment"] if kind is ExampleErased else ["text", "comment", "data"]
        for path in (path for trait in traits for path in paths(kind, trait)):
            word = f"{kind.__name__}{''.join(filter(str.isalpha, ''.join(path)))}77"
            fields_of = {"example_id": example_id, "event_id": f"marked-{len(facts)}"}
            with suppress(InvalidFact):
                facts.append((word, decode(encode_json(_holding(kind, path, word) | fields_of))))
    return facts


def _holding(kind: type[Fact], path: Path, word: str) -> dict[str, Any]:
    """A sample of a kind of fact with a word where a path leads."""
    for sample in (to_builtins(fact) for fact in SAID if type(fact) is kind and fact.trace_id is not None):
        with suppress(KeyError):  # what a sample leaves out is in another one
            _put(sample, path, word)
            if word in encode_json(sample).decode():
                return dict(sample)
    raise AssertionError(f"no sample of {kind.__name__} says {'.'.join(path)}: add one to SAID")


def _put(value: Any, path: Path, word: str) -> None:
    """Put a word where a path leads, into every item of a list; a mapping has it as a value and as a key."""
    name, *rest = path
    if name == "*":
        for item in value:
            _put(item, tuple(rest), word)
    elif len(rest) > 1 or rest not in ([], ["*"]):
        _put(value[name], tuple(rest), word)
    elif rest:
        value[name] = [f"so says {word}"]
    else:
        value[name] = {"note": f"so says {word}", word: 1} if isinstance(value.get(name), dict) else f"so says {word}"


def fields() -> list[tuple[type[Fact], str]]:
    """Every comment field of a fact about one example; the new comments of a redaction are those of other facts."""
    return [(kind, path[0]) for kind in ABOUT_EXAMPLES for path in paths(kind, "comment") if len(path) == 1]


def marker(kind: type[Fact], field: str) -> str:
    """A word that stands in one field only."""
    return f"{kind.__name__}{field}77"
