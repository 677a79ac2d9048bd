"""The export directory: every file written in one pass over the training set, with bounded memory."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from projections import database
from projections.training_set import TrainingSet

from ..state import Progress
from . import card, manifest
from .files import JsonLines, Parquet
from .formats import COUNTED, FORMATS, LINEAGE, Format
from .manifest import File, Manifest

AHEAD = 2
"""Batches that may wait for the slowest format while the others go on: more keeps both cores busy and takes memory."""

T = TypeVar("T")


async def write(
    directory: Path, head: TrainingSet, batches: AsyncIterator[pa.RecordBatch], progress: Progress | None = None
) -> tuple[str, Manifest]:
    """Write the export of a training set into a new directory, its manifest last; its digest and manifest.

    The bytes follow from the rows, the head and the versions in the manifest alone. While one batch is written the
    next one is on its way. Raises OSError.
    """
    shutil.rmtree(directory, ignore_errors=True)
    writer = _Writer(directory, head)
    done = 0
    try:
        async for batch in batches:
            await writer.add(pa.Table.from_batches([batch]))
            done += batch.num_rows
            if progress:
                progress(done, max(done, head.funnel["unique"]))
        files = await writer.close()
    finally:
        await asyncio.to_thread(writer.end)
    counts = {f.name: {split: files[f"{path}.jsonl"].rows for split, path in f.paths.items()} for f in FORMATS}
    files |= {
        "README.md": _text(directory / "README.md", card.card(head, counts)),
        "policy.json": _text(directory / "policy.json", bytes(head.policy)),
    }
    told = manifest.made(head, counts, dict(sorted(files.items())))
    data = told.encode()
    (directory / manifest.MANIFEST).write_bytes(data)
    return manifest.digest_of(data), told


class _FormatFiles:
    """The files of one format: the rows of a batch are made, written and forgotten before those of the next one."""

    def __init__(self, directory: Path, made: Format, con: database.Connection) -> None:
        self._made = made
        self._con = con
        self._files = {
            split: (JsonLines(directory / f"{path}.jsonl"), Parquet(directory / f"{path}.parquet", made.schema))
            for split, path in made.paths.items()
        }

    def add(self, rows: pa.Table, known: dict[str, Any]) -> None:
        """Append the rows that belong to these files; `known` are values of parameters."""
        self._con.register("rows", rows)
        for split, (lines, columns) in self._files.items():
            parameters = self._made.parameters(known | {"split": split})
            made = self._con.sql(self._made.query, params=parameters).to_arrow_table()
            lines.add(made)
            columns.add(made)
        self._con.unregister("rows")

    def close(self) -> dict[str, File]:
        """Finish the files; what they are, by name."""
        told: dict[str, File] = {}
        for split, (lines, columns) in self._files.items():
            path = self._made.paths[split]
            told |= {f"{path}.jsonl": lines.close(), f"{path}.parquet": columns.close()}
        return told


class _Writer:
    """Every file of a directory that holds rows; each format is made and written on a thread of its own."""

    def __init__(self, directory: Path, head: TrainingSet) -> None:
        self._con = database.connect(None, threads=1)
        self._con.execute("SET preserve_insertion_order = true")
        self._formats = [_FormatFiles(directory, made, self._con.cursor()) for made in (*FORMATS, LINEAGE)]
        self._threads = [ThreadPoolExecutor(1) for _ in self._formats]
        self._known: dict[str, Any] = {"system": head.export.system}
        self._under_way: deque[asyncio.Future[list[None]]] = deque()

    async def add(self, rows: pa.Table) -> None:
        """Append the rows of a batch to every file that they belong to, once few enough batches are under way."""
        while len(self._under_way) >= AHEAD:
            await self._under_way.popleft()
        self._con.register("rows", rows)
        counted = self._con.sql(COUNTED).to_arrow_table().to_pylist()[0]
        known = dict.fromkeys(counted, 0) | self._known
        self._under_way.append(self._each(lambda files: files.add(rows, known)))
        self._known = known | {name: known[name] + count for name, count in counted.items()}

    async def close(self) -> dict[str, File]:
        """Finish every file; what they are, by name."""
        while self._under_way:
            await self._under_way.popleft()
        return {name: file for files in await self._each(_FormatFiles.close) for name, file in files.items()}

    def _each(self, work: Callable[[_FormatFiles], T]) -> asyncio.Future[list[T]]:
        loop = asyncio.get_running_loop()
        pairs = zip(self._threads, self._formats, strict=True)
        return asyncio.gather(*(loop.run_in_executor(thread, work, files) for thread, files in pairs))

    def end(self) -> None:
        """Let go of threads and memory; the files are what they are."""
        for thread in self._threads:
            thread.shutdown(cancel_futures=True)
        self._con.close()


def _text(path: Path, data: bytes) -> File:
    path.write_bytes(data)
    return File(manifest.digest_of(data), len(data), 0)
