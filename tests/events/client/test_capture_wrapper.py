"""The wrapper around `process_query`: it captures, it adds the id, and it is never felt."""

from __future__ import annotations

import asyncio
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from events import Rooflog
from events.client.capture_wrapper import ID
from events.log.log import Log

from .test_client import only


async def test_a_result_is_captured_and_gets_the_examples_id(client: Rooflog, log: Log) -> None:
    class Assistant:
        @client.wrap
        async def process_query(self, query: str, context: dict[str, Any] | None = None) -> dict[str, Any]:
            """Answer."""
            return {"response": f"re: {query}", "skill_used": "pm", "tier": "modal", "tokens_out": 3, "tags": ["tpo"]}

    result = await Assistant().process_query("Minimum slope?", context={"project": "Depot"})
    assert Assistant.process_query.__doc__ == "Answer."
    assert await client.aflush()
    fact = await only(log, result["training_example_id"])
    assert (fact.prompt, fact.response, fact.source) == ("Minimum slope?", "re: Minimum slope?", "production_query")
    assert (fact.project_context, fact.tags) == ("Depot", ("tpo",))
    assert (fact.metadata.skill_used, fact.metadata.tier_handled, fact.metadata.tokens_out) == ("pm", "modal", 3)
    assert fact.metadata.latency_ms >= 0


def test_functions_are_wrapped_as_coroutine_functions_are(client: Rooflog) -> None:
    def process_query(query: str, context: object = None) -> dict[str, Any]:
        return {"answer": query}

    wrapped = client.wrap(process_query, source="chat_interaction")
    assert wrapped("hello", None)[ID].startswith("train_")
    assert client.stats().said == 1


@pytest.mark.parametrize(
    ("raised", "source"),
    [(ValueError("no model"), "error"), (TimeoutError("late"), "timeout"), (asyncio.CancelledError(), "timeout")],
)
async def test_a_failure_is_kept_and_goes_on(client: Rooflog, log: Log, raised: BaseException, source: str) -> None:
    @client.wrap
    async def process_query(query: str, context: object) -> None:
        raise raised

    with pytest.raises(type(raised)) as caught:
        await process_query("Minimum slope?", None)
    assert caught.value is raised
    assert await client.aflush()
    (message,) = [message async for batch in log.read(0) for message in batch]
    fact: Any = message.fact()
    assert (fact.prompt, fact.source, fact.details) == ("Minimum slope?", source, {"exception": type(raised).__name__})


async def test_a_call_that_takes_too_long_is_a_timeout(client: Rooflog, log: Log) -> None:
    @client.wrap
    async def process_query(query: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process_query("Minimum slope?"), 0.05)
    assert await client.aflush()
    (message,) = [message async for batch in log.read(0) for message in batch]
    assert message.fact().source == "timeout"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "result", ["text", None, 7, ("a", 1), ["a"], object(), {"response": 3}, {"response": "x", "latency_ms": -5}]
)
async def test_no_result_is_changed_or_lost_whatever_it_is(client: Rooflog, result: Any) -> None:
    @client.wrap
    async def process_query(query: str) -> Any:
        return result

    assert await process_query("q") is result


async def test_the_id_finds_room_in_objects_and_read_only_mappings(client: Rooflog) -> None:
    answers = [SimpleNamespace(text="hello"), MappingProxyType({"text": "hello"})]

    @client.wrap
    async def process_query(query: str) -> Any:
        return answers.pop(0)

    assert (await process_query("q")).training_example_id.startswith("train_")
    assert (await process_query("q"))[ID].startswith("train_")


async def test_who_knows_better_describes_the_result(client: Rooflog, log: Log) -> None:
    @client.wrap(describe=lambda _, context, result: {"response": result[1], "tags": [context]})
    async def process_query(query: str, context: str) -> Any:
        return [0, "the answer"]

    await process_query("q", "tpo")
    assert await client.aflush()
    (message,) = [message async for batch in log.read(0) for message in batch]
    fact: Any = message.fact()
    assert (fact.response, fact.tags) == ("the answer", ("tpo",))


async def test_a_failing_description_costs_the_capture_and_not_the_answer(
    client: Rooflog, caplog: pytest.LogCaptureFixture
) -> None:
    @client.wrap(describe=lambda *_: {"response": 1 / 0})
    async def process_query(query: str) -> dict[str, str]:
        return {"response": "fine"}

    assert await process_query("q") == {"response": "fine"}
    assert "could not be captured" in caplog.text
