"""Reviewed traces: calls of models with what people have said about them in the tool that recorded both."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from events.facts import Fact

from .format import Left
from .lines import Line
from .moments import moment
from .scores import Opinion
from .traces import ASKED, Asked, Piece, Recorded, Traces, moment_of

_OPINION = "opinion"
"""The key of a part that is an opinion nobody has looked into; beside what it corrects, one that was read."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRACE, _SPAN = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")


class _Place(Struct, frozen=True):
    """Where a call stands: since when, its trace, and the example that it may be."""

    began: int
    trace_id: str | None
    example_id: str
    is_outer: bool


class Reviewed(Traces):
    """A format of reviewed traces; opinions may lie in other lines and files than what they are about.

    An opinion on a trace, or on a call that is no example, is about the last answer of a model in its trace. A
    correction is said where its call is, since it needs the texts; where it stands itself it is another copy.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, _Place] = {}
        self._outer: dict[str, str] = {}
        self._corrections: dict[str, dict[str, Opinion]] = {}
        self._pending: list[Opinion] = []

    @abstractmethod
    def opinions(self, data: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """The opinions of a line that nobody has looked into, each with its name for messages."""

    @abstractmethod
    def opinion(self, raw: Any) -> Opinion:
        """An opinion. Raises ValueError where it cannot be read."""

    @abstractmethod
    def place(self, raw: Any) -> tuple[str, str | None]:
        """The key of a call by which opinions name it, and its trace. Raises ValueError where it has none."""

    def survey(self, line: Line) -> None:
        """See `Format.survey`: also where each call stands, and which are corrected."""
        super().survey(line)
        for _, raw in self.calls(line.data):
            self._locate(raw)
        opinions = [self._parsed(raw) for _, raw in self.opinions(line.data)]
        self._pending += [each for each in opinions if each and each.is_human and each.correction is not None]

    def parts(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Piece]]:
        """See `Traces.parts`: also the opinions of a line, and corrections behind their call."""
        self._settle()
        for label, part in super().parts(data):
            yield label, part
            asked: Asked | None = part.get(ASKED)
            if asked is not None and not self.is_within(asked.recorded):
                for opinion in self._corrections.get(asked.recorded.example_id, {}).values():
                    yield f"the correction {opinion.name} of {label}", {_OPINION: opinion, ASKED: asked}
        for label, raw in self.opinions(data):
            yield label, {_OPINION: raw}

    def facts_of(self, part: Piece) -> Iterator[Fact | Left]:
        """See `Traces.facts_of`."""
        if _OPINION not in part:
            yield from super().facts_of(part)
        elif ASKED in part:
            asked: Asked = part[ASKED]
            yield part[_OPINION].corrected(asked.recorded.example_id, asked.prompt, asked.response)
        else:
            yield self._opined(self.opinion(part[_OPINION]))

    def _parsed(self, raw: Any) -> Opinion | None:
        """An opinion; None for one that is refused, which its own record tells."""
        try:
            return self.opinion(raw)
        except Exception:
            return None

    def _opined(self, opinion: Opinion) -> Fact | Left:
        if not opinion.is_human:
            return Left.BY_MACHINE
        example_id = self._example_of(opinion)
        if example_id is None:
            raise ValueError("what it is about is in no file of this import; import both together")
        if opinion.correction is not None:
            return Left.SAME_FACT
        return self._timed(opinion).feedback(example_id)

    def _timed(self, opinion: Opinion) -> Opinion:
        """An opinion with a time: without its own one that of its call."""
        place = self._places.get(opinion.key or "")
        if opinion.at is not None or place is None or not place.began:
            return opinion
        return structs.replace(opinion, at=moment_of(place.began))

    def _locate(self, raw: Any) -> None:
        asked = self._readable(raw)
        try:
            key, trace_id = self.place(raw)
        except Exception:
            return  # its record tells
        if asked is None:
            self._places.setdefault(key, _Place(0, trace_id, "", is_outer=True))
            return
        recorded: Recorded = asked.recorded
        self._places[key] = _Place(recorded.began, trace_id, recorded.example_id, recorded.texts.is_outer)
        if recorded.texts.is_outer and trace_id is not None:
            self._outer[trace_id] = min(recorded.example_id, self._outer.get(trace_id, recorded.example_id))

    def _settle(self) -> None:
        """Know which example each correction is of, once all lines were looked at."""
        for opinion in self._pending:
            if (example_id := self._example_of(opinion)) is not None:
                self._corrections.setdefault(example_id, {})[opinion.opinion_id] = self._timed(opinion)
        self._pending = []

    def _example_of(self, opinion: Opinion) -> str | None:
        place = self._places.get(opinion.key) if opinion.key else None
        trace_id = place.trace_id if place else opinion.trace_id
        if place and place.example_id and not (place.is_outer and self._memory.has_call(trace_id)):
            return place.example_id
        if opinion.key and not place:
            return None
        return self._memory.last_of(trace_id) or self._outer.get(trace_id or "")


def nanoseconds(value: Any, name: str) -> int:
    """A moment of a source in nanoseconds since 1970. Raises ValueError that calls it by the name."""
    at = moment(value, name)
    return round(at.timestamp() * 1e6) * 1000


def optional_nanoseconds(value: Any) -> Any:
    """The same for a moment that may be missing; what is no time is left as it is, to be counted."""
    if value is None:
        return None
    try:
        return nanoseconds(value, "end")
    except ValueError:
        return value


def example_id(prefix: str, trace_id: str | None, key: str) -> str:
    """The id of a call's example: that of its span where the ids are OpenTelemetry's, else the tool's own."""
    if trace_id and _TRACE.fullmatch(trace_id) and _SPAN.fullmatch(key):
        return f"span_{trace_id}_{key}"
    if _ID.fullmatch(key):
        return f"{prefix}_{key}"
    return f"{prefix}_{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def text_of(data: Mapping[str, Any], *names: str) -> str | None:
    """The text under the first of these names that has one."""
    value = first_of(data, *names)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def first_of(data: Mapping[str, Any], *names: str) -> Any:
    """The value under the first of these names that has one; an empty text is none."""
    return next((value for name in names if (value := data.get(name)) not in (None, "")), None)


def required(data: Mapping[str, Any], *names: str) -> str:
    """The same as `text_of`. Raises ValueError where there is none."""
    value = text_of(data, *names)
    if value is None:
        raise ValueError(f"{names[0]} must be a text, but is {data.get(names[0])!r}")
    return value
