"""Where a side measures, and with what: its size, its scratch directory, and the prepared data of its version."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer

from .office import PREPARED, Office

PORTION = 20_000
"""Facts that are made and published at a time."""

SOURCES = ("events", "projections", "tests/bench/office.py", "tests/bench/texts.py", "tests/bench/words.py")
"""What prepared data depend on; where one of them changes they are made anew."""


T = TypeVar("T")


def encoded(about: msgspec.Struct) -> bytes:
    """A struct with paths as JSON."""
    return msgspec.json.encode(about, enc_hook=str)


def decoded(data: bytes | str, kind: type[T]) -> T:
    """A struct with paths from JSON."""
    return msgspec.json.decode(data, type=kind, dec_hook=lambda path, value: path(value))


class Prepared(msgspec.Struct, frozen=True):
    """A data directory with a log and a database that is up to date with it."""

    directory: Path
    captures: int
    facts: int
    digest: str
    """Of the sources that have made it."""

    def copy(self, target: Path, *, log: bool = True) -> Path:
        """Copy the data directory, with or without the log; where the database then is."""
        shutil.copytree(self.directory, target, ignore=None if log else shutil.ignore_patterns("nats"))
        return target / "rooflog.duckdb"


class Place(msgspec.Struct, frozen=True):
    """What a side is given: `count` examples, seconds of a load, the tree it runs in, and its directories."""

    count: int
    seconds: float
    tree: Path
    scratch: Path
    cache: Path

    def prepared(self) -> Prepared:
        """The prepared data of this version and size; they are made where there are none."""
        home, digest = self.cache / f"{self.tree.name}-{self.count}", _digest(self.tree)
        about = home / "prepared.json"
        if not about.exists() or decoded(about.read_bytes(), Prepared).digest != digest:
            shutil.rmtree(home, ignore_errors=True)
            making = self.scratch / "prepared"
            making.mkdir()
            command = [sys.executable, "-m", "tests.bench.place", str(making), str(self.count)]
            made = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # its memory is not the side's
            captures, facts = map(int, made.stdout.split())
            self.cache.mkdir(parents=True, exist_ok=True)
            shutil.move(making, home)
            about.write_bytes(encoded(Prepared(home, captures, facts, digest)))
        return decoded(about.read_bytes(), Prepared)

    def load(self, most: int) -> int:
        """How many texts or facts a measurement of its own takes: fewer where the whole run is smaller."""
        return min(most, self.count)


async def connect(server: EmbeddedServer) -> Log:
    """A connection to the log of a server, of any version."""
    access = server.access() if hasattr(server, "access") else server.url  # 0.1.0 lets everybody in
    return await Log.connect(access, timeout=60)


async def _prepare(directory: Path, count: int) -> tuple[int, int]:
    """Fill a data directory with so many examples; how many are captures, and how many facts there are."""
    try:
        from services.state.owner import Owner
    except ImportError:  # 0.1.0 has it elsewhere
        from services.state.client import Owner  # type: ignore[attr-defined]
    office, examples, facts = Office(PREPARED), 0, 0
    said = office.mixed()
    with EmbeddedServer(directory) as server:
        log = await connect(server)
        while examples < count:
            portion = list(islice(said, min(PORTION, count - examples)))
            examples += sum(hasattr(fact, "prompt") or hasattr(fact, "original_prompt") for fact in portion)
            facts += len(portion)
            await log.publish(portion)
        owner = Owner(directory / "rooflog.duckdb")
        await owner.catch_up(log)
        owner.close()
        await log.close()
    return office.captured, facts


def _digest(tree: Path) -> str:
    digest = hashlib.sha256()
    for source in SOURCES:
        place = tree / source
        files = sorted(place.rglob("*.py")) + sorted(place.rglob("*.toml")) if place.is_dir() else [place]
        for file in files:
            digest.update(file.relative_to(tree).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    print(*asyncio.run(_prepare(Path(sys.argv[1]), int(sys.argv[2]))))
