"""Lines of the log: nothing from outside makes a line of its own, and a message that repeats is counted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services import log_lines
from services.log_lines import BURST, LINE_CHARS, Damped, JsonLine, redacted
from services.runtime.nats_server import EmbeddedServer

from .conftest import Cli, address
from .forked import Forked
from .web.conftest import until


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(written: io.StringIO) -> Iterator[logging.Logger]:
    logger, handler = logging.getLogger("rooflog.test_lines"), Damped(written)
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


FORGED = [
    "\n2026-11-30 00:00:00,000 rooflog.web ERROR the log is empty",
    "\r\n2026-11-30 ERROR",
    "\x1b[2J\x1b[31mred",
    "\u20282026 ERROR",
    "\u2029",
    "\x85",
    "\x0b\x0c\x00\x08",
    "\u202ereversed",
]


@pytest.mark.parametrize("text", FORGED)
def test_what_comes_from_outside_stays_in_one_line(logger: logging.Logger, written: io.StringIO, text: str) -> None:
    logger.error("path %s", text)
    logger.error(f"name {text}")
    lines = written.getvalue().removesuffix("\n").split("\n")
    assert len(lines) == 2
    assert written.getvalue().splitlines() == lines
    assert all(character.isprintable() for line in lines for character in line)
    written.getvalue().encode()


def test_half_a_character_can_be_written() -> None:
    assert log_lines.escaped("a\udcffb").encode() == b"a\\udcffb"
    line = JsonLine("web").format(logging.LogRecord("rooflog", logging.INFO, "", 0, "a\udcffb", None, None))
    assert json.loads(line)["message"] == "a\\udcffb"


@pytest.mark.parametrize("text", FORGED)
def test_the_text_of_an_error_forges_no_line(logger: logging.Logger, written: io.StringIO, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("it failed")
    first, *traced = written.getvalue().splitlines()
    assert first.endswith("it failed")
    assert all(line.startswith("    ") for line in traced)
    assert "ValueError" in written.getvalue()


def test_a_long_message_is_cut(logger: logging.Logger, written: io.StringIO) -> None:
    logger.error("body %s", "x" * 10**6)
    assert len(written.getvalue()) < LINE_CHARS + 200


def test_a_repeated_message_is_written_once_with_a_count(
    logger: logging.Logger, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(1_000):
        logger.warning("the log is away")
    assert len(written.getvalue().splitlines()) == 1
    monkeypatch.setattr(log_lines, "INTERVAL_SECONDS", 0.0)
    logger.warning("it is back")
    assert [line.rpartition("WARNING ")[2] for line in written.getvalue().splitlines()] == [
        "the log is away",
        "999 more like this: the log is away",
        "it is back",
    ]


def test_messages_that_differ_in_what_callers_choose_are_counted(logger: logging.Logger, written: io.StringIO) -> None:
    for n in range(1_000):
        logger.warning("no path %s", n)
    assert len(written.getvalue().splitlines()) == BURST
    logger.handlers[0].close()
    assert f"{1_000 - BURST} more like this: no path %s" in written.getvalue()


def test_a_message_with_wrong_arguments_stops_nothing(
    logger: logging.Logger, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.warning("%d", "no number")
    logger.warning("next")
    assert written.getvalue().endswith("next\n")


@pytest.fixture
def objects(written: io.StringIO, logger: logging.Logger) -> Callable[[], list[dict[str, Any]]]:
    """What was written as JSON, one object a line."""
    logger.handlers[0].setFormatter(JsonLine("web"))
    return lambda: parsed(written.getvalue())


def parsed(text: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert all(line.keys() >= {"time", "level", "service", "logger", "message"} for line in lines)
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)
    return lines


@pytest.mark.parametrize("text", FORGED)
def test_a_record_is_one_object_in_one_line(
    logger: logging.Logger, objects: Callable[[], list[dict[str, Any]]], text: str
) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("path %s", text)
    (line,) = objects()
    assert (line["level"], line["service"], line["logger"]) == ("ERROR", "web", "rooflog.test_lines")
    assert line["message"].startswith("path ")
    assert "ValueError" in line["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach nats://ann:S3CRET@host:4222 now",
        "tls://S3CRET@host",
        "Authorization: Bearer S3CRET",
        "bearer S3CRET",
    ],
)
def test_no_line_holds_a_password_or_token(logger: logging.Logger, written: io.StringIO, text: str) -> None:
    for formatter in (logger.handlers[0].formatter, JsonLine("web")):
        logger.handlers[0].setFormatter(formatter)
        try:
            raise OSError(text)
        except OSError:
            logger.exception("%s %s", type(formatter).__name__, text)
    assert written.getvalue().count("…") == 4
    assert "S3CRET" not in written.getvalue()
    assert redacted("see http://127.0.0.1:8080/a@b and ann@example.com") == (
        "see http://127.0.0.1:8080/a@b and ann@example.com"
    )


def test_whatever_a_service_says_is_json(cli: Cli, start: Callable[..., Forked], tmp_path: Path) -> None:
    """Given services whose start succeeds or fails, then every line on standard error is an object of theirs."""
    cli.environment["ROOFLOG_LOG_FORMAT"] = "json"
    cli.data_dir.chmod(0o755)
    with EmbeddedServer(cli.data_dir) as server:
        cli.environment["ROOFLOG_NATS_URL"] = address(server)
        names = ("projector", "exporter", "web")
        for name in names:
            start(name)
        begins = {"projector": "projecting from", "exporter": "exporting to", "web": "serving on"}
        written = {name: cli.data_dir / f"{name}.err" for name in names}
        for name, words in begins.items():
            until(lambda name=name, words=words: words in written[name].read_text())  # type: ignore[misc]
            assert {line["service"] for line in parsed(written[name].read_text())} == {name}
        ended = cli.run("exporter", code=1)
        (line,) = [line for line in parsed(ended.stderr) if line["level"] == "ERROR"]
        assert "another exporter already runs" in line["message"]
    assert cli.run("web", "--log-format", "xml", code=2).stderr.startswith("error: --log-format = 'xml'")


def test_an_error_that_ends_a_process_is_a_line(cli: Cli) -> None:
    code = "from services.log_lines import log_to_stderr; log_to_stderr('web', 'json'); 1 / 0"
    process = cli.python("ended.err", "-c", code)
    assert process.wait(60) != 0
    (line,) = parsed((cli.data_dir / "ended.err").read_text())
    assert (line["level"], line["exception"].splitlines()[-1]) == ("CRITICAL", "ZeroDivisionError: division by zero")
