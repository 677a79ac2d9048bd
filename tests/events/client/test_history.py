"""A history that an assistant was handed: the present turn finds its place by the words, and nothing is copied."""

from __future__ import annotations

from typing import Any

import pytest

from events import Rooflog
from events.chat import Exchange, chained, turn_id
from events.client.history import History
from events.conversations import Conversations
from events.facts import Attachment, ExampleCaptured, ToolTurn
from events.log.log import Log

SYSTEM = {"role": "system", "content": "You are a roofer."}
PHOTO = {"type": "image_url", "image_url": {"url": "roof.jpg"}}


def asks(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answers(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def captured(client: Rooflog, log: Log) -> list[ExampleCaptured]:
    assert await client.aflush()
    facts = [message.fact() async for batch in log.read(0) for message in batch]
    return [fact for fact in facts if isinstance(fact, ExampleCaptured)]


def assistant(client: Rooflog, *, keeps: bool = False) -> Any:
    """An assistant that answers with its question, and, where it `keeps` them, adds both to the history."""

    @client.wrap
    def process_query(query: str, context: dict[str, Any]) -> dict[str, Any]:
        if keeps:
            context["messages"] += [asks(query), answers(f"re: {query}")]
        return {"response": f"re: {query}", "model": "gpt-4o-mini", "finish_reason": "stop"}

    return process_query


async def test_a_named_conversation_is_followed(client: Rooflog, log: Log) -> None:
    process_query = assistant(client)
    for query in ("Which slope?", "And for EPDM?"):
        process_query(query, {"conversation": "thread 7"})
    first, second = await captured(client, log)
    assert (first.conversation, first.follows, first.model, first.finish_reason) == (
        "thread 7", None, "gpt-4o-mini", "stop",
    )  # fmt: skip
    assert (second.conversation, second.follows) == ("thread 7", first.example_id)


@pytest.mark.parametrize("named", [{}, {"conversation": 7}])
async def test_a_history_leads_to_the_turn_with_its_words(client: Rooflog, log: Log, named: dict[str, Any]) -> None:
    process_query = assistant(client, keeps=True)
    one: dict[str, Any] = {"messages": [SYSTEM]} | named
    other: dict[str, Any] = {"messages": [SYSTEM]} | named
    for query, context in (("Slope?", one), ("Slope of PVC?", other), ("EPDM?", one), ("Drains?", other)):
        process_query(query, context)
    facts = await captured(client, log)
    slope, pvc, epdm, drains = facts
    assert [epdm.follows, drains.follows] == [slope.example_id, pvc.example_id]
    assert {fact.conversation for fact in facts} == {str(named["conversation"]) if named else None}
    assert [slope.system, epdm.system] == ["You are a roofer.", None]


async def test_no_text_of_a_history_is_said_twice(client: Rooflog, log: Log) -> None:
    context: dict[str, Any] = {"messages": [SYSTEM]}
    process_query = assistant(client, keeps=True)
    for n in range(30):
        process_query(f"question {n} of thirty?", context)
    assert await client.aflush()
    whole = b"".join([message.data async for batch in log.read(0) for message in batch])
    assert [whole.count(b'"question %d of thirty?"' % n) for n in range(30)] == [1] * 30
    assert whole.count(b"You are a roofer.") == 1


async def test_turns_from_elsewhere_leave_a_missing_example(client: Rooflog, log: Log) -> None:
    history = [SYSTEM, asks("Which slope?"), answers("1/4 in per foot.")]
    process_query = assistant(client)
    process_query("And for EPDM?", {"history": history})
    process_query("And for PVC?", {"history": history, "conversation": "thread 7"})
    unnamed, named = await captured(client, log)
    missing = turn_id(chained([Exchange(["Which slope?"], ["1/4 in per foot."])]))
    assert (unnamed.conversation, unnamed.follows, unnamed.system) == (None, missing, "You are a roofer.")
    assert (named.conversation, named.follows) == ("thread 7", None)


async def test_another_worker_said_the_turn_before(client: Rooflog, log: Log) -> None:
    process_query = assistant(client)
    process_query("Which slope?", {"history": [], "conversation": "c"})
    history = [asks("Which slope?"), answers("re: Which slope?"), asks("And for EPDM?"), answers("The same.")]
    process_query("And for PVC?", {"history": history, "conversation": "c"})
    _, later = await captured(client, log)
    assert (later.conversation, later.follows) == ("c", None)


async def test_an_odd_history_costs_nothing(client: Rooflog, log: Log) -> None:
    process_query = assistant(client)
    odd = [None, 3, {"role": "assistant", "tool_calls": [{"function": {"arguments": object()}}]}]
    contexts: list[dict[str, Any]] = [
        {"history": odd},
        {"history": "text"},
        {"messages": {}},
        {"conversation": object()},
    ]
    for context in contexts:
        assert process_query("Which slope?", context)["training_example_id"]
    assert len(await captured(client, log)) == 4


def present(*messages: dict[str, Any], query: str = "And for EPDM?") -> dict[str, Any]:
    return History(messages, query, "The same.").turn("c", Conversations())


def test_what_came_with_the_present_question_is_taken() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "find"}}]}
    result = {"role": "tool", "tool_call_id": "c", "content": "figure 4-8"}
    asked = {"role": "user", "content": [{"type": "text", "text": "And for  EPDM?"}, PHOTO]}
    earlier = [asks("Which slope?"), call, result, answers("1/4 in.")]
    expected = {
        "system": "You are a roofer.",
        "tools": (ToolTurn(name="find", result="figure 4-8"),),
        "attachments": [Attachment(kind="image", address="roof.jpg")],
    }
    assert present(SYSTEM, *earlier, asked, call, result) == expected
    assert present(SYSTEM, *earlier, asked, call, result, answers("The same.")) == expected
    assert present(SYSTEM, *earlier) == {"system": "You are a roofer.", "tools": (), "attachments": []}


def test_the_same_question_asked_before_is_an_earlier_turn() -> None:
    history = History([asks("And for EPDM?"), answers("No.")], "And for EPDM?", "Yes.")
    assert [(exchange.question, exchange.answer) for exchange in history.earlier] == [("And for EPDM?", "No.")]
    mutated = History([asks("And for EPDM?"), answers("Yes.")], "And for EPDM?", "Yes.")
    assert mutated.earlier == []


def test_more_calls_of_tools_than_a_fact_holds_are_cut() -> None:
    calls = [{"function": {"name": "find"}} for _ in range(150)]
    assert len(present(asks("And for EPDM?"), {"role": "assistant", "tool_calls": calls})["tools"]) == 100
