"""Uploads: files that wait for their import, each in a private folder of its own, and not for long."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

from events.subjects import new_event_id

from ..private_files import create
from .access.limits import UPLOAD_BYTES
from .errors import Refusal

UPLOADS = 4
"""Files that are kept at a time."""

KEPT_SECONDS = 60 * 60.0
"""A file that nobody has imported for so long goes."""

ROOM = 4
"""Times an upload that must be free on the disk: what is read from it is spooled beside it."""

FOLDER = "uploads"


class Uploads:
    """The files below one data directory; those of a service before this one are removed."""

    def __init__(self, data_dir: Path) -> None:
        self._home = data_dir / FOLDER
        self._files: dict[str, tuple[Path, float]] = {}
        self._is_clean = False

    async def take(self, name: str, pieces: AsyncIterator[bytes], size: int | None) -> str:
        """Keep a file that comes in pieces; its number. Raises Refusal: 413 for too much, 429 and 507 for no room."""
        self._tidy()
        if len(self._files) >= UPLOADS:
            raise Refusal(
                429, f"{UPLOADS} files wait for their import; import or drop one of them", code="too_many_files"
            )
        if size is not None and size > UPLOAD_BYTES:
            raise _too_large()
        number = new_event_id()
        folder = self._home / number
        folder.mkdir(parents=True, mode=0o700)
        if shutil.disk_usage(folder).free < ROOM * (size or 0):
            shutil.rmtree(folder)
            raise Refusal(503, f"the disk of {self._home} has no room for this file", code="no_room")
        path = folder / _safe(name)
        self._files[number] = (path, time.monotonic())
        try:
            with create(path) as file:
                received = 0
                async for piece in pieces:
                    received += len(piece)
                    if received > UPLOAD_BYTES:
                        raise _too_large()
                    await asyncio.to_thread(file.write, piece)
        except BaseException:
            self.drop(number)
            raise
        return number

    def path(self, number: str) -> Path:
        """Where a file is. Raises Refusal 404 where it has gone."""
        self._tidy()
        if number not in self._files:
            raise Refusal(404, "this file is not there any more; upload it again", code="unknown_file")
        path, _ = self._files[number]
        self._files[number] = (path, time.monotonic())
        return path

    def drop(self, number: str) -> bool:
        """Forget a file; was it there?"""
        path, _ = self._files.pop(number, (None, 0.0))
        if path is not None:
            shutil.rmtree(path.parent, ignore_errors=True)
        return path is not None

    def _tidy(self) -> None:
        if not self._is_clean:
            shutil.rmtree(self._home, ignore_errors=True)
            self._is_clean = True
        for number, (_, used) in list(self._files.items()):
            if time.monotonic() - used > KEPT_SECONDS:
                self.drop(number)


def _too_large() -> Refusal:
    return Refusal(413, f"a file has at most {UPLOAD_BYTES:,} bytes here; `rooflog import` takes any size")


def _safe(name: str) -> str:
    """A name that is one part of a path and no option."""
    shown = re.sub(r"[^\w.()@ +-]", "_", name)[-120:].lstrip("-. ")
    return shown or "upload"
