"""Operating over HTTP: an export that the exporter makes, and a training that it says nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ...conftest import ANSWER
from ..conftest import Site, until


@pytest.fixture(scope="module")
def exporting(site: Site) -> Iterator[Site]:
    assert site.client("auditor").get("/api/v1/exporter").json()["error"]["code"] == "exporter_unavailable"
    refused = site.client("operator").post("/api/v1/exports", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "exporter_unavailable")
    site.start("exporter")
    until(lambda: site.client("auditor").get("/api/v1/exporter").status_code == 200)
    yield site
    site.stop("exporter")


def result(site: Site, job: str) -> dict[str, Any]:
    client = site.client("operator")
    until(lambda: client.get(f"/api/v1/jobs/{job}").json()["result"] is not None)
    done: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()["result"]
    return done


@pytest.fixture(scope="module")
def exported(exporting: Site) -> dict[str, Any]:
    """The result of the one export, which has twelve examples."""
    operator, publisher = exporting.client("operator"), exporting.client("publisher")
    for n in range(12):
        body = {"prompt": f"How high must base flashing at curb type {n} be?", "response": f"{ANSWER} Type {n}."}
        example = operator.post("/api/v1/examples", json=body).json()["example_id"]
        publisher.post(f"/api/v1/examples/{example}/feedback", json={"feedback": "positive"})
    return result(exporting, operator.post("/api/v1/exports", json={"min_examples": 5}).json()["job"])


def test_an_export_is_a_job_and_then_in_the_list(exporting: Site, exported: dict[str, Any]) -> None:
    operator = exporting.client("operator")
    few = operator.post("/api/v1/exports", json={"min_examples": 1000})
    assert few.status_code == 202
    assert result(exporting, few.json()["job"])["status"] == "insufficient_data"
    assert exported["status"] == "exported"
    (export,) = exporting.client("auditor").get("/api/v1/exports").json()["exports"]
    assert export["counts"]["examples"] == 12
    assert export["actor"] == operator.get("/api/v1/session").json()["name"]
    assert exporting.client("publisher").get("/api/v1/exporter").json()["state"]


@pytest.mark.usefixtures("exported")
def test_lineage_leads_from_exports_to_examples_and_back(exporting: Site) -> None:
    auditor = exporting.client("auditor")
    (export,) = auditor.get("/api/v1/exports").json()["exports"]
    digest = export["export_digest"]
    whole = auditor.get("/api/v1/lineage", params={"of": digest[:12], "limit": 3}).json()
    assert whole["manifest"]["examples"] == 12
    assert len(whole["rows"]) == 3
    example = whole["rows"][0]["example_id"]
    told = auditor.get("/api/v1/lineage", params={"of": example}).json()
    (contained,) = told["in"]
    assert (contained["export_digest"], told["untold"]) == (digest, [])
    assert contained["approval"] == "feedback"
    line = auditor.get("/api/v1/lineage", params={"of": contained["lines"][0]}).json()
    assert line["example_id"] == example
    assert [fact["fact"] for fact in line["facts"]] == ["example.captured", "feedback.given"]


@pytest.mark.usefixtures("exported")
def test_what_is_no_row_is_said_so(exporting: Site) -> None:
    answer = exporting.client("auditor").get("/api/v1/lineage", params={"of": "data/sft/train.jsonl:4711"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_row")
    assert "has no line 4711" in answer.json()["error"]["message"]
    assert exporting.client("auditor").get("/api/v1/lineage", params={"of": "ghost"}).json()["in"] == []


@pytest.mark.usefixtures("exported")
def test_a_training_that_nobody_does_is_said(exporting: Site) -> None:
    job = exporting.client("operator").post("/api/v1/trainings", json={}).json()["job"]
    assert "nobody trains on this volume" in result(exporting, job)["error"]


def test_a_job_that_nobody_gave_is_unknown(exporting: Site) -> None:
    answer = exporting.client("operator").get("/api/v1/jobs/abc")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_job")
