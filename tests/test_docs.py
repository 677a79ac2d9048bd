"""Documents that are generated are those of the code."""

from __future__ import annotations

import pytest

from .docs import DOCS, DOCUMENTS, rendered


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_documents_are_those_of_the_code(name: str) -> None:
    assert (DOCS / name).read_bytes() == rendered(name), "run `make docs` and look at what changed"


def test_no_document_is_left_of_a_fact_that_is_no_more() -> None:
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.json")}
    assert there == set(DOCUMENTS)
