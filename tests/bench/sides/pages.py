"""Every address that a page asks for, over HTTP, while facts arrive at a steady rate and are folded.

The times are those of the caller, on a connection that stays open, so they hold the server's and a little more.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from events.log.log import Log
from tests.services.web.test_changes import listening

from ..office import Office
from ..place import Place, connect
from ..side import NOTE, PEAK, peak
from ..site import opened, until_answering
from .live import SETTLE_SECONDS, share
from .names import PAGES

RATE = 500
"""Facts that arrive in a second while the pages are asked for."""

PAUSE_SECONDS = 0.05
"""Between two answers: some fifteen are asked for in a second."""

BUSY, QUIET, SHOWN = 20, 5, 8
"""How often each page is asked for in a round, while facts arrive and before; facts that a dashboard waits for."""


class Caller:
    """One connection that stays open, as a browser keeps it."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def get(self, path: str) -> tuple[float, Any]:
        """Seconds until the whole answer was there, and the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        assert answer.status == 200, (path, answer.status, body[:500])
        return seconds, json.loads(body)


def path(name: str, **parameters: Any) -> str:
    """The address of a call."""
    return f"/api/v1/{name}?{urlencode(parameters)}" if parameters else f"/api/v1/{name}"


def addresses(caller: Caller, last: int) -> dict[str, list[str]]:
    """What the pages ask for, by page; several of a kind where the answer depends on it."""
    waiting = caller.get(path("review", limit=50))[1]
    trained = caller.get(path("examples", stage="training"))[1]["items"]
    corrected = caller.get(path("examples", stage="corrections"))[1]["items"]
    ids = [item["example_id"] for item in (*waiting["items"][:10], *trained[:10], *corrected[:10])]
    each = [quote(example_id) for example_id in ids]
    tags = ("tpo", "flashing", "drains")
    digest = caller.get(path("policies"))[1]["digest"]
    lists: dict[str, list[str]] = {
        "review": [
            path("review"),
            path("review", limit=200),
            path("review", after=waiting["after"]),
            *(path("review", why=why) for why, n in waiting["by_reason"].items() if n),
            *(path("review", tag=tag) for tag in tags),
            path("review", source="chat_interaction"),
            path("review", project="p3"),
            path("review", why="edge_case", tag="tpo", source="chat_interaction"),
        ],
        "review_search": [path("review", text=text) for text in ("seam weld", "skylight", "nothing like that")],
        "review_filters": [path("review/facets")],
        "review_example": [path(f"review/{one}") for one in each],
        "review_by_tag": [path("review/covered", tag=tag, limit=200) for tag in tags],
        "queue": [path("queue"), path("queue", tag="tpo"), path("queue", why="edge_case")],
        "examples": [
            path("examples"),
            *(path("examples", stage=stage) for stage in ("training", "waiting", "filtered", "corrections")),
            *(path("examples", reason=reason) for reason in ("not_approved", "duplicate_of", "low_relevance")),
            path("examples", tag="tpo"),
            path("examples", source="chat_interaction", relevance="high"),
            path("examples", before=last // 2),
        ],
        "examples_search": [path("examples", text=text) for text in ("seam weld", "nothing like that")],
        "example": [path(f"examples/{one}") for one in each],
        "example_history": [path(f"examples/{one}/history") for one in each],
        "example_related": [path(f"examples/{one}/related") for one in each],
    }
    single = ("stats", "status", "exports", "policies", "quarantine", "session")
    asked = lists | {name: [path(name)] for name in single} | {
        "dashboard": [path("dashboard", span=span) for span in ("days", "hours", "months")],
        "policy": [path(f"policies/{digest}")],
        "replay": [path("log", after=last // 2, limit=50), path("log/counted", seq=last // 2)],
    }  # fmt: skip
    assert asked.keys() == set(PAGES)
    return asked


def asked_for(url: str, asked: dict[str, list[str]], turns: range) -> dict[str, list[float]]:
    """Seconds of every answer, by page; the pages take turns, with a moment between, as people take."""
    caller = Caller(url)
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for turn in turns:
        for name in PAGES:
            paths = asked[name]
            times[name].append(caller.get(paths[turn % len(paths)])[0])
            time.sleep(PAUSE_SECONDS)
    caller.close()
    return times


def until_shown(url: str, log: Log, runner: asyncio.Runner, label: str) -> list[float]:
    """Seconds from publishing a fact until an open dashboard has the new numbers: told, then asked for."""
    caller, office, shown = Caller(url), Office(label), []
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client, listening(client) as listener:
        for _ in range(SHOWN):
            fact = office.capture()
            began = time.monotonic()
            runner.run(log.publish([fact]))
            wanted = runner.run(log.revision(fact.event_id))
            while listener.heard[-1][1] < wanted:
                time.sleep(0.002)
            while min(caller.get(path(part))[1]["checkpoint"] for part in ("stats", "dashboard")) < wanted:
                pass
            shown.append(time.monotonic() - began)
    caller.close()
    return shown


@contextmanager
def pages(place: Place) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Milliseconds below which 95 of 100 answers are, of every page and of all; facts on an open dashboard."""
    with opened(place) as site, asyncio.Runner() as runner:
        projector = site.projector()
        log = runner.run(connect(site.server))
        runner.run(until_answering(log))
        url = site.web()
        caller = Caller(url)
        asked = addresses(caller, runner.run(log.last_sequence()))
        caller.close()

        def measure(number: int) -> dict[str, Any]:
            quiet = asked_for(url, asked, range(number * QUIET, (number + 1) * QUIET))
            with site.arriving(RATE, f"pages{number}"):
                time.sleep(SETTLE_SECONDS)
                busy = asked_for(url, asked, range(number * BUSY, (number + 1) * BUSY))
                shown = until_shown(url, log, runner, f"shown{number}")
            every = [seconds for name, times in busy.items() if name != "session" for seconds in times]
            slowest = max(PAGES, key=lambda name: share(busy[name], 0.95))
            values = {name: share(times, 0.95) for name, times in busy.items()}
            return values | {
                "all": share(every, 0.95),
                "all_quiet": share([seconds for times in quiet.values() for seconds in times], 0.95),
                "shown": share(shown, 0.5),
                NOTE: f"slowest is {slowest}; a fact is on the dashboard after {share(shown, 1):,.0f} ms at most",
                PEAK: peak(projector.pid),
            }

        yield measure
        runner.run(log.close())
