"""Tokens: who may speak to the gateway and in which role; the file keeps their SHA-256 only."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from events.errors import InputError

from ...private_files import write_private

Role = Literal["publisher", "reviewer", "operator", "auditor"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class TokensError(InputError):
    """The tokens file, or a change to it, is wrong; the message says what to do."""


class Token(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One token; `name` is the actor of the facts said with it, and what is `trusted` may claim what approves."""

    name: str
    role: Role
    sha256: str
    created_at: datetime
    trusted: bool = False


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] = ()


class Tokens:
    """The tokens of one file, read anew whenever it has changed, so that a removal holds at once.

    Where there is no file the gateway is open: whoever runs it is the operator, and nobody else comes in. A file that
    was there and is gone closes the gateway instead.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    @property
    def is_open(self) -> bool:
        """Has there never been a tokens file?"""
        return self._changed() is None and self._stamp is None

    def all(self) -> tuple[Token, ...]:
        """Every token in the order in which they were added. Raises TokensError where the file cannot be used."""
        stamp = self._changed()
        if stamp is None:
            self._tokens, self._stamp = (), self._stamp and (0, 0, 0)
        elif stamp != self._stamp:
            self._tokens, self._stamp = _read(self.path).tokens, stamp
        return self._tokens

    def find(self, secret: str) -> Token | None:
        """The token of a secret, compared in constant time. Raises TokensError."""
        return self.of_digest(digest(secret))

    def of_digest(self, sha256: str) -> Token | None:
        """The token whose secret has this SHA-256. Raises TokensError."""
        match = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, sha256):
                match = token
        return match

    def add(self, name: str, role: Role, *, trusted: bool = False) -> str:
        """Add a token and return its secret, which is kept nowhere. Raises TokensError."""
        if trusted and role == "auditor":
            raise TokensError("an auditor records nothing, so there is nothing to trust; leave --trusted out")
        if not NAME.fullmatch(name):
            raise TokensError(f"{name!r} is no name: letters, digits and ._@- (64 at most), a letter or digit first")
        secret = f"rooflog_{secrets.token_urlsafe(32)}"
        with self._locked():
            tokens = _read(self.path).tokens if self.path.exists() else ()
            if any(token.name == name for token in tokens):
                raise TokensError(f"{name!r} has a token; remove it first: rooflog token remove {name}")
            added = Token(name, role, digest(secret), datetime.now(UTC), trusted)
            write_private(self.path, document(_File((*tokens, added))))
        return secret

    def remove(self, name: str) -> Token:
        """Remove a token; it and its sessions are refused from now on. Raises TokensError where there is none."""
        with self._locked():
            tokens = _read(self.path).tokens if self.path.exists() else ()
            for token in tokens:
                if token.name == name:
                    write_private(self.path, document(_File(tuple(kept for kept in tokens if kept is not token))))
                    return token
        raise TokensError(f"no token is called {name!r}; see `rooflog token list`")

    def _changed(self) -> tuple[int, int, int] | None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def digest(secret: str) -> str:
    """SHA-256 of a secret; it has 256 random bits, so no salt or slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TokensError(f"{path} is no tokens file: {error}; make one with `rooflog token add`") from error


def document(content: Struct) -> bytes:
    """A file of the gateway, for people to read."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
