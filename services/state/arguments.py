"""Checks arguments from the wire against the signature of the function that takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from events.errors import InputError

T = TypeVar("T")


def chosen(kind: str, functions: Mapping[str, Callable[..., T]], name: str) -> Callable[..., T]:
    """The function with this name. Raises InputError that lists the names."""
    if name not in functions:
        raise InputError(f"no {kind} {name!r}; there are {', '.join(functions)}")
    return functions[name]


def checked(what: str, function: Callable[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, converted to the types that the function declares; errors call the function `what`.

    Raises InputError for an argument that is unknown, missing or of another type. A TypeError that the function itself
    raises is therefore a bug, and never the asker's fault.
    """
    parameters = keywords(function)
    if unknown := [name for name in args if name not in parameters]:
        takes = ", ".join(parameters) or "no arguments"
        raise InputError(f"{what} has no argument {unknown[0]!r}; it takes {takes}")
    if missing := [name for name, parameter in parameters.items() if _is_needed(parameter) and name not in args]:
        raise InputError(f"{what} needs the argument {missing[0]!r}")
    return {name: _converted(what, parameters[name], value) for name, value in args.items()}


@cache
def keywords(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a function, with their types: what an asker may give."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return {parameter.name: parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def shape(name: str, function: Callable[..., Any]) -> type[msgspec.Struct]:
    """The arguments of a function as a Struct, for documents."""
    fields: list[tuple[str, Any, Any]] = [
        (parameter.name, parameter.annotation, msgspec.NODEFAULT if _is_needed(parameter) else parameter.default)
        for parameter in keywords(function).values()
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, kw_only=True)


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _converted(what: str, parameter: inspect.Parameter, value: Any) -> Any:
    try:
        return msgspec.convert(value, parameter.annotation)
    except msgspec.ValidationError as error:
        raise InputError(f"{what}: {parameter.name} = {value!r}: {error}") from error
