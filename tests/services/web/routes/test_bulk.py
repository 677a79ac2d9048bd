"""Deciding on many over HTTP: what a filter covers, all of it, and the way back as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from httpx import Client

from events.facts import ExampleApproved
from events.log.log import Log

from ...conftest import ANSWER
from ..conftest import Site

MANY = 4_000
"""More than one request takes, several times over."""

AT_ONCE = 1_000
REASON = "in bulk: tag thousands"

QUESTIONS = iter(f"How wide is lap {n} of a single-ply roof membrane at the seam?" for n in range(10**6))


def capture(site: Site, tag: str, count: int, **more: Any) -> list[str]:
    """Examples with a tag; their ids."""
    ids = []
    for start in range(0, count, 100):
        items = [
            {"prompt": next(QUESTIONS), "response": ANSWER, "tags": [tag]} | more
            for _ in range(min(100, count - start))
        ]
        answer = site.client("reviewer").post("/api/v1/examples/batch", json={"items": items})
        assert answer.status_code == 200, answer.text
        ids += [item["example_id"] for item in answer.json()["items"]]
    return ids


def covered(client: Client, **filters: Any) -> list[dict[str, Any]]:
    """Everything that a filter covers, as items of a decision."""
    return [{name: item[name] for name in ("example_id", "revision", "context")} for item in pages(client, **filters)]


def pages(client: Client, **filters: Any) -> Iterator[dict[str, Any]]:
    after: int | None = None
    while True:
        page = client.get("/api/v1/review/covered", params=filters | ({"after": after} if after else {})).json()
        yield from page["items"]
        after = page["after"]
        if after is None:
            return


def decide(client: Client, path: str, items: list[dict[str, Any]], **more: Any) -> tuple[list[Any], list[Any]]:
    """Decide on all items, as many in a request as it takes: what was said, and what was refused."""
    done, refused = [], []
    for start in range(0, len(items), AT_ONCE):
        body = {"items": items[start : start + AT_ONCE]} | more
        answer = client.post(f"/api/v1/decisions/{path}", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        decided = answer.json()
        refused += decided.pop("refused")
        done += [item for outcome in decided.values() for item in outcome]
    return done, refused


def revised(done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"example_id": item["example_id"], "revision": item["seq"]} for item in done]


def trained(client: Client) -> int:
    n: int = client.get("/api/v1/stats").json()["funnel"]["unique"]
    return n


def kept_out(client: Client) -> Counter[str]:
    return Counter(client.get("/api/v1/stats").json()["funnel"]["lost"])


async def said(site: Site, ids: list[str]) -> tuple[Counter[str], set[str | None]]:
    """What the log says about some examples, by its verbs, and the reasons of the approvals."""
    verbs, about = Counter[str](), set(ids)
    reasons: set[str | None] = set()
    log = await Log.connect(site.server)
    async with aclosing(log.read(0)) as stretches:
        async for messages in stretches:
            for fact in (message.fact() for message in messages):
                if getattr(fact, "example_id", None) in about:
                    verbs[fact.verb] += 1
                    reasons |= {fact.reason} if isinstance(fact, ExampleApproved) else set()
    await log.close()
    return verbs, reasons


@pytest.mark.slow
async def test_thousands_of_a_tag_are_approved_undone_and_approved(site: Site) -> None:
    client = site.client("reviewer")
    ids = capture(site, "thousands", MANY)
    before = trained(client), kept_out(client)
    preview = client.get("/api/v1/review/covered", params={"tag": "thousands", "limit": 1}).json()
    assert (preview["total"], preview["effect"]["enter"]) == (MANY, MANY)
    approved, refused = decide(client, "approve", covered(client, tag="thousands"), reason=REASON)
    assert (len(approved), refused) == (MANY, [])
    assert trained(client) == before[0] + MANY
    assert covered(client, tag="thousands") == []
    decide(client, "reject", revised(approved)[:3], reason="not this one")
    undone, refused = decide(client, "undo", revised(approved), reason=f"undone: {REASON}")
    assert len(undone) == MANY - 3
    assert Counter(item["code"] for item in refused) == {"stale_revision": 3}
    assert trained(client) == before[0]
    assert kept_out(client) - before[1] == Counter(rejected=3)
    again, refused = decide(client, "approve", covered(client, tag="thousands"), reason=REASON)
    assert (len(again), refused) == (MANY - 3, [])
    assert trained(client) == before[0] + MANY - 3
    verbs, reasons = await said(site, ids)
    assert verbs == {"captured": MANY, "approved": 2 * MANY - 3, "rejected": 3, "reopened": MANY - 3}
    assert reasons == {REASON}


def test_a_rejection_in_bulk_is_undone_to_what_held(site: Site) -> None:
    client = site.client("reviewer")
    first, second = capture(site, "undone", 2)
    decide(client, "approve", [item for item in covered(client, tag="undone") if item["example_id"] == first])
    items = covered(client, tag="undone", doing="reject", stage="any")
    assert {item["example_id"] for item in items} == {first, second}
    rejected, _ = decide(client, "reject", items, reason="an old edition")
    assert decide(client, "undo", revised(rejected))[1] == []
    decisions = [client.get(f"/api/v1/examples/{example}").json()["decision"] for example in (first, second)]
    assert decisions == ["approved", None]


def test_a_description_in_bulk_is_undone(site: Site) -> None:
    client = site.client("reviewer")
    ids = capture(site, "described", 3, project="Depot")
    before = [client.get(f"/api/v1/examples/{example}").json() for example in ids]
    items = covered(client, tag="described", doing="exclude")
    assert len(items) == 3
    change = {"added_tags": ["new"], "removed_tags": ["described"], "project": "Mill", "include_in_training": False}
    described, refused = decide(client, "describe", items, **change)
    assert (len(described), refused) == (3, [])
    changed = client.get(f"/api/v1/examples/{ids[0]}").json()
    assert (changed["project_context"], changed["include_in_training"]) == ("Mill", False)
    assert covered(client, tag="described", doing="exclude") == []
    assert len(decide(client, "undo", revised(described))[0]) == 3
    names = ("tags", "project_context", "include_in_training")
    after = [client.get(f"/api/v1/examples/{example}").json() for example in ids]
    assert [[example[name] for name in names] for example in after] == [
        [example[name] for name in names] for example in before
    ]


def test_what_was_no_decision_cannot_be_undone(site: Site) -> None:
    client = site.client("reviewer")
    capture(site, "undecided", 1)
    undone, refused = decide(client, "undo", covered(client, tag="undecided"))
    assert (undone, [item["code"] for item in refused]) == ([], ["unchanged"])


def test_a_retry_of_an_undo_says_it_once(site: Site) -> None:
    client, key = site.client("reviewer"), {"Idempotency-Key": "undo"}
    capture(site, "retried", 2)
    approved, _ = decide(client, "approve", covered(client, tag="retried"))
    body = {"items": revised(approved)}
    first, again = (client.post("/api/v1/decisions/undo", json=body, headers=key).json() for _ in range(2))
    assert first == again
    assert len(first["undone"]) == 2


@pytest.mark.parametrize(
    ("filters", "status"),
    [({"doing": "tag"}, 422), ({"stage": "nowhere"}, 422), ({"since": "2026-99-99"}, 422), ({"doing": "burn"}, 422)],
)
def test_a_filter_that_cannot_be_is_refused(site: Site, filters: dict[str, Any], status: int) -> None:
    answer = site.client("reviewer").get("/api/v1/review/covered", params=filters)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
