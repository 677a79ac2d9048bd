"""The registry of import formats: a new format is a module with its class, and an entry here.

A line is of the first one that recognises it. Rows of annotation tools have columns of any name, so that those formats
stand before all others whose keys may be such names.
"""

from __future__ import annotations

from typing import Any

from .alpaca import Alpaca
from .argilla import Argilla
from .chats import Chats
from .completions import Completions
from .format import Format
from .label_studio import LabelStudio
from .langfuse import Langfuse
from .langsmith import LangSmith
from .phoenix import Phoenix
from .preferences import Preferences
from .requests import Requests
from .sharegpt import ShareGPT
from .spans import Spans
from .store import Store

FORMATS: tuple[type[Format], ...] = (
    Store,
    LabelStudio,
    Argilla,
    Chats,
    ShareGPT,
    Alpaca,
    Completions,
    Requests,
    Preferences,
    Spans,
    Phoenix,
    Langfuse,
    LangSmith,
)

_KEYS_TOLD, _KEY_CHARS = 8, 40


def of(data: dict[str, Any]) -> type[Format]:
    """The format that a line is of. Raises ValueError, which names the known ones."""
    for format_ in FORMATS:
        if format_.recognises(data):
            return format_
    keys = ", ".join(key[:_KEY_CHARS] for key in list(data)[:_KEYS_TOLD])
    more = " and more" if len(data) > _KEYS_TOLD else ""
    raise ValueError(
        f"an object with {f'the keys {keys}{more}' if data else 'no keys'} is of no known format; {known()}"
    )


def known() -> str:
    """Which formats there are, for messages."""
    names = ", ".join(format_.name for format_ in FORMATS)
    return f"known formats are {names} (`rooflog import --help` tells how they look)"


def described() -> list[str]:
    """A line for each format: its name, and how it looks."""
    return [f"{format_.name}: {format_.description}" for format_ in FORMATS]
