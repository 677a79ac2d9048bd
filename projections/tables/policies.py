"""Policies: every adopted policy; the latest one holds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
from msgspec import json

from events.facts import PolicyAdopted

from ..policy.policy import Policy, PolicyError, default, document_digest, from_document
from ..store.batch import Batch
from ..store.checkpoint import checkpoint
from ..store.database import Connection, by_column, first, insert
from ..store.projection import ENVELOPE, Projection, envelope

ADOPTIONS = 50
"""Adoptions that are listed at most, the newest."""

_COLUMNS = ENVELOPE | {"policy": "VARCHAR", "digest": "VARCHAR", "reason": "VARCHAR"}


def _rows(batch: Batch) -> pa.Table | None:
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
    return by_column(_COLUMNS, rows) if rows else None


def is_adopted(con: Connection) -> bool:
    """Whether any policy was adopted: until then the shipped one holds."""
    return _count(con) > 0


def current(con: Connection) -> Policy:
    """The policy that holds after the facts folded so far."""
    row = first(con, "SELECT arg_max(digest, seq) FROM policies")
    if row is None or row[0] is None:
        return default()
    policy = _KNOWN.get(row[0])
    if policy is None:
        document = con.execute("SELECT policy FROM policies ORDER BY seq DESC LIMIT 1").fetchall()[0][0]
        policy = from_document(json.decode(document))
        _KNOWN.clear()
        _KNOWN[row[0]] = policy
    return policy


_KNOWN: dict[str, Policy] = {}
"""The policy that held last, by its digest: a document with its lexicon takes milliseconds to read."""


def suppose(con: Connection, policy: Policy) -> None:
    """Replace all adopted policies by a policy that nobody adopted; only before anything is judged."""
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


def adoptions(con: Connection, *, limit: int = ADOPTIONS, after: int | None = None) -> dict[str, Any]:
    """The settings that hold, and who adopted what, the latest first, with what each adoption changed: no documents.

    `after` goes on, None at the end.
    """
    limit = max(1, min(limit, ADOPTIONS))
    rows = con.execute(
        f"""SELECT seq, occurred_at, actor, digest, reason, policy FROM policies WHERE ? IS NULL OR seq < ?
            ORDER BY seq DESC LIMIT {limit + 1}""",
        [after, after],
    ).fetchall()
    policy = current(con)
    holding = policy.document()
    lexicon = holding.pop("lexicon")
    before = [row[5] for row in rows[1:]] + [None]  # where more are listed before it, the first of all is not
    return {
        "digest": policy.digest,
        "settings": holding,
        "terms": len(lexicon["terms"]),
        "adopted": [
            {"seq": seq, "occurred_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "actor": actor, "digest": digest, "reason": reason}
            | _changed(earlier, adopted)
            for (seq, at, actor, digest, reason, adopted), earlier in zip(rows[:limit], before, strict=False)
        ],
        "total": _count(con),
        "after": rows[limit - 1][0] if len(rows) > limit else None,
        "shipped_digest": default().digest,
        "checkpoint": checkpoint(con).seq,
    }


def document(con: Connection, *, digest: str) -> dict[str, Any] | None:
    """A policy of the history, the shipped one or the one that holds, by (the start of) its digest; None for others."""
    row = first(con, "SELECT digest, policy FROM policies WHERE starts_with(digest, ?) ORDER BY seq DESC", [digest])
    if row is not None:
        return {"digest": row[0], "policy": json.decode(row[1])}
    if default().digest.startswith(digest):
        return {"digest": default().digest, "policy": default().document()}
    return None


def differences(now: dict[str, Any], then: dict[str, Any]) -> list[dict[str, Any]]:
    """Every setting and every lexicon entry in which two policies differ; None where one of them lacks it."""
    flat_now, flat_then = (dict(_flat(json.decode(json.encode(document)))) for document in (now, then))
    return [
        {"setting": name, "now": flat_now.get(name), "then": flat_then.get(name)}
        for name in sorted(flat_now.keys() | flat_then.keys())
        if flat_now.get(name) != flat_then.get(name)
    ]


def settings(document: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Section, name and value of everything in a document but the lexicon."""
    return [
        (section, name, value)
        for section, fields in document.items()
        if section != "lexicon"
        for name, value in fields.items()
    ]


def _flat(document: dict[str, Any]) -> list[tuple[str, Any]]:
    lexicon = document["lexicon"]
    flat = [(f"{section}.{name}", value) for section, name, value in settings(document)]
    flat += [(f"lexicon.{term['term']}", term) for term in lexicon["terms"]]
    flat += [(f"lexicon.{kind}.{word}", word) for kind in ("rivals", "ignored") for word in lexicon[kind]]
    return flat


@lru_cache(maxsize=ADOPTIONS)
def _changed(before: str | None, after: str) -> dict[str, Any]:
    """What an adoption changed: every setting, and how many entries of the lexicon."""
    earlier = default().document() if before is None else json.decode(before)
    changed = differences(earlier, json.decode(after))
    changes = [change for change in changed if not change["setting"].startswith("lexicon.")]
    return {"changes": changes, "lexicon_changes": len(changed) - len(changes)}


def _count(con: Connection) -> int:
    row = first(con, "SELECT count(*) FROM policies")
    return row[0] if row else 0


POLICIES = Projection(name="policies", version=1, handles=(PolicyAdopted,), columns=_COLUMNS, key="seq", rows=_rows)
