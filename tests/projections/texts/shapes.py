"""Shapes: ways in which a text can be written, each a function of its size, that make work on a text slow or not.

A shape is a text of a kind that somebody may send, by accident or on purpose. The tests and `make bench` run every step
that works on one text over every shape.
"""

from __future__ import annotations

import random
from collections.abc import Callable

Shape = Callable[[int], str]
"""A text of so many characters."""

WORDS = (
    "the", "roof", "drain", "membrane", "flashing", "needs", "a", "new", "cover", "board", "over", "existing",
    "insulation", "at", "parapet", "and", "every", "scupper", "must", "be", "sealed", "before", "crew", "can", "weld",
    "TPO", "seams", "in", "cold", "weather", "while", "architect", "reviews", "tapered", "polyiso", "submittals", "for",
    "slope", "fasteners", "edge", "metal", "coping", "joints", "penetrations", "curbs", "warranty", "terms",
)  # fmt: skip

PROSE = (
    'How do we flash a 4" pipe through the new TPO membrane? Extend the base flashing 8 inches above the roof. ',
    'Section 07 54 23 wants two layers of 2.6-inch polyiso, staggered, with a 1/2" cover board over both. ',
    "Call Ana at (555) 201-3344 before 7:30, or write to ana.ruiz@example.com; lot 4471-22 is on the truck. ",
    "It is not allowed to weld below 40 degrees F unless the existing deck is dry; see detail 5/A-501.\n\n",
    'The contract sum is $1,250,000.00 less 3/4 of 1% for 12 drains at 1/4" per foot on 35,000 square feet. ',
)

MARKS = "".join(map(chr, [*range(0x300, 0x315), 0x316, 0x317, 0x31B, 0x321, 0x327, 0x328, 0x338, 0x345, 0x5B0, 0x64B]))
"""Combining marks of many classes, so that putting them in order has to move them."""


def _repeated(unit: str) -> Shape:
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def _counted(form: str) -> Shape:
    def text(size: int) -> str:
        return "".join(form.format(n) for n in range(10_000, 10_001 + size // len(form)))[:size]

    return text


def _drawn(from_: str | tuple[str, ...] | list[str], joined: str = "") -> Shape:
    def text(size: int) -> str:
        draw = random.Random(size)
        return joined.join(draw.choices(from_, k=size))[:size]

    return text


def _one_base(marks: str) -> Shape:
    return lambda size: "a" + _drawn(marks)(size - 1)


def _opened(open_: str, close: str) -> Shape:
    return lambda size: open_ * (size // 2) + close * (size - size // 2)


HEX, BASE64 = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

SHAPES: dict[str, Shape] = {
    # what people write
    "prose": _drawn(PROSE),
    "random words": _drawn(WORDS, " "),
    "random words, a line each": _drawn(WORDS, "\n"),
    "one sentence again and again": _repeated(PROSE[0]),
    "bullet list": _repeated("- Extend the base flashing 8 inches above the roof.\n"),
    "numbered list": _counted("{}. Seal the joint at the curb.\n"),
    "markdown table": _repeated("| drain | 4 in | $1,200 |\n|---|---|---|\n"),
    "table of spaces": _repeated("drain        4         1,200     yes\n"),
    "code": _repeated("if (x[i] == \"a\") { y = f(x, 'b'); } // ok\n"),
    "yes or no": _repeated("yes/no no yes "),
    "not": _repeated("not "),
    "new and existing": _repeated("new existing "),
    "opposites": _repeated("minimum maximum above below over under "),
    "from over": _repeated("from over tpo epdm "),
    "half words": _repeated("one half of an inch and a half "),
    "misspelt words": _drawn([w[:2] + c + w[2:] for w in WORDS if len(w) > 4 for c in "qxz"], " "),
    "different words": _counted("wq{}z "),
    "different misspelt words": lambda size: " ".join(
        "flashi" + "".join(random.Random(n).choices("abcdefghij", k=6)) for n in range(size // 13 + 1)
    )[:size],
    # numbers
    "digits": _repeated("1234567890"),
    "one digit": _repeated("7"),
    "card numbers": _repeated("4111 1111 1111 1111 "),
    "numbers": _counted("{} "),
    "numbers with commas": _repeated("1,250,000 "),
    "commas in a number": _repeated(",123"),
    "decimals": _repeated("1.5"),
    "amounts": _repeated("$1,250.75 "),
    "units": _repeated("5 mm "),
    "many units": _counted("{} in "),
    "inches": _repeated('1/2" 3/8" '),
    "feet and inches": _repeated("5'-6\" x 12'-0\" "),
    "dimensions": _repeated("4 x 8 x "),
    "slashes of numbers": _repeated("1/2/"),
    "pitch": _repeated("4:12 1/4 in per ft "),
    "sections": _repeated("07 54 23 "),
    "shared unit": _repeated("2 or 3 or "),
    "dates": _repeated("2025-03-18 12/31/2024 "),
    "phone numbers": _repeated("(555) 201-3344 "),
    "phone numbers after call": _repeated("call 555-201-3344 "),
    "foreign phone numbers": _repeated("+49 30 1234567 "),
    "plus signs": _repeated("+49 "),
    "social security numbers": _repeated("ssn 123-45-6789 "),
    "ibans": _repeated("DE89 3704 0044 0532 0130 00 "),
    "street addresses": _repeated("12 North Main Street "),
    "capitalised words": _repeated("12 Main Oak "),
    "negative numbers": _repeated("-5 -"),
    "ranges": _repeated("3-4-"),
    "classes": _repeated("class a type ii "),
    # secrets and addresses
    "email addresses": _repeated("a@b.co "),
    "at signs": _repeated("@"),
    "one long address": _repeated("a@"),
    "labels of a domain": lambda size: "x@" + _repeated("ab.")(size - 2),
    "dots between letters": _repeated("a.b."),
    "spelled addresses": _repeated("bo at b dot co "),
    "at and dot": _repeated(" at a dot"),
    "urls": _repeated("https://example.com/a?b=c&d=e "),
    "one long url": lambda size: "https://example.com/" + _repeated("a/b?c=d&")(size - 20),
    "passwords in urls": _repeated("ab://u:pw@h "),
    "schemes": _repeated("a://b:"),
    "keys begun": _repeated("-----BEGIN PRIVATE KEY-----"),
    "keys begun and ended": _repeated("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"),
    "key titles": _repeated("-----BEGIN "),
    "dashes": _repeated("-"),
    "tokens begun": _repeated("eyJ"),
    "tokens with one dot": _repeated("eyJhbGciOiJI.eyJ"),
    "web tokens": _repeated("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghij "),
    "long web tokens": _repeated(" eyJ" + "a" * 2000 + ".eyJ" + "b" * 4000),
    "passwords": _repeated("password: hunter2! "),
    "password of something": _repeated("password for the site "),
    "password words": _repeated("password "),
    "keys of vendors": _repeated("sk-abcdefghij0123456789KLMN "),
    "bearers": _repeated("bearer abcdefghij0123456789 "),
    "assigned keys": _repeated("api_key=Ab3dEf6hIj9kLm2n "),
    "titled names": _repeated("Mr. Bo Stone "),
    "signatures": _repeated("Regards,\nBo Stone\n"),
    "thanks": _repeated("thanks\n"),
    "hexadecimal": _drawn(HEX),
    "base64": _drawn(BASE64),
    "base64 in lines": lambda size: "\n".join(_drawn(BASE64)(76) for _ in range(size // 77 + 1))[:size],
    "underscores": _repeated("a_"),
    # marks of punctuation
    "open parentheses": _repeated("("),
    "open brackets": _repeated("["),
    "open braces": _repeated("{"),
    "open angles": _repeated("<"),
    "nested parentheses": _opened("(", ")"),
    "nested brackets": _opened("[", "]"),
    "markdown links": _repeated("[a](b)"),
    "markdown images": _repeated("![a]("),
    "quotes": _repeated('"'),
    "quotes and letters": _repeated('"a'),
    "quotes and spaces": _repeated('"a '),
    "apostrophes": _repeated("'"),
    "apostrophes in words": _repeated("a'"),
    "back ticks": _repeated("`"),
    "quoted lines": _repeated("> "),
    "stars": _repeated("*a "),
    "pipes": _repeated("| "),
    "slashes": _repeated("/"),
    "backslashes": _repeated("\\"),
    "full stops": _repeated("."),
    "commas": _repeated(","),
    "question marks": _repeated("?!"),
    "sentences of one letter": _repeated("a. A"),
    # white space and control characters
    "spaces": _repeated(" "),
    "line feeds": _repeated("\n"),
    "tabs": _repeated("\t"),
    "carriage returns": _repeated("\r\n"),
    "no-break spaces": _repeated("\u00a0"),
    "spaces between words": lambda size: "a" + " " * (size - 2) + "b",
    "spaces after ok": lambda size: "ok" + " " * (size - 2),
    "null characters": _repeated("\x00"),
    "control characters": _repeated("\x01\x1b\x7f\x85"),
    # letters and words
    "one letter": _repeated("a"),
    "one capital letter": _repeated("A"),
    "one long word": _drawn("abcdefghijklmnopqrstuvwxyz"),
    "hyphens in one word": _repeated("re-"),
    "camel case": _repeated("aB"),
    # beyond ASCII
    "CJK": _drawn("屋顶防水膜排水口保温层檐沟女儿墙"),
    "Hangul": _drawn("지붕방수배수"),
    "Hangul jamo": _repeated("\u1112\u1161\u11ab"),
    "leading jamo": _repeated("\u1112"),
    "emoji": _repeated("\U0001f3e0"),
    "joined emoji": _repeated("\U0001f468\u200d\U0001f469\u200d\U0001f467 "),
    "joined without end": _repeated("\U0001f468\u200d"),
    "zero-width joiners": _repeated("\u200d"),
    "flags": _repeated("\U0001f1e9\U0001f1ea"),
    "marks in order on one letter": _one_base("\u0301"),
    "marks out of order on one letter": _one_base(MARKS),
    "two marks in turn": lambda size: "a" + _repeated("\u0301\u0316")(size - 1),
    "a class descending": lambda size: "a" + "\u0345" * (size // 2) + "\u0316" * (size - 1 - size // 2),
    "marks alone": _drawn(MARKS),
    "marks on every letter": _repeated("a\u0301\u0316\u0327"),
    "Zalgo": lambda size: "".join("roof "[n % 5] + _drawn(MARKS)(40) for n in range(size // 41 + 1))[:size],
    "long compatibility forms": _repeated("\ufdfa"),
    "full width": _repeated("ＡＢ１２"),
    "ligatures": _repeated("ﬁﬂ"),
    "vulgar fractions": _repeated("½"),
    "curly quotes": _repeated("“a” "),
    "dotted capital I": _repeated("\u0130"),
    "right to left": _repeated("سقف "),
    "Devanagari": _repeated("\u0915\u094d"),
    "replacement characters": _repeated("\ufffd"),
    "private use": _repeated("\ue000\U000f0000"),
}
"""A shape by its name."""
