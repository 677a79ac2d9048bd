"""Files of batches: what is read is what was written; `Story.projector` folds every story from one, too."""

from __future__ import annotations

from io import BytesIO

import pytest
from msgspec.structs import replace

from projections.fold import batch_file
from projections.fold.projector import prepare
from projections.store.batch import Batch

from ..given import Erase, captured, corrected, fold, fold_sealed, given, junk, liked

STORY = given(
    captured("a", "Who is Kowalczyk77?"),
    captured("b"),
    corrected("b"),
    liked("b"),
    captured("b", "Again?"),
    junk(),
    Erase("a"),
).when(captured("c"))
NO_TEXT = junk("training.example.captured.\udcff.e")


def written(*batches: Batch) -> BytesIO:
    file = BytesIO()
    for batch in batches:
        batch.follow(b"before")
        batch_file.write(file, batch, batch.messages)
    return file


def test_batches_come_back_as_they_were_written() -> None:
    batches = [prepare(STORY.left[:3]), prepare(STORY.when(NO_TEXT).left[3:])]
    again = list(batch_file.read(written(*batches)))
    assert len(again) == 2
    for one, other in zip(batches, again, strict=True):
        assert (one.first, one.last, one.last_subject) == (other.first, other.last, other.last_subject)
        assert (one.messages, one.entries, one.rows) == (other.messages, other.entries, other.rows)
        assert (one.quarantined, one.log_digest) == (other.quarantined, other.log_digest)
        assert [replace(message, received_ns=0) for message in one.erased] == other.erased
    assert again[0].erased
    assert {quarantined.category for batch in again for quarantined in batch.quarantined} == {"malformed"}


def test_only_messages_that_are_set_aside_are_kept() -> None:
    (batch,) = batch_file.read(fold_sealed(fold([]), [STORY.messages]))
    assert batch.messages["seq"].to_pylist() == [5, 7], "a second capture, and a tombstone, which may be wrong"
    assert b"Again?" in batch.messages["data"][0].as_py()
    assert [quarantined.seq for quarantined in batch.quarantined] == [6]


def test_the_decoder_is_the_code_that_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = batch_file.decoder()
    assert batch_file.decoder.__wrapped__() == now
    monkeypatch.setattr(batch_file, "version", lambda _: "another")
    assert batch_file.decoder.__wrapped__() != now
