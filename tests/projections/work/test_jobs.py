"""Jobs: their names, orders and replies, and what is done when a page fails."""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from projections.work import jobs
from projections.work.jobs import (
    Error,
    Lost,
    Order,
    OtherCode,
    PageFailed,
    Refusal,
    Reply,
    Result,
    Stopped,
    on,
    outcome,
    perform,
)
from projections.work.workers import workers

from .contract import here
from .jobs import absolute, killed_once, number_in, starved


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def test_only_a_job_goes_to_a_worker() -> None:
    with pytest.raises(KeyError):
        list(on(here)(abs, [1]))


def test_the_same_page_has_the_same_name_and_result() -> None:
    first, again = (jobs.order(absolute, -5) for _ in range(2))
    assert first == again
    assert perform(first) == perform(again) == Result(pickle.dumps(5, protocol=5))
    assert jobs.order(absolute, -6).page != first.page


def test_a_worker_of_other_code_works_on_nothing(tmp_path: Path) -> None:
    given = jobs.order(partial(killed_once, tmp_path), -1)._replace(code="other")
    assert perform(given) == Refusal(jobs.code())
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_both_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(orders: Iterator[Order]) -> Generator[Reply | Lost]:
        return here(order._replace(code="other") for order in orders)

    with pytest.raises(OtherCode, match=f"^page 1 of .*code of a worker is {jobs.code()[:12]}"):
        list(on(elsewhere)(absolute, [1]))


def test_the_code_is_told_by_every_file_that_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("projections/work", *jobs.DECIDING):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(jobs, "__file__", str(tmp_path / "projections/work/jobs.py"))
    codes = set()
    for name in ("projections/a.py", "projections/b.toml", "events/a.py", "services/exporter/deep.py"):
        jobs.code.cache_clear()
        codes.add(jobs.code())
        (tmp_path / name).write_text("1")
    jobs.code.cache_clear()
    codes.add(jobs.code())
    (tmp_path / "projections/c.md").write_text("1")
    jobs.code.cache_clear()
    assert jobs.code() in codes
    assert len(codes) == 5
    jobs.code.cache_clear()


def test_a_failing_page_is_named_and_those_before_are_kept() -> None:
    results: list[int] = []
    with pytest.raises(
        PageFailed, match=r"page 3 of the job 'test: absolute values' \(\w{12}\) failed: TypeError in jobs.py:\d+$"
    ):
        results.extend(on(here)(absolute, [-1, -2, None, -3]))
    assert results == [1, 2]


def test_an_error_repeats_no_words_of_a_page() -> None:
    reply = perform(jobs.order(number_in, "Kowalczyk77"))
    assert isinstance(reply, Error)
    assert reply.text.startswith("ValueError in jobs.py:")


def test_a_long_reason_is_cut() -> None:
    def away(orders: Iterator[Order]) -> Generator[Reply | Lost]:
        yield from (Lost("away " * 1000) for _ in orders)

    with pytest.raises(PageFailed, match=r"was lost 3 times: away .*…$") as raised:
        list(on(away)(absolute, [-1]))
    assert len(str(raised.value)) < 2 * jobs.LONGEST


def test_whoever_waits_for_a_page_can_be_stopped() -> None:
    stopped = Event()
    stopped.set()
    with pytest.raises(Stopped):
        outcome(Future(), stopped, 3_600)
    with pytest.raises(TimeoutError):
        outcome(Future(), Event(), 0)
    done: Future[int] = Future()
    done.set_result(5)
    assert outcome(done, stopped, 0) == 5


@pytest.mark.slow
def test_a_page_that_needs_too_much_memory_is_named() -> None:
    with workers(2) as run, pytest.raises(PageFailed, match=r"page 2 of .* too little memory"):
        list(run(starved, [1, -1, 3]))


def test_a_lost_page_is_given_out_again_alone() -> None:
    seen: list[str] = []
    lost = [True, True]

    def shaky(orders: Iterator[Order]) -> Generator[Reply | Lost]:
        for order in orders:
            seen.append(order.page)
            yield Lost("it went away") if len(seen) in (2, 3) and lost.pop() else perform(order)

    assert list(on(shaky)(absolute, [-1, -2, -3])) == [1, 2, 3]
    assert len(seen) == 5
    assert seen[1] == seen[2] == seen[3]
