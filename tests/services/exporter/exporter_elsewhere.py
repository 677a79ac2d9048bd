"""An exporter on another machine: `python -m tests.services.exporter.exporter_elsewhere URL DATA_DIR BATCH PAGE LAST`.

It folds the facts up to a sequence in batches of its own size, exports in pages of its own size, and prints the digest.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from events.log.log import Log, Message
from projections.queries import training_set
from services.exporter.workflow import opened
from services.settings import Settings
from services.state.client import State
from services.state.owner import Owner


class Frozen:
    """A log that ends at a sequence, whatever is said after it."""

    def __init__(self, log: Log, last: int) -> None:
        self._log, self._last = log, last

    async def last_sequence(self) -> int:
        return self._last

    def read(self, first: int, last: int, batch: int) -> AsyncIterator[list[Message]]:
        return self._log.read(first, min(last, self._last), batch)


async def main(url: str, data_dir: Path, batch: int, page: int, last: int) -> None:
    training_set.PAGE = page
    log = await Log.connect(url)
    settings = Settings(data_dir=data_dir)
    owner = Owner(settings.database)
    async for messages in log.read(0, last, batch=batch):
        owner.projector.apply(messages)
    state = State(log, owner, None)
    state._log = Frozen(log, last)  # type: ignore[assignment]
    async with opened(settings, log, state, "elsewhere") as steps:
        print((await steps.export({"min_examples": 1}, None))["export_digest"])
    owner.close()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])))
