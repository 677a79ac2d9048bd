"""What every driver of heavy work does: the same bytes for the same page, in order, whatever happens to a worker."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from events.facts import ExampleCaptured
from projections.policy.policy import default
from projections.policy.rules import LATEST
from projections.texts import analysis, contradictions, near_duplicates, near_links
from projections.texts.near_duplicates import LIKENESS, Share, nothing_known
from projections.work import jobs
from projections.work.jobs import Driver, Lost, Order, OtherCode, PageFailed, Refusal, Reply, Result, on, perform
from services.demo import sample_day
from tests.bench.texts import Texts

from .jobs import absolute, killed, killed_once

Page = tuple[Callable[[Any], Any], Any]


def texts() -> list[tuple[str, str]]:
    """Prompts and answers of the demo, varied ones, and some that were made of any characters."""
    varied, drawn = Texts("drivers"), random.Random(23)
    odd = ["".join(map(chr, drawn.choices([*range(32, 0xD7FF), 0x1F600], k=200))) for _ in range(60)]
    demo = [(fact.prompt, fact.response) for fact in sample_day() if isinstance(fact, ExampleCaptured)]
    return [*demo, *((varied.question(), varied.answer()) for _ in range(120)), *((text, text[::-1]) for text in odd)]


def pages() -> list[Page]:
    """Pages of every job that reads texts."""
    pairs = texts()
    by = analysis.analyser(default())
    rows = [(str(number), *pair, None) for number, pair in enumerate(pairs)]
    prompts = [prompt for prompt, _ in pairs]
    normals, keys = near_duplicates.canonical(prompts, LATEST)
    banded = near_duplicates.buckets(normals)
    share = Share(range(len(normals)), normals, keys, banded, nothing_known(len(normals)))
    given: list[Page] = []
    for start in range(0, len(pairs), 50):
        part = slice(start, start + 50)
        given += [
            (partial(analysis._page, by), rows[part]),
            (partial(near_links._canonical, LATEST), prompts[part]),
            (near_duplicates.buckets, normals[part]),
            (contradictions._claims, [answer for _, answer in pairs[part]]),
        ]
    return [*given, (partial(near_duplicates.link_share, LIKENESS), share)]


def digests(driver: Driver, given: list[Page]) -> list[str]:
    """The digest of what comes of each page."""
    orders = [jobs.order(*page) for page in given]
    made = []
    for order, reply in zip(orders, driver(iter(orders)), strict=True):
        assert isinstance(reply, Result), f"{order.job}: {reply}"
        made.append(hashlib.sha256(reply.content).hexdigest())
    return made


def here(orders: Iterator[Order]) -> Generator[Reply | Lost]:
    """The simplest driver: this process."""
    yield from map(perform, orders)


class DriverContract:
    """What every driver does; a test class of a driver has the fixture `driver`."""

    under_way = 4
    """Pages that it has under way at most."""

    def test_every_job_gives_the_bytes_of_one_process(self, driver: Driver) -> None:
        given = pages()
        assert digests(driver, given) == digests(here, given)

    def test_few_pages_are_under_way_at_a_time(self, driver: Driver) -> None:
        taken: list[int] = []

        def numbers() -> Iterator[int]:
            for number in range(10 * self.under_way):
                taken.append(number)
                yield -number

        for done, result in enumerate(on(driver)(absolute, numbers()), 1):
            assert result == done - 1
            assert len(taken) < done + self.under_way

    def test_a_failing_page_is_named(self, driver: Driver) -> None:
        results: list[int] = []
        with pytest.raises(
            PageFailed, match=r"^page 3 of the job 'test: absolute values' \(\w+\) failed: TypeError in "
        ):
            results.extend(on(driver)(absolute, [-1, -2, None, -3]))
        assert results == [1, 2]
        assert list(on(driver)(absolute, [-4])) == [4]

    def test_a_killed_worker_loses_and_doubles_nothing(self, driver: Driver, tmp_path: Path) -> None:
        given = [-1 if n == 7 else n for n in range(20)]
        assert list(on(driver)(partial(killed_once, tmp_path), given)) == list(map(abs, given))

    def test_a_page_that_kills_its_workers_is_named(self, driver: Driver) -> None:
        results: list[int] = []
        with pytest.raises(PageFailed, match=r"^page 4 of the job 'test: always killed' \(\w{12}\) was lost 3 times: "):
            results.extend(on(driver)(killed, [1, 2, 3, -1, 5, 6]))
        assert results == [1, 2, 3]
        assert list(on(driver)(absolute, [-4])) == [4]

    def test_workers_of_other_code_refuse(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        order = jobs.order(absolute, -1)._replace(code="0" * 64)
        [reply] = driver(iter([order]))
        assert reply == Refusal(jobs.code())
        monkeypatch.setattr(jobs, "code", lambda: "0" * 64)
        with pytest.raises(OtherCode, match=r"was refused: the code of a worker is .*, and 000000000000 here"):
            list(on(driver)(absolute, [-1]))
