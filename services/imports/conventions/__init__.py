"""The registry of conventions by which spans hold texts: a new one is a module with a `read`, and an entry here."""

from __future__ import annotations

from collections.abc import Callable

from ..otlp import Span
from . import events, genai, indexed, openinference
from .texts import Texts

CONVENTIONS: dict[str, Callable[[Span], Texts | None]] = {
    "genai": genai.read,
    "events": events.read,
    "openinference": openinference.read,
    "indexed": indexed.read,
}
"""How each reads a span; None where the span holds nothing of it. The first that reads a question is taken."""


def read(span: Span) -> Texts | None:
    """What a span holds by any convention; None where it holds no texts. Raises what Python does where it is broken."""
    partial = None
    for convention in CONVENTIONS.values():
        texts = convention(span)
        if texts is not None and texts.asked:
            return texts
        partial = partial or texts
    return partial


__all__ = ["CONVENTIONS", "Texts", "read"]
