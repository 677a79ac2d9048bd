"""Commands of access to the NATS server: secrets, nats-config, stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from events.errors import InputError

from .. import private_files
from ..access import server_config
from ..access.roles import NAMES, ROLES, Name
from ..access.secrets import Secrets, tenancies
from ..settings import Settings
from .command import Outcome, Session, command, plain

LONGEST_WINDOW_DAYS = 90


@click.group("secrets")
def secrets() -> None:
    """Secrets of the roles at the NATS server: who may say, read and change what.

    A new installation makes them by itself. Every process on this machine finds the one of its role in the data
    directory; give `client.json` to an assistant elsewhere, and no other.
    """


@command("create", example="rooflog secrets create --let-in-days 14")
@click.option(
    "--let-in-days",
    type=click.IntRange(0, LONGEST_WINDOW_DAYS),
    default=0,
    show_default=True,
    help="For so many days clients of 0.1.0, which have no secret, may still say facts and read the log.",
)
async def create(session: Session, let_in_days: int) -> Outcome:
    """Close the NATS server of an older installation: make a secret for every role.

    What runs on this machine goes on by itself. Without --let-in-days clients elsewhere wait with their facts until
    they have the secret of the role client.
    """
    session.tell_of_open_files()
    kept = Secrets(session.settings.data_dir)
    kept.create(datetime.now(UTC) + timedelta(days=let_in_days) if let_in_days else None)
    private_files.close(session.settings.data_dir)
    restarted = _take_over(session.settings, restart=True)
    until = kept.let_in_until
    lines = [f"secrets are in {plain(kept.folder)}"]
    if until:
        lines.append(f"clients of 0.1.0 are let in without one until {until:%Y-%m-%d %H:%M} UTC")
    lines.append(_where(session.settings, restarted))
    return Outcome(
        {"status": "created", "folder": str(kept.folder), "let_in_until": until and until.isoformat()}, "\n".join(lines)
    )


@command("list", example="rooflog secrets list")
async def list_(session: Session) -> Outcome:
    """List the roles, what each may do, and where its secret is; never the secrets themselves."""
    from rich.table import Table

    session.tell_of_open_files()
    kept = Secrets(session.settings.data_dir)
    entries = [
        {"role": name, "does": ROLES[name].does, "file": str(kept.path(name)), "exists": kept.path(name).exists()}
        for name in NAMES
    ]
    table = Table("role", "does", "secret", box=None, header_style="bold")
    for name in NAMES:
        table.add_row(name, ROLES[name].does, plain(kept.path(name)) if kept.path(name).exists() else "none")
    until = kept.let_in_until
    value = {
        "roles": entries,
        "is_rotating": kept.is_rotating,
        "let_in_until": until.isoformat() if until else None,
    }
    return Outcome(value, renderables=(table,))


@command("rotate", example="rooflog secrets rotate client")
@click.argument("roles", nargs=-1, type=click.Choice(NAMES), metavar="[ROLE]...")
@click.option("--finish", is_flag=True, help="Let the users of before in no longer; the processes have new secrets.")
async def rotate(session: Session, roles: tuple[Name, ...], finish: bool) -> Outcome:
    """Make new secrets, of all roles or of those that are named, without downtime.

    The users of before are let in until `rooflog secrets rotate --finish`. What runs on this machine reads its new
    secret when it connects the next time; give new files to processes elsewhere before you finish.
    """
    session.tell_of_open_files()
    kept = Secrets(session.settings.data_dir)
    if finish and roles:
        raise InputError("--finish ends the rotation that is under way; it takes no roles")
    rotated = [] if finish else kept.rotate(roles or NAMES)
    if finish:
        kept.finish()
    reloaded = _take_over(session.settings)
    text = (
        "the users of before are let in no longer"
        if finish
        else f"new secrets of {', '.join(rotated)}; both are let in until `rooflog secrets rotate --finish`"
    )
    value: dict[str, Any] = {"status": "finished" if finish else "rotated", "roles": rotated}
    return Outcome(value, f"{text}\n{_where(session.settings, reloaded)}")


for _command in (create, list_, rotate):
    secrets.add_command(_command)


@command("nats-config", example="rooflog nats-config --listen 0.0.0.0:4222 --out nats.conf")
@click.option("--listen", default="127.0.0.1:4222", show_default=True, metavar="HOST:PORT", help="Where it listens.")
@click.option("--store", default="/data", show_default=True, metavar="DIR", help="Where the server keeps the log.")
@click.option("--tls-cert", metavar="FILE", help="The server's certificate; with it nobody connects without TLS.")
@click.option("--tls-key", metavar="FILE", help="The private key of that certificate.")
@click.option("--tls-ca", metavar="FILE", help="The authority whose certificates clients must show.")
@click.option("--name", default="rooflog", show_default=True, help="Its own name, another for each of a cluster.")
@click.option("--cluster", metavar="HOST:PORT", help="Where the other servers of its JetStream cluster reach it.")
@click.option("--route", "routes", multiple=True, metavar="URL", help="A server of the cluster; give it for each.")
@click.option("--monitor", metavar="HOST:PORT", help="Where it tells monitors of its health, to whoever asks.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, readable by its owner only.")
async def nats_config(
    session: Session,
    listen: str,
    store: str,
    name: str,
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    cluster: str | None,
    routes: tuple[str, ...],
    monitor: str | None,
    out: Path | None,
) -> Outcome:
    """Print the configuration of an outside NATS server with the users of this data directory.

    It holds their passwords. The paths are those on the server's machine. After a rotation make it anew and reload the
    server: `nats-server --signal reload`.
    """
    import sys

    session.tell_of_open_files()
    kept = Secrets(session.settings.data_dir)
    kept.create()
    host, port = _address(listen, "listen")
    if bool(cluster) != bool(routes):
        raise InputError("give --cluster and --route together: a cluster has other servers")
    if not name or any(map(str.isspace, name)):
        raise InputError(f"--name {name!r}: give a name without spaces")
    if wrong := [route for route in routes if "://" not in route]:
        raise InputError(f"--route {wrong[0]!r}: give an address such as nats://nats-2:6222")
    if bool(tls_cert) != bool(tls_key) or (tls_ca and not tls_cert):
        raise InputError("give --tls-cert and --tls-key together, and --tls-ca only with them")
    tls: dict[str, Any] = {"cert_file": tls_cert, "key_file": tls_key} if tls_cert else {}
    if tls_ca:
        tls |= {"ca_file": tls_ca, "verify": True}
    made = server_config.document(
        kept.users(),
        store=store,
        host=host,
        port=port,
        name=name,
        lets_in_before=kept.let_in_until is not None,
        tls=tls,
        tenants=tenancies(session.settings.data_dir),
    )
    if cluster:
        cluster_host, cluster_port = _address(cluster, "cluster")
        made["cluster"] = server_config.clustered(cluster_host, cluster_port, routes, kept.of_cluster())
    if monitor:
        _address(monitor, "monitor")
        made["http"] = monitor
    content = server_config.encoded(made)
    if out is not None:
        private_files.write_private(out, content)
        return Outcome({"status": "written", "file": str(out)}, f"written to {plain(out)}")
    if not session.as_json:
        sys.stdout.write(content.decode())
    return Outcome(made)


@command("stream", example="rooflog stream --create --nats-url nats://log:4222")
@click.option("--create", is_flag=True, help="Create what is missing, as the administrator.")
async def stream(session: Session, create: bool) -> Outcome:
    """Check that the stream of facts is what every promise rests on, or create it on an outside server."""
    from events.log import stream as streams

    async with session.log("admin" if create else "operator", create=create) as log:
        if create:
            await streams.ensure_buckets(log, session.settings.replicas)
        config = await streams.held(log)
    wrong = streams.differences(config)
    text = "\n".join(f"[red]wrong:[/red] {plain(each)}" for each in wrong) or "the stream is what rooflog needs"
    return Outcome(
        {"status": "wrong" if wrong else "ok", "wrong": wrong, "config": config}, text, code=1 if wrong else 0
    )


def _address(text: str, option: str) -> tuple[str, int]:
    """The host and port of an option. Raises InputError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"--{option} {text!r}: give an address and a port, such as 0.0.0.0:4222")
    return host.strip("[]"), int(port)


def _take_over(settings: Settings, *, restart: bool = False) -> bool:
    """Have the embedded server of this data directory take over the secrets; whether one runs."""
    from ..runtime.nats_server import EmbeddedServer

    return settings.nats_url is None and EmbeddedServer(settings.data_dir, settings.nats_port).take_over(
        restart=restart
    )


def _where(settings: Settings, has_taken_over: bool) -> str:
    if settings.nats_url is not None:
        return "make the configuration of the outside server anew with `rooflog nats-config` and reload the server"
    return "the server has taken them over" if has_taken_over else "the server takes them over when it starts"
