"""Whose error it is when a question has no answer: the asker's, the service's, or a bug of the service."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.errors import InputError, InvalidFact, RooflogError, TooLarge, UnknownExample
from events.requests import Answer, Question, value_of
from services.state import questions
from services.state.owner import Owner
from services.state.protocol import answered

MAX_PAYLOAD = 2**20


async def ask(work: Any, data: bytes = b"{}") -> Any:
    sent = await answered("q", data, work, who="projector", max_payload=MAX_PAYLOAD)
    return value_of(msgspec.json.decode(sent, type=Answer))


def raising(error: Exception) -> Any:
    async def work(_: Question) -> Any:
        raise error

    return work


async def test_an_answer_arrives_as_it_was_given() -> None:
    async def work(question: Question) -> Any:
        return question.args

    assert await ask(work, b'{"args": {"a": [1, "x"]}}') == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("error", "arrives"),
    [
        (InputError("no"), InputError),
        (UnknownExample("x"), InputError),
        (InvalidFact("invalid", "no"), InputError),
        (TooLarge("no"), TooLarge),
        (RooflogError("no"), RooflogError),
    ],
)
async def test_an_error_keeps_its_kind_and_exit_code(error: RooflogError, arrives: type[RooflogError]) -> None:
    with pytest.raises(RooflogError) as caught:
        await ask(raising(error))
    assert type(caught.value) is arrives
    assert (str(caught.value), caught.value.exit_code) == (str(error), error.exit_code)


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b'{"nonsense": 1}', b'{"args": 3}', b"[" * 100_000])
async def test_what_is_no_question_is_the_askers_error(data: bytes) -> None:
    with pytest.raises(InputError, match="this is no question"):
        await ask(raising(AssertionError()), data)


@pytest.mark.parametrize("error", [TypeError("f() got 1"), ValueError("bad"), KeyError("x")])
async def test_any_other_exception_is_a_bug_with_a_traceback(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(RooflogError, match="the projector could not answer 'q'") as caught,
    ):
        await ask(raising(error))
    assert caught.value.exit_code == 1
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_an_answer_that_cannot_be_encoded_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    async def work(_: Question) -> Any:
        return object()

    with pytest.raises(RooflogError, match="could not answer"):
        await ask(work)
    assert caplog.records


async def test_an_answer_that_fits_no_message_says_so() -> None:
    async def work(_: Question) -> Any:
        return "x" * MAX_PAYLOAD

    with pytest.raises(TooLarge, match="more than one message takes; ask for fewer rows"):
        await ask(work)


@pytest.mark.parametrize(("registry", "method"), [("QUESTIONS", "answer"), ("COMMANDS", "run"), ("STREAMS", "rows")])
def test_a_type_error_inside_a_question_is_not_the_askers(
    registry: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(con: Any) -> Any:
        return len(3)  # type: ignore[arg-type]

    monkeypatch.setitem(getattr(questions, registry), "broken", broken)
    owner = Owner(tmp_path / "rooflog.duckdb")
    try:
        with pytest.raises(TypeError):
            list(getattr(owner, method)("broken", {}))
        with pytest.raises(InputError, match="it takes no arguments"):
            getattr(owner, method)("broken", {"wrong": 1})
    finally:
        owner.close()
