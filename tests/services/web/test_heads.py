"""HEAD is answered as GET is, without a body, wherever GET is answered."""

from __future__ import annotations

import pytest

from .conftest import Site


@pytest.mark.parametrize("path", ["/", "/review", "/health", "/static/main.js", "/api/v1/stats", "/api/v1/nowhere"])
def test_the_head_of_an_answer_is_that_of_get(site: Site, path: str) -> None:
    client = site.client("auditor")
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        if not (path == "/health" and name == "content-length"):  # its numbers move
            assert head.headers.get(name) == whole.headers.get(name)


def test_a_head_needs_the_rights_of_its_get(site: Site) -> None:
    assert site.client().head("/api/v1/examples").status_code == 401
    assert site.client("publisher").head("/api/v1/examples").status_code == 403
