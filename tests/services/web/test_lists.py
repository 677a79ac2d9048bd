"""Lists: every list that a route returns goes on page by page, and its pages hold every item exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from events.log.log import Log
from projections.policy.policy import default
from tests.docs.generated import openapi

from ..conftest import ANSWER
from .conftest import Site, until

MANY = 5
"""Items of each list."""


class Listed(Struct, frozen=True):
    """A list: where it is, what its items are called, what tells one from another, and the name of its cursor."""

    path: str
    key: str = "example_id"
    items: str = "items"
    cursor: str = "after"
    parameters: dict[str, Any] = {}


LISTS = (
    Listed("/queue"),
    Listed("/queue/tagged", parameters={"tag": "seam"}),
    Listed("/review"),
    Listed("/review/covered", parameters={"tag": "seam"}),
    Listed("/examples", cursor="before"),
    Listed("/examples/{example_id}/history", items="facts", key="seq"),
    Listed("/examples/{example_id}/related", items="corrections"),
    Listed("/examples/{example_id}/related", items="same_question"),
    Listed("/policies", items="adopted", key="seq"),
    Listed("/quarantine", key="seq", cursor="before"),
    Listed("/log", key="seq"),
    Listed("/notes", key="seq", cursor="before", parameters={"to_me": False}),
)
"""Every list that this site fills; those of the exporter are walked where its exports are made."""

OF_EXPORTER = {"/exports", "/lineage"}


@pytest.fixture(scope="module")
def example_id(site: Site) -> str:
    """An example with five of everything: corrections, other answers to its question, facts about it."""
    client = site.client("operator")
    ids = []
    for n in range(MANY + 1):
        body = {"prompt": "How wide is a TPO seam weld?", "response": f"{ANSWER} {n}", "tags": ["seam"]}
        ids.append(client.post("/api/v1/examples", json=body).json()["example_id"])
    for n in range(MANY):
        client.post(f"/api/v1/examples/{ids[0]}/feedback", json={"feedback": "negative", "comment": f"{n}"})
        body = {"corrected_response": f"At least {n + 2} inches wide.", "example_id": ids[0], "tags": ["seam"]}
        client.post("/api/v1/corrections", json=body).raise_for_status()
        client.post(f"/api/v1/examples/{ids[0]}/notes", json={"note": f"{n}"}).raise_for_status()
    revision, document = 0, msgspec.to_builtins(default().document())
    for n in range(MANY):
        document["training"] |= {"goal": 1_000 + n}
        answer = client.post("/api/v1/policies", json={"policy": document, "revision": revision})
        revision = answer.raise_for_status().json()["seq"]
    asyncio.run(_publish_junk(site.server))
    until(lambda: len(site.client("auditor").get("/api/v1/quarantine").json()["items"]) == MANY)
    return str(ids[0])


async def _publish_junk(url: str) -> None:
    log = await Log.connect(url)
    for n in range(MANY):
        await log.client.jetstream().publish(f"training.junk.{n}", b"{")
    await log.close()


def pages(site: Site, listed: Listed, example_id: str, limit: int) -> Iterator[list[Any]]:
    """The items of one page after the other, as their keys."""
    client, cursor = site.client("auditor"), None
    while True:
        parameters = listed.parameters | {"limit": limit} | ({listed.cursor: cursor} if cursor is not None else {})
        answer = client.get(f"/api/v1{listed.path.format(example_id=example_id)}", params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield [item[listed.key] for item in page[listed.items]]
        cursor = page[listed.cursor]
        if cursor is None:
            return


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: f"{listed.path} {listed.items}")
@pytest.mark.parametrize("limit", [1, 2])
def test_the_pages_hold_every_item_once(site: Site, example_id: str, listed: Listed, limit: int) -> None:
    whole = [key for page in pages(site, listed, example_id, 50) for key in page]
    assert len(whole) >= MANY
    found = list(pages(site, listed, example_id, limit))
    assert max(map(len, found)) <= limit
    assert [key for page in found for key in page] == whole
    assert len({*whole}) == len(whole)


def test_every_route_with_a_limit_has_a_cursor() -> None:
    """Given the OpenAPI document, then whatever takes a limit is walked above or is the exporter's, and says how."""
    known = {f"/api/v1{listed.path}": listed.cursor for listed in LISTS}
    for path, calls in openapi()["paths"].items():
        names = {parameter["name"] for parameter in calls.get("get", {}).get("parameters", [])}
        if "limit" in names:
            assert path in known or path.removeprefix("/api/v1") in OF_EXPORTER, f"{path}: add it to LISTS"
            assert known.get(path, "after") in names or "before" in names
    assert known.keys() <= openapi()["paths"].keys()
