"""A spool: facts on disk, in any order, to be read again in the order of their times."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType

from msgspec import Struct, json

from events.codec import encode
from events.facts import Fact
from events.subjects import subject_of

from .lines import Line
from .sources import Source

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Names(Struct, frozen=True, array_like=True):
    """Other names of an example, empty where it has none: the id that 0.1.0 gave to it, and its source's own.

    `is_repeated` marks an earlier turn, which another line may say itself.
    """

    known_as: str = ""
    own_id: str = ""
    is_repeated: bool = False


class Spooled(Struct, frozen=True):
    """A fact as bytes, with its subject, the names of its example, and the line that says it."""

    subject: str
    names: Names
    data: bytes
    file: str
    number: int


_NONE = Names()


class Spool:
    """Facts of which only their places are in memory, some 50 bytes each, and own ids; its file goes with it."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._numbers = {source: number for number, source in enumerate(sources)}
        self._out = tempfile.TemporaryFile(prefix="rooflog-import-")  # noqa: SIM115 (closed with the spool)
        self._times, self._ends = array("q"), array("q", [0])
        self._places, self._subjects, self._heads = array("q"), array("q"), array("q")
        self.own: dict[str, str] = {}
        """The examples that calls have answered, which others may repeat, with the ids that they are said under."""

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, facts: list[Fact], line: Line, names: Mapping[str, Names] | None = None) -> None:
        """Append the facts of a record, all or none, with other names of the examples that it captures.

        Raises InvalidFact where one breaks its own constraints.
        """
        others = [(names or {}).get(fact.about, _NONE) for fact in facts]
        encoded = [
            (subject_of(fact).encode(), b"" if other is _NONE else json.encode(other), encode(fact))
            for fact, other in zip(facts, others, strict=True)
        ]
        for other, fact in zip(others, facts, strict=True):
            if other.own_id:
                self.own[fact.about] = min(other.own_id, self.own.get(fact.about, other.own_id))
        for fact, (subject, head, data) in zip(facts, encoded, strict=True):
            self._out.write(subject + head + data)
            self._ends.append(self._ends[-1] + len(subject) + len(head) + len(data))
            self._subjects.append(len(subject))
            self._heads.append(len(subject) + len(head))
            self._times.append((fact.occurred_at - _EPOCH) // _MICROSECOND)
            self._places.append(line.number * len(self._sources) + self._numbers[line.source])

    def in_order(self) -> Iterator[Spooled]:
        """Every fact by its time; those of one time as they were added."""
        for n in sorted(range(len(self)), key=self._times.__getitem__):
            self._out.seek(self._ends[n])
            record = self._out.read(self._ends[n + 1] - self._ends[n])
            number, file = divmod(self._places[n], len(self._sources))
            cut, head = self._subjects[n], self._heads[n]
            names = json.decode(record[cut:head], type=Names) if head > cut else _NONE
            yield Spooled(record[:cut].decode(), names, record[head:], self._sources[file].name, number)
