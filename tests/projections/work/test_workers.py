"""Worker processes: the order of results, and that no process outlives whoever asked for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from projections.work.jobs import PageFailed
from projections.work.workers import Processes, workers
from tests.deadlines import FAR_SECONDS
from tests.test_architecture import ROOT

from .contract import DriverContract
from .jobs import absolute, pid_after


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + FAR_SECONDS
    while any(map(lives, pids)):
        assert time.monotonic() < deadline, f"some of {pids} are still there"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
class TestProcesses(DriverContract):
    """Two processes of this machine."""

    @pytest.fixture
    def driver(self) -> Iterator[Processes]:
        driver = Processes(2)
        yield driver
        driver.end()


@pytest.mark.parametrize("wanted", [1, 2])
def test_results_keep_their_order(wanted: int) -> None:
    with workers(wanted) as run:
        assert list(run(absolute, range(-50, 0))) == list(range(50, 0, -1))


def test_processes_that_are_there_already_are_used() -> None:
    with workers(2) as run:
        with workers(2, run) as again:
            assert again is run
        assert list(run(absolute, [-1])) == [1]


def test_few_portions_are_under_way_at_a_time() -> None:
    taken: list[int] = []

    def portions() -> Iterator[int]:
        for n in range(40):
            taken.append(n)
            yield n

    with workers(2) as run:
        for done, _ in enumerate(run(absolute, portions()), 1):
            assert len(taken) <= done + 4


def test_an_error_ends_the_processes() -> None:
    pids: set[int] = set()

    def read() -> None:
        with workers(2) as run:
            pids.update(run(pid_after, [0.1] * 4))
            list(run(pid_after, ["no number"]))

    with pytest.raises(PageFailed, match="TypeError"):
        read()
    wait_until_gone(pids)


def test_a_killed_parent_leaves_no_process() -> None:
    script = f"""
import sys
from unittest.mock import patch
from {__name__} import pid_after, workers
with patch("os.cpu_count", lambda: 2), workers(2) as run:
    print(*run(pid_after, [0.1] * 8), flush=True)
    list(run(pid_after, [3600, 3600]))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout
        pids = set(map(int, parent.stdout.readline().split()))
        parent.kill()
    assert pids
    wait_until_gone(pids)
