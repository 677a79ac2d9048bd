"""What is read of texts: analysis on one core, near-duplicates of many prompts and of one more; beside plain Python."""

from __future__ import annotations

import re
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from projections.policy import policy
from projections.store import database
from projections.texts import analysis, near_duplicates, near_links

from .. import old_class
from ..place import Place
from ..side import NOTE
from ..texts import Texts

ANALYSED = 20_000
"""Examples that are analysed at most."""

TRIES = 40
"""New prompts that are linked, one at a time."""


def _pairs(place: Place, number: int) -> list[tuple[str, str]]:
    texts = Texts(f"texts{number}")
    return [(texts.question(), texts.answer()) for _ in range(place.load(ANALYSED))]


@contextmanager
def analysing(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Examples/s of relevance, tags and personal data on one core."""
    by = analysis.analyser(policy.default())

    def measure(number: int) -> dict[str, float]:
        texts = [analysis.Texts(*pair) for pair in _pairs(place, number)]
        began = time.process_time()
        analysis.of(texts, by)
        return {"analysis": len(texts) / (time.process_time() - began)}

    yield measure


@contextmanager
def counting(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """Examples/s of the old class's count of substrings."""

    def measure(number: int) -> dict[str, float]:
        pairs = _pairs(place, number)
        began = time.process_time()
        for prompt, response in pairs:
            old_class.relevance(prompt, response)
        return {"analysis": len(pairs) / (time.process_time() - began)}

    yield measure


def _prompts(count: int, number: int) -> list[str]:
    texts = Texts(f"prompts{number}")
    return [texts.question() for _ in range(count)]


@contextmanager
def clustering(place: Place) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Seconds to link near-duplicates among N prompts, and milliseconds to link one more, its transaction included."""

    def measure(number: int) -> dict[str, Any]:
        prompts = _prompts(place.count, number)
        began = time.perf_counter()
        links = near_duplicates.cluster(prompts, processes=2)
        seconds = time.perf_counter() - began
        linked = sum(link is not None for link, _ in links)
        workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        note = f"{linked:,} of {len(prompts):,} are linked; {workers:,.0f} MiB in each worker"
        return {"all": seconds, "one": _one_more(prompts, number), NOTE: note}

    yield measure


def _one_more(prompts: list[str], number: int) -> float:
    con = database.connect(None)
    for table in (near_links.NEAR_TEXTS, near_links.NEAR_BUCKETS):
        table.create(con)
    index = near_links.Index()
    for start in range(0, len(prompts), 50_000):
        part = prompts[start : start + 50_000]
        con.register("part", pa.table({"seq": range(start, start + len(part)), "prompt": part}))
        con.execute("CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM part")
        near_links.link(con, "said", index=index)
    times = []
    for seq, prompt in enumerate(_prompts(TRIES, -1 - number), len(prompts)):
        con.execute("CREATE OR REPLACE TEMP TABLE said AS SELECT ?::BIGINT AS seq, ? AS prompt", [seq, prompt])
        began = time.process_time()
        con.execute("BEGIN")
        near_links.link(con, "said", index=index)
        con.execute("COMMIT")
        times.append(1000 * (time.process_time() - began))
    con.close()
    return statistics.median(times)


@contextmanager
def remembering(place: Place) -> Iterator[Callable[[int], dict[str, float]]]:
    """The same with a set of normalised prompts, which finds exact duplicates only."""

    def measure(number: int) -> dict[str, float]:
        prompts = _prompts(place.count, number)
        began = time.perf_counter()
        seen = {_normal(prompt) for prompt in prompts}
        seconds = time.perf_counter() - began
        times = []
        for prompt in _prompts(TRIES, -1 - number):
            began = time.process_time()
            seen.add(_normal(prompt))
            times.append(1000 * (time.process_time() - began))
        return {"all": seconds, "one": statistics.median(times)}

    yield measure


def _normal(prompt: str) -> str:
    return re.sub(r"\W+", " ", prompt.lower()).strip()
