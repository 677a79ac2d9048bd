"""Saying facts over HTTP: every call of the domain, batches, and keys that make a retry the same fact for ever."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from services.web.access.tokens import Role

from ...conftest import ANSWER
from ..conftest import Site, until

CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "examples",
        {"prompt": "Minimum slope?", "response": ANSWER, "tier_handled": "modal", "latency_ms": 12.5, "tags": ["tpo"],
         "project": "Depot", "occurred_at": "2025-03-18T12:00:00+01:00", "trace_id": "t1"},
        {"source": "chat_interaction", "tags": ["tpo"], "project_context": "Depot", "trace_id": "t1",
         "occurred_at": "2025-03-18T11:00:00Z", "metadata": {"tier_handled": "modal", "latency_ms": 12.5}},
    ),
    (
        "documents",
        {"document_type": "rfi", "prompt": "Write an RFI", "text": ANSWER, "was_used": True, "modifications": "minor"},
        {"source": "rfi_generation",
         "document": {"document_type": "rfi", "was_used": True, "modifications_made": "minor"}},
    ),
    (
        "calculations",
        {"description": "Drain count", "inputs": {"area": 12400}, "formula": "area / 5000", "result": 3},
        {"source": "verified_calculation", "tags": ["calculation"],
         "prompt": "Calculate drain count\n\nGiven:\n- area: 12400",
         "response": "Formula: area / 5000\n\nResult: 3"},
    ),
    (
        "spec-interpretations",
        {"section": "07 54 00", "question": "Cover board?", "interpretation": "Yes.", "quote": "Provide one."},
        {"tags": ["specs", "07-54-00"], "response": "Yes.\n\nSpec reference (07 54 00): Provide one."},
    ),
    (
        "detail-decisions",
        {"condition": "Parapet step", "decision": "Two pieces", "reasoning": "It moves", "project": "Depot"},
        {"prompt": "How should we detail parapet step?", "tags": ["details", "shop-drawings"]},
    ),
]  # fmt: skip


def said(site: Site, any_id: str) -> list[dict[str, Any]]:
    """The facts about an id as they lie on the log."""
    return [entry["fact"] for entry in site.client("auditor").get(f"/api/v1/examples/{any_id}/history").json()["facts"]]


def last_seq(site: Site) -> int:
    return int(site.client("auditor").get("/api/v1/status").json()["log"]["last_seq"])


@pytest.mark.parametrize(("path", "body", "expected"), CALLS, ids=[path for path, _, _ in CALLS])
def test_every_call_becomes_its_fact(site: Site, path: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    answer = site.client("publisher").post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 201
    (fact,) = said(site, answer.json()["example_id"])
    assert {name: fact[name] for name in expected} == expected
    assert (fact["type"], fact["actor"]) == ("example.captured.v1", "publisher")


def test_a_body_may_begin_with_a_byte_order_mark(site: Site) -> None:
    body = b'\xef\xbb\xbf{"prompt": "Marked?", "response": "Yes, by an editor."}'
    headers = {"Content-Type": "application/json"}
    answer = site.client("publisher").post("/api/v1/examples", content=body, headers=headers)
    assert answer.status_code == 201
    assert said(site, answer.json()["example_id"])[0]["prompt"] == "Marked?"


@pytest.mark.parametrize(("path", "body", "expected"), CALLS, ids=[path for path, _, _ in CALLS])
def test_an_idempotency_key_stands_for_one_body(
    site: Site, path: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    client, key = site.client("publisher"), {"Idempotency-Key": f"key of {path}"}
    first = client.post(f"/api/v1/{path}", json=body, headers=key)
    again = client.post(f"/api/v1/{path}", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    before = last_seq(site)
    reused = client.post(f"/api/v1/{path}", json=body | {"skill_used": "another"}, headers=key)
    assert (reused.status_code, reused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert reused.json()["error"]["details"] == {"seq": first.json()["seq"]}
    other = site.client("reviewer").post(f"/api/v1/{path}", json=body, headers=key)
    assert other.json()["example_id"] != first.json()["example_id"], "keys are each caller's own"
    assert last_seq(site) == before + 1


def test_of_many_retries_at_once_one_is_recorded(site: Site) -> None:
    body, key = {"prompt": "At once?", "response": ANSWER}, {"Idempotency-Key": "at once"}
    client, before = site.client("publisher"), last_seq(site)

    def post(_: int) -> httpx.Response:
        return client.post("/api/v1/examples", json=body, headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert last_seq(site) == before + 1


TURN: dict[str, Any] = {"prompt": "Minimum slope?", "response": ANSWER, "conversation": "thread 7"}


def captured(site: Site, body: dict[str, Any], role: Role = "publisher", key: str | None = None) -> dict[str, Any]:
    """The fact that a capture became."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = site.client(role).post("/api/v1/examples", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return said(site, answer.json()["example_id"])[0]


def test_a_turn_follows_the_one_before_it(site: Site) -> None:
    more = {
        "system": "You are a roofer.", "finish_reason": "stop", "model": "gpt-4o-mini",
        "tools": [{"name": "find", "arguments": {"a": 1}, "result": "8"}, {"name": "look"}],
        "attachments": [{"kind": "image", "name": "roof.jpg", "address": "data:image/png;base64,AAAA"}],
    }  # fmt: skip
    first = captured(site, TURN | more)
    assert {name: first[name] for name in ("conversation", "system", "finish_reason", "model", "tools")} == {
        "conversation": "thread 7", "system": "You are a roofer.", "finish_reason": "stop", "model": "gpt-4o-mini",
        "tools": [{"name": "find", "arguments": '{"a":1}', "result": "8"}, {"name": "look"}],
    }  # fmt: skip
    assert first["attachments"] == [
        {"kind": "image", "name": "roof.jpg", "digest": hashlib.sha256(b"\0\0\0").hexdigest()}
    ]
    second = captured(site, TURN | more)
    assert (first.get("follows"), second["follows"], second.get("system")) == (None, first["example_id"], None)
    branch = captured(site, TURN | {"follows": first["example_id"]})
    assert branch["follows"] == first["example_id"]
    assert captured(site, TURN)["follows"] == branch["example_id"]
    assert captured(site, TURN, "operator").get("follows") is None


def test_a_repeated_turn_stays_what_it_was(site: Site) -> None:
    body = TURN | {"conversation": "thread 8", "system": "You are a roofer."}
    first = captured(site, body, key="first turn")
    second = captured(site, body, key="second turn")
    assert second["follows"] == first["example_id"]
    for _ in range(2):
        assert captured(site, body, key="first turn") == first
        assert captured(site, body, key="second turn") == second
    assert captured(site, body).get("follows") is None


def test_turns_of_a_batch_follow_one_another(site: Site) -> None:
    body = TURN | {"conversation": "thread 9"}
    items = [body, body | {"prompt": "p" * (2**20 - 1) + "é"}, body, body | {"conversation": "other"}]
    answer = site.client("publisher").post("/api/v1/examples/batch", json={"items": items}).json()["items"]
    assert [item["status"] for item in answer] == ["captured", "refused", "captured", "captured"]
    first, refused, third, other = (item["example_id"] for item in answer)
    follows = [said(site, example_id)[0].get("follows") for example_id in (first, third, other)]
    assert follows == [None, refused, None]
    assert captured(site, body)["follows"] == third


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversation": ""},
        {"conversation": "c" * 201},
        {"follows": "a.b"},
        {"tools": [{"name": "find", "said": "x"}]},
        {"tools": [{"name": "find"}] * 101},
        {"attachments": [{"kind": "image", "digest": "x"}]},
        {"attachments": [{"kind": "image", "address": "a" * 4097}]},
        {"model": 3},
    ],
)
def test_a_turn_that_breaks_a_rule_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    answer = site.client("publisher").post("/api/v1/examples", json=TURN | wrong)
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["error"]["message"]


def test_feedback_is_recorded_and_asks_for_a_correction(site: Site) -> None:
    client = site.client("publisher")
    example = client.post("/api/v1/examples", json={"prompt": "Feedback?", "response": ANSWER}).json()["example_id"]
    liked = client.post(f"/api/v1/examples/{example}/feedback", json={"feedback": "positive"})
    assert (liked.status_code, liked.json()["request_correction"]) == (201, False)
    key = {"Idempotency-Key": "thumb"}
    body = {"feedback": "negative", "comment": "which code?"}
    disliked = client.post(f"/api/v1/examples/{example}/feedback", json=body, headers=key)
    assert disliked.json()["request_correction"] is True
    assert client.post(f"/api/v1/examples/{example}/feedback", json=body, headers=key).json() == disliked.json()
    other = client.post("/api/v1/examples", json={"prompt": "Another?", "response": ANSWER}).json()["example_id"]
    for path, changed in ((example, body | {"comment": "no"}), (other, body)):
        reused = client.post(f"/api/v1/examples/{path}/feedback", json=changed, headers=key)
        assert reused.json()["error"]["code"] == "idempotency_key_reused"
    assert [fact["type"] for fact in said(site, example)] == [
        "example.captured.v1", "feedback.given.v1", "feedback.given.v1",
    ]  # fmt: skip
    assert len(said(site, other)) == 1


def test_feedback_about_nothing_is_refused(site: Site) -> None:
    answer = site.client("publisher").post("/api/v1/examples/ghost/feedback", json={"feedback": "positive"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_example")


def test_a_correction_needs_only_the_id_or_the_texts(site: Site) -> None:
    client = site.trusted("assistant")
    captured = {"prompt": "How high is base flashing?", "response": ANSWER, "project": "Depot", "tags": ["odd"]}
    example = client.post("/api/v1/examples", json=captured).json()["example_id"]
    body = {"example_id": example, "corrected_response": ANSWER + " Always.", "reason": "vague", "corrector": "Ann"}
    first = client.post("/api/v1/corrections", json=body, headers={"Idempotency-Key": "c"})
    assert first.status_code == 201
    fact = said(site, first.json()["correction_id"])[0]
    assert (fact["original_prompt"], fact["original_response"]) == (captured["prompt"], ANSWER)
    assert (fact["project_context"], fact["corrector"], fact["actor"]) == ("Depot", "Ann", "assistant")
    assert "odd" in fact["tags"]
    assert client.post("/api/v1/corrections", json=body, headers={"Idempotency-Key": "c"}).json() == first.json()
    reused = client.post("/api/v1/corrections", json=body | {"reason": "other"}, headers={"Idempotency-Key": "c"})
    assert reused.json()["error"]["code"] == "idempotency_key_reused"
    bare = {"original_prompt": "P?", "original_response": "R.", "corrected_response": "Better."}
    assert client.post("/api/v1/corrections", json=bare).json()["example_id"] is None
    incomplete = client.post("/api/v1/corrections", json={"corrected_response": "Better."})
    assert (incomplete.status_code, incomplete.json()["error"]["code"]) == (422, "invalid_fact")
    unknown = client.post("/api/v1/corrections", json=bare | {"example_id": "ghost"})
    assert unknown.status_code == 404


def test_a_batch_tells_what_became_of_each_item(site: Site) -> None:
    client, key = site.client("publisher"), {"Idempotency-Key": "batch"}
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    items: list[dict[str, Any]] = [
        {"prompt": "a", "response": "b"},
        {"prompt": "c", "response": "d", "details": {"deep": deep}},
        {"prompt": "e", "response": "f"},
    ]
    first = client.post("/api/v1/examples/batch", json={"items": items}, headers=key).json()
    assert [item["status"] for item in first["items"]] == ["captured", "refused", "captured"]
    assert "levels deep" in first["items"][1]["reason"]
    assert (first["captured"], first["already"], first["refused"]) == (2, 0, 1)
    again = client.post("/api/v1/examples/batch", json={"items": items}, headers=key).json()
    assert [item["status"] for item in again["items"]] == ["already", "refused", "already"]
    assert [item["seq"] for item in again["items"]] == [item["seq"] for item in first["items"]]
    items[2]["response"] = "changed"
    third = client.post("/api/v1/examples/batch", json={"items": items}, headers=key).json()
    assert "another body" in third["items"][2]["reason"]
    full = client.post("/api/v1/examples/batch", json={"items": [items[0]] * 500}).json()
    assert full["captured"] == 500
    for wrong in ([items[0]] * 501, []):
        assert client.post("/api/v1/examples/batch", json={"items": wrong}).status_code == 422


def test_a_projects_knowledge_becomes_one_example_each(site: Site) -> None:
    body = {
        "project": "Depot",
        "spec_sections": [{"number": "07 62 00", "summary": "24 gauge"}],
        "key_details": [{"condition": "Curb", "solution": "Weld 2 in past", "type": "flashing"}],
        "lessons_learned": [{"topic": "Adhesive", "lesson": "Keep it warm"}],
    }
    client, key = site.client("publisher"), {"Idempotency-Key": "knowledge"}
    first = client.post("/api/v1/project-knowledge", json=body, headers=key).json()
    assert first["captured"] == 3
    prompts = [said(site, item["example_id"])[0]["prompt"] for item in first["items"]]
    assert prompts == [
        "What does spec section 07 62 00 require on Depot?",
        "How was curb detailed on Depot?",
        "What did we learn about adhesive on Depot?",
    ]
    assert client.post("/api/v1/project-knowledge", json=body, headers=key).json()["already"] == 3
    assert client.post("/api/v1/project-knowledge", json={"project": "Depot"}).status_code == 422


def test_an_answered_fact_is_on_the_log(site: Site) -> None:
    answer = (
        site.client("publisher").post("/api/v1/examples", json={"prompt": "“ünï” \u0000?", "response": ANSWER}).json()
    )

    async def read() -> Any:
        with EmbeddedServer(site.cli.data_dir) as server:
            log = await Log.connect(server.access())
            message = await log.at(answer["seq"])
            await log.close()
        return message

    message = asyncio.run(read())
    assert message.subject == f"training.example.captured.{answer['example_id']}.{answer['example_id']}"
    assert message.fact().prompt == "“ünï” \u0000?"


def test_what_was_erased_is_refused_with_the_day(site: Site) -> None:
    client, body = site.client("publisher"), {"prompt": "Who is the owner?", "response": f"Kowalczyk77. {ANSWER}"}
    gone = client.post("/api/v1/examples", json=body).json()["example_id"]
    site.cli.run("erase", gone, "--reason", "asked")
    refused = [
        client.post("/api/v1/examples", json=body | {"prompt": "Who is\u00a0the owner?\r\n"}),
        client.post(f"/api/v1/examples/{gone}/feedback", json={"feedback": "positive"}),
        client.post("/api/v1/corrections", json={"example_id": gone, "corrected_response": "x",
                    "original_prompt": body["prompt"], "original_response": "y"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused] == [422] * 3
    assert all("erased on 20" in answer.text for answer in refused)
    (item,) = client.post("/api/v1/examples/batch", json={"items": [body]}).json()["items"]
    assert (item["status"], "erased on 20" in item["reason"]) == ("refused", True)


def has_folded(client: httpx.Client, seq: int) -> bool:
    checkpoint: int = client.get("/api/v1/stats").json()["checkpoint"]
    return checkpoint >= seq


def test_what_an_untrusted_token_claims_approves_nothing(site: Site) -> None:
    reviewer = site.client("reviewer")
    callers = (site.client("publisher"), {None}), (site.trusted("backend"), {"trusted_source", "use", "feedback"})
    for client, approvals in callers:
        calculated = {"description": "the drains of a roof", "formula": "a / b", "result": 2}
        document = {"document_type": "rfi", "prompt": "Which membrane?", "text": ANSWER, "was_used": True}
        claimed = {"prompt": "How high is a curb?", "response": ANSWER, "source": "verified_correction"}
        ids = [
            client.post(f"/api/v1/{path}", json=body).json()["example_id"]
            for path, body in (("calculations", calculated), ("documents", document), ("examples", claimed))
        ]
        ids.append(client.post("/api/v1/examples", json=claimed | {"source": "chat"}).json()["example_id"])
        last = client.post(f"/api/v1/examples/{ids[-1]}/feedback", json={"feedback": "positive"}).json()["seq"]
        until(partial(has_folded, reviewer, last))
        shown = [reviewer.get(f"/api/v1/examples/{example_id}").json() for example_id in ids]
        assert {example["approval"] for example in shown} == approvals


def test_only_a_trusted_token_speaks_for_another_corrector(site: Site) -> None:
    publisher = site.client("publisher")
    body = {"original_prompt": "p", "original_response": "r", "corrected_response": ANSWER}
    assert publisher.post("/api/v1/corrections", json=body | {"corrector": "publisher"}).status_code == 201
    answer = publisher.post("/api/v1/corrections", json=body | {"corrector": "Ann"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "trusted" in answer.json()["error"]["message"]


def test_a_retry_is_the_same_after_its_token_became_trusted(site: Site) -> None:
    name, body, key = "growing", {"prompt": "How?", "response": ANSWER}, {"Idempotency-Key": "trust"}
    answers = []
    for trusted in (False, True):
        client = site.client()
        client.headers["Authorization"] = f"Bearer {site.tokens.add(name, 'publisher', trusted=trusted)}"
        answers.append(client.post("/api/v1/examples", json=body, headers=key).json())
        site.tokens.remove(name)
    assert answers[0] == answers[1]
