"""The stream: the one place that creates it, and the checks that it is what every promise rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from ..deadline import within
from ..errors import Forbidden, NoStream, WrongStream
from ..subjects import EVERYTHING, STREAM
from .connection import Connection

LEASES = "rooflog_leases"
"""The key-value bucket of leases: who does at the moment what only one process may do."""

DESK = "rooflog_desk"
"""The key-value bucket of the desk: which example each reviewer has open at the moment."""

DESK_SECONDS = 60.0
"""How long an example stays taken by a reviewer of whom nothing is heard."""

DESK_BYTES = 2**20
"""What the desk takes of the server's memory: some thousand open examples."""

_FREE = {
    "name",
    "description",
    "num_replicas",
    "placement",
    "metadata",
    "duplicate_window",
    "compression",
    "max_msg_size",
}
"""Settings that break no promise: an administrator may choose them."""

_NOTHING: tuple[object, ...] = (None, False, 0, -1, "", {}, [])
"""What a server says for a setting that is not made."""


def configuration(replicas: int = 1) -> api.StreamConfig:
    """Facts are for ever: on disk, without expiry, never purged; a full disk refuses new facts and drops no old one.

    Single messages may be deleted, which is what erasure needs; atomic batches carry the throughput.
    """
    return api.StreamConfig(
        name=STREAM,
        description="rooflog: every fact about training data",
        subjects=[EVERYTHING],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,
        max_age=0,
        max_msgs=-1,
        max_bytes=-1,
        max_msgs_per_subject=-1,
        deny_purge=True,
        deny_delete=False,
        allow_direct=True,
        allow_atomic=True,
        compression=api.StoreCompression.S2,
        num_replicas=replicas,
    )


def leases_configuration(replicas: int = 1) -> api.KeyValueConfig:
    """The last holder of each lease alone is kept; a lease is renewed before its own time ends."""
    return api.KeyValueConfig(bucket=LEASES, description="rooflog: leases", history=1, replicas=replicas)


def desk_configuration(replicas: int = 1) -> api.KeyValueConfig:
    """Who has what open is of no use after a restart: it is kept in memory, and forgotten by itself."""
    return api.KeyValueConfig(
        bucket=DESK, description="rooflog: examples that reviewers have open", history=1, ttl=DESK_SECONDS,
        storage=api.StorageType.MEMORY, replicas=replicas, direct=True, max_bytes=DESK_BYTES,
    )  # fmt: skip


async def ensure(connection: Connection, replicas: int = 1, timeout: float = 5.0) -> None:
    """The stream as it must be, created where there is none and this user may create it.

    Raises WrongStream where one of that name exists whose settings break a promise: it is never changed silently.
    """
    try:
        config = await held(connection, timeout)
    except NotFoundError:
        creating = connection.jetstream(timeout).add_stream(configuration(replicas))
        try:
            await connection.unless_lost(creating, f"{connection.api}.STREAM.CREATE.{STREAM}")
        except Forbidden as error:
            raise NoStream(
                f"the NATS server at {connection.access.shown} holds no stream {STREAM} yet, and this user may not "
                "create it; an administrator does: `rooflog stream --create`"
            ) from error
        return
    if wrong := differences(config):
        raise WrongStream(
            f"stream {STREAM} has {', '.join(wrong)}; point ROOFLOG_NATS_URL at a server of its own, "
            "or change the stream after a backup"
        )


async def ensure_buckets(connection: Connection, replicas: int = 1, timeout: float = 5.0) -> None:
    """The buckets of leases and of the desk, created where there are none."""
    js = connection.jetstream(timeout)
    for wanted_bucket in (leases_configuration(replicas), desk_configuration(replicas)):
        try:
            await within(timeout, js.key_value(wanted_bucket.bucket))
        except NotFoundError:
            await within(timeout, js.create_key_value(wanted_bucket))


async def held(connection: Connection, timeout: float = 5.0) -> dict[str, Any]:
    """The configuration of the stream as the server has it, every field. Raises NotFoundError where there is none."""
    answer = await connection.request(info(connection), b"", timeout=timeout)
    document: dict[str, Any] = msgspec.json.decode(answer.data)
    if "error" in document:
        raise APIError.from_error(document["error"])
    config: dict[str, Any] = document["config"]
    return config


def info(connection: Connection) -> str:
    """The subject on which the server tells how the stream is."""
    return f"{connection.api}.STREAM.INFO.{STREAM}"


def wanted(replicas: int = 1) -> dict[str, Any]:
    """The configuration as the server's protocol has it."""
    return {name: getattr(value, "value", value) for name, value in configuration(replicas).as_dict().items()}


def differences(config: Mapping[str, Any]) -> list[str]:
    """How a configuration differs from the one that every promise rests on, a sentence for each setting.

    Every field that the server knows is compared, those that did not exist when this was written included.
    """
    ours = wanted()
    return [
        f"{name} = {config.get(name)}, but rooflog needs {ours.get(name) or 'it to be unset'}"
        for name in sorted((ours.keys() | config.keys()) - _FREE)
        if _plain(ours.get(name)) != _plain(config.get(name))
    ]


def _plain(setting: object) -> object:
    """A setting, with everything that means nothing as None."""
    return None if any(setting == nothing for nothing in _NOTHING) else setting
