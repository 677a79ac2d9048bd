"""Modal's real client starting and following a training, against a local stand-in whose every step can fail."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator

import modal.exception
import pytest
from modal_proto import api_pb2

from services import settings
from services.volume import Call, LostAnswer, Trainer, VolumeError, open_trainer

from .standin import StandIn

ARGUMENTS: dict[str, str | int] = {"base_model": "meta-llama/Llama-3.1-8B", "epochs": 3, "batch_size": 4}


@contextlib.asynccontextmanager
async def opened(standin: StandIn, **variables: str) -> AsyncIterator[Trainer]:
    trainer = open_trainer(settings.load({}, variables | {"ROOFLOG_SINK": "modal"}))
    assert trainer is not None
    yield trainer
    standin.mend()
    await trainer.close()


@pytest.fixture
async def trainer(standin: StandIn) -> AsyncIterator[Trainer]:
    async with opened(standin) as trainer:
        yield trainer


async def test_a_training_is_started_and_followed_to_its_end(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    [seen] = standin.calls
    assert (seen["call_id"], seen["function"]) == (call, "roofing-training/fine_tune_roofing_model")
    assert (list(seen["args"]), seen["kwargs"]) == ([], ARGUMENTS)
    assert [json.loads(line)["call_id"] for line in (standin.directory / "calls.jsonl").read_text().splitlines()] == [
        call
    ]
    assert await trainer.outcome(call, 0) == ("running", "it has not ended yet")
    standin.finish(call, {"loss": 0.3})
    assert await trainer.outcome(call, 0) == ("succeeded", "{'loss': 0.3}")


async def test_a_call_is_followed_by_another_process_by_its_id(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    await trainer.close()
    async with opened(standin) as other:
        standin.finish(call, None)
        assert await other.outcome(call, 0) == ("succeeded", "None")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no rows"), "ValueError: no rows"),
        (TimeoutError(), "TimeoutError:"),
        (TimeoutError("the hub did not answer"), "TimeoutError: the hub did not answer"),
        (modal.exception.NotFoundError("no secret"), "NotFoundError: no secret"),
        (modal.exception.ConnectionError("inside"), "ConnectionError: inside"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 485 + "…"),
    ],
)
async def test_a_failed_training_is_told_from_a_failing_server(
    trainer: Trainer, standin: StandIn, error: Exception, text: str
) -> None:
    """The client raises the function's own exception, also where it is of a type that means something else here."""
    call = await trainer.spawn(**ARGUMENTS)
    standin.finish(call, error=error)
    assert await trainer.outcome(call, 0) == ("failed", text)


async def test_a_result_of_an_unknown_type_is_a_success(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    standin.finish(call)
    standin.outcomes[call].data = b"ctransformers.trainer_utils\nTrainOutput\n."
    outcome, text = await trainer.outcome(call, 0)
    assert outcome == "succeeded"
    assert "'transformers' module is not available" in text


async def test_an_error_of_an_unknown_type_is_a_failure(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    standin.finish(call, error=ValueError())
    standin.outcomes[call].data = b"ctorch.cuda\nOutOfMemoryError\n."
    outcome, text = await trainer.outcome(call, 0)
    assert outcome == "failed"
    assert "'torch' module is not available" in text


async def test_a_container_that_died_is_a_failure(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    for status in ("TIMEOUT", "TERMINATED", "INTERNAL_FAILURE", "INIT_FAILURE", "KERNEL_OOM_KILL"):
        standin.finish(call)
        standin.outcomes[call].status = api_pb2.GenericResult.GenericStatus.Value(f"GENERIC_STATUS_{status}")
        standin.outcomes[call].exception = f"it was {status}"
        standin.outcomes[call].data = b""
        outcome, text = await trainer.outcome(call, 0)
        assert outcome == "failed"
        assert f"it was {status}" in text


async def test_a_result_that_has_expired_is_not_awaited_for_ever(trainer: Trainer, standin: StandIn) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    standin.fail("FunctionGetOutputs", "wrong")
    assert await trainer.outcome(call, 0) == ("failed", "Modal no longer keeps how this call ended")


@pytest.mark.parametrize("kind", ["hang", "cut", "status"])
async def test_a_failing_server_says_nothing_about_a_training(trainer: Trainer, standin: StandIn, kind: str) -> None:
    call = await trainer.spawn(**ARGUMENTS)
    standin.fail("FunctionGetOutputs", kind)
    with pytest.raises(VolumeError, match=f"^Modal: cannot follow call {call}: ") as caught:
        await trainer.outcome(call, 0)
    assert caught.value.retryable


async def test_an_unknown_call_is_named(trainer: Trainer) -> None:
    with pytest.raises(VolumeError, match=r"follow call fc-9: no call fc-9; the call belongs to") as caught:
        await trainer.outcome("fc-9", 0)
    assert not caught.value.retryable


@pytest.mark.parametrize("kind", ["hang", "cut", "lost", "status"])
async def test_a_lost_start_is_told_from_a_refused_start(trainer: Trainer, standin: StandIn, kind: str) -> None:
    standin.fail("FunctionMap", kind)
    with pytest.raises(LostAnswer, match=r"may have been started all the same: look at `modal app logs") as caught:
        await trainer.spawn(**ARGUMENTS)
    assert caught.value.retryable
    assert len(standin.calls) == (1 if kind == "lost" else 0)


async def test_a_lost_answer_starts_nothing_twice(trainer: Trainer, standin: StandIn) -> None:
    standin.fail("FunctionMap", "lost", times=1)
    assert await trainer.spawn(**ARGUMENTS) == standin.calls[0]["call_id"]
    assert (standin.steps.count("FunctionMap"), len(standin.calls)) == (2, 1)


@pytest.mark.parametrize(("kind", "detail"), [("hang", ""), ("cut", ""), ("wrong", ""), ("status", "UNAVAILABLE")])
async def test_a_failure_before_the_start_may_be_retried(
    trainer: Trainer, standin: StandIn, kind: str, detail: str
) -> None:
    standin.fail("FunctionGet", kind, detail=detail)
    with pytest.raises(VolumeError, match="cannot find roofing-training/fine_tune") as caught:
        await trainer.spawn(**ARGUMENTS)
    assert caught.value.retryable
    assert not isinstance(caught.value, LostAnswer)
    assert standin.calls == []


@pytest.mark.parametrize(
    ("detail", "retryable"),
    [("RESOURCE_EXHAUSTED", True), ("FAILED_PRECONDITION", True), ("PERMISSION_DENIED", False), ("NOT_FOUND", False)],
)
async def test_a_refused_start_starts_nothing(trainer: Trainer, standin: StandIn, detail: str, retryable: bool) -> None:
    standin.fail("FunctionMap", "status", detail=detail)
    with pytest.raises(VolumeError, match=f"cannot start roofing-training.*injected {detail}") as caught:
        await trainer.spawn(**ARGUMENTS)
    assert caught.value.retryable is retryable
    assert not isinstance(caught.value, LostAnswer)


async def test_a_missing_function_is_named_with_advice(standin: StandIn) -> None:
    async with opened(standin, ROOFLOG_MODAL_FUNCTION="other") as trainer:
        with pytest.raises(VolumeError, match=r"find roofing-training/other.*deploy it \(`modal deploy`\)") as caught:
            await trainer.spawn(**ARGUMENTS)
        assert not caught.value.retryable


async def test_calls_of_all_callers_are_listed(trainer: Trainer, standin: StandIn) -> None:
    assert await trainer.calls() == []
    mine = await trainer.spawn(**ARGUMENTS)
    standin.calls.append(standin.calls[0] | {"call_id": "fc-other", "function": "roofing-training/other"})
    standin.calls.append(standin.calls[0] | {"call_id": "fc-theirs", "key": ""})
    created = standin.calls[0]["created_at"]
    assert await trainer.calls() == [Call(mine, created), Call("fc-theirs", created)]


@pytest.mark.parametrize("detail", ["UNIMPLEMENTED", "PERMISSION_DENIED"])
async def test_calls_that_cannot_be_listed_are_unknown(trainer: Trainer, standin: StandIn, detail: str) -> None:
    standin.fail("FunctionCallList", "status", detail=detail)
    assert await trainer.calls() is None


async def test_a_missing_list_of_calls_is_no_empty_list(trainer: Trainer, standin: StandIn) -> None:
    standin.fail("FunctionCallList", "hang")
    with pytest.raises(VolumeError, match="cannot list the calls of roofing-training") as caught:
        await trainer.calls()
    assert caught.value.retryable
