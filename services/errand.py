"""Long work for the gateway as a process, so that it holds up no page: `python -m services.errand`.

What to do comes on standard input as one line of JSON. How far it is goes to standard output, a JSON document a line.
Where standard input is closed the process ends at once: it ends with its parent.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from events.errors import RooflogError
from events.log.log import Log

from .access.connect import access
from .errand_lines import Errand, Step
from .scratch import scratch
from .settings import Settings, load
from .state.protocol import Progress

if TYPE_CHECKING:  # each errand loads what it works with
    from .imports import Preview

NICENESS = 10
"""The live services go first."""

PLACES_SHOWN = 200
"""Places and examples in the result of a search of the whole log."""

REPORT_SECONDS = 0.1
"""Between two reports of progress."""

PROBLEMS_SHOWN = 200
"""Problems of an import that are listed; all of them are counted."""


Work = Callable[..., Awaitable[dict[str, Any]]]


async def preview(settings: Settings, log: Log, report: Progress, *, file: str) -> dict[str, Any]:
    """Say what would come of an import, and import nothing."""
    from .imports import Preview

    return await import_file(settings, log, report, file=file, preview=Preview())


async def import_file(
    _: Settings, log: Log, report: Progress, *, file: str, preview: Preview | None = None
) -> dict[str, Any]:
    """Import a file; with a preview say what would come of it."""
    from .imports import import_files

    os.chdir(Path(file).parent)  # people read the name that they gave to it
    imported = await import_files(log, [Path(Path(file).name)], report, preview)
    answer = imported.answer()
    return answer | {
        "problems": answer["problems"][:PROBLEMS_SHOWN],
        "problem_count": len(imported.problems),
        "kinds": msgspec.to_builtins(preview.kinds) if preview else {},
    }


async def verify(settings: Settings, log: Log, report: Progress) -> dict[str, Any]:
    """Prove that the log is what it was."""
    from .integrity import proof
    from .state.client import State

    proved = await proof.prove(settings, log, State(log, None, None, as_it_stands=True), report=report)
    return proved.answer()


async def audit(settings: Settings, log: Log, report: Progress, *, export: str) -> dict[str, Any]:
    """Make an export anew and compare it, byte for byte."""
    from .integrity import audit as audits
    from .volume import open_volume

    with scratch(settings.data_dir) as home:
        volume = open_volume(settings)
        try:
            folder = await audits.fetch(volume, export, home)
        finally:
            await volume.close()
        return (await audits.audit(settings, log, folder, report)).answer()


async def held(_: Settings, log: Log, report: Progress, *, words: str) -> dict[str, Any]:
    """Find every place of the log with some words; the words are no part of the result."""
    from .integrity import holdings

    places = await holdings.held(log, words, report)
    examples = list(dict.fromkeys(example_id for place in places for example_id in place.ids))
    return {
        "places": msgspec.to_builtins(places[:PLACES_SHOWN]),
        "place_count": len(places),
        "examples": examples[:PLACES_SHOWN],
        "example_count": len(examples),
    }


async def rename(_: Settings, log: Log, report: Progress, *, old: str, new: str, actor: str) -> dict[str, Any]:
    """Rename a tag everywhere."""
    from .curation import descriptions
    from .state.client import State

    renamed = await descriptions.rename(log, State(log, None, None), old, new, actor=actor, progress=report)
    answer: dict[str, Any] = msgspec.to_builtins(renamed)
    return answer


async def retry(_: Settings, log: Log, report: Progress) -> dict[str, Any]:
    """Fold what an older version could not, each fact in its place: the projector rebuilds the tables."""
    from .curation import quarantine
    from .projector.rebuild import REBUILD, asked, watched
    from .state.client import State

    state = State(log, None, None)
    before = await quarantine.listed(log, state)
    if ready := quarantine.ready(before):
        await state.run(REBUILD)
        await watched(lambda: asked(state), lambda now: report(now.done, now.total))
    after = await quarantine.listed(log, state)
    return {"folded": sorted(ready - {item["seq"] for item in after["items"]}), "left": after["total"]}


ERRANDS: dict[str, Work] = {
    "preview": preview,
    "import": import_file,
    "verify": verify,
    "audit": audit,
    "held": held,
    "rename": rename,
    "retry": retry,
}
"""Every work by its name."""


def say(step: Step) -> None:
    """Write one line on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(step) + b"\n")
    sys.stdout.buffer.flush()


def _reporting() -> Progress:
    """Says how far the work is, not too often."""
    reported = float("-inf")

    def report(done: int, total: int) -> None:
        nonlocal reported
        if (now := time.monotonic()) - reported >= REPORT_SECONDS:
            reported = now
            say(Step(done, total))

    return report


async def run(errand: Errand, settings: Settings) -> dict[str, Any]:
    """Do the work; its result. Raises RooflogError."""
    log = await Log.connect(access(settings, settings.nats_url or "", "gateway"), name="rooflog-errand", create=False)
    try:
        return await ERRANDS[errand.name](settings, log, _reporting(), **errand.args)
    finally:
        await log.close()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


def main() -> int:
    """Do what standard input says; the exit code."""
    os.nice(NICENESS)
    errand = msgspec.json.decode(sys.stdin.buffer.readline(), type=Errand)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        say(Step(result=asyncio.run(run(errand, load()))))
    except (RooflogError, OSError) as error:
        say(Step(error=str(error) or type(error).__name__))
    sys.stdout.flush()
    os._exit(0)  # the thread above still reads


if __name__ == "__main__":
    main()
