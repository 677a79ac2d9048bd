"""The table of rights: every route of the running application, and nobody may do too much."""

from __future__ import annotations

import pytest

from services.web.access.auth import RIGHTS
from services.web.otlp import TRACES
from tests.docs.generated import application
from tests.docs.rights import CALLERS, Asked, found, routes

CALLS = found()
ids = [f"{call.method} {call.path} {call.claim}" for call in CALLS]


def is_of_api(call: Asked) -> bool:
    return call.path.startswith("/api/v1/") or call.path == TRACES


def test_the_table_has_every_route_of_the_application() -> None:
    assert {(call.method, call.path) for call in CALLS} == set(routes(application()))
    assert len(CALLS) > 50


@pytest.mark.parametrize("call", CALLS, ids=ids)
def test_nobody_is_let_in_but_to_sign_in_and_out(call: Asked) -> None:
    is_open = not is_of_api(call) and call.path != "/metrics"
    is_door = call.path == "/api/v1/session" and call.method != "GET"
    assert call.may("nobody") == (is_open or is_door)
    assert call.method == "GET" or is_of_api(call)


@pytest.mark.parametrize("call", CALLS, ids=ids)
def test_an_auditor_changes_nothing_at_all(call: Asked) -> None:
    if call.method != "GET" and call.path != "/api/v1/session":
        assert call.statuses["auditor"] == 403


@pytest.mark.parametrize("call", CALLS, ids=ids)
def test_rights_grow_from_publisher_to_operator(call: Asked) -> None:
    order = [call.may("publisher"), call.may("reviewer"), call.may("operator")]
    assert order == sorted(order)
    assert call.may("publisher") <= call.may("trusted publisher")
    if not call.claim:
        assert call.may("publisher") == call.may("trusted publisher"), "trust is about what is claimed"
        assert call.may("operator")


@pytest.mark.parametrize("call", CALLS, ids=ids)
def test_a_publisher_reads_no_example_and_decides_nothing(call: Asked) -> None:
    for_all = ("stats", "reasons", "status", "events", "exporter", "session")
    says = call.method == "POST" and call.path.removeprefix("/api/v1/") in (
        "examples", "examples/batch", "documents", "calculations", "spec-interpretations", "detail-decisions",
        "project-knowledge", "corrections", "examples/{example_id:str}/feedback", TRACES,
    )  # fmt: skip
    if is_of_api(call) and not call.claim:
        assert call.may("publisher") == (says or call.path.removeprefix("/api/v1/") in for_all)


def test_only_a_trusted_token_names_another_corrector() -> None:
    (claim,) = [call for call in CALLS if call.claim]
    assert [caller for caller in CALLERS if claim.may(caller)] == ["trusted publisher"]
    assert set(RIGHTS) < set(CALLERS)
