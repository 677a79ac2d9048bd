"""Checks of the stream of facts and of the cluster that holds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from events.log.stream import differences
from events.subjects import STREAM

from .check import Trouble
from .installation import Installation

SILENT_NANOSECONDS = 10 * 10**9
"""A server of the cluster that its leader has not heard for so long is down."""


async def stream(seen: Installation) -> AsyncIterator[Trouble]:
    """It is there, forgets nothing, and has as many copies as were asked for."""
    if seen.stream is None:
        yield Trouble(
            f"the NATS server at {seen.shown} holds no stream {STREAM}",
            "restore a backup there with `rooflog restore`, or create a new log with `rooflog stream --create`",
        )
        return
    config = seen.stream["config"]
    for wrong in differences(config):
        yield Trouble(
            f"stream {STREAM} has {wrong}",
            f"make a backup, then have the administrator of the server set it back: nats stream edit {STREAM}",
        )
    if (copies := config["num_replicas"]) < seen.settings.replicas:
        yield Trouble(
            f"stream {STREAM} has {copies} of {seen.settings.replicas} copies",
            f"have the administrator of the servers add them: nats stream edit {STREAM} "
            f"--replicas {seen.settings.replicas}",
        )


async def cluster(seen: Installation) -> AsyncIterator[Trouble]:
    """It has a leader, and every server of it runs."""
    members = (seen.stream or {}).get("cluster") or {}
    if "name" in members and not members.get("leader"):
        yield Trouble(f"no server of the cluster {members['name']} leads the stream", "start the servers that are down")
    for member in members.get("replicas") or ():
        if _is_silent(member):
            yield Trouble(f"server {member['name']} of the cluster {members['name']} is down", "start it again")


def _is_silent(member: dict[str, Any]) -> bool:
    """Whether the leader does not hear a follower, which it hears every second; one that catches up is heard."""
    unheard: int = member.get("active", 0)
    return bool(member.get("offline")) or (not member.get("current") and not 0 < unheard < SILENT_NANOSECONDS)
