"""Dotted names: attributes such as `llm.input_messages.0.message.role` as the objects and lists that they spell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 12
"""Parts of a name at most; conventions have nine."""


def nested(attributes: Mapping[str, Any], prefix: str = "") -> Any:
    """The attributes below a prefix as one value: numbers become places of a list, in their order."""
    whole: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            _put(whole, name[len(prefix) :].split(".", DEEPEST), value)
    return _listed(whole)


def _put(whole: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = whole.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # a name that is both a value and the start of others
        whole = inner
    if not isinstance(whole.get(path[-1]), dict):
        whole[path[-1]] = _spelt(value)


def _spelt(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelt(each) for each in value]
    return nested(value) if isinstance(value, dict) else value


def _listed(value: dict[str, Any]) -> Any:
    inner = {key: _listed(each) if isinstance(each, dict) else each for key, each in value.items()}
    if inner and all(key.isascii() and key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=lambda key: (len(key), key))]
    return inner
