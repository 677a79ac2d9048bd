"""The words of a text in lower case: typographic variants settled, every number in one spelling with its unit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import NamedTuple

from events.combining_marks import normalised

from ..policy.rules import FIRST, Rules
from . import phrasing
from .text_size import READ

SOURCE = files("projections.policy").joinpath("vocabulary.toml").read_bytes()
VOCABULARY: dict[str, str] = tomllib.loads(SOURCE.decode())

_STANDARD_MARKS = str.maketrans("’‘′“”–‐×⁄", "'''\"\"--x/")
_VULGAR = re.compile("[¼½¾⅐-⅞]")
_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORD_NUMBERS = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "eighth": 8, "sixteenth": 16}
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[ -]({'|'.join(_ONES[1:10])}))?|({'|'.join(w for w in _ONES if w != 'one')})"
    r"|(?<!which )(?<!this )(?<!that )(?<!the )(?<!any )(?<!no )one(?! of| thing| another| more| should| can| does))\b"
)
_SOMEBODY = re.compile(r"\b(can|could|does|must|should) one\b")
_AND_A_HALF = re.compile(r"\b(\d+) and (?:an? |1 )?half\b")
_SPELLED_PART = re.compile(r"\b(?:(\d+)[ -]|an? )?(half|third|quarter|eighth|sixteenth)s?(?: (?:of )?an?)?(?=[ -]in)")
_CLASSES = ("class", "grade", "group", "zone", "phase", "type")
_SPELLED_WORDS = {*_ONES, *_TENS, *_PARTS, *_CLASSES}
_PLAINLY_SPELLED = re.compile(
    rf"(?<=[a-z] )(?=[{''.join(sorted({word[0] for word in _SPELLED_WORDS}))}])"
    rf"(?:{'|'.join(sorted(_SPELLED_WORDS))})(?= [a-z])"
)
"""One of the spelled words amid others, where no rule for numbers reaches: it stays a word of its own."""
_DIGIT = re.compile(r"\d")

_INSIDE = "".join(rf"(?<!(?<![\w.])\d{{{digits}}},)" for digits in (1, 2, 3))
"""Not behind the first thousands of a number: whatever begins there, a match would have begun with them. So a long row
of thousands is looked through once, not once for each of them."""
_AMOUNT = (
    r"\d{1,9}[ -]\d{1,4}/\d{1,4}|\d{1,9}/\d{1,4}"
    rf"|(?:(?=\d{{1,3}},\d)(?:(?!\d{{3}},)|{_INSIDE})\d{{1,3}}(?:,\d{{3}})+|\d{{1,15}})(?:\.\d{{1,9}})?|\.\d{{1,9}}"
)
_AT_FIGURE = r"(?=[.\d])"
"""Put first: it passes over most of a text faster than anything else does."""
_QUOTED = re.compile(r'(?<![\w"])"([^"\d\s][^"]*)"')
_FEET = r"(?: ?(?:ft\b|feet\b|foot\b|'))?"
_DIMENSION = re.compile(rf"{_AT_FIGURE}(?<![\w.])({_AMOUNT})( ?\"| ?in\b)?{_FEET} ?(?:x|by) ?({_AMOUNT}){_FEET}")
_SHARED_UNIT = re.compile(
    rf"{_AT_FIGURE}(?<![\w.])([\d.]+)(?=\s+(?:and|or|to|vs\.?|versus|through|-)\s+[\d.]+([a-z]+) )"
)
_NUMBER_SIGN = re.compile(r"no(?<=\bno)\.? ?(?=\d)")
_BELOW_ZERO = re.compile(r"(^|[a-z,:] |\()-(?=\.?\d)")
_SECTION = re.compile(
    r"(?=[s\d])(?<![\w.-])(?:section )?(?:(\d\d)[ -](\d\d)[ -](\d\d)|(0\d)(\d\d)(\d\d))(?:\.(\d\d))?(?![\w-])"
)
_CLASS = re.compile(r"\b(class|grade|group|zone|phase)[ -]([a-f]|[ivx]+)\b|\b(type)[ -]([ivx]{2,3}|[vx])\b")
_DESIGNATION = re.compile(r"\b(?:(r|d|c|e|f|u|es)[ -]?|([a-z]{1,2})-)(\d+(?:\.\d+)?)\b")
_PITCH = re.compile(
    rf"{_AT_FIGURE}(?<![\w.])(?:({_AMOUNT}) ?(?::| in |/) ?12\b(?![/\d])"
    rf"|({_AMOUNT})[ -]?(?:inch(?:es)?|in\.?|\") ?(?:per|/|a) ?(?:1 ?)?(?:foot|ft\b|'))"
)
_ACROSS = re.compile(r"(?:x|by) ?[.\d]")
_MINUS = re.compile(r"-\.?\d")
_SIX_DIGITS = re.compile(r"\d\d[ -]\d\d[ -]\d\d|0\d{5}")
"""What every dimension, number below zero and section satisfies: looked for in an eighth to a half of the time."""
_TWELVE = (":12", ": 12", "/12", "/ 12", " in 12", " in  12")
_FOOT = ("ft", "foot", "'")
_INCHES = ('"', "in")
"""In every pitch there is one of the first of these, or one of both others."""


def entries(table: str) -> Iterator[tuple[str, list[str]]]:
    """The canonical name and the other spellings of each entry of a table."""
    for entry in re.split("[;\n]", table):
        name, _, spellings = entry.strip().partition(" = ")
        if name:
            yield name, [s.strip() for s in spellings.split(",")] if spellings else []


UNITS = {spelling: unit for unit, spellings in entries(VOCABULARY["units"]) for spelling in [unit, *spellings]}
_NUMBER = re.compile(
    rf"(?=[$.\d])(?<![\w.,:])\$?({_AMOUNT})(?!\d|/\d|[.,]\d)"
    r"(?:([ -]?)((?:(?:sq\b\.?|square|linear|lineal|running|lin\b\.?|miles per|per|deg|degrees?) )?[a-z]+\d?"
    r"|''|[\"'%#]|°[cf]?))?"
)
_BEYOND = re.compile(
    r"(?<!no )(?<!not )\b(?:(over|more than|greater than|in excess of)|(?:under|less than|fewer than)) (?=\d)"
)
_OPENING = re.compile(r"ok(?:ay)?[ ,.!-]+(?=\w)")
_WONDERING = re.compile(
    r"\bi(?:'ve been| have been| was| am|'m)(?: just| also)? (?:wondering|curious|hoping|asked|asking)\b"
)
"""A courtesy, of which the past is not what is asked about."""
_IN_AS_WORD = re.compile(r" in(?<=\d in)(?= (?:an?|the|my|our|your|this|each|general|total)\b)")
_WORD = re.compile(r"[^\W_]+(?:(?:(?<=\d)[.:](?=\d)|'|/(?=$|\W)|/(?=o\b))[^\W_]*)*|[&@]")
_DOTTED = re.compile(r"(?<![a-z.])(?:[a-z]\.){2,}")
_PREFIX = re.compile(
    r"\b(e(?=-mail)|anti|bi|co|de|dis|infra|inter|intra|micro|mis|multi|non|over|post|pre|re|semi|sub|ultra|un|under)"
    r"-(?=[a-z])"
)


@lru_cache(maxsize=4096)
def _value(amount: str) -> str:
    """An amount as a decimal of at most four places: "1-1/2" is "1.5", "1,000" is "1000"."""
    if amount.isascii() and amount.isdigit():
        return amount.lstrip("0") or "0"
    if "/" not in amount:
        return _shortened(float(amount.replace(",", "")))
    whole, _, part = re.sub("[ -]", " ", amount).rpartition(" ")
    if part.endswith("/0") or part.strip("0").endswith("/"):
        return part
    return _shortened(float(Fraction(whole or 0) + Fraction(part)))


def _shortened(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _measured(match: re.Match[str]) -> str:
    """A number with the unit that follows it; what follows and is no unit stays, and "2nd" or "3d" stays whole."""
    amount, gap, unit = match.groups()
    if unit is None:
        return f" {_value(amount)} "
    if unit in UNITS:
        return f" {_value(amount)}{UNITS[unit]} "
    first, _, rest = unit.partition(" ")
    if (first := first.rstrip(".")) in UNITS:
        return f" {_value(amount)}{UNITS[first]} {rest}"
    return f" {_value(amount)} {unit}" if gap else match[0]


def _spelled_out(text: str) -> str:
    """The text with number words as digits, so that "half an inch" is "1/2 inch", and "class a" as "class0a"."""
    within = text.__contains__
    if within(" one"):
        text = _SOMEBODY.sub(r"\1", text)
    text = _SPELLED.sub(lambda m: str(_WORD_NUMBERS[m[1] or m[3] or "one"] + _WORD_NUMBERS.get(m[2] or "", 0)), text)
    if within("half"):
        text = _AND_A_HALF.sub(r"\1 1/2", text)
    if any(map(within, _PARTS)):
        text = _SPELLED_PART.sub(lambda m: f"{m[1] or 1}/{_PARTS[m[2]]}", text)
    if any(map(within, _CLASSES)):
        text = _CLASS.sub(lambda m: "0".join(g for g in m.groups() if g), text)
    return text


def _numbered(text: str) -> str:
    """The text with every number in one spelling, its unit attached."""
    if '"' in text:
        text = _QUOTED.sub(r"\1", text)
    if ("x" in text or " by " in text) and _ACROSS.search(text):
        # Boards and roofs are measured in feet, said or not; a length in inches says so.
        text = _DIMENSION.sub(lambda m: f" {m[1]}{m[2] or ''} x {m[3]}", text)
    if "over " in text or "under " in text or " than " in text or "excess" in text:
        text = _BEYOND.sub(lambda m: "above " if m[1] else "below ", text)
    if _MINUS.search(text):
        text = _BELOW_ZERO.sub(r"\1negative ", text)
    if "no" in text:
        text = _NUMBER_SIGN.sub("#", text)
    if "0" in text and _SIX_DIGITS.search(text):
        text = _SECTION.sub(lambda m: " sec" + "".join(g for g in m.groups() if g) + " ", text)
    within = text.__contains__
    if ("/" in text or " per " in text or "12" in text) and (
        any(map(within, _TWELVE)) or (any(map(within, _FOOT)) and any(map(within, _INCHES)))
    ):
        text = _PITCH.sub(lambda m: f" pitch{_value(m[1] or m[2])} ", text)
    if " in " in text:
        text = _IN_AS_WORD.sub(" ;", text)
    text = _DESIGNATION.sub(lambda m: f"{m[1] or m[2]}{m[3]}", text)
    return _SHARED_UNIT.sub(lambda m: m[1] + m[2], _NUMBER.sub(_measured, text))


_PARTED = "\0"
"""Stands between stretches of a text that are read together."""
_PIECE = re.compile(rf"{_WORD.pattern}|{_PARTED}")
_AFAR = ("x", " by ", "/", " per ")
"""What lets a rule for numbers look at a whole text, wherever it stands there."""


def _settled(text: str) -> str:
    """The text in lower case, typographic variants settled, without an opening that says nothing.

    NFKC makes up to 18 characters of one: no more than what is read of a text is kept.
    """
    if not text.isascii():
        text = normalised(_VULGAR.sub(r" \g<0>", text), "NFKC")[:READ].translate(_STANDARD_MARKS)
    text = text.lower().lstrip()
    if text.startswith("ok"):
        text = _OPENING.sub("", text)
    if " wondering" in text or " curious" in text or " hoping" in text or " asked" in text or " asking" in text:
        text = _WONDERING.sub("", text)
    return text


def _joined(text: str) -> str:
    """The text with abbreviations and prefixes in one word."""
    if "." in text:
        text = _DOTTED.sub(lambda m: m[0].replace(".", "") + " ", text)
    return _PREFIX.sub(r"\1", text) if "-" in text else text


def _read(text: str) -> list[str]:
    """The words of a settled text, read as one."""
    text = _joined(text)
    if not _PLAINLY_SPELLED.search(text):
        words = _PIECE.findall(_numbered(text) if _DIGIT.search(text) else text)
        if _SPELLED_WORDS.isdisjoint(words):
            return words
    return _PIECE.findall(_numbered(_spelled_out(text)))


class _Token(NamedTuple):
    """What stands between two blanks: its kind, and its words where no number reaches it.

    "n" is or may be a number, "w" is a plain word, at which the reach of a number ends, and "m" anything else, such as
    a unit.
    """

    kind: str
    words: tuple[str, ...]


_MEASURING = {"feet", "foot", "inch", "inches", "square", "linear", "lineal", "running", "miles", "per", "deg",
              "degree", "degrees", "lin", "over", "under", "more", "less", "fewer", "greater", "than",
              "excess"}  # fmt: skip
"""Words of three letters and more that a rule for numbers may have between a number and another word."""
_NUMBERING = _SPELLED_WORDS | {part + "s" for part in _PARTS}
_LETTERS = re.compile("[a-z]+")
_PLAIN = re.compile("([a-z]{3,})(?:'s)?[.,;:?!]*")
_FIGURE = re.compile(r"\d|(?<![\w.])\.")
_REACH = re.compile("w?(?<!m)m*n[mn]*(?:w[mn]*n[mn]*)*w?")
"""The kinds of tokens that are read together: numbers, what may measure them, and a plain word on either side. Between
two numbers a single plain word may join them."""

LONGEST_TOKEN = 32
"""Characters of a token that is kept in memory with what it is."""


def _token(token: str) -> _Token:
    joined = _joined(token)
    own = tuple(_WORD.findall(joined))
    if _FIGURE.search(token) or not _NUMBERING.isdisjoint(_LETTERS.findall(joined)):
        return _Token("n", own)
    plain = _PLAIN.fullmatch(token)
    return _Token("w" if plain and plain[1] not in _MEASURING else "m", own)


_known_token = lru_cache(maxsize=1 << 16)(_token)


def _tokens(text: str) -> list[_Token]:
    return [_known_token(token) if len(token) <= LONGEST_TOKEN else _token(token) for token in text.split(" ")]


def _is_whole(text: str) -> bool:
    """Whether a settled text has to be read as one: what is quoted is as long as it may be."""
    return _PARTED in text or ('"' in text and _QUOTED.search(text) is not None)


def _near_numbers(text: str, known: list[_Token]) -> tuple[list[tuple[int, int]], list[str]]:
    """Where the tokens stand that have to be read together, and their words, with _PARTED after each stretch."""
    reached = [match.span() for match in _REACH.finditer("".join([kind for kind, _ in known]))]
    if not reached:
        return [], []
    tokens = text.split(" ")
    near: list[str] = []
    rest: list[str] = []
    done = 0
    for start, end in reached:
        near.append(" ".join(tokens[start:end]) + " " * (end < len(tokens)))
        rest += [*tokens[done:start], ""]
        done = end
    afar = " ".join([*rest, *tokens[done:]])
    return reached, _read(_PARTED.join([*near, "", *filter(afar.__contains__, _AFAR)]))


def words(text: str, rules: Rules = FIRST) -> list[str]:
    """The words of a text, in lower case, numbers with their units.

    No rule for numbers reaches past a plain word: only what is near a number is read with all of them. The second rules
    read what is left of a text without courtesies, see `phrasing`.
    """
    text = _settled(text)
    if rules != FIRST:
        text = phrasing.plain(text)
    if _is_whole(text):
        return [word for word in _read(text) if word != _PARTED]
    known = _tokens(text)
    reached, near = _near_numbers(text, known)
    every: list[str] = []
    done = at = 0
    for start, end in reached:
        every += chain.from_iterable([words for _, words in known[done:start]])
        until = near.index(_PARTED, at)
        every += near[at:until]
        done, at = end, until + 1
    return every + list(chain.from_iterable([words for _, words in known[done:]]))


def numbers(text: str) -> list[str]:
    """The words of a text that hold a digit, and others that stand near them, in no order."""
    text = _settled(text)
    return _read(text) if _is_whole(text) else _near_numbers(text, _tokens(text))[1]
