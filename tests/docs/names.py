"""Names in back quotes: does what they name exist?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import click

from services.cli import main

from . import ROOT, tracked
from .pages import command_words
from .reference import commands, options

_CODE = (".py", ".js", ".toml", ".yml", ".json", ".jsonl", ".html", ".css", "Makefile", ".lock", ".txt")

_FILE = re.compile(r"[\w.-]+\.(?:py|js|toml|yml|json|jsonl|lock|md|txt)")
_WORD = re.compile(r"[A-Za-z_][\w.]*(?:\(\))?")


@cache
def words() -> frozenset[str]:
    """Every identifier in the code, of whatever language."""
    code = (name for name in tracked() if name.endswith(_CODE) and not name.startswith("docs/"))
    text = "\n".join((ROOT / name).read_text("utf-8", "ignore") for name in code if (ROOT / name).is_file())
    return frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))


@cache
def targets() -> frozenset[str]:
    """Every target of the Makefile."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


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
        return all(word in targets() for word in rest if "=" not in word)
    command: click.Command = main
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return False
        command = command.commands[rest.pop(0)]
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
        if not rest or rest[0] not in command.commands:
            return f"no command {' '.join(line)}"
        command = command.commands[rest.pop(0)]
    try:
        command.make_context("rooflog", rest, parent=context)
    except click.UsageError as error:
        return error.format_message()
    return ""


def missing(quoted: str) -> Iterator[str]:
    """What of a name in back quotes does not exist; nothing where it is prose, a value or of somebody else."""
    if command_words(quoted):
        if not is_command(quoted):
            yield quoted
    elif re.fullmatch(r"--[a-z][a-z-]+(?: .*)?", quoted):
        if quoted.split(maxsplit=1)[0] not in flags():
            yield quoted
    elif re.fullmatch(r"ROOFLOG_[A-Z_]+(?:=\S*)?", quoted):
        if not _is_variable(quoted.partition("=")[0]):
            yield quoted
    elif "/" in quoted and quoted.split("/", maxsplit=1)[0] in tracked():
        if quoted.rstrip("/") not in tracked():
            yield quoted
    elif _FILE.fullmatch(quoted):
        if not any(name.rsplit("/", 1)[-1] == quoted for name in tracked()) and not set(_parts(quoted)) <= words():
            yield quoted
    elif _WORD.fullmatch(quoted) and re.search(r"[a-z]_|_[a-z]|[a-z]\.[a-z]|[a-z][A-Z]|^[A-Z][a-z]", quoted):
        yield from (f"{part} in {quoted}" for part in _parts(quoted) if not _is_word(part))


def _parts(quoted: str) -> list[str]:
    return re.findall(r"[A-Za-z_][A-Za-z0-9_]*", quoted)


def _is_word(part: str) -> bool:
    """Is it an identifier, or made of one and an ending, as in `f"{what}_unavailable"`?"""
    start, _, end = part.rpartition("_")
    return part in words() or (start in words() and f"_{end}" in words())


def _is_variable(name: str) -> bool:
    return name in words() or name.removeprefix("ROOFLOG_").lower() in words()
