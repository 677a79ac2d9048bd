"""Commands about tenants: companies that share the server of this data directory and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from msgspec import structs

from events.errors import InputError

from ..access.secrets import Secrets
from ..access.tenants import Tenant, Tenants, host_of, tenant_at
from ..settings import Settings
from .command import Outcome, Session, command, plain

GIB = 2**30


@click.group("tenant", epilog="Example: rooflog tenant add acme")
def tenant() -> None:
    """Tenants: several companies on one NATS server, each with a log, a database, exports and people of its own."""


@command("add", example="rooflog tenant add acme --max-gib 20")
@click.argument("name")
@click.option("--max-gib", type=click.FloatRange(0.1, 1e6), help="What its log may take of the server's disk at most.")
async def add(session: Session, name: str, max_gib: float | None) -> Outcome:
    """Add a company to the server of this data directory: accounts, users, stream, and a data directory of its own.

    One that is there may get another limit, and one that was closed is let in again. Nothing that is running has to
    be started anew.
    """
    settings = _of_server(session)
    tenants = Tenants(settings.data_dir)
    known = tenant_at(tenants.home(name)) or Tenant(name)
    max_bytes = known.max_bytes if max_gib is None else int(max_gib * GIB)
    home = tenants.put(Tenant(name, max_bytes))
    Secrets(home).create()
    await _take_over(session)
    lines = [f"{plain(name)} is let in; its data directory is {plain(home)}"]
    if settings.nats_url is None:
        lines.append(f"start its services: `rooflog up --data-dir {plain(home)} --web-port PORT`")
    else:
        lines += [
            "make the configuration of the server anew with `rooflog nats-config`, and reload the server",
            f"then make its stream: `rooflog stream --create --data-dir {plain(home)}`",
        ]
    return Outcome(
        {"status": "added", "tenant": name, "data_dir": str(home), "max_gib": _gib(max_bytes)}, "\n".join(lines)
    )


@command("list", example="rooflog tenant list")
async def list_(session: Session) -> Outcome:
    """List the companies on the server of this data directory, and where each has its data."""
    from rich.table import Table

    tenants = Tenants(_of_server(session).data_dir)
    entries: list[dict[str, Any]] = [
        {
            "tenant": each.name,
            "data_dir": str(tenants.home(each.name)),
            "max_gib": _gib(each.max_bytes),
            "is_closed": each.is_closed,
        }
        for each in tenants.all()
    ]
    table = Table("tenant", "data directory", "at most", "", box=None, header_style="bold")
    for entry in entries:
        limit = f"{entry['max_gib']:g} GiB" if entry["max_gib"] else "-"
        table.add_row(entry["tenant"], plain(entry["data_dir"]), limit, "closed" if entry["is_closed"] else "")
    text = "" if entries else "there are no tenants; add one with `rooflog tenant add NAME`"
    return Outcome({"tenants": entries}, text, renderables=(table,) if entries else ())


@command("close", example="rooflog tenant close acme")
@click.argument("name")
async def close(session: Session, name: str) -> Outcome:
    """Let a company in no longer, and keep all that it has.

    `rooflog tenant add` lets it in again. To be rid of it, remove the folders that this command names.
    """
    settings = _of_server(session)
    tenants = Tenants(settings.data_dir)
    home = tenants.put(structs.replace(tenants.one(name), is_closed=True))
    await _take_over(session)
    kept = [str(home), *([str(tenants.log(name))] if settings.nats_url is None else [])]
    lines = [f"{plain(name)} is let in no longer; it is kept in {plain(' and '.join(kept))}"]
    if settings.nats_url is not None:
        lines.append("make the configuration of the server anew with `rooflog nats-config`, and reload the server")
    return Outcome({"status": "closed", "tenant": name, "kept": kept}, "\n".join(lines))


for _command in (add, list_, close):
    tenant.add_command(_command)


def _gib(size: int | None) -> float | None:
    return None if size is None else size / GIB


def _of_server(session: Session) -> Settings:
    """The settings, of a data directory whose server may have tenants. Raises InputError."""
    settings = session.settings
    if host_of(settings.data_dir) != settings.data_dir:
        raise InputError(
            f"{settings.data_dir} belongs to a tenant; give the data directory of its server, "
            f"{host_of(settings.data_dir)}, with --data-dir"
        )
    if (settings.data_dir / "nats" / "store").exists() and not Secrets(settings.data_dir).exist:
        raise InputError(
            f"the server of {settings.data_dir} lets everybody in; close it first with `rooflog secrets create`"
        )
    return settings


async def _take_over(session: Session) -> None:
    """Have the embedded server know the tenants as they are now, started for it where it does not run."""
    if session.settings.nats_url is not None:
        Secrets(session.settings.data_dir).create()
        return
    from ..runtime.nats_server import EmbeddedServer

    async with session.server():
        await asyncio.to_thread(EmbeddedServer(session.settings.data_dir).take_over)
