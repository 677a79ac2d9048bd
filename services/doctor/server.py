"""Checks of the NATS server and of who comes in there."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nats.errors import Error as NatsError

from events.errors import Forbidden, InputError, RooflogError
from events.log.access import Access, read_secret
from events.log.connection import Connection

from ..access.connect import access_of
from ..access.roles import NAMES, Name
from ..access.secrets import Secrets
from ..runtime import processes
from ..runtime.nats_server import ServerError, binary
from .check import Trouble, of
from .installation import CONNECT_SECONDS, Installation

_RIGHTS = "$JS.API.INFO"
"""No role but the administrator's may ask this, and to ask it does no harm."""


async def server(seen: Installation) -> AsyncIterator[Trouble]:
    """It is there, new enough, and somebody uses it."""
    if seen.settings.nats_url is None:
        try:
            binary()
        except ServerError as error:
            yield of(error, "")
            return
    if seen.is_left and seen.server is not None:
        yield Trouble(
            f"{processes.described(seen.server.pid)} runs on, although whatever used it was killed",
            "run `rooflog status` or `rooflog up`: who uses the server last ends it",
        )
    if seen.away is not None and not _is_refused(seen):
        yield of(seen.away, "see whether the server runs, and what its log says")


async def secrets(seen: Installation) -> AsyncIterator[Trouble]:
    """There are secrets, whole and not refused, and nobody comes in without one."""
    kept = Secrets(seen.settings.data_dir)
    how = _how(seen)
    if _is_refused(seen):
        is_given = kept.path("operator").exists() or seen.settings.nats_user or seen.settings.nats_secret
        what = str(seen.away).partition("; ")[0] if is_given else f"{seen.shown} lets nobody in without a secret"
        yield Trouble(what, how)
        return
    if kept.exist:
        for name in NAMES:
            if not kept.path(name).exists():
                yield Trouble(f"the secret of the role {name} is missing: {kept.path(name)}", how)
            elif why := _damage(kept, name):
                yield Trouble(why, f"remove the file; then {how}")
    elif seen.log is not None and await _lets_in(Access.of(seen.url)):
        yield Trouble(f"the NATS server at {seen.shown} lets everybody in", how)


async def rights(seen: Installation) -> AsyncIterator[Trouble]:
    """No role may do more at the server than it should."""
    kept = Secrets(seen.settings.data_dir)
    for name in NAMES:
        if name == "admin" or not kept.path(name).exists() or _damage(kept, name):
            continue
        try:
            if await _lets_in(access_of(seen.settings.data_dir, seen.url, name)):
                yield Trouble(
                    f"the role {name} may do more at the NATS server than it should",
                    _how(seen),
                )
        except RooflogError as error:
            yield of(error, _how(seen))


def _how(seen: Installation) -> str:
    """How the server comes to know the secrets of the data directory."""
    if seen.settings.nats_url is None:
        return "run `rooflog secrets create`"
    return (
        "give the secret of a role with ROOFLOG_NATS_SECRET, or make the configuration of the server anew with "
        "`rooflog nats-config` and reload the server"
    )


def _is_refused(seen: Installation) -> bool:
    return isinstance(seen.away, RooflogError) and "authorization" in str(seen.away).lower()


def _damage(kept: Secrets, name: Name) -> str:
    try:
        read_secret(kept.path(name))
    except InputError as error:
        return str(error).partition("; ")[0]
    return ""


async def _lets_in(who: Access) -> bool:
    """Does the server answer what none but its administrator may ask? Raises RooflogError where a secret is refused."""
    connection = Connection(who)
    try:
        await connection.open("rooflog-doctor", CONNECT_SECONDS)
    except RooflogError:
        if who.secret:
            raise
        return False
    try:
        await connection.request(_RIGHTS, b"", timeout=CONNECT_SECONDS)
    except (Forbidden, NatsError, TimeoutError):
        return False
    finally:
        await connection.close()
    return True
