"""A command ends with its answer, whatever of what it leaves behind does not."""

from __future__ import annotations

import subprocess
import sys

from tests.deadlines import FAR_SECONDS

STUBBORN = """
import asyncio, threading
from services.cli import command, watchdog
command.ENDING_SECONDS = 0.1

async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def body(session):
    body.task = asyncio.create_task(stubborn())
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    await asyncio.sleep(0)
    {}

command.command("stubborn", example="stubborn")(body)(["--json"])
"""


def run(what: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STUBBORN.format(what)]
    return subprocess.run(command, capture_output=True, text=True, timeout=FAR_SECONDS, check=False)


def test_an_answer_is_given_though_a_task_goes_on() -> None:
    ended = run("return command.Outcome({'status': 'ok'})")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '{\n  "status": "ok"\n}\n', "")


def test_an_error_is_told_though_a_task_goes_on() -> None:
    ended = run("raise command.RooflogError('no')")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert '"error": "no"' in ended.stdout
