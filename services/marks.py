"""When something was last done to an installation, kept in its data directory: verified, backed up, found broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec

from .private_files import write_private

Deed = Literal["verified", "backed_up", "found_broken"]
DEEDS: tuple[Deed, ...] = get_args(Deed)


class Mark(msgspec.Struct, frozen=True):
    """Up to which sequence, with which running digest, and when (UTC, ISO 8601)."""

    seq: int
    log_digest: str
    at: str

    @property
    def age_seconds(self) -> float:
        """How long ago that was."""
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(self.at)).total_seconds())


def path(data_dir: Path, deed: Deed) -> Path:
    """The file of a mark."""
    return data_dir / f"{deed}.json"


def last(data_dir: Path, deed: Deed) -> Mark | None:
    """The last mark; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path(data_dir, deed).read_bytes(), type=Mark)
    except (OSError, msgspec.MsgspecError):
        return None


def remove(data_dir: Path, deed: Deed) -> None:
    """Forget that it was ever done."""
    path(data_dir, deed).unlink(missing_ok=True)


def set_mark(data_dir: Path, deed: Deed, seq: int, log_digest: str) -> Mark:
    """Remember that it was done now."""
    mark = Mark(seq, log_digest, datetime.now(UTC).isoformat(timespec="seconds"))
    write_private(path(data_dir, deed), msgspec.json.encode(mark))
    return mark
