"""Limits: how large a fact may be that is about to be said. What is on the log already is read whatever its size.

Work on a text is linear in its size, so these limits bound what one fact costs whoever reads it. They are looked at
where facts are encoded, and never where they are decoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .errors import InvalidFact
from .traits import Bound, Path, bounds, values_at

DEEPEST = 64
"""Levels of nesting in a fact. A fixed limit, because Python's own depends on how deep the caller is in its stack."""

CONTAINERS = 20_000
"""Lists and objects in one JSON value: each costs a reader memory, however few bytes it has."""


class Limit(Struct, frozen=True):
    """At most `most` of a `unit`, for what `words` say."""

    most: int
    unit: Literal["bytes", "characters", "items"]
    words: str


LIMITS: dict[Bound, Limit] = {
    "text": Limit(2**20, "bytes", "a text of an example, such as a prompt, in UTF-8"),
    "comment": Limit(64 * 2**10, "bytes", "a comment or a reason, in UTF-8"),
    "name": Limit(200, "characters", "an actor, project, conversation, tool, model or another name; a source has 100"),
    "tag": Limit(80, "characters", "a tag"),
    "tags": Limit(100, "items", "the tags, calls of tools or attachments of an example, or its ids in another store"),
    "data": Limit(4096, "characters", "an id, a path or another string between programs"),
    "details": Limit(2**20, "bytes", "details, encoded as JSON; also a policy"),
}
"""The limits by the bound that a field declares."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_WHOLE = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""JSON up to a string that goes on behind its end."""

PIECE = 256 * 2**10
"""Bytes of JSON that are looked through at a time: an expression keeps Python's lock, so other threads wait for it."""

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def check(fact: Struct) -> None:
    """Raise InvalidFact where a part of a fact is larger than its limit: it names the field, its size and the limit."""
    for path, limit, is_field in _limits(type(fact)):
        part = getattr(fact, path[0])
        if not part:
            continue  # most facts leave most parts out
        for value in (part,) if is_field else values_at(part, path[1:]):
            if isinstance(value, str):
                if len(value) > limit.most // 4:  # no character has more than four bytes
                    _require(limit, path, _size(value, limit))
            elif isinstance(value, Mapping):
                _check_details(path, value)
            elif limit.unit == "items" and value is not None:
                _require(limit, path, len(value))


@cache
def _limits(kind: type[Struct]) -> tuple[tuple[Path, Limit, bool], ...]:
    """The paths of a type with a limit, and whether each is a field."""
    return tuple((path, LIMITS[bound], len(path) == 1) for path, bound in bounds(kind))


def check_json(data: bytes, *, containers: int = CONTAINERS, deepest: int = DEEPEST, what: str = "the JSON") -> None:
    """Raise InvalidFact where JSON nests too deep or holds too many lists and objects to be decoded, valid or not.

    For bodies from outside, before anything else decodes them.
    """
    brackets = data.count(b"[") + data.count(b"{")
    if brackets > min(containers, deepest):
        count, depth = _shape(data)
        if depth > deepest:
            raise InvalidFact("malformed", f"{what} is nested more than {deepest} levels deep")
        if count > containers:
            raise InvalidFact("malformed", f"{what} has {count:,} lists and objects, at most {containers:,} are taken")


def depth(data: bytes) -> int:
    """How deep JSON nests, whether or not it is valid."""
    return _shape(data)[1]


def _shape(data: bytes) -> tuple[int, int]:
    """How many lists and objects JSON has, and how deep they nest."""
    opened = depth = deepest = start = 0
    while start < len(data):
        end = _WHOLE.match(data, start, start + PIECE).end()  # type: ignore[union-attr]
        steps = _STRING.sub(b"", data[start:end]).translate(_STEPS, _NO_BRACKETS)
        depths = [depth, *accumulate(memoryview(steps).cast("b"), initial=depth)]
        opened, depth, deepest = opened + steps.count(b"\x01"), depths[-1], max(deepest, *depths)
        start = long.end() if (long := _STRING.match(data, end)) else end
    return opened, deepest


def _check_details(path: Path, details: Mapping[str, Any]) -> None:
    if not details:
        return
    limit = LIMITS["details"]
    data = msgspec.json.encode(details)
    _require(limit, path, len(data))
    check_json(data, what=".".join(path))


def _size(value: str, limit: Limit) -> int:
    if limit.unit == "characters" or value.isascii():
        return len(value)
    return len(value.encode("utf-8", "surrogatepass"))


def _require(limit: Limit, path: Path, size: int) -> None:
    if size > limit.most:
        field = ".".join(name for name in path if name not in ("*", "[keys]"))
        raise InvalidFact("invalid", f"{field} has {size:,} {limit.unit}, at most {limit.most:,} are taken; shorten it")
