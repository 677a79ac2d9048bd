"""Ratings: people's thumbs, scores and words as thumbs up or down; those of a judge model are nobody's feedback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from events import chat

Thumb = Literal["positive", "negative"]

_UP = {
    "positive", "pos", "up", "thumbsup", "thumbup", "upvote", "like", "liked", "love", "good", "great", "excellent",
    "helpful", "correct", "right", "accurate", "accept", "accepted", "approve", "approved", "yes", "true", "ok", "pass",
    "👍",
}  # fmt: skip
_DOWN = {
    "negative", "neg", "down", "thumbsdown", "thumbdown", "downvote", "dislike", "disliked", "bad", "poor", "terrible",
    "unhelpful", "nothelpful", "incorrect", "wrong", "inaccurate", "reject", "rejected", "no", "false", "fail", "👎",
}  # fmt: skip
_NEITHER = {"", "neutral", "none", "null", "na", "mixed", "partial", "partly", "unsure", "skip", "skipped", "maybe"}

_JUDGES = {
    "model", "llm", "ai", "judge", "eval", "evals", "evaluator", "evaluation", "auto", "automatic", "automated", "code",
    "bot", "machine", "heuristic", "synthetic", "prediction", "suggestion", "rule", "rules",
}  # fmt: skip
_MODELS = re.compile(r"\b(gpt|claude|gemini|llama|mistral|mixtral|qwen|deepseek|command-r|o[134](-|\b))", re.IGNORECASE)

_NAMES = ("feedback", "user_feedback", "userFeedback", "human_feedback", "annotation", "thumbs", "thumb", "vote")
"""Under which names a message or a line has a thumb, or an object that holds one."""

_STARS = ("rating", "user_rating", "human_rating", "stars")
"""Under which names it has stars: 4 and 5 of five are a thumb up, 1 and 2 a thumb down."""

_VALUES = ("thumb", "thumbs", "value", "score", "sentiment", "type", "label", "feedback")
_COMMENTS = ("comment", "comments", "reason", "text", "note", "explanation")
_AUTHORS = ("user", "user_id", "userId", "username", "annotator", "author", "by", "created_by")
_ORIGINS = (
    "source",
    "by",
    "annotator",
    "annotator_kind",
    "annotatorKind",
    "evaluator",
    "author",
    "agent",
    "source_type",
)


def at_word_starts(patterns: str) -> re.Pattern[str]:
    """What finds patterns where a word of a name begins, such as `user_rating` or `userRating`."""
    return re.compile(rf"(?:(?<![^\W\d_])|(?<=[a-z])(?=[A-Z]))(?i:{patterns})")


_WHOLE = at_word_starts(
    r"rat(e|ing)|qualit|score|help|correct(?!ed|ion)|accura|good|like(?!l)|thumb|feedback|approv|overall|label|verdict"
    r"|accept|useful|satisf|sentiment|review|choice|stars?(?-i:(?![a-z]))|vote|^(answer|response|output)s?$"
)
"""Names of judgements of a whole answer: one of its style or its length approves nothing."""

_AGAINST = at_word_starts(
    r"in(accura|adequa|appropriat|coheren|complet|consisten|correct|sufficien|valid)|un(?!der|i[qtv]|til)|irrelevan"
    r"|dis(agree|approv|like|miss|satisf|trust)|mis(inform|lead|s|take)|no(n|t)?(?-i:(?![a-z]))|abus|bad|bias|complain|danger"
    r"|(?<!up.)down|error|fabricat|fail|fake|false|flag|halluc|harm|hate|issue|negativ|offens|poor|problem|refus|reject|risk"
    r"|spam|toxic|useless|violat|worse|worst|wrong|complex|confiden|difficult|formal|length|style|tone(?-i:(?![a-z]))|verbos"
)
"""Names of which a high score may be bad or of something else, so that nothing is taken from them."""

_LEAST, _MOST = 0.25, 0.75
"""Up to which share of its scale a score is a thumb down, and from which on it is one up."""


class Rating(Struct, frozen=True):
    """A thumb; `actor` is who gave it, None where nobody says."""

    thumb: Thumb
    actor: str | None = None
    comment: str | None = None


def judges_whole(name: str) -> bool:
    """Whether what is named so judges a whole answer, the higher the better."""
    return bool(_WHOLE.search(name)) and not _AGAINST.search(name)


def judges(name: str) -> bool:
    """Whether it judges anything of an answer."""
    return bool(_WHOLE.search(name) or _AGAINST.search(name))


def number_of(value: Any) -> Any:
    """A score that is written as text, as the number that it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def thumb(value: Any, *, stars: bool = False) -> Thumb | None:
    """A value as a thumb, None where it is neither. Raises ValueError where it cannot be read."""
    if isinstance(value, bool):
        return "positive" if value else "negative"
    if isinstance(value, str):
        word = "".join(char for char in value.lower() if char.isalnum() or char in "👍👎")
        if word in _UP | _DOWN | _NEITHER:
            return "positive" if word in _UP else "negative" if word in _DOWN else None
        value = number_of(value)
        if isinstance(value, str):
            raise ValueError(f"{value[:40]!r} is no thumb")
    if not isinstance(value, int | float) or not -1 <= value <= 100:
        raise ValueError(f"{value!r} is no thumb")
    share = _share(float(value), stars=stars)
    return "positive" if share >= _MOST else "negative" if share <= _LEAST else None


def _share(value: float, *, stars: bool) -> float:
    """How far a score is up its scale: thumbs of 0 and 1, stars of five, marks of ten or a hundred."""
    if value < 1 or (value == 1 and not stars):
        return value
    return (value - 1) / 4 if value <= 5 else (value - 1) / 9 if value <= 10 else value / 100


def of(data: Mapping[str, Any]) -> Iterator[Rating | ValueError]:
    """The thumbs that a message or a line has, and what of them cannot be read."""
    for name in (*_NAMES, *_STARS):
        value = data.get(name)
        for each in value if isinstance(value, list) else [value]:
            if each is None or is_judged(each):
                continue
            try:
                yield from _read(each, stars=name in _STARS)
            except ValueError as error:
                yield error


def is_judged(data: Any) -> bool:
    """Whether an object says that it is from a model or a program, and from nobody."""
    return isinstance(data, Mapping) and any(is_judge(data.get(name)) for name in _ORIGINS)


def is_judge(name: Any) -> bool:
    """Whether a name is that of a model or a program."""
    words = re.findall(r"[a-z]+", name.lower()) if isinstance(name, str) else ()
    return not _JUDGES.isdisjoint(words) or (isinstance(name, str) and bool(_MODELS.search(name)))


def _read(value: Any, *, stars: bool) -> Iterator[Rating]:
    if not isinstance(value, Mapping):
        if given := thumb(value, stars=stars):
            yield Rating(given)
        return
    starred = next((value[name] for name in _STARS if value.get(name) is not None), None)
    given = next((value[name] for name in _VALUES if value.get(name) is not None), None)
    if starred is None and given is None:
        return
    # A rating inside an object is a thumb where it is 1, 0 or -1, as the assistants' own interfaces write it.
    answer = thumb(given if starred is None else starred, stars=starred is not None and starred not in (1, 0, -1))
    comment = next((text for name in _COMMENTS if isinstance(text := value.get(name), str) and text.strip()), None)
    if answer:
        yield Rating(answer, person(value), comment)


def person(data: Mapping[str, Any], names: tuple[str, ...] = _AUTHORS) -> str | None:
    """The person that an object names: a name or number, or an object with an id."""
    for name in names:
        value = data.get(name)
        if isinstance(value, Mapping):
            value = next((value[key] for key in ("id", "user_id", "username", "name", "email") if value.get(key)), None)
        if name_given := name_of(value):
            return name_given
    return None


def name_of(value: Any) -> str | None:
    """A name or number of a person without blanks around it, a long one as its digest; None for what is neither."""
    return chat.conversation_name(value.strip() if isinstance(value, str) else value)
