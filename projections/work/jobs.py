"""Jobs: pure functions of pages, which a worker anywhere does alike, and the port through which they are done.

A page goes out as an order and comes back as a reply. A driver takes orders to its workers: the processes of this
machine (`workers`), or other machines. What is done when a page fails is decided here, for all drivers.
"""

from __future__ import annotations

import gc
import hashlib
import pickle
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from platform import python_version_tuple
from threading import Event
from typing import Any, NamedTuple, TypeVar

from events.errors import RooflogError

ATTEMPTS = 3
"""How often a page is given out before it is taken to be what ends its workers; the last time it is alone."""

LOOK_SECONDS = 0.2
"""How soon whoever waits for a page sees that the job is stopped."""

LONGEST = 300
"""Characters of an error that are handed on."""

DECIDING = ("events", "projections", "services/exporter")
"""The folders whose files decide what comes of a page."""

LIBRARIES = ("duckdb", "google-re2", "msgspec", "numpy", "pyarrow")
"""The libraries whose versions do."""

T = TypeVar("T")
Begun = TypeVar("Begun")
Done = TypeVar("Done")
Work = TypeVar("Work", bound=Callable[..., Any])
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""`map` of one iterable. Its function is a job, or a `partial` of one, whatever the driver behind it."""


class PageFailed(RooflogError):
    """A page cannot be worked on; everything else of the job may be asked for again."""


class OtherCode(RooflogError):
    """A worker has code that may give other bytes; it has worked on nothing."""


class Stopped(RooflogError):
    """Whoever asked for the job wants it no more."""


class Order(NamedTuple):
    """A page for a worker, named by the job, the code that decides what comes of it, and the digest of its content."""

    job: str
    code: str
    page: str
    content: bytes


class Result(NamedTuple):
    """What came of a page; the same bytes from every worker."""

    content: bytes


class Error(NamedTuple):
    """A page on which the job fails, wherever it is done: the kind of the error and its place, no words of a text."""

    text: str


class Refusal(NamedTuple):
    """The worker has other code."""

    code: str


class Lost(NamedTuple):
    """Nothing came back: the worker has ended, or cannot be reached."""

    why: str


Reply = Result | Error | Refusal
Driver = Callable[[Iterator[Order]], Generator[Reply | Lost]]
"""Gives orders to workers, few at a time, and says what came of each, in their order. It asks for the next order in the
thread of whoever asks for the next reply."""

_names: dict[Callable[..., Any], str] = {}


def job(name: str) -> Callable[[Work], Work]:
    """Name a pure function of a module as a job: its last argument is a page, and those before hold for all pages."""

    def named(work: Work) -> Work:
        _names[work] = name
        return work

    return named


def name_of(work: Callable[[Any], Any]) -> str:
    """The name of a job. Raises KeyError for any other function."""
    return _names[work.func if isinstance(work, partial) else work]


@cache
def code() -> str:
    """The digest of what decides the result of every job: the files of this rooflog, its libraries, and Python."""
    from importlib.metadata import version  # takes a command longer than all else here

    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for folder in DECIDING:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    digest.update(" ".join([*versions, *python_version_tuple()[:2]]).encode())
    return digest.hexdigest()


def order(work: Callable[[Any], Any], page: Any) -> Order:
    """The order for a page of a job."""
    content = pickle.dumps((work, page), protocol=pickle.HIGHEST_PROTOCOL)
    return Order(name_of(work), code(), hashlib.sha256(content).hexdigest(), content)


def perform(given: Order) -> Reply:
    """Work on a page, in whatever process. Raises MemoryError; any other error of the job is part of the reply."""
    if given.code != code():
        return Refusal(code())
    collects = gc.isenabled()
    gc.disable()  # what is made has no cycles, and to look for some takes a sixth of the time
    try:
        work, page = pickle.loads(given.content)  # noqa: S301 it comes from the process that asks for the work
        return Result(pickle.dumps(work(page), protocol=pickle.HIGHEST_PROTOCOL))
    except MemoryError:
        raise
    except Exception as error:
        return Error(f"{type(error).__name__} in {_place(error)}")
    finally:
        if collects:
            gc.enable()


def on(driver: Driver) -> Run:
    """A `map` that a driver does.

    A page that is lost with its worker is given out again, alone. Raises PageFailed, which names the page, where that
    does not help or the job fails on it, and OtherCode.
    """

    def run(work: Callable[[Any], Any], pages: Iterable[Any]) -> Iterator[Any]:
        waiting: deque[Order] = deque()

        def orders() -> Iterator[Order]:
            for page in pages:
                waiting.append(order(work, page))
                yield waiting[-1]

        with closing(driver(orders())) as replies:
            for number, reply in enumerate(replies, 1):
                yield pickle.loads(_content(driver, waiting.popleft(), number, reply))  # noqa: S301 see `perform`

    return run


def _content(driver: Driver, given: Order, number: int, reply: Reply | Lost) -> bytes:
    for _ in range(ATTEMPTS - 1):
        if isinstance(reply, Lost):
            [reply] = driver(iter([given]))
    where = f"page {number} of the job {given.job!r} ({given.page[:12]})"
    match reply:
        case Result(content):
            return content
        case Refusal(other):
            raise OtherCode(other_code(f"{where} was refused", other))
        case Error(text):
            raise PageFailed(f"{where} failed: {text}")
        case Lost(why):
            raise PageFailed(f"{where} was lost {ATTEMPTS} times: {_short(why)}")


def other_code(what: str, theirs: str) -> str:
    """What is to be told of a worker that has other code."""
    from importlib.metadata import version

    return (
        f"{what}: the code of a worker is {theirs[:12]}, and {code()[:12]} here; "
        f"give all workers rooflog {version('rooflog-server')}, with the libraries and the Python of this machine"
    )


def in_order(
    begin: Callable[[T], Begun], end: Callable[[Begun], Done], under_way: int, items: Iterator[T]
) -> Generator[Done]:
    """What comes of items, in their order, so many of them under way at a time."""
    waiting: deque[Begun] = deque()
    for item in items:
        waiting.append(begin(item))
        if len(waiting) >= under_way:
            yield end(waiting.popleft())
    while waiting:
        yield end(waiting.popleft())


def outcome(future: Future[T], stopped: Event, seconds: float) -> T:
    """What comes of a page on another machine. Raises Stopped, TimeoutError, and what the future does."""
    deadline = time.monotonic() + seconds
    while not wait([future], LOOK_SECONDS).done:
        if stopped.is_set():
            raise Stopped("the job was stopped")
        if time.monotonic() > deadline:
            raise TimeoutError
    return future.result()


@job("check")
def check(_: None) -> None:
    """Do nothing: a worker that does it can be reached, and has the code of whoever asks."""


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
