"""The rules of curation in plain Python, example by example: small enough to be seen to be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct, structs

from events.earlier_turns import understood
from events.facts import (
    WITH_COMMENTS,
    CorrectionRecorded,
    Decision,
    Document,
    ExampleApproved,
    ExampleCaptured,
    ExampleDescribed,
    ExampleErased,
    ExampleRedacted,
    ExampleRejected,
    ExampleReopened,
    Fact,
    FeedbackGiven,
    PolicyAdopted,
    comments_of,
)
from projections.policy.policy import Policy, default, from_document
from projections.texts.contradictions import disagree
from projections.texts.near_duplicates import cluster
from projections.texts.text_size import READ

from .model_contexts import Against, Context, compared, gaps, in_context, question, replaced, words

GONE = {"superseded_by", "erased"}

Text = tuple[str, str]
"""Prompt and answer."""


class Example(Struct):
    """All that was said about one example, with its sequences."""

    id: str
    seq: int
    occurred_at: datetime
    source: str
    texts: list[Text]
    include: bool
    original: str = ""
    wrong: Text | None = None
    wrong_exactly: bool = False
    corrects: str | None = None
    was_corrected: bool = False
    document: Document | None = None
    feedback: tuple[int, str] | None = None
    decision: tuple[int, str] | None = None
    erased: bool = False
    actor: str | None = None
    untrusted: bool = False
    conversation: str | None = None
    follows: str | None = None
    gaps: set[str] = set()
    saw: str | None = None
    tags: tuple[str, ...] = ()
    project: str = "general"
    descriptions: list[ExampleDescribed] = []

    @property
    def is_correction(self) -> bool:
        return self.wrong is not None


class Verdict(Struct):
    """What the rules say of one example; `place` is the one in the review queue.

    `turns` are the examples whose texts stand before it.
    """

    reasons: set[str]
    approval: str | None
    superseded_by: str | None = None
    disputed_by: str | None = None
    duplicate_of: str | None = None
    contradicts: str | None = None
    place: int | None = None
    causes: set[str] = set()
    root: str = ""
    turns: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    project: str = "general"


class Analysis(NamedTuple):
    """What the text analysis says of one example, and whether its system text or a tool holds personal data."""

    score: int = 0
    context: int = 0
    personal_data: bool = False
    more_personal_data: bool = False
    flags: bool = False
    tags: tuple[str, ...] = ()

    def is_private(self, policy: Policy) -> bool:
        return self.personal_data or (self.more_personal_data and policy.filters.personal_data_of_turn is True)


def judge(facts: Iterable[tuple[int, Fact]], analysed: Mapping[str, Analysis]) -> dict[str, Verdict]:
    """The verdict on every example."""
    facts = list(facts)
    examples, policy = _examples(facts), default()
    analysed = {example_id: analysed.get(example_id, Analysis()) for example_id in examples}
    thumbs: dict[str, list[tuple[int, FeedbackGiven]]] = {example_id: [] for example_id in examples}
    erased = {fact.example_id for _, fact in facts if isinstance(fact, ExampleErased)}
    erased |= _repeating_erased(facts, examples)
    gone = {example_id for example_id in examples if _is_erased(example_id, examples, erased)}
    reworded = _reworded(facts, gone)
    for seq, fact in _without_listed_comments(facts):
        about = None if seq in reworded else examples.get(fact.about)
        match fact:
            case PolicyAdopted():
                policy = from_document(fact.policy)
            case _ if about is None:
                pass
            case FeedbackGiven():
                thumbs[about.id].append((seq, fact))
            case ExampleApproved() | ExampleRejected():
                about.decision, about.saw = (seq, fact.verb), fact.context
            case ExampleReopened():
                about.decision = None
            case ExampleDescribed():
                about.descriptions.append(fact)
                about.include = about.include if fact.include_in_training is None else fact.include_in_training
                about.project = about.project if fact.project_context is None else fact.project_context
            case ExampleRedacted():
                about.texts.append((fact.prompt, fact.response))
                about.original = (fact.original_response or "") if about.is_correction else ""
                if fact.attachments is not None and not about.is_correction:
                    about.gaps = about.gaps - {"attachment"} | ({"attachment"} if fact.attachments else set())
    for example in examples.values():
        if example.id in gone:
            _forget(example)
        example.feedback = _last_thumb(example, thumbs[example.id])
    _forget_words(facts, examples)
    against = {example.id: _against(example, examples.values(), policy) for example in examples.values()}
    clusters = _clusters(examples, policy)
    contexts = in_context(examples, against, clusters, analysed, policy)
    verdicts = {e.id: _verdict(e, against[e.id], contexts[e.id], policy, analysed[e.id]) for e in examples.values()}
    if policy.duplicates.contradictions:
        _find_contradictions(_questions(examples, clusters, contexts), verdicts, contexts)
    questions = _questions(examples, clusters, contexts) if policy.duplicates.near else _exact(examples, contexts)
    _drop_duplicates(questions, verdicts)
    return verdicts


def _tags(example: Example, analysis: Analysis, policy: Policy) -> tuple[str, ...]:
    """What the author and the text say, and then what everybody added and removed."""
    if example.erased:
        return ("general",)
    tags = {policy.tag_name(tag) for tag in (*example.tags, *analysis.tags)}
    for fact in example.descriptions:
        tags -= {policy.tag_name(tag) for tag in fact.removed_tags}
        tags |= {policy.tag_name(tag) for tag in fact.added_tags} - {""}
    if policy.tags:
        tags -= {""}
    return tuple(sorted(tags)) or ("general",)


def _last_thumb(example: Example, thumbs: list[tuple[int, FeedbackGiven]]) -> tuple[int, str] | None:
    """The latest feedback, without what an untrusted author said for their own example."""
    of_others = [
        (seq, thumb.feedback)
        for seq, thumb in thumbs
        if not (thumb.untrusted and thumb.feedback == "positive" and thumb.actor == example.actor)
    ]
    return of_others[-1] if of_others else None


def _without_listed_comments(facts: list[tuple[int, Fact]]) -> Iterator[tuple[int, Fact]]:
    """Feedback and decisions that a tombstone lists, or that came after it, were never said."""
    tombstones = [(seq, fact) for seq, fact in facts if isinstance(fact, ExampleErased)]
    listed = {message.seq for _, fact in tombstones for message in fact.erased}
    since = {fact.example_id: seq for seq, fact in reversed(tombstones)}
    comments = FeedbackGiven | ExampleDescribed | Decision
    for seq, fact in facts:
        is_late = isinstance(fact, comments) and seq > since.get(fact.example_id, seq)
        if not is_late and not (isinstance(fact, WITH_COMMENTS) and seq in listed):
            yield seq, fact


def _reworded(facts: list[tuple[int, Fact]], gone: set[str]) -> set[int]:
    """What a redaction of an erased example has given another comment; without it the first one would come back."""
    said = dict(facts)
    return {
        new.seq
        for seq, fact in facts
        if isinstance(fact, ExampleRedacted) and fact.example_id in gone
        for new in fact.comments
        if new.seq < seq
        and isinstance(said.get(new.seq), FeedbackGiven | ExampleDescribed | Decision)
        and said[new.seq].about == fact.example_id
        and comments_of(said[new.seq])
    }


def _repeating_erased(facts: Iterable[tuple[int, Fact]], examples: Mapping[str, Example]) -> set[str]:
    """Examples that say words which were erased before."""
    texts: dict[int, list[tuple[str, str]]] = {}
    erased: dict[Text, set[str | None]] = {}
    ids = set()
    for seq, fact in facts:
        match fact:
            case ExampleCaptured() | ExampleRedacted():
                texts[seq] = [words(fact.prompt, fact.response)]
            case CorrectionRecorded():
                texts[seq] = [
                    words(fact.prompt, fact.corrected_response),
                    words(fact.original_prompt, fact.original_response),
                ]
            case ExampleErased():
                whole = [kept.seq for kept in fact.erased if kept.seq in texts and not kept.restated]
                for listed in whole:
                    erased.setdefault(texts[listed][0], set()).update(fact.kept)
        for each in (example for example in examples.values() if example.seq == seq):
            if any(text in erased and erased[text].isdisjoint((each.id, each.corrects)) for text in texts[seq]):
                ids.add(each.id)
    return ids


def _is_erased(example_id: str | None, examples: Mapping[str, Example], erased: set[str]) -> bool:
    """An example is erased with the one that it corrects, since it repeats its text."""
    seen: set[str] = set()
    while example_id is not None and example_id not in erased | seen:
        seen.add(example_id)
        example_id = examples[example_id].corrects if example_id in examples else None
    return example_id in erased


def _forget(example: Example) -> None:
    """Of an erased example nobody knows more than that it was there, and what it corrected."""
    example.erased, example.include, example.was_corrected, example.document = True, True, False, None
    example.actor, example.untrusted, example.gaps, example.project = None, False, set(), "general"
    if not example.is_correction:
        example.source = "erased"


def _forget_words(facts: Iterable[tuple[int, Fact]], examples: Mapping[str, Example]) -> None:
    """Of what an erased correction replaced, 0.1.0 kept the key of exactly the same text alone."""
    tombstones = [(seq, fact) for seq, fact in facts if isinstance(fact, ExampleErased)]
    listed = {kept.seq for _, fact in tombstones for kept in fact.erased}
    first = {
        kept.seq: kept for seq, fact in reversed(tombstones) for kept in fact.erased if kept.seq < seq not in listed
    }
    for example in examples.values():
        if example.erased and example.seq in first:
            example.wrong_exactly = first[example.seq].corrected_words is None


def _examples(facts: Iterable[tuple[int, Fact]]) -> dict[str, Example]:
    """The first capture or correction under each id."""
    examples: dict[str, Example] = {}
    for seq, said in facts:
        fact = understood(said) if type(said) is ExampleCaptured else said
        if type(fact) is ExampleCaptured:
            new = Example(
                fact.example_id, seq, fact.occurred_at, fact.source, [(fact.prompt, fact.response)],
                fact.include_in_training, was_corrected=fact.was_corrected, document=fact.document,
                actor=fact.actor, untrusted=fact.untrusted, conversation=fact.conversation, follows=fact.follows,
                gaps=gaps(fact), tags=fact.tags, project=fact.project_context,
            )  # fmt: skip
        elif isinstance(fact, CorrectionRecorded):
            new = Example(
                fact.event_id, seq, fact.occurred_at, "user_correction",
                [(fact.prompt, fact.corrected_response)], fact.include_in_training,
                original=fact.original_response,
                wrong=(fact.original_prompt, fact.original_response), corrects=fact.example_id,
                actor=fact.actor, untrusted=fact.untrusted, tags=fact.tags, project=fact.project_context,
            )  # fmt: skip
        else:
            continue
        examples.setdefault(new.id, new)
    return examples


def _against(example: Example, everything: Iterable[Example], policy: Policy) -> Against:
    """The correction that stands against an example, and the one that disputes it."""
    against = [other for other in everything if _supersedes(other, example, policy)]
    corrections = [other for other in against if not other.untrusted or _decision(other) == "approved"]
    disputes = [other for other in against if other.untrusted and other.decision is None]
    if example.decision and _decision(example) == "approved":
        disputes = [other for other in disputes if other.seq > example.decision[0]]
    return Against(_latest(corrections), _latest(disputes))


def _verdict(example: Example, against: Against, context: Context, policy: Policy, analysis: Analysis) -> Verdict:
    filters, thresholds = policy.filters, policy.relevance
    prompt, response = example.texts[-1]
    too_long = not example.erased and any(len(text) > READ for text in (prompt, response, example.original))
    score, near_field = context.relevance(example, analysis, policy)
    relevance = "low"
    if near_field >= thresholds.context and score >= thresholds.medium:
        relevance = "high" if score >= thresholds.high else "medium"
    worth = ["low", "medium", "high"]
    feedback = example.feedback[1] if example.feedback else None
    if is_past := context.is_past(example):
        example = structs.replace(example, decision=None)
    decision = _decision(example)
    is_disputed = against.disputed_by is not None and not (decision == "approved" and policy.review.disputed == "stand")
    basis = _approval(example, policy, feedback, decision)
    incomplete = policy.conversations.incomplete if policy.conversations else ()
    reasons = {
        "too_short": not example.erased
        and (
            (len(prompt) < filters.min_prompt_chars and not context.turns) or len(response) < filters.min_response_chars
        ),
        "low_relevance": not example.erased and worth.index(relevance) < worth.index(filters.min_relevance),
        "excluded_source": example.source in filters.excluded_sources,
        "excluded_by_author": not example.include,
        "personal_data": analysis.is_private(policy) and filters.exclude_personal_data,
        "superseded_by": against.superseded_by is not None or is_disputed or example.was_corrected,
        "erased": example.erased,
        "too_long": too_long,
        "incomplete": bool(context.causes & set(incomplete)),
        "rejected": decision == "rejected",
        "not_approved": decision != "rejected" and basis is None,
    }
    verdict = Verdict(
        reasons={name for name, holds in reasons.items() if holds},
        approval=None if decision == "rejected" else basis,
        superseded_by=against.superseded_by,
        disputed_by=against.disputed_by,
        causes=context.causes,
        root=context.root,
        turns=tuple(turn.id for turn in context.turns),
        tags=_tags(example, analysis, policy),
        project=example.project,
    )
    borderline = abs(near_field - thresholds.context) <= policy.review.borderline
    edge_case = analysis.is_private(policy) or analysis.flags or too_long or (basis is None and (borderline or is_past))
    verdict.place = _place(example, verdict, edge_case)
    if (
        decision == "approved"
        and is_disputed
        and verdict.reasons & GONE == {"superseded_by"}
        and not (against.superseded_by or example.was_corrected)
    ):
        verdict.place = 1
    return verdict


def _latest(corrections: list[Example]) -> str | None:
    return max(corrections, key=lambda other: other.seq).id if corrections else None


def _decision(example: Example) -> str | None:
    return example.decision[1] if example.decision else None


def _supersedes(correction: Example, example: Example, policy: Policy) -> bool:
    """A correction stands against the example it names, and against its wrong answer wherever that occurs.

    Only a later correction stands against the words of another one: people may change their minds.
    """
    if not correction.is_correction:
        return False
    if correction.corrects == example.id:
        return True
    if example.erased or correction.id == example.id:
        return False
    texts = [compared(example.texts[n], policy) for n in (0, -1)]
    return replaced(correction, policy) in texts and (not example.is_correction or correction.seq > example.seq)


def _approval(example: Example, policy: Policy, feedback: str | None, decision: str | None) -> str | None:
    rules, document = policy.approval, example.document
    if decision == "approved":
        return "reviewer"
    if feedback == "positive" and rules.positive_feedback:
        return "feedback"
    if feedback == "negative" or example.untrusted:
        return None
    if example.source in rules.trusted_sources:
        return "trusted_source"
    if document and document.was_used and document.modifications_made in rules.used_documents:
        return "use"
    return None


def _place(example: Example, verdict: Verdict, edge_case: bool) -> int | None:
    """1 correction, 2 negative feedback, 4 edge case, 5 not reviewed; new topics depend on the whole training set."""
    complained = example.feedback is not None and example.feedback[1] == "negative"
    since = example.feedback if example.feedback is not None and complained else None
    settled = example.decision is not None and not (since is not None and since > example.decision)
    if settled or verdict.reasons & {"superseded_by", "erased"}:
        return None
    if example.is_correction:
        return 1
    if verdict.reasons & {"low_relevance", "excluded_source", "excluded_by_author"}:
        return None
    if complained:
        return 2
    if "too_short" in verdict.reasons or (verdict.approval is not None and not edge_case):
        return None
    return 4 if edge_case else 5


def _clusters(examples: Mapping[str, Example], policy: Policy) -> dict[str, str]:
    """By example the one that represents its near-duplicates: all prompts in one pass, in the order of the log."""
    asking = sorted((e for e in examples.values() if not e.erased), key=lambda example: example.seq)
    links = cluster([question(example)[:READ] for example in asking], policy.likeness)
    of = {e.id: e.id if link is None else asking[link].id for e, (link, _) in zip(asking, links, strict=True)}
    return {example_id: of.get(example_id, example_id) for example_id in examples}


def _questions(
    examples: Mapping[str, Example], clusters: Mapping[str, str], contexts: Mapping[str, Context]
) -> list[list[Example]]:
    """Examples by their question: near-duplicates of prompt and context."""
    asked: dict[Any, list[Example]] = {}
    for example in examples.values():
        asked.setdefault((*contexts[example.id].asked, clusters[example.id]), []).append(example)
    return list(asked.values())


def _exact(examples: Mapping[str, Example], contexts: Mapping[str, Context]) -> list[list[Example]]:
    asked: dict[Any, list[Example]] = {}
    for example in examples.values():
        asked.setdefault((*contexts[example.id].exactly, question(example)), []).append(example)
    return list(asked.values())


def _best_first(same: Iterable[Example], verdicts: Mapping[str, Verdict]) -> list[Example]:
    """Correction, approved, liked, trusted; then the newest."""
    key = lambda example: (_rank(example, verdicts[example.id]), example.occurred_at, example.seq)  # noqa: E731
    return sorted(same, key=key, reverse=True)


def _find_contradictions(
    questions: list[list[Example]], verdicts: dict[str, Verdict], contexts: Mapping[str, Context]
) -> None:
    """Each answer that may be trained on against the best one, and that one against the next best."""
    for same in questions:
        contenders = _best_first((e for e in same if verdicts[e.id].reasons <= {"not_approved"}), verdicts)
        for example in contenders:
            answer, verdict = example.texts[-1][1], verdicts[example.id]
            others = contenders[1:] if example is contenders[0] else contenders[:1]
            verdict.contradicts = next((o.id for o in others if disagree(answer, o.texts[-1][1])), None)
            undecided = example.decision is None or contexts[example.id].is_past(example)
            if verdict.contradicts and undecided and verdict.place in (None, 5):
                verdict.place = 4


def _drop_duplicates(questions: list[list[Example]], verdicts: dict[str, Verdict]) -> None:
    """Keep the best example of each question."""
    for same in questions:
        kept = _best_first((e for e in same if not verdicts[e.id].reasons), verdicts)
        for example in kept[1:]:
            verdicts[example.id].duplicate_of = kept[0].id
            verdicts[example.id].reasons.add("duplicate_of")


def _rank(example: Example, verdict: Verdict) -> int:
    if example.is_correction or (example.source == "verified_correction" and not example.untrusted):
        return 4
    return {"reviewer": 3, "feedback": 2}.get(verdict.approval or "", 1)
