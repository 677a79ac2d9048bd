"""The manifest: what an export holds, which facts and policy it was made from, and the digest that names it."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import msgspec
from msgspec import UNSET, UnsetType

from projections.policy.policy import Relevance
from projections.queries.training_set import TrainingSet

from .formats import ROOT

FORMAT = 3
"""Raise it when the same training set is written in another way: an export is then made anew."""

MANIFEST = "manifest.json"
LINEAGE = "lineage.parquet"
LATEST = "latest.json"
ROOT_FILE = "training_conversations.jsonl"
"""The name under which the deployed trainer looks for its data in the volume's root."""

SFT_TRAIN = f"{ROOT.paths['train']}.jsonl"
"""What the root file holds: the trainer takes no evaluation set, so it must not see one."""


class File(msgspec.Struct, frozen=True):
    """One file of an export; `rows` is 0 for what has none."""

    sha256: str
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The export of facts `first_seq` to `last_seq` under a policy; `counts` are rows by format and split.

    `straddling` is that of the training set, see there.
    """

    format: int
    software: str
    libraries: dict[str, str]
    first_seq: int
    last_seq: int
    log_digest: str
    policy_digest: str
    min_relevance: Relevance
    examples: int
    counts: dict[str, dict[str, int]]
    files: dict[str, File]
    straddling: int | UnsetType = UNSET

    def encode(self) -> bytes:
        """The bytes of `manifest.json`, whose SHA-256 names the export."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """What `latest.json` says: which export the root file holds the training rows of."""

    digest: str
    manifest: str
    root: str
    root_sha256: str
    rows: int


def made(head: TrainingSet, counts: dict[str, dict[str, int]], files: dict[str, File]) -> Manifest:
    """The manifest of an export of this training set."""
    return Manifest(
        format=FORMAT,
        software=f"rooflog {version('rooflog-server')}",
        libraries={name: version(name) for name in ("duckdb", "pyarrow")},
        first_seq=1,
        last_seq=head.checkpoint,
        log_digest=head.log_digest,
        policy_digest=head.policy_digest,
        min_relevance=head.min_relevance,
        examples=head.funnel["unique"],
        counts=counts,
        files=files,
        straddling=head.straddling,
    )


def digest_of(data: bytes) -> str:
    """The digest that names an export, of the bytes of its manifest."""
    return hashlib.sha256(data).hexdigest()


def directory_of(digest: str) -> str:
    """Where an export lies on a volume."""
    return f"exports/{digest}"


def latest_of(digest: str, manifest: Manifest) -> Latest:
    """What `latest.json` says about an export."""
    train = manifest.files[SFT_TRAIN]
    return Latest(
        digest=digest,
        manifest=f"{directory_of(digest)}/{MANIFEST}",
        root=ROOT_FILE,
        root_sha256=train.sha256,
        rows=train.rows,
    )
