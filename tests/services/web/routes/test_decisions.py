"""Deciding over HTTP: on what was seen, once, and in bulk as previewed."""

from __future__ import annotations

from typing import Any

import pytest

from ...conftest import ANSWER
from ..conftest import Site

PROMPTS = iter(f"How high must base flashing number {n} be above the roof membrane?" for n in range(1000))


def captured(site: Site, **more: Any) -> dict[str, Any]:
    """A new example as a reviewer sees it."""
    body = {"prompt": next(PROMPTS), "response": ANSWER} | more
    reviewer = site.client("reviewer")
    example_id = reviewer.post("/api/v1/examples", json=body).json()["example_id"]
    example: dict[str, Any] = reviewer.get(f"/api/v1/examples/{example_id}").json()
    return example


def test_whoever_says_something_sees_it_in_the_next_answer(site: Site) -> None:
    for _ in range(10):
        example = captured(site)
        assert example["verdict"] == {"in_training": False, "reasons": ["not_approved"]}


def test_an_approval_on_what_was_seen_counts(site: Site) -> None:
    example, reviewer = captured(site), site.client("reviewer")
    path = f"/api/v1/examples/{example['example_id']}"
    answer = reviewer.post(f"{path}/approve", json={"revision": example["revision"], "reason": "checked"})
    assert answer.status_code == 201
    shown = reviewer.get(path).json()
    assert (shown["decision"], shown["reviewer"], shown["decision_reason"]) == ("approved", "reviewer", "checked")
    assert shown["revision"] == answer.json()["seq"]


def test_a_stale_decision_is_refused_with_what_happened_since(site: Site) -> None:
    example = captured(site)
    path = f"/api/v1/examples/{example['example_id']}"
    revision = {"revision": example["revision"]}
    site.client("operator").post(f"{path}/approve", json=revision | {"reason": "fine"})
    answer = site.client("reviewer").post(f"{path}/reject", json=revision | {"reason": "wrong"})
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "stale_revision"
    assert ": approved by operator at " in error["message"]
    assert (error["details"]["example_id"], error["details"]["seen"]) == (example["example_id"], example["revision"])
    (since,) = error["details"]["since"]
    assert (since["fact"]["actor"], since["fact"]["reason"]) == ("operator", "fine")
    for call, body in (("edit", {"response": "Better."}), ("redact", {"response": "[REDACTED]"})):
        assert site.client("reviewer").post(f"{path}/{call}", json=revision | body).status_code == 409
    assert site.client("reviewer").get(path).json()["decision"] == "approved"


def test_a_retry_of_a_decision_is_not_stale(site: Site) -> None:
    example, reviewer = captured(site), site.client("reviewer")
    path = f"/api/v1/examples/{example['example_id']}/reject"
    body, key = {"revision": example["revision"], "reason": "no"}, {"Idempotency-Key": "decision"}
    first = reviewer.post(path, json=body, headers=key)
    assert reviewer.post(path, json=body, headers=key).json() == first.json()
    reused = reviewer.post(path, json=body | {"reason": "other"}, headers=key)
    assert (reused.status_code, reused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    other = captured(site)
    elsewhere = reviewer.post(f"/api/v1/examples/{other['example_id']}/reject", json=body, headers=key)
    assert elsewhere.json()["error"]["code"] == "idempotency_key_reused"


def test_an_edit_is_a_correction_and_its_approval(site: Site) -> None:
    example, reviewer = captured(site), site.client("reviewer")
    path, key = f"/api/v1/examples/{example['example_id']}", {"Idempotency-Key": "edit"}
    body = {"revision": example["revision"], "response": ANSWER + " See IBC 1507.", "reason": "source"}
    edited = reviewer.post(f"{path}/edit", json=body, headers=key).json()
    correction = reviewer.get(f"/api/v1/examples/{edited['correction_id']}").json()
    assert (correction["approval"], correction["response"]) == ("reviewer", body["response"])
    assert correction["corrects"] == example["example_id"]
    assert reviewer.get(path).json()["superseded_by"] == edited["correction_id"]
    again = reviewer.post(f"{path}/edit", json=body, headers=key).json()
    assert again["correction_id"] == edited["correction_id"]
    same = reviewer.post(f"{path}/edit", json={"revision": example["revision"], "response": ANSWER})
    assert (same.status_code, same.json()["error"]["code"]) == (422, "unchanged")


def test_personal_data_is_proposed_and_redacted(site: Site) -> None:
    example = captured(site, response=f"{ANSWER} Call Bob at (512) 555-0147 or mail bob@example.com.")
    reviewer, path = site.client("reviewer"), f"/api/v1/examples/{example['example_id']}"
    proposal = reviewer.get(f"{path}/redaction").json()
    assert {span["kind"] for span in proposal["found"]} >= {"email", "phone"}
    assert proposal["texts"]["response"].endswith("[PHONE] or mail [EMAIL].")
    answer = reviewer.post(f"{path}/redact", json={"revision": proposal["revision"]})
    assert answer.status_code == 201
    shown = reviewer.get(path).json()
    assert shown["response"] == proposal["texts"]["response"]
    assert shown["personal_data"] == []
    nothing = reviewer.post(f"{path}/redact", json={"revision": shown["revision"]})
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (422, "unchanged")
    own = reviewer.post(f"{path}/redact", json={"revision": shown["revision"], "response": ANSWER})
    assert own.status_code == 201
    assert reviewer.get(path).json()["response"] == ANSWER
    no_correction = reviewer.post(f"{path}/redact", json={"revision": shown["revision"], "original_response": "x"})
    assert no_correction.status_code == 422


def test_tags_project_and_exclusion_are_described(site: Site) -> None:
    example = captured(site, tags=["Lap", " lap "])
    reviewer, path = site.client("reviewer"), f"/api/v1/examples/{example['example_id']}"
    assert example["tags"].count("lap") == 1
    body = {"revision": example["revision"], "added_tags": ["Seam Tape"], "removed_tags": ["lap"], "project": "Depot"}
    key = {"Idempotency-Key": "describe it"}
    answers = [reviewer.post(f"{path}/describe", json=body, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    shown = reviewer.get(path).json()
    assert {"seam tape"} <= set(shown["tags"])
    assert ("lap" in shown["tags"], shown["project_context"]) == (False, "Depot")
    stale = reviewer.post(f"{path}/describe", json=body | {"include_in_training": False})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_revision")
    now = {"revision": shown["revision"]}
    assert reviewer.post(f"{path}/describe", json=now).json()["error"]["code"] == "unchanged"
    assert reviewer.post(f"{path}/describe", json=now | {"added_tags": [" "]}).status_code == 422
    assert reviewer.post(f"{path}/describe", json=now | {"include_in_training": False}).status_code == 201
    assert "excluded_by_author" in reviewer.get(path).json()["verdict"]["reasons"]


def test_a_bulk_approval_covers_what_its_preview_showed(site: Site) -> None:
    reviewer = site.client("reviewer")
    examples = [captured(site, tags=["bulk"]) for _ in range(20)]
    preview = reviewer.get("/api/v1/queue/tagged", params={"tag": "bulk"}).json()
    assert {item["example_id"] for item in preview["items"]} == {example["example_id"] for example in examples}
    late = captured(site, tags=["bulk"])
    changed = examples[3]
    path = f"/api/v1/examples/{changed['example_id']}/reject"
    site.client("operator").post(path, json={"revision": changed["revision"], "reason": "no"})
    items = [{"example_id": item["example_id"], "revision": item["revision"]} for item in preview["items"]]
    body, key = {"items": [*items, {"example_id": "ghost", "revision": 1}]}, {"Idempotency-Key": "bulk"}
    answer = reviewer.post("/api/v1/decisions/approve", json=body, headers=key).json()
    assert len(answer["approved"]) == 19
    assert {one["example_id"]: one["code"] for one in answer["refused"]} == {
        changed["example_id"]: "stale_revision",
        "ghost": "unknown_example",
    }
    assert reviewer.get(f"/api/v1/examples/{late['example_id']}").json()["decision"] is None
    again = reviewer.post("/api/v1/decisions/approve", json=body, headers=key).json()
    assert again["approved"] == answer["approved"]


def test_many_decisions_are_taken_back_at_once(site: Site) -> None:
    reviewer = site.client("reviewer")
    ids = [captured(site, tags=["back"])["example_id"] for _ in range(5)]
    items = reviewer.get("/api/v1/review/covered", params={"tag": "back"}).json()["items"]
    seen = [{"example_id": item["example_id"], "revision": item["revision"]} for item in items]
    approved = reviewer.post("/api/v1/decisions/approve", json={"items": seen}).json()["approved"]
    back = [{"example_id": one["example_id"], "revision": one["seq"]} for one in approved]
    said_more = back[2]
    path = f"/api/v1/examples/{said_more['example_id']}/reject"
    assert reviewer.post(path, json={"revision": said_more["revision"], "reason": "no"}).status_code == 201
    body, key = {"items": back, "reason": "by mistake"}, {"Idempotency-Key": "back"}
    answer = reviewer.post("/api/v1/decisions/reopen", json=body, headers=key).json()
    assert [one["example_id"] for one in answer["refused"]] == [said_more["example_id"]]
    assert answer["refused"][0]["code"] == "stale_revision"
    assert reviewer.post("/api/v1/decisions/reopen", json=body, headers=key).json()["reopened"] == answer["reopened"]
    decisions = {one: reviewer.get(f"/api/v1/examples/{one}").json()["decision"] for one in ids}
    assert decisions == dict.fromkeys(ids) | {said_more["example_id"]: "rejected"}


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_rejection_needs_a_reason(site: Site, reason: str) -> None:
    example = captured(site)
    path, body = f"/api/v1/examples/{example['example_id']}/reject", {"revision": example["revision"], "reason": reason}
    assert site.client("reviewer").post(path, json=body).status_code == 422
    refused = site.cli.run("reject", example["example_id"], "--reason", reason, code=2)
    assert "a rejection needs a reason" in refused.stderr


def test_a_decision_about_nothing_is_refused(site: Site) -> None:
    answer = site.client("reviewer").post("/api/v1/examples/ghost/approve", json={"revision": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_example")


def test_chosen_spans_are_redacted_in_any_text(site: Site) -> None:
    example = captured(site, system="You work for Maria Kowalczyk.", details={"site": {"call": "Maria"}})
    reviewer, path = site.client("reviewer"), f"/api/v1/examples/{example['example_id']}"
    spans = [
        {"field": "system", "start": 13, "end": 28, "name": "owner"},
        {"field": "details.0.0", "start": 0, "end": 5},
    ]
    body, key = {"revision": example["revision"], "spans": spans}, {"Idempotency-Key": "spans"}
    answer = reviewer.post(f"{path}/redact", json=body, headers=key)
    assert answer.status_code == 201, answer.text
    shown = reviewer.get(path).json()
    assert (shown["system"], shown["details"]) == ("You work for [OWNER].", {"site": {"call": "[NAME]"}})
    assert shown["response"] == example["response"]
    assert reviewer.post(f"{path}/redact", json=body, headers=key).json() == answer.json()
    assert reviewer.post(f"{path}/redact", json=body).json()["error"]["code"] == "stale_revision"
    now = {"revision": shown["revision"]}
    outside = [{"field": "response", "start": 0, "end": 10**6}]
    refused = reviewer.post(f"{path}/redact", json=now | {"spans": outside})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "wrong_span")
    undone = {"texts": {"system": "You work for Maria Kowalczyk."}}
    assert reviewer.post(f"{path}/redact", json=now | undone).status_code == 201
    assert reviewer.get(path).json()["system"] == "You work for Maria Kowalczyk."


def test_the_question_can_be_edited_alone(site: Site) -> None:
    example, reviewer = captured(site), site.client("reviewer")
    path = f"/api/v1/examples/{example['example_id']}"
    body = {"revision": example["revision"], "prompt": "How high must base flashing be above any roof membrane?"}
    edited = reviewer.post(f"{path}/edit", json=body).json()
    correction = reviewer.get(f"/api/v1/examples/{edited['correction_id']}").json()
    assert (correction["prompt"], correction["original_prompt"]) == (body["prompt"], example["prompt"])
    assert (correction["response"], correction["original_response"]) == (ANSWER, ANSWER)
    assert correction["verdict"]["in_training"]
