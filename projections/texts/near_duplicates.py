"""Near-duplicates: every prompt is linked to the earliest one that says the same in nearly the same words.

Two prompts are near-duplicates when their facts are equal, no word of one is replaced in the other, and the character
4-grams of their normal forms overlap. A prompt is linked to the earliest *representative* (a prompt that is
itself not linked) for which this was verified, never through a third one. Which pairs are verified is decided by
MinHash bands, 24 of 5 permutations (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3):
a pair with a similarity of 0.7 shares a band with probability 0.988, one of 0.8 with 0.9999.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from hashlib import shake_128
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..policy.policy import Likeness
from ..policy.rules import LATEST, Rules
from ..work.jobs import job
from ..work.workers import workers
from .normal_form import normalise
from .rewording import alike
from .vocabulary import VERSIONS
from .word_facts import facts

LIKENESS = Likeness(0.7, LATEST)
"""That of the shipped policy."""
PERMUTATIONS = 120
BANDS = 24
ROWS = PERMUTATIONS // BANDS

ALGORITHMS = {rules: f"minhash-u32-{PERMUTATIONS}x{BANDS}x{ROWS}-1 {wording}" for rules, wording in VERSIONS.items()}
"""What made a stored signature, by the version of the rules; raise its number when signatures or bands change, as the
golden vectors will tell."""

BUCKET = 16
"""Representatives that a bucket holds: the earliest ones. A later one is found through its other buckets."""

CANDIDATES = 8
"""Representatives against which a text is verified: those that share most buckets with it, then the earliest ones."""

BLOCK = 256
"""Texts whose signatures are made together."""

PERMUTED = 1 << 18
"""Permuted 4-grams that are made at a time, as many as the cache holds: of a long text few permutations."""

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]
Link = tuple[int | None, float]

COLUMNS = BANDS + 1
"""Buckets of a text: one in each band, and as the last one that of its words in any order."""

BITS = np.uint32(1) << np.arange(COLUMNS, dtype=np.uint32)


@lru_cache(maxsize=1 << 15)
def _grams(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(padded[n : n + 4] for n in range(len(padded) - 3))


def similarity(a: str, b: str) -> float:
    """Jaccard, 0 to 1, of the character 4-grams within the words of two normal forms; word order is no matter.

    Words of one letter have none: texts of nothing else are alike.
    """
    if len(a) + len(b) > LONG and (counted := _counted(a, b)) is not None:
        grams, of_b, every = counted
        return (grams + of_b - every) / every if every else 1.0
    grams_a: frozenset[str] = frozenset().union(*map(_grams, a.split(" ")))
    grams_b: frozenset[str] = frozenset().union(*map(_grams, b.split(" ")))
    shared = len(grams_a & grams_b)
    return shared / every if (every := len(grams_a) + len(grams_b) - shared) else 1.0


LONG = 20_000
"""Letters of two texts together from which on their 4-grams are sorted as numbers: few of their words are known."""

_LETTERS = 1 << 16
"""Different letters of two texts whose 4-grams are numbers of 64 bits."""


def _counted(a: str, b: str) -> tuple[int, int, int] | None:
    """How many 4-grams within words one text has, the other, and both together; None for more than _LETTERS letters."""
    letters = _letters(f" {a} ", f" {b} ")
    alphabet = np.flatnonzero(np.bincount(letters))
    if len(alphabet) > _LETTERS:
        return None
    numbers = np.zeros(alphabet[-1] + 1, np.uint64)
    numbers[alphabet] = np.arange(len(alphabet), dtype=np.uint64)
    coded = numbers[letters]
    inside = _inside(letters)
    grams = coded[inside]
    for n in (1, 2, 3):
        grams = grams << np.uint64(16) | coded[inside + n]
    of_a, of_b = np.split(grams, [np.searchsorted(inside, len(a) + 2)])
    one, other = _distinct(of_a), _distinct(of_b)
    return len(one), len(other), len(_distinct(np.concatenate([one, other])))


def _distinct(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = np.sort(values)
    is_first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_first[1:])
    return values[is_first]


def _letters(*padded: str) -> Words:
    """The letters of texts, each of which begins and ends with a space, one text after the other."""
    return np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)


def _inside(letters: Words) -> Numbers:
    """Where the 4-grams begin that lie within a word, a space before and behind it included.

    One reaches across words where one of its two inner letters is a space; across texts both are.
    """
    return np.flatnonzero((letters[1:-2] != ord(" ")) & (letters[2:-1] != ord(" ")))


def verified(a: str, b: str, likeness: Likeness = LIKENESS) -> float:
    """The similarity of two normal forms where they are near-duplicates, 0 where they are not; in any order."""
    a, b = sorted((a, b))
    threshold, rules = likeness
    if (spelt := alike(a, b, rules)) is None or (near := similarity(spelt, b)) < threshold:
        return 0.0
    return near if facts(a, rules) == facts(b, rules) else 0.0


_DRAWN = np.frombuffer(shake_128(b"near-duplicates").digest(8 * PERMUTATIONS), "<u4").astype(np.uint32)
_FACTORS, _OFFSETS = _DRAWN[:PERMUTATIONS, None] | np.uint32(1), _DRAWN[PERMUTATIONS:, None]
"""Columns of the permutations x -> factor * x + offset modulo 2^32, drawn once from SHAKE-128 (FIPS 202)."""


def mixed(x: Words) -> Words:
    """Every bit of 32 made to depend on every other one: the finaliser of MurmurHash3 (Appleby 2011)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def signature(normals: Sequence[str]) -> Words:
    """The MinHash of each normal form, a row of PERMUTATIONS numbers of 32 bits; the same on every machine.

    Of a text without a 4-gram, which has only words of one letter, they are the greatest there is.
    """
    signatures = np.full((len(normals), PERMUTATIONS), 0xFFFFFFFF, np.uint32)
    for start in range(0, len(normals), BLOCK):
        padded = [f" {normal} " for normal in normals[start : start + BLOCK]]
        letters = _letters(*padded)
        inside = _inside(letters)
        ends = np.cumsum([len(text) for text in padded])
        firsts = np.searchsorted(inside, np.concatenate(([0], ends[:-1])))
        rows = np.flatnonzero(np.diff(firsts, append=len(inside)))
        if not len(rows):
            continue
        grams = mixed(letters[inside])
        for n in (1, 2, 3):
            grams = mixed(grams * np.uint32(5) + letters[inside + n])
        step = max(1, PERMUTED // max(1, len(grams)))
        for n in range(0, PERMUTATIONS, step):
            permuted = _FACTORS[n : n + step] * grams + _OFFSETS[n : n + step]
            signatures[start + rows, n : n + step] = np.minimum.reduceat(permuted, firsts[rows], axis=1).T
    return signatures


@job("signatures")
def buckets(normals: Sequence[str]) -> Words:
    """The bucket of each normal form in each of the BANDS, and as the last one that of its words in any order."""
    banded = np.empty((len(normals), COLUMNS), np.uint32)
    for start in range(0, len(normals), BLOCK):
        rows = signature(normals[start : start + BLOCK]).reshape(-1, BANDS, ROWS)
        band = np.broadcast_to(np.arange(BANDS, dtype=np.uint32), rows.shape[:2])
        for n in range(ROWS):
            band = mixed(band * np.uint32(5) + rows[:, :, n])
        banded[start : start + len(rows), :BANDS] = band
    banded[:, BANDS] = [_crc(sorted(set(normal.split(" ")))) for normal in normals]
    return banded


def _crc(words: Sequence[str]) -> int:
    return zlib.crc32(" ".join(words).encode("utf-8", "surrogatepass"))


def facts_key(normal: str, rules: Rules = LATEST) -> int:
    """32 bits of the facts: only texts of one key are ever compared."""
    return _crc(sorted(facts(normal, rules)))


def _pairs(keys: Words, bucket: Words) -> npt.NDArray[np.uint64]:
    return keys.astype(np.uint64) << np.uint64(32) | bucket


def _shared(keys: Words, banded: Words) -> tuple[npt.NDArray[np.int32], int]:
    """For each text and band the number of its bucket, -1 where it is alone in it; and how many buckets there are."""
    numbers = np.empty(banded.shape, np.int32)
    count, total = len(keys), 0
    step = max(1, _AT_ONCE // max(1, count))  # bands at a time
    for start in range(0, COLUMNS, step) if count else ():
        pairs = _pairs(keys, banded[:, start : start + step].T)
        order = (pairs.argsort(axis=1) + count * np.arange(len(pairs))[:, None]).ravel()
        pairs = pairs.ravel()[order].reshape(pairs.shape)
        differs = np.ones((len(pairs), count + 1), np.bool_)  # from the one before; the end differs too
        np.not_equal(pairs[:, 1:], pairs[:, :-1], out=differs[:, 1:-1])
        is_first, is_last = differs[:, :-1], differs[:, 1:]
        begun = (is_first & ~is_last).cumsum(dtype=np.int32)
        bucket_of = np.empty(pairs.size, np.int32)
        bucket_of[order] = np.where((is_first & is_last).ravel(), np.int32(-1), begun + np.int32(total - 1))
        numbers[:, start : start + step] = bucket_of.reshape(pairs.shape).T
        total += int(begun[-1])
    return numbers, total


_AT_ONCE = 50_000
"""Buckets that are numbered at a time: all bands of few texts, one band after the other of many."""


class Known(NamedTuple):
    """What earlier texts mean for some texts.

    `near` are the representatives that share most buckets with each text, as often as they share one. `taken` is how
    many are in each of its buckets. `normals` are the normal forms of those representatives.
    """

    near: Sequence[list[int]]
    taken: npt.NDArray[np.int64]
    normals: dict[int, str]


def link_in_order(
    names: Sequence[int], normals: Sequence[str], keys: Words, banded: Words, likeness: Likeness, known: Known
) -> tuple[list[Link], Words]:
    """Link texts in their order, and say from which buckets each representative stays absent because they were full."""
    numbers, count = _shared(keys, banded)
    full = ((known.taken >= BUCKET) * BITS).sum(axis=1, dtype=np.uint32)
    members: list[list[int]] = [[] for _ in range(count + 1)]  # in the last one, which is -1, nobody ever is
    links: list[Link] = []
    normal_of = dict(known.normals)
    whole = {normal: name for name, normal in known.normals.items()}
    for row, (name, normal) in enumerate(zip(names, normals, strict=True)):
        in_bands = numbers[row].tolist()
        link: Link = (None, 0.0)
        if (same := whole.get(normal)) is not None:
            link = (same, 1.0)
        else:
            # What has the same words is a candidate, however many buckets were full when it came.
            near = [*chain.from_iterable(map(members.__getitem__, in_bands)), *members[in_bands[BANDS]] * BANDS]
            for candidate in _nearest(known.near[row] + near):
                if near_by := verified(normal, normal_of[candidate], likeness):
                    link = (candidate, near_by)
                    break
        links.append(link)
        if link[0] is None:
            whole[normal] = name
            normal_of[name] = normal
            taken = known.taken[row].tolist()
            lacks = 0
            for column, number in enumerate(in_bands):
                if number >= 0:
                    if len(bucket := members[number]) + taken[column] < BUCKET:
                        bucket.append(name)
                    else:
                        lacks |= 1 << column
            full[row] |= lacks
    return links, full


def _nearest(near: list[int]) -> list[int]:
    """The CANDIDATES that occur most often, the earlier ones first where they occur as often; in their order."""
    often = Counter(sorted(near))
    if len(often) <= CANDIDATES:
        return list(often)
    return sorted(sorted(often, key=often.__getitem__, reverse=True)[:CANDIDATES])


SHARES = 16
"""Parts in which many texts are linked side by side."""


def shares(keys: Words, banded: Words, count: int) -> list[list[int]]:
    """The texts in at most so many parts, no two of which share a bucket: each links as if it were alone.

    The largest groups of texts that hang together go into different parts.
    """
    if count == 1:
        return [list(range(len(keys)))] if len(keys) else []
    _, group, sizes = np.unique(_first_of_group(keys, banded), return_inverse=True, return_counts=True)
    share = np.empty(len(sizes), np.int64)
    share[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes)) % count
    share_of = share[group]
    order = np.argsort(share_of, kind="stable")
    return [part.tolist() for part in np.split(order, np.flatnonzero(np.diff(share_of[order])) + 1) if len(part)]


def _first_of_group(keys: Words, banded: Words) -> Numbers:
    """For each text the first text to which a chain of shared buckets leads."""
    numbers, count = _shared(keys, banded)
    numbers[numbers < 0] = count
    group = np.arange(len(keys))
    while True:
        before = group
        for bucket in numbers.T:
            first = np.full(count + 1, len(keys))
            np.minimum.at(first, bucket, group)
            first[count] = len(keys)  # of those that are alone
            group = np.minimum(group, first[bucket])
        np.minimum.at(group, before, group)  # what one of a group has learnt is known to all of it
        group = group[group]
        if np.array_equal(group, before):
            return group


class Share(NamedTuple):
    """A part of the texts, as `link_in_order` takes them."""

    names: Sequence[int]
    normals: Sequence[str]
    keys: Words
    banded: Words
    known: Known


@job("verified pairs")
def link_share(likeness: Likeness, share: Share) -> tuple[list[Link], Words]:
    """Link a part of the texts: see `link_in_order`."""
    names, normals, keys, banded, known = share
    return link_in_order(names, normals, keys, banded, likeness, known)


def cluster(prompts: Sequence[str], likeness: Likeness = LIKENESS, *, processes: int = 1) -> list[Link]:
    """For each prompt the index of the representative it is linked to and their similarity, or (None, 0.0).

    More processes than one link a million prompts sooner; the calling script must then be importable.
    """
    with workers(processes) as run:
        normals: list[str] = []
        keys, banded = [np.empty(0, np.uint32)], [np.empty((0, COLUMNS), np.uint32)]
        for normal, key, band in run(partial(_banded, likeness.rules), chunks(prompts)):
            normals += normal
            keys.append(key)
            banded.append(band)
        key, band = np.concatenate(keys), np.concatenate(banded)
        links: list[Link] = [(None, 0.0)] * len(normals)
        parts = shares(key, band, 1 if processes == 1 else SHARES)
        given = (
            Share(rows, [normals[row] for row in rows], key[rows], band[rows], nothing_known(len(rows)))
            for rows in parts
        )
        for rows, (linked, _) in zip(parts, run(partial(link_share, likeness), given), strict=True):
            for row, link in zip(rows, linked, strict=True):
                links[row] = link
    return links


CHUNK = 10_000
"""Texts that a process reads at a time."""


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts, so many at a time."""
    return (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))


def canonical(prompts: Sequence[str], rules: Rules) -> tuple[list[str], Words]:
    """The normal forms of prompts and the keys of their facts."""
    normals = [normalise(prompt, rules) for prompt in prompts]
    return normals, np.fromiter((facts_key(normal, rules) for normal in normals), np.uint32, len(normals))


@job("canonical forms and signatures")
def _banded(rules: Rules, prompts: Sequence[str]) -> tuple[list[str], Words, Words]:
    normals, keys = canonical(prompts, rules)
    return normals, keys, buckets(normals)


def nothing_known(count: int) -> Known:
    """What is known of so many texts when there are no earlier ones."""
    return Known([[]] * count, np.zeros((count, COLUMNS), np.int64), {})
