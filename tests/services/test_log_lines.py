"""Lines of the log: nothing from outside makes a line of its own, and a message that repeats is counted."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from services import log_lines
from services.log_lines import BURST, LINE_CHARS, Damped


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
