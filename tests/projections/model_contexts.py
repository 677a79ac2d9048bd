"""What came before a turn, in plain Python: each example is followed back to where its conversation began."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from events.facts import ExampleCaptured
from projections.policy.policy import Policy

if TYPE_CHECKING:
    from .model import Analysis, Example

ALONE = "0" * 15 + "1"
"""What a reviewer saw before an example that follows nothing."""


class Against(NamedTuple):
    """The id of the correction that stands against an example, and of the one that disputes it."""

    superseded_by: str | None
    disputed_by: str | None


class Context(Struct):
    """The turns before an example, why it is incomplete, the questions as they are compared, and their relevance."""

    root: str
    turns: tuple[Example, ...] = ()
    asked: tuple[str, ...] = ()
    exactly: tuple[str | None, ...] = ()
    causes: set[str] = set()
    lent: tuple[int, int] = (0, 0)

    def is_past(self, example: Example) -> bool:
        """Whether an approval was given to another context; stories know no key but that of none."""
        approved = example.decision is not None and example.decision[1] == "approved"
        return approved and example.saw is not None and (example.saw != ALONE or bool(self.turns))

    def relevance(self, example: Example, analysis: Analysis, policy: Policy) -> tuple[int, int]:
        """Score and context of an example; a short follow-up has at least those of its conversation."""
        if not self.turns or not policy.conversations or len(example.texts[-1][0]) > policy.conversations.short_chars:
            return analysis.score, analysis.context
        return max(analysis.score, self.lent[0]), max(analysis.context, self.lent[1])


class Chain(NamedTuple):
    """All that is needed to follow a turn back."""

    examples: Mapping[str, Example]
    against: Mapping[str, Against]
    clusters: Mapping[str, str]
    analysed: Mapping[str, Analysis]
    policy: Policy

    def before(self, example: Example) -> Example | None:
        """What an example follows, or corrects. Raises KeyError where that is not there."""
        examples = self.examples
        if example.is_correction:
            if example.corrects is not None and example.corrects in examples:
                return examples[example.corrects]
            wrong = replaced(example, self.policy)
            earlier = (o for o in examples.values() if o.seq < example.seq and not o.erased)
            return self._last(o for o in earlier if compared(o.texts[0], self.policy) == wrong)
        if example.follows is None:
            same = (o for o in examples.values() if o.seq < example.seq and o.conversation == example.conversation)
            return self._last(same) if example.conversation else None
        before = examples[example.follows]
        if before.conversation and example.conversation and before.conversation != example.conversation:
            raise KeyError(example.follows)
        return before

    @staticmethod
    def _last(some: Any) -> Example | None:
        return max(some, key=lambda example: example.seq, default=None)

    def follows_itself(self, example: Example) -> bool:
        """Whether the way back from an example leads to it again."""
        seen: set[str] = set()
        at: Example | None = example
        with suppress(KeyError):
            while at is not None and at.id not in seen:
                seen.add(at.id)
                at = self.before(at)
            return at is not None and at.id == example.id
        return False

    def context(self, example: Example) -> Context:
        """The context of an example."""
        try:
            before = self.before(example)
        except KeyError:
            return Context(example.id, causes={"missing"})
        if before is None:
            return Context(example.id)
        if self.follows_itself(example):
            return Context(example.id, causes=set() if example.is_correction else {"missing"})
        earlier = self.context(before)
        if example.is_correction:
            return earlier
        return self._behind(before, earlier)

    def _behind(self, before: Example, earlier: Context) -> Context:
        """The context with one turn more."""
        rules = self.policy.conversations
        assert rules
        stands = self.examples[self.against[before.id].superseded_by or before.id]
        turns = (*earlier.turns, stands)
        causes = earlier.causes - {"too_long"} | self._causes(before, stands)
        chars = sum(len(text) for turn in turns for text in turn.texts[-1] if not turn.erased)
        if len(turns) > rules.max_turns or chars > rules.max_chars:
            causes.add("too_long")
        exactly = None if before.erased else question(before)
        return Context(
            earlier.root,
            turns,
            (*earlier.asked, self.clusters[before.id]),
            (*earlier.exactly, exactly),
            causes,
            earlier.relevance(before, self.analysed[before.id], self.policy),
        )

    def _causes(self, turn: Example, stands: Example) -> set[str]:
        withheld = (
            (stands.decision is not None and stands.decision[1] == "rejected")
            or (stands.feedback is not None and stands.feedback[1] == "negative")
            or not stands.include
            or stands.source in self.policy.filters.excluded_sources
            or self.against[turn.id].disputed_by is not None
            or (stands is turn and (turn.was_corrected or bool(turn.gaps - {"attachment"})))
        )
        causes = {
            "attachment": "attachment" in turn.gaps,
            "missing": not stands.erased and not stands.texts[-1][1],
            "withheld": withheld,
            "personal_data": self.analysed[stands.id].is_private(self.policy)
            or (self.analysed[turn.id].more_personal_data and self.policy.filters.personal_data_of_turn is True),
            "erased": turn.erased or stands.erased,
        }
        return {cause for cause, holds in causes.items() if holds}


def in_context(*given: Any) -> dict[str, Context]:
    """The context of every example; `given` are those of Chain."""
    chain = Chain(*given)
    contexts = {}
    for example in chain.examples.values():
        context = Context(example.id)
        if chain.policy.conversations:
            context = chain.context(example)
            context.causes = set() if example.erased else context.causes | example.gaps
        contexts[example.id] = context
    return contexts


def gaps(fact: ExampleCaptured) -> set[str]:
    """For what a turn is incomplete by itself."""
    causes = {"attachment"} if fact.attachments else set()
    if fact.finish_reason in ("length", "content_filter"):
        causes.add("cut_off")
    if fact.finish_reason == "refusal":
        causes.add("refusal")
    if fact.finish_reason == "tool_calls" or (fact.tools and not fact.response.strip()):
        causes.add("tool_call")
    return causes


def question(example: Example) -> str:
    """The prompt of an example as it is now, in the form in which prompts are compared."""
    text = unicodedata.normalize("NFC", example.texts[-1][0]).lower()
    for curly, straight in (("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'")):
        text = text.replace(curly, straight)
    return re.sub(r"[ ?!.,;:]+$", "", " ".join(text.split()))


def words(prompt: str, answer: str) -> tuple[str, str]:
    """Prompt and answer without what an editor makes of white space and accents."""
    prompt, answer = (" ".join(unicodedata.normalize("NFC", text).split()) for text in (prompt, answer))
    return prompt, answer


def compared(text: tuple[str, str], policy: Policy) -> tuple[str, str]:
    """A prompt and answer as a correction finds it."""
    return words(*text) if policy.duplicates.same_words is True else text


def replaced(correction: Example, policy: Policy) -> tuple[str, str] | None:
    """The prompt and answer that a correction replaces, as far as that is known."""
    if correction.wrong is None or correction.wrong_exactly:
        return correction.wrong
    return compared(correction.wrong, policy)
