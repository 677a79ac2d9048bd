"""Places: where a string stands inside a fact or an example, as names and positions such as `tools.0.result`.

An object is counted by its keys in their order: `details.2` is the value of its third key, `details.2.key` that key.
So a place never repeats what somebody wrote. A string is read or replaced at its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct, structs

from .traits import Path, Trait, loose

KEY = "key"


def placed(fact: Struct) -> Iterator[tuple[str, Trait, str]]:
    """The place, the trait and the text of every string of a Struct; not of ids and digests, which have a pattern."""
    for path, trait in loose(type(fact)):
        for place, value in _at(fact, path, ""):
            for inner, text in strings(value, place):
                yield inner, trait, text


def _at(value: Any, path: Path, place: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if not path:
        yield place, value
    elif path[0] not in ("*", "[keys]"):
        yield from _at(getattr(value, path[0]), path[1:], _inner(place, path[0]))
    elif isinstance(value, Mapping):
        for number, key in enumerate(sorted(value)):
            if path[0] == "*":
                yield from _at(value[key], path[1:], _inner(place, number))
            else:
                yield f"{_inner(place, number)}.{KEY}", key
    else:
        for number, item in enumerate(value):
            yield from _at(item, path[1:], _inner(place, number))


def strings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every string inside a value that stands at a place, with its own place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for number, key in enumerate(sorted(value)):
            yield f"{_inner(place, number)}.{KEY}", key
            yield from strings(value[key], _inner(place, number))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from strings(item, _inner(place, number))
    elif isinstance(value, Struct):
        for name in _names(type(value)):
            yield from strings(getattr(value, name), _inner(place, name))


def replaced(value: Any, place: str, texts: Mapping[str, str]) -> Any:
    """The value at a place with other strings at the places of `texts`; two keys that become one are numbered."""
    if isinstance(value, str):
        return texts.get(place, value)
    if isinstance(value, Mapping):
        items: dict[str, Any] = {}
        for number, key in enumerate(sorted(value)):
            inner = _inner(place, number)
            new = texts.get(f"{inner}.{KEY}", key)
            new = f"{new} {number}" if new in items else new
            items[new] = replaced(value[key], inner, texts)
        return items
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, _inner(place, number), texts) for number, item in enumerate(value))
    if isinstance(value, Struct):
        return structs.replace(
            value,
            **{name: replaced(getattr(value, name), _inner(place, name), texts) for name in _names(type(value))},
        )
    return value


def _inner(place: str, step: str | int) -> str:
    return f"{place}.{step}" if place else str(step)


@cache
def _names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(kind.__struct_fields__)
