"""Long work over HTTP: a proof of the log, whose result is kept."""

from __future__ import annotations

from ..browser import capture, publish_raw
from ..conftest import Site
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
