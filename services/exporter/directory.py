"""The export directory: every file written in one pass over the training set, with bounded memory."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from projections import database
from projections.training_set import TrainingSet

from ..state import Progress
from . import card, manifest
from .files import JsonLines, Parquet, Sink
from .formats import ESCAPED, FORMATS, LINEAGE, NUMBERED, SPLITS, Format
from .manifest import File, Manifest


async def write(
    directory: Path, head: TrainingSet, batches: AsyncIterator[pa.RecordBatch], progress: Progress | None = None
) -> tuple[str, Manifest]:
    """Write the export of a training set into a new directory, its manifest last; its digest and manifest.

    The bytes follow from the rows, the head and the versions in the manifest alone. While one batch is written the
    next one is on its way. Raises OSError.
    """
    shutil.rmtree(directory, ignore_errors=True)
    writer = _Writer(directory, head)
    done, under_way = 0, None
    try:
        async for batch in batches:
            if under_way is not None:
                await under_way
            under_way = asyncio.create_task(asyncio.to_thread(writer.add, batch))
            done += batch.num_rows
            if progress:
                progress(done, max(done, head.funnel["unique"]))
        if under_way is not None:
            await under_way
        files, counts = await asyncio.to_thread(writer.close)
    except BaseException:
        if under_way is not None:
            await asyncio.gather(under_way, return_exceptions=True)
        await asyncio.to_thread(writer.end)
        raise
    files |= {
        "README.md": _text(directory / "README.md", card.card(head, counts)),
        "policy.json": _text(directory / "policy.json", bytes(head.policy)),
    }
    told = manifest.made(head, counts, dict(sorted(files.items())))
    data = told.encode()
    (directory / manifest.MANIFEST).write_bytes(data)
    return manifest.digest_of(data), told


class _Writer:
    """Every file of a directory that holds rows; JSON lines and Parquet are written on a thread of their own each."""

    def __init__(self, directory: Path, head: TrainingSet) -> None:
        self._con = database.connect(None, threads=1)
        self._con.execute("SET preserve_insertion_order = true")
        self._system = head.export.system
        self._counts = {f.name: dict.fromkeys(SPLITS, 0) for f in FORMATS}
        self._files: dict[str, Sink] = {}
        for name, made in [(f"data/{f.name}/{s}", f) for f in FORMATS for s in SPLITS] + [("lineage", LINEAGE)]:
            self._files[f"{name}.jsonl"] = JsonLines(directory / f"{name}.jsonl")
            self._files[f"{name}.parquet"] = Parquet(directory / f"{name}.parquet", made.schema)
        self._threads = {kind: ThreadPoolExecutor(1) for kind in (".jsonl", ".parquet")}
        self._under_way: list[Future[None]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Append the rows of a batch to every file that they belong to."""
        self._con.register("arrived", pa.Table.from_batches([batch]))
        self._con.register("rows", self._con.sql(ESCAPED).to_arrow_table())
        made = {"lineage": self._rows(LINEAGE, {f"{n}_{s}": self._counts[n][s] for n in NUMBERED for s in SPLITS})}
        for each in FORMATS:
            for split in SPLITS:
                rows = self._rows(each, {"system": self._system, "split": split})
                self._counts[each.name][split] += rows.num_rows
                made[f"data/{each.name}/{split}"] = rows
        self._wait()
        for name, rows in made.items():
            for kind, thread in self._threads.items():
                self._under_way.append(thread.submit(self._files[name + kind].add, rows))

    def _rows(self, made: Format, parameters: dict[str, Any]) -> pa.Table:
        return self._con.sql(made.query, params=parameters).to_arrow_table()

    def _wait(self) -> None:
        """Wait until the batch before is written, so that never more than two are in memory."""
        under_way, self._under_way = self._under_way, []
        for written in under_way:
            written.result()

    def close(self) -> tuple[dict[str, File], dict[str, dict[str, int]]]:
        """Finish every file; their digests, and the rows by format and split."""
        self._wait()
        self.end()
        return {name: file.close() for name, file in self._files.items()}, self._counts

    def end(self) -> None:
        """Let go of threads and memory; the files are what they are."""
        for thread in self._threads.values():
            thread.shutdown(cancel_futures=True)
        self._con.close()


def _text(path: Path, data: bytes) -> File:
    path.write_bytes(data)
    return File(manifest.digest_of(data), len(data), 0)
