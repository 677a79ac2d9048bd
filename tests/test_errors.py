"""Every error that a user may see derives from one class, which knows the exit code of a command that ends with it."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import events
import projections
import services
from events.errors import InputError, RooflogError

INTERNAL = {
    "services.web.errors.Refusal": "an answer of the gateway: it has a status of HTTP, and no command ends with it",
}
"""Exceptions of ours that no user sees, and why."""


def defined(package: ModuleType) -> list[type[Exception]]:
    """Every exception that a module of the package defines."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [Exception]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if each.__module__.partition(".")[0] == package.__name__:
                found.append(each)
    return list(dict.fromkeys(found))


DEFINED = [error for package in (events, projections, services) for error in defined(package)]


@pytest.mark.parametrize("error", DEFINED, ids=lambda error: f"{error.__module__}.{error.__qualname__}")
def test_an_error_is_told_to_users_or_is_internal(error: type[Exception]) -> None:
    if f"{error.__module__}.{error.__qualname__}" in INTERNAL:
        assert not issubclass(error, RooflogError)
        return
    assert issubclass(error, RooflogError)
    assert error.exit_code == (2 if issubclass(error, InputError) else 1)
    assert error.__doc__


def test_internal_errors_are_still_there() -> None:
    assert INTERNAL.keys() <= {f"{error.__module__}.{error.__qualname__}" for error in DEFINED}
