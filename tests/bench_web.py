"""The pages beside their baselines: `make bench` runs this on a log of its own; with many examples it takes a while.

Every address that a page asks for is asked for in turn over HTTP, while facts arrive at a steady rate and are folded.
The times are those of the caller, on a connection that stays open, so they hold the server's and a little more.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from prometheus_client.parser import text_string_to_metric_families

from events.facts import (
    CorrectionRecorded,
    ExampleApproved,
    ExampleCaptured,
    ExampleRejected,
    Fact,
    FeedbackGiven,
    Metadata,
)
from events.log.log import Log
from projections.queries import examples
from projections.store import database
from services.runtime.nats_server import EmbeddedServer
from tests.bench_texts import SENTENCES
from tests.evaluation.prompts import prompts
from tests.services.conftest import address
from tests.services.web.conftest import Site, until
from tests.services.web.test_changes import listening

RATE = 500
"""Facts that arrive in a second while the pages are asked for."""

PAUSE_SECONDS = 0.05
"""Between two answers: some fifteen are asked for in a second."""

BEAT_SECONDS = 0.05
"""How often some of them are published."""

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

SOURCES = ("production_query", "chat_interaction", "rfi_generation", "spec_interpretation", "verified_calculation",
           "detail_decision", "error")  # fmt: skip


def facts(count: int, seed: int, first: int = 0, start: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> Iterator[Fact]:
    """So many captures, and what is said about four of ten: feedback, corrections, decisions."""
    chance = random.Random(seed)
    for number, prompt in enumerate(prompts(count, seed=seed), first):
        at, example_id = start + timedelta(seconds=20 * (number - first)), f"train_{number:08}"
        said: dict[str, Any] = {"occurred_at": at, "actor": "ann"}
        spent = Metadata(skill_used="qa", tier_handled="groq", latency_ms=812.5)
        response = f"{number % 10_000_000}: " + "".join(
            SENTENCES[(number + n) % 4] for n in range(chance.choice([1, 3, 6]))
        )
        yield ExampleCaptured(event_id=example_id, example_id=example_id, prompt=prompt, response=response,
                              source=chance.choice(SOURCES), project_context=f"p{number % 50}", metadata=spent,
                              **said)  # fmt: skip
        about = said | {"example_id": example_id}
        match chance.random():
            case share if share < 0.25:
                feedback: Any = "positive" if share < 0.2 else "negative"
                yield FeedbackGiven(event_id=f"f{example_id}", feedback=feedback, **about)
            case share if share < 0.3:
                yield CorrectionRecorded(event_id=f"c{example_id}", original_prompt=prompt, original_response=response,
                                         corrected_response=f"Better: {response}", reason="wrong", **about)  # fmt: skip
            case share if share < 0.4:
                yield ExampleApproved(event_id=f"a{example_id}", revision=0, **about)
            case share if share < 0.43:
                yield ExampleRejected(event_id=f"r{example_id}", revision=0, reason="no", **about)


class Load(threading.Thread):
    """Facts that arrive at a steady rate until this is told to stop; `said` of them were published."""

    def __init__(self, url: str, rate: int) -> None:
        super().__init__()
        self._command = [sys.executable, "-m", "tests.bench_web", "--publish", url, str(rate)]
        self.said = 0

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has begun
        self._began = time.monotonic()
        self.start()
        return self

    def run(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said = int(line)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self.rate = self.said / (time.monotonic() - self._began)
        self.join()


async def publish(url: str, rate: int) -> None:
    """Publish facts at a rate, in small batches as outboxes do, until this process is ended."""
    log = await Log.connect(url)
    stamp = time.time_ns() // 1_000_000_000
    source = facts(10**9, seed=stamp, first=10**9 + stamp, start=datetime.now(UTC))
    began, said = time.monotonic(), 0
    print(0, flush=True)
    while True:
        due = int((time.monotonic() - began) * rate) - said
        if due:
            said += due
            await log.publish([next(source) for _ in range(due)])
            print(said, flush=True)
        await asyncio.sleep(BEAT_SECONDS)


class Caller:
    """One connection that stays open, as a browser keeps it."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def get(self, path: str) -> tuple[float, Any]:
        """Seconds until the whole answer was there, and the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        assert answer.status == 200, (path, answer.status, body[:500])
        return seconds, json.loads(body)


def addresses(caller: Caller, last: int) -> dict[str, list[str]]:
    """What the pages ask for, by page; several of a kind where the answer depends on it."""

    def path(name: str, **parameters: Any) -> str:
        return f"/api/v1/{name}?{urlencode(parameters)}" if parameters else f"/api/v1/{name}"

    waiting = caller.get(path("review", limit=50))[1]
    trained = caller.get(path("examples", stage="training"))[1]["items"]
    corrected = caller.get(path("examples", stage="corrections"))[1]["items"]
    ids = [item["example_id"] for item in (*waiting["items"][:10], *trained[:10], *corrected[:10])]
    each = [quote(example_id) for example_id in ids]
    tags = ("tpo", "flashing", "drains")
    digest = caller.get(path("policies"))[1]["digest"]
    return {
        "dashboard": [path("dashboard", span=span) for span in ("days", "hours", "months")],
        "stats": [path("stats")],
        "status": [path("status")],
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
        "review: search": [path("review", text=text) for text in ("seam weld", "skylight", "nothing like that")],
        "review: filters": [path("review/facets")],
        "review: an example": [path(f"review/{one}") for one in each],
        "review: by tag": [path("review/covered", tag=tag, limit=200) for tag in tags],
        "queue, 20 whole": [path("queue"), path("queue", tag="tpo"), path("queue", why="edge_case")],
        "examples": [
            path("examples"),
            *(path("examples", stage=stage) for stage in ("training", "waiting", "filtered", "corrections")),
            *(path("examples", reason=reason) for reason in ("not_approved", "duplicate_of", "low_relevance")),
            path("examples", tag="tpo"),
            path("examples", source="chat_interaction", relevance="high"),
            path("examples", before=last // 2),
        ],
        "examples: search": [path("examples", text=text) for text in ("seam weld", "nothing like that")],
        "example": [path(f"examples/{one}") for one in each],
        "example: history": [path(f"examples/{one}/history") for one in each],
        "example: related": [path(f"examples/{one}/related") for one in each],
        "exports": [path("exports")],
        "policies": [path("policies")],
        "policy, whole": [path(f"policies/{digest}")],
        "quarantine": [path("quarantine")],
        "replay": [path("log", after=last // 2, limit=50), path("log/counted", seq=last // 2)],
        "session (nothing asked)": [path("session")],
    }


def measured(caller: Caller, asked: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every answer, by page; the pages take turns, with a moment between, as people take."""
    times: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(rounds):
        for name, paths in asked.items():
            times[name].append(caller.get(paths[number % len(paths)])[0])
            time.sleep(PAUSE_SECONDS)
    return times


def counted(url: str) -> dict[str, tuple[int, int]]:
    """By route how many answers took the server 50 ms at most, and how many there were, from its own metrics."""
    found: dict[str, list[int]] = {}
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", trust_env=False).text):
        for sample in family.samples if family.name == "rooflog_web_request_duration_seconds" else ():
            place = {"0.05": 0, "+Inf": 1}.get(sample.labels.get("le", ""))
            if place is not None and sample.labels["path"].startswith("/api/v1/"):
                found.setdefault(sample.labels["path"], [0, 0])[place] += int(sample.value)
    return {route: (quick, every) for route, (quick, every) in found.items()}


def until_shown(site: Site, log: Log, loop: asyncio.AbstractEventLoop, count: int) -> list[float]:
    """Seconds from publishing a fact until an open dashboard has the new numbers: told, then asked for."""
    caller, shown = Caller(site.url), []
    with listening(httpx.Client(base_url=site.url, timeout=60, trust_env=False)) as listener:
        for _ in range(count):
            (fact, *_) = facts(1, seed=0, first=2 * 10**9 + time.time_ns() % 10**9)
            began = time.monotonic()
            loop.run_until_complete(log.publish([fact]))
            wanted = loop.run_until_complete(log.revision(fact.event_id))
            while listener.heard[-1][1] < wanted:
                time.sleep(0.002)
            while min(caller.get(f"/api/v1/{part}")[1]["checkpoint"] for part in ("stats", "dashboard")) < wanted:
                pass
            shown.append(time.monotonic() - began)
    return shown


@contextmanager
def running(data_dir: Path, count: int) -> Iterator[tuple[Site, EmbeddedServer]]:
    """A site with so many examples; a folder that has them already is taken as it is."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with EmbeddedServer(data_dir) as server:
        if not (data_dir / "rooflog.duckdb").exists():
            began = time.monotonic()
            said = asyncio.run(load(address(server), count))
            tell(f"published {said:,} facts at {said / (time.monotonic() - began):,.0f}/s")
        site = Site(data_dir, with_tokens=False)
        try:
            began = time.monotonic()
            site.start("projector")
            site.start("web")
            client = httpx.Client(base_url=site.url, timeout=60, trust_env=False)
            until(lambda: (told := client.get("/health").json()["projector"]) and told["behind"] == 0, 3_600)
            tell(f"folded within {time.monotonic() - began:,.0f} s")
            yield site, server
        finally:
            site.close()


async def load(url: str, count: int) -> int:
    """Put the examples on the log; how many facts they are."""
    log = await Log.connect(url)
    await log.publish(facts(count, seed=5))
    last = await log.last_sequence()
    await log.close()
    return last


def counted_anew(database_file: Path) -> tuple[float, float]:
    """Seconds for the numbers of the dashboard from the tallies, and counted from the table of verdicts."""
    con = database.connect(database_file)
    try:
        pairs = []
        for relation in (None, "verdicts"):
            times = []
            for _ in range(10):
                began = time.perf_counter()
                examples.funnel(con, relation)
                times.append(time.perf_counter() - began)
            pairs.append(statistics.median(times))
        return pairs[0], pairs[1]
    finally:
        con.close()


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def share(times: list[float], part: float) -> float:
    """The time, in ms, below which this part of them lies."""
    return 1000 * sorted(times)[min(len(times) - 1, int(part * len(times)))]


def main(count: int, data_dir: Path, rounds: int) -> list[tuple[str, ...]]:
    """Rows for the table of `make bench`."""
    loop = asyncio.new_event_loop()
    with running(data_dir, count) as (site, server):
        log = loop.run_until_complete(Log.connect(server.access()))
        caller = Caller(site.url)
        asked = addresses(caller, loop.run_until_complete(log.last_sequence()))
        quiet = measured(caller, asked, max(10, rounds // 5))
        with Load(address(server), RATE) as arriving:
            before = counted(site.url)
            busy = measured(caller, asked, rounds)
            within = {
                route: (quick - before.get(route, (0, 0))[0]) / n
                for route, (quick, every) in counted(site.url).items()
                if (n := every - before.get(route, (0, 0))[1])
            }
            shown = until_shown(site, log, loop, 20)
        loop.run_until_complete(log.close())
    for name in asked:
        told = (f"{part} {share(times[name], at):6.1f}" for times in (quiet, busy) for part, at in SHARES.items())
        tell(f"{name:24} quiet, then busy, in ms: {'  '.join(told)}")
    for route, part in sorted(within.items(), key=lambda item: item[1]):
        tell(f"{100 * part:5.1f} % took the server 50 ms at most: {route}")
    tell(
        f"{arriving.rate:,.0f} facts/s arrived; on the dashboard after p50 {share(shown, 0.5):.0f} ms, at most "
        f"{share(shown, 1):.0f} ms"
    )
    ours, anew = counted_anew(data_dir / "rooflog.duckdb")
    empty = share(busy["session (nothing asked)"], 0.95)
    slowest = max((name for name in asked), key=lambda name: share(busy[name], 0.95))
    every = [seconds for name, times in busy.items() if name != "session (nothing asked)" for seconds in times]
    what = f"the same server, nothing asked of the tables; {count:,} examples, {arriving.rate:,.0f} facts/s arrive"
    rows = [("pages: p95 of all", share(every, 0.95), empty, what)]
    rows.append((f"pages: p95 of the slowest ({slowest})", share(busy[slowest], 0.95), empty, "the same"))
    rows.append(("pages: the funnel", 1000 * ours, 1000 * anew, "counted from the table of verdicts"))
    table = [(name, f"{a:.1f} ms", f"{b:.1f} ms", f"{a / b:.2f}", what) for name, a, b, what in rows]
    worst = share(shown, 1)
    route = min(within, key=within.__getitem__)
    table.append(("pages: 50 ms at most, server's time", f"{100 * within[route]:.1f} %", "95 %",
                  f"{within[route] / 0.95:.2f}", f"the promise; of the slowest route, {route}"))  # fmt: skip
    return [*table, ("a fact on an open dashboard", f"{share(shown, 0.5):.0f} ms", "1000 ms", f"{worst / 1000:.2f}",
                     f"the promise; at worst {worst:.0f} ms")]  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "--publish":
        asyncio.run(publish(sys.argv[2], int(sys.argv[3])))
    elif len(sys.argv) > 2:
        json.dump(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 200), sys.stdout)
    else:
        with tempfile.TemporaryDirectory() as folder:
            json.dump(main(int(sys.argv[1]), Path(folder), 20), sys.stdout)
