"""A spool: facts on disk, in any order, to be read again in the order of their times."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType

from msgspec import Struct

from events.codec import encode
from events.facts import Fact
from events.subjects import subject_of

from .lines import Line
from .sources import Source

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Spooled(Struct, frozen=True):
    """A fact as bytes, with its subject, and the line that says it; `known_as` is the id that 0.1.0 gave its example.

    That is empty where it has no other.
    """

    subject: str
    known_as: str
    data: bytes
    file: str
    number: int


class Spool:
    """Facts of which only their places are in memory, some 40 bytes each; its file goes with it."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._numbers = {source: number for number, source in enumerate(sources)}
        self._out = tempfile.TemporaryFile(prefix="rooflog-import-")  # noqa: SIM115 (closed with the spool)
        self._times, self._ends = array("q"), array("q", [0])
        self._places, self._subjects = array("q"), array("q")

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, facts: list[Fact], line: Line, known_as: Mapping[str, str] | None = None) -> None:
        """Append the facts of a record, all or none; `known_as` are other ids of its examples by their own.

        Raises InvalidFact where one breaks its own constraints.
        """
        names = known_as or {}
        encoded = [(f"{subject_of(fact)} {names.get(fact.event_id, '')}".encode(), encode(fact)) for fact in facts]
        for fact, (subject, data) in zip(facts, encoded, strict=True):
            self._out.write(subject + data)
            self._ends.append(self._ends[-1] + len(subject) + len(data))
            self._subjects.append(len(subject))
            self._times.append((fact.occurred_at - _EPOCH) // _MICROSECOND)
            self._places.append(line.number * len(self._sources) + self._numbers[line.source])

    def in_order(self) -> Iterator[Spooled]:
        """Every fact by its time; those of one time as they were added."""
        for n in sorted(range(len(self)), key=self._times.__getitem__):
            self._out.seek(self._ends[n])
            record = self._out.read(self._ends[n + 1] - self._ends[n])
            number, file = divmod(self._places[n], len(self._sources))
            cut = self._subjects[n]
            subject, _, known_as = record[:cut].decode().partition(" ")
            yield Spooled(subject, known_as, record[cut:], self._sources[file].name, number)
