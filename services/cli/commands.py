"""The table of commands, and the group that loads the one that is used."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click

from ..private_files import UMASK


class Entry(NamedTuple):
    """A command: its name, the module of this package and the attribute that define it, and what it does in short."""

    name: str
    place: str
    help: str

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command: click.Command = getattr(import_module(f"{__package__}.{module}"), attribute)
        return command


COMMANDS = (
    Entry("up", "services:up", "Start everything on this machine and keep it running."),
    Entry("demo", "services:demo", "Play a shipped sample day, from captures to the training file."),
    Entry("import", "facts:import_", "Import files of JSON lines: an old store, chat logs, traces."),
    Entry("capture", "facts:capture", "Record an interaction; prints the id of the new example."),
    Entry("feedback", "facts:feedback", "Give a thumbs up or down."),
    Entry("correct", "facts:correct", "Record what an answer should have been."),
    Entry("queue", "review:queue", "List what waits for review, most urgent first."),
    Entry("show", "review:show", "Show an example: is it trained on, and if not, why not."),
    Entry("approve", "review:approve", "Approve examples for training."),
    Entry("reject", "review:reject", "Reject an example: it stays out of training."),
    Entry("reopen", "review:reopen", "Take a decision back: the example stands undecided again."),
    Entry("undo", "bulk:undo", "Take back what was decided in a stretch of the log."),
    Entry("edit", "review:edit", "Edit an answer and approve it in one step."),
    Entry("describe", "tags:describe", "Change the tags or project of an example, or exclude it."),
    Entry("note", "notes:note", "Say something about an example to the others."),
    Entry("inbox", "notes:inbox", "List the notes that name you."),
    Entry("tags", "tags:tags", "List tags, and rename one everywhere."),
    Entry("redact", "texts:redact", "Replace personal data in an example by placeholders."),
    Entry("analyze", "texts:analyze", "Judge texts without a server: relevance, tags, personal data."),
    Entry("duplicates", "texts:duplicates", "Find near-duplicates without a server."),
    Entry("stats", "status:stats", "Show how much there is and how much of it is trained on."),
    Entry("export", "exports:export", "Bring the volume up to date: every format of the training set."),
    Entry("train", "exports:train", "Start a training on the latest export."),
    Entry("exports", "exports:exports", "List exports and the trainings on them, newest first."),
    Entry("lineage", "exports:lineage", "Tell where a row comes from, or where an example went."),
    Entry("history", "replay:history", "Tell the whole story of an example in order."),
    Entry("replay", "replay:replay", "Tell what was said, in the order of the log."),
    Entry("status", "status:status", "Show what runs, how far behind it is, and what is wrong."),
    Entry("doctor", "doctor:doctor", "Say what is wrong with an installation, and the cure."),
    Entry("policy", "policies:policy", "Show and change what is trained on."),
    Entry("quarantine", "quarantine:quarantine", "Look at what could not be folded."),
    Entry("held", "erasure:held", "Tell everything that the log holds about a person."),
    Entry("erase", "erasure:erase", "Erase the text of examples everywhere, for good."),
    Entry("verify", "audit:verify", "Prove that the log is what it was."),
    Entry("audit", "audit:audit", "Make an export anew from the log and compare it byte for byte."),
    Entry("backup", "backup:backup", "Write a backup of the log into a new folder."),
    Entry("restore", "backup:restore", "Make the log anew from a backup, and prove that it is the same."),
    Entry("rebuild", "rebuild:rebuild", "Fold the log anew beside the live tables and exchange them."),
    Entry("projector", "services:projector", "Run the projector alone, as a container does."),
    Entry("exporter", "exports:exporter", "Run the exporter alone, as a container does."),
    Entry("web", "web:web", "Serve the pages and the HTTP API."),
    Entry("token", "web:token", "Tokens for the gateway: who may say, look, decide and operate."),
    Entry("secrets", "secrets:secrets", "Secrets of the roles at the NATS server."),
    Entry("tenant", "tenants:tenant", "Several companies on one NATS server."),
    Entry("nats-config", "secrets:nats_config", "Print the configuration of an outside NATS server."),
    Entry("stream", "secrets:stream", "Check the stream of facts, or create it on an outside server."),
    Entry("asyncapi", "web:asyncapi", "Print what the services listen to and say on NATS."),
)
"""Every command, in the order of the help."""


class _Commands(click.Group):
    """Knows its commands by the table, and loads the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return next((entry.load() for entry in COMMANDS if entry.name == cmd_name), None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument. Raises NoSuchCommand with those whose names are near."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in COMMANDS])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="rooflog-server", prog_name="rooflog")
def main() -> None:
    """Turn the daily work of a roofing assistant into training data that can be trusted.

    Every command takes --json (one document on standard output) and --data-dir. Options come after the command, as in
    rooflog status --json. Exit code 0 means done, 1 it failed, 2 the input or usage is wrong.
    """
    os.umask(UMASK)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of how nats-py ends a connection with TLS
    _require_own_events()


def _require_own_events() -> None:
    """Refuse to run with the package `events` of somebody else: every promise rests on what a fact is."""
    spec = find_spec("events")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder != Path(__file__).parents[2] / "events":
        raise click.ClickException(
            f"the package events is {folder}, which is not that of rooflog; give rooflog an environment of its own"
        )
