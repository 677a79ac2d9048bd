"""Arguments of every question are checked before it is asked, so that a TypeError within it is a bug."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from events.errors import InputError
from projections.fold.projector import Projector
from services.exporter import service as exporter_service
from services.projector import service as projector_service
from services.state import arguments
from services.state.questions import COMMANDS, QUESTIONS, STREAMS, first_argument

ASKED: dict[str, Callable[..., Any]] = {
    **{f"question {name}": function for name, function in QUESTIONS.items()},
    **{f"rows {name}": function for name, function in STREAMS.items()},
    **{f"command {name}": function for name, function in COMMANDS.items()},
    **{f"command {name}": function for name, function in projector_service.COMMANDS.items()},
    **{f"exporter {name}": function for name, function in exporter_service.QUESTIONS.items()},
}
ARGUMENTS = [(what, name) for what, function in ASKED.items() for name in arguments.keywords(function)]


class Strange:
    """A value of a type that no question takes."""


@pytest.mark.parametrize("what", ASKED)
def test_a_question_takes_everything_by_keyword(what: str) -> None:
    first, *others = inspect.signature(ASKED[what]).parameters.values()
    assert first.name in ("con", "reader", "self")
    assert [parameter.kind for parameter in others] == [inspect.Parameter.KEYWORD_ONLY] * len(others)


@pytest.mark.parametrize("what", ASKED)
def test_an_unknown_argument_is_the_askers_error(what: str) -> None:
    with pytest.raises(InputError, match=f"{what} has no argument 'wrong'; it takes "):
        arguments.checked(what, ASKED[what], {"wrong": 1})


@pytest.mark.parametrize(("what", "name"), ARGUMENTS)
def test_an_argument_of_another_type_is_the_askers_error(what: str, name: str) -> None:
    valid = dict.fromkeys(arguments.keywords(ASKED[what]))  # whatever is needed is there
    with pytest.raises(InputError, match=f"{what}: {name} = "):
        arguments.checked(what, ASKED[what], {name: Strange()} | {other: None for other in valid if other != name})


def test_a_missing_argument_is_the_askers_error() -> None:
    with pytest.raises(InputError, match="question 'show' needs the argument 'example_id'"):
        arguments.checked("question 'show'", QUESTIONS["show"], {})


def test_every_question_without_needs_can_be_asked() -> None:
    projector = Projector(None)
    for what, function in ASKED.items():
        if what.startswith("question ") and not any(map(arguments._is_needed, arguments.keywords(function).values())):
            with projector.con.cursor() as cursor:
                asked_of = first_argument(function, projector.reader(cursor))
                function(asked_of, **arguments.checked(what, function, {}))
    projector.close()
