"""Commands that say facts: capture, feedback, correct, import."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import DecodeError, json

from events import calls
from events.errors import InputError, InvalidFact
from events.facts import Document, ToolTurn

from ..curation.facts import correction, find
from ..imports import Preview, described, import_files, known
from .command import Outcome, Session, actor_option, command, counted, plain, text_argument


@command(
    "capture",
    example='rooflog capture --prompt "Minimum slope for TPO?" --response @answer.txt --tag tpo',
)
@click.option("--prompt", required=True, help="What was asked; - reads standard input, @FILE a file.")
@click.option("--response", required=True, help="What was answered; - reads standard input, @FILE a file.")
@click.option("--source", default="chat_interaction", show_default=True, help="Where it comes from.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be repeated.")
@click.option("--project", default="general", show_default=True, help="The project it belongs to.")
@click.option("--skill", "skill_used", help="The skill that answered.")
@click.option("--tier", "tier_handled", help="The tier that answered: rules, modal, groq, anthropic.")
@click.option("--latency-ms", type=click.FloatRange(min=0), help="How long the answer took, in milliseconds.")
@click.option("--tokens-in", type=click.IntRange(min=0), help="Tokens of the prompt.")
@click.option("--tokens-out", type=click.IntRange(min=0), help="Tokens of the answer.")
@click.option("--document-type", help="For a generated document: rfi, submittal, …")
@click.option("--used", is_flag=True, help="The document was used.")
@click.option("--modified", type=click.Choice(["none", "minor", "major"]), default="none", help="How it was modified.")
@click.option("--conversation", help="The conversation it is a turn of, by its id in the assistant.")
@click.option("--follows", help="The example of the turn before; the last of the conversation unless given.")
@click.option("--system", help="The system text it was asked under; - reads standard input, @FILE a file.")
@click.option("--tool", "tools", multiple=True, help='A call of a tool, as JSON {"name", "arguments", "result"}.')
@click.option("--attachment", "attachments", multiple=True, help="KIND=ADDRESS of a photo or file; may be repeated.")
@click.option("--finish-reason", help="Why the answer ended: stop, length, tool_calls, …")
@click.option("--model", help="The model that answered.")
@click.option("--exclude", is_flag=True, help="Keep it, but never train on it.")
@actor_option
async def capture(
    session: Session,
    prompt: str,
    response: str,
    source: str,
    tags: tuple[str, ...],
    project: str,
    document_type: str | None,
    used: bool,
    modified: Any,
    exclude: bool,
    system: str | None,
    tools: tuple[str, ...],
    attachments: tuple[str, ...],
    **more: Any,
) -> Outcome:
    """Record an interaction; prints the id of the new example."""
    if (used or modified != "none") and not document_type:
        raise InputError("--used and --modified are about a document; say which with --document-type")
    document = None
    if document_type:
        document = Document(document_type=document_type, was_used=used, modifications_made=modified)
    fact = calls.capture(
        text_argument(prompt, "prompt"),
        text_argument(response, "response"),
        actor=session.settings.who,
        source=source,
        tags=tags,
        project=project,
        document=document,
        include_in_training=not exclude,
        system=None if system is None else text_argument(system, "system"),
        tools=[_tool(text) for text in tools],
        attachments=[_attachment(text) for text in attachments],
        **more,
    )
    async with session.log() as log:
        published = await log.publish([fact])
    for _, reason in published.refused:
        raise InvalidFact("invalid", reason)
    return Outcome({"status": "captured", "example_id": fact.example_id}, fact.example_id)


def _tool(text: str) -> ToolTurn:
    try:
        return calls.tool(**json.decode(text, type=dict[str, Any]))
    except (DecodeError, TypeError, ValueError) as error:
        raise InputError(f'--tool {text[:80]!r}: {error}; give {{"name": …, "arguments": …, "result": …}}') from error


def _attachment(text: str) -> dict[str, str]:
    kind, _, address = text.partition("=")
    if not kind or not address:
        raise InputError(f"--attachment {text[:80]!r} is not KIND=ADDRESS, such as image=https://example.com/roof.jpg")
    return {"kind": kind, "address": address}


@command("feedback", example="rooflog feedback train_20250115_143000_1a2b3c4d positive")
@click.argument("example_id")
@click.argument("feedback", type=click.Choice(["positive", "negative"]))
@click.option("--comment", help="Why.")
@actor_option
async def feedback(session: Session, example_id: str, feedback: Any, comment: str | None) -> Outcome:
    """Give a thumbs up or down; after a thumbs down the answer asks for a correction."""
    fact = calls.feedback(example_id, feedback, actor=session.settings.who, comment=comment)
    async with session.log() as log:
        seq = await log.give_feedback(fact)
    wanted = feedback == "negative"
    text = f"recorded as sequence {seq}"
    if wanted:
        text += f"; what should the answer have been? rooflog correct --example {plain(example_id)} --corrected …"
    return Outcome({"status": "recorded", "example_id": example_id, "seq": seq, "request_correction": wanted}, text)


@command(
    "correct",
    example='rooflog correct --example train_20250115_143000_1a2b3c4d --corrected @better.txt --reason "old edition"',
)
@click.option("--example", "example_id", help="The example that was wrong; its prompt and answer need no repeating.")
@click.option("--prompt", help="The original prompt, where there is no example.")
@click.option("--original", help="The original answer, where there is no example.")
@click.option("--corrected", required=True, help="What the answer should have been; - standard input, @FILE a file.")
@click.option("--reason", help="What was wrong.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be repeated.")
@click.option("--project", help="The project it belongs to; the example's by default.")
@actor_option
async def correct(
    session: Session,
    example_id: str | None,
    prompt: str | None,
    original: str | None,
    corrected: str,
    reason: str | None,
    tags: tuple[str, ...],
    project: str | None,
) -> Outcome:
    """Record what an answer should have been; prints the id of the correction."""
    if example_id is None and (prompt is None or original is None):
        raise InputError("give --example ID, or both --prompt and --original")
    async with session.state() as (log, state):
        fact = correction(
            text_argument(corrected, "corrected"),
            actor=session.settings.who,
            example=None if example_id is None else await find(state, example_id),
            original_prompt=None if prompt is None else text_argument(prompt, "prompt"),
            original_response=None if original is None else text_argument(original, "original"),
            reason=reason,
            tags=tags or None,
            project=project,
        )
        seq = await log.correct(fact)
    return Outcome(
        {"status": "recorded", "correction_id": fact.event_id, "example_id": fact.example_id, "seq": seq}, fact.event_id
    )


def _formats() -> Iterable[str]:
    return ("Each line is known by what it holds:", *described())


@command("import", example="rooflog import old_store/ --json", details=_formats)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--dry-run", "is_preview", is_flag=True, help="Tell what would come of it, and import nothing.")
async def import_(session: Session, paths: tuple[Path, ...], is_preview: bool) -> Outcome:
    """Import files, folders of them, or standard input, of any mixture of formats.

    JSON lines (.jsonl, .ndjson), JSON (.json), tables (.csv, .tsv, .parquet), as they are or in .gz or .zst.

    Importing again adds nothing. A bad line is reported with file, line and reason, everything else is imported, and
    the exit code is 1. So it is where nothing could be imported.
    """
    preview = Preview() if is_preview else None
    async with session.log() as log:
        with session.progress("importing") as progress:
            report = await import_files(log, paths, progress, preview)
    lines = [f"[yellow]{plain(p.file)}:{p.line}:[/yellow] {plain(p.reason)}" for p in report.problems]
    copies = counted(report.same_fact, "copy of a correction", "copies of corrections")
    lines.append(
        f"{counted(report.lines, 'line')} in {counted(report.files, 'file')}: {counted(report.new, 'new fact')}, "
        f"{report.existing:,} already there, {report.changed:,} changed, {copies}, "
        f"{counted(report.ignored, 'part')} without an answer, {counted(len(report.problems), 'problem')}"
    )
    if report.choices or report.broken:
        choices = counted(report.choices, "further choice")
        lines.append(f"left out: {choices} of answers, {counted(report.broken, 'broken number')}")
    if report.unrecorded:
        calls_of_models = counted(report.unrecorded, "call of a model", "calls of a model")
        lines.append(f"left out: {calls_of_models} without texts; switch on that your tracing records contents")
    if report.by_machine or report.unclear:
        lines.append(
            f"left out: {counted(report.by_machine, 'score')} that no person gave, "
            f"{counted(report.unclear, 'score')} that say neither good nor bad of a whole answer"
        )
    kinds = preview.kinds if preview else {}
    for tag, kind in kinds.items():
        lines += [f"{kind.count:,} would be new: {tag}", *(f"  {plain(example)}" for example in kind.examples)]
    status = "imported_with_problems" if report.problems else "imported" if report.is_recognised else "nothing_imported"
    if not report.is_recognised:
        lines.append(f"nothing could be imported; {known()}")
    if preview:
        lines.append("nothing was imported: this is what would come of it")
    value: dict[str, Any] = {
        "status": "previewed" if preview else status,
        **report.answer(),
    } | ({"kinds": msgspec.to_builtins(kinds)} if preview else {})
    return Outcome(value, "\n".join(lines), code=0 if status == "imported" else 1)
