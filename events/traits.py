"""Traits: what kind of words the strings of a fact are, declared beside its fields.

| trait | holds | example |
|---|---|---|
| text | words of an example, which are trained on | `prompt` |
| comment | words of a person about an example or another thing | `reason` |
| name | a person, project, tag, source or tool | `actor` |
| data | whatever programs exchange: ids, digests, details | `event_id` |

Erasure, search, limits and the tests read the declarations. So a private text cannot hide in a field that nobody
listed. How large a string may be follows from its trait, or from the bound that stands beside it (see `limits`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct, inspect, structs

Trait = Literal["text", "comment", "name", "data"]

TRAITS: tuple[Trait, ...] = get_args(Trait)
TEXT, COMMENT, NAME, DATA = (Meta(extra={"trait": trait}) for trait in TRAITS)
"""Declare a field: `Annotated[dict[str, Any], DATA]`. A trait holds for every string inside the field."""

Bound = Literal["text", "comment", "name", "tag", "tags", "data", "details"]

Text = Annotated[str, TEXT]
Comment = Annotated[str, COMMENT]
Name = Annotated[str, NAME]
Data = Annotated[str, DATA]
Tag = Annotated[str, Meta(extra={"trait": "name", "bound": "tag"})]
FEW = Meta(extra={"bound": "tags"})
"""Declare a list whose items are counted: `Annotated[tuple[Tag, ...], FEW]`."""

Path = tuple[str, ...]
"""The way to a string: names of fields, `*` for every item of a list or mapping, and `[keys]` for a mapping's keys."""

_NO_STRINGS = (
    inspect.NoneType, inspect.BoolType, inspect.IntType, inspect.FloatType, inspect.DateTimeType, inspect.LiteralType,
)  # fmt: skip


def strings_of(value: Struct, trait: Trait) -> list[str]:
    """The strings of a Struct that have a trait, in the order of its fields."""
    return [
        text
        for path, declared in _paths(type(value))
        if declared == trait
        for each in values_at(value, path)
        for text in inside(each)
    ]


def values_at(value: Any, path: Path) -> Iterator[Any]:
    """The values of a Struct at the end of a path."""
    if not path:
        yield value
    elif path[0] in ("*", "[keys]"):
        items = value.values() if isinstance(value, Mapping) and path[0] == "*" else value
        for item in items or ():
            yield from values_at(item, path[1:])
    elif value is not None:
        yield from values_at(getattr(value, path[0]), path[1:])


def has(kind: type[Struct], trait: Trait) -> bool:
    """Whether a field of this type declares a trait."""
    return any(declared == trait for _, declared in _paths(kind))


def paths(kind: type[Struct], trait: Trait | None) -> list[Path]:
    """The paths of a type's strings that declare a trait, or, for None, that declare nothing."""
    return [path for path, declared in _paths(kind) if declared == trait]


@cache
def loose(kind: type[Struct]) -> tuple[tuple[Path, Trait], ...]:
    """The paths and traits of a type's strings in which anything may be written: those that have no pattern."""
    declared = ((path, extra) for path, extra in _walk(inspect.type_info(kind)) if not extra.get("is_code"))
    return tuple(dict.fromkeys((path, extra["trait"]) for path, extra in declared if "trait" in extra))


@cache
def bounds(kind: type[Struct]) -> tuple[tuple[Path, Bound], ...]:
    """The paths of a type's values whose size is limited, with the bound of each: its own, or else its trait."""
    declared = ((path, extra.get("bound", extra.get("trait"))) for path, extra in _walk(inspect.type_info(kind)))
    return tuple(dict.fromkeys((path, bound) for path, bound in declared if bound))


@cache
def _paths(kind: type[Struct]) -> tuple[tuple[Path, Trait | None], ...]:
    declared = ((path, extra) for path, extra in _walk(inspect.type_info(kind)) if "trait" in extra or not extra)
    return tuple(dict.fromkeys((path, extra.get("trait")) for path, extra in declared))


def _walk(node: inspect.Type, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What is declared of the values of a type, and nothing where strings are declared as nothing."""
    match node:
        case inspect.Metadata(type=inner, extra={"trait": _} as extra):
            is_code = isinstance(inner, inspect.StrType) and inner.pattern is not None
            yield path, dict(extra or {}) | {"is_code": is_code}
        case inspect.Metadata(type=inner, extra=extra):
            if extra:
                yield path, dict(extra)
            yield from _walk(inner, path)
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from _walk(field.type, (*path, field.name))
        case inspect.UnionType(types=types):
            for each in types:
                yield from _walk(each, path)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            yield from _walk(item, (*path, "*"))
        case inspect.DictType(key_type=key, value_type=item):
            yield from _walk(key, (*path, "[keys]"))
            yield from _walk(item, (*path, "*"))
        case _ if not isinstance(node, _NO_STRINGS):
            yield path, {}


def inside(value: object) -> Iterator[str]:
    """Every string inside a value, the keys of mappings included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from inside(key)
            yield from inside(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from inside(item)
    elif isinstance(value, Struct):
        yield from inside(structs.astuple(value))
