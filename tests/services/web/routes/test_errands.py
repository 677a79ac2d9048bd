"""Long work over HTTP: a proof of the log, whose result is kept."""

from __future__ import annotations

from ..browser import capture, facts, publish_raw
from ..conftest import Site, until
from .test_imports import ended


def test_a_proof_of_the_log_is_kept_over_a_restart(site: Site) -> None:
    capture(site, "depot", "Which slope needs a cricket?")
    started = site.client("operator").post("/api/v1/verifications", json={})
    assert started.status_code == 202, started.text
    proof = ended(site.client("auditor"), started.json()["id"])
    assert proof["result"]["status"] == "verified", proof
    assert proof["result"]["messages"] >= 1
    assert proof["by"] == "operator"
    site.stop("web")
    site.start("web")
    site.until_answering()
    kept = site.client("auditor").get("/api/v1/errands", params={"name": "verify"}).json()["items"]
    assert kept[0]["result"] == proof["result"]


def test_an_audit_without_an_export_says_what_is_missing(site: Site) -> None:
    started = site.client("operator").post("/api/v1/audits", json={"export": "0" * 12})
    assert "no export is called" in ended(site.client("operator"), started.json()["id"])["error"]


def test_the_result_is_that_of_the_command(site: Site) -> None:
    publish_raw(site, "training.nonsense.said.a.b", b"not json")
    started = site.client("operator").post("/api/v1/verifications", json={})
    proof = ended(site.client("operator"), started.json()["id"])["result"]
    by_command = site.cli.json("verify")
    assert proof["log_digest"] == by_command["log_digest"]
    assert proof.keys() | {"seconds"} == by_command.keys()


def test_what_the_log_holds_about_a_person_is_found(site: Site) -> None:
    ids = capture(site, "depot", "Which slope needs a cricket, asks Maria  Kowalczyk?")
    assert site.client("reviewer").post("/api/v1/holdings", json={"words": "x"}).status_code == 403
    operator = site.client("operator")
    entry = ended(operator, operator.post("/api/v1/holdings", json={"words": "maria kowalczyk"}).json()["id"])
    assert entry["result"]["examples"] == ids
    assert entry["result"]["place_count"] == len(site.cli.json("held", "maria kowalczyk")["places"]) == 1
    assert "kowalczyk" not in str(operator.get("/api/v1/errands").json()).lower(), "the words are kept nowhere"
    none = ended(operator, operator.post("/api/v1/holdings", json={"words": "nobody of that name"}).json()["id"])
    assert none["result"]["place_count"] == 0


def test_a_tag_is_renamed_by_whoever_decides(site: Site) -> None:
    ids = capture(site, "depot", "Which slope needs a saddle?", "Which saddle needs a slope?", tags=["sadle"])
    reviewer = site.client("reviewer")
    entry = ended(reviewer, reviewer.post("/api/v1/tags/rename", json={"old": "sadle", "new": "saddle"}).json()["id"])
    assert (entry["result"]["new"], entry["result"]["described"]) == ("saddle", 2)
    assert all("saddle" in reviewer.get(f"/api/v1/examples/{one}").json()["tags"] for one in ids)
    [fact] = [one for one in facts(site, ids[0]) if one["type"] == "example.described.v1"]
    assert fact["actor"] == "reviewer"
    again = ended(reviewer, reviewer.post("/api/v1/tags/rename", json={"old": "sadle", "new": "saddle"}).json()["id"])
    assert "no example has the tag" in again["error"]


def test_what_no_version_can_fold_is_said_with_advice(site: Site) -> None:
    publish_raw(site, "training.nonsense.said.c.d", b"not json")
    operator = site.client("operator")
    until(lambda: operator.get("/api/v1/quarantine").json()["items"])
    [item, *_] = operator.get("/api/v1/quarantine").json()["items"]
    assert "no JSON fact" in item["advice"]
    assert item["can_be_folded_now"] is False
    entry = ended(operator, operator.post("/api/v1/quarantine/retry", json={}).json()["id"])
    assert entry["result"]["folded"] == []
    assert entry["result"]["left"] >= 1
