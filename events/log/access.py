"""How a NATS server is reached, and as whom: addresses, and a user with a password, a key or a credentials file.

| way | given by | its secret is read |
|---|---|---|
| a secret file of rooflog | `secret` | at every connection, so it may be exchanged meanwhile |
| user and password | `user`, `password` | once |
| a NATS credentials file | `creds` | at every connection |
| an nkey | `nkey`, the file of its seed | at every connection |

The addresses are those of the servers of one cluster; whoever is in one of them, `nats://USER:PASSWORD@HOST`, connects
to all of them. `domain` is the JetStream domain of the stream, if it has one. Each way goes with TLS: `ca` trusts a
certificate authority, `cert` and `key` are this process's own certificate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from ..errors import InputError

if TYPE_CHECKING:
    import ssl

DEFAULT_URL = "nats://127.0.0.1:4222"

SCHEMES = ("nats", "tls")

INBOX = "_INBOX"
"""The prefix of the subjects on which answers arrive; each user has one of its own below."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")

_ROTATION = re.compile(r"-[0-9]+$")
"""What a user's name ends with: a connection keeps its inboxes when its secret is exchanged."""

_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----\s+(\S+)\s+-+END")
"""The token and the seed in a credentials file."""

_IDENTITY = ("user", "password", "secret", "creds", "nkey", "domain")
_TLS = ("ca", "cert", "key")


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user of the server and its password, as a secret file holds them."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Secret({self.user})"


class Access(msgspec.Struct, frozen=True):
    """How a server is reached: what a process needs to have a connection of its own. Files are given by their path."""

    servers: tuple[str, ...] = (DEFAULT_URL,)
    user: str | None = None
    password: str | None = None
    secret: str | None = None
    creds: str | None = None
    nkey: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    domain: str | None = None

    @classmethod
    def of(cls, urls: str, **fields: str | None) -> Self:
        """The access with addresses as people give them, divided by commas."""
        servers = tuple(url.strip() for url in urls.split(",") if url.strip())
        return cls(servers or (DEFAULT_URL,), **fields)

    @classmethod
    def from_environment(
        cls, urls: str | None, given: Mapping[str, str | None], environment: Mapping[str, str] = os.environ
    ) -> Self:
        """The access of `ROOFLOG_NATS_URL`, `ROOFLOG_NATS_USER` and their kin, unless given. Raises InputError.

        Who connects is given whole or comes from the environment whole.
        """
        names_user = any(given.get(name) for name in _IDENTITY)
        fields = {
            name: given.get(name)
            or (None if names_user and name in _IDENTITY else environment.get(f"ROOFLOG_NATS_{name.upper()}"))
            for name in (*_IDENTITY, *_TLS)
        }
        file = environment.get("ROOFLOG_NATS_PASSWORD_FILE")
        if file and not names_user and not fields["password"]:
            fields["password"] = content(file, "ROOFLOG_NATS_PASSWORD_FILE")
        return cls.of(urls or environment.get("ROOFLOG_NATS_URL") or DEFAULT_URL, **fields)

    def __repr__(self) -> str:
        return f"Access({self.shown})"

    @property
    def shown(self) -> str:
        """The addresses for messages, without what is secret in them."""
        return ", ".join(_shown(server) for server in self.servers)

    @property
    def addresses(self) -> list[str]:
        """The addresses as they are connected to, without who connects. Raises InputError where one is none."""
        return [f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" for parts in self._parts()]

    @property
    def inbox(self) -> str:
        """The prefix of the inboxes of this user. Raises InputError where a secret file cannot be read."""
        user = None if self.creds or self.nkey else self._login()[0]
        return inbox_of(user) if user else INBOX

    @property
    def api(self) -> str:
        """The prefix of the subjects on which JetStream is asked: another one where it is in another account."""
        return f"$JS.{self.domain}.API" if self.domain else "$JS.API"

    def options(self) -> dict[str, Any]:
        """The arguments of nats-py's `connect`. Raises InputError where a file cannot be used."""
        user, password = self._from_addresses()
        options: dict[str, Any] = {"servers": self.addresses, "inbox_prefix": self.inbox}
        if self.creds:
            options["user_credentials"] = _existing(self.creds, "credentials file")
        elif self.nkey:
            options["nkeys_seed"] = _existing(self.nkey, "nkey seed file")
        elif self.secret:
            options |= {"user": lambda: self._login()[0], "password": lambda: self._login()[1]}
        elif self.user:
            options |= {"user": self.user, "password": self.password or ""}
        elif user is not None:
            options |= {"token": user} if password is None else {"user": user, "password": password}
        context = self.tls()
        return options if context is None else options | {"tls": context}

    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings; None where the addresses and files ask for no TLS. Raises InputError."""
        is_asked = any(server.startswith("tls:") for server in self.servers)
        if not (is_asked or self.ca or self.cert):
            return None
        import ssl  # a connection without TLS, and a command that needs none, does not load it

        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"the TLS files {self.ca}, {self.cert}, {self.key} cannot be used: {error}") from error
        return context

    def login(self, nonce: str | None) -> dict[str, Any]:
        """The fields of a CONNECT that prove who is connecting; a nonce is signed where the user has a key."""
        if self.creds or self.nkey:
            return self._signature(nonce or "")
        user, password = self._login()
        if user is not None and password is None:
            return {"auth_token": user}
        return {"user": user, "pass": password} if user else {}

    def _login(self) -> tuple[str | None, str | None]:
        if self.secret:
            secret = read_secret(self.secret)
            return secret.user, secret.password
        if self.user:
            return self.user, self.password or ""
        return self._from_addresses()

    def _from_addresses(self) -> tuple[str | None, str | None]:
        """Who connects, by the addresses; one name alone is a token. Raises InputError where they name several."""
        named = {(parts.username, parts.password) for parts in self._parts() if parts.username is not None}
        if len(named) > 1:
            raise InputError("the addresses of the NATS servers name several users; name one, in any of them")
        user, password = named.pop() if named else (None, None)
        return user and unquote(user), password and unquote(password)

    def _parts(self) -> Iterator[SplitResult]:
        has_user = any("@" in server for server in self.servers)
        for number, server in enumerate(self.servers, 1):
            parts = _parsed(server)
            if parts is None:  # it may be a piece of a password
                shown = f"address {number} of {len(self.servers)}" if has_user else repr(server)
                advice = "; a comma in a password is %2C" if has_user else ""
                raise InputError(
                    f"{shown} is no address of a NATS server; give nats://HOST:PORT, or several with commas between "
                    f"them{advice}"
                )
            yield parts

    def _signature(self, nonce: str) -> dict[str, Any]:
        import base64

        import nkeys  # comes with nats-py[nkeys], which nats-py itself asks for where keys are used

        text = Path(self.creds or self.nkey or "").read_text()
        token, seed = _BLOCK.findall(text) if self.creds else ("", text.strip())
        pair = nkeys.from_seed(bytearray(seed.encode()))
        proof = {"sig": base64.b64encode(pair.sign(nonce.encode())).decode()}
        return proof | ({"jwt": token} if self.creds else {"nkey": pair.public_key.decode()})


def inbox_of(user: str) -> str:
    """The prefix of the inboxes of a user; that of all where its name is no part of a subject."""
    return f"{INBOX}.{_ROTATION.sub('', user)}" if _TOKEN.fullmatch(user) else INBOX


def read_secret(path: str | Path) -> Secret:
    """The user and password of a secret file. Raises InputError."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Secret)
    except OSError as error:
        raise InputError(f"the secret file {path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # its content is not repeated
        raise InputError(f"{path} is no secret file; `rooflog secrets` makes them") from error


def content(path: str, name: str) -> str:
    """What a file holds that stands for a secret setting, without the line's end. Raises InputError."""
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} = {path!r}: the file cannot be read: {error}") from error


def _existing(path: str, what: str) -> str:
    if not Path(path).is_file():
        raise InputError(f"there is no {what} {path}")
    return path


def _parsed(address: str) -> SplitResult | None:
    """The parts of an address; None where it is none."""
    try:
        parts = urlsplit(address if "://" in address else f"nats://{address}")
        is_server = parts.scheme in SCHEMES and parts.hostname is not None and parts.port != 0
    except ValueError:
        return None
    return parts if is_server and not (parts.path.strip("/") or parts.query or parts.fragment) else None


def _shown(address: str) -> str:
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
