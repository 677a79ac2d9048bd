"""Errors of publishing and reading facts; each message names what is wrong, the value, and what to do."""

from __future__ import annotations

from typing import ClassVar, Literal

Category = Literal["malformed", "unknown_type", "invalid", "wrong_subject", "erased"]


class RooflogError(Exception):
    """The base of every error that a user may see; its text needs no traceback.

    A command that ends with it exits with `exit_code`: 1 where the work failed, 2 where the input or usage is wrong.
    """

    exit_code: ClassVar[int] = 1


class InputError(RooflogError):
    """What the user gave cannot be used; the message says what to give instead."""

    exit_code: ClassVar[int] = 2


class InvalidFact(InputError):
    """Bytes on the log, or a fact about to be said, are not a fact that this version knows."""

    def __init__(self, category: Category, reason: str) -> None:
        super().__init__(reason)
        self.category: Category = category
        self.reason = reason


class TooLarge(RooflogError):
    """A fact is larger than the server takes in one message."""


class UnknownExample(InputError):
    """Feedback or a decision names an example that the log does not hold."""

    def __init__(self, example_id: str) -> None:
        super().__init__(
            f"no example {example_id!r} in the log; check the id (`rooflog queue` lists ids) or capture it first"
        )
        self.example_id = example_id


class StaleRevision(RooflogError):
    """Somebody said something about the example after the revision that the decision was made on."""

    def __init__(self, example_id: str, seen: int, since: str) -> None:
        super().__init__(
            f"refused: {example_id} has changed since revision {seen}: {since}; "
            f"look at it again (`rooflog show {example_id}`) and decide anew"
        )
        self.example_id = example_id
        self.seen = seen
        self.since = since


class StalePolicy(RooflogError):
    """Another policy was adopted after the one that the change was made on."""

    def __init__(self, seen: int, since: str) -> None:
        super().__init__(
            f"refused: another policy was adopted since sequence {seen}: {since}; "
            "preview yours again (`rooflog policy preview FILE`) and adopt it anew"
        )
        self.seen = seen
        self.since = since


class Unreachable(RooflogError):
    """The log's server does not answer."""


class Forbidden(RooflogError):
    """The server does not let this user publish on a subject."""

    def __init__(self, servers: str, subject: str) -> None:
        super().__init__(
            f"the NATS server at {servers} refused: this user may not use {subject}; "
            "give the secret of a role that may (`rooflog secrets list` shows the roles)"
        )
        self.subject = subject


class Missing(RooflogError):
    """The log does not hold what it has acknowledged."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the log has acknowledged {what} and does not hold it: it may be damaged; "
            "see what else is missing with `rooflog verify`"
        )


class NotRunning(Unreachable):
    """No service of this kind runs at the log's server."""

    def __init__(self, who: str) -> None:
        super().__init__(f"no {who} answers; start one with `rooflog up` or `rooflog {who}`")


class OldServer(RooflogError):
    """The log's server is of a version that rooflog does not work with."""


class WrongStream(RooflogError):
    """The server's stream is not one that rooflog can keep facts in."""


class NoStream(WrongStream):
    """The server holds no stream of facts yet, and this user may not create it."""


class OutboxError(RooflogError):
    """A client's outbox directory cannot be used."""


class OutboxFull(OutboxError):
    """There is no room for one more fact in a client's outbox; it was not kept."""
