"""Lines of the services' logs, as text or as JSON.

Nothing from outside can forge one, nothing that repeats fills a disk, and none holds a password.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO, get_args

import msgspec

from events import traceparent

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"

INTERVAL_SECONDS = 60.0
"""A message is written once in so long, and then how often it came."""

BURST = 20
"""Messages of one kind in an interval: callers choose what they name, so that no two need be equal."""

KINDS = 1_000
"""Messages that are remembered at most."""

LINE_CHARS = 4_000
"""Characters of a message at most."""

TRACE_CHARS = 20_000

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Ends of lines of every kind, escape sequences of terminals, and what turns the direction of a text around."""


_SECRET = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=bearer )\S+", re.IGNORECASE)
"""Who an address lets in, and tokens: libraries tell of the addresses that they were given."""


def redacted(text: str) -> str:
    """A text without passwords and tokens."""
    return _SECRET.sub("…", text)


def escaped(text: str) -> str:
    """A text in one line that a terminal shows as it is."""
    return _UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)


class OneLine(logging.Formatter):
    """A record is one line; the lines of a traceback are indented below it: none of them looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, escaped."""
        fields = logging.makeLogRecord(vars(record) | {"message": _message(record)})
        fields.asctime = self.formatTime(record, self.datefmt)
        line = escaped(self.formatMessage(fields))
        traced = _traceback(self, record).split("\n")
        return "\n".join([line, *(f"    {part}" for part in traced if part)])


class _Line(msgspec.Struct, omit_defaults=True):
    time: str
    level: str
    service: str
    logger: str
    message: str
    trace_id: str = ""
    exception: str = ""


class JsonLine(logging.Formatter):
    """A record is one JSON object in one line.

    It has `time` (UTC), `level`, `service`, `logger`, `message`, and where there are any `trace_id` and `exception`.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = _Line(
            at,
            record.levelname,
            self._service,
            record.name,
            escaped(_message(record)),
            traceparent.current()[3:35],
            _traceback(self, record),
        )
        return msgspec.json.encode(line).decode()


def _message(record: logging.LogRecord) -> str:
    return redacted(_cut(record.getMessage(), LINE_CHARS))


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The lines of a traceback, each escaped; empty where there is none."""
    text = formatter.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
    return "\n".join(map(escaped, redacted(_cut(text, TRACE_CHARS)).split("\n")))


class Damped(logging.StreamHandler[TextIO]):
    """Writes a message once in an interval, and BURST of its kind; how many more there were is written after it."""

    def __init__(self, stream: TextIO | None = None, formatter: logging.Formatter | None = None) -> None:
        super().__init__(stream or sys.stderr)
        self.setFormatter(formatter or OneLine(FORMAT))
        self._began = 0.0
        self._messages: set[int] = set()
        self._kinds: dict[tuple[str, int, str], int] = {}
        self._left_out: dict[tuple[str, int, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        if time.monotonic() - self._began > INTERVAL_SECONDS:
            self._tell()
        kind = (record.name, record.levelno, str(record.msg))
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # logging says itself what is wrong with the call
            super().emit(record)
            return
        if hash(message) in self._messages or self._kinds.get(kind, 0) >= BURST or len(self._kinds) >= KINDS:
            kind = kind if len(self._left_out) < KINDS else (record.name, record.levelno, "other messages")
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        self._messages.add(hash(message))
        super().emit(record)

    def close(self) -> None:
        """Write what was counted, and end."""
        self._tell()
        super().close()

    def _tell(self) -> None:
        """Write how many messages were left out, and begin another interval."""
        self._began, left_out = time.monotonic(), self._left_out
        self._messages, self._kinds, self._left_out = set(), {}, {}
        for (name, level, text), count in left_out.items():
            message = f"{count:,} more like this: {_cut(text, 200)}"
            super().emit(logging.LogRecord(name, level, "", 0, message, None, None))


def log_to_stderr(service: str, form: str) -> None:
    """Show on standard error what a service that runs in the foreground does; `form` is one of `FORMATS`.

    Everything goes this way: what libraries say, warnings, and what ends the process or a thread.
    """
    formatter = JsonLine(service) if form == "json" else OneLine(FORMAT)
    logging.basicConfig(level=logging.INFO, handlers=[Damped(formatter=formatter)])
    logging.captureWarnings(True)
    sys.excepthook = _ended
    threading.excepthook = lambda end: _ended(end.exc_type, end.exc_value, end.exc_traceback)


def is_json() -> bool:
    """Whether this process writes its log as JSON: then nothing else may come between the lines."""
    return any(isinstance(handler.formatter, JsonLine) for handler in logging.getLogger().handlers)


def _ended(kind: type[BaseException], error: BaseException | None, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), at)
    elif not issubclass(kind, SystemExit):
        logging.getLogger("rooflog").critical("ended by an error", exc_info=(kind, error or kind(), at))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} characters more)"
