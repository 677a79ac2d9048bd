"""Policies: every adopted policy; the latest one holds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import json

from events.facts import PolicyAdopted

from .batch import Batch
from .checkpoint import checkpoint
from .database import Connection, first, insert
from .policy import Policy, PolicyError, default, document_digest, from_document
from .projection import ENVELOPE, Projection, envelope

_COLUMNS = ENVELOPE | {"policy": "VARCHAR", "digest": "VARCHAR", "reason": "VARCHAR"}


def _fold(con: Connection, batch: Batch) -> None:
    rows = []
    for seq, fact in batch.of(PolicyAdopted):
        try:
            policy = from_document(fact.policy)
        except PolicyError as error:
            batch.quarantine([seq], "invalid_policy", str(error))
            continue
        # Of the document as it was adopted: a newer version knows more fields and their defaults.
        if fact.digest not in (policy.digest, document_digest(fact.policy)):
            batch.quarantine([seq], "invalid_policy", f"its digest is {policy.digest}, but it claims {fact.digest}")
            continue
        document = json.encode(fact.policy, order="sorted").decode()
        rows.append((*envelope(seq, fact), document, fact.digest, fact.reason))
    insert(con, "policies", _COLUMNS, rows)


def current(con: Connection) -> Policy:
    """The policy that holds after the facts folded so far."""
    row = first(con, "SELECT policy FROM policies ORDER BY seq DESC LIMIT 1")
    return _adopted(row[0]) if row else default()


def suppose(con: Connection, policy: Policy) -> None:
    """Let a policy hold that nobody adopted, instead of all that were: only where nothing is judged yet."""
    con.execute("DELETE FROM policies")
    now = checkpoint(con)
    document = json.encode(policy.document(), order="sorted").decode()
    row = (now.seq, "supposed", datetime.now(UTC), "-", None, document, policy.digest, "supposed, not adopted")
    insert(con, "policies", _COLUMNS, [row])


def last_seq(con: Connection) -> int:
    """The sequence of the adoption that holds; 0 where the shipped policy does."""
    row = first(con, "SELECT max(seq) FROM policies")
    return (row and row[0]) or 0


def history(con: Connection) -> dict[str, Any]:
    """Every adoption, the latest first, with its whole document; the shipped policy held before the first."""
    rows = con.execute(
        "SELECT seq, occurred_at, actor, digest, reason, policy FROM policies ORDER BY seq DESC"
    ).fetchall()
    return {
        "current": current(con).document(),
        "current_digest": current(con).digest,
        "adopted": [
            {
                "seq": seq,
                "occurred_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "actor": actor,
                "digest": digest,
                "reason": reason,
                "policy": json.decode(policy),
            }
            for seq, at, actor, digest, reason, policy in rows
        ],
        "shipped_digest": default().digest,
    }


@lru_cache(maxsize=4)
def _adopted(document: str) -> Policy:
    return from_document(json.decode(document))


POLICIES = Projection(name="policies", version=1, handles=(PolicyAdopted,), columns=_COLUMNS, key="seq", fold=_fold)
