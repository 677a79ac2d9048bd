"""Commands about exports: export, train, exports, lineage, and the exporter itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.table import Table

from events.errors import InputError

from ..exporter.client import ask, done
from ..log_lines import log_to_stderr
from ..starter import end_with_starter
from ..volume import open_volume
from .command import (
    Outcome,
    Registered,
    Session,
    actor_option,
    after_option,
    as_of_option,
    command,
    counted,
    log_format_option,
    monitor_host_option,
    monitor_port_option,
    plain,
    policy_option,
    setting_option,
)
from .status import funnel_table

if TYPE_CHECKING:
    from events.log.log import Log

    from ..exporter.workflow import Steps
    from ..state.client import State
    from ..state.protocol import Progress


@command("exporter", example="ROOFLOG_NATS_URL=nats://nats:4222 rooflog exporter")
@monitor_host_option
@monitor_port_option
@log_format_option
async def exporter(session: Session) -> Outcome:
    """Run the exporter alone, as a container does; `rooflog up` runs it together with everything else.

    It exports when the policy says so, on command, and starts trainings. It needs a projector at the same NATS server.
    """
    from .. import tracing
    from ..exporter.service import serve

    log_to_stderr("exporter", session.settings.log_format)
    tracing.begin("exporter")
    end_with_starter()
    async with session.server() as url:
        code = await serve(session.settings, url)
    return Outcome({"status": "stopped" if code == 0 else "error", "error": "see the log above"}, code=code)


def _relevance() -> Iterable[str]:
    from projections.policy.policy import RELEVANCE

    return reversed(RELEVANCE)


def _formats() -> Iterable[str]:
    from ..exporter.formats import described

    return ("The formats:", *described())


@command("export", example="rooflog export --min-examples 100 --min-quality high", details=_formats)
@click.option(
    "--min-examples", type=click.IntRange(min=0), help="Export only from so many on; the policy's by default."
)
@click.option("--min-quality", type=Registered(_relevance), help="Lowest relevance; the policy's.")
@setting_option("volume_dir", "DIR", type=click.Path(path_type=Path))
@click.option("--wait/--no-wait", default=True, help="Wait until a running exporter is done with it (the default).")
@as_of_option
@policy_option
@actor_option
async def export(
    session: Session,
    min_examples: int | None,
    min_quality: Any,
    volume_dir: Path | None,
    wait: bool,
    as_of: str | None,
    policy: Path | None,
) -> Outcome:
    """Bring the volume up to date: every format of the training set, and training_conversations.jsonl for the trainer.

    A running exporter does it, else this command does. Nothing is written where nothing has changed. What --as-of or
    --policy give is written to --volume-dir, and the log does not hear of it.
    """
    args: dict[str, Any] = {"min_examples": min_examples, "min_quality": min_quality}
    if as_of is not None or policy is not None:
        return export_outcome(await _export_apart(session, as_of, policy, volume_dir, args))
    args["actor"] = session.settings.who
    async with session.state() as (log, state):
        if volume_dir:
            from ..exporter.workflow import opened

            elsewhere = msgspec.structs.replace(session.settings, sink="local", volume_dir=volume_dir.absolute())
            async with opened(elsewhere, log, state, elsewhere.who) as steps:
                with session.progress("exporting") as progress:
                    return export_outcome(await steps.export(args, progress))
        if not wait and (handed := await ask(log, "export", **args)):
            return Outcome({"status": "accepted"} | handed, "the exporter will do it; see `rooflog status`")
        return export_outcome(await export_now(session, log, state, args))


async def _export_apart(
    session: Session, as_of: str | None, policy: Path | None, volume_dir: Path | None, args: dict[str, Any]
) -> dict[str, Any]:
    """Export what was, or what would be, where no trainer reads it. Raises InputError where that is not said."""
    settings = session.settings
    if volume_dir is None or volume_dir.resolve() == settings.volume.resolve():
        raise InputError(
            "--as-of and --policy make an export that is not the current one: give a directory of its own with "
            f"--volume-dir (not {settings.volume}, which a trainer may read)"
        )
    from ..exporter.exporter import export_apart
    from ..scratch import scratch

    volume = open_volume(msgspec.structs.replace(settings, sink="local", volume_dir=volume_dir.absolute()))
    try:
        async with session.looking(as_of, policy) as (_, state):
            with scratch(settings.data_dir) as folder, session.progress("exporting") as progress:
                return await export_apart(state, volume, folder, progress=progress, **args)
    finally:
        await volume.close()


async def export_now(session: Session, log: Log, state: State, args: dict[str, Any]) -> dict[str, Any]:
    """Let the running exporter export, or do it here where none runs; the answer."""
    with session.progress("exporting") as progress:
        return await _by_whoever(
            session, log, state, "export", args, lambda steps: steps.export(args, progress), progress
        )


async def _by_whoever(
    session: Session,
    log: Log,
    state: State,
    name: str,
    args: dict[str, Any],
    work: Callable[[Steps], Awaitable[dict[str, Any]]],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Hand a job to the exporter, or do its work here; one that is just starting holds the lock before it answers."""
    started = time.monotonic()
    while True:
        if handed := await ask(log, name, **args):
            return await done(log, handed["job"], progress)
        from ..exporter.lock import LOCK_SECONDS, Busy
        from ..exporter.workflow import opened

        try:
            async with opened(session.settings, log, state, session.settings.who, seconds=0.5) as steps:
                return await work(steps)
        except Busy:
            if time.monotonic() - started > LOCK_SECONDS:
                raise


def export_outcome(answer: dict[str, Any]) -> Outcome:
    """What an export answers, for people and machines."""
    if answer["status"] == "insufficient_data":
        text = (
            f"not exported: {counted(answer['count'], 'example')}, and {answer['required']:,} are required; "
            "the volume is unchanged"
        )
        return Outcome(answer, text, code=1, renderables=(funnel_table(answer["funnel"]),))
    return Outcome(
        answer, export_sentence(answer), renderables=(funnel_table(answer["funnel"], answer["after_filtering"]),)
    )


def export_sentence(answer: dict[str, Any]) -> str:
    """The sentence on an export."""
    split = answer["counts"]["sft"]
    head = "unchanged" if answer["unchanged"] else f"exported {counted(answer['after_filtering'], 'example')}"
    return (
        f"{head}: {split['train']:,} to train on in {plain(answer['output_path'])}, {split['eval']:,} kept for "
        f"evaluation; all formats in {plain(answer['export_path'])}"
    )


@command("train", example="rooflog train")
@click.option("--force", is_flag=True, help="Without the policy's numbers, and again on an export that was trained on.")
@actor_option
async def train(session: Session, force: bool) -> Outcome:
    """Start a training on the latest export, if the policy's numbers are reached and it has not been trained on."""
    async with session.state() as (log, state):
        args = {"force": force, "actor": session.settings.who}
        answer = await _by_whoever(session, log, state, "train", args, lambda steps: steps.train(args))
    texts = {
        "started": f"started on {answer['export_digest'][:12]} as {answer.get('call_id')}",
        "running": f"not started: {answer.get('call_id')} is still running",
        "already_trained": f"not started: this export was trained on ({answer.get('outcome')}); --force does it again",
        "not_due": f"not started: {answer.get('reason')}; --force starts it all the same",
    }
    return Outcome(answer, plain(texts[answer["status"]]), code=0 if answer["status"] == "started" else 1)


@command("exports", example="rooflog exports --json")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@click.option("--before", type=click.IntRange(min=1), help="Go on: the `before` of the page, with --json.")
async def exports(session: Session, limit: int, before: int | None) -> Outcome:
    """List exports and the trainings on them, newest first."""
    async with session.state() as (_, state):
        answer = await state.ask("exports", limit=limit, before=before)
    if not answer["exports"]:
        return Outcome(answer, "no exports yet; `rooflog export` makes one")
    table = Table("export", "at", "facts", "examples", "train", "eval", "trainings", box=None, header_style="bold")
    for export in answer["exports"]:
        counts = export["counts"]
        trainings = ", ".join(f"{t['outcome']} {t['call_id'] or ''}".strip() for t in export["trainings"])
        table.add_row(export["export_digest"][:12], export["at"][:19], f"1–{export['last_seq']:,}",
                      f"{counts.get('examples', 0):,}", f"{counts.get('sft_train', 0):,}",
                      f"{counts.get('sft_eval', 0):,}", plain(trainings))  # fmt: skip
    return Outcome(answer, renderables=(table,))


@command("lineage", example="rooflog lineage training_conversations.jsonl:17")
@click.argument("what", metavar="ROW|EXAMPLE|EXPORT")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Examples shown of an export.")
@after_option
async def lineage(session: Session, what: str, limit: int, after: int) -> Outcome:
    """Tell where a row comes from, or where an example went.

    ROW is FILE:LINE of the latest export, or DIGEST:FILE:LINE; it leads to the example, the facts with their times, the
    reviewer, the policy, the exports and the trainings. EXAMPLE is an id and leads to the exports and trainings that
    hold it; EXPORT is (the start of) a digest and leads to its rows.
    """
    from ..exporter.provenance import Provenance

    async with session.state() as (_, state):
        volume = open_volume(session.settings)
        try:
            answer = await (await Provenance.of(state, volume)).of_anything(what, limit, after)
        finally:
            await volume.close()
        if "in" in answer and not answer["in"] and await state.ask("show", example_id=what) is None:
            raise InputError(f"{what} is no row, no example and no export; see `rooflog exports` and `rooflog queue`")
    return Outcome(answer, _lineage_text(answer))


def _lineage_text(answer: dict[str, Any]) -> str:
    if "row" in answer:
        lines = [
            f"[bold]{plain(answer['row'])}[/bold] of export {answer['export']['export_digest'][:12]}",
            *_behind(answer),
        ]
        lines.append(f"policy {answer['export']['policy_digest'][:12]}, facts 1–{answer['export']['last_seq']:,}")
        return "\n".join([*lines, "", *_contained(answer["exports"])])
    if "export" in answer:
        export = answer["export"]
        lines = [f"[bold]{export['export_digest']}[/bold]", f"made by {plain(export['actor'])} at {export['at'][:19]}",
                 f"facts 1–{export['last_seq']:,}, policy {export['policy_digest'][:12]}, {_counted(export['counts'])}",
                 *_trainings(export["trainings"])]  # fmt: skip
        for row in answer["rows"]:
            lines += ["", *_behind(row), *(f"  {line}" for line in row["lines"])]
        return "\n".join(lines)
    if not answer["in"]:
        return f"{plain(answer['example_id'])} is in no export that the volume holds; `rooflog show` tells why"
    return "\n".join([f"[bold]{plain(answer['example_id'])}[/bold]", *_contained(answer["in"])])


def _counted(counts: dict[str, int]) -> str:
    """How many rows an export has, such as `35 examples: sft 31 + 4, dpo 7 + 1` of train and eval."""
    from ..exporter.provenance import formats_of

    rows = [
        f"{name} {counts.get(f'{name}_train', 0):,} + {counts.get(f'{name}_eval', 0):,}"
        for name in formats_of({"counts": counts})
    ]
    return f"{counted(counts.get('examples', 0), 'example')}: {', '.join(rows)} (train + eval)"


def _behind(row: dict[str, Any]) -> list[str]:
    basis = f"approved by {row['approval']}" if row["approval"] else "a bad answer"
    lines = [f"{plain(row['example_id'])}: {row['kind']} from {plain(row['source'])}, {basis}; "
             f"{plain(row['reviewer'])} stands for it"]  # fmt: skip
    for fact in row["facts"]:
        lines.append(f"[dim]{fact['seq']:>8}  {fact['at'][:19]}[/dim]  {fact['fact']} by {plain(fact['actor'])}")
    if row.get("context"):
        lines.append(f"[dim]behind the turns before it: {', '.join(f'{seq:,}' for seq in row['context'])}[/dim]")
    return lines


def _contained(exports: list[dict[str, Any]]) -> list[str]:
    lines = []
    for export in exports:
        lines.append(f"in export {export['export_digest'][:12]} of {export['at'][:19]}: {', '.join(export['lines'])}")
        lines += _trainings(export["trainings"])
    return lines


def _trainings(trainings: list[dict[str, Any]]) -> list[str]:
    lines = []
    for t in trainings:
        parts = [t["outcome"], "at", t["at"][:19], t["call_id"], t["detail"]]
        lines.append(f"  training {t['number']}: {plain(' '.join(part for part in parts if part))}")
    return lines
