"""An exporter that is killed at its n-th step: `python -m tests.services.exporter.killed_exporter URL DATA_DIR N`.

It does what one turn of the service does. Every file written, every fact said and every training started is a step
before and a step after it. The trainer is a file that holds a line for each call.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from events.log.log import Log
from services.exporter import training, workflow
from services.exporter.manifest import ROOT_FILE
from services.settings import Settings
from services.state.client import open_state
from services.volume import Call, Outcome
from services.volume.local import LocalVolume


class Killer:
    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = await work(*args, **kwargs)
            self.step()
            return result

        return run


class StepwiseVolume(LocalVolume):
    """Some files are a step of their own: the first, one in the middle, the last, and those that point at others."""

    STEPS = ("README.md", "data/sft/train.jsonl", "lineage.parquet", "manifest.json", "latest.json", ROOT_FILE)

    def __init__(self, root: Path, killer: Killer) -> None:
        super().__init__(root)
        self._killer = killer
        self.remove = killer.around(super().remove)  # type: ignore[method-assign, assignment]

    async def write(self, files: Any, *, report: Any = None, move: bool = False) -> None:
        for path, source in files.items():
            if path.endswith(self.STEPS):
                self._killer.step()
            await super().write({path: source}, report=report, move=move)
        self._killer.step()


class FileTrainer:
    """A trainer whose calls are lines of a file, synced before the call id is known; a call has succeeded at once."""

    name = "the file"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def spawn(self, **arguments: str | int) -> str:
        call_id = f"call-{len(self.made()) + 1}"
        with self._path.open("a") as file:
            file.write(f"{call_id} {time.time()!r}\n")
            file.flush()
            os.fsync(file.fileno())
        return call_id

    async def calls(self) -> list[Call] | None:
        return self.made()

    def made(self) -> list[Call]:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [Call(line.split()[0], float(line.split()[1])) for line in lines]

    async def outcome(self, call_id: str, timeout: float) -> tuple[Outcome, str]:
        return "succeeded", "trained"

    async def close(self) -> None:
        pass


async def main(url: str, data_dir: Path, at: int) -> None:
    training.SETTLE_SECONDS = 0.0  # nothing here is under way longer than the process that started it
    killer = Killer(at)
    trainer = FileTrainer(data_dir / "calls")
    trainer.spawn = killer.around(trainer.spawn)  # type: ignore[method-assign, assignment]
    workflow.open_volume = lambda settings: StepwiseVolume(settings.volume, killer)  # type: ignore[attr-defined]
    workflow.open_trainer = lambda _: trainer  # type: ignore[attr-defined, assignment]
    log = await Log.connect(url)
    log.publish = killer.around(log.publish)  # type: ignore[method-assign, assignment]
    settings = Settings(data_dir=data_dir)
    async with open_state(settings, log) as state, workflow.opened(settings, log, state, "exporter") as made:
        await made.follow()
        await made.export({"min_examples": 1}, None)
        await made.train_if_due(await made.follow() or [])
        await made.follow()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
