"""The configuration of a NATS server with the roles of rooflog: accounts, users, permissions, and what passes between.

Every subject that a role uses in another account is exported there to that account alone and imported here. The
document is JSON, which a NATS server reads as its own format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from events.log.access import INBOX, Secret, inbox_of

from .roles import BEFORE, LOG, ROLES, Name, Role
from .tenants import Tenancy, account_of

MAX_PAYLOAD = 8 * 2**20
"""Bytes in one fact; the server warns above this size."""

CLUSTER = "rooflog"

_SYSTEM_API = "$JS.API.STREAM."
"""The server answers these subjects in every account, and says in most that there is no stream: another subject is
taken over, and the account maps the one to the other."""

BEFORE_ACCOUNT = "ROOFLOG_BEFORE"
BEFORE_USER = "before"


def document(
    users: Sequence[tuple[Name, Secret]],
    *,
    store: Path | str,
    host: str = "127.0.0.1",
    port: int = 4222,
    name: str = "rooflog",
    lets_in_before: bool = False,
    tls: dict[str, Any] | None = None,
    tenants: Mapping[str, Tenancy] | None = None,
) -> dict[str, Any]:
    """The configuration of a server that knows these users, of which several may have one role, and its tenants.

    With `lets_in_before` whoever has no secret is a client of 0.1.0. Every fact is synced to disk before it is
    acknowledged. A tenant has all accounts once more under names of its own, and nothing passes between the two.
    """
    accounts = _accounts(users, lets_in_before)
    for tenant, tenancy in (tenants or {}).items():
        accounts |= _of_tenant(tenant, tenancy)
    made = open_document(store=store, host=host, port=port, name=name) | {"accounts": accounts}
    if lets_in_before:
        made["no_auth_user"] = BEFORE_USER
    if tls:
        made["tls"] = tls
    return made


def open_document(
    *, store: Path | str, host: str = "127.0.0.1", port: int = 4222, name: str = "rooflog"
) -> dict[str, Any]:
    """The configuration of a server that lets everybody in, as that of 0.1.0 did."""
    return {
        "host": host,
        "port": port,
        "server_name": name,
        "max_payload": MAX_PAYLOAD,
        "jetstream": {"store_dir": str(store), "sync_interval": "always"},
    }


def clustered(host: str, port: int, routes: Sequence[str], secret: Secret) -> dict[str, Any]:
    """The part of the configuration by which a server finds the others; nobody joins without the secret."""
    return {
        "name": CLUSTER,
        "host": host,
        "port": port,
        "authorization": {"user": secret.user, "password": secret.password},
        "routes": [
            route if "@" in route else route.replace("://", f"://{secret.user}:{secret.password}@") for route in routes
        ],
    }


def encoded(configuration: dict[str, Any]) -> bytes:
    """The file of a configuration."""
    return msgspec.json.format(msgspec.json.encode(configuration), indent=2) + b"\n"


def _accounts(users: Sequence[tuple[Name, Secret]], lets_in_before: bool) -> dict[str, Any]:
    accounts: dict[str, Any] = {}
    roles = {role.account: role for role in ROLES.values() if role.account != LOG}
    if lets_in_before:
        roles[BEFORE_ACCOUNT] = BEFORE
    for account in (LOG, *roles):
        accounts[account] = {"users": [], "exports": [], "imports": []}
    accounts[LOG]["jetstream"] = "enabled"
    for name, secret in users:
        role = ROLES[name]
        accounts[role.account]["users"].append(_user(role, secret))
    if lets_in_before:
        nobody = _user(BEFORE, Secret(BEFORE_USER, ""), inboxes=f"{INBOX}.>")
        accounts[BEFORE_ACCOUNT]["users"].append(nobody)
    answered = {subject: role.account for role in ROLES.values() for subject in role.answers}
    for account, role in roles.items():
        for subject in role.requests:
            _pass(accounts, _answering(answered, subject), account, subject)
        for subject in role.hears:
            accounts[LOG]["exports"].append({"stream": subject, "accounts": [account]})
            accounts[account]["imports"].append({"stream": {"account": LOG, "subject": subject}})
    for role in ROLES.values():
        for subject in role.requests if role.account == LOG else ():
            _pass(accounts, _answering(answered, subject), LOG, subject)
    for content in accounts.values():
        content["exports"] = _merged(content["exports"])
    return accounts


def _of_tenant(tenant: str, tenancy: Tenancy) -> dict[str, Any]:
    """The accounts of a tenant: what an installation of its own would have, by other names."""
    accounts = _accounts(tenancy.users, lets_in_before=False)
    if tenancy.max_bytes is not None:
        accounts[LOG]["jetstream"] = {"max_file": tenancy.max_bytes}
    for content in accounts.values():
        for export in content["exports"]:
            export["accounts"] = [account_of(tenant, account) for account in export["accounts"]]
        for passage in content["imports"]:
            source = passage.get("service") or passage["stream"]
            source["account"] = account_of(tenant, source["account"])
    return {account_of(tenant, account): content for account, content in accounts.items()}


def _answering(answered: dict[str, str], subject: str) -> str:
    """The account in which a subject is answered: where a role answers it, else that of the stream."""
    for prefix, account in answered.items():
        if subject == prefix or (prefix.endswith(".>") and subject.startswith(prefix[:-1])):
            return account
    return LOG


def _pass(accounts: dict[str, Any], owner: str, user: str, subject: str) -> None:
    """Let requests on a subject pass from the account `user` to the account `owner`, and answers back."""
    if user == owner:
        return
    export: dict[str, Any] = {"service": subject, "accounts": [user]}
    if subject.startswith("$JS.API.DIRECT.GET."):  # many messages answer one request
        export["response_type"] = "stream"
    accounts[owner]["exports"].append(export)
    passage: dict[str, Any] = {"service": {"account": owner, "subject": subject}}
    if (mapped := _mapped(subject)) != subject and user != LOG:
        passage["to"] = mapped
        accounts[user].setdefault("mappings", {})[subject] = mapped
    if passage not in accounts[user]["imports"]:
        accounts[user]["imports"].append(passage)


def _mapped(subject: str) -> str:
    """The subject that an account without a stream takes over instead of one that the server answers everywhere."""
    return f"$JS.{LOG}.API.STREAM.{subject.removeprefix(_SYSTEM_API)}" if subject.startswith(_SYSTEM_API) else subject


def _merged(exports: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One export a subject, to all accounts that use it."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for export in exports:
        kind = "service" if "service" in export else "stream"
        kept = merged.setdefault((kind, export[kind]), export | {"accounts": []})
        kept["accounts"] += [account for account in export["accounts"] if account not in kept["accounts"]]
    return list(merged.values())


def _user(role: Role, secret: Secret, inboxes: str | None = None) -> dict[str, Any]:
    """A user of the server, who publishes and subscribes to what the role needs and to nothing else."""
    inboxes = inboxes or f"{inbox_of(secret.user)}.>"
    user: dict[str, Any] = {"user": secret.user, "password": secret.password}
    if ">" in role.asks:
        return user
    publishes = [*role.requests, *role.tells]
    if role.account != LOG:  # the server looks at a subject before it is mapped, and after
        publishes += [mapped for subject in role.requests if (mapped := _mapped(subject)) != subject]
    if role.answers:  # to an inbox in this account, or by the way back to another one
        publishes += [f"{INBOX}.>", "_R_.>"]
    listens = [inboxes, *role.answers, *role.hears]
    return user | {"permissions": {"publish": publishes, "subscribe": listens}}
