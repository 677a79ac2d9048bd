"""The stream: the one place that creates it, and the checks that it is what every promise rests on."""

from __future__ import annotations

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from ..errors import WrongStream
from ..subjects import EVERYTHING, STREAM


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


async def ensure(js: JetStreamContext, replicas: int = 1) -> api.StreamInfo:
    """The stream, created where there is none.

    Raises WrongStream where one of that name exists whose settings break a promise: it is never changed silently.
    """
    try:
        info = await js.stream_info(STREAM)
    except NotFoundError:
        return await js.add_stream(configuration(replicas))
    wanted = configuration(replicas)
    for name in ("subjects", "storage", "retention", "discard", "max_age", "max_msgs", "max_bytes",
                 "max_msgs_per_subject", "deny_purge", "deny_delete", "allow_direct", "allow_atomic"):  # fmt: skip
        has, wants = _plain(getattr(info.config, name)), _plain(getattr(wanted, name))
        if has != wants:
            raise WrongStream(
                f"stream {STREAM} has {name} = {has}, but rooflog needs {wants}; "
                "point ROOFLOG_NATS_URL at a server of its own, or change the stream after a backup"
            )
    return info


def _plain(setting: object) -> object:
    """A setting as the server says it: enums by their value, and unset numbers as 0."""
    value = getattr(setting, "value", setting)
    return 0 if value is None or value is False else value
