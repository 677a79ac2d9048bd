"""A browser, the sample day, and visitors who look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from ..browser import Visitor, chromium
from ..conftest import Site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def day(site: Site) -> Site:
    """The sample day, and two reviewers beside the roles."""
    site.cli.run("demo")
    for name in ("ann", "ben"):
        site.secrets[name] = site.tokens.add(name, "reviewer")
    return site


@pytest.fixture
def visit(browser: Browser, day: Site) -> Iterator[Callable[..., Visitor]]:
    """Open a browser as somebody; at the end nothing may have been complained about, but what a test expects."""
    visitors: list[Visitor] = []

    def come(name: str | None = "ann", **options: Any) -> Visitor:
        visitors.append(Visitor(browser, day, name, **options))
        return visitors[-1]

    yield come
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.close()
    assert [c for c in complaints if "status of 4" not in c] == []
