"""Commands of the gateway: web, and the tokens that let people and programs in."""

from __future__ import annotations

import sys
from typing import get_args

import click
import msgspec

from ..log_lines import log_to_stderr
from ..starter import end_with_starter
from ..web.access.tokens import Role, Tokens
from .command import Outcome, Session, command, log_format_option, plain, web_host_option, web_port_option


@command("web", example="rooflog web --data-dir /srv/rooflog --web-port 8080")
@web_host_option
@web_port_option
@log_format_option
async def web(session: Session) -> Outcome:
    """Serve the pages and the HTTP API; `rooflog up` runs this together with everything else.

    Without a tokens file (`rooflog token add`) only you on this machine are served, as the operator; where other
    machines reach the service nobody is.
    """
    from .. import tracing
    from ..asyncapi import document
    from ..web.serve import serve

    log_to_stderr("web", session.settings.log_format)
    tracing.begin("web")
    end_with_starter()
    async with session.server() as url:
        code = await serve(session.settings, url, document)
    return Outcome({"status": "stopped" if code == 0 else "error", "error": "see the log above"}, code=code)


@command("asyncapi", example="rooflog asyncapi > asyncapi.json")
@click.option("--html", is_flag=True, help="The page that the gateway serves at /api/asyncapi, instead of JSON.")
async def asyncapi(session: Session, html: bool) -> Outcome:
    """Print what the services listen to and say on NATS, as an AsyncAPI document."""
    from ..asyncapi import document
    from ..web.reference import asyncapi_page

    made = document()
    if not session.as_json:
        text = asyncapi_page(made) if html else msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        sys.stdout.write(text)
    return Outcome(made)


@click.group("token")
def token() -> None:
    """Tokens for the gateway: who may say, look, decide and operate.

    The file keeps their SHA-256 only; the first token closes the gateway to everybody without one, at once.
    """


@command("add", example="rooflog token add ann --role reviewer")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    required=True,
    help="publisher: say facts. reviewer: also look and decide. operator: everything. auditor: look only.",
)
@click.option(
    "--trusted",
    is_flag=True,
    help="For systems such as the assistant's backend: its sources, used documents and correctors are believed.",
)
async def add(session: Session, name: str, role: Role, trusted: bool) -> Outcome:
    """Make a token and print it, this once; NAME is the actor of the facts that are said with it."""
    session.tell_of_open_files()
    tokens = Tokens(session.settings.tokens_file)
    secret = tokens.add(name, role, trusted=trusted)
    session.note(f"its digest is in {tokens.path}")
    value = {"status": "added", "name": name, "role": role, "trusted": trusted, "token": secret}
    return Outcome(value | {"file": str(tokens.path)}, secret)


@command("list", example="rooflog token list")
async def list_(session: Session) -> Outcome:
    """List the tokens: names, roles, and since when; never the tokens themselves."""
    session.tell_of_open_files()
    kept = Tokens(session.settings.tokens_file).all()
    tokens = [
        {"name": entry.name, "role": entry.role, "trusted": entry.trusted, "created_at": entry.created_at.isoformat()}
        for entry in kept
    ]
    from rich.table import Table

    table = Table("name", "role", "trusted", "since", box=None, header_style="bold")
    for entry in kept:
        trusted = "yes" if entry.trusted else ""
        table.add_row(plain(entry.name), entry.role, trusted, f"{entry.created_at:%Y-%m-%d %H:%M}")
    return Outcome({"tokens": tokens}, renderables=(table,))


@command("remove", example="rooflog token remove ann")
@click.argument("name")
async def remove(session: Session, name: str) -> Outcome:
    """Remove a token: it and the browsers signed in with it are refused from now on."""
    session.tell_of_open_files()
    gone = Tokens(session.settings.tokens_file).remove(name)
    return Outcome({"status": "removed", "name": gone.name, "role": gone.role}, f"removed {plain(gone.name)}")


for _command in (add, list_, remove):
    token.add_command(_command)
