"""Tags: the one form in which they are written and compared, at every door and in every fold."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from . import same_words
from .errors import InvalidFact


@lru_cache(maxsize=2**14)
def normal(tag: str) -> str:
    """A tag in lower case and NFC, with one blank for each run of white space; empty where it is blank.

    Lower case, because the lexicon's tags are: what an author calls TPO is what the text is about. It follows from the
    tag alone; the form that was seen first would depend on the order of the log.
    """
    return same_words.normal(same_words.normal(tag).casefold())


def distinct(tags: Iterable[str], *own: str) -> tuple[str, ...]:
    """Tags in their normal form and their order, each once; a call's `own` come first, and may be blank.

    Raises InvalidFact for a blank one, and TypeError for a text in the place of a list or something else in one.
    """
    if isinstance(tags, str):
        raise TypeError(f"tags is the text {tags!r}; give a list of texts")
    given = list(tags)
    if others := [tag for tag in given if not isinstance(tag, str)]:
        raise TypeError(f"tags holds {others[0]!r}; give texts")
    if wrong := [tag for tag in given if not normal(tag)]:
        raise InvalidFact("invalid", f"the tag {wrong[0]!r} has no words; give it some, or leave it out")
    return tuple(dict.fromkeys(filter(None, map(normal, (*own, *given)))))
