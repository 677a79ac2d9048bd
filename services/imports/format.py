"""A format of lines: how a line of it is known, and which facts it says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import Enum
from typing import Any, ClassVar

from msgspec import Struct

from events.facts import Fact

from .lines import Line
from .report import Problem

ACTOR = "import"
"""Who says the facts of an import, where the line does not tell."""


class Left(Enum):
    """Why a part of a line is left out, and is no problem."""

    SAME_FACT = "another line says the same fact"
    NO_ANSWER = "it holds no answer"
    OTHER_CHOICE = "it is another answer to the same question, beside the first"
    BROKEN = "a number or a rating that describes an answer cannot be read"
    UNRECORDED = "it is a call of a model whose texts were not recorded"
    BY_MACHINE = "a judge that is no person has said it"
    UNCLEAR = "it is a score that says neither good nor bad of a whole answer"


class Alias(Struct, frozen=True):
    """The id that 0.1.0 gave to an example: where the log knows it by that, it is that one."""

    example_id: str
    known_as: str


class Own(Struct, frozen=True):
    """The id that its source gave to an example: it is said under that, but where the log knows it already."""

    example_id: str
    own_id: str


class Repeated(Struct, frozen=True):
    """An example that a line repeats from earlier: where another line of the import says it itself, that one counts."""

    example_id: str


class Record(Struct):
    """What stands or falls alone: a whole line, or a part of one, such as a span of a trace."""

    line: Line
    data: dict[str, Any]
    label: str = ""
    """Names the part in messages; empty for a whole line."""

    def problem(self, reason: str) -> Problem:
        """This record could not be imported, and why."""
        return self.line.problem(f"{self.label}: {reason}" if self.label else reason)


Part = Fact | Left | Alias | Own | Repeated
"""What a record says or leaves out."""


class Format(ABC):
    """One format; every import makes an instance for itself, which may remember lines.

    Whatever a method raises is a problem of that line or record alone. Facts take their ids and times from the line,
    so that importing it again says the same facts.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    """How a line of it looks, for the help of the command."""

    @staticmethod
    @abstractmethod
    def recognises(data: dict[str, Any]) -> bool:
        """Is an object of this format, where none before it in the registry says so?"""

    def survey(self, line: Line) -> None:  # noqa: B027 (where each line stands alone there is nothing to remember)
        """Look at a line before any is read, where lines belong together."""

    def records(self, line: Line) -> Iterable[Record]:
        """The parts of a line that stand or fall alone."""
        return [Record(line, line.data)]

    def close(self) -> None:  # noqa: B027 (a format that keeps nothing has nothing to close)
        """Let go of what was kept of the lines."""

    @abstractmethod
    def facts(self, record: Record) -> Iterable[Part]:
        """The facts that a record says, all or none, and what it leaves out."""
