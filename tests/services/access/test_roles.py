"""What each role may do at a real server is what it needs, and no reply or deliver subject does more."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from events.facts import FACTS
from services.access.roles import NAMES, ROLES, Name, filter_of

from . import tried
from .tried import ATTEMPTS, WHO, Outcome, Who

table = cache(tried.table)

OUTSIDE: tuple[Name, ...] = tuple(name for name in NAMES if ROLES[name].account != ROLES["admin"].account)
"""The roles that must not write all facts."""


def allowed(group: str) -> dict[str, set[Who]]:
    """Who may do what in a group of attempts."""
    names = [attempt.name.format(who="fact") for attempt in ATTEMPTS if attempt.group == group]
    return {name: {who for who in WHO if table()[name][who] == "allowed"} for name in names}


def test_nobody_gets_in_without_a_secret() -> None:
    assert {outcomes["nobody"] for outcomes in table().values()} == {"refused"}


@pytest.mark.parametrize("kind", FACTS)
def test_a_fact_is_said_by_the_roles_that_declare_it(kind: type) -> None:
    subject = filter_of(kind).replace(">", "tried.fact")
    assert allowed("facts")[subject] == {name for name in NAMES if kind in ROLES[name].says}


def test_every_fact_is_said_by_a_service_or_client() -> None:
    assert {kind for name in NAMES if name not in ("admin", "operator") for kind in ROLES[name].says} == set(FACTS)


def test_only_the_keepers_of_the_log_change_it() -> None:
    keepers = {"admin", "projector", "operator"}
    by_many = {
        "$JS.API.STREAM.MSG.DELETE.TRAINING": keepers,
        "$JS.API.CONSUMER.DELETE.TRAINING.tried": keepers,
        "$KV.rooflog_leases.exports": {"admin", "projector", "exporter"},
        "$KV.rooflog_desk.tried": {"admin", "gateway"},
    }
    assert allowed("changes") == {name: by_many.get(name, {"admin"}) for name in allowed("changes")}


def test_whoever_only_says_facts_reads_nothing() -> None:
    assert {who for readers in allowed("reads").values() for who in readers} == set(NAMES) - {"client"}


def test_only_services_hear_what_they_answer() -> None:
    listeners = allowed("listens")
    assert listeners.pop("listen to rooflog.query.>") == {"admin", "projector"}
    assert listeners.pop("listen to rooflog.exporter.>") == {"admin", "exporter"}
    assert listeners.pop("listen to rooflog.moved") == {"admin", "operator", "exporter", "gateway", "auditor"}
    assert set(map(frozenset, listeners.values())) == {frozenset({"admin"})}


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_reply_or_deliver_subject_writes_a_fact(name: Name) -> None:
    async def forged() -> list[str]:
        async with tried.served() as server:
            return await tried.forged(name, server)

    assert asyncio.run(forged()) == []


def test_a_reply_of_the_administrator_does_write() -> None:
    """The attempt itself works, so that its failing for others means something."""

    async def forged() -> list[str]:
        async with tried.served() as server:
            return await tried.forged("admin", server)

    assert asyncio.run(forged()) != []


def test_outcomes_are_complete() -> None:
    outcomes: set[Outcome] = {outcome for by_who in table().values() for outcome in by_who.values()}
    assert outcomes == {"allowed", "refused"}
    assert all(by_who.keys() == set(WHO) for by_who in table().values())
