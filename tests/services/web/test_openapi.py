"""The API as its document describes it: whatever fits the document, or does not, is answered and never a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.web.otlp import PROTOBUF
from tests.docs.generated import openapi

from .conftest import Site, until


@pytest.fixture(scope="module")
def whole(site: Site) -> Iterator[Site]:
    """The site with an exporter: every service is there."""
    site.start("exporter")
    until(lambda: site.client("auditor").get("/api/v1/exporter").status_code == 200)
    yield site
    site.stop("exporter")


@schemathesis.serializer(PROTOBUF)
def as_it_is(_: Any, value: Any) -> bytes:
    """The bytes that the document calls binary: whatever they are, they are answered."""
    return value if isinstance(value, bytes) else str(value).encode()


# A stream has no end: test_changes.py reads it.
schema = schemathesis.openapi.from_dict(openapi()).exclude(path="/api/v1/events")


@schema.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_the_document_says(case: schemathesis.Case[Any], whole: Site) -> None:
    response = case.call(base_url=whole.url, headers={"Authorization": f"Bearer {whole.secrets['operator']}"})
    assert response.status_code < 500, f"{response.status_code}: {response.text}"
    case.validate_response(
        response, checks=[content_type_conformance, response_schema_conformance, status_code_conformance]
    )


def test_after_all_of_that_the_projector_still_folds(site: Site) -> None:
    client = site.client("operator")
    captured = client.post("/api/v1/examples", json={"prompt": "Is it alive?", "response": "Yes, it is."}).json()
    until(lambda: client.get(f"/api/v1/examples/{captured['example_id']}").status_code == 200)
    assert client.get("/api/v1/status").json()["quarantined"] == {}
