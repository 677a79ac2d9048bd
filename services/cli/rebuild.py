"""The command rebuild: the tables anew from the log, beside the live ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
import msgspec

from events.errors import RooflogError
from events.log.log import Log
from projections.store.database import DatabaseError

from ..state.client import OWNER_SECONDS, State, runs
from .command import Outcome, Session, command, counted, on_option, plain

if TYPE_CHECKING:  # what folds is loaded by those who rebuild, not by every command
    from ..projector.rebuild import Condition, Plan, Rebuild
    from ..state.owner import Files, Owner
    from ..state.protocol import Progress


class TableName(click.ParamType[str]):
    """The name of a table that can be put back; the registry that knows them is loaded when it is asked."""

    name = "table"

    @staticmethod
    def _choice() -> click.Choice[str]:
        from projections.fold.tables import repairable

        return click.Choice([table.name for table in repairable()])

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Every name, for the help of the command."""
        return self._choice().get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is; fails with every name for another one."""
        return self._choice().convert(value, param, ctx)


@command("rebuild", example="rooflog rebuild --from-log --verify")
@click.option("--from-log", is_flag=True, help="Read the log alone, no segment, and analyse and link every text again.")
@click.option(
    "--projection",
    type=TableName(),
    help="Put only this table back into the live database, with the tables that belong to it.",
)
@click.option("--verify", is_flag=True, help="Compare with the live tables first; where they differ, leave them.")
@on_option
async def rebuild(session: Session, from_log: bool, projection: str | None, verify: bool, on: str | None) -> Outcome:
    """Fold the log anew beside the live tables and put the result in their place at once.

    Readers and the projector go on meanwhile; the live tables are untouched until the exchange, so an interrupted
    rebuild has done nothing and can be repeated. A projector that runs does it, also after this command has ended;
    saying it again joins the rebuild that is under way. The old file is kept until the new one was opened again.

    --on has the texts read by other machines, where they are read at all: with --from-log, or without a database.
    """
    async with session.log() as log:
        return _outcome(await rebuilt(session, log, from_log=from_log, projection=projection, verify=verify, on=on))


async def rebuilt(
    session: Session,
    log: Log,
    *,
    from_log: bool = False,
    projection: str | None = None,
    verify: bool = False,
    on: str | None = None,
) -> dict[str, Any]:
    """What became of a rebuild, by the projector where one runs, else by this process."""
    from ..projector.rebuild import Plan

    plan = Plan(from_log=from_log, projection=projection, verify=verify, on=on)
    return await _by_projector(session, log, plan) if await runs(log) else await _alone(session, log, plan)


async def _by_projector(session: Session, log: Log, plan: Plan) -> dict[str, Any]:
    """Let the projector do it, and watch."""
    from ..projector.rebuild import REBUILD, Condition, asked

    state = State(log, None, None)
    started = msgspec.convert(await state.run(REBUILD, **msgspec.to_builtins(plan)), Condition)
    result = await _watch(session, lambda: asked(state))
    return result | {"joined": started.plan != plan or started.phase != "preparing"}


async def _alone(session: Session, log: Log, plan: Plan) -> dict[str, Any]:
    """Own the database for as long as it takes; where it cannot be opened, make it anew all the same."""
    from ..projector.rebuild import Rebuild
    from ..state.owner import Files

    files = Files(session.settings.database)
    deadline = time.monotonic() + OWNER_SECONDS
    while True:
        try:
            with ExitStack() as stack:
                owner = _owner(stack, files)
                if owner is not None:
                    await owner.check(log)
                    with session.progress("reading the log") as report:
                        await owner.catch_up(log, report)
                return await _run(session, Rebuild(log, files, owner, asyncio.Lock(), plan, session.settings))
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RooflogError(f"another process holds {files.live}; is a `rooflog` command at work?") from None
        await asyncio.sleep(0.05)


def _owner(stack: ExitStack, files: Files) -> Owner | None:
    """The owner of the database, or None with its files locked where it cannot be opened. Raises BlockingIOError."""
    from ..state.owner import Owner

    try:
        owner = Owner(files.live)
    except DatabaseError:
        stack.callback(files.lock().close)
        return None
    stack.callback(owner.close)
    return owner


async def _run(session: Session, rebuild: Rebuild) -> dict[str, Any]:
    """Run a rebuild in this process, and watch."""
    running = asyncio.create_task(rebuild.run())

    async def look() -> Condition:
        if running.done():
            rebuild.condition.result = running.result()
        return rebuild.condition

    try:
        return await _watch(session, look)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _watch(session: Session, look: Callable[[], Awaitable[Condition | None]]) -> dict[str, Any]:
    """Show one phase after the other until there is a result. Raises RooflogError with what went wrong."""
    from ..projector.rebuild import watched

    shown: dict[str, Progress] = {}
    with ExitStack() as bars:

        def show(now: Condition) -> None:
            if now.phase not in shown:
                bars.close()
                shown[now.phase] = bars.enter_context(session.progress(now.phase))
            shown[now.phase](now.done, now.total)

        return await watched(look, show)


def _outcome(result: dict[str, Any]) -> Outcome:
    if result["status"] == "different":
        names = ", ".join(result["different"])
        text = (
            f"[red]not exchanged: up to sequence {result['checkpoint']:,} the live tables differ from the log in "
            f"{plain(names)}[/red]\n`rooflog rebuild` without --verify puts what the log gives in their place"
        )
        return Outcome(result, text, code=RooflogError.exit_code)
    what = f"table {result['projection']} and what belongs to it" if result["projection"] else "every table"
    how = "the log alone" if not result["taken_over"] else "the log; what texts say was taken over"
    lines = [f"rebuilt {plain(what)} at sequence {result['checkpoint']:,} from {how}"]
    lines.append(f"{counted(result['folded'], 'fact')} at {result['rate']:,}/s, {result['seconds']} s in all")
    if result["verified"]:
        lines.append("[green]the live tables were the same[/green]")
    return Outcome(result, "\n".join(lines))
