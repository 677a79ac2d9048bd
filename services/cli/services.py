"""Commands that run things: up, projector, demo."""

from __future__ import annotations

from ..log_lines import is_json, log_to_stderr
from ..settings import SettingsError
from ..starter import end_with_starter
from ..volume import SINKS
from .command import (
    Outcome,
    Session,
    command,
    counted,
    log_format_option,
    monitor_host_option,
    monitor_port_option,
    plain,
    web_host_option,
    web_port_option,
)
from .exports import export_now, export_sentence
from .status import funnel_table


@command("up", example="rooflog up --data-dir /srv/rooflog")
@web_host_option
@web_port_option
@monitor_host_option
@monitor_port_option
@log_format_option
async def up(session: Session) -> Outcome:
    """Start everything on this machine and keep it running: log, projector, exporter and web. Ctrl-C ends it."""
    from rich.console import Console

    from ..runtime import supervisor

    log_to_stderr("up", session.settings.log_format)
    session.tell_of_a_new_log()
    console = Console(stderr=True, highlight=False)

    def announce(line: str) -> None:
        if is_json():
            supervisor.logger.info("%s", line)
        else:
            console.print(f"[bold]rooflog[/bold] {plain(line)}")

    code = await supervisor.run(session.settings, announce)
    return Outcome({"status": "stopped"}, "stopped", code=code)


@command("projector", example="ROOFLOG_NATS_URL=nats://nats:4222 rooflog projector")
@monitor_host_option
@monitor_port_option
@log_format_option
async def projector(session: Session) -> Outcome:
    """Run the projector alone, as a container does; `rooflog up` runs it together with everything else."""
    from .. import tracing
    from ..projector.service import serve

    log_to_stderr("projector", session.settings.log_format)
    tracing.begin("projector")
    end_with_starter()
    async with session.server() as url:
        code = await serve(session.settings, url)
    return Outcome({"status": "stopped" if code == 0 else "error", "error": "see the log above"}, code=code)


@command("demo", example="rooflog demo --data-dir /tmp/rooflog-demo")
async def demo(session: Session) -> Outcome:
    """Play a shipped sample day: capture, feedback, corrections, review, export; ends with the training file.

    It refuses to mix with a log that holds anything else. Playing it again changes nothing.
    """
    from ..demo import MIN_EXAMPLES, play

    if SINKS[session.settings.sink].trainer:
        raise SettingsError("the sample day is not for a trainer's volume: unset ROOFLOG_SINK to play it")
    async with session.state() as (log, state):
        await play(log, state)
        answer = await export_now(session, log, state, {"min_examples": MIN_EXAMPLES})
    funnel = answer["funnel"]
    text = (
        f"A day of {counted(funnel['captured'], 'interaction')} and {counted(funnel['corrections'], 'correction')} "
        f"became {counted(funnel['unique'], 'example')} of training data.\n{export_sentence(answer)}\n"
    )
    after = (
        f"\n[bold]{plain(answer['output_path'])}[/bold]\n\n"
        "Look around: rooflog queue · rooflog stats · rooflog show ID · rooflog history ID"
    )
    return Outcome(answer, text, renderables=(funnel_table(funnel, answer["after_filtering"]), after))
