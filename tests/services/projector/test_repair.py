"""Whatever table is damaged, `rebuild --verify` names it and `rebuild --projection` repairs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from events.errors import InputError
from events.facts import Fact, TrainingSetExported, TrainingTriggered
from events.log.log import Log
from events.message import restated
from projections.fold import tables
from projections.fold.content_digest import table_digests
from projections.fold.table_copy import compared
from projections.store.database import Connection
from projections.store.table import Table
from services.projector.rebuild import Plan, Rebuild
from services.runtime.nats_server import EmbeddedServer
from services.state.owner import Owner

from ...events.copying import of_chat
from ...projections.given import (
    BETTER,
    OTHER_PROMPT,
    SUPPLIER,
    adopted,
    approved,
    captured,
    corrected,
    described,
    erased,
    liked,
    noted,
    policy,
    redacted,
)
from ..conftest import NOW

AGAIN = "how high does the base flashing have to extend above a roof, please?"
EXPORT = "e" * 64
MADE: dict[str, Any] = {"occurred_at": NOW, "actor": "exporter", "export_digest": EXPORT}

DAY: tuple[Fact, ...] = (
    captured("a"),
    liked("a"),
    captured("b", AGAIN, BETTER),
    liked("b"),
    captured("c", OTHER_PROMPT, f"Slope it 1/4 inch per foot.{SUPPLIER}", tags=("odd",)),
    captured("d", "Which roof tape is it?"),
    captured("e", "Which EPDM seam tape lasts long?", tags=("odd",)),
    corrected("c", prompt=OTHER_PROMPT),
    redacted("c", OTHER_PROMPT, "Slope it 1/4 inch per foot."),
    approved("d"),
    erased("d"),
    liked("nobody"),
    captured("f", "And on EPDM?", BETTER, details=of_chat("How long does TPO last?", "Long.", "And on EPDM?")),
    captured("g", "Which roof drain is it?", system="Ask bo@example.com about the roof."),
    described("a", added=("zinc",)),
    noted("a"),
    adopted(policy(filters={"min_prompt_chars": 9})),
    TrainingSetExported(event_id="export", policy_digest="b" * 64, log_digest="c" * 64, last_seq=9, **MADE),
    TrainingTriggered(event_id="training", outcome="intended", **MADE),
)
"""A row for every table but that of restatements, each of which names a message."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def folded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Log, Owner]]:
    folder = tmp_path_factory.mktemp("repair")
    with EmbeddedServer(folder / "nats") as server:
        log = await Log.connect(server.access())
        await log.client.jetstream().publish("training.example.captured.x.junk", b"junk")
        assert not (await log.publish(DAY)).refused
        copying = [message async for some in log.read(0) for message in some if message.parts.about == "f"]
        without = restated(copying[0])
        assert without
        assert not (await log.publish([without])).refused
        owner = Owner(folder / "rooflog.duckdb")
        await owner.catch_up(log)
        yield log, owner
        owner.close()
        await log.close()


def digests(owner: Owner) -> dict[str, str]:
    return table_digests(owner.projector.con, compared())


async def run(log: Log, owner: Owner, **plan: Any) -> dict[str, Any]:
    return await Rebuild(log, owner.files, owner, asyncio.Lock(), Plan(**plan)).run()


def change(con: Connection, table: Table) -> None:
    """Change a value of every row, of its key only where it has no other column."""
    key = table.key.split(", ")
    column = [name for name in table.columns if name not in key or set(key) == set(table.columns)][-1]
    con.execute(f"UPDATE {table.name} SET {column} = {OTHERWISE[table.columns[column]].format(column)}")


OTHERWISE = {
    "BIGINT": "coalesce({}, 0) + 1",
    "UINTEGER": "{} + 1",
    "SMALLINT": "{} + 1",
    "TINYINT": "{} + 1",
    "DOUBLE": "coalesce({}, 0) + 1",
    "BOOLEAN": "NOT {}",
    "VARCHAR": "concat({}, 'x')",
    "VARCHAR[]": "list_append({}, 'x')",
    "BIGINT[]": "list_append({}, 1)",
    "BLOB": "'x'::BLOB",
    "UUID": "uuid()",
}
"""Another value of a column than it has, by its type."""


@pytest.mark.parametrize("table", tables.repairable(), ids=lambda table: table.name)
async def test_a_damaged_table_is_named_and_repaired(folded: tuple[Log, Owner], table: Table) -> None:
    log, owner = folded
    con, right = owner.projector.con, digests(owner)
    is_read_anew = table.kind == "cache"  # else it is taken over and nobody knows how it should be
    assert not right.get(table.name, "").startswith("0 "), "a table without rows cannot be damaged"
    change(con, table)
    verified = await run(log, owner, verify=True, from_log=is_read_anew)
    assert (verified["status"], verified.get("different")) == ("different", [table.name])
    con.execute(f"DELETE FROM {table.name}")
    await run(log, owner, projection=table.name)
    assert digests(owner) == right
    assert con.execute(f"SELECT count(*) FROM {table.name}").fetchall() > [(0,)]
    if table.text_key:
        assert (await run(log, owner, verify=True, from_log=True))["status"] == "rebuilt"


@pytest.mark.parametrize("table", [table for table in tables.TABLES if table.kind == "file"], ids=lambda t: t.name)
async def test_what_a_file_says_of_itself_is_not_put_back(folded: tuple[Log, Owner], table: Table) -> None:
    with pytest.raises(InputError, match=f"no projection '{table.name}'; there are examples"):
        await run(*folded, projection=table.name)
