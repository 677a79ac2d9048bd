"""What every command shares: settings, a session with the log and the state, output, errors and exit codes."""

from __future__ import annotations

import asyncio
import errno
import functools
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec
from click.core import ParameterSource
from msgspec import Struct

from events.errors import InputError, RooflogError, StaleRevision, Unreachable

from .. import log_lines, private_files
from ..heavy import ENGINES
from ..settings import Settings, described, load
from .watchdog import ENDING_SECONDS, REACHING_SECONDS, limited

if TYPE_CHECKING:  # each command loads what it works with when it does
    from events.log.log import Log
    from projections.policy.policy import Policy

    from ..access.roles import Name
    from ..state.client import State
    from ..state.protocol import Progress as Report

logger = logging.getLogger("rooflog")

NOTE_SECONDS = 3.0
"""After so long people are told what a command waits for."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as of shells."""

PIPED_WIDTH = 140
"""Columns where no terminal says how wide it is."""


class Outcome(Struct):
    """What a command answers: the document for machines, lines of rich markup for people, and the exit code."""

    value: Any
    text: str = ""
    code: int = 0
    renderables: tuple[Any, ...] = ()


class Session:
    """The settings of one command, and the log and state it works with."""

    def __init__(self, settings: Settings, as_json: bool) -> None:
        self.settings = settings
        self.as_json = as_json
        self.url = settings.nats_url or ""
        """Where the log is, once its server was looked for."""

    @asynccontextmanager
    async def server(self) -> AsyncIterator[str]:
        """The addresses of the servers in the settings, else of the embedded one, started if it does not run."""
        from ..runtime.nats_server import EmbeddedServer

        settings = self.settings
        self.tell_of_open_files()
        with ExitStack() as stack:
            if settings.nats_url is None:
                self.tell_of_a_new_log()
                server = EmbeddedServer(settings.data_dir, settings.nats_port)
                self.url = (await asyncio.to_thread(stack.enter_context, server)).url
            yield self.url

    @asynccontextmanager
    async def log(self, role: Name = "operator", *, create: bool = True) -> AsyncIterator[Log]:
        """The log. Raises Unreachable where it is not there after a while, of which people are told."""
        from events.log.log import CONNECT_SECONDS, Log

        from ..access.connect import access

        async with self.server() as url:
            log = Log(access(self.settings, url, role))
            waiting = asyncio.get_running_loop().call_later(
                NOTE_SECONDS, self.note, f"waiting for the log at {log.access.shown}, {CONNECT_SECONDS:.0f} s at most"
            )
            silent = Unreachable(f"the log at {log.access.shown} does not answer")
            try:
                with limited(REACHING_SECONDS, lambda: _emit(_failure(silent), self.as_json), silent.exit_code):
                    await log.begin("rooflog-cli", replicas=self.settings.replicas, create=create)
            finally:
                waiting.cancel()
            try:
                yield log
            finally:
                await log.close()

    def note(self, text: str) -> None:
        """Tell people something beside the answer: a line on standard error, and nothing with --json."""
        if log_lines.is_json():
            logger.warning("%s", text)
        elif not self.as_json:
            sys.stderr.write(f"{printable(text)}\n")

    def tell_of_open_files(self) -> None:
        """Say so where others may read or change what lies in the data directory, such as secrets."""
        if attention := private_files.attention(self.settings.data_dir):
            self.note(attention)

    def tell_of_a_new_log(self) -> None:
        """Say so where the data directory holds no log yet: in another directory somebody may look for the old one."""
        from ..runtime.nats_server import EmbeddedServer

        settings = self.settings
        if settings.nats_url is None and not EmbeddedServer(settings.data_dir).has_log:
            self.note(
                f"a new log begins in {settings.data_dir} "
                "(set ROOFLOG_DATA_DIR, or give --data-dir, to work on another)"
            )

    @asynccontextmanager
    async def state(self, *, as_it_stands: bool = False, finishing: bool = True) -> AsyncIterator[tuple[Log, State]]:
        """The log and the state that follows from it; `as_it_stands` even if it follows from another log.

        At the end what came after its erasure is erased, unless told not to.
        """
        from ..integrity.erasure import finish
        from ..state.client import open_state

        with self.progress("reading the log") as report:
            async with self.log() as log, open_state(self.settings, log, report, as_it_stands=as_it_stands) as state:
                yield log, state
                if finishing and not as_it_stands:
                    await finish(log, state)

    @asynccontextmanager
    async def looking(self, as_of: str | None, policy: Path | None) -> AsyncIterator[tuple[Log, State]]:
        """The log and its state, or that of an earlier moment, or what another policy would have said then.

        Raises InputError where there was no such moment.
        """
        if as_of is None and policy is None:
            async with self.state() as now:
                yield now
            return
        from ..history import as_of as past
        from ..history.moment import meant

        supposed = None if policy is None else policy_file(policy)
        async with self.state(finishing=False) as (log, live):
            try:
                seq = await meant(log, as_of)
            except InputError as error:
                raise InputError(f"--as-of: {error}") from error
            with self.progress("going back") as report:
                async with past.as_of(self.settings, log, seq, report, policy=supposed, live=live) as then:
                    yield log, then

    @contextmanager
    def progress(self, what: str) -> Iterator[Report]:
        """A function that shows how far something is: a bar on a terminal once it takes longer than a second."""
        if not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from .progress import bar

        with bar(what) as report:
            yield report


Body = Callable[..., Coroutine[Any, Any, Outcome]]


class _Described(click.Command):
    """A command whose help ends with what a registry knows, which is loaded when somebody reads the help."""

    details: Callable[[], Iterable[str]] = staticmethod(tuple)

    @property
    def help(self) -> str | None:
        """The body's docstring, then the details."""
        return "\n\n".join([self._help, *self.details()])

    @help.setter  # noqa: A003
    def help(self, text: str | None) -> None:
        self._help = inspect.cleandoc(text or "")


def command(
    name: str, *, example: str, details: Callable[[], Iterable[str]] | None = None
) -> Callable[[Body], click.Command]:
    """Make a coroutine `body(session, **options)` a command with the shared options and the example in its help.

    `details` gives more paragraphs of the help.
    """

    def decorate(body: Body) -> click.Command:
        taken = inspect.signature(body).parameters.keys()  # what the body asks for itself

        @functools.wraps(body)
        def run(
            data_dir: str | None, nats_url: str | None, nats_port: str | None, as_json: bool, **options: Any
        ) -> NoReturn:
            try:
                flags = {name: options.pop(name) for name in options.keys() & described().keys() - taken}
                settings = load({"data_dir": data_dir, "nats_url": nats_url, "nats_port": nats_port} | flags)
                with ExitStack() as ending:
                    working = body(Session(settings, as_json), **options)
                    outcome = asyncio.run(_answered(working, ending, as_json, data_dir))
            except (RooflogError, OSError) as error:
                outcome = _failure(_told(error, data_dir))
            except KeyboardInterrupt:
                sys.exit(INTERRUPTED)
            _emit(outcome, as_json)
            sys.exit(outcome.code)

        made: click.Command = click.command(name, cls=_Described, epilog=f"Example: {example}")(run)
        if details:
            made.details = details  # type: ignore[attr-defined]
        for option in _SHARED:
            made = option(made)
        return made

    return decorate


def setting_option(name: str, metavar: str, **attributes: Any) -> Callable[[Any], Any]:
    """The flag of a setting, with the setting's own description as help."""
    setting = described()[name]
    default = f"; default: {setting.default}" if setting.default else ""
    help_text = f"{setting.description}  [{setting.variable}{default}]"
    return click.option(setting.flag, metavar=metavar, help=help_text, **attributes)


_SHARED: tuple[Callable[[Any], Any], ...] = (
    click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, nothing else."),
    setting_option("data_dir", "DIR"),
    setting_option("nats_url", "URL"),
    setting_option("nats_port", "PORT"),
)


class Registered(click.Choice[str]):
    """A choice of what a registry holds; it is loaded when somebody asks what there is."""

    def __init__(self, load: Callable[[], Iterable[str]]) -> None:
        self._load = load
        self.case_sensitive = True

    @cached_property
    def choices(self) -> Sequence[str]:  # type: ignore[override]
        """The names in the registry."""
        return tuple(self._load())


as_of_option = click.option(
    "--as-of", metavar="SEQ|TIME", help="As it stood after this sequence, or at this time (UTC, by the server's clock)."
)
policy_option = click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="As this policy would have it; with or without --as-of.",
)

after_option = click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Go on: the `after` of the page, with --json."
)

on_option = click.option(
    "--on",
    type=click.Choice([*ENGINES]),
    help="Where heavy work on texts is done; what it reads of them goes there.  [default: the setting engine]",
)

actor_option = setting_option("actor", "NAME")
web_host_option = setting_option("web_host", "HOST")
web_port_option = setting_option("web_port", "PORT")
monitor_host_option = setting_option("monitor_host", "HOST")
monitor_port_option = setting_option("monitor_port", "PORT")
log_format_option = setting_option("log_format", "FORMAT")


def policy_file(path: Path) -> Policy:
    """The policy in a TOML file. Raises InputError that names the file."""
    from projections.policy.policy import PolicyError, from_bytes

    from ..imports.sources import Source, text_of

    try:
        return from_bytes(text_of(Source(path, str(path))).encode())
    except PolicyError as error:
        raise InputError(f"{path}: {error}") from error


def text_argument(value: str, what: str) -> str:
    """The text of an option; `-` reads standard input, `@FILE` a file. Raises InputError."""
    if value != "-" and not value.startswith("@"):
        return value
    from ..imports.report import Report
    from ..imports.sources import listed, text_of

    path = Path(value.removeprefix("@"))
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; give a file")
        with listed([path], Report()) as sources:
            return "".join(map(text_of, sources))
    except InputError as error:
        raise InputError(f"--{what} {value}: the file cannot be read: {error}") from error


def given(ctx: click.Context, name: str) -> bool:
    """Did the user say this option themselves?"""
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def plain(text: object) -> str:
    """Text from the log, safe to put into rich markup and on a terminal."""
    from rich.markup import escape

    return escape(printable(text))


def printable(text: object) -> str:
    """Text from anywhere, safe to put on a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in str(text))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """So many things: `1 fact`, `1,200 facts`, `0 copies`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def sequences(seqs: Sequence[int]) -> str:
    """These sequences: `sequence 3`, `sequences 3, 4`."""
    return f"{'sequence' if len(seqs) == 1 else 'sequences'} {', '.join(map(str, seqs)) or 'none'}"


async def _answered(
    working: Coroutine[Any, Any, Outcome], ending: ExitStack, as_json: bool, data_dir: str | None
) -> Outcome:
    """What a command answers; then the process has to end, whatever hangs of what it has left behind."""
    try:
        outcome = await working
    except asyncio.CancelledError:
        ending.enter_context(limited(ENDING_SECONDS, str, INTERRUPTED))
        raise
    except (RooflogError, OSError) as error:
        outcome = _failure(_told(error, data_dir))
    ending.enter_context(limited(ENDING_SECONDS, lambda: _emit(outcome, as_json), outcome.code))
    return outcome


def _told(error: Exception, data_dir: str | None) -> Exception:
    """An error of the system in words of ours, where a disk is full: a failed write does not name its file."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    place = error.filename or load({"data_dir": data_dir}).data_dir
    return RooflogError(
        f"no space left on {place}; make room there and start again: `rooflog doctor` names every disk that is full"
    )


def _failure(error: Exception) -> Outcome:
    is_input = isinstance(error, FileNotFoundError)  # a file that the user names; else the disk
    code = InputError.exit_code if is_input else getattr(error, "exit_code", RooflogError.exit_code)
    message = str(error) or type(error).__name__
    document: dict[str, Any] = {"status": "error", "error": message, "kind": type(error).__name__}
    if isinstance(error, StaleRevision):
        document |= {"example_id": error.example_id, "seen": error.seen, "since": error.since}
    return Outcome(document, code=code, text=f"[red]error:[/red] {plain(message)}")


def _emit(outcome: Outcome, as_json: bool) -> None:
    failed = isinstance(outcome.value, dict) and outcome.value.get("status") == "error"
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(outcome.value), indent=2).decode() + "\n")
        return
    if failed and log_lines.is_json():
        logger.error("%s", outcome.value["error"])
        return
    from rich.console import Console

    console = Console(stderr=failed, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=failed, highlight=False, width=PIPED_WIDTH)
    if outcome.text:
        console.print(outcome.text, soft_wrap=True)
    for renderable in outcome.renderables:
        console.print(renderable)
