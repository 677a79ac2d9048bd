"""`make siege`: what the gateway does while somebody sends it all that is wrong, as a table; 1 where it fails.

Every attack is made against a whole site: nats-server, projector and gateway as processes of their own. Meanwhile a
second client asks for `/health`, and a reviewer opens the page. Loopback only.
"""

from __future__ import annotations

import gzip
import socket
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from services.runtime.nats_server import EmbeddedServer
from services.web.access.connections import raise_open_files
from services.web.access.limits import JSON
from services.web.otlp import PROTOBUF, TRACES
from tests.services.web.conftest import Site

MEMORY_MB = 500
LOG_BYTES = 10**6
ADDRESSES = [f"127.0.0.{n}" for n in range(2, 10)]
"""Where attackers come from; the second client comes from 127.0.0.1."""

PAGE = ("/review", "/static/main.js", "/api/v1/session", "/api/v1/queue?limit=5")
"""What a reviewer's page asks for first."""

MIB = 2**20


class Outcome(Struct):
    """What an attack has come to: answers to the attacker, and what the second client saw meanwhile."""

    name: str
    tried: int
    answered: Counter[str]
    health: Counter[int]
    page: Counter[int]
    slowest: float
    memory_mb: float
    log_bytes: int

    @property
    def is_well(self) -> bool:
        """Did everybody else get their answers, within the limits of memory and log?"""
        others = set(self.health) | set(self.page)
        return others == {200} and self.memory_mb < MEMORY_MB and self.log_bytes < LOG_BYTES


Answers = Counter[str]
Attack = Callable[[Site, int, Answers], Iterator[None]]


class Socket:
    """A plain connection that says what it is told to."""

    def __init__(self, site: Site, content: bytes = b"", address: str = "127.0.0.1") -> None:
        host, port = site.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        self.socket.bind((address, 0))
        self.socket.settimeout(60)
        self.socket.connect((host, int(port)))
        self.send(content)

    def send(self, content: bytes) -> None:
        """Send what the other side still takes."""
        try:
            self.socket.sendall(content)
        except OSError:
            return

    def answer(self, *, waits: bool = False) -> str:
        """The status that came, `open` where nothing did yet, `closed` where the connection was."""
        self.socket.settimeout(60 if waits else 0.0)
        try:
            line = self.socket.recv(65_536).partition(b"\r\n")[0]
        except BlockingIOError:
            return "open"
        except OSError:
            return "closed"
        return line.split(b" ")[1].decode() if line.startswith(b"HTTP/") else "closed"

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


@contextmanager
def _held(sockets: Sequence[Socket], answers: Answers) -> Iterator[None]:
    """Keep sockets open for a while, and see what each was answered."""
    try:
        yield
        answers.update(one.answer() for one in sockets)
    finally:
        for one in sockets:
            one.close()


def _head(site: Site, path: str, length: int | None = None, *, role: str = "publisher", kind: str = JSON) -> bytes:
    lines = [f"{'GET' if length is None else 'POST'} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Authorization: Bearer {site.secrets[role]}"]
    lines += [f"Content-Type: {kind}", f"Content-Length: {length}"] if length is not None else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def idle(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Sockets that say nothing, from the address of the second client."""
    with _held([Socket(site) for _ in range(count)], answers):
        yield


@contextmanager
def half_sent(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Half a request line or half the headers, from many addresses."""
    parts = (b"GET /hea", b"GET /health HTTP/1.1\r\nHost: local", b"POST /api/v1/examples HTTP/1.1\r\nHost: x\r\n")
    sockets = [Socket(site, parts[n % 3], ADDRESSES[n % 8]) for n in range(count)]
    with _held(sockets, answers):
        yield


@contextmanager
def unfinished_bodies(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Bodies of 8 MB whose last byte never comes."""
    body = b'{"prompt": "' + b"x" * (8 * MIB - 100)
    sockets = [Socket(site, _head(site, "/api/v1/examples", len(body) + 10), ADDRESSES[n % 8]) for n in range(count)]
    senders = [threading.Thread(target=one.send, args=(body,)) for one in sockets]
    for sender in senders:
        sender.start()
    with _held(sockets, answers):
        yield
    for sender in senders:
        sender.join()


@contextmanager
def streams(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Streams of events of one token."""
    sockets = [Socket(site, _head(site, "/api/v1/events"), ADDRESSES[n % 8]) for n in range(count)]
    with _held(sockets, answers):
        yield


@contextmanager
def _posted(
    site: Site, path: str, count: int, body: bytes, answers: Answers, role: str, kind: str = JSON
) -> Iterator[None]:
    """The same body again and again, some at a time, for as long as somebody looks on."""
    turns = threading.Semaphore(count)
    is_over = threading.Event()

    def post() -> None:
        while turns.acquire(blocking=False) and not is_over.is_set():
            one = Socket(site, _head(site, path, len(body), role=role, kind=kind) + body, ADDRESSES[0])
            answers[one.answer(waits=True)] += 1
            one.close()

    callers = [threading.Thread(target=post) for _ in range(8)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        is_over.set()
        for caller in callers:
            caller.join()


@contextmanager
def dotted_toml(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """A policy whose TOML is one key of 1,000 parts for each try: 40 kB that parsers take for deep tables."""
    body = b'{"toml": "' + b".".join([b"a"] * 1_000 * count) + b' = 1"}'
    with _posted(site, "/api/v1/policies/preview", count, body, answers, "operator"):
        yield


@contextmanager
def many_lists(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """8 MB of empty lists, which would take 180 MB of memory."""
    body = b'{"prompt": "p", "response": "r", "details": {"a": [' + b"[]," * (8 * MIB // 3 - 50) + b"[]]}}"
    with _posted(site, "/api/v1/examples", count, body, answers, "publisher"):
        yield


@contextmanager
def packed_spans(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Gzip of 250 kB for each try that would unpack to 256 MB of spans."""
    packer = zlib.compressobj(wbits=31)
    body = b"".join(packer.compress(b" " * MIB) for _ in range(256)) + packer.flush()
    kind = f"{JSON}\r\nContent-Encoding: gzip"
    with _posted(site, TRACES, count, body, answers, "publisher", kind):
        yield


@contextmanager
def many_fields(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """Spans in Protobuf that are 16 MB of fields of two bytes, packed to 16 kB."""
    body = gzip.compress(b"\x08\x00" * (8 * MIB))
    with _posted(site, TRACES, count, body, answers, "publisher", f"{PROTOBUF}\r\nContent-Encoding: gzip"):
        yield


@contextmanager
def garbage(site: Site, count: int, answers: Answers) -> Iterator[None]:
    """What is no HTTP, wrong lengths, broken chunks, invalid UTF-8 and gzip, and lines that would forge a log."""
    head = _head(site, "/api/v1/examples", 50)
    chunked = head.replace(b"Content-Length: 50", b"Transfer-Encoding: chunked")
    kinds = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n",
        head.replace(b"50", b"-5"),
        head.replace(b"50", b"99999999999"),
        chunked + b"zz\r\n\r\n",
        chunked + b"5\r\nhello" + b"5\r\nhello",
        head + b"\xff\xfe" * 25,
        head.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + b"\x1f\x8b" + b"\0" * 48,
        b"GET /%0a2026-11-30%20ERROR%1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/examples/" + b"a" * 20_000 + b" HTTP/1.1\r\n",
    )
    sockets = [Socket(site, kinds[n % len(kinds)], ADDRESSES[n % 8]) for n in range(count)]
    with _held(sockets, answers):
        yield


ATTACKS: dict[str, tuple[Callable[[Site, int, Answers], object], int, int]] = {
    "idle sockets": (idle, 2_000, 300),
    "half-sent requests": (half_sent, 1_000, 60),
    "unfinished 8 MB bodies": (unfinished_bodies, 60, 10),
    "streams of one token": (streams, 1_000, 40),
    "40 kB of dotted TOML": (dotted_toml, 20, 4),
    "8 MB of empty lists": (many_lists, 40, 4),
    "256 MB of packed spans": (packed_spans, 40, 4),
    "16 MB of tiny fields": (many_fields, 40, 4),
    "garbage": (garbage, 900, 36),
}
"""Every attack, how often it is made in a siege, and in the tests."""


def besiege(site: Site, name: str, count: int, looks: int) -> Outcome:
    """Make one attack; meanwhile the second client looks so often."""
    log = site.cli.data_dir / "web.err"
    before = log.stat().st_size
    answers: Answers = Counter()
    health: Counter[int] = Counter()
    page: Counter[int] = Counter()
    slowest = 0.0
    pid = site.processes["web"].pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak of memory is counted anew
    with ExitStack() as stack:
        stack.enter_context(ATTACKS[name][0](site, count, answers))  # type: ignore[arg-type]
        for _ in range(looks):
            began = time.monotonic()
            health[_status(site, "/health")] += 1
            for path in PAGE:
                page[_status(site, path, role="reviewer")] += 1
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.1)
    grown = log.stat().st_size - before
    return Outcome(name, count, answers, health, page, slowest, _peak_memory_mb(pid), grown)


def _status(site: Site, path: str, role: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {site.secrets[role]}"} if role else {}
    with httpx.Client(timeout=60, trust_env=False) as client:  # a connection of its own, as a newcomer has
        try:
            return client.get(f"{site.url}{path}", headers=headers).status_code
        except httpx.HTTPError:
            return 0


def _peak_memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1_024


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes for people."""
    rows = [("attack", "tried", "answered", "others", "slowest look", "peak memory", "log", "")]
    for one in outcomes:
        answered = ", ".join(f"{status} {count:,}" for status, count in sorted(one.answered.items()))
        others = ", ".join(f"{status} {count:,}" for status, count in sorted((one.health + one.page).items()))
        numbers = (f"{one.slowest:.2f} s", f"{one.memory_mb:.0f} MB", f"{one.log_bytes:,} B")
        rows.append((one.name, f"{one.tried:,}", answered, others, *numbers, "well" if one.is_well else "NOT WELL"))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    """The whole siege; 1 where somebody else did not get an answer, or memory or log have grown too much."""
    raise_open_files()
    with tempfile.TemporaryDirectory(prefix="rooflog-siege-") as directory, EmbeddedServer(Path(directory)):
        site = Site(Path(directory), ROOFLOG_WEB_RATE="100")
        try:
            site.start("projector")
            site.start("web")
            site.until_answering()
            outcomes = []
            for name, (_, count, _) in ATTACKS.items():
                outcomes.append(besiege(site, name, count, looks=20))
                sys.stdout.write(f"{name}: {'well' if outcomes[-1].is_well else 'NOT WELL'}\n")
        finally:
            site.close()
    sys.stdout.write(f"\n{table(outcomes)}\n")
    return 0 if all(one.is_well for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
