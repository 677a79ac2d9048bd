"""The export directory: every file written in one pass over the training set, with bounded memory."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from projections.queries.training_set import TrainingSet
from projections.store import database

from ..state.protocol import Progress
from . import card, formats, manifest
from .files import JsonLines, Parquet
from .formats import Format
from .lineage import Lineage
from .manifest import File, Manifest
from .rows import Rows, by_split

AHEAD = 3
"""Pages that may wait for the slowest format while the others go on: more keeps both cores busy and takes memory."""

KEEP_MS = 10_000
"""How long Arrow keeps memory that it freed for its next arrays: fresh pages cost more than what is written to them."""


async def write(
    directory: Path, head: TrainingSet, batches: AsyncIterator[pa.RecordBatch], progress: Progress | None = None
) -> tuple[str, Manifest]:
    """Write the export of a training set into a new directory, its manifest last; its digest and manifest.

    The bytes follow from the rows, the head and the versions in the manifest alone. While one page is written the
    next one is on its way. Raises OSError.
    """
    shutil.rmtree(directory, ignore_errors=True)
    if "jemalloc" in pa.supported_memory_backends():
        pa.jemalloc_set_decay_ms(KEEP_MS)
        pa.set_memory_pool(pa.jemalloc_memory_pool())
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
    counts = {
        format_.name: {split: files[f"{path}.jsonl"].rows for split, path in format_.paths.items()}
        for format_ in formats.of(head.in_context)
    }
    files |= {
        "README.md": _text(directory / "README.md", card.card(head, counts)),
        "policy.json": _text(directory / "policy.json", bytes(head.policy)),
    }
    described = manifest.made(head, counts, dict(sorted(files.items())))
    data = described.encode()
    (directory / manifest.MANIFEST).write_bytes(data)
    return manifest.digest_of(data), described


class _Files:
    """The JSON lines and the Parquet file of the same rows; the trainer's root file is a copy of its lines."""

    def __init__(self, directory: Path, path: str, schema: pa.Schema) -> None:
        self._names = f"{path}.jsonl", f"{path}.parquet"
        lines, columns = (directory / name for name in self._names)
        copies = [directory / manifest.ROOT_FILE] if self._names[0] == manifest.SFT_TRAIN else []
        self._lines, self._columns = JsonLines(lines, *copies), Parquet(columns, schema)

    def add(self, rows: pa.Table) -> None:
        """Append rows with the columns of the schema and `json`."""
        self._lines.add(rows)
        self._columns.add(rows)

    def abandon(self) -> None:
        """Let go of both files, whole or not."""
        self._lines.abandon()
        self._columns.abandon()

    def close(self) -> dict[str, File]:
        """Finish both files; what they are, by name."""
        return dict(zip(self._names, (self._lines.close(), self._columns.close()), strict=True))


class _Writer:
    """Every file of a directory that holds rows; each format is made and written on a thread of its own.

    One more thread escapes the texts for all of them. A thread does its pages one after the other, so that rows keep
    their order.
    """

    def __init__(self, directory: Path, head: TrainingSet) -> None:
        self._con = database.connect(None)
        self._con.execute("SET preserve_insertion_order = true")
        self._system = head.export.system
        self._formats = formats.of(head.in_context)
        self._files = {
            path: _Files(directory, path, format_.schema)
            for format_ in self._formats
            for path in format_.paths.values()
        }
        self._lineage = Lineage(head.in_context)
        self._traced = Parquet(directory / manifest.LINEAGE, self._lineage.schema)
        names = ("texts", "lineage", *(format_.name for format_ in self._formats))
        self._threads = {name: ThreadPoolExecutor(1) for name in names}
        self._under_way: deque[list[Future[None]]] = deque()

    async def add(self, page: pa.Table) -> None:
        """Append the rows of a page to every file that they belong to, once few enough pages are under way."""
        while len(self._under_way) >= AHEAD:
            await self._done()
        texts = self._threads["texts"].submit(by_split, page, self._system, self._con)
        written = [self._threads[format_.name].submit(self._write, format_, texts) for format_ in self._formats]
        written.append(self._threads["lineage"].submit(lambda: self._traced.add(self._lineage.of(page))))
        self._under_way.append(written)

    def _write(self, format_: Format, texts: Future[dict[str, Rows]]) -> None:
        for split, rows in texts.result().items():
            self._files[format_.paths[split]].add(format_.table(rows))

    async def _done(self) -> None:
        await asyncio.gather(*map(asyncio.wrap_future, self._under_way.popleft()))

    async def close(self) -> dict[str, File]:
        """Finish every file; what they are, by name."""
        while self._under_way:
            await self._done()
        closing = [*(files.close for files in self._files.values()), lambda: {manifest.LINEAGE: self._traced.close()}]
        closed = await asyncio.gather(*map(asyncio.to_thread, closing))
        return {name: file for files in closed for name, file in files.items()}

    def end(self) -> None:
        """Let go of threads and memory, whatever state the files are in."""
        for thread in self._threads.values():
            thread.shutdown(cancel_futures=True)
        for files in self._files.values():
            files.abandon()
        self._traced.abandon()
        self._con.close()
        pa.default_memory_pool().release_unused()


def _text(path: Path, data: bytes) -> File:
    path.write_bytes(data)
    return File(manifest.digest_of(data), len(data), 0)
