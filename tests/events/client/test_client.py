"""The client's calls: facts on the log, ids at once, mistakes in words, the same for threads and coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events import InvalidFact, Rooflog, Unreachable
from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven, ToolTurn
from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import ANSWER, Cli, address, cli, start
from tests.services.forked import Forked
from tests.services.projector.test_service import until_running

from ..conftest import on_the_log

__all__ = ["cli", "start"]


async def only(log: Log, any_id: str) -> Any:
    """The one fact that is about an id."""
    (message,) = await log.history(any_id)
    return message.fact()


async def test_a_capture_reaches_the_log_as_it_was_said(client: Rooflog, log: Log) -> None:
    at = datetime(2025, 3, 18, 14, 30, tzinfo=UTC)
    example_id = client.capture(
        "Minimum slope?", ANSWER, source="production_query", skill_used="pm", tier_handled="modal", latency_ms=180.5,
        tokens_in=12, tokens_out=58, tags=["tpo"], project="Depot", details={"a": 1}, at=at, trace_id="t1",
    )  # fmt: skip
    assert example_id.startswith("train_20250318_143000_")
    assert await client.aflush()
    fact: ExampleCaptured = await only(log, example_id)
    assert (fact.event_id, fact.actor, fact.occurred_at, fact.trace_id) == (example_id, "architect-ai", at, "t1")
    assert (fact.source, fact.tags, fact.project_context, fact.details) == (
        "production_query",
        ("tpo",),
        "Depot",
        {"a": 1},
    )
    assert msgspec.structs.astuple(fact.metadata) == ("pm", "modal", 180.5, 12, 58)


async def test_every_other_call_reaches_the_log(client: Rooflog, log: Log) -> None:
    document = client.document("rfi", "Write an RFI", "RFI 12 …", was_used=True, modifications="minor", tags=["rfi"])
    calculation = client.calculation("drains", {"area": 12400}, "ceil(area / 5000)", 3, explanation="One per 5,000 SF.")
    spec = client.spec_interpretation("07 54 00", "Cover board?", "Yes.", quote="Provide one.", actor="ann")
    detail = client.detail_decision("an expansion joint", "Bellows on curbs", "it ponds", "Depot")
    known = client.project_knowledge(
        "Depot", spec_sections=[("07 62 00", "24 gauge")], key_details=[("curb", "weld", "TPO")],
        lessons_learned=[("adhesive", "keep it warm")],
    )  # fmt: skip
    assert await client.aflush()
    assert (await only(log, document)).document.document_type == "rfi"
    assert (await only(log, calculation)).source == "verified_calculation"
    assert (await only(log, spec)).actor == "ann"
    assert (await only(log, detail)).prompt == "How should we detail an expansion joint?"
    assert [(await only(log, each)).project_context for each in known] == ["Depot"] * 3
    assert len(await on_the_log(log)) == 7


async def test_every_call_takes_its_turn_in_a_conversation(client: Rooflog, log: Log) -> None:
    turn: dict[str, Any] = {"conversation": "thread 7", "system": "You are a roofer."}
    first = client.capture("Slope?", ANSWER, tools=[{"name": "find", "arguments": {"a": 1}, "result": [8]}], **turn)
    photo = {"kind": "image", "address": "data:image/png;base64,AAAA"}
    document = client.document("rfi", "Write an RFI", "RFI 12 …", attachments=[photo], **turn)
    calculation = client.calculation("drains", {}, "1 + 1", 2, model="m", finish_reason="stop", **turn)
    spec = client.spec_interpretation("07 54 00", "Cover board?", "Yes.", follows=first, **turn)
    detail = client.detail_decision("a joint", "Bellows", "it ponds", "Depot", **turn)
    assert await client.aflush()
    facts = [await only(log, each) for each in (first, document, calculation, spec, detail)]
    assert [fact.follows for fact in facts] == [None, first, document, first, spec]
    assert {fact.conversation for fact in facts} == {"thread 7"}
    assert [fact.system is None for fact in facts] == [False, True, True, False, True]
    assert facts[0].tools == (ToolTurn(name="find", arguments='{"a":1}', result="[8]"),)
    assert (facts[1].attachments[0].address, len(facts[1].attachments[0].digest)) == (None, 64)
    assert (facts[2].model, facts[2].finish_reason) == ("m", "stop")


async def test_a_turn_after_a_refused_one_follows_what_is_missing(client: Rooflog, log: Log) -> None:
    first = client.capture("Slope?", ANSWER, conversation="c")
    with pytest.raises(InvalidFact):
        client.capture("p" * (2**20 + 1), ANSWER, conversation="c")
    later = client.capture("And for EPDM?", ANSWER, conversation="c")
    assert await client.aflush()
    assert (await only(log, later)).follows not in (None, first)
    assert len(await on_the_log(log)) == 2


async def test_negative_feedback_asks_for_a_correction(client: Rooflog, log: Log) -> None:
    example_id = client.capture("Seam overlap?", "2 inches.")
    assert client.feedback(example_id, "positive").request_correction is False
    received = client.feedback(example_id, "negative", comment="which membrane?", actor="ann")
    assert received.request_correction is True
    correction_id = client.correct(
        "Seam overlap?", "2 inches.", "2.5 inches.", reason="incomplete", corrector="pm", example_id=example_id
    )
    assert await client.aflush()
    captured, liked, disliked, corrected, _ = [message.fact() for message in await log.history(example_id)] + [None]
    assert isinstance(captured, ExampleCaptured)
    assert isinstance(liked, FeedbackGiven)
    assert isinstance(disliked, FeedbackGiven)
    assert (disliked.event_id, disliked.comment, disliked.actor) == (received.event_id, "which membrane?", "ann")
    assert isinstance(corrected, CorrectionRecorded)
    assert (corrected.event_id, corrected.corrector, corrected.actor) == (correction_id, "pm", "pm")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: c.capture(None, "r"), "prompt"),
        (lambda c: c.capture("p", 7), "response"),
        (lambda c: c.capture("p", "r", tags="tpo"), "tags"),
        (lambda c: c.capture("p", "r", tags=[1]), "tags"),
        (lambda c: c.capture("p", "r", latency_ms=-1), "latency_ms"),
        (lambda c: c.capture("p", "r", latency_ms=float("nan")), "latency_ms"),
        (lambda c: c.capture("p", "r", tokens_in="many"), "tokens_in"),
        (lambda c: c.capture("p", "r", example_id="a.b"), "event_id"),
        (lambda c: c.capture("p", "r", at=datetime(2025, 1, 1)), "time zone"),
        (lambda c: c.capture("p", "r", details={"x": object()}), "object"),
        (lambda c: c.capture("p", "r", conversation=""), "conversation"),
        (lambda c: c.capture("p", "r", conversation=["c"]), "conversation"),
        (lambda c: c.capture("p", "r", follows="a.b"), "follows"),
        (lambda c: c.capture("p", "r", system=7), "system"),
        (lambda c: c.capture("p", "r", tools=[{"arguments": "{}"}]), "name"),
        (lambda c: c.capture("p", "r", attachments=[{"kind": "image", "bytes": b""}]), "bytes"),
        (lambda c: c.capture("p", "r", attachments=[{"kind": "image", "address": 3}]), "address|capture"),
        (lambda c: c.feedback("a.b", "positive"), "example_id"),
        (lambda c: c.feedback(None, "positive"), "example_id"),
        (lambda c: c.feedback("a", "great"), "great"),
        (lambda c: c.correct("p", "r", None), "corrected_response"),
        (lambda c: c.correct("p", "r", "b", example_id="a b"), "example_id"),
        (lambda c: c.document("rfi", "p", "t", modifications="huge"), "huge"),
        (lambda c: c.calculation("x", None, "f", 1), "calculation"),
        (lambda c: c.capture("p" * (2**20 + 1), "r"), "prompt has 1,048,577 bytes, at most 1,048,576 are taken"),
        (lambda c: c.capture("p", "r", tags=map(str, range(101))), "tags has 101 items"),
        (lambda c: c.feedback("a", "positive", comment="c" * 70_000), "comment has 70,000 bytes, at most 65,536"),
        (lambda c: c.project_knowledge("x", lessons_learned=[("only one",)]), "project_knowledge"),
    ],
)
def test_mistakes_in_the_calling_code_are_explained_at_once(
    tmp_path: Path, call: Callable[[Rooflog], object], says: str
) -> None:
    client = Rooflog("nats://127.0.0.1:1", outbox=tmp_path)
    with pytest.raises(InvalidFact, match=says):
        call(client)
    assert client.stats().said == 0
    client.close(0)


async def test_half_characters_do_not_cost_the_capture(client: Rooflog, log: Log) -> None:
    """A browser's broken JSON becomes such a text: it is the user's, not the calling code's, mistake."""
    example_id = client.capture("Slope \ud83d\ude00 of \udcff TPO?", "ok \ud800", details={"k\ud800": ["\ud83d\ude00"]})
    assert await client.aflush()
    fact = await only(log, example_id)
    assert (fact.prompt, fact.response, fact.details) == ("Slope 😀 of � TPO?", "ok �", {"k�": ["😀"]})


def test_threads_use_the_same_client(server: EmbeddedServer, tmp_path: Path) -> None:
    with Rooflog(server.access("client"), outbox=tmp_path / "outbox") as client:
        example_id = client.capture("p", "r")
        assert client.feedback(example_id, "positive").example_id == example_id
        assert client.flush()
        assert client.stats().published == 2
    assert list((tmp_path / "outbox").iterdir()) == []


async def test_what_is_said_when_closed_waits_for_the_next_process(
    server: EmbeddedServer, client: Rooflog, log: Log, tmp_path: Path
) -> None:
    assert await client.aclose()
    late = client.capture("p", "r")
    assert client.stats().waiting == 1
    assert not client.flush()
    assert not client.close()
    async with Rooflog(server.access("client"), outbox=tmp_path / "outbox"):
        async with asyncio.timeout(10):
            while not await log.knows(late):
                await asyncio.sleep(0.02)


async def test_settings_come_from_the_environment(
    server: EmbeddedServer, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOFLOG_NATS_URL", address(server, "client"))
    monkeypatch.setenv("ROOFLOG_ACTOR", "bot")
    monkeypatch.setenv("ROOFLOG_OUTBOX_DIR", str(tmp_path / "elsewhere"))
    async with Rooflog() as client:
        example_id = client.capture("p", "r")
        assert (tmp_path / "elsewhere").is_dir()
    assert (await only(log, example_id)).actor == "bot"


async def test_the_projectors_statistics_can_be_asked(
    cli: Cli, client: Rooflog, log: Log, start: Callable[..., Forked]
) -> None:
    with pytest.raises(Unreachable):
        client.training_stats(0.5)
    start("projector")
    await until_running(log)
    client.capture("Minimum slope for a TPO roof?", ANSWER)
    assert await client.aflush()
    async with asyncio.timeout(10):
        while (await client.atraining_stats())["total"] != 1:
            await asyncio.sleep(0.02)
    assert client.training_stats()["by_source"][0]["source"] == "chat_interaction"
