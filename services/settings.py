"""Settings: every one of them, from flags, then `ROOFLOG_*` variables, then defaults."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from events.errors import InputError

from .volume import SINKS


class SettingsError(InputError):
    """A setting has a value that cannot be used; the message names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """Each field is the flag `--name-with-dashes` and the variable `ROOFLOG_NAME`."""

    data_dir: Path = Path("data")
    """Everything rooflog keeps on this machine: log, database, exports."""
    nats_url: str | None = None
    """An outside NATS server (`nats://host:4222`); without it rooflog runs its own under `data_dir`."""
    nats_user: str | None = None
    nats_password: str | None = None
    nats_port: int = 0
    """Loopback port of the embedded server; 0 takes a free one and keeps it."""
    replicas: int = 1
    """Copies of the stream in a JetStream cluster; used when the stream is created."""
    volume_dir: Path | None = None
    """Where exports go; `data_dir`/volume by default."""
    sink: str = "local"
    """The sink that exports go to, by its name in the registry of sinks."""
    modal_volume: str = "roofing-training-data"
    """Name of the volume on Modal; the trainer has it mounted at `/data`."""
    modal_app: str = "roofing-training"
    modal_function: str = "fine_tune_roofing_model"
    """The deployed function that trains."""
    modal_environment: str | None = None
    """The Modal environment of volume and app; the workspace's default one unless given."""
    modal_seconds: float = 60.0
    """How long one step with Modal may take, or an upload may stand still."""
    actor: str | None = None
    """Who acts on the command line; the system user by default."""
    web_host: str = "127.0.0.1"
    """Where the gateway listens; anything but loopback needs a tokens file."""
    web_port: int = 8080
    web_rate: int = 100
    """Requests per second that the gateway takes from one token, or from one address without a token."""
    tokens: Path | None = None
    """The gateway's tokens; `data_dir`/tokens.json by default."""

    @property
    def volume(self) -> Path:
        """The directory that stands for the training volume."""
        return self.volume_dir or self.data_dir / "volume"

    @property
    def database(self) -> Path:
        """The projector's DuckDB file."""
        return self.data_dir / "rooflog.duckdb"

    @property
    def tokens_file(self) -> Path:
        """The file of the gateway's tokens, whether or not it is there."""
        return self.tokens or self.data_dir / "tokens.json"

    @property
    def sessions_file(self) -> Path:
        """Where the gateway keeps who is signed in, as digests."""
        return self.data_dir / "sessions.json"

    @property
    def who(self) -> str:
        """The actor of facts said on the command line."""
        if self.actor:
            return self.actor
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"


def load(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from flags that were given (not None), then the environment. Raises SettingsError."""
    values: dict[str, Any] = {"data_dir": _path(Settings().data_dir)}
    for name in Settings.__struct_fields__:
        given = (flags or {}).get(name)
        variable = f"ROOFLOG_{name.upper()}"
        value, origin = (given, f"--{name.replace('_', '-')}") if given is not None else (None, variable)
        value = environment.get(variable) or None if value is None else value
        if value is None:
            continue
        try:
            values[name] = _FIELDS[name](value)
        except ValueError as error:
            raise SettingsError(f"{origin} = {value!r}: {error}") from error
    return Settings(**values)


def _number(low: int, high: int) -> Callable[[str | int], int]:
    def parse(value: str | int) -> int:
        text = str(value)
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def _sink(value: str) -> str:
    if value not in SINKS:
        raise ValueError(f"give {' or '.join(f'{sink.name} ({sink.description})' for sink in SINKS.values())}")
    return value


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise ValueError("give a number of seconds above 0, at most a day")
    return seconds


def _path(value: str | Path) -> Path:
    return Path(value).expanduser().absolute()


_FIELDS: dict[str, Any] = {
    "data_dir": _path,
    "nats_url": str,
    "nats_user": str,
    "nats_password": str,
    "nats_port": _number(0, 65535),
    "replicas": _number(1, 5),
    "volume_dir": _path,
    "sink": _sink,
    "modal_volume": str,
    "modal_app": str,
    "modal_function": str,
    "modal_environment": str,
    "modal_seconds": _seconds,
    "actor": str,
    "web_host": str,
    "web_port": _number(0, 65535),
    "web_rate": _number(1, 100_000),
    "tokens": _path,
}
