"""Facts about one example whose comments say a text: one for every comment field of every fact there is."""

from __future__ import annotations

from msgspec import structs

from events.facts import ABOUT_EXAMPLES, Fact
from events.traits import paths

from .test_facts import SAID


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


def fields() -> list[tuple[type[Fact], str]]:
    """Every comment field of a fact about one example."""
    return [(kind, field) for kind in ABOUT_EXAMPLES for (field,) in paths(kind, "comment")]


def marker(kind: type[Fact], field: str) -> str:
    """A word that stands in one field only."""
    return f"{kind.__name__}{field}77"
