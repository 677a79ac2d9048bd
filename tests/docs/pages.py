"""What a Markdown page holds: headings, sentences, links, commands, and names in back quotes."""

from __future__ import annotations

import itertools
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

from . import REFERENCE, ROOT, tracked

_MARKDOWN = MarkdownIt("commonmark").enable("table")

_SHELL = ("", "sh", "bash", "console")
"""Languages of code blocks whose lines may be commands."""

_COMMANDS = ("rooflog", "make")

_SENTENCE_ENDS = re.compile(r"(?<=[.!?:])\s+")


class Command(Struct, frozen=True):
    """A command line of ours in a code block, without its comment; `words` begin with the program's name."""

    line: int
    text: str
    words: tuple[str, ...]


class Page(Struct, frozen=True):
    """One Markdown file, by its path from the root of the repository."""

    name: str
    text: str
    headings: tuple[tuple[int, str], ...]
    sentences: tuple[str, ...]
    links: tuple[str, ...]
    commands: tuple[Command, ...]
    quoted: tuple[str, ...]
    scripts: tuple[str, ...]
    """Blocks of shell that a test runs."""

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return ROOT / self.name

    @property
    def anchors(self) -> set[str]:
        """What a link may name after `#`."""
        seen: Counter[str] = Counter()
        anchors = set()
        for _, heading in self.headings:
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return anchors


@cache
def written() -> tuple[Page, ...]:
    """Every page that a person wrote."""
    paths = (ROOT / name for name in sorted(tracked()) if name.endswith(".md"))
    return tuple(read(path) for path in paths if REFERENCE not in path.parents)


@cache
def everything() -> tuple[Page, ...]:
    """Every page, written or generated."""
    return (*written(), *map(read, sorted(REFERENCE.rglob("*.md"))))


def read(path: Path) -> Page:
    """A Markdown file taken apart."""
    text = path.read_text("utf-8")
    tokens = _MARKDOWN.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return Page(
        name=path.relative_to(ROOT).as_posix(),
        text=text,
        headings=tuple(_headings(tokens)),
        sentences=tuple(_sentences(tokens)),
        links=tuple(
            str(value) for token in inline if (value := token.attrs.get("href") or token.attrs.get("src")) is not None
        ),
        commands=tuple(_commands(tokens)),
        quoted=tuple(token.content for token in inline if token.type == "code_inline"),
        scripts=tuple(token.content for token in tokens if token.type == "fence" and token.info.strip() == "sh"),
    )


def _headings(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            yield int(opening.tag[1:]), _plain(content)


def _plain(token: Token) -> str:
    """The words of a line, without its marks."""
    return "".join(
        child.content if child.type in ("text", "code_inline") else " " if child.type == "softbreak" else ""
        for child in token.children or ()
    )


def _sentences(tokens: list[Token]) -> Iterator[str]:
    """Sentences of paragraphs, list items and cells of tables; a name in back quotes is a word of them."""
    for before, token in itertools.pairwise(tokens):
        if token.type == "inline" and before.type != "heading_open":
            yield from (sentence for part in _SENTENCE_ENDS.split(_plain(token)) if (sentence := part.strip()))


def _commands(tokens: list[Token]) -> Iterator[Command]:
    for token in tokens:
        if token.type == "fence" and token.info.strip() in _SHELL and token.map:
            for number, line in enumerate(token.content.splitlines(), token.map[0] + 2):
                if words := command_words(line):
                    text = re.sub(r"\s+#.*", "", line).strip().removeprefix("$ ")
                    yield Command(number, re.sub(r"\s+", " ", text), words)


def command_words(line: str) -> tuple[str, ...]:
    """The words of a command of ours in a line of shell, up to the pipe or comment; empty where there is none."""
    found = re.search(rf"(?:^|[\s(=])((?:{'|'.join(_COMMANDS)})\s.*)", line.strip().removeprefix("$ "))
    if not found or line.lstrip().startswith("#"):
        return ()
    lexer = shlex.shlex(found[1], posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if word in ("|", ">", ";", "&", "&&", ")", "||"):
                break
            words.append(word)
    except ValueError:  # a quotation that goes on in the next line
        return ()
    return tuple(words)
