"""What a command does for a reviewer, operator or auditor, a page does too: every command is in the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.docs import generated
from tests.docs.in_the_browser import PLACES, Machine, Page
from tests.docs.reference import commands
from tests.docs.rights import routes

from ..browser import Visitor
from ..conftest import Site

API = "/api/v1"

OF_TYPE = re.compile(r":\w+}")

ON_A_PAGE = {command: place for command, place in PLACES.items() if isinstance(place, Page)}


def test_every_command_has_its_place() -> None:
    assert set(PLACES) == {name for name, _ in commands()}


def test_what_stays_on_the_machine_says_why() -> None:
    assert all(place.why for place in PLACES.values() if isinstance(place, Machine))


def test_every_call_of_the_table_is_a_route() -> None:
    known = {f"{method} {OF_TYPE.sub('}', path)}" for method, path in routes(generated.application())}
    called = {place.call.replace(" ", f" {API}", 1) for place in ON_A_PAGE.values()}
    assert called - known == set()


@pytest.mark.parametrize("command", ON_A_PAGE)
def test_the_page_does_what_the_command_does(command: str, visit: Callable[..., Visitor], day: Site) -> None:
    place = ON_A_PAGE[command]
    (example, *_) = day.client("auditor").get(f"{API}/review").json()["items"]
    visitor = visit(place.by)
    calls: list[str] = []
    visitor.page.on("request", lambda request: calls.append(f"{request.method} {urlsplit(request.url).path}"))
    page = visitor.open(place.path.format(example_id=example["example_id"]))
    if place.button:
        expect(page.get_by_role("button", name=re.compile(f"^{place.button}")).first).to_be_visible()
    else:
        call = place.call.replace(" ", f" {API}", 1).format(example_id=example["example_id"])
        assert call in calls
