"""The index of buckets: however it grew and whatever was taken away, it knows what one made anew knows."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from projections.texts import near_index
from projections.texts.near_duplicates import COLUMNS, Known
from projections.texts.near_index import Index


def made(rng: random.Random, seqs: list[int]) -> tuple[Any, Any, Any, Any]:
    """Representatives that share many buckets, some of which they are absent from."""
    keys = np.array([rng.randrange(3) for _ in seqs], np.uint32)
    banded = np.array([[rng.randrange(20) for _ in range(COLUMNS)] for _ in seqs], np.uint32).reshape(-1, COLUMNS)
    absent = np.array([rng.choice([0, 0, rng.getrandbits(COLUMNS), (1 << COLUMNS) - 1]) for _ in seqs], np.uint32)
    return np.array(seqs, np.int64), keys, banded, absent


def same(one: Known, other: Known) -> bool:
    return (*one.near, one.normals) == (*other.near, other.normals) and np.array_equal(one.taken, other.taken)


@pytest.mark.parametrize("seed", range(6))
def test_growing_and_forgetting_is_like_beginning_anew(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_index, "LEVELS", ((60, 8), (300, 4)))
    rng = random.Random(seed)
    index = Index()
    living: dict[int, list[Any]] = {}
    free = list(range(400))
    for _ in range(60):
        fresh = sorted(rng.sample(free[: rng.choice([8, 400])], k=min(len(free), rng.randrange(1, 8))))
        rows = made(rng, fresh)
        index.add(*rows, [f"words of {seq}" for seq in fresh])
        living |= {seq: [column[n : n + 1] for column in rows] for n, seq in enumerate(fresh)}
        gone = rng.sample(sorted(living), k=rng.randrange(min(4, len(living))))
        index.remove([*gone, 999])
        for seq in gone:
            del living[seq]
        free = [seq for seq in range(400) if seq not in living]
        anew = Index()
        order = sorted(living)
        if order:
            seqs, keys, banded, absent = (np.concatenate([living[seq][n] for seq in order]) for n in range(4))
            anew.add(seqs, keys, banded, absent, [f"words of {seq}" for seq in order])
        _, keys, banded, _ = made(rng, [0, 1, 2])
        assert same(index.known(keys, banded), anew.known(keys, banded))
        assert all((f"words of {seq}" + "w").encode() not in index._normals + b"w" for seq in gone)


def test_nothing_is_beyond_what_was_not_read() -> None:
    index = Index()
    assert not index.is_beyond([7])
