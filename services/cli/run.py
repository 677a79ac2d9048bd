"""Commands that run things: up, projector, demo, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from projections.policy import RELEVANCE

from .. import supervisor
from ..demo import play
from ..exporter import export as write_export
from .command import Outcome, Session, command, log_to_stderr, plain, web_host_option, web_port_option
from .look import funnel_table


@command("up", example="rooflog up --data-dir /srv/rooflog")
@web_host_option
@web_port_option
async def up(session: Session) -> Outcome:
    """Start everything on this machine and keep it running: the log's server, projector and web. Ctrl-C ends it."""
    log_to_stderr()
    console = Console(stderr=True, highlight=False)
    code = await supervisor.run(session.settings, lambda line: console.print(f"[bold]rooflog[/bold] {plain(line)}"))
    return Outcome({"status": "stopped"}, "stopped", code=code)


@command("projector", example="ROOFLOG_NATS_URL=nats://nats:4222 rooflog projector")
async def projector(session: Session) -> Outcome:
    """Run the projector alone, as a container does; `rooflog up` runs it together with everything else."""
    from ..projector import serve

    log_to_stderr()
    async with session.log() as log:
        url = session.settings.nats_url or f"nats://{log.client.connected_url.netloc}"  # type: ignore[union-attr]
        code = await serve(session.settings, url)
    return Outcome({"status": "stopped" if code == 0 else "error", "error": "see the log above"}, code=code)


@command("export", example="rooflog export --min-examples 100 --min-quality high")
@click.option(
    "--min-examples", type=click.IntRange(min=0), help="Export only from so many on; the policy's by default."
)
@click.option("--min-quality", type=click.Choice(list(reversed(RELEVANCE))), help="Lowest relevance; the policy's.")
@click.option("--volume-dir", type=click.Path(path_type=Path), help="Where to write.  [ROOFLOG_VOLUME_DIR]")
async def export(session: Session, min_examples: int | None, min_quality: Any, volume_dir: Path | None) -> Outcome:
    """Write the training set to the volume as training_conversations.jsonl."""
    volume = volume_dir.absolute() if volume_dir else session.settings.volume
    async with session.state() as (_, state):
        with session.progress("exporting") as progress:
            answer = await write_export(
                state, volume, min_examples=min_examples, min_quality=min_quality, progress=progress
            )
    if answer["status"] == "insufficient_data":
        text = (
            f"not exported: {answer['count']:,} examples, {answer['required']:,} are required; the volume is unchanged"
        )
        return Outcome(answer, text, code=1, renderables=(funnel_table(answer["funnel"]),))
    text = f"exported {answer['after_filtering']:,} examples to {plain(answer['output_path'])}"
    return Outcome(answer, text, renderables=(funnel_table(answer["funnel"], answer["after_filtering"]),))


@command("demo", example="rooflog demo --data-dir /tmp/rooflog-demo")
async def demo(session: Session) -> Outcome:
    """Play a shipped sample day: capture, feedback, corrections, review, export; ends with the training file.

    It refuses to mix with a log that holds anything else. Playing it again changes nothing.
    """
    async with session.state() as (log, state):
        answer = await play(log, state, session.settings.volume)
    funnel = answer["funnel"]
    text = (
        f"A day of {funnel['captured']} interactions and {funnel['corrections']} corrections became "
        f"{funnel['unique']} lines of training data.\n"
    )
    after = (
        f"\n[bold]{plain(answer['output_path'])}[/bold]\n\n"
        "Look around: rooflog queue · rooflog stats · rooflog show ID · rooflog history ID"
    )
    return Outcome(answer, text, renderables=(funnel_table(funnel, answer["after_filtering"]), after))
