"""Everything on this machine, started, watched and ended together: the embedded server and the services."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator

from events.deadline import within
from events.errors import RooflogError
from events.log.access import Access

from .. import private_files
from ..listener import listen
from ..settings import Settings
from ..starter import STOP_SECONDS
from . import processes
from .nats_server import EmbeddedServer, ServerError

logger = logging.getLogger("rooflog.up")

SERVICES: dict[str, tuple[str, ...]] = {
    "projector": ("projector",),
    "exporter": ("exporter",),
    "web": ("web",),
}
"""Name -> the rooflog command that runs it."""

LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A service that ran for so long before it ended starts again with the shortest pause."""

CHECK_SECONDS = 0.5
LOOK_SECONDS = 0.1
CONNECT_SECONDS = 5.0


class AlreadyRuns(RooflogError):
    """Something starts and watches the services of this data directory already."""


async def run(settings: Settings, announce: Callable[[str], None]) -> int:
    """Run everything until SIGINT or SIGTERM; the exit code. A service that ends is started again, ever more slowly.

    Raises AlreadyRuns, and OSError for a port that is taken, before anything is started.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopping.set)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(settings))
        _require_ports(settings)
        url, tasks = settings.nats_url, []
        if url is None:
            server = EmbeddedServer(settings.data_dir, settings.nats_port)
            url = (await asyncio.to_thread(stack.enter_context, server)).url
            tasks.append(asyncio.create_task(_revive(server)))
            if server.lets_everybody_in:
                announce("ATTENTION: whoever reaches the log may say and read everything; run `rooflog secrets create`")
        if attention := private_files.attention(settings.data_dir):
            announce(attention)
        announce(f"log at {Access.of(url).shown}, data in {settings.data_dir}")
        if settings.web_port:
            tasks.append(asyncio.create_task(_announce_page(settings, announce)))
        tasks += [asyncio.create_task(_keep(name, args, settings, url)) for name, args in _services(settings).items()]
        await stopping.wait()
        for task in reversed(tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return 0


def _services(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Every service, and what makes backups where these are asked for."""
    if settings.backup_dir is None:
        return SERVICES
    every, keep = settings.backup_every, str(settings.backup_keep)
    return SERVICES | {"backup": ("backup", str(settings.backup_dir), "--every", every, "--keep", keep)}


def _require_ports(settings: Settings) -> None:
    """Raise OSError, before anything is started, where another process has a port that a service will take."""
    wanted = [(settings.web_host, settings.web_port, "--web-port")]
    for service in ("projector", "exporter"):
        monitored = _monitored(service, settings)
        if monitored:
            wanted.append((settings.monitor_host, int(monitored["ROOFLOG_MONITOR_PORT"]), "--monitor-port"))
    for host, port, setting in wanted:
        listen(host, port, setting).close()


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Be the only supervisor of a data directory. Raises AlreadyRuns."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with settings.up_lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            first = processes.described(int(lock.read().strip() or 0) or None)
            raise AlreadyRuns(f"rooflog up already runs on {settings.data_dir}: {first}; end that one first") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


async def _announce_page(settings: Settings, announce: Callable[[str], None]) -> None:
    """Say where the pages are once they answer."""
    while True:
        try:
            _, writer = await within(CONNECT_SECONDS, asyncio.open_connection(settings.web_host, settings.web_port))
        except OSError:  # a TimeoutError is one
            await asyncio.sleep(LOOK_SECONDS)
            continue
        writer.close()
        announce(f"web at http://{settings.web_host}:{settings.web_port}")
        return


async def _revive(server: EmbeddedServer) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            if await asyncio.to_thread(server.revive):
                logger.warning("nats-server had ended or its disk had failed; it runs again")
        except (ServerError, OSError) as error:
            logger.error("nats-server: %s", error)


async def _keep(name: str, args: tuple[str, ...], settings: Settings, url: str) -> None:
    """Keep one service running; cancelled, end it and wait for it."""
    loop = asyncio.get_running_loop()
    pause = CHECK_SECONDS
    while True:
        started = loop.time()
        environment = (
            os.environ
            | {
                "ROOFLOG_DATA_DIR": str(settings.data_dir),
                "ROOFLOG_NATS_URL": url,
                "ROOFLOG_WEB_HOST": settings.web_host,
                "ROOFLOG_WEB_PORT": str(settings.web_port),
                "ROOFLOG_LOG_FORMAT": settings.log_format,
                private_files.TOLD: str(os.getpid()),
            }
            | _monitored(name, settings)
        )
        command = (sys.executable, "-P", "-m", "services", *args)
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=environment)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        if loop.time() - started > STEADY_SECONDS:
            pause = CHECK_SECONDS
        logger.warning("%s ended with exit code %d; starting it again in %.1f s", name, code, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _monitored(name: str, settings: Settings) -> dict[str, str]:
    """Where a service answers monitors: two cannot have the same port."""
    ports = {"projector": settings.monitor_port, "exporter": settings.monitor_port and settings.monitor_port + 1}
    port = ports.get(name)
    return {} if port is None else {"ROOFLOG_MONITOR_HOST": settings.monitor_host, "ROOFLOG_MONITOR_PORT": str(port)}


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await within(STOP_SECONDS, process.wait())
    except TimeoutError:
        process.kill()
        await process.wait()
