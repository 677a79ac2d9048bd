"""A sound installation to break, and what the doctor says about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest

from events.log.access import Access
from services.access.connect import access_of
from services.doctor.checks import examine
from services.private_files import UMASK
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings, load

from ..conftest import ANSWER, Cli, address

BROKEN: set[str] = set()
"""The checks whose trouble a test makes."""

NOBODY = 65_534

Test = TypeVar("Test", bound=Callable[..., Any])


def breaks(check: str) -> Callable[[Test], Test]:
    """Mark a test that breaks what a check looks at."""

    def mark(test: Test) -> Test:
        BROKEN.add(check)
        return test

    return mark


def troubles(cli: Cli, *args: str | Path) -> list[tuple[str, str]]:
    """The check and the words of every trouble that the command tells."""
    answer = cli.json("doctor", *args, code=None)
    assert answer["status"] == ("trouble" if answer["troubles"] else "sound")
    assert all(trouble["cure"] for trouble in answer["troubles"])
    return [(trouble["check"], trouble["what"]) for trouble in answer["troubles"]]


async def examined(settings: Settings, now: datetime | None = None, *outboxes: Path) -> list[tuple[str, str]]:
    """The same of this process, at any moment."""
    report = await examine(settings, now=now or datetime.now(UTC), outboxes=outboxes)
    return [(name, trouble.what) for name, trouble in report.troubles]


def settings(cli: Cli, **flags: Any) -> Settings:
    return load({"data_dir": cli.data_dir, "nats_port": "0", "web_port": "0"} | flags, {})


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """A user without rights on what is closed; root gives its own up, and the folder with all in it, for a while."""
    if os.geteuid():
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(autouse=True, scope="session")
def _umask() -> Iterator[None]:
    """What the tests make in a data directory is as private as what rooflog makes there."""
    before = os.umask(UMASK)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cli = Cli(tmp_path_factory.mktemp("model") / "data")
    cli.run("capture", "--prompt", "How high must base flashing be?", "--response", ANSWER)
    cli.run("stats")
    return cli.data_dir


@pytest.fixture
def sound(model: Path, tmp_path: Path) -> Cli:
    """A sound installation of one fact, in which nothing runs."""
    cli = Cli(tmp_path / "data")
    shutil.copytree(model, cli.data_dir)
    return cli


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user of the machine may enter, as /srv is."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def running(sound: Cli) -> Iterator[EmbeddedServer]:
    """Its server, which runs."""
    with EmbeddedServer(sound.data_dir) as server:
        yield server


def outside(cli: Cli, server: EmbeddedServer) -> Cli:
    """Use a server as one that somebody else runs."""
    cli.environment["ROOFLOG_NATS_URL"] = address(server)
    return cli


def admin(cli: Cli, server: EmbeddedServer) -> Access:
    return access_of(cli.data_dir, server.url, "admin")
