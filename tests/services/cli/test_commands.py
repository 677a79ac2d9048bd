"""A command loads what it works with, and nothing else: so that it starts at once."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import services.cli
from services.cli import main
from services.cli.command import counted, sequences
from services.cli.commands import COMMANDS, Entry
from services.cli.status import _share
from tests.docs.reference import commands

from ..conftest import ANSWER, Cli

ENGINES = ("duckdb", "pyarrow", "numpy", "faststream", "litestar", "uvicorn", "modal", "projections.fold")
WATCHED = (*ENGINES, "nats", "rich", "events", "projections")

LOADED = f"""
import json, runpy, sys
out, sys.argv = sys.argv[1], ["rooflog", *sys.argv[2:]]
try:
    runpy.run_module("services", run_name="__main__", alter_sys=True)
finally:
    open(out, "w").write(json.dumps([name for name in {WATCHED!r} if name in sys.modules]))
"""

HELP_COLUMNS = 64
"""What a terminal of 80 columns leaves for what a command does."""


def loaded(folder: Path, *args: str, environment: dict[str, str] | None = None, stdin: str = "") -> set[str]:
    """The watched packages that a command has loaded when it ends."""
    out = folder / "loaded.json"
    command = [sys.executable, "-c", LOADED, str(out), *args]
    environment = environment or {k: v for k, v in os.environ.items() if not k.startswith("ROOFLOG_")}
    done = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(out.read_text()))


def defined() -> dict[str, click.Command]:
    """Every command that a module of the command line defines, by its place."""
    found = {}
    for info in pkgutil.iter_modules(services.cli.__path__):
        module = importlib.import_module(f"services.cli.{info.name}")
        for name, thing in vars(module).items():
            callback = thing.callback if isinstance(thing, click.Command) and thing is not main else None
            if callback and callback.__module__ == module.__name__:
                found[f"{info.name}:{name}"] = thing
    return {place: command for place, command in found.items() if "_command" not in place}


def test_the_table_names_the_commands_that_modules_define() -> None:
    commands = defined()
    groups = [command for command in commands.values() if isinstance(command, click.Group)]
    inside = {id(command) for group in groups for command in group.commands.values()}
    outside = {place: command.name for place, command in commands.items() if id(command) not in inside}
    assert {entry.place: entry.name for entry in COMMANDS} == outside
    assert len({entry.name for entry in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_what_a_command_does_fits_on_a_line(entry: Entry) -> None:
    assert len(entry.help) <= HELP_COLUMNS
    assert entry.help.endswith(".")


@pytest.mark.parametrize(
    ("args", "near"), [(["aprove"], "approve"), (["policy", "adpot"], "adopt"), (["token", "ad"], "add")]
)
def test_a_mistyped_command_leads_to_the_right_one(args: list[str], near: str) -> None:
    told = CliRunner().invoke(main, args)
    assert told.exit_code == 2
    assert "No such command" in told.stderr
    assert "Did you mean" in told.stderr
    assert near in told.stderr.split("Did you mean")[1]


@pytest.mark.parametrize(("count", "words"), [(0, "0 copies"), (1, "1 copy"), (2, "2 copies"), (1_200, "1,200 copies")])
def test_a_noun_agrees_with_its_count(count: int, words: str) -> None:
    assert counted(count, "copy", "copies") == words
    assert counted(count, "fact") == words.replace("copy", "fact").replace("copies", "facts")


@pytest.mark.parametrize(("seqs", "words"), [([], "sequences none"), ([3], "sequence 3"), ([3, 4], "sequences 3, 4")])
def test_sequences_agree_with_their_number(seqs: list[int], words: str) -> None:
    assert sequences(seqs) == words


@pytest.mark.parametrize(("unique", "share"), [(0, "0 %"), (998, "99 %"), (999, "99 %"), (1_000, "100 %")])
def test_a_goal_looks_reached_when_it_is(unique: int, share: str) -> None:
    assert _share(unique, 1_000) == share


def test_a_new_token_is_alone_on_standard_output(cli: Cli) -> None:
    told = cli.run("token", "add", "ann", "--role", "reviewer")
    assert len(told.stdout.split()) == 1
    assert str(cli.data_dir / "tokens.json") in told.stderr


def test_help_loads_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--help") == set()
    assert loaded(tmp_path, "--version") == set()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("capture --help", {"nats"}),
        ("approve --help", {"nats"}),
        ("status --help", {"nats", "rich"}),
        ("backup --help", set()),
        ("erase --help", {"nats", "rich"}),
        ("web --help", set()),
        ("token list", {"rich"}),
    ],
)
def test_a_command_loads_no_engine_that_it_does_not_use(tmp_path: Path, args: str, expected: set[str]) -> None:
    environment = os.environ | {"ROOFLOG_DATA_DIR": str(tmp_path)}
    assert loaded(tmp_path, *args.split(), environment=environment) - {"events", "projections"} <= expected


def test_texts_are_judged_without_a_way_to_the_log(tmp_path: Path) -> None:
    found = loaded(tmp_path, "analyze", stdin='{"prompt": "Minimum slope for a TPO roof?"}\n')
    assert "duckdb" in found
    assert not found & {"nats", "faststream", "litestar", "uvicorn", "modal"}


def test_a_capture_needs_the_log_alone(cli: Cli, tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "capture", "--prompt", "p", "--response", ANSWER, "--json", environment=dict(cli.environment)
    )
    assert found & {"nats", *ENGINES, "rich"} == {"nats"}


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_example_of_a_command_is_a_right_usage(name: str, command: click.Command) -> None:
    assert command.epilog is not None
    words = shlex.split(command.epilog.removeprefix("Example: ").split(" > ")[0].split(" | ")[-1])
    while "=" in words[0]:  # a variable of the environment
        words.pop(0)
    path = name.split()
    assert words[: len(path)] == path
    with command.make_context(path[-1], words[len(path) :]):
        pass
