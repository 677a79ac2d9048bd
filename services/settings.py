"""Settings: every one of them, from flags, then `ROOFLOG_*` variables, then defaults."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from events.errors import InputError
from events.log.access import Access, content

from .heavy.engines import CHOICES as ENGINE_CHOICES
from .heavy.engines import ENGINES
from .log_lines import FORMATS
from .volume.sinks import CHOICES, SINKS

WEBHOOK_STYLES = ("plain", "slack")


class SettingsError(InputError):
    """A setting has a value that cannot be used; the message names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """Each field is the flag `--name-with-dashes` and the variable `ROOFLOG_NAME`.

    Its description is the only one: `described` hands it to the help of the flag and to the reference.
    """

    data_dir: Annotated[Path, Meta(description="Everything rooflog keeps on this machine: log, database, exports.")] = (
        Path("data")
    )
    nats_url: Annotated[
        str | None,
        Meta(
            description="An outside NATS server (nats://host:4222), or several, divided by commas; without it rooflog "
            "runs its own below data_dir."
        ),
    ] = None
    nats_user: Annotated[str | None, Meta(description="User at the outside NATS server.")] = None
    nats_password: Annotated[str | None, Meta(description="Password of that user.", extra={"is_secret": True})] = None
    nats_secret: Annotated[
        Path | None, Meta(description="A secret file of `rooflog secrets`, instead of user and password.")
    ] = None
    nats_creds: Annotated[
        Path | None, Meta(description="A credentials file of NATS, instead of user and password.")
    ] = None
    nats_nkey: Annotated[Path | None, Meta(description="The file of an nkey seed, instead of user and password.")] = (
        None
    )
    nats_domain: Annotated[
        str | None, Meta(description="The JetStream domain of the stream, where that is in another account.")
    ] = None
    nats_ca: Annotated[Path | None, Meta(description="The certificate authority of the NATS server, for TLS.")] = None
    nats_cert: Annotated[Path | None, Meta(description="The certificate of this process, for TLS.")] = None
    nats_key: Annotated[Path | None, Meta(description="The private key of that certificate.")] = None
    nats_port: Annotated[
        int | None,
        Meta(
            description="Loopback port of the embedded server; without it the port of before, else 4222, or a free one "
            "where that is taken; 0 takes a free one."
        ),
    ] = None
    replicas: Annotated[
        int, Meta(description="Copies of the stream in a JetStream cluster; used when the stream is created.")
    ] = 1
    volume_dir: Annotated[
        Path | None, Meta(description="The directory that exports go to; without it volume below data_dir.")
    ] = None
    sink: Annotated[str, Meta(description=f"Where exports go: {CHOICES}.")] = "local"
    modal_volume: Annotated[
        str, Meta(description="Name of the volume on Modal; the trainer has it mounted at /data.")
    ] = "roofing-training-data"
    modal_app: Annotated[str, Meta(description="The deployed Modal app that trains.")] = "roofing-training"
    modal_function: Annotated[str, Meta(description="The function of that app.")] = "fine_tune_roofing_model"
    modal_environment: Annotated[
        str | None, Meta(description="Modal environment of volume and app; without it the default of the workspace.")
    ] = None
    modal_seconds: Annotated[
        float, Meta(description="How long a step with Modal may take, or an upload may stand still.")
    ] = 60.0
    engine: Annotated[
        str, Meta(description=f"Where heavy work on texts is done: {ENGINE_CHOICES}; `--on` says it for one command.")
    ] = "local"
    ray_address: Annotated[
        str | None, Meta(description="HOST:PORT of the head of the Ray cluster that this machine belongs to.")
    ] = None
    backup_dir: Annotated[
        Path | None, Meta(description="Under `rooflog up`: the folder that backups go to by themselves; none without.")
    ] = None
    backup_every: Annotated[str, Meta(description="How often, as 30m, 24h or 7d.")] = "24h"
    backup_keep: Annotated[int, Meta(description="How many of these backups stay.")] = 7
    actor: Annotated[
        str | None, Meta(description="Who acts on the command line; without it the user of the system.")
    ] = None
    web_host: Annotated[
        str,
        Meta(description="Where the web service listens; but on loopback it lets nobody in before there is a token."),
    ] = "127.0.0.1"
    web_port: Annotated[int, Meta(description="The port of the web service; 0 takes a free port.")] = 8080
    web_rate: Annotated[
        int, Meta(description="Requests a second from one token, or from one address without a token.")
    ] = 100
    web_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of proxies, with commas between, whose `X-Forwarded-For` is believed."),
    ] = ()
    monitor_host: Annotated[
        str, Meta(description="Where projector and exporter answer monitors; it needs no token and shows no text.")
    ] = "127.0.0.1"
    monitor_port: Annotated[
        int | None,
        Meta(
            description="Port of `/health/live`, `/health/ready` and `/metrics` of projector and exporter; none unless "
            "given. Under `rooflog up` the exporter has the one after it."
        ),
    ] = None
    log_format: Annotated[
        str, Meta(description="How services write their logs: text, or json with one object in each line.")
    ] = "text"
    webhook_url: Annotated[
        str | None,
        Meta(
            description="Where the gateway posts what somebody should know; none unless given.",
            extra={"is_secret": True},
        ),
    ] = None
    webhook_style: Annotated[
        str, Meta(description="What it posts: plain, or slack for Slack and what reads the same.")
    ] = "plain"
    webhook_secret: Annotated[
        str | None, Meta(description="The secret that signs what it posts.", extra={"is_secret": True})
    ] = None
    webhook_queue: Annotated[
        int, Meta(description="It tells when more examples than this wait for review; 0 for never.")
    ] = 200
    suggest_url: Annotated[
        str | None,
        Meta(
            description="The address of a language model that may suggest answers to reviewers, as far as /v1 "
            "(https://models.example/v1); it speaks OpenAI's chat completions. None is asked unless given."
        ),
    ] = None
    suggest_model: Annotated[str, Meta(description="The name of that model, which the facts keep.")] = "gpt-4.1"
    suggest_key: Annotated[str | None, Meta(description="The key of that model.", extra={"is_secret": True})] = None
    tokens: Annotated[
        Path | None,
        Meta(description="The file with the tokens of the web service; without it tokens.json in data_dir."),
    ] = None

    @property
    def volume(self) -> Path:
        """The directory that stands for the training volume."""
        return self.volume_dir or self.data_dir / "volume"

    @property
    def database(self) -> Path:
        """The projector's DuckDB file."""
        return self.data_dir / "rooflog.duckdb"

    @property
    def up_lock(self) -> Path:
        """The file that a `rooflog up` has locked, which says its process."""
        return self.data_dir / "up.lock"

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


class Setting(Struct, frozen=True):
    """A setting as people meet it; `default` is empty where there is none, a secret may also stand in a file."""

    name: str
    description: str
    default: str
    is_secret: bool = False

    @property
    def flag(self) -> str:
        """Its flag, where a command has one."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Its variable in the environment."""
        return f"ROOFLOG_{self.name.upper()}"


def described() -> dict[str, Setting]:
    """Every setting by the name of its field."""
    hints, shipped = get_type_hints(Settings, include_extras=True), Settings()
    settings = {}
    for name in Settings.__struct_fields__:
        value, meta = getattr(shipped, name), hints[name].__metadata__[0]
        default = str(value if value not in (None, ()) else "")
        settings[name] = Setting(name, meta.description, default, "is_secret" in (meta.extra or {}))
    return settings


def load(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from flags that were given (not None), then the environment. Raises SettingsError."""
    values: dict[str, Any] = {"data_dir": _path(Settings().data_dir)}
    for name, setting in described().items():
        given = (flags or {}).get(name)
        value, origin = (given, setting.flag) if given is not None else (None, setting.variable)
        value = environment.get(setting.variable) or None if value is None else value
        file = environment.get(f"{setting.variable}_FILE") if setting.is_secret else None
        if value is None and file:
            value, origin = content(file, f"{setting.variable}_FILE"), f"{setting.variable}_FILE"
        if value is None:
            continue
        try:
            values[name] = _FIELDS[name](value)
        except ValueError as error:
            shown = "…" if setting.is_secret or (name == "nats_url" and "@" in value) else repr(value)
            raise SettingsError(f"{origin} = {shown}: {error}") from error
    return Settings(**values)


def _number(low: int, high: int) -> Callable[[str | int], int]:
    def parse(value: str | int) -> int:
        text = str(value)
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def interval(value: str) -> timedelta:
    """A time from a minute to a year, such as 30m, 24h or 7d. Raises ValueError."""
    number, unit = value[:-1], _UNITS.get(value[-1:])
    if unit is None or not number.isdecimal() or not timedelta(minutes=1) <= int(number[:9]) * unit <= _LONGEST:
        raise ValueError("give a number of minutes, hours or days from a minute to a year, such as 30m, 24h or 7d")
    return int(number) * unit


_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=365)


def _interval(value: str) -> str:
    interval(value)
    return value


def _sink(value: str) -> str:
    if value not in SINKS:
        raise ValueError(f"give {CHOICES}")
    return value


def _engine(value: str) -> str:
    if value not in ENGINES:
        raise ValueError(f"give {ENGINE_CHOICES}")
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host.strip("[]") or "/" in host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise ValueError("give HOST:PORT, such as 10.0.0.5:6379")
    return value


def _log_format(value: str) -> str:
    if value not in FORMATS:
        raise ValueError(f"give {' or '.join(FORMATS)}")
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


def _servers(value: str) -> str:
    if not value.replace(",", " ").strip():
        raise ValueError("give the address of a NATS server, or leave it unset")
    try:
        _ = Access.of(value).addresses
    except InputError as error:
        raise ValueError(str(error)) from error
    return value


def _webhook_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an address that begins with https:// or http://")
    return value


def _webhook_style(value: str) -> str:
    if value not in WEBHOOK_STYLES:
        raise ValueError(f"give {' or '.join(WEBHOOK_STYLES)}")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is no address of a web service; give https://HOST/v1")
    return value


def _networks(value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{error}; give addresses or networks such as 10.0.0.1,10.1.0.0/16") from error


_FIELDS: dict[str, Any] = {
    "data_dir": _path,
    "nats_url": _servers,
    "nats_user": str,
    "nats_password": str,
    "nats_secret": _path,
    "nats_creds": _path,
    "nats_nkey": _path,
    "nats_domain": str,
    "nats_ca": _path,
    "nats_cert": _path,
    "nats_key": _path,
    "nats_port": _number(0, 65535),
    "replicas": _number(1, 5),
    "volume_dir": _path,
    "sink": _sink,
    "modal_volume": str,
    "modal_app": str,
    "modal_function": str,
    "modal_environment": str,
    "modal_seconds": _seconds,
    "engine": _engine,
    "ray_address": _host_and_port,
    "backup_dir": _path,
    "backup_every": _interval,
    "backup_keep": _number(1, 10_000),
    "actor": str,
    "web_host": str,
    "web_port": _number(0, 65535),
    "web_rate": _number(1, 100_000),
    "web_proxies": _networks,
    "monitor_host": str,
    "monitor_port": _number(0, 65535),
    "log_format": _log_format,
    "webhook_url": _webhook_url,
    "webhook_style": _webhook_style,
    "webhook_secret": str,
    "webhook_queue": _number(0, 1_000_000_000),
    "suggest_url": _address,
    "suggest_model": str,
    "suggest_key": str,
    "tokens": _path,
}
