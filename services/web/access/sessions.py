"""Sessions: signed-in browsers, kept in a file of digests, so that a restart of the service signs nobody out."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from ...private_files import write_private
from .tokens import Token, digest, document

logger = logging.getLogger("rooflog.web")

SESSION_SECONDS = 12 * 3600
SESSIONS = 10_000
"""Sessions at a time at most; the oldest of whoever has the most ends first, so that nobody ends those of others."""

SESSIONS_OF_ONE = 50
"""Sessions of one token at most; its oldest end first."""


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """One signed-in browser: the SHA-256 of its token's secret, and its end in seconds since 1970."""

    token: str
    ends: float


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    sessions: dict[str, Session] = {}


class Sessions:
    """Signed-in browsers by the SHA-256 of their cookie, the oldest first: the file lets nobody sign in.

    The file is written by the one web service of a data directory. Where it cannot be written sessions last until the
    service ends, and where it cannot be read everybody signs in again; both are said in the service's log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = _read(path)

    def start(self, token: Token) -> tuple[str, float]:
        """A new session of a token: the cookie's value, which is never one that a browser brought, and its end."""
        now = time.time()
        self._open = {key: session for key, session in self._open.items() if session.ends > now}
        if self._count(token.sha256) >= SESSIONS_OF_ONE:
            self._end_oldest(token.sha256)
        elif len(self._open) >= SESSIONS:
            self._end_oldest(Counter(session.token for session in self._open.values()).most_common(1)[0][0])
        cookie, ends = secrets.token_urlsafe(32), now + SESSION_SECONDS
        self._open[digest(cookie)] = Session(token.sha256, ends)
        self._keep()
        return cookie, ends

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie, if it has not ended; whether its token still holds is for others to say."""
        session = self._open.get(digest(cookie))
        return session if session and session.ends > time.time() else None

    def end(self, cookie: str) -> bool:
        """End a session; was there one?"""
        has_ended = self._open.pop(digest(cookie), None) is not None
        if has_ended:
            self._keep()
        return has_ended

    def _count(self, token: str) -> int:
        return sum(session.token == token for session in self._open.values())

    def _end_oldest(self, token: str) -> None:
        del self._open[next(key for key, session in self._open.items() if session.token == token)]

    def _keep(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self.path, document(_File(self._open)))
        except OSError as error:
            logger.warning("sessions will not outlive this service: %s: %s", self.path, error.strerror or error)


def _read(path: Path) -> dict[str, Session]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).sessions
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        logger.warning("everybody has to sign in again: %s: %s", path, error)
        return {}
