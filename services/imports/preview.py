"""The preview of an import: what would come of it, with some examples, while nothing is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from events.codec import decode
from events.errors import InvalidFact
from events.facts import texts_of

from .spool import Spooled

if TYPE_CHECKING:
    from events.log.append import Published
    from events.log.log import Log

EXAMPLES = 3
"""Facts of each kind that are shown."""

SHOWN = 80
"""Characters of a text that are shown."""


class Kind(Struct):
    """Facts of one tag that would be new; the examples name their place, id and first words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Preview:
    """What would be new, by the tags of facts: how many there are, and the first of them."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self._new: set[str] = set()

    async def publish(self, log: Log, facts: list[Spooled]) -> Published:
        """What `Log.publish_encoded` would answer."""
        from events.log.append import Published

        refusals, known = await log.refusals(), await log.last([fact.subject for fact in facts])
        new, existing, refused = [], [], []
        for fact in facts:
            event_id = fact.subject.rpartition(".")[2]
            if fact.subject in known or fact.subject in self._new:
                existing.append(event_id)
                continue
            try:
                refusals.check_encoded(fact.subject, fact.data)
            except InvalidFact as error:
                refused.append((event_id, str(error)))
                continue
            self._new.add(fact.subject)
            new.append(event_id)
            self._count(fact)
        return Published(tuple(new), tuple(existing), tuple(refused))

    def _count(self, spooled: Spooled) -> None:
        fact = decode(spooled.data)
        kind = self.kinds.setdefault(str(fact.__struct_config__.tag), Kind())
        kind.count += 1
        if len(kind.examples) < EXAMPLES:
            words = " ".join(next(iter(texts_of(fact)), "").split())[:SHOWN]
            kind.examples.append(f"{spooled.file}:{spooled.number}: {fact.about} {words}".rstrip())
