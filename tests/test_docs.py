"""Documents that are generated are those of the code."""

from __future__ import annotations

import pytest

from .docs import DOCS, DOCUMENTS, rendered


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_documents_are_those_of_the_code(name: str) -> None:
    assert (DOCS / name).read_bytes() == rendered(name), "run `make docs` and look at what changed"
