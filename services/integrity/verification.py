"""Verification: the log as it is now against its running digest, as the projector and every export recorded it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Literal

from msgspec import Struct, field

from events import digest_chain
from events.errors import InvalidFact
from events.facts import ExampleRestated, TrainingSetExported
from events.log.log import Log
from events.message import Message, Tombstones, restated, restored
from events.subjects import EXPORTS, RESTATEMENTS
from projections.tables.digest_chain import ENTRY_BYTES

from ..exporter import publication
from ..marks import Mark
from ..state.client import State
from ..state.protocol import Progress
from ..volume import Volume

READ = 10_000

Kind = Literal["changed", "missing", "inserted", "moved", "export", "record", "tombstone", "restatement"]


class Anchor(Struct, frozen=True):
    """A running digest that was published: the log had it after `seq`, says `name`."""

    name: str
    seq: int
    log_digest: str


class Problem(Struct, frozen=True):
    """What is wrong with sequences `seq` to `last`."""

    seq: int
    last: int
    kind: Kind
    detail: str


class Finding(Struct):
    """What a verification found; `first` to `last` were read.

    `wrong_tombstones` and `wrong_restatements` are on the log and count for nothing.
    `unrecorded` messages were said after the projector last looked: only exports can tell whether they were changed.
    """

    first: int
    last: int
    messages: int = 0
    erased: int = 0
    unrecorded: int = 0
    unfinished: list[int] = field(default_factory=list)
    wrong_tombstones: list[Problem] = field(default_factory=list)
    wrong_restatements: list[Problem] = field(default_factory=list)
    log_digest: str = ""
    exports: list[Anchor] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class _Record:
    """The entries that the projector had recorded when it was first asked, page by page in the order of the log.

    What it records while the log is read is left out: it would be compared with what was read before.
    """

    def __init__(self, state: State, after: int) -> None:
        self._state = state
        self._after = after
        self._is_asked = False
        self.entries: dict[int, bytes] = {}
        self.checkpoint = 0
        self.log_digest = ""

    async def reach(self, until: int) -> None:
        """Read the entries that are recorded up to a sequence."""
        while self._after < (min(until, self.checkpoint) if self._is_asked else until):
            page = await self._state.ask("chain", after=self._after)
            if not self._is_asked:
                self.checkpoint, self.log_digest = page["checkpoint"], page["log_digest"]
                self._is_asked = True
            data = base64.b64decode(page["entries"])
            for n, seq in enumerate(page["seqs"]):
                if seq <= self.checkpoint:
                    self.entries[seq] = data[n * ENTRY_BYTES : (n + 1) * ENTRY_BYTES]
            if not page["seqs"]:
                return
            self._after = page["seqs"][-1]

    async def rest(self) -> dict[int, bytes]:
        """Every recorded entry that was not taken yet."""
        await self.reach(2**63 - 1)
        return self.entries


async def verify(
    log: Log,
    state: State,
    *,
    since: Mark | None = None,
    published: Iterable[Anchor] = (),
    report: Progress | None = None,
) -> Finding:
    """Recompute the running digest and name every sequence that is not what it was.

    `since` goes on from an earlier verification; `published` are digests from outside, of manifests for instance, which
    are checked beside those that the log itself holds.
    """
    after = since.seq if since else 0
    record, until = _Record(state, after), await log.last_sequence()
    running = recorded = bytes.fromhex(since.log_digest) if since else digest_chain.START
    finding = Finding(after + 1, until)
    anchors = [*await exported(log), *published]
    digests: dict[int, bytes] = {after: recorded}
    wanted = {anchor.seq for anchor in anchors}
    expected: dict[int, bytes] = {}
    current: dict[int, bytes] = {}
    tombstones, gone = await log.tombstones(), await log.deleted()
    async for message in _messages(log, after, until, report):
        await record.reach(message.seq)
        entry = record.entries.pop(message.seq, None)
        finding.erased += message.erased is not None
        if not message.is_missing:
            finding.messages += message.erased is None
            running = digest_chain.link(running, message.seq, message.entry)
        if entry is not None:
            recorded = digest_chain.link(recorded, message.seq, entry)
        if message.is_missing or entry != message.entry:
            if entry is not None:
                expected[message.seq] = entry
            if not message.is_missing:
                current[message.seq] = message.entry
            elif entry is None:
                finding.problems.append(_missing(message.seq))
        if message.seq in wanted:
            digests[message.seq] = running
    rest = sorted((await record.rest()).items())
    now = await log.last_sequence()
    meanwhile = await log.those(seq for seq, _ in rest if until < seq <= now)
    for seq, entry in rest:
        recorded = digest_chain.link(recorded, seq, entry)
        if until < seq <= now and (seq not in meanwhile or meanwhile[seq].entry == entry):
            continue  # it was said meanwhile
        expected[seq] = entry
        if seq in meanwhile:
            current[seq] = meanwhile[seq].entry
    known = set(expected.values())
    differing = {seq: entry for seq, entry in current.items() if seq <= record.checkpoint or entry in known}
    finding.unrecorded = len(current) - len(differing)
    finding.problems += differences(expected, differing)
    if record.log_digest and recorded.hex() != record.log_digest:
        finding.problems.append(
            Problem(after + 1, record.checkpoint, "record", "the projector's own record does not add up to its digest: "
                    "its database was changed by hand; `rooflog rebuild` makes it anew")
        )  # fmt: skip
    finding.exports = [anchor for anchor in anchors if anchor.seq in digests]
    finding.problems += _against(finding.exports, digests)
    finding.unfinished = sorted(tombstones.listed.keys() - gone)
    finding.wrong_tombstones = [_wrong_tombstone(seq, lists) for seq, lists in sorted(tombstones.wrong.items())]
    finding.wrong_restatements = await _wrong_restatements(log, tombstones)
    finding.log_digest = running.hex()
    return finding


async def exported(log: Log) -> list[Anchor]:
    """The running digests that the log's own export facts published."""
    anchors = []
    for message in await log.matching(EXPORTS):
        try:
            fact = message.fact()
        except InvalidFact:
            continue
        if isinstance(fact, TrainingSetExported):
            anchors.append(Anchor(f"export {fact.export_digest[:16]}", fact.last_seq, fact.log_digest))
    return anchors


async def manifested(volume: Volume) -> list[Anchor]:
    """The running digests in the manifests of exports on a volume, which nobody who changes the log need reach."""
    digests = {path.split("/")[1] for path in await volume.listing("exports")}
    manifests = [(digest, await publication.manifest_of(volume, digest)) for digest in sorted(digests)]
    return [Anchor(f"manifest of export {d[:16]}", m.last_seq, m.log_digest) for d, m in manifests if m is not None]


def differences(expected: Mapping[int, bytes], current: Mapping[int, bytes]) -> list[Problem]:
    """What became of each sequence whose entry is not the recorded one, neighbours with the same fate together.

    `expected` are the recorded entries and `current` those of the log; a message that was recorded under another
    sequence was moved.
    """
    recorded_at = {entry: seq for seq, entry in expected.items()}
    now_at = {entry: seq for seq, entry in current.items()}
    fates: list[tuple[int, Kind, int]] = []
    for seq in sorted({*expected, *current}):
        entry = current.get(seq)
        origin = recorded_at.get(entry) if entry is not None else None
        if origin is not None:
            fates.append((seq, "moved", origin - seq))
        elif entry is not None:
            is_new = seq not in expected or expected[seq] in now_at
            fates.append((seq, "inserted" if is_new else "changed", 0))
        if seq in expected and expected[seq] not in now_at and (entry is None or origin is not None):
            fates.append((seq, "missing", 0))
    return [_problem(*run) for run in _runs(fates)]


def _runs(fates: list[tuple[int, Kind, int]]) -> list[tuple[int, int, Kind, int]]:
    runs: list[tuple[int, int, Kind, int]] = []
    for kind in ("changed", "missing", "inserted", "moved"):
        for seq, what, offset in fates:
            if what != kind:
                continue
            if runs and runs[-1][1:] == (seq - 1, kind, offset) and kind == "moved":
                runs[-1] = (runs[-1][0], seq, kind, offset)
            else:
                runs.append((seq, seq, what, offset))
    return sorted(runs)


def _problem(seq: int, last: int, kind: Kind, offset: int) -> Problem:
    if kind == "missing":
        return _missing(seq)
    details = {
        "changed": "subject or payload is not what was recorded",
        "inserted": "nobody recorded this message; it was put in afterwards",
        "moved": f"recorded at {seq + offset:,}" + (f" to {last + offset:,}" if last > seq else ""),
    }
    return Problem(seq, last, kind, details[kind])


def _missing(seq: int) -> Problem:
    return Problem(seq, seq, "missing", "it is not on the log any more, and no tombstone says why")


def _wrong_tombstone(seq: int, lists: int) -> Problem:
    detail = f"it lists sequence {lists:,} under a subject or digest that is not its, and counts for nothing"
    return Problem(seq, seq, "tombstone", detail)


async def _wrong_restatements(log: Log, tombstones: Tombstones) -> list[Problem]:
    """The restatements that are not the capture which they name, without its copies."""
    wrong = []
    for message in await log.matching(RESTATEMENTS):
        try:
            fact = message.fact()
        except InvalidFact:
            continue
        if not isinstance(fact, ExampleRestated):
            continue
        held, listed = await log.at(fact.restates), tombstones.listed.get(fact.restates)
        is_right = held is not None and restated(held) == fact
        if held is None and listed is not None:
            is_right = restored(listed, message) is not listed
        if not is_right:
            detail = f"it is not what the log held at sequence {fact.restates:,}, and changes nothing"
            wrong.append(Problem(message.seq, message.seq, "restatement", detail))
    return wrong


def _against(anchors: Iterable[Anchor], digests: Mapping[int, bytes]) -> list[Problem]:
    """The published digests that the log does not have now; what is wrong lies after the last one that it has."""
    good = 0
    problems = []
    for anchor in sorted(anchors, key=lambda anchor: anchor.seq):
        if digests[anchor.seq].hex() == anchor.log_digest:
            good = anchor.seq
        else:
            detail = f"{anchor.name} was made when the log up to {anchor.seq:,} had another digest"
            problems.append(Problem(good + 1, anchor.seq, "export", detail))
    return problems


async def _messages(log: Log, after: int, until: int, report: Progress | None) -> AsyncIterator[Message]:
    async for messages in log.read(after, until, READ):
        for message in messages:
            yield message
        if report:
            report(messages[-1].seq - after, until - after)
