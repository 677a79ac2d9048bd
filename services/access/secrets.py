"""Secrets: the users of the NATS server and their passwords, a file for each role in the data directory.

| file below `secrets/` | holds |
|---|---|
| `ROLE.json` | the user of a role and its password, for whoever has this role |
| `cluster.json` | the user as whom the servers of a cluster know each other |
| `previous/ROLE.json` | the user before the last rotation, which is let in until the rotation is finished |
| `window.json` | until when clients of 0.1.0 are let in without a secret |

A user's name ends with the number of its rotation: both are let in for a while, so that nobody is locked out. That of a
tenant's user begins with the name of the tenant.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from events.errors import InputError
from events.log.access import Secret, read_secret

from ..private_files import write_private
from .roles import NAMES, Name
from .tenants import Tenancy, Tenants, tenant_at

FOLDER = "secrets"


class _Window(msgspec.Struct, frozen=True):
    until: datetime


class Secrets:
    """The secrets of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self._tenant = tenant_at(data_dir)

    @property
    def exist(self) -> bool:
        """Whether secrets have been made; without them the server lets everybody in, as that of 0.1.0 did."""
        return self.path("admin").exists()

    def path(self, name: Name) -> Path:
        """The secret file of a role."""
        return self.folder / f"{name}.json"

    def users(self) -> list[tuple[Name, Secret]]:
        """Every user that the server lets in, with its role. Raises InputError where a file is damaged."""
        places = (self.folder, self._previous)
        return [
            (name, read_secret(folder / f"{name}.json"))
            for folder in places
            for name in NAMES
            if (folder / f"{name}.json").exists()
        ]

    def of_cluster(self) -> Secret:
        """The user as whom the servers of a cluster know each other, made where there is none. Raises InputError."""
        with self._alone():
            path = self.folder / "cluster.json"
            if not path.exists():
                self._write("cluster", 1)
            return read_secret(path)

    @property
    def is_rotating(self) -> bool:
        """Whether users of before the last rotation are still let in."""
        return self._previous.exists()

    @property
    def let_in_until(self) -> datetime | None:
        """Until when clients of 0.1.0 are let in; None where the time is over or never was."""
        try:
            until = msgspec.json.decode((self.folder / "window.json").read_bytes(), type=_Window).until
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError(f"{self.folder / 'window.json'} cannot be used: {error}; remove it") from error
        return until if until > datetime.now(UTC) else None

    def create(self, let_in_until: datetime | None = None) -> None:
        """Make a secret for every role that has none, and say until when clients of 0.1.0 are let in."""
        with self._alone():
            for name in NAMES:
                if not self.path(name).exists():
                    self._write(name, 1)
            if let_in_until is not None:
                write_private(self.folder / "window.json", msgspec.json.encode(_Window(let_in_until)) + b"\n")

    def rotate(self, names: Iterable[Name] = NAMES) -> list[Name]:
        """Make new secrets; the users of before are let in until `finish`. Raises InputError.

        A rotation that is not finished comes first: its users of before may still be in use.
        """
        with self._alone():
            if not self.exist:
                raise InputError(f"{self.folder} holds no secrets yet; make them with `rooflog secrets create`")
            if self.is_rotating:
                raise InputError(
                    "a rotation is under way: finish it with `rooflog secrets rotate --finish` once every process "
                    "outside has its new secret"
                )
            rotated = list(names)
            previous = self._previous.with_name("previous.new")
            shutil.rmtree(previous, ignore_errors=True)
            previous.mkdir(mode=0o700)
            for name in rotated:
                write_private(previous / f"{name}.json", self.path(name).read_bytes())
            previous.replace(self._previous)  # from here on both are let in
            for name in rotated:
                self._write(name, _number(read_secret(self.path(name)).user) + 1)
            return rotated

    def finish(self) -> None:
        """Let the users of before the last rotation in no longer."""
        with self._alone():
            shutil.rmtree(self._previous, ignore_errors=True)

    @property
    def window_has_ended(self) -> bool:
        """Whether clients of 0.1.0 were let in and the time for it is over."""
        return (self.folder / "window.json").exists() and self.let_in_until is None

    def end_window(self) -> None:
        """Let clients of 0.1.0 in no longer."""
        (self.folder / "window.json").unlink(missing_ok=True)

    @property
    def _previous(self) -> Path:
        return self.folder / "previous"

    def _write(self, name: Name | Literal["cluster"], number: int) -> None:
        user = f"{self._tenant.name}-{name}-{number}" if self._tenant else f"{name}-{number}"
        secret = Secret(user, secrets.token_urlsafe(32))
        write_private(self.folder / f"{name}.json", msgspec.json.encode(secret) + b"\n")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def tenancies(data_dir: Path) -> dict[str, Tenancy]:
    """Who the server of a data directory lets in for each of its tenants: nobody where it is closed. Raises InputError.

    The accounts of one that is closed stay: a server that gets an account back by a reload has no JetStream for it.
    """
    tenants = Tenants(data_dir)
    return {
        tenant.name: Tenancy([] if tenant.is_closed else Secrets(tenants.home(tenant.name)).users(), tenant.max_bytes)
        for tenant in tenants.all()
    }


def _number(user: str) -> int:
    """The number of the rotation that a user was made in."""
    digits = user.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
