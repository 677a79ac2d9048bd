"""Names in back quotes: does what they name exist?"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import click

from services.cli import main
from services.settings import Settings

from . import ROOT, tracked
from .pages import command_words
from .reference import commands, options

_CODE = (".py", ".js", ".toml", ".yml", ".json", ".jsonl", ".html", ".css", "Makefile", ".lock", ".txt")


@cache
def code() -> str:
    """The text of the code, of whatever language."""
    names = (name for name in sorted(tracked()) if name.endswith(_CODE) and not name.startswith("docs/"))
    return "\n".join((ROOT / name).read_text("utf-8", "ignore") for name in names)


@cache
def words() -> frozenset[str]:
    """Every identifier in the code."""
    return frozenset(_parts(code()))


@cache
def targets_of_make() -> frozenset[str]:
    """Every target of the Makefile that is there for people."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@cache
def flags() -> frozenset[str]:
    """Every option of every command."""
    found = {flag for _, command in commands() for option in options(command).values()
             for flag in (*option.opts, *option.secondary_opts)}  # fmt: skip
    return frozenset(found | {"--help", "-h", "--version"})


def is_command(name: str) -> bool:
    """Does `rooflog …` or `make …` name a command, with options that it has?"""
    program, *rest = command_words(name)
    if program == "make":
        return all(word in targets_of_make() for word in rest if "=" not in word)
    command: click.Command = main
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(click.Context(command), rest.pop(0))
        if inner is None:
            return False
        command = inner
    has = {flag for option in options(command).values() for flag in (*option.opts, *option.secondary_opts)}
    return {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)} <= has | {"--help", "-h"}


def problem(line: tuple[str, ...]) -> str:
    """What is wrong with the usage of a command line; nothing of it is run."""
    if line[0] == "make":
        return "" if is_command(" ".join(line)) else "no such target"
    command: click.Command = main
    context = click.Context(main)
    rest = list(line[1:])
    while isinstance(command, click.Group):
        inner = command.get_command(context, rest.pop(0)) if rest else None
        if inner is None:
            return f"no command {' '.join(line)}"
        command = inner
    try:
        command.make_context("rooflog", rest, parent=context)
    except click.UsageError as error:
        return error.format_message()
    return ""


def exists(quoted: str) -> bool:
    """Does it exist? True as well of prose, of values, and of names that look like nothing of ours."""
    return next((is_there(quoted) for pattern, is_there in _KINDS if re.fullmatch(pattern, quoted)), True)


def _is_path(quoted: str) -> bool:
    return quoted.split("/", 1)[0] not in tracked() or quoted.rstrip("/") in tracked()


def _is_file(quoted: str) -> bool:
    return quoted in code() or any(name.rsplit("/", 1)[-1] == quoted for name in tracked())


def _is_variable(quoted: str) -> bool:
    name = quoted.partition("=")[0]
    return name in words() or name.removeprefix("ROOFLOG_").lower() in Settings.__struct_fields__


def _is_dotted(quoted: str) -> bool:
    """A module or a name in it, where the first part is one of our folders; else words of the code."""
    parts = quoted.removesuffix("()").split(".")
    if parts[0] not in tracked():
        return all(map(_is_word, parts))
    for depth in range(len(parts), 1, -1):
        path = "/".join(parts[:depth])
        if path in tracked():
            return depth == len(parts)
        if f"{path}.py" in tracked():
            return set(parts[depth:]) <= set(_parts((ROOT / f"{path}.py").read_text("utf-8")))
    return False


def _is_word(part: str) -> bool:
    """Is it an identifier, or made of one and an ending, as in `f"{what}_unavailable"`?"""
    start, _, end = part.rpartition("_")
    return part in words() or (start in words() and f"_{end}" in words())


def _parts(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)


_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"(?:rooflog|make) [a-z].*", is_command),
    (r"--[a-z][a-z-]+(?: .*)?", lambda quoted: quoted.split()[0] in flags()),
    (r"ROOFLOG_[A-Z_]+(?:=.*)?", _is_variable),
    (r"[\w.-]+/.*", _is_path),
    (r"[\w.-]+\.(?:py|js|toml|yml|jsonl?|lock|md)", _is_file),
    (r"[A-Za-z_]\w*(?:\.\w+)+(?:\(\))?", _is_dotted),
    (r"\w*[a-z0-9]_\w+(?:\(\))?|[A-Z]\w*[a-z][A-Z]\w*(?:\(\))?", lambda quoted: _is_word(quoted.removesuffix("()"))),
)
"""What a name looks like, and whether there is such a thing; the first that fits decides."""
