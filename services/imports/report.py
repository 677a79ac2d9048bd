"""What an import did, line by line where something was wrong."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from events.errors import RooflogError


class Problem(Struct, frozen=True):
    """A line, or a record of it, that could not be imported."""

    file: str
    line: int
    reason: str


class Report(Struct):
    """What an import did: every fact is new, existing, changed or refused, and so is every part of a line or left out.

    `existing` are facts that the log holds already, `changed` those that it holds with something else, which a fact now
    says, or which is a problem, as are all that the log has `refused`. `same_fact` are copies of corrections that the
    old store wrote as examples; `ignored` are parts of a line that hold no answer, such as spans of a trace and turns
    of a chat that only call tools. `choices` are further answers beside the one that is imported, and `broken` numbers
    about an answer that cannot be read. `unrecorded` are calls of a model without their texts, `by_machine` are scores
    that no person gave, and `unclear` scores that say neither good nor bad of a whole answer.
    `formats` are the lines of each format.
    """

    files: int = 0
    lines: int = 0
    new: int = 0
    existing: int = 0
    changed: int = 0
    refused: int = 0
    same_fact: int = 0
    ignored: int = 0
    choices: int = 0
    broken: int = 0
    unrecorded: int = 0
    by_machine: int = 0
    unclear: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        """What people and programs are told: every number, and the problems."""
        numbers = {name: getattr(self, name) for name in self.__struct_fields__ if name != "problems"}
        return numbers | {"problems": msgspec.to_builtins(self.problems)}

    @property
    def is_recognised(self) -> bool:
        """Whether anything that was read is a fact."""
        return bool(self.new + self.existing + self.changed + self.refused + self.same_fact)


def reason_of(error: Exception) -> str:
    """Why an exception refuses a line: its own words where it was made for people, else its type as well."""
    if isinstance(error, RooflogError | ValueError | msgspec.MsgspecError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"
