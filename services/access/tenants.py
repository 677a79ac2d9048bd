"""Tenants: companies that share one NATS server and nothing else.

Each has a data directory below `tenants/` of that of the server, in which `tenant.json` says so. It is an installation
like any other: with secrets, database, exports and services of its own, on accounts of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from events.errors import InputError
from events.log.access import Secret

from ..private_files import write_private
from .roles import LOG, Name

FOLDER = "tenants"

MARK = "tenant.json"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""It begins users, accounts and folders; accounts divide it from the rest with `_`."""


class Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company, how many bytes its log may take at most, and whether its users are let in no longer."""

    name: str
    max_bytes: int | None = None
    is_closed: bool = False


class Tenancy(NamedTuple):
    """The users of a tenant, and how many bytes its log may take; all that there are without a number."""

    users: Sequence[tuple[Name, Secret]]
    max_bytes: int | None = None


def account_of(tenant: str, account: str) -> str:
    """What an account is called that a tenant has."""
    return f"{tenant}_{account}"


def tenant_at(data_dir: Path) -> Tenant | None:
    """The tenant that a data directory belongs to; None where it is that of a server. Raises InputError."""
    path = data_dir / MARK
    if data_dir.parent.name != FOLDER:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Tenant)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path} cannot be used: {error}; make it anew with `rooflog tenant add`") from error


def host_of(data_dir: Path) -> Path:
    """The data directory of the server that the log of a data directory is on: its own, or that of its host."""
    return data_dir.parent.parent if tenant_at(data_dir) else data_dir


class Tenants:
    """The tenants of the server of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def home(self, name: str) -> Path:
        """The data directory of a tenant."""
        return self._folder / name

    def log(self, name: str) -> Path:
        """Where the embedded server keeps the log of a tenant."""
        return self._folder.parent / "nats" / "store" / "jetstream" / account_of(name, LOG)

    def all(self) -> Iterator[Tenant]:
        """Every tenant by name, closed ones too. Raises InputError where what says so is damaged."""
        for home in sorted(self._folder.glob("*/")):
            if tenant := tenant_at(home):
                yield tenant

    def one(self, name: str) -> Tenant:
        """A tenant. Raises InputError where there is none."""
        if tenant := tenant_at(self.home(name)):
            return tenant
        known = ", ".join(tenant.name for tenant in self.all())
        raise InputError(f"there is no tenant {name!r}; " + (f"there are {known}" if known else "there are none yet"))

    def put(self, tenant: Tenant) -> Path:
        """Add a tenant, or change what is known of it; its data directory. Raises InputError."""
        if not _NAME.fullmatch(tenant.name):
            raise InputError(
                f"{tenant.name!r} is no name of a tenant: give up to 31 small letters, digits and hyphens, with a "
                "letter first"
            )
        if tenant_at(self._folder.parent):
            raise InputError(f"{self._folder.parent} belongs to a tenant; tenants are added to the server's directory")
        home = self.home(tenant.name)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(home / MARK, msgspec.json.encode(tenant) + b"\n")
        return home
