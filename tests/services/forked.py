"""Python processes that need not load rooflog: each is forked from one that has.

`python -m tests.services.forked` is that one. For every socket that it is given it forks the interpreter that the
request on it asks for, and answers with its process id and, in the end, with its exit code.
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

import services
from projections.policy.policy import default

NOT_LOADED = ("services.volume.modal", "services.heavy.modal_app", "services.modal_app", "services.__main__")
"""What only a few processes need, and what would run."""

ROOT = Path(__file__).parents[2]


class Forked:
    """As `subprocess.Popen([sys.executable, *args])` where these are `-m MODULE …` or `-c CODE …`."""

    def __init__(self, args: Sequence[str], env: Mapping[str, str], files: Sequence[IO[Any]]) -> None:
        """`files` are standard input, output and error."""
        request = json.dumps({"args": list(args), "env": dict(env), "cwd": str(Path.cwd())}).encode()
        self._socket, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(_server()[0], [b"1"], [theirs.fileno(), *(file.fileno() for file in files)])
        self._socket.sendall(struct.pack("i", len(request)) + request)
        self.pid = _number(self._socket)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative after a signal. Raises TimeoutExpired."""
        if self.returncode is None:
            self._socket.settimeout(timeout)
            try:
                self.returncode = _number(self._socket)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
            self._socket.close()
        return self.returncode

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _number(connection: socket.socket) -> int:
    return int(struct.unpack("i", connection.recv(4, socket.MSG_WAITALL))[0])


@cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The process that forks, and the socket to it; it ends when that is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        return ours, subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs.fileno(), cwd=ROOT)


def _serve() -> None:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if not module.name.startswith(NOT_LOADED):
            __import__(module.name)
    _ = default().lexicon.expression, default().lexicon.meanings
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests = socket.socket(fileno=0)
    while (fds := socket.recv_fds(requests, 1, 4)[1]) and os.fork():
        for fd in fds:
            os.close(fd)
    requests.detach()
    if fds:
        _watch(*fds)


def _watch(answers: int, *files: int) -> None:
    """Fork the interpreter and tell what becomes of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=answers) as connection:
        request = json.loads(connection.recv(_number(connection), socket.MSG_WAITALL))
        if pid := os.fork():
            connection.sendall(struct.pack("i", pid))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            try:
                connection.sendall(struct.pack("i", code))
            finally:
                os._exit(0)
    for number, fd in enumerate(files):
        os.dup2(fd, number)
        os.close(fd)
    _run(**request)


def _run(args: list[str], env: dict[str, str], cwd: str) -> None:
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    kind, what, *rest = args
    sys.argv = [kind, *rest]
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {"__name__": "__main__"})  # noqa: S102
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)
    _end(0)


def _end(code: int) -> NoReturn:
    """End as the interpreter does, but leave the memory to the system: freeing a copy of it takes half a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
