"""The log on a real server: each fact exactly once, decisions on what was seen, clear refusals."""

from __future__ import annotations

import asyncio

import pytest
from nats.js import api

from events.errors import InvalidFact, StaleRevision, UnknownExample, Unreachable, WrongStream
from events.facts import CorrectionRecorded, ExampleApproved, ExampleErased, ExampleRejected, FeedbackGiven
from events.log import stream
from events.log.log import BATCH, Log
from events.message import Message, remembered
from events.subjects import STREAM, new_event_id
from services.runtime.nats_server import EmbeddedServer

from ...services.conftest import NOW, capture


def approve(example_id: str, revision: int, event_id: str | None = None) -> ExampleApproved:
    return ExampleApproved(
        event_id=event_id or new_event_id(), occurred_at=NOW, actor="ann", example_id=example_id, revision=revision
    )


def reject(example_id: str, revision: int) -> ExampleRejected:
    return ExampleRejected(
        event_id=new_event_id(), occurred_at=NOW, actor="bob", example_id=example_id, revision=revision, reason="no"
    )


async def test_a_fact_is_on_the_log_once_however_often_published(log: Log) -> None:
    facts = [capture() for _ in range(2 * BATCH + 7)]
    assert len((await log.publish(facts)).new) == len(facts)
    more = [*facts[::3], capture(example_id="x"), *facts[::5]]
    again = await log.publish(more)
    assert again.new == ("x",)
    assert len(again.existing) == len(more) - 1
    assert await log.last_sequence() == len(facts) + 1


async def test_publishers_at_the_same_time_double_nothing(server: EmbeddedServer, log: Log) -> None:
    facts = [capture() for _ in range(1500)]
    other = await Log.connect(server.access())
    results = await asyncio.gather(log.publish(facts), other.publish(facts[::-1]), log.publish(facts[::2]))
    await other.close()
    assert await log.last_sequence() == len(facts)
    assert sum(len(result.new) for result in results) == len(facts)


async def test_a_bad_fact_is_refused_and_the_rest_is_published(log: Log) -> None:
    bad = capture(example_id="not an id")
    large = capture(example_id="large", response="x" * (8 * 2**20))
    published = await log.publish([capture(example_id="a"), bad, large, capture(example_id="b")])
    assert published.new == ("a", "b")
    reasons = dict(published.refused)
    assert "event_id" in reasons["not an id"]
    assert "at most 1,048,576 are taken" in reasons["large"]


async def test_messages_come_back_in_order_and_whole(log: Log) -> None:
    facts = [capture(prompt=f"prompt {n} — ünïcode “quotes” \u0000") for n in range(1200)]
    await log.publish(facts)
    read = [message async for batch in log.read(100, 1100, batch=300) for message in batch]
    assert [message.seq for message in read] == list(range(101, 1101))
    assert [message.fact() for message in read] == facts[100:1100]


async def test_a_message_has_the_time_that_the_server_received_it(log: Log) -> None:
    await log.publish([capture()])
    answer = await log.client.request("$JS.API.DIRECT.GET.TRAINING", b'{"seq": 1}')
    message = await log.at(1)
    assert message is not None
    assert message.received_at == (answer.headers or {})["Nats-Time-Stamp"]


@pytest.mark.parametrize(
    ("nanoseconds", "told"),
    [
        (0, "00Z"),
        (1, "00.000000001Z"),
        (120_000_000, "00.12Z"),
        (59_000_000_000, "59Z"),
        (999_999_999, "00.999999999Z"),
    ],
)
def test_a_moment_is_written_in_nanoseconds_without_closing_zeros(nanoseconds: int, told: str) -> None:
    assert Message(1, "s", b"", 1_742_299_200_000_000_000 + nanoseconds).received_at == f"2025-03-18T12:00:{told}"
    assert Message(1, "s", b"").received_at == ""


async def test_feedback_and_corrections_about_unknown_examples_are_refused(log: Log) -> None:
    feedback = FeedbackGiven(event_id="f", occurred_at=NOW, actor="u", example_id="ghost", feedback="positive")
    with pytest.raises(UnknownExample, match="no example 'ghost'"):
        await log.give_feedback(feedback)
    with pytest.raises(UnknownExample):
        await log.decide(approve("ghost", 0), revision=0)
    assert await log.last_sequence() == 0


async def test_no_filter_is_made_of_a_bad_id(log: Log) -> None:
    for bad in ("a.b", "*", ">", "", "a b"):
        with pytest.raises(InvalidFact, match="is not an id"):
            await log.history(bad)


async def test_a_stale_decision_is_refused_and_names_the_earlier_one(log: Log) -> None:
    await log.publish([capture(example_id="a"), capture(example_id="b")])
    revision = await log.revision("a")
    await log.decide(approve("a", revision), revision=revision)
    with pytest.raises(StaleRevision, match="approved by ann at 2025-03-18 12:00:00 UTC") as refused:
        await log.decide(reject("a", revision), revision=revision)
    assert refused.value.seen == revision
    await log.decide(reject("a", 3), revision=await log.revision("a"))
    assert [message.seq for message in await log.history("a")] == [1, 3, 4]


async def test_of_many_decisions_at_once_exactly_one_wins(log: Log) -> None:
    await log.publish([capture(example_id="a")])
    results = await asyncio.gather(*(log.decide(reject("a", 1), revision=1) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, StaleRevision) for result in results) == 7


async def test_saying_one_decision_twice_is_one_decision(log: Log) -> None:
    await log.publish([capture(example_id="a")])
    decision = approve("a", 1, "same")
    assert await log.decide(decision, revision=1) == await log.decide(decision, revision=1)
    assert await log.last_sequence() == 2


async def test_a_revision_that_never_was_is_refused(log: Log) -> None:
    await log.publish([capture(example_id="a")])
    with pytest.raises(StaleRevision, match="knows no such revision, the last one is 1"):
        await log.decide(approve("a", 99), revision=99)


async def test_an_edit_is_both_correction_and_approval_or_neither(log: Log) -> None:
    await log.publish([capture(example_id="a")])
    correction = CorrectionRecorded(
        event_id="c", occurred_at=NOW, actor="ann", example_id="a",
        original_prompt="p", original_response="r", corrected_response="better",
    )  # fmt: skip
    with pytest.raises(StaleRevision):
        await log.decide(correction, approve("c", 0), revision=7)
    assert await log.last_sequence() == 1
    assert await log.decide(correction, approve("c", 0, "edit"), revision=1) == 3
    assert [message.seq for message in await log.history("a")] == [1, 2]
    assert [message.seq for message in await log.history("c")] == [2, 3]
    assert await log.knows("c")
    assert await log.decide(correction, approve("c", 0, "edit"), revision=1) == 3


async def test_nobody_there_is_said_in_one_line() -> None:
    with pytest.raises(Unreachable, match=r"answers at nats://127\.0\.0\.1:1 \(connection refused\); start one"):
        await Log.connect("nats://127.0.0.1:1", timeout=0.5)


async def test_a_stream_that_forgets_is_refused_and_left_alone(server: EmbeddedServer, log: Log) -> None:
    js = log.client.jetstream()
    await js.delete_stream(STREAM)
    await js.add_stream(api.StreamConfig(name=STREAM, subjects=["training.>"], max_age=60, allow_direct=True))
    with pytest.raises(WrongStream, match="discard = old, but rooflog needs new"):
        await Log.connect(server.access())
    assert (await js.stream_info(STREAM)).config.max_age == 60


async def test_the_stream_is_what_the_promises_rest_on(log: Log) -> None:
    await stream.ensure(log)
    assert stream.differences(await stream.held(log)) == []
    config = (await log.client.jetstream().stream_info(STREAM)).config
    assert config.deny_purge
    assert config.allow_atomic
    assert config.allow_direct
    assert config.max_age == 0
    assert config.discard == "new"


async def test_what_was_erased_comes_back_as_its_tombstone_remembers_it(log: Log) -> None:
    await log.publish([capture(example_id=f"e{n}") for n in range(5)])
    before = [message async for batch in log.read(0) for message in batch]
    kept = tuple(remembered(message) for message in before[1:3])
    tombstone = ExampleErased(event_id="t", occurred_at=NOW, actor="ann", example_id="e1", reason="x", erased=kept)
    await log.publish([tombstone])
    assert [await log.erase(seq) for seq in (2, 3, 3)] == [True, True, False]
    assert await log.deleted() == {2, 3}
    for size in (1, 2, 100):
        read = [message async for batch in log.read(0, batch=size) for message in batch]
        assert [message.seq for message in read] == [1, 2, 3, 4, 5, 6]
        assert [message.entry for message in read[:5]] == [message.entry for message in before]
        assert [message.erased_by for message in read] == [0, 6, 6, 0, 0, 0]
    with pytest.raises(InvalidFact, match="sequence 6 says why"):
        read[1].fact()


async def test_what_is_missing_without_a_tombstone_is_said_to_be(log: Log) -> None:
    await log.publish([capture(example_id=f"e{n}") for n in range(4)])
    for seq in (2, 4):
        await log.erase(seq)
    read = [message async for batch in log.read(0, batch=2) for message in batch]
    assert [(message.seq, message.is_missing) for message in read] == [(1, False), (2, True), (3, False), (4, True)]
