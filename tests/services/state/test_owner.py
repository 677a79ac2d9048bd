"""The owner of the tables folds what arrives in pieces that end soon."""

from __future__ import annotations

from itertools import pairwise

import hypothesis
from hypothesis import strategies as st

from events.message import Message
from services.state import owner


@hypothesis.given(sizes=st.lists(st.integers(0, 2 * owner.BATCH_BYTES), max_size=9))
def test_no_more_bytes_are_folded_together_than_may_be(sizes: list[int]) -> None:
    whole = bytes(2 * owner.BATCH_BYTES)
    messages = [Message(seq, "training.x", whole[:size]) for seq, size in enumerate(sizes, 1)]
    portions = list(owner.portions(messages))
    assert [message for portion in portions for message in portion] == messages
    for portion in portions:
        assert len(portion) == 1 or sum(len(message.data) for message in portion) <= owner.BATCH_BYTES
    for one, next_one in pairwise(portions):
        assert sum(len(message.data) for message in one) + len(next_one[0].data) > owner.BATCH_BYTES
