"""The past: the state after any earlier sequence, folded anew beside the live one and thrown away afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing

import msgspec
import pyarrow as pa

from events.errors import RooflogError
from events.log.log import Log
from projections.policy.policy import Policy
from projections.store.database import errors_told
from projections.store.segments import Segment
from projections.tables import policies
from projections.texts import analysis

from ..scratch import scratch
from ..settings import Settings
from ..state.client import State
from ..state.owner import Files, Owner
from ..state.protocol import Progress
from ..state.segments import Replay


@asynccontextmanager
async def as_of(
    settings: Settings,
    log: Log,
    seq: int,
    progress: Progress | None = None,
    *,
    policy: Policy | None = None,
    unless_adopted: Policy | None = None,
    live: State | None = None,
    judging: Progress | None = None,
) -> AsyncIterator[State]:
    """The state after a sequence, under the policy of that time or another one.

    `unless_adopted` is the policy that held as long as none was adopted; the shipped one unless given.

    Where the live state is given, the analyses of texts come from it, because an analysis follows from its text alone,
    and its segments are read. Else the log alone is read.
    `progress` counts facts, and texts unless `judging` is given.
    Raises RooflogError where the log does not reach so far.
    """
    last = await log.last_sequence()
    if not 0 <= seq <= last:
        raise RooflogError(f"the log has sequences 1 to {last:,}, there is no {seq:,}")
    with scratch(settings.data_dir) as home, closing(Owner(home / "rooflog.duckdb")) as owner, errors_told():
        projector = owner.projector
        known = [] if live is None else msgspec.convert(await live.ask("segments"), list[Segment])
        replay = Replay(log, projector, seq, Files(settings.database).segments, known, seals=False)
        async with aclosing(replay.batches()) as batches:
            async for batch in batches:
                await asyncio.to_thread(replay.fold, batch)
                if progress:
                    progress(batch.last, seq)
        if policy is None and not policies.is_adopted(projector.con):
            policy = unless_adopted
        if policy is not None:
            policies.suppose(projector.con, policy)
        if live is not None:
            async with live.rows("analyses") as (_, pages):
                async for page in pages:
                    await asyncio.to_thread(analysis.take_over, projector.con, pa.Table.from_batches([page]))
        await asyncio.to_thread(projector.judge, judging or progress)
        yield State(log, owner, None, as_it_stands=True)
